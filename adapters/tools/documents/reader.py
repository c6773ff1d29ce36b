"""A process for each document: it begins with nothing of ours, is confined where the kernel can, and ends with its document."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from adapters.tools.documents import worker
from adapters.tools.sandbox import cell
from adapters.tools.sandbox.cell import supervise
from app.ports.documents import Document, DocumentKind, Unreadable

AT_ONCE = 2
SECONDS = 30.0
"""Of wall clock, kept from outside; waiting for a turn does not count."""

BYTES = 50_000_000
_PER_CHARACTER = 12  # a character beyond the first plane, as JSON escapes it
_MORE = 8_192
_SILENT = 64 * 1024

_START = "import sys; sys.path += {places!r}; from worker import main; main.start({result}, {readable!r})"
_SLOW = "reading it took too long"
_BROKE = "reading it took more memory or time than a document may, or it is broken"


class Documents:
    """See DocumentReader. Nothing is kept between two documents: no process sees more than one."""

    def __init__(self, *, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._places = [str(Path(next(iter(package.__path__)))) for package in (worker, cell)]

    async def read(self, kind: DocumentKind, data: bytes, *, limit: int, url: str = "") -> Document:
        """See DocumentReader."""
        if not data:
            raise Unreadable("it is empty")
        if len(data) > BYTES:
            raise Unreadable(f"it is larger than {BYTES // 1_000_000} MB")
        head = json.dumps({"kind": kind.value, "limit": max(1, limit), "url": url}).encode()
        watch = supervise.Watch(self._seconds, _SILENT, max(1, limit) * _PER_CHARACTER + _MORE)
        async with self._turns:
            seen = await supervise.supervise(self._command, head + b"\n" + data, watch)
        if seen.cut == "timeout":
            raise Unreadable(_SLOW)
        return _document(seen.result)

    async def aclose(self) -> None:
        """See DocumentReader: each reading ends what it started."""

    def _command(self, result: int) -> list[str]:
        parents = [str(Path(place).parent) for place in self._places]
        start = _START.format(places=parents, result=result, readable=self._places)
        return [sys.executable, "-I", "-B", "-X", "utf8", "-c", start]


def _document(answer: bytes) -> Document:
    """What the process says, believed no more than the document itself."""
    try:
        told = json.loads(answer)
        if "why" in told:
            raise Unreadable(str(told["why"])[:200])
        return Document(str(told["text"]), str(told["title"]), cut=bool(told["cut"]))
    except (ValueError, KeyError, TypeError):
        raise Unreadable(_BROKE) from None

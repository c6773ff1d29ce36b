"""One document: limits first, then the library, then confinement, and only then what nobody trusts."""

from __future__ import annotations

import contextlib
import json
import logging
import mimetypes
import os
import sys
import warnings

from . import office, pages, sheets
from .texts import Full, NotRead, Text

MiB = 1024 * 1024
MEMORY = 640 * MiB
CPU_SECONDS = 20
_TITLE = 300
_ANYTHING = 250_000_000
"""Bytes that are read of a job at most: whoever asks has limits below."""


def start(result: int, places: list[str]) -> None:
    """Read the job on standard input, hand the answer back on this descriptor."""
    from cell import landlock  # type: ignore[import-not-found] # on the path of this process only, see reader.py

    if sys.platform == "linux":  # elsewhere whoever asked has a clock, and that is all
        landlock.limit(MEMORY, 0, processes=1, cpu_seconds=CPU_SECONDS)
    nothing = os.open("/dev/null", os.O_WRONLY)
    for noisy in (1, 2):
        os.dup2(nothing, noisy)
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    mimetypes.init([])  # a library asks for types, and the system's list of them is out of reach from here on
    with contextlib.suppress(
        OSError
    ):  # a kernel without Landlock: the limits hold, and nothing of ours is in this process
        landlock.confine(readable=places)
    head, _, data = sys.stdin.buffer.read(_ANYTHING).partition(b"\n")
    job = json.loads(head)
    answer = json.dumps(read(job["kind"], data, job["limit"], job["url"])).encode()
    with os.fdopen(result, "wb") as back:
        back.write(answer)


def read(kind: str, data: bytes, limit: int, url: str) -> dict[str, object]:
    """`text`, `title` and `cut`; or `why` there is none."""
    text, title, cut = Text(limit), "", False
    try:
        title = _read(kind, data, text, url)
    except Full:
        cut = True
    except NotRead as error:
        return {"why": str(error)}
    except MemoryError:
        return {"why": "reading it takes more memory than a document may"}
    except Exception:  # noqa: BLE001 - libraries raise anything where a file is broken
        return {"why": "it is broken, or not what its name says"}
    if not text.whole:
        return {"why": "there is no text in it"}
    return {"text": text.whole, "title": title[:_TITLE], "cut": cut}


def _read(kind: str, data: bytes, text: Text, url: str) -> str:
    match kind:
        case "pdf":
            return pages.pdf(data, text)
        case "html":
            return pages.html(data, text, url)
        case "docx":
            return office.docx(data, text)
        case "pptx":
            return office.pptx(data, text)
        case _:
            return sheets.xlsx(data, text)

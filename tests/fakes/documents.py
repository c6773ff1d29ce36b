"""A reader of documents in memory: a document is its kind's name, a line break, and the text."""

from __future__ import annotations

from app.ports.documents import Document, DocumentKind, Unreadable

MAGIC = {kind: b"%PDF-" if kind is DocumentKind.PDF else f"{kind.value}\n".encode() for kind in DocumentKind}


class FakeDocuments:
    """`read_so_far` lists what was asked for."""

    def __init__(self) -> None:
        self.read_so_far: list[DocumentKind] = []

    async def read(self, kind: DocumentKind, data: bytes, *, limit: int, url: str = "") -> Document:
        self.read_so_far.append(kind)
        text = data.removeprefix(MAGIC[kind])
        if text == data or b"\0" in data:
            raise Unreadable("it is broken")
        words = text.decode(errors="replace")
        if words.startswith("WITHOUT TEXT"):
            raise Unreadable("there is no text in it")
        if words.strip() == "1.4 and nothing else" or not words:
            raise Unreadable("it is broken")
        return Document(words[:limit], cut=len(words) > limit)

    async def aclose(self) -> None:
        """Nothing to end."""

"""Reading documents that nobody trusts."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


class DocumentKind(StrEnum):
    """What can be read."""

    PDF = "pdf"
    DOCX = "docx"
    XLSX = "xlsx"
    PPTX = "pptx"
    HTML = "html"


@dataclass(frozen=True, slots=True)
class Document:
    """What stands in it. `cut` says that there was more than was asked for."""

    text: str = field(repr=False)
    title: str = field(default="", repr=False)
    cut: bool = False


class Unreadable(Exception):
    """It can't be read; the message says why, in words that end a sentence: `it is protected by a password`."""


class DocumentReader(Protocol):
    """Text of documents, read in a process of its own with limits of time and memory."""

    async def read(self, kind: DocumentKind, data: bytes, *, limit: int, url: str = "") -> Document:
        """At most `limit` characters of readable text; for HTML the main text of a page, as Markdown. Raises Unreadable."""

    async def aclose(self) -> None:
        """End the process."""

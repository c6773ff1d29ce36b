"""What is in one file that a person sent: its bytes fetched, looked at, and read by whoever can."""

from __future__ import annotations

import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from app.domain.chat import FileRef
from app.domain.files import (
    DATA,
    DOCUMENT_BYTES,
    DOCUMENTS,
    IMAGE_BYTES,
    OLD_OFFICE,
    SOURCE_BYTES,
    TEXT_BYTES,
    FileKind,
    is_pdf,
    is_web_page,
    kind_by_bytes,
    kind_of,
    picture_type,
    suffix_of,
)
from app.errors import PlatformError
from app.ports.documents import DocumentKind, DocumentReader, Unreadable

Fetch = Callable[[FileRef, int], Awaitable[bytes]]
"""ChatPlatform.download within one workspace."""

Redact = Callable[[str], Awaitable[str]]

NOT_READ = "Latchkey does not read this kind of file, only pictures, PDF, Word, Excel and PowerPoint files, web pages and plain text"
OLD = "it is of a kind that Office wrote before 2007; saved as .docx, .xlsx or .pptx it can be read"
NO_PICTURE = "it is not a PNG, JPEG, GIF or WebP picture, whatever its name says"
NO_PDF = "it is not a PDF, whatever its name says"
NO_TEXT = "it is not text, whatever its name says"
WEB_PAGE = "it is a web page, perhaps one to sign in at, whatever its name says"
NOT_NOW = "the chat platform did not hand it over"

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]")
_LIMITS = {FileKind.TEXT: TEXT_BYTES, FileKind.IMAGE: IMAGE_BYTES}


@dataclass(frozen=True, slots=True)
class Content:
    """What is in a file: a picture, a PDF (`data`), a text, or else why it could not be read.

    A PDF for a model that reads PDFs has its text, or why there is none, besides. `read` says that the text was taken out of a document;
    `cut` that there was more of it.
    """

    file: FileRef
    picture: str = ""
    pdf: bool = False
    data: bytes = field(repr=False, default=b"")
    text: str | None = field(repr=False, default=None)
    read: bool = False
    cut: bool = False
    why_not: str = ""


class FileContents:
    """Reads files for one run. `pdfs` says that the model reads PDFs itself; `longest` is how much text of a document is wanted."""

    def __init__(self, fetch: Fetch, redact: Redact, reader: DocumentReader, *, pdfs: bool, longest: int) -> None:
        self._fetch = fetch
        self._redact = redact
        self._reader = reader
        self._pdfs = pdfs
        self._longest = longest

    async def of(self, file: FileRef, *, no_pictures: str = "") -> Content:
        """What is in it; `no_pictures` is why pictures are not even fetched."""
        kind = kind_of(file)
        if kind is FileKind.OTHER:
            return Content(file, why_not=OLD if suffix_of(file.name) in OLD_OFFICE else NOT_READ)
        if kind is FileKind.IMAGE and no_pictures:
            return Content(file, why_not=no_pictures)
        limit = _LIMITS.get(kind, DOCUMENT_BYTES)
        if file.size > limit:
            return _larger(file, limit)
        try:
            data = await self._fetch(file, limit)
        except PlatformError as error:  # those without a kind of their own say what it is about this file
            return Content(file, why_not=error.message.rstrip(".") if type(error) is PlatformError else NOT_NOW)
        nameless = kind is FileKind.UNKNOWN
        kind = kind_by_bytes(data) if nameless else kind
        if kind is FileKind.IMAGE:
            return _picture(file, data)
        if kind in DOCUMENTS and not (kind is FileKind.HTML and len(data) <= SOURCE_BYTES):
            return await self._document(file, kind, data)
        if kind is FileKind.OTHER:
            return Content(file, why_not=NOT_READ)
        if suffix_of(file.name) in DATA and is_web_page(data):
            return Content(file, why_not=WEB_PAGE)
        text = _decoded(data, named=not nameless)
        if text is None or len(data) > TEXT_BYTES:
            return Content(file, why_not=NOT_READ if nameless else NO_TEXT)
        return Content(file, text=await self._redact(text))

    async def _document(self, file: FileRef, kind: FileKind, data: bytes) -> Content:
        pdf = kind is FileKind.PDF
        if pdf and not is_pdf(data):
            return Content(file, why_not=NO_PDF)
        whole = pdf and self._pdfs
        try:
            found = await self._reader.read(DocumentKind(kind.value), data, limit=self._longest)
        except Unreadable as why:  # a model may see what stands in a picture of a page
            return Content(file, pdf=whole, data=data if whole else b"", why_not=str(why))
        text = await self._redact(found.text)
        whole = whole and text == found.text and not found.cut  # out of a PDF nothing can be taken, such as a key
        return Content(file, pdf=whole, data=data if whole else b"", text=text, read=True, cut=found.cut)


def _picture(file: FileRef, data: bytes) -> Content:
    picture = picture_type(data)
    if not picture:
        return Content(file, why_not=NO_PICTURE)
    return Content(file, picture, data=data) if len(data) <= IMAGE_BYTES else _larger(file, IMAGE_BYTES)


def _larger(file: FileRef, limit: int) -> Content:
    return Content(file, why_not=f"it is larger than {limit // 1000:,} kB")


def _decoded(data: bytes, *, named: bool) -> str | None:
    """The text; of files that are `named` as text also in the encodings that Excel and Notepad write."""
    text = _text(data, "utf-16" if data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else "utf-8-sig")
    if text is None and named:
        text = _text(data, "cp1252")
        text = None if text and _CONTROL.search(text) else text
    return None if text is None or "\0" in text else text


def _text(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return None

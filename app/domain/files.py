"""Which files can be read for an agent, and how much of them; pure."""

from __future__ import annotations

from enum import StrEnum
from pathlib import PurePosixPath

from app.domain.chat import FileRef

MOST_FILES = 8
"""Files that are looked at for one question: those on it first, then the newest of its thread."""

IMAGE_BYTES = 3_750_000
"""Of one picture: 5 MB in base64, which is what providers count and take."""

NATIVE_BYTES = 18_000_000
"""Of all pictures and PDFs that go to a model as they are: 24 MB in base64, below the 32 MB of the strictest provider's requests."""

TEXT_BYTES = 200_000
"""Of one text file; and the characters that are taken out of one document."""

DOCUMENT_BYTES = 15_000_000
"""Of one PDF, Office document or web page."""

SOURCE_BYTES = 20_000
"""Of a web page that is shown as it is written; of a longer one the main text is."""


class FileKind(StrEnum):
    """What a file is for us. UNKNOWN is what nothing is said of: its bytes tell."""

    IMAGE = "image"
    TEXT = "text"
    PDF = "pdf"
    DOCX = "docx"
    XLSX = "xlsx"
    PPTX = "pptx"
    HTML = "html"
    OTHER = "other"
    UNKNOWN = "unknown"


DOCUMENTS = frozenset({FileKind.PDF, FileKind.DOCX, FileKind.XLSX, FileKind.PPTX, FileKind.HTML})
"""Those that a library has to read; called as `app.ports.documents` calls them."""

_PICTURES = {".png", ".jpg", ".jpeg", ".gif", ".webp"}
_TEXTS = {
    ".bash", ".bat", ".c", ".cc", ".cfg", ".clj", ".cmake", ".conf", ".cpp", ".cs", ".css", ".csv", ".dart", ".diff", ".env", ".ex",
    ".exs", ".go", ".gradle", ".graphql", ".h", ".hpp", ".hs", ".ini", ".java", ".js", ".json", ".jsonl", ".jsx",
    ".kt", ".less", ".log", ".lua", ".m", ".md", ".mjs", ".ndjson", ".patch", ".php", ".pl", ".properties", ".proto", ".ps1", ".py",
    ".r", ".rb", ".rs", ".rst", ".scala", ".scss", ".sh", ".sql", ".srt", ".svg", ".swift", ".tex", ".tf", ".toml", ".ts", ".tsv",
    ".tsx", ".txt", ".vtt", ".vue", ".xml", ".yaml", ".yml", ".zig", ".zsh",
}  # fmt: skip
"""Names are asked first: platforms call a `.ts` a video and a `.csv` a workbook."""

_DOCUMENTS = {
    ".pdf": FileKind.PDF, ".docx": FileKind.DOCX, ".xlsx": FileKind.XLSX, ".xlsm": FileKind.XLSX, ".pptx": FileKind.PPTX,
    ".htm": FileKind.HTML, ".html": FileKind.HTML, ".xhtml": FileKind.HTML,
}  # fmt: skip

_OFFICE = "application/vnd.openxmlformats-officedocument"
_DOCUMENT_TYPES = {
    "application/pdf": FileKind.PDF,
    f"{_OFFICE}.wordprocessingml.document": FileKind.DOCX,
    f"{_OFFICE}.spreadsheetml.sheet": FileKind.XLSX,
    f"{_OFFICE}.presentationml.presentation": FileKind.PPTX,
    "text/html": FileKind.HTML,
    "application/xhtml+xml": FileKind.HTML,
}

OLD_OFFICE = frozenset({".doc", ".xls", ".ppt", ".dot", ".xlt", ".pps"})
DATA = frozenset({".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".yaml", ".yml", ".log"})
"""Texts that are never web pages, whatever is in them."""

_TEXT_TYPES = {
    "application/ecmascript", "application/javascript", "application/json", "application/ld+json", "application/sql", "application/toml",
    "application/x-ndjson", "application/x-sh", "application/x-yaml", "application/xml", "application/yaml", "image/svg+xml",
}  # fmt: skip


def suffix_of(name: str) -> str:
    """The end of a file's name, such as `.pdf`."""
    return PurePosixPath(name.lower()).suffix


def kind_of(file: FileRef) -> FileKind:
    """What a file is by what is said of it."""
    suffix, said = suffix_of(file.name), file.media_type.lower().partition(";")[0].strip()
    if suffix in _TEXTS or said in _TEXT_TYPES:
        return FileKind.TEXT
    if suffix in _PICTURES:
        return FileKind.IMAGE
    document = _DOCUMENTS.get(suffix) or _DOCUMENT_TYPES.get(said)
    if document:
        return document
    if said.startswith("image/"):
        return FileKind.IMAGE
    if said.startswith("text/") and said != "text/rtf":
        return FileKind.TEXT
    return FileKind.OTHER if suffix or said else FileKind.UNKNOWN


def kind_by_bytes(data: bytes) -> FileKind:
    """What a file is that nothing is said of; TEXT where it may be that, or nothing that we know."""
    if picture_type(data):
        return FileKind.IMAGE
    if data.startswith(_PDF):
        return FileKind.PDF
    if data.startswith(_ZIP):
        return next((kind for part, kind in _PARTS.items() if part in data), FileKind.OTHER)
    return FileKind.HTML if is_web_page(data) else FileKind.TEXT


def is_pdf(data: bytes) -> bool:
    """Whether a PDF begins here; some have a little before it."""
    return _PDF in data[:1024]


def is_web_page(data: bytes) -> bool:
    """Whether this begins as HTML does, such as the login page that some servers send in the place of a file."""
    return data[:200].lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith((b"<!doctype html", b"<html"))


_PDF, _ZIP = b"%PDF-", b"PK\x03\x04"
_PARTS = {
    b"word/document.xml": FileKind.DOCX,
    b"xl/workbook.xml": FileKind.XLSX,
    b"ppt/presentation.xml": FileKind.PPTX,
}


def picture_type(data: bytes) -> str:
    """The media type of a picture that models can look at, by its first bytes; empty for anything else."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    return "image/webp" if data[:4] == b"RIFF" and data[8:12] == b"WEBP" else ""


def harmless_name(name: str) -> str:
    """A file's name without folders and without anything that turns, hides or breaks a line."""
    bare = name.replace("\\", "/").rpartition("/")[2]
    kept = "".join(letter for letter in bare if letter.isprintable() and letter not in '<>:"|?*`')
    kept = " ".join(kept.split()).strip(" .")
    stem, suffix = kept[: -len(suffix_of(kept)) or None], kept[len(kept) - len(suffix_of(kept)) :]
    return f"{stem[:80]}{suffix[:12]}" or "file"


def sendable(name: str, data: bytes) -> str:
    """Why a file that an agent made is not sent to people; empty if it may be. What opens in a browser or runs could act on its own."""
    suffix = suffix_of(name)
    if suffix in _PICTURES:
        return "" if picture_type(data) else "it is not the picture that its name says"
    if suffix == ".pdf":
        return "" if is_pdf(data) else "it is not the PDF that its name says"
    if suffix in _OFFICE_NAMES:
        return "" if data.startswith(_ZIP) else "it is not the document that its name says"
    if suffix in _PLAIN:
        return "it is not text, as its name says" if b"\0" in data or is_web_page(data) else ""
    return "files of this kind are not sent; pictures, PDF, Office, CSV, JSON and text files are"


_OFFICE_NAMES = frozenset({".docx", ".xlsx", ".pptx"})
_PLAIN = DATA | {
    ".txt",
    ".md",
    ".py",
    ".sql",
    ".toml",
    ".ini",
    ".diff",
    ".patch",
    ".rst",
    ".tex",
    ".srt",
    ".vtt",
    ".ics",
}

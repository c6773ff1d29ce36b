"""Which files can be read for an agent, and how much of them; pure."""

from __future__ import annotations

from enum import StrEnum
from pathlib import PurePosixPath

from app.domain.chat import FileRef

MOST_FILES = 8
"""Files of one question that are looked at."""

IMAGE_BYTES = 3_750_000
"""Of one picture: 5 MB in base64, which is what providers count and take."""

ALL_IMAGES_BYTES = 18_000_000
"""Of a question's pictures together: 24 MB in base64, below the 32 MB of the strictest provider's requests."""

TEXT_BYTES = 200_000
"""Of one text file."""


class FileKind(StrEnum):
    """What a file is for us. UNKNOWN is what nothing is said of: its bytes tell."""

    IMAGE = "image"
    TEXT = "text"
    OTHER = "other"
    UNKNOWN = "unknown"


_PICTURES = {".png", ".jpg", ".jpeg", ".gif", ".webp"}
_TEXTS = {
    ".bash", ".bat", ".c", ".cc", ".cfg", ".clj", ".cmake", ".conf", ".cpp", ".cs", ".css", ".csv", ".dart", ".diff", ".env", ".ex",
    ".exs", ".go", ".gradle", ".graphql", ".h", ".hpp", ".hs", ".htm", ".html", ".ini", ".java", ".js", ".json", ".jsonl", ".jsx",
    ".kt", ".less", ".log", ".lua", ".m", ".md", ".mjs", ".ndjson", ".patch", ".php", ".pl", ".properties", ".proto", ".ps1", ".py",
    ".r", ".rb", ".rs", ".rst", ".scala", ".scss", ".sh", ".sql", ".srt", ".svg", ".swift", ".tex", ".tf", ".toml", ".ts", ".tsv",
    ".tsx", ".txt", ".vtt", ".vue", ".xml", ".yaml", ".yml", ".zig", ".zsh",
}  # fmt: skip
"""Names are asked first: platforms call a `.ts` a video and a `.csv` a workbook."""

_TEXT_TYPES = {
    "application/ecmascript", "application/javascript", "application/json", "application/ld+json", "application/sql", "application/toml",
    "application/x-ndjson", "application/x-sh", "application/x-yaml", "application/xml", "application/yaml", "image/svg+xml",
}  # fmt: skip


def kind_of(file: FileRef) -> FileKind:
    """What a file is by what is said of it."""
    suffix, said = PurePosixPath(file.name.lower()).suffix, file.media_type.lower().partition(";")[0].strip()
    if suffix in _TEXTS or said in _TEXT_TYPES:
        return FileKind.TEXT
    if suffix in _PICTURES or said.startswith("image/"):
        return FileKind.IMAGE
    if said.startswith("text/") and said != "text/rtf":
        return FileKind.TEXT
    return FileKind.OTHER if suffix or said else FileKind.UNKNOWN


def picture_type(data: bytes) -> str:
    """The media type of a picture that models can look at, by its first bytes; empty for anything else."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    return "image/webp" if data[:4] == b"RIFF" and data[8:12] == b"WEBP" else ""

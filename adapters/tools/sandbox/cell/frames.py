"""What passes between host, runner and cell: names with bytes, and nothing else. The other side is never believed.

Nothing is imported, since every import is time on every run.
"""

from __future__ import annotations

LONGEST_NAME = 120
META = "\0"
"""What no file's name begins with: so begin the names of all that is no file."""

CODE = META + "code"
PREFIX = 8
_SIZES = 6  # two bytes for a name's length, four for its data's


class BadFrame(Exception):
    """What came is not one of ours, or larger than agreed."""


def pack(entries: dict[str, bytes]) -> bytes:
    """One frame, with its length before it."""
    parts: list[bytes] = []
    for name, data in entries.items():
        written = name.encode()
        parts += (len(written).to_bytes(2, "big"), len(data).to_bytes(4, "big"), written, data)
    return b"".join((sum(map(len, parts)).to_bytes(PREFIX, "big"), *parts))


def length(prefix: bytes, most: int) -> int:
    """How much follows. Raises BadFrame if it is more than agreed."""
    found = int.from_bytes(prefix, "big")
    if len(prefix) != PREFIX or found > most:
        raise BadFrame("it is too long")
    return found


def unpack(body: bytes, *, most_files: int, most_bytes: int) -> dict[str, bytes]:
    """Its entries; files within these bounds, under names that are only names. Raises BadFrame."""
    entries, at, files = dict[str, bytes](), 0, 0
    while at < len(body):
        middle = at + _SIZES + int.from_bytes(body[at : at + 2], "big")
        end = middle + int.from_bytes(body[at + 2 : at + _SIZES], "big")
        if end > len(body):
            raise BadFrame("it is cut off")
        try:
            name = body[at + _SIZES : middle].decode()
        except UnicodeDecodeError:
            raise BadFrame("a name in it is none") from None
        if name in entries or not (name.startswith(META) or name == plain_name(name)):
            raise BadFrame("a name in it is none")
        if not name.startswith(META):
            files += 1
            if files > most_files or end - middle > most_bytes:
                raise BadFrame("it has too many files, or too large ones")
        entries[name] = body[middle:end]
        at = end
    return entries


def files_of(entries: dict[str, bytes]) -> dict[str, bytes]:
    """Those of the entries that are files."""
    return {name: data for name, data in entries.items() if not name.startswith(META)}


def plain_name(name: str, taken: dict[str, bytes] | None = None) -> str:
    """A name for a file in one folder: no path, nothing invisible, not hidden, not too long, and none of those taken."""
    kept = "".join(letter if letter.isprintable() and letter not in '/\\:*?"<>|' else "_" for letter in name)
    kept = kept.strip(" .") or "file"
    stem, dot, ending = kept.rpartition(".")
    stem, ending = (stem, dot + ending) if dot and len(ending) <= 10 else (kept, "")
    while len((stem + ending).encode()) > LONGEST_NAME:
        stem = stem[:-1].rstrip(" .")
    count, found = 1, stem + ending
    while taken and found in taken:
        count += 1
        found = f"{stem}-{count}{ending}"
    return found

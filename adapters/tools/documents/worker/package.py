"""Office files are zips of XML: looked through before a library opens them."""

from __future__ import annotations

import io
import zipfile

from .texts import NotRead

_UNPACKED = 120 * 1024 * 1024
_ENTRIES = 5_000
_CHUNK = 1024 * 1024
_OVERLAP = 16
_OLD = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_LOCKED = "EncryptedPackage".encode("utf-16-le")


def examine(data: bytes, part: str) -> None:
    """Raise NotRead for what is no office file with this part in it, or one that was made to do harm."""
    if data.startswith(_OLD):
        raise NotRead(
            "it is protected by a password"
            if _LOCKED in data
            else "it is of the kind that Office wrote before 2007; saved anew it can be read"
        )
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as opened:
            _look_through(opened, part)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError, ValueError, RuntimeError):
        raise NotRead("it is broken, or not what its name says") from None


def _look_through(opened: zipfile.ZipFile, part: str) -> None:
    entries = opened.infolist()
    # Python unpacks no more of an entry than the directory declares.
    if len(entries) > _ENTRIES or sum(entry.file_size for entry in entries) > _UNPACKED:
        raise NotRead("it is far larger unpacked than a document may be")
    if any(entry.flag_bits & 1 for entry in entries):
        raise NotRead("it is protected by a password")
    if part not in opened.namelist():
        raise NotRead("it is not what its name says")
    for entry in entries:
        if entry.filename.lower().endswith((".xml", ".rels")):
            _refuse_definitions(opened, entry)


def _refuse_definitions(opened: zipfile.ZipFile, entry: zipfile.ZipInfo) -> None:
    """No office program writes a document type; with one, a few bytes can stand for gigabytes, or for another file."""
    with opened.open(entry) as part:
        before = b""
        while chunk := part.read(_CHUNK):
            seen = before + chunk.replace(b"\0", b"")  # so that UTF-16 hides nothing
            if b"<!DOCTYPE" in seen or b"<!ENTITY" in seen:
                raise NotRead("it has definitions in its XML that no office program writes")
            before = seen[-_OVERLAP:]

"""Finding what must not be there: a text, in every disguise in which it could lie in a file."""

from __future__ import annotations

import base64
import contextlib
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote


def disguises(text: str) -> dict[str, bytes]:
    """The text as bytes, in every encoding that somebody may have found handy. Base64 in all three alignments."""
    plain = text.encode()
    found = {
        "plain": plain,
        "UTF-16": text.encode("utf-16-le"),
        "UTF-16, other end first": text.encode("utf-16-be"),
        "hex": plain.hex().encode(),
        "HEX": plain.hex().upper().encode(),
        "reversed": plain[::-1],
        "percent": quote(text).encode(),
        "JSON": json.dumps(text)[1:-1].encode(),
    }
    for shift in range(3):
        # What stands before and after is unknown: only the characters that it can't change are looked for.
        coded = base64.b64encode(b"\0" * shift + plain)
        middle = coded[-(-shift * 8 // 6) : len(coded) - 4]
        found[f"base64, shifted by {shift}"] = middle
        found[f"base64 for URLs, shifted by {shift}"] = middle.translate(bytes.maketrans(b"+/", b"-_"))
    return found


def found_in(files: Iterator[Path], texts: dict[str, str]) -> list[str]:
    """Where any of the named texts lies, in any disguise, also within compressed pieces; each as `name, disguise: file`."""
    hits = []
    needles = [(f"{name}, {how}", needle) for name, text in texts.items() for how, needle in disguises(text).items()]
    for file in files:
        content = file.read_bytes()
        for part, haystack in [("", content), *(("compressed, ", piece) for piece in _inflated(content))]:
            hits += [f"{what}: {part}{file.name}" for what, needle in needles if needle in haystack]
    return hits


def _inflated(content: bytes) -> Iterator[bytes]:
    """What zlib or gzip streams in these bytes unpack to."""
    for magic, bits in ((b"\x78\x01", 15), (b"\x78\x5e", 15), (b"\x78\x9c", 15), (b"\x78\xda", 15), (b"\x1f\x8b", 31)):
        at = content.find(magic)
        while at >= 0:
            with contextlib.suppress(zlib.error):
                yield zlib.decompressobj(bits).decompress(content[at:], 1 << 22)
            at = content.find(magic, at + 1)

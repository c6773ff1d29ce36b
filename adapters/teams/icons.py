"""The two icons that Teams asks of an app, drawn: a key whose bow is a speech bubble. Pure."""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Callable

Shape = Callable[[float, float], float]
"""The distance from a point to a shape, negative inside; the picture is 100 by 100."""

_NIGHT, _KEY, _GLOW = (31, 42, 68), (255, 255, 255), (245, 166, 35)


def color() -> bytes:
    """192 by 192, in full colour; Teams cuts the corners off, so the key keeps to the middle."""
    in_the_middle, dotted = _scaled(_key, 1.2), _scaled(_dot, 1.2)

    def pixel(x: float, y: float, blur: float) -> tuple[int, int, int, int]:
        key, dot = _cover(in_the_middle(x, y), blur), _cover(dotted(x, y), blur)
        mixed = [
            night + (white - night) * key * (1 - dot) + (glow - night) * dot
            for night, white, glow in zip(_NIGHT, _KEY, _GLOW, strict=True)
        ]
        red, green, blue = (round(one) for one in mixed)
        return red, green, blue, 255

    return _png(192, pixel)


def outline() -> bytes:
    """32 by 32, white on nothing, and as large as may be."""
    large = _scaled(_key, 0.86)

    def pixel(x: float, y: float, blur: float) -> tuple[int, int, int, int]:
        return 255, 255, 255, round(255 * _cover(large(x, y), blur))

    return _png(32, pixel)


def _key(x: float, y: float) -> float:
    bow = abs(_round_box(x - 36, y - 40, 20, 17, 9)) - 4.5  # a ring in the shape of a bubble
    tail = _triangle(x, y, (30.0, 59.0), (44.0, 59.0), (30.0, 71.0))
    shaft = _round_box(x - 72, y - 40, 17, 4.5, 2)
    bits = min(_round_box(x - 74, y - 48, 3.6, 8, 1.6), _round_box(x - 85, y - 48, 3.6, 8, 1.6))
    return min(bow, tail, shaft, bits)


def _dot(x: float, y: float) -> float:
    return math.hypot(x - 36, y - 40) - 6


def _scaled(shape: Shape, by: float) -> Shape:
    """The same around the middle of the picture, so much smaller."""
    return lambda x, y: shape(50 + (x - 50) * by, 46 + (y - 50) * by)


def _round_box(x: float, y: float, half_width: float, half_height: float, corner: float) -> float:
    across, down = abs(x) - half_width + corner, abs(y) - half_height + corner
    return math.hypot(max(across, 0), max(down, 0)) + min(max(across, down), 0) - corner


def _triangle(x: float, y: float, *corners: tuple[float, float]) -> float:
    """For corners in clockwise order."""
    sides = zip(corners, (*corners[1:], corners[0]), strict=True)
    return max(
        ((x - ax) * (by - ay) - (y - ay) * (bx - ax)) / math.hypot(bx - ax, by - ay) for (ax, ay), (bx, by) in sides
    )


def _cover(distance: float, blur: float) -> float:
    return min(max(0.5 - distance / blur, 0.0), 1.0)


def _png(size: int, pixel: Callable[[float, float, float], tuple[int, int, int, int]]) -> bytes:
    step = 100 / size
    rows = b"".join(
        b"\0" + b"".join(bytes(pixel((column + 0.5) * step, (row + 0.5) * step, step)) for column in range(size))
        for row in range(size)
    )
    header = struct.pack(">IIBBBBB", size, size, 8, 6, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*one) for one in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

"""The body of an answer, unpacked as it comes and cut off where it is more than anybody wants."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterable, Sequence

from app.ports.web import Refused

_GZIP = 16 + zlib.MAX_WBITS
_NOT_WANTED = "It is packed in a way that was not asked for, and is not unpacked."


def unpacker_for(headers: Sequence[tuple[bytes, bytes]]) -> Unpacker | None:
    """What unpacks a body with these headers; None for one that is not packed. Raises Refused for what is packed otherwise, or twice."""
    told = [value for name, value in headers if name.lower() == b"content-encoding"]
    names = [name.strip().lower() for value in told for name in value.split(b",")]
    packed = [name for name in names if name not in (b"", b"identity")]
    if not packed:
        return None
    if len(packed) > 1 or packed[0] not in (b"gzip", b"x-gzip", b"deflate"):
        raise Refused(_NOT_WANTED)
    return Unpacker(gzip=packed[0] != b"deflate")


class Unpacker:
    """Unpacks one stream, never more of it at once than there is room for."""

    def __init__(self, *, gzip: bool) -> None:
        self._gzip = gzip
        self._stream = zlib.decompressobj(_GZIP) if gzip else None

    def unpack(self, data: bytes, room: int) -> bytes:
        """What these bytes hold: `room` bytes at most, and one more where there is more. Raises Refused for what does not unpack."""
        if self._stream is None and data:  # `deflate` comes with zlib's two bytes before it, or bare
            self._stream = zlib.decompressobj(zlib.MAX_WBITS if data[0] & 0x0F == zlib.DEFLATED else -zlib.MAX_WBITS)
        made = bytearray()
        while data and self._stream is not None and len(made) <= room:
            if self._stream.eof:  # gzip files may stand one after the other; anything else after the end is nothing
                if not (self._gzip and data[:2] == b"\x1f\x8b"):
                    break
                self._stream = zlib.decompressobj(_GZIP)
            try:
                made += self._stream.decompress(data, room + 1 - len(made))
            except zlib.error:
                raise Refused("It is packed, and does not unpack.") from None
            data = self._stream.unconsumed_tail or self._stream.unused_data
        return bytes(made)


async def whole(stream: AsyncIterable[bytes], unpacker: Unpacker | None, limit: int) -> bytes:
    """All of the body. Raises Refused where it is more than `limit`, packed or unpacked."""
    body, came = bytearray(), 0
    async for data in stream:
        came += len(data)
        body += unpacker.unpack(data, limit - len(body)) if unpacker else data
        if len(body) > limit or came > limit:
            raise Refused(f"It is larger than {limit // 1024:,} KiB.")
    return bytes(body)

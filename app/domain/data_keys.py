"""What stands between a data key and its wrapping, the same for every key-encryption key: the context is inside the envelope too."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping

DATA_KEY_BYTES = 32
_VERSION = b"\x01"


def canonical(facts: Mapping[str, str]) -> bytes:
    """One text map as bytes, injective: no two different maps give the same."""
    parts = [len(facts).to_bytes(4)]
    for name in sorted(facts):
        for text in (name, facts[name]):
            encoded = text.encode()
            parts += [len(encoded).to_bytes(4), encoded]
    return b"".join(parts)


def bound(data_key: bytes, context: Mapping[str, str]) -> bytes:
    """What a wrapper encrypts: 0x01 ‖ data key ‖ SHA-256(context). Raises ValueError for a key of another length."""
    if len(data_key) != DATA_KEY_BYTES:
        message = "a data key has 32 bytes"
        raise ValueError(message)
    return _VERSION + data_key + hashlib.sha256(canonical(context)).digest()


def unbound(payload: bytes, context: Mapping[str, str]) -> bytes | None:
    """The data key of a decrypted payload, or None if it was bound to another context."""
    data_key = payload[1 : 1 + DATA_KEY_BYTES]
    if len(data_key) != DATA_KEY_BYTES or not hmac.compare_digest(payload, bound(data_key, context)):
        return None
    return data_key

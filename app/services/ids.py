"""Ids of our own making."""

from __future__ import annotations

import secrets
from datetime import datetime


def new_id(kind: str, now: datetime) -> str:
    """An id that nobody can guess and that sorts by when it was made: `key_0199…`."""
    return f"{kind}_{int(now.timestamp() * 1000):011x}{secrets.token_hex(5)}"

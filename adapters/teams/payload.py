"""Reading JSON that somebody else wrote: never raises, whatever it holds."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


def obj(value: Any) -> Json:
    """A JSON object, or an empty one."""
    return value if isinstance(value, dict) else {}


def items(value: Any) -> list[Any]:
    """A JSON array, or an empty one."""
    return value if isinstance(value, list) else []


def keepable(*ids: str) -> bool:
    """Whether every database takes these: no half of a surrogate pair, no NUL."""
    try:
        return b"\0" not in "".join(ids).encode()
    except UnicodeEncodeError:
        return False


def string(value: Any) -> str:
    """A JSON string, or an empty one."""
    return value if isinstance(value, str) else ""

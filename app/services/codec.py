"""Dataclasses of the domain to JSON and back, for what is sealed and for what a journal remembers."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import TypeAdapter

from app.domain.run import Json

T = TypeVar("T")

_ADAPTERS: dict[Any, TypeAdapter[Any]] = {}
"""Made on first use, one per class."""


def dump(value: object) -> Json:
    """Plain JSON of a dataclass."""
    plain: Json = _adapter(type(value)).dump_python(value, mode="json")
    return plain


def load(kind: type[T], plain: object) -> T:
    """The dataclass again. Raises ValueError for what is not one."""
    value: T = _adapter(kind).validate_python(plain)
    return value


def clean(text: str) -> str:
    """The text with pairs of surrogates joined and lone ones replaced: some JSON has them, no UTF-8 does."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _adapter(kind: Any) -> TypeAdapter[Any]:
    if kind not in _ADAPTERS:
        _ADAPTERS[kind] = TypeAdapter(kind)
    return _ADAPTERS[kind]

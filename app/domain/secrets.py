"""Secrets, and what binds a sealed one to its place."""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass
from typing import NoReturn, final


@final
class Secret:
    """A secret text that hides itself: no str, repr, format, pickle, JSON, iteration or length shows it.

    `.reveal()` is the one word to search for; a test lists its call sites. Raises ValueError when empty.
    """

    __slots__ = ("__value",)

    def __init__(self, value: str) -> None:
        if not value:
            message = "a secret is not empty"
            raise ValueError(message)
        self.__value = value

    def reveal(self) -> str:
        """The secret itself. Call only where it is sealed or handed to the component that spends it."""
        return self.__value

    def last_four(self) -> str:
        """What people tell their keys apart by; empty when the secret is too short to show any of it."""
        return self.__value[-4:] if len(self.__value) >= 16 else ""

    def matches(self, pattern: re.Pattern[str]) -> bool:
        """Whether the whole secret has this shape; yes or no is all that is told of it."""
        return pattern.fullmatch(self.__value) is not None

    def trimmed(self) -> Secret:
        """Without what a paste brings along at its ends: white space and quotes. Raises ValueError when nothing is left."""
        return Secret(self.__value.strip(" \t\r\n\u00a0\u200b\"'`"))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self.__value.encode(), other.__value.encode())

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return "Secret(…)"

    def __reduce__(self) -> NoReturn:
        message = "a Secret is not serialised"
        raise TypeError(message)

    def __copy__(self) -> NoReturn:
        message = "a Secret is not copied"
        raise TypeError(message)

    def __deepcopy__(self, memo: object) -> NoReturn:
        message = "a Secret is not copied"
        raise TypeError(message)


@dataclass(frozen=True, slots=True)
class KeyContext:
    """What a sealed record is bound to: opened in any other context it does not open (SECURITY §4.1)."""

    workspace: str
    purpose: str  # "provider-key", "platform-token", "inbox", "journal", …
    record: str  # the row's id
    version: int = 1
    provider: str = ""
    origin: str = ""  # scheme://host[:port] the secret may be sent to


@dataclass(frozen=True, slots=True)
class SealedSecret:
    """Ciphertext in the format `byk1`, and the id of the data key it stands under."""

    data_key: str
    blob: bytes

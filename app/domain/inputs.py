"""What a person fills in on a form of ours, and the choices of a select."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Option:
    """One choice of a select. `value` is at most 150 characters."""

    value: str
    label: str
    group: str = ""


@dataclass(frozen=True, slots=True)
class TextInput:
    """A line (or several) to type."""

    id: str
    label: str
    value: str = ""
    placeholder: str = ""
    hint: str = ""
    multiline: bool = False
    optional: bool = False
    max_length: int = 300


@dataclass(frozen=True, slots=True)
class SecretInput:
    """A secret to type: masked where the platform can, never shown again, arrives in `Submission.secrets`."""

    id: str
    label: str
    hint: str = ""
    optional: bool = False
    max_length: int = 600


@dataclass(frozen=True, slots=True)
class SelectInput:
    """A choice within a form; any number of options (see Select)."""

    id: str
    label: str
    options: tuple[Option, ...]
    selected: str = ""
    hint: str = ""
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Checkbox:
    """Yes or no within a form; arrives as `"yes"` or `""`."""

    id: str
    label: str
    checked: bool = False
    hint: str = ""


@dataclass(frozen=True, slots=True)
class ChannelInput:
    """Channels of the workspace within a form; arrives as ids joined by spaces."""

    id: str
    label: str
    selected: tuple[str, ...] = ()
    hint: str = ""
    optional: bool = True

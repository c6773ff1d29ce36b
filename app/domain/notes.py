"""What agents remember: short notes that people can list and delete."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from app.domain.grants import CLEAN, Taint


@dataclass(frozen=True, slots=True)
class NoteContent:
    """What stands sealed. `taint` is what its run had read, its own channel included: whoever could not read that is not told."""

    text: str = field(repr=False)
    taint: Taint = CLEAN


@dataclass(frozen=True, slots=True)
class NoteRecord:
    """A note without its content. `about` is the person whose own it is (made in their direct chat); empty: everybody's."""

    id: str
    workspace: str
    agent_id: str
    kept_by: str
    kept_at: datetime
    about: str = ""
    run: str = ""


@dataclass(frozen=True, slots=True)
class Note:
    """A note, opened."""

    record: NoteRecord
    content: NoteContent

"""The audit trail: who did what to which object, when. Ids only, never content or keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One row. `action` is `noun.verb` in the past tense's short form: `key.set`, `key.used`, `agent.changed`, `admin.added`.

    `actor` is a user's id on its platform, or `latchkey` for what happens by itself.
    """

    workspace: str
    actor: str
    action: str
    object: str
    details: Mapping[str, str] = field(default_factory=dict)
    at: datetime | None = None  # set when it is written
    seq: int = 0  # set when it is written

"""What may come of rotating a key."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from app.domain.agent import AgentSpec
from app.domain.audit import AuditEntry
from app.domain.keys import ProviderKey, SpareKey
from app.domain.secrets import Secret
from app.errors import ProviderError
from app.services.key_trials import Tried
from app.store.unit_of_work import UnitOfWork

SETTLED = "That rotation is settled already, or the key was changed meanwhile. `/byok keys` shows how it is now."
NOTHING_KEPT = "There is nothing to undo: no older key is kept any more. `/byok keys` shows how it is now."


@dataclass(frozen=True, slots=True)
class NextKey:
    """What an admin fills in to rotate a key; `hours` is how long the one before is kept."""

    secret: Secret
    base_url: str = ""
    expires_on: date | None = None
    hours: int = 24


@dataclass(frozen=True, slots=True)
class Rotated:
    """The next key is in use. `destroyed` are spare keys that had to go for that, `unchecked` models of which nothing could be told."""

    key: ProviderKey
    before: SpareKey
    destroyed: tuple[SpareKey, ...]
    unchecked: tuple[str, ...]
    moved: tuple[AgentSpec, ...] = ()


@dataclass(frozen=True, slots=True)
class BeingTried:
    """Nothing is changed yet: it is found out by itself. `error` says why it could not be told so far, if it was tried at all."""

    key: ProviderKey
    next: SpareKey
    error: ProviderError | None = None


@dataclass(frozen=True, slots=True)
class NeedsWord:
    """Nothing is changed: the next key works, but not with everything, so an admin has to say."""

    key: ProviderKey
    next: SpareKey
    tried: Tried


@dataclass(frozen=True, slots=True)
class TurnedDown:
    """Nothing is changed: the provider refuses the next key, which is destroyed."""

    key: ProviderKey
    next: SpareKey


@dataclass(frozen=True, slots=True)
class Overtaken:
    """The key was revoked, replaced or undone meanwhile, or somebody else has settled it."""

    key: ProviderKey


Outcome = Rotated | BeingTried | NeedsWord | TurnedDown | Overtaken


def about_spare(spare: SpareKey) -> dict[str, str]:
    """What is written down of a spare key."""
    return {"which": spare.which.value, "fingerprint": spare.fingerprint, "version": str(spare.version)}


async def note_destroyed(uow: UnitOfWork, spares: Iterable[SpareKey], by: str) -> None:
    """Write down that spare keys were destroyed, in the transaction that did it."""
    for spare in spares:
        await uow.audit.append(AuditEntry(spare.workspace, by, "key.shredded", spare.key_id, about_spare(spare)))

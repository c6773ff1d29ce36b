"""Provider keys as rows tell of them: everything but the secret."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.domain.secrets import Secret


class KeyStatus(StrEnum):
    """What is known of a key."""

    VERIFIED = "verified"
    UNVERIFIED = "unverified"  # the provider could not be reached; checked again by itself
    REFUSED = "refused"  # the provider said no
    NO_CREDIT = "no_credit"
    REVOKED = "revoked"  # shredded: the row remains, the secret does not


@dataclass(frozen=True, slots=True)
class ProviderKey:
    """A workspace's key for one provider at one origin."""

    id: str
    workspace: str
    provider: str
    label: str
    base_url: str  # empty: the provider's own
    last_four: str
    fingerprint: str
    status: KeyStatus
    version: int
    is_default: bool
    set_by: str
    set_at: datetime
    checked_at: datetime | None = None

    @property
    def live(self) -> bool:
        """Whether a call may be tried with it."""
        return self.status in (KeyStatus.VERIFIED, KeyStatus.UNVERIFIED, KeyStatus.NO_CREDIT)


@dataclass(frozen=True, slots=True)
class ProviderCredential:
    """What a ModelProvider is handed for one call: the secret, and where it may be sent."""

    secret: Secret
    base_url: str = ""  # empty: the provider's own


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """Which key and model a run will use; plain data, so that a journal can remember it."""

    provider: str
    model: str
    key_id: str  # empty only for the offline model, which needs none
    key_version: int = 0
    fingerprint: str = ""
    context_window: int = 0
    images: bool | None = None  # whether it sees pictures; None where nobody says
    documents: bool | None = None  # whether it reads PDFs itself
    web_search: bool | None = None  # whether it has a search of its own

"""Provider keys as rows tell of them: everything but the secret."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
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
    expires_on: date | None = None  # as an admin noted it
    problem: str = ""  # a code of app.errors: why its last check told nothing good
    paused_until: datetime | None = None  # its provider asked for patience
    max_at_once: int = 0  # calls, as an admin wants it; 0: as many as there are
    max_per_minute: int = 0

    @property
    def live(self) -> bool:
        """Whether a call may be tried with it."""
        return self.status in (KeyStatus.VERIFIED, KeyStatus.UNVERIFIED, KeyStatus.NO_CREDIT)


class Which(StrEnum):
    """What a key is that stands beside the one in use."""

    NEXT = "next"  # is to take its place, once its provider has let it at the models that agents use
    PREVIOUS = "previous"  # whose place it took; kept for undoing


@dataclass(frozen=True, slots=True)
class SpareKey:
    """A key beside the one in use, sealed under its own `version`; destroyed at `keep_until`.

    Of a NEXT one: `status` is what its provider said so far; without `next_try_at` it waits for an admin's word, because models are kept from
    it; `hours` is how long the one in use is to be kept then. Of a PREVIOUS one: `forced` tells that an admin wanted its successor although
    models are kept from that.
    """

    key_id: str
    which: Which
    workspace: str
    version: int
    base_url: str
    last_four: str
    fingerprint: str
    status: KeyStatus
    set_by: str
    set_at: datetime
    rotated_by: str
    hours: int
    keep_until: datetime
    expires_on: date | None = None
    forced: bool = False
    next_try_at: datetime | None = None

    def of(self, key: ProviderKey) -> ProviderKey:
        """The key as it was, or will be, with this secret: under the same id, label and provider."""
        return replace(
            key,
            version=self.version,
            base_url=self.base_url,
            last_four=self.last_four,
            fingerprint=self.fingerprint,
            status=self.status,
            set_by=self.set_by,
            set_at=self.set_at,
            checked_at=None,
            expires_on=self.expires_on,
            problem="",
            paused_until=None,
        )


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
    tools: bool | None = None  # whether it calls tools
    max_output: int = 0
    instead_of: str = ""  # the model that it stands in for, where it does
    fallbacks: tuple[ModelChoice, ...] = ()  # who stands in for it, in this order; each has none of its own

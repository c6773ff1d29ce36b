"""Everything that can go wrong, in our own words. A docstring is the default message.

LatchkeyError
├── UserError                 the text may be shown to the person who caused it
│   ├── BadInput              (field: which input was wrong)
│   ├── NotAllowed
│   ├── NoKey
│   ├── NoModel
│   ├── NoAgent
│   ├── OverLimit             (limit, subject: which limit, of whom; resets_at)
│   ├── PriceUnknown          (provider, model)
│   ├── RunLimit              (limit: of one answer, in words)
│   └── ProviderError         a model provider did not answer as hoped
│       ├── KeyRejected
│       ├── NoCredit
│       ├── NotPermitted
│       ├── RateLimited       (retry_after: seconds, None if unknown)
│       ├── Paused            (retry_after)
│       ├── Capped            (retry_after)
│       ├── Overloaded        (retry_after)
│       ├── ModelGone
│       ├── ContextTooLong
│       ├── RequestRefused
│       ├── CutOff
│       ├── TimedOut
│       ├── Unreachable
│       └── BadAnswer
├── PlatformError             a chat platform did not do what it was asked
│   ├── PlatformRateLimited   (retry_after)
│   ├── PlatformUnavailable
│   ├── NotReachable          the person or channel cannot be written to
│   └── BadSignature          a request that its platform did not make
├── VaultError
│   ├── WontOpen
│   └── MasterKeyError
├── SettingsError             start-up stops; the message says what to do
└── Stopped                   a person stopped the run
"""

from __future__ import annotations

from datetime import datetime


class LatchkeyError(Exception):
    """Something went wrong in Latchkey."""

    def __init__(self, message: str = "") -> None:
        self.message = message or (type(self).__doc__ or "").strip().splitlines()[0]
        super().__init__(self.message)

    @property
    def code(self) -> str:
        """A stable name for logs, journals and metrics."""
        return type(self).__name__


class UserError(LatchkeyError):
    """That did not work."""

    waits_for: str = ""
    """What has to be put right before it can work: the id of a key, a limit's and whom it stops, or provider/model; empty where that is not one thing."""


class BadInput(UserError):
    """That input can't be used."""

    def __init__(self, message: str = "", *, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class NotAllowed(UserError):
    """Only admins can do that here."""


class NoKey(UserError):
    """The workspace has no usable model key yet."""


class NoModel(UserError):
    """No model has been chosen for this agent, and none could be picked safely."""


class NoAgent(UserError):
    """There is no such agent here."""


class OverLimit(UserError):
    """A limit on what may be spent leaves no room for this."""

    def __init__(
        self, message: str = "", *, limit: str = "", subject: str = "", resets_at: datetime | None = None
    ) -> None:
        super().__init__(message)
        self.limit = limit
        self.subject = subject
        self.resets_at = resets_at
        self.waits_for = f"{limit} {subject}".strip()


class PriceUnknown(UserError):
    """What this model costs is not known, so nobody can tell whether it fits the limits here."""

    def __init__(self, message: str = "", *, provider: str = "", model: str = "") -> None:
        super().__init__(message)
        self.provider = provider
        self.model = model
        self.waits_for = f"{provider}/{model}" if model else ""


class RunLimit(UserError):
    """The answer reached this agent's limit."""

    def __init__(self, message: str = "", *, limit: str = "") -> None:
        super().__init__(message or (f"It reached its limit of {limit}." if limit else ""))
        self.limit = limit


class ProviderError(UserError):
    """The model provider could not answer."""

    retry_after: float | None = None


class KeyRejected(ProviderError):
    """The provider rejected this workspace's key."""


class NoCredit(ProviderError):
    """The provider says that the account behind the key has no credit left."""


class NotPermitted(ProviderError):
    """The key is valid, but the provider does not let it use this model."""


class RateLimited(ProviderError):
    """The provider is limiting how fast this key may be used."""

    def __init__(self, message: str = "", *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Paused(RateLimited):
    """The key of this workspace is being rested: nobody was asked."""


class Capped(Paused):
    """Admins of this workspace limit how often its key may be used: nobody was asked."""


class Overloaded(RateLimited):
    """The provider is overloaded or failing at the moment."""


class ModelGone(ProviderError):
    """The provider no longer offers this model, or does not know it."""


class ContextTooLong(ProviderError):
    """The conversation is too long for this model."""


class RequestRefused(ProviderError):
    """The provider refused the request as it was made."""


class CutOff(ProviderError):
    """The provider's answer broke off in the middle."""


class TimedOut(ProviderError):
    """The provider did not answer in time."""


class Unreachable(ProviderError):
    """The provider could not be reached."""


class BadAnswer(ProviderError):
    """The provider answered with something that could not be understood."""


class PlatformError(LatchkeyError):
    """The chat platform did not do what it was asked."""


class PlatformRateLimited(PlatformError):
    """The chat platform is limiting requests."""

    def __init__(self, message: str = "", *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class PlatformUnavailable(PlatformError):
    """The chat platform could not be reached."""


class NotReachable(PlatformError):
    """That person or channel cannot be written to."""


class BadSignature(PlatformError):
    """The request was not made by the platform it claims to come from."""


class VaultError(LatchkeyError):
    """A sealed record could not be handled."""


class WontOpen(VaultError):
    """A sealed record does not open here."""


class MasterKeyError(VaultError):
    """The master key is missing or does not belong to this database."""


class SettingsError(LatchkeyError):
    """A setting cannot be used."""


class Stopped(LatchkeyError):
    """A person stopped this run."""


class StepFailed(LatchkeyError):
    """A step of a run failed."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind


PROVIDER_ERRORS: dict[str, type[ProviderError]] = {
    kind.__name__: kind
    for kind in (
        KeyRejected, NoCredit, NotPermitted, RateLimited, Paused, Capped, Overloaded, ModelGone, ContextTooLong,
        RequestRefused, CutOff, TimedOut, Unreachable, BadAnswer,
    )
}  # fmt: skip
"""Provider errors by code, so that a journal can remember one as a value."""

"""Every way in which a provider fails, renamed once. What a provider says is looked at to tell failures apart, and never repeated: it may quote the key."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Protocol, Self, TypeVar

from app.domain.run import ModelDone, ModelEvent
from app.errors import (
    BadAnswer,
    ContextTooLong,
    CutOff,
    KeyRejected,
    ModelGone,
    NoCredit,
    NotPermitted,
    Overloaded,
    ProviderError,
    RateLimited,
    RequestRefused,
    TimedOut,
    Unreachable,
)

_BY_NAME: dict[str, type[ProviderError]] = {
    "authentication_error": KeyRejected,
    "invalid_api_key": KeyRejected,
    "invalid_authentication": KeyRejected,
    "billing_error": NoCredit,
    "billing_hard_limit_reached": NoCredit,
    "insufficient_quota": NoCredit,
    "insufficient_credits": NoCredit,
    "insufficient_balance": NoCredit,
    "permission_error": NotPermitted,
    "rate_limit_error": RateLimited,
    "rate_limit_exceeded": RateLimited,
    "overloaded_error": Overloaded,
    "server_is_overloaded": Overloaded,
    "slow_down": Overloaded,
    "api_error": Overloaded,
    "server_error": Overloaded,
    "internal_server_error": Overloaded,
    "service_unavailable_error": Overloaded,
    "timeout_error": TimedOut,
    "not_found_error": ModelGone,
    "model_not_found": ModelGone,
    "request_too_large": ContextTooLong,
    "context_length_exceeded": ContextTooLong,
    "string_above_max_length": ContextTooLong,
    "invalid_request_error": RequestRefused,
    "invalid_prompt": RequestRefused,
    "content_filter": RequestRefused,
}
_BY_STATUS: dict[int, type[ProviderError]] = {
    401: KeyRejected,
    402: NoCredit,
    403: NotPermitted,
    404: ModelGone,
    408: TimedOut,
    410: ModelGone,
    413: ContextTooLong,
    429: RateLimited,
    504: TimedOut,
}
_NO_CREDIT = re.compile(r"credit balance|insufficient (balance|credit|fund)|out of credit", re.IGNORECASE)
_TOO_LONG = re.compile(
    r"prompt is too long|context.{0,8}(length|window|size)|maximum context|(input|request).{0,20}too (long|large|many tokens)",
    re.IGNORECASE,
)
_LONGEST_WAIT = 3600.0


class _Stream(Protocol):
    """What both SDKs call a stream."""

    def __aiter__(self) -> AsyncIterator[Any]: ...

    async def __anext__(self) -> Any: ...

    async def close(self) -> None: ...


_S = TypeVar("_S", bound=_Stream)
_T = TypeVar("_T")


async def asked(call: Awaitable[_T], *, timeout: float | None = None) -> _T:
    """What a call to a provider returns; its failure in our words, with nothing of the SDK's attached. `timeout` is in seconds, overall."""
    import asyncio

    failure: ProviderError
    try:
        async with asyncio.timeout(timeout):
            return await call
    except Exception as error:  # noqa: BLE001 - SDKs raise many things; all of them get our names, and none is chained
        failure = renamed(error)
    raise failure


async def streamed(
    opening: Awaitable[_S], read: Callable[[AsyncIterator[Any]], AsyncGenerator[ModelEvent]]
) -> AsyncIterator[ModelEvent]:
    """A provider's answer as it comes, its failures in our words. The connection is closed however this ends.

    A stream that ends before `read` made a ModelDone of it was cut off.
    """
    failure: ProviderError
    stream: _S | None = None
    try:
        stream = await opening
        seen, done = _Counted(stream), False
        async with aclosing(read(seen)) as events:
            async for event in events:
                done = isinstance(event, ModelDone)
                yield event
        if done:
            await _drain(stream)
            return
        failure = CutOff() if seen.count else BadAnswer()
    except Exception as error:  # noqa: BLE001 - as above
        failure = renamed(error, began=stream is not None)
    finally:
        if stream is not None:
            await stream.close()
    raise failure


class _Counted:
    """Counts what a stream brings: none at all is no stream but a proxy's page or the like."""

    def __init__(self, stream: _Stream) -> None:
        self._stream = stream
        self.count = 0

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        event = await self._stream.__anext__()
        self.count += 1
        return event


async def _drain(stream: _Stream) -> None:
    """Read to the end, which must be near, so that the connection can be used again."""
    import asyncio

    try:
        async with asyncio.timeout(0.1):
            async for _ in stream:
                pass
    except Exception:  # noqa: BLE001, S110 - the answer is complete; what comes after it is no matter
        pass


def renamed(error: Exception, *, began: bool = False) -> ProviderError:
    """Our name for what an SDK, the HTTP client or a parser raised. `began`: after the answer had begun with status 200."""
    if isinstance(error, ProviderError):
        return error
    for cause in _causes(error):
        transport = _transport_error(cause, began=began)
        if transport is not None:
            return transport
    status = getattr(error, "status_code", None)
    if status is None and not hasattr(error, "body"):
        return BadAnswer()
    return by_reason(
        status=status if isinstance(status, int) else 0,
        names=(getattr(error, "code", None), getattr(error, "type", None)),
        text=str(error),
        headers=getattr(getattr(error, "response", None), "headers", None) or {},
    )


def by_reason(*, status: int = 0, names: tuple[object, ...] = (), text: str = "", headers: Any = None) -> ProviderError:
    """Our name for a failure by the provider's own: the most telling first, which is neither always the status nor always the type."""
    if status < 400:
        status = next((name for name in names if isinstance(name, int) and name >= 400), status)
    kinds = [_BY_NAME[name] for name in names if isinstance(name, str) and name in _BY_NAME]
    kind = next((kind for kind in kinds if kind is not RequestRefused), None)
    if kind is None and status in (0, 200, 400, 402, 403, 413, 422, 429):
        kind = (
            NoCredit
            if _NO_CREDIT.search(text)
            else ContextTooLong
            if status != 429 and _TOO_LONG.search(text)
            else None
        )
    kind = kind or _BY_STATUS.get(status)
    if kind is None and 300 <= status < 400:
        return Unreachable("The provider's address answers with a redirect, which is not followed. Check the base URL.")
    if kind is None:
        kind = Overloaded if status >= 500 or (status < 400 and not kinds) else RequestRefused
    if issubclass(kind, RateLimited):
        return kind(retry_after=_retry_after(headers or {}))
    return kind()


def _transport_error(error: BaseException, *, began: bool) -> ProviderError | None:
    import httpx2

    from adapters.models.transport import TooLarge
    from adapters.net.network import AddressRefused

    if isinstance(error, AddressRefused):
        return Unreachable("The base URL leads to an address that is not public, so the key was not sent there.")
    if isinstance(error, TooLarge):
        return BadAnswer()
    if isinstance(error, httpx2.ConnectTimeout):
        return Unreachable()
    if isinstance(error, TimeoutError | httpx2.TimeoutException):
        return TimedOut()
    if isinstance(error, httpx2.DecodingError | httpx2.InvalidURL):
        return BadAnswer()
    if isinstance(error, httpx2.HTTPError | httpx2.StreamError | OSError):
        return CutOff() if began else Unreachable()
    return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The causes of an error, the deepest first: SDKs wrap what really happened."""
    chain: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in chain:
        chain.append(current)
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    yield from reversed(chain)


def _retry_after(headers: Any) -> float | None:
    """Seconds, from a number or a date; None where it says nothing sensible."""
    try:
        if headers.get("retry-after-ms"):
            return min(max(float(headers["retry-after-ms"]) / 1000, 0.0), _LONGEST_WAIT)
        told = headers.get("retry-after") or ""
        seconds = float(told) if re.fullmatch(r"\d+(\.\d+)?", told) else _until(told)
    except (TypeError, ValueError):
        return None
    return min(max(seconds, 0.0), _LONGEST_WAIT)


def _until(date: str) -> float:
    moment = parsedate_to_datetime(date)
    return (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds()

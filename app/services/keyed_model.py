"""A model under a workspace's key: the key is looked at, money set aside and its use written down at every single call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, replace

from app.domain.keys import ModelChoice, ProviderCredential, ProviderKey
from app.domain.run import ModelDone, ModelEvent, ModelRequest, TextDelta, Usage
from app.domain.spend import Account, Purpose
from app.errors import (
    BadAnswer,
    Capped,
    CutOff,
    KeyRejected,
    ModelGone,
    NoCredit,
    NoKey,
    NotPermitted,
    Overloaded,
    ProviderError,
    RateLimited,
    Stopped,
    TimedOut,
    UserError,
)
from app.ports.providers import ModelProvider
from app.services import worst_case
from app.services.key_checks import KeyChecks
from app.services.key_gate import KeyGate
from app.services.key_ring import OFFLINE, KeyRing
from app.services.meter import Meter, Reserved, Wanted
from app.services.model_lists import ModelLists
from app.services.switching_back import SwitchingBack
from app.services.till import Till
from app.services.waiting_room import Full, Place
from app.services.workspaces import ITSELF
from app.store.unit_of_work import UnitOfWork
from app.telemetry import metrics

MOST_TRIES = 3
"""Of one call: a key that another one took the place of meanwhile is not the end of it."""

WAITS = "is waiting for room in the budget…"
WAITS_FOR_KEY = "is waiting for its turn with the model's key…"

BROKE_OFF = (CutOff.__name__, TimedOut.__name__, BadAnswer.__name__, Stopped.__name__, NoKey.__name__)
"""Ends of a call that a provider may bill although it never told what. Any other failure before the first word is a refusal, which costs nothing."""


@dataclass(frozen=True, slots=True)
class Counter:
    """Where calls are let through, paid for and judged."""

    ring: KeyRing
    meter: Meter
    checks: KeyChecks
    back: SwitchingBack
    lists: ModelLists
    gate: KeyGate


@dataclass(frozen=True, slots=True)
class _Admitted:
    """A call that may be made now."""

    provider: ModelProvider
    reserved: Reserved
    key: ProviderKey | None = None
    credential: ProviderCredential | None = None


class KeyedModel:
    """See PaidModel. What each call came to is put into the `till`."""

    def __init__(self, counter: Counter, choice: ModelChoice, account: Account, till: Till) -> None:
        self.model = choice.model
        self.context_window = choice.context_window
        self._ring = counter.ring
        self._meter = counter.meter
        self._checks = counter.checks
        self._back = counter.back
        self._lists = counter.lists
        self._gate = counter.gate
        self._choice = choice
        self._account = account
        self._till = till

    async def stream(self, request: ModelRequest) -> AsyncIterator[ModelEvent]:
        """See ModelClient; raises NoKey when the key was revoked meanwhile, OverLimit or PriceUnknown when the call must not be made."""
        async with self._gate.turn(self._choice.key_id) as answered, aclosing(self._tried(request)) as events:
            try:
                async for event in events:
                    answered()
                    yield event
            except ProviderError as error:
                if isinstance(error, Overloaded) or not isinstance(error, RateLimited):
                    answered()  # it failed, but did not ask for patience: whoever waits need not wait for each such failure
                raise

    async def _tried(self, request: ModelRequest) -> AsyncGenerator[ModelEvent]:
        for left in reversed(range(MOST_TRIES)):
            admitted = await self._meter.patiently(
                self._account.workspace, lambda place: self._admitted(request, place), self._waits
            )
            said = False
            try:
                async with aclosing(self._asked(request, admitted)) as events:
                    async for event in events:
                        said = True
                        yield event
                return
            except Overloaded:
                raise  # whoever asks: the key is not to be rested for it
            except RateLimited as error:
                if key := admitted.key:
                    until = self._gate.told_to_wait(key.id, error.retry_after, version=key.version)
                    await self._checks.told_to_wait(key, until)
                raise
            except ModelGone:
                if admitted.key:
                    self._lists.gone(admitted.key, request.model)
                raise
            except (KeyRejected, NoCredit, NotPermitted) as error:
                if admitted.key is None:
                    raise
                if not said and left and await self._back.rejected(admitted.key, error):
                    continue  # another key pays in its place now
                if not isinstance(error, NotPermitted):
                    await self._checks.failed(admitted.key, error)
                raise

    async def _waits(self, full: Full) -> None:
        await self._till.says(WAITS_FOR_KEY if isinstance(full.refusal, Capped) else WAITS)

    async def _admitted(self, request: ModelRequest, place: Place) -> _Admitted:
        """With the key opened and the money set aside. What was set aside for a call that can't be made after all is let go of."""
        account = self._account
        if request.aside:
            account = replace(account, purpose=Purpose.SUMMARY)
        reserved: Reserved | None = None

        async def reserve(uow: UnitOfWork, key: ProviderKey) -> None:
            nonlocal reserved
            self._gate.must_not_wait(key)
            reserved = await self._meter.reserve(uow, self._wanted(request, account, key), place, key)

        try:
            if not self._choice.key_id:
                provider = self._ring.offline()
                if self._choice.provider != OFFLINE or provider is None:
                    raise NoKey
                reserved = await self._meter.reserve_alone(self._wanted(request, account, None), place)
                key = credential = None
            else:
                key, credential = await self._ring.use(
                    account.workspace,
                    self._choice.key_id,
                    actor=account.asker or ITSELF,
                    details={"purpose": account.purpose.value, "run": account.run, "model": request.model},
                    also=reserve,
                )
                provider = self._ring.provider(key.provider)
            if reserved is None:
                raise NoKey
        except BaseException as error:
            if reserved is not None:
                await self._meter.settle(reserved, Usage(), outcome=_outcome(error))
            raise
        return _Admitted(provider, reserved, key, credential)

    async def _asked(self, request: ModelRequest, admitted: _Admitted) -> AsyncGenerator[ModelEvent]:
        events = admitted.provider.stream(request, key=admitted.credential)
        watched = self._ring.watch.over(admitted.key, events) if admitted.key else events
        heard = 0
        done: ModelDone | None = None
        outcome = CutOff.__name__  # whoever listens heard enough
        try:
            with metrics.model_call(admitted.provider.name) as call:
                async for event in watched:
                    if isinstance(event, ModelDone):
                        done, outcome = event, ""
                        call.succeeded()
                        if admitted.key:
                            await self._checks.worked(admitted.key)
                    elif isinstance(event, TextDelta):
                        heard += len(event.text.encode(errors="replace"))
                    yield event
            if done is None:
                outcome = BadAnswer.__name__
        except (Exception, asyncio.CancelledError) as error:
            outcome = outcome if done else _outcome(error)
            raise
        finally:
            try:
                await _close(watched)
                await _close(events)
            finally:  # a connection that does not close, or who is cancelled once more meanwhile, leaves nothing set aside
                if done is None and _is_cancelled():
                    outcome = Stopped.__name__
                await self._settle(admitted.reserved, done, heard, outcome)

    async def _settle(self, reserved: Reserved, done: ModelDone | None, heard: int, outcome: str) -> None:
        most = reserved.reservation.usage
        if done and done.usage.input_tokens:
            settled = self._meter.settle(reserved, done.usage, model=done.model)
        elif done:  # a server that counts nothing gives nothing away for that
            settled = self._meter.settle(reserved, worst_case.untold(most, done), model=done.model, estimated=True)
        elif heard or outcome in BROKE_OFF:
            settled = self._meter.settle(reserved, worst_case.cut(most, heard), estimated=True, outcome=outcome)
        else:
            settled = self._meter.settle(reserved, Usage(), outcome=outcome)
        self._till.put(await settled)

    def _wanted(self, request: ModelRequest, account: Account, key: ProviderKey | None) -> Wanted:
        choice = self._choice
        most = worst_case.most(request, choice)
        if key is None:
            return Wanted(account, "", "", OFFLINE, request.model, "", most)
        origin = self._ring.provider(key.provider).origin(key.base_url)
        return Wanted(account, key.id, key.fingerprint, key.provider, request.model, origin, most, choice.instead_of)


def _outcome(error: BaseException) -> str:
    if isinstance(error, asyncio.CancelledError):
        return Stopped.__name__
    return error.code if isinstance(error, UserError | Stopped) else BadAnswer.__name__


def _is_cancelled() -> bool:
    """Whether whoever listens is closing the stream because they are to stop."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def _close(events: AsyncIterator[ModelEvent]) -> None:
    """Closing an iterator closes its connection; an iterator that is no generator has nothing to close."""
    close = getattr(events, "aclose", None)
    if close is not None:
        await close()

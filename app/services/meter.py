"""Every call of a model is metered: money is set aside before it, and what it came to takes its place, whatever becomes of the call."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TypeVar

import structlog

from app.domain.keys import ProviderKey
from app.domain.money import TokenPrices
from app.domain.run import Usage
from app.domain.spend import Account, Receipt, Reservation, Standing
from app.errors import PriceUnknown, RunLimit
from app.ports.clock import Clock
from app.services import dollars
from app.services.allowance import blocking, standings, subject_of
from app.services.calendar import Calendar
from app.services.ids import new_id
from app.services.key_caps import within_caps
from app.services.pricing import Pricing
from app.services.waiting_room import Doors, Full, Place, WaitingRoom
from app.services.workspaces import WorkspaceSettings
from app.store.spend import Ground
from app.store.unit_of_work import Database, UnitOfWork
from app.telemetry.logs import place_of

log = structlog.get_logger(__name__)

T = TypeVar("T")

GONE = timedelta(seconds=20)
"""A process that was not seen for so long makes no calls any more: what it had set aside counts as spent."""

INTERRUPTED = "Interrupted"
MOST_TOKENS = 2_000_000_000
MARKS = (50, 80, 100)
"""Percent of a limit at which somebody should hear of it."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A call that is about to be made, under which key, and the most that it can use."""

    account: Account
    key_id: str
    fingerprint: str
    provider: str
    model: str
    origin: str
    most: Usage
    instead_of: str = ""


@dataclass(frozen=True, slots=True)
class Reserved:
    """Money set aside for a call, with the workspace's own prices by which it is settled."""

    reservation: Reservation
    own: Mapping[str, TokenPrices]


@dataclass(frozen=True, slots=True)
class Crossed:
    """A limit of which a call just used up so many percent."""

    standing: Standing
    percent: int


Hears = Callable[[Sequence[Crossed]], Awaitable[None]]


class Meter:
    """One for a process. `crossed` is told of limits that settlements brought to a mark; it is given what follows from one call at once."""

    def __init__(self, database: Database, pricing: Pricing, clock: Clock, *, crossed: Hears | None = None) -> None:
        self.pricing = pricing
        self.crossed = crossed
        self._database = database
        self._clock = clock
        self._process = new_id("process", clock.now())
        self._number = 0
        self._rooms = WaitingRoom()
        self._doors = Doors()  # of those who settle; those who reserve have theirs
        self._settling: set[asyncio.Task[None]] = set()
        self._unsettled: list[Receipt] = []

    async def begin(self) -> None:
        """Join those that make calls; before the first one."""
        await self._beat()

    async def tidy(self) -> None:
        """Be seen, settle what could not be settled before, and what processes left behind that are gone; to be called every few seconds."""
        await self._beat()
        again, self._unsettled = self._unsettled, []
        for receipt in again:
            await self._settle(receipt)
        async with self._database.read() as uow:
            left = await uow.spend.abandoned(self._clock.now() - GONE, but=self._process)
        for item in left:
            await self._settle(_cut_short(item))
        if left:
            log.warning("calls of a process that is gone were settled", calls=len(left))

    async def alone(self) -> None:
        """No other process makes calls (SQLite): whatever another one had set aside is settled at once."""
        async with self._database.begin() as uow:
            await uow.spend.leave(but=self._process)
        await self.tidy()

    async def leave(self) -> None:
        """Make no calls any more; what is being settled is waited for."""
        if self._settling:
            await asyncio.wait(set(self._settling))
        async with self._database.begin() as uow:
            await uow.spend.leave(process=self._process)

    async def patiently(
        self, workspace: str, attempt: Callable[[Place], Awaitable[T]], waiting: Callable[[Full], Awaitable[None]]
    ) -> T:
        """Do what reserves; again and again while only calls that others are making stand in its way. Raises what it raises."""
        return await self._rooms.patiently(workspace, attempt, waiting)

    async def reserve(self, uow: UnitOfWork, wanted: Wanted, place: Place, key: ProviderKey | None = None) -> Reserved:
        """Set aside the most that a call can cost, in the transaction that lets it be made.

        Raises OverLimit, PriceUnknown, or Full for `patiently` to try again.
        """
        account, now = wanted.account, self._clock.now()
        ground = await uow.spend.ground(account.workspace, wanted.provider)
        if key:
            await within_caps(uow, key, self._rooms, place, now)
        amount = self.pricing.most(ground.own, wanted.provider, wanted.model, wanted.most, now, origin=wanted.origin)
        if account.run_tokens or account.run_cost:
            await _fit_run(uow, wanted, amount)
        if ground.limited:
            await self._fit(uow, ground, wanted, amount, place)
        reservation = Reservation(
            self._id(now), account, wanted.key_id, wanted.fingerprint, wanted.provider, wanted.model,
            wanted.origin, amount, wanted.most, self._process, now, wanted.instead_of,
        )  # fmt: skip
        await uow.spend.reserve(reservation)
        return Reserved(reservation, ground.own)

    async def reserve_alone(self, wanted: Wanted, place: Place) -> Reserved:
        """The same, where nothing else is to be done in that transaction."""
        async with self._database.begin() as uow:
            return await self.reserve(uow, wanted, place)

    async def settle(
        self, reserved: Reserved, usage: Usage, *, model: str = "", estimated: bool = False, outcome: str = ""
    ) -> Receipt:
        """Put what a call came to in the place of its reservation. Once begun it is done, whoever is cancelled meanwhile."""
        item = reserved.reservation
        usage = _believable(usage)
        models = tuple(dict.fromkeys(name for name in (model, item.model) if name))
        cost = self.pricing.cost(reserved.own, item.provider, models, usage, item.at, origin=item.origin)
        if cost is None and usage == Usage():
            cost = Decimal(0)  # nothing was used: nothing is owed, whatever the price
        receipt = _receipt(item, usage, cost, model=models[0], estimated=estimated, outcome=outcome)
        task = asyncio.create_task(self._settle(receipt), name="settle a call")
        self._settling.add(task)
        task.add_done_callback(self._settling.discard)
        await asyncio.shield(task)
        return receipt

    async def _fit(self, uow: UnitOfWork, ground: Ground, wanted: Wanted, amount: Decimal | None, place: Place) -> None:
        account = wanted.account
        limits = await uow.limits.applying(account.workspace, account.agent_id, account.channel, account.asker)
        if not limits:
            return
        if amount is None:
            raise PriceUnknown(provider=wanted.provider, model=wanted.model)
        found = await standings(
            uow, account.workspace, [(one, subject_of(one, account)) for one in limits],
            _calendar(ground), self._clock.now(),
        )  # fmt: skip
        full = blocking(found, amount) or self._rooms.ahead(found, place)
        if full:
            raise Full.of(full)

    async def _settle(self, receipt: Receipt) -> None:
        try:
            crossed = await self._settled(receipt)
        except Exception as error:  # noqa: BLE001 - the database may be there again in a moment
            log.error("a call could not be settled yet", call=receipt.id, **place_of(error))  # noqa: TRY400
            self._unsettled.append(receipt)
            return
        self._rooms.somebody_left(receipt.workspace)
        if crossed and self.crossed:
            try:
                await self.crossed(crossed)
            except Exception as error:  # noqa: BLE001 - whoever asked has their answer, and what else is to be settled comes next
                log.error("marks of limits were not told of", workspace=receipt.workspace, **place_of(error))  # noqa: TRY400

    async def _settled(self, receipt: Receipt) -> Sequence[Crossed]:
        async with self._doors.of(receipt.workspace), self._database.begin() as uow:
            ground = await uow.spend.ground(receipt.workspace, receipt.provider)
            calendar = _calendar(ground)
            done = await uow.spend.settle(receipt, calendar.day(receipt.at))
            if not done:
                log.warning("a call was settled before", call=receipt.id)
                return ()
            if not (ground.limited and receipt.cost):
                return ()
            return await self._marks(uow, receipt, calendar, receipt.cost)

    async def _marks(self, uow: UnitOfWork, receipt: Receipt, calendar: Calendar, cost: Decimal) -> Sequence[Crossed]:
        account = Account(receipt.workspace, channel=receipt.channel, asker=receipt.asker, agent_id=receipt.agent_id)
        limits = await uow.limits.applying(account.workspace, account.agent_id, account.channel, account.asker)
        wanted = [(one, subject_of(one, account)) for one in limits]
        found = await standings(uow, account.workspace, wanted, calendar, receipt.at)
        return tuple(
            Crossed(one, percent)
            for one in found
            for percent in MARKS
            if one.spent.amount - cost < one.allowed * percent / 100 <= one.spent.amount
        )

    def _id(self, now: datetime) -> str:
        """In the order of this process's calls, also within a millisecond."""
        self._number = (self._number + 1) % 0x1000000
        return f"call_{int(now.timestamp() * 1000):011x}{self._number:06x}{secrets.token_hex(5)}"

    async def _beat(self) -> None:
        async with self._database.begin() as uow:
            await uow.spend.beat(self._process)
            await uow.spend.leave(but=self._process, before=self._clock.now() - GONE)


async def _fit_run(uow: UnitOfWork, wanted: Wanted, amount: Decimal | None) -> None:
    """Whether the run may use so much more. Its own calls come one after another: none is to be waited for."""
    account = wanted.account
    tokens, cost = await uow.spend.of_run(account.run)
    if account.run_tokens and tokens + wanted.most.input_tokens + wanted.most.output_tokens > account.run_tokens:
        raise RunLimit(limit=f"{account.run_tokens:,} tokens")
    if not account.run_cost:
        return
    if amount is None:
        raise PriceUnknown(provider=wanted.provider, model=wanted.model)
    if cost.amount + amount > account.run_cost:
        raise RunLimit(limit=dollars.shown(account.run_cost))


def _believable(usage: Usage) -> Usage:
    """No more of anything than a column holds, whatever a server says that it counted."""
    return Usage(**{name: max(0, min(value, MOST_TOKENS)) for name, value in asdict(usage).items()})


def _calendar(ground: Ground) -> Calendar:
    return Calendar.of(WorkspaceSettings.of(ground.settings).time_zone)


def _cut_short(item: Reservation) -> Receipt:
    """All that was set aside counts: nobody knows how far the call came."""
    return _receipt(item, item.usage, item.amount, model=item.model, estimated=True, outcome=INTERRUPTED)


def _receipt(
    item: Reservation, usage: Usage, cost: Decimal | None, *, model: str, estimated: bool, outcome: str
) -> Receipt:
    account = item.account
    return Receipt(
        item.id, account.workspace, account.run, account.conversation, account.channel, account.asker,
        account.agent_id, account.purpose, item.key_id, item.fingerprint, item.provider, model, item.origin,
        usage, cost, item.at, estimated, item.instead_of, outcome,
    )  # fmt: skip

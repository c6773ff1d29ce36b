"""Questions to people on the durable engine, on both databases: whatever dies meanwhile, one click, one act."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from app.domain.agent import AgentSpec
from app.domain.approvals import ApprovalRecord, ApprovalState
from app.domain.chat import MemberKind
from app.domain.events import Action, Nothing, Outcome
from app.domain.inbox import Claim
from app.domain.run import Json
from app.engine import Engine, EngineOptions
from app.errors import Stopped
from app.ports.approvals import Approved, Refused, Verdict
from app.ports.engine import Journal
from app.services.access import Access
from app.services.answers import Answers
from app.services.approvals import Approvals
from app.services.arrivals import Arrivals
from app.services.background import Background
from app.services.desks.approvals import ApprovalDesk
from app.services.screens.approvals import APPROVE
from app.store.unit_of_work import Database
from tests.app.asking import facts, request, told
from tests.app.bench import ADMIN, MEMBER, WORKSPACE
from tests.app.engines import QUICK, Actor, PlainSealer, answered, ask, at_most, until
from tests.fakes.databases import TestClock
from tests.fakes.platform import FakePlatform


@pytest.fixture
def options(any_database: Database, tmp_path: Path) -> EngineOptions:
    if any_database.is_sqlite:
        return replace(QUICK, url=f"sqlite:///{tmp_path / 'engine.db'}")
    return replace(QUICK, url=any_database.url.render_as_string(hide_password=False))


@dataclass
class House:
    """One workspace, one platform, and as many lives of the process as a test wants."""

    database: Database
    clock: TestClock
    options: EngineOptions
    verdicts: list[Verdict | str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.platform = FakePlatform(people={ADMIN: MemberKind.ADMIN, MEMBER: MemberKind.MEMBER})
        self.agent = AgentSpec("agent_1", WORKSPACE, "writer", "", "", grants=(request().grant,))
        self.approvals = self._asking(each=30)
        self.desk: ApprovalDesk | None = None
        self.answers: Answers | None = None

    async def begin(self) -> None:
        async with self.database.begin() as uow:
            await uow.workspaces.add(WORKSPACE, "Acme")
            await uow.agents.add(self.agent)

    @asynccontextmanager
    async def life(self, *, per_workspace: int = 8) -> AsyncIterator[Engine]:
        """The process lives; at the end it is gone, whatever it was doing."""
        engine = Engine(
            self.database, PlainSealer(), Actor(self.database, self._work), self.options, at_most(per_workspace)
        )
        platforms, background = {"slack": self.platform}, Background()
        access = Access(self.database, platforms)
        self.answers = Answers(
            self.database, PlainSealer(), engine,
            arrivals=Arrivals(self.database, self.clock), access=access, clock=self.clock,
        )  # fmt: skip
        self.desk = ApprovalDesk(
            self.database, PlainSealer(), engine, platforms,
            answers=self.answers, access=access, background=background, clock=self.clock,
        )  # fmt: skip
        await engine.launch()
        try:
            yield engine
        finally:
            await engine.drain(0)
            await background.drain(5)

    def looks_often(self) -> None:
        """Not every half minute: sooner than a person would wait in a test."""
        self.approvals = self._asking(each=0.5)

    async def press(self, record: ApprovalRecord, action: str = APPROVE) -> Outcome:
        assert self.desk
        return await self.desk.action(Action(MEMBER, action, record.id, message=record.card))

    async def waiting(self, conversation: str) -> ApprovalRecord:
        found: list[ApprovalRecord] = []

        async def kept() -> bool:
            async with self.database.read() as uow:
                record = await uow.approvals.get(WORKSPACE, f"{conversation}.0/0")
            found[:] = [record] if record else []
            return bool(record and record.card)

        await until(kept)
        return found[0]

    def _asking(self, each: float) -> Approvals:
        return Approvals(self.database, PlainSealer(), {"slack": self.platform}, clock=self.clock, each=each)

    async def _work(self, journal: Journal, claim: Claim) -> None:
        try:
            verdict = await self.approvals.ask(journal, facts(self.agent, self.clock, claim.run), request())
        except Stopped:
            self.verdicts.append("stopped")
            return
        self.verdicts.append(verdict)

        async def work() -> Json:
            self.done.append(claim.run)
            return None

        if isinstance(verdict, Approved):
            await journal.step("do", work)


@pytest.fixture
async def house(any_database: Database, clock: TestClock, options: EngineOptions) -> House:
    house = House(any_database, clock, options)
    await house.begin()
    return house


async def test_a_process_that_dies_while_it_waits_asks_nobody_twice_and_acts_once(house: House) -> None:
    async with house.life() as engine:
        conversation = await ask(house.database, 1)
        await engine.start(conversation)
        record = await house.waiting(conversation)
    assert house.verdicts == []
    async with house.life():
        assert await house.press(record) == Nothing()
        await until(lambda: answered(house.database))
        assert "approved this already" in told(await house.press(record))
    assert house.verdicts == [Approved(record.id, MEMBER.id)]
    assert house.done == [record.run]
    assert len(house.platform.messages) == 1, "one card"


async def test_a_click_that_the_engine_never_heard_of_counts_after_the_restart(house: House) -> None:
    house.looks_often()
    async with house.life() as engine:
        conversation = await ask(house.database, 1)
        await engine.start(conversation)
        record = await house.waiting(conversation)
    async with house.database.begin() as uow:  # between two lives
        assert await uow.approvals.decide(WORKSPACE, record.id, ApprovalState.APPROVED, ADMIN.id)
    async with house.life():
        await until(lambda: answered(house.database))
    assert house.verdicts == [Approved(record.id, ADMIN.id)]
    assert house.done == [record.run]


async def test_what_ran_out_while_the_process_was_down_is_over_at_the_next_look(house: House) -> None:
    house.looks_often()
    async with house.life() as engine:
        conversation = await ask(house.database, 1)
        await engine.start(conversation)
        record = await house.waiting(conversation)
    house.clock.forward(minutes=20)
    async with house.life():
        await until(lambda: answered(house.database))
        assert "Nobody decided in time" in told(await house.press(record))
    (verdict,) = house.verdicts
    assert isinstance(verdict, Refused)
    assert house.done == []


async def test_stopping_wakes_the_run_at_once(house: House) -> None:
    async with house.life() as engine:
        conversation = await ask(house.database, 1)
        await engine.start(conversation)
        record = await house.waiting(conversation)
        assert house.answers
        await house.answers.stop(record.run)
        await until(lambda: answered(house.database), 10)
    assert house.verdicts == ["stopped"]


async def test_a_run_that_waits_keeps_no_other_one_waiting(house: House) -> None:
    async with house.life(per_workspace=1) as engine:
        first = await ask(house.database, 1, thread="1")
        await engine.start(first)
        one = await house.waiting(first)
        second = await ask(house.database, 2, thread="2")
        await engine.start(second)
        other = await house.waiting(second)
        await asyncio.gather(house.press(one), house.press(other))
        await until(lambda: answered(house.database))
    assert sorted(house.done) == sorted((one.run, other.run))


async def test_of_many_clicks_at_once_one_decides(house: House) -> None:
    async with house.life() as engine:
        conversation = await ask(house.database, 1)
        await engine.start(conversation)
        record = await house.waiting(conversation)
        outcomes = await asyncio.gather(*(house.press(record) for _ in range(6)))
        await until(lambda: answered(house.database))
    assert outcomes.count(Nothing()) == 1
    assert house.done == [record.run]


async def test_a_stop_and_a_click_at_once_leave_no_run_that_was_stopped_and_acted(house: House) -> None:
    for n in range(4):
        async with house.life() as engine:
            conversation = await ask(house.database, n + 1, thread=str(n))
            await engine.start(conversation)
            record = await house.waiting(conversation)
            assert house.answers
            outcome, _ = await asyncio.gather(house.press(record), house.answers.stop(record.run))
            await until(lambda: answered(house.database))
        async with house.database.read() as uow:
            kept = await uow.approvals.get(WORKSPACE, record.id)
        assert kept
        assert (kept.state is ApprovalState.APPROVED) == (outcome == Nothing())
        assert kept.state is not ApprovalState.PENDING
        assert house.verdicts[-1] == "stopped", "whoever stops a run has the last word"
    assert house.done == []

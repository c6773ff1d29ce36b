"""The tools for notes, schedules and hand-over, each held to what every tool promises."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import pytest
from sqlalchemy import update

from agents import prompt
from agents.runner import Runner
from app.domain.approvals import ApprovalRecord, ApprovalState
from app.domain.chat import ConversationRef
from app.domain.events import Action
from app.domain.grants import CLEAN, Approval, Invoker, ToolGrant, digest
from app.domain.run import TextPart, ToolCall, ToolResult
from app.domain.secrets import KeyContext
from app.domain.spend import Account
from app.errors import BadInput
from app.ports.agents import Question, RunFacts, Tool
from app.services.delivery import Aside
from app.services.handover import Handover
from app.services.ledger import Ledger
from app.services.screens.approvals import APPROVE
from app.services.sources import NumberedSources
from app.services.tool_calls import Within, WithSteps
from app.services.tools.ask_agent import AskAgent
from app.services.tools.notes import Recall, Remember
from app.services.tools.propose_schedule import ProposeSchedule, ScheduleTools
from app.store.tables import runs
from tests.app.bench import ADMIN, MEMBER, WORKSPACE
from tests.app.desk import THREAD, Desk, direct
from tests.app.engines import until
from tests.app.standing import Office
from tests.app.test_approved_turns import kept
from tests.conformance.tool import ToolSuite
from tests.fakes.journal import MemoryJournal

MORNING = {"what": "Say good morning", "every": "weekdays", "time": "09:00", "time_zone": "Europe/Berlin"}


@pytest.fixture
async def office(desk: Desk) -> Office:
    return Office(desk)


async def facts(office: Office, where: ConversationRef = THREAD, run: str = "run_1") -> RunFacts:
    question = Question("Do it", MEMBER, (), {}, office.desk.bench.clock.now())
    return RunFacts(run, await office.desk.bench.agent(), question, where, Invoker.MEMBER)


class _Silent:
    async def append(self, text: str) -> None:
        """Nobody looks."""

    async def status(self, text: str) -> None:
        """Nobody looks."""

    async def step(self, step: object) -> None:
        """Nobody looks."""

    def remark(self, text: str) -> None:
        """Nobody looks."""


async def _unchanged(text: str) -> str:
    return text


def within() -> Within:
    return Within(
        MemoryJournal("run_1"), Aside(_Silent()), NumberedSources(), _unchanged, Ledger(Account(WORKSPACE, "run_1")), "1", CLEAN
    )  # fmt: skip


class TestRemember(ToolSuite):
    good: ClassVar[Mapping[str, Any]] = {"note": "Releases are on Thursdays."}
    bad: ClassVar[tuple[Mapping[str, Any], ...]] = ({}, {"note": " "}, {"note": 7}, {"note": "x" * 501})

    @pytest.fixture
    async def tool(self, office: Office) -> Tool:
        return Remember(await facts(office), office.standing.notes)


class TestRecall(ToolSuite):
    good: ClassVar[Mapping[str, Any]] = {"query": "releases"}
    bad: ClassVar[tuple[Mapping[str, Any], ...]] = ({"query": 7}, {"query": "x" * 201})

    @pytest.fixture
    async def tool(self, office: Office) -> Tool:
        return Recall(await facts(office), office.standing.notes, office.desk.permissions)


class TestAskAgent(ToolSuite):
    good: ClassVar[Mapping[str, Any]] = {"agent": "Researcher", "question": "What is a heron?"}
    bad: ClassVar[tuple[Mapping[str, Any], ...]] = (
        {},
        {"agent": "nobody", "question": "?"},
        {"agent": "researcher", "question": " "},
        {"agent": 7, "question": "?"},
        {"agent": "researcher", "question": "x" * 4001},
    )

    @pytest.fixture
    async def tool(self, office: Office) -> Tool:
        researcher = await office.agent("researcher")
        desk = office.desk
        handover = Handover(
            desk.database, keys=desk.bench.keys, runner=Runner(), prompt=prompt.build, toolkit=desk.toolkit
        )
        return AskAgent(await facts(office), {"researcher": (researcher.id, "Finds things out.")}, handover)

    async def made(self, tool: Tool, call_id: str, arguments: Mapping[str, Any]) -> ToolResult:
        assert isinstance(tool, WithSteps)
        return await tool.call_with(within(), ToolCall(call_id, tool.spec.name, arguments))

    async def test_outside_of_a_run_nobody_answers(self, tool: Tool) -> None:
        assert (await tool.call("c", self.good)).is_error

    async def test_people_are_told_its_name(self, tool: Tool) -> None:
        assert tool.target(self.good).called == "researcher"


class TestProposeSchedule(ToolSuite):
    good: ClassVar[Mapping[str, Any]] = MORNING
    bad: ClassVar[tuple[Mapping[str, Any], ...]] = (
        {},
        {**MORNING, "what": " "},
        {**MORNING, "every": "hourly"},
        {**MORNING, "time": "noon"},
        {**MORNING, "time_zone": "Middle/Earth"},
        {**MORNING, "every": "cron", "cron": "* * * * *"},
        {**MORNING, "what": 7},
    )

    @pytest.fixture
    async def tool(self, office: Office) -> Tool:
        """An admin has agreed to what is good."""
        await office.desk.ask("Hello")
        (run,) = await office.desk.records()
        made = await facts(office, run=run.id)
        now = office.desk.bench.clock.now()
        asked = ApprovalRecord(
            f"{run.id}/1", WORKSPACE, run.id, run.conversation, made.agent.id, "g1", "propose_schedule", "", digest("propose_schedule", MORNING),
            MEMBER.id, admins_only=True, may_remember=False, asked_at=now, expires_at=now.replace(hour=13),
        )  # fmt: skip
        async with office.desk.database.begin() as uow:
            await uow.connection.execute(update(runs).values(state="running"))
            sealed = await office.desk.bench.vault.seal(KeyContext(WORKSPACE, "approval", "1"), b"{}")
            assert await uow.approvals.add(asked, sealed)
            assert await uow.approvals.decide(WORKSPACE, asked.id, ApprovalState.APPROVED, ADMIN.id)
        return ProposeSchedule(made, office.desk.database, office.standing.schedules)

    async def test_without_an_admins_word_for_exactly_this_there_is_none(self, tool: Tool) -> None:
        assert (await tool.call("c", {**MORNING, "time": "10:00"})).is_error

    async def test_it_is_for_channels(self, office: Office) -> None:
        tool = ProposeSchedule(await facts(office, direct()), office.desk.database, office.standing.schedules)
        with pytest.raises(BadInput):
            tool.target(MORNING)


async def test_an_approved_proposal_is_the_admins_schedule_who_agreed(office: Office) -> None:
    await office.grant(ToolGrant("propose_schedule", approval=Approval.ALWAYS))
    office.desk.runs.patience = 30
    call = ToolCall("call_1", "propose_schedule", MORNING)
    office.desk.model.script = [(TextPart("I propose it."), call), "Done."]
    await office.desk.say("Say good morning every weekday at nine")

    async def stands() -> bool:
        return bool(await kept(office.desk))

    await until(stands)
    (asked,) = await kept(office.desk)
    for user in (MEMBER, ADMIN):
        await office.desk.intake.action(Action(user, APPROVE, asked.id, message=asked.card, conversation=THREAD))
        await office.desk.bench.settled()
    await office.desk.settled()
    (schedule,) = await office.standing.schedules.all(WORKSPACE)
    assert (schedule.created_by, schedule.channel, schedule.cron) == (ADMIN.id, "C1", "0 9 * * 1-5")
    assert "set up" in office.results()[-1].content
    entry = next(one for one in await office.desk.bench.audited() if one.action == "schedule.created")
    assert entry.actor == ADMIN.id


async def test_a_grant_without_approval_is_not_enough_for_a_schedule(office: Office) -> None:
    await office.grant(ToolGrant("propose_schedule", approval=Approval.NEVER))
    office.desk.model.script = [(TextPart("I propose it."), ToolCall("c", "propose_schedule", MORNING)), "Not."]
    await office.desk.ask("Say good morning every weekday at nine")
    assert "An admin has to agree" in office.results()[-1].content
    assert await office.standing.schedules.all(WORKSPACE) == ()


async def test_where_nobody_waits_and_for_other_agents_none_is_proposed(office: Office) -> None:
    made, tools = await facts(office), ScheduleTools(office.desk.database, office.standing.schedules)
    assert len(await tools.tools(made)) == 1
    assert await tools.tools(replace(made, invoker=Invoker.SCHEDULED)) == ()
    assert await tools.tools(replace(made, depth=1)) == ()

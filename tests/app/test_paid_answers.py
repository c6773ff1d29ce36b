"""What an answer costs, from the call to the footer: receipts of calls that end well, are cut or refused, and limits of one answer."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Row, select

from app.domain.money import ZERO, TokenPrices
from app.domain.run import RunState, TextPart, ToolCall, Usage
from app.domain.spend import Limit, Period, Scope
from app.errors import BadAnswer, CutOff, KeyRejected, Overloaded, RateLimited, RequestRefused, TimedOut, Unreachable
from app.services.journaled import LONGEST_TEXT
from app.services.keyed_model import WAITS
from app.services.workspaces import WorkspaceSettings
from app.store.tables import receipts, reservations
from tests.app.bench import ADMIN, MEMBER, WORKSPACE, words
from tests.app.desk import THREAD, Desk
from tests.app.engines import until

CALL = ToolCall("call_1", "current_time", {})


@pytest.fixture
async def priced(desk: Desk) -> Desk:
    """A model of this workspace's own price: a dollar for a token that it writes. The fake writes two, and reads ten."""
    async with desk.database.begin() as uow:
        await uow.prices.put(WORKSPACE, "anthropic", "claude-fine", TokenPrices(ZERO, Decimal(1_000_000)), ADMIN.id)
    return desk


async def agent(desk: Desk, **changed: Any) -> None:
    async with desk.database.begin() as uow:
        await uow.agents.change(replace(await desk.bench.agent(), **changed))


async def paid(desk: Desk) -> list[Row[Any]]:
    async with desk.database.read() as uow:
        assert (await uow.connection.execute(select(reservations.c.id))).all() == [], "nothing stays set aside"
        return list((await uow.connection.execute(select(receipts).order_by(receipts.c.id))).all())


async def test_a_receipt_tells_who_asked_whom_where_and_what_it_cost(priced: Desk) -> None:
    await priced.ask("Hello?")
    (row,) = await paid(priced)
    (run,) = await priced.records()
    key = await priced.bench.key()
    who = (row.workspace, row.run_id, row.conversation_id, row.channel, row.asker, row.agent_id)
    assert who == (WORKSPACE, run.id, run.conversation, "C1", MEMBER.id, (await priced.bench.agent()).id)
    assert (row.key_id, row.fingerprint, row.origin) == (key.id, key.fingerprint, "https://anthropic.example")
    assert (row.provider, row.model, row.purpose) == ("anthropic", "claude-fine", "answer")
    assert (row.input_tokens, row.output_tokens, row.cost) == (10, 2, Decimal(2))
    assert (row.estimated, row.outcome) == (False, "")


async def test_the_footer_tells_tokens_and_cost_where_the_workspace_wants_it(priced: Desk) -> None:
    await priced.workspaces.change(WORKSPACE, WorkspaceSettings(footer_cost=True), ADMIN)
    priced.model.script = [(TextPart("Let me look."), CALL), "It is noon."]
    await priced.ask("What time is it?")
    assert "assistant · claude-fine · 24 tokens · $4.00" in words(priced.shown()[0].views)


async def test_what_is_not_known_is_a_floor_and_never_nothing(desk: Desk) -> None:
    await desk.workspaces.change(WORKSPACE, WorkspaceSettings(footer_cost=True), ADMIN)
    await desk.ask("Hello?")
    assert "12 tokens · ≥ $0.00" in words(desk.shown()[0].views)
    assert [row.cost for row in await paid(desk)] == [None]


@pytest.mark.parametrize("why", [RequestRefused, Unreachable, KeyRejected, RateLimited, Overloaded])
async def test_a_call_that_was_refused_costs_nothing_and_is_on_a_receipt(priced: Desk, why: type[Exception]) -> None:
    priced.model.script = [why()] * 6
    await priced.ask("Hello?")
    rows = await paid(priced)
    assert {(row.outcome, row.cost, row.input_tokens, row.estimated) for row in rows} == {
        (why.__name__, ZERO, 0, False)
    }


@pytest.mark.parametrize("why", [CutOff, TimedOut, BadAnswer, Overloaded])
async def test_a_call_that_broke_off_is_reckoned_and_says_so(priced: Desk, why: type[Exception]) -> None:
    priced.model.script = [(TextPart("Once upon a time"), why())]
    await priced.ask("Tell me a story.")
    (row,) = await paid(priced)
    assert (row.outcome, row.estimated) == (why.__name__, True)
    assert row.input_tokens > 10
    assert row.cost == Decimal(row.output_tokens) == len("Once upon a time") / 2


async def test_a_call_that_somebody_stopped_is_paid_for_as_far_as_it_came(priced: Desk) -> None:
    priced.model.hold = asyncio.Event()
    await priced.say("Hello?")
    await priced.model.held.wait()
    (run,) = await priced.records()
    await priced.runs.stop(run.id)
    await priced.settled()
    (row,) = await paid(priced)
    assert (row.outcome, row.estimated) == ("Stopped", True)
    assert (await priced.records())[0].state is RunState.STOPPED


async def test_a_server_that_never_tells_what_was_used_is_not_free(priced: Desk) -> None:
    priced.model.usage = Usage()
    await priced.ask("Hello?")
    (row,) = await paid(priced)
    assert (row.outcome, row.estimated, row.model) == ("", True, "claude-fine")
    assert row.input_tokens > 10
    assert row.cost == Decimal(row.output_tokens) >= len(priced.model.answer) / 2


async def test_a_connection_that_fails_to_close_leaves_nothing_set_aside(priced: Desk) -> None:
    await agent(priced, max_output_tokens=10**6)
    priced.model.closing = OSError()
    priced.model.script = ["x" * (LONGEST_TEXT + 1)]
    await priced.ask("Say more than is taken.")
    (row,) = await paid(priced)
    assert (row.outcome, row.estimated) == ("CutOff", True)


async def test_at_a_limit_the_asker_is_told_and_the_provider_is_not_asked(priced: Desk) -> None:
    await agent(priced, max_output_tokens=4)
    async with priced.database.begin() as uow:
        await uow.limits.put(Limit("limit_1", WORKSPACE, Scope.WORKSPACE, "", Period.DAY, Decimal(5)), ADMIN.id)
    for _ in range(2):
        await priced.ask("Hello?")
    assert len(priced.model.requests) == 1
    assert [row.cost for row in await paid(priced)] == [Decimal(2)]
    assert [record.error for record in await priced.records()] == ["", "OverLimit"]
    assert "key.used" in (await priced.bench.actions())
    assert sum(action == "key.used" for action in await priced.bench.actions()) <= 3, "what is refused uses no key"


async def test_an_answer_ends_at_its_limit_of_cost_with_what_it_has_so_far(priced: Desk) -> None:
    await agent(priced, max_output_tokens=4, run_cost=Decimal(5))
    priced.model.script = [(TextPart("Let me look."), CALL)] * 3
    await priced.ask("What time is it?")
    assert len(priced.model.requests) == 1
    (shown,) = priced.shown()
    assert "Let me look." in shown.text
    assert "stopped at its limit of $5.00" in words(shown.views)
    assert [record.state for record in await priced.records()] == [RunState.DONE]


async def test_an_answer_ends_at_its_limit_of_tokens(priced: Desk) -> None:
    await agent(priced, max_output_tokens=4, run_tokens=1)
    reply = await priced.ask("Hello?")
    assert priced.model.requests == []
    assert reply
    assert "reached its limit for one answer" in words(reply.explanation)


async def test_an_answer_ends_at_its_limit_of_time(priced: Desk) -> None:
    await agent(priced, run_seconds=4)
    priced.model.hold = asyncio.Event()
    await priced.ask("Tell me a story.")
    (row,) = await paid(priced)
    assert row.estimated
    assert "stopped at its limit of 4 seconds." in words(priced.shown()[0].views)


async def test_after_a_crash_the_footer_tells_of_the_same_calls(priced: Desk) -> None:
    await priced.workspaces.change(WORKSPACE, WorkspaceSettings(footer_cost=True), ADMIN)
    priced.model.script = [(TextPart("Let me look."), CALL)]
    priced.model.hold, priced.model.hold_from = asyncio.Event(), 2
    await priced.say("What time is it?")
    await priced.model.held.wait()
    await priced.runs.crash()
    priced.model.hold.set()
    await priced.settled()
    assert "24 tokens · $4.00" in words(priced.shown()[0].views)
    assert [row.estimated for row in await paid(priced)] == [False, True, False], "the one that was lost is billed, too"


async def _two_for_one(priced: Desk) -> None:
    """Two questions, with room in the budget for one at a time: the first one's model holds on, the second one waits."""
    await agent(priced, max_output_tokens=4)
    async with priced.database.begin() as uow:
        await uow.limits.put(Limit("limit_1", WORKSPACE, Scope.WORKSPACE, "", Period.DAY, Decimal(7)), ADMIN.id)
    priced.model.hold = asyncio.Event()
    await priced.say("Hello?")
    await priced.model.held.wait()
    await priced.say("And hello again?", where=replace(THREAD, thread="1767225700.000001"))
    await until(lambda: any(WAITS in reply.statuses for reply in priced.platform.replies))


async def test_whoever_waits_for_room_in_the_budget_is_told_once_and_then_answered(priced: Desk) -> None:
    await _two_for_one(priced)
    assert priced.model.hold
    assert len(priced.model.requests) == 1
    priced.model.hold.set()
    await priced.settled()
    assert [record.state for record in await priced.records()] == [RunState.DONE] * 2
    assert sum(reply.statuses.count(WAITS) for reply in priced.platform.replies) == 1
    assert [row.cost for row in await paid(priced)] == [Decimal(2)] * 2


async def test_whoever_waits_for_room_in_the_budget_can_be_stopped(priced: Desk) -> None:
    await _two_for_one(priced)
    (waiting,) = [reply.target.run for reply in priced.platform.replies if WAITS in reply.statuses]
    await priced.runs.stop(waiting)
    assert priced.model.hold
    priced.model.hold.set()
    await priced.settled()
    assert sorted(record.state.value for record in await priced.records()) == ["done", "stopped"]
    assert len(priced.model.requests) == 1
    assert len(await paid(priced)) == 1

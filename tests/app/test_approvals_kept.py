"""What stays of a person's word: "always", first times, and otherwise nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from app.domain.approvals import ApprovalState
from app.domain.grants import GrantPlace, Invoker, Scope, Target, ToolGrant, Where, family, offshoot
from app.domain.run import RunState
from app.ports.approvals import ApprovalRequest
from app.services.grant_drafts import MOST_GRANTS
from app.services.retention import Retention
from app.services.screens.approvals import ALWAYS, APPROVE, DENY
from tests.app.asking import (
    Asking,
    buttons,
    request,
    told,
)
from tests.app.bench import ADMIN, MEMBER, WORKSPACE, words


def remembered_grant(base: ToolGrant, ends: datetime, number: str) -> ToolGrant:
    """What "Always" makes of a grant, for C2."""
    return ToolGrant(
        base.tool, id=offshoot(base.id, number), scope=Scope(channels=("C2",)), expires=ends, granted_by="U0BEFORE",
        places=(GrantPlace(Where.CHANNEL, "C1"),), invokers=(Invoker.MEMBER,),
    )  # fmt: skip


async def test_always_is_an_admins_to_say_and_grants_just_that_for_a_while(asking: Asking) -> None:
    record = await asking.begun()
    assert "Only an admin can allow this for good" in told(await asking.press(ALWAYS, record))
    await asking.press(ALWAYS, record, ADMIN)
    await asking.desk.settled()
    assert asking.done == [record.run]
    assert "is allowed here until" in words(asking.cards()[0])
    trail = {entry.action: entry for entry in await asking.desk.bench.audited()}
    assert trail["grant.added"].actor == ADMIN.id
    assert trail["grant.added"].details["approval"] == record.id
    *_, base, more = (await asking.desk.bench.agent()).grants
    assert base == asking.asks.grant
    assert more == ToolGrant(
        "post_message",
        id=trail["grant.added"].details["grant"],
        scope=Scope(channels=("C2",)),
        places=(GrantPlace(Where.CHANNEL, "C1"),),
        invokers=(Invoker.MEMBER,),
        expires=asking.desk.bench.clock.now() + timedelta(days=30),
        granted_by=ADMIN.id,
    )


@pytest.mark.parametrize(
    "asks",
    [
        request({"code": "1"}, tool="run_code", may_remember=True),
        request(may_remember=False),
        request({}, tool="chat_search", grant=ToolGrant("chat_search", id="grant_1"), target=Target()),
    ],
    ids=["code", "not to be remembered", "no target"],
)
async def test_always_is_never_offered_or_taken_for_code_or_for_everything(
    asking: Asking, asks: ApprovalRequest
) -> None:
    asking.asks = asks
    record = await asking.begun()
    assert buttons(asking.cards()[0]) == [APPROVE, DENY]
    assert "can't be allowed for good" in told(await asking.press(ALWAYS, record, ADMIN))
    assert asking.verdicts == []


async def test_always_takes_the_place_of_what_it_said_before_and_of_what_is_over(asking: Asking) -> None:
    now, base = asking.desk.bench.clock.now(), asking.asks.grant
    said = remembered_grant(base, now + timedelta(days=1), "1")
    over = replace(remembered_grant(base, now - timedelta(days=1), "2"), scope=Scope(channels=("C3",)))
    other = replace(said, id=offshoot(base.id, "3"), scope=Scope(channels=("C3",)))
    written = replace(over, id="grant_2")
    record = await asking.begun()
    async with asking.desk.database.begin() as uow:
        agent = await asking.desk.bench.agent()
        await uow.agents.change(replace(agent, grants=(base, said, over, other, written)))
    await asking.press(ALWAYS, record, ADMIN)
    *kept, more = (await asking.desk.bench.agent()).grants
    assert kept == [base, other, written], "what an admin wrote is theirs to clear away"
    assert (family(more.id), more.scope) == (base.id, said.scope)


async def test_always_makes_an_agent_hold_no_more_than_it_may(asking: Asking) -> None:
    record = await asking.begun()
    async with asking.desk.database.begin() as uow:
        agent = await asking.desk.bench.agent()
        more = (ToolGrant("recall", id=f"grant_{at}") for at in range(2, MOST_GRANTS + 1))
        await uow.agents.change(replace(agent, grants=(asking.asks.grant, *more)))
    await asking.press(ALWAYS, record, ADMIN)
    await asking.desk.settled()
    assert asking.done == [record.run], "this once"
    assert len((await asking.desk.bench.agent()).grants) == MOST_GRANTS


@pytest.mark.parametrize("pressed", [ALWAYS, APPROVE])
@pytest.mark.parametrize(
    "narrower", [{"scope": Scope(channels=("C3",))}, {"invokers": (Invoker.ADMIN,)}], ids=["other channels", "others"]
)
async def test_what_a_grant_is_not_for_any_more_is_neither_approved_nor_allowed_for_good(
    asking: Asking, pressed: str, narrower: dict[str, Any]
) -> None:
    record = await asking.begun()
    async with asking.desk.database.begin() as uow:
        agent = await asking.desk.bench.agent()
        *others, grant = agent.grants
        left = (*others, replace(grant, **narrower))
        await uow.agents.change(replace(agent, grants=left))
    assert "not granted to the agent any more" in told(await asking.press(pressed, record, ADMIN))
    assert (await asking.desk.bench.agent()).grants == left
    await asking.desk.settled()
    assert asking.done == []


async def test_the_first_approval_of_a_target_is_remembered_for_that_target_and_grant(asking: Asking) -> None:
    record = await asking.begun()
    async with asking.desk.database.begin() as uow:
        await uow.approvals.decide(WORKSPACE, record.id, ApprovalState.APPROVED, MEMBER.id)
    async with asking.desk.database.read() as uow:
        rows, target = uow.approvals, asking.asks.target
        assert await rows.approved_before(WORKSPACE, "grant_1", target)
        assert not await rows.approved_before(WORKSPACE, "grant_2", target)
        assert not await rows.approved_before(WORKSPACE, "grant_1", replace(target, channel="C3"))
        assert not await rows.approved_before("slack:T2", "grant_1", target)


async def test_what_a_run_left_open_is_ended_and_decided_rows_go_after_a_day(asking: Asking) -> None:
    record = await asking.begun()
    bench = asking.desk.bench
    retention = Retention(bench.database, bench.memory)
    await retention.tidy()
    assert await asking.sealed() == [True]
    async with bench.database.begin() as uow:
        await uow.runs.finish(record.run, RunState.FAILED, error="Abandoned")
    await retention.tidy()
    assert await asking.sealed() == [False]
    assert "over" in told(await asking.press(APPROVE, record))
    bench.clock.forward(hours=25)
    await retention.tidy()
    assert await asking.sealed() == []


async def test_taking_the_app_out_ends_what_is_asked_and_forgets_it(asking: Asking) -> None:
    await asking.begun()
    await asking.desk.intake.removed(WORKSPACE)
    await asking.desk.settled()
    assert asking.verdicts == ["stopped"]
    assert await asking.sealed() == []

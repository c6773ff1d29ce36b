"""A run's tools, from the listing to the result: what is decided, counted, written down, shown and done."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from sqlalchemy import text

from app.domain.chat import MemberKind
from app.domain.grants import (
    Approval,
    Denied,
    Granted,
    Invoker,
    Scope,
    Taint,
    Target,
    ToolGrant,
    Traits,
    digest,
    offshoot,
)
from app.domain.run import ToolCall
from app.ports.approvals import Approvers
from tests.app.belts import Belts, Tried, call, made
from tests.app.bench import MEMBER, WORKSPACE
from tests.fakes.journal import MemoryJournal

OUT = Traits(outward=True)
PRIVATE = Traits(reads_private=True, parallel=True)
POSTS = ToolGrant("post_message", scope=Scope(channels=("C1", "C2")))


@dataclass
class Named(Tried):
    """One that knows channels by names."""

    names: Mapping[str, str] = field(default_factory=lambda: {"news": "C2"})

    def target(self, arguments: Mapping[str, Any]) -> Target:
        return Target(channel=self.names[str(arguments["channel"])])


async def names(belts: Belts) -> list[str]:
    return [spec.name for spec in await (await belts.belt()).specs()]


async def test_only_what_is_granted_and_could_be_called_is_listed_in_a_stable_order(belts: Belts) -> None:
    belts.tools = [Tried("recall"), Tried("chat_search"), Tried("run_code"), Tried("post_message", OUT)]
    await belts.grant(ToolGrant("recall"), ToolGrant("chat_search"), ToolGrant("post_message"), ToolGrant("web_search"))
    assert await names(belts) == ["chat_search", "recall"], "a grant without a channel is for none"
    await belts.grant()
    assert await names(belts) == []
    await belts.grant(ToolGrant("recall", approval=Approval.ALWAYS, invokers=tuple(Invoker)))
    assert await names(belts) == ["recall"]
    belts.invoker = Invoker.SCHEDULED
    assert await names(belts) == [], "nobody is there who could agree"


async def test_a_granted_call_is_made_counted_and_written_down_without_what_is_in_it(belts: Belts) -> None:
    tool = Tried("chat_search", PRIVATE)
    belts.tools = [tool]
    await belts.grant(ToolGrant("chat_search", id="g1"))
    belt = await belts.belt()
    assert await made(belt, call("chat_search", query="the secret plan")) == ["done"]
    assert tool.calls == [{"query": "the secret plan"}]
    (entry,) = await belts.audit()
    agent = await belts.bench.agent()
    assert (entry.actor, entry.action, entry.object) == (MEMBER.id, "tool.allowed", "chat_search")
    assert entry.details == {
        "agent": agent.id, "run": "run_1", "call": "1", "invoker": "member", "grant": "g1",
        "digest": digest("chat_search", {"query": "the secret plan"}),
    }  # fmt: skip
    assert "secret" not in str(entry)


async def test_denials_are_written_down_and_a_made_up_name_is_not(belts: Belts) -> None:
    tool = Tried("recall")
    belts.tools = [tool]
    await belts.grant()
    belt = await belts.belt()
    told = await made(
        belt, call("recall", "c1"), call("leak_the_secret_plan", "c2"), ToolCall("c3", "recall", {}, malformed=True)
    )
    assert all(text.startswith("Not allowed: ") for text in told)
    assert tool.calls == []
    entries = await belts.audit()
    assert [(entry.action, entry.object) for entry in entries] == [
        ("tool.denied", "recall"), ("tool.denied", "unknown"), ("tool.denied", "recall")
    ]  # fmt: skip
    assert "secret_plan" not in str(entries)


async def test_arguments_that_make_no_sense_are_told_to_the_model_and_not_kept(belts: Belts) -> None:
    belts.tools = [Tried("recall")]
    await belts.grant(ToolGrant("recall"))
    assert await made(await belts.belt(), call("recall", bad="private words")) == ["Not allowed: bad is no argument."]
    (entry,) = await belts.audit()
    assert "private" not in str(entry)


async def test_a_grant_that_is_taken_back_in_the_middle_of_a_run_is_gone_at_once(belts: Belts) -> None:
    tool = Tried("recall")
    belts.tools = [tool]
    await belts.grant(ToolGrant("recall"))
    belt = await belts.belt()
    first, second = call("recall", "c1"), call("recall", "c2")
    assert await belt.decide(first) == Granted()
    await belts.grant()
    (result,) = await belt.call([first])
    assert result.content == "Not allowed: this agent has not been granted recall."
    assert isinstance(await belt.decide(second), Denied)
    assert tool.calls == []


@pytest.mark.parametrize("gone", ["paused", "deleted"])
async def test_an_agent_that_rests_or_is_gone_does_nothing_more(belts: Belts, gone: str) -> None:
    belts.tools = [Tried("recall")]
    agent = await belts.grant(ToolGrant("recall"))
    belt = await belts.belt()
    async with belts.bench.database.begin() as uow:
        if gone == "paused":
            await uow.agents.change(replace(agent, paused=True))
        else:
            await uow.agents.delete(WORKSPACE, agent.id)
    assert isinstance(await belt.decide(call("recall")), Denied)


async def test_what_nobody_has_decided_on_is_not_called(belts: Belts) -> None:
    tool = Tried("recall")
    belts.tools = [tool]
    await belts.grant(ToolGrant("recall"))
    belt = await belts.belt()
    decided = call("recall", query="a")
    assert await belt.decide(decided) == Granted()
    results = await belt.call([call("recall", query="a"), call("recall", query="b")])
    assert [result.is_error for result in results] == [True, True], "another call is another decision"
    assert [result.is_error for result in await belt.call([decided, decided])] == [False, True], "good for one call"
    changed = call("recall", query="a")
    assert await belt.decide(changed) == Granted()
    changed.arguments["query"] = "b"  # type: ignore[index]
    assert [result.is_error for result in await belt.call([changed])] == [True], "for these arguments"
    assert len(tool.calls) == 1


async def test_what_can_not_be_written_down_is_not_done(belts: Belts) -> None:
    tool = Tried("recall")
    belts.tools = [tool]
    await belts.grant(ToolGrant("recall"))
    belt = await belts.belt()
    async with belts.bench.database.begin() as uow:
        await uow.connection.execute(
            text("CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'full'); END")
        )
    with pytest.raises(Exception, match="step of a run failed"):
        await belt.decide(call("recall"))
    async with belts.bench.database.begin() as uow:
        await uow.connection.execute(text("DROP TRIGGER full"))
        assert (await uow.connection.execute(text("SELECT count(*) FROM tool_uses"))).scalar() == 0
    assert tool.calls == []


async def test_limits_count_what_was_let_through_over_runs_and_days(belts: Belts) -> None:
    belts.tools = [Tried("recall")]
    await belts.grant(ToolGrant("recall", per_run=2, per_day=3))
    belt = await belts.belt()
    told = await made(belt, *(call("recall", f"c{n}") for n in range(3)))
    assert told == ["done", "done", "Not allowed: recall may be used 2 times for one answer."]
    belt = await belts.belt()
    told = await made(belt, call("recall", "c1"), call("recall", "c2"))
    assert told == ["done", "Not allowed: recall may be used 3 times a day."]
    assert await names(belts) == []
    belts.bench.clock.forward(hours=25)
    assert await names(belts) == ["recall"]


async def test_what_always_granted_counts_against_the_limits_that_it_came_of(belts: Belts) -> None:
    belts.tools = [Tried("recall")]
    asks = ToolGrant("recall", id="g1", approval=Approval.ALWAYS, per_day=2)
    await belts.grant(
        asks,
        replace(asks, id=offshoot("g1", "1"), approval=Approval.NEVER),
        ToolGrant("recall", id="g12", per_day=1, invokers=()),
    )
    belt = await belts.belt()
    told = await made(belt, *(call("recall", f"c{n}") for n in range(4)))
    assert told == ["done", "done", *["Not allowed: recall may be used 2 times a day."] * 2]
    assert belts.people.asked == []


async def test_calls_that_change_nothing_run_beside_each_other_and_others_one_by_one(belts: Belts) -> None:
    reads, writes = Tried("recall"), Tried("post_message", OUT, writes=True)

    async def two_at_once() -> None:
        while reads.at_once < 2:
            await asyncio.sleep(0.001)

    reads.does = two_at_once
    belts.tools = [reads, writes]
    await belts.grant(ToolGrant("recall"), POSTS)
    belt = await belts.belt()
    calls = [
        call("recall", "c1"), call("recall", "c2"), call("post_message", "c3", channel="C2"),
        call("post_message", "c4", channel="C2"), call("recall", "c5"),
    ]  # fmt: skip
    assert await made(belt, *calls) == ["done"] * 5
    assert (reads.at_once, writes.at_once) == (2, 1)
    assert [step for step in belts.journal.done if step.startswith("tool")] == [
        "tools:1,2",
        "tool:3",
        "tool:4",
        "tools:5",
    ]


async def test_a_replay_takes_the_same_path_and_does_nothing_twice(belts: Belts) -> None:
    tool = Tried("chat_search", PRIVATE, Taint(untrusted=True))
    belts.tools = [tool]
    await belts.grant(ToolGrant("chat_search", approval=Approval.ALWAYS))
    one, two = call("chat_search", "c1"), call("chat_search", "c2")
    belt = await belts.belt()
    before = await made(belt, one, two)
    memory, taint = belts.journal.memory, belt.taint
    await belts.grant()
    belts.tools = []
    again = await belts.belt(MemoryJournal("run_1", memory))
    assert await made(again, one, two) == before == ["done", "done"]
    assert again.taint == taint == Taint(private=True, untrusted=True)
    assert (len(tool.calls), len(belts.people.asked)) == (2, 2)
    assert belts.journal.done == []


async def test_what_a_call_names_is_what_was_decided_on_also_after_a_restart(belts: Belts) -> None:
    """A channel that is called otherwise by then, or a tool that somebody else has changed meanwhile, is another one."""
    tool = Named("post_message", OUT, writes=True)
    belts.tools = [tool]
    await belts.grant(replace(POSTS, approval=Approval.ALWAYS))
    one = call("post_message", channel="news")
    for change in ("name", "traits"):
        belt = await belts.belt()
        assert await belt.decide(one) == Granted()
        if change == "name":
            tool.names = {"news": "C1"}
        else:
            tool.names, tool.traits = {"news": "C2"}, replace(OUT, pin="another")
        again = await belts.belt(MemoryJournal(f"run_{belts.runs}", belts.journal.memory))
        assert await again.decide(one) == Granted()
        (result,) = await again.call([one])
        assert "not what it was" in result.content
        assert (await belts.decisions())[-1] == "tool.denied"
    assert tool.calls == []


async def test_what_goes_out_is_begun_once_even_if_the_process_dies_in_the_middle(belts: Belts) -> None:
    tool = Tried("post_message", OUT, writes=True)
    belts.tools = [tool]
    await belts.grant(POSTS)
    one = call("post_message", channel="C2")
    belt = await belts.belt()
    assert await belt.decide(one) == Granted()
    hangs = asyncio.Event()
    tool.does = hangs.wait
    making = asyncio.create_task(belt.call([one]))
    while not tool.calls:
        await asyncio.sleep(0)
    making.cancel()
    await asyncio.wait([making])
    tool.does = None
    again = await belts.belt(MemoryJournal("run_1", belts.journal.memory))
    assert await again.decide(one) == Granted()
    (result,) = await again.call([one])
    assert "nobody knows how far it came" in result.content
    assert len(tool.calls) == 1
    assert (await belts.decisions())[-1] == "tool.unclear"


@pytest.mark.parametrize(
    ("tool", "one"),
    [
        (Tried("recall"), call("recall")),
        (Tried("http_fetch", OUT), call("http_fetch", url="https://docs.example.com/")),
    ],
    ids=["notes", "a page"],
)
async def test_what_only_reads_is_read_again_after_such_an_end(belts: Belts, tool: Tried, one: ToolCall) -> None:
    belts.tools = [tool]
    await belts.grant(ToolGrant("recall"), ToolGrant("http_fetch", scope=Scope(hosts=("docs.example.com",))))
    belt = await belts.belt()
    await belt.decide(one)
    tool.does = asyncio.Event().wait
    making = asyncio.create_task(belt.call([one]))
    while not tool.calls:
        await asyncio.sleep(0)
    making.cancel()
    await asyncio.wait([making])
    tool.does = None
    again = await belts.belt(MemoryJournal("run_1", belts.journal.memory))
    await again.decide(one)
    assert [result.content for result in await again.call([one])] == ["done"]
    assert await belts.decisions() == ["tool.allowed"]


async def test_after_a_yes_it_is_decided_anew(belts: Belts) -> None:
    tool = Tried("recall")
    belts.tools = [tool]
    await belts.grant(ToolGrant("recall", approval=Approval.ALWAYS))
    belt = await belts.belt()
    assert await made(belt, call("recall", "c1", query="x")) == ["done"]
    (request,) = belts.people.asked
    assert (request.number, request.approvers, request.digest) == (
        "1",
        Approvers.ASKER,
        digest("recall", {"query": "x"}),
    )
    entries = await belts.audit()
    assert [entry.action for entry in entries] == ["tool.asked", "tool.allowed"]
    assert entries[1].details["approval"] == "appr_1"
    belts.people.meanwhile = belts.grant
    assert await made(belt, call("recall", "c2")) == ["Not allowed: this agent has not been granted recall."]
    assert len(tool.calls) == 1


async def test_after_a_no_nothing_is_done(belts: Belts) -> None:
    tool = Tried("recall")
    belts.tools = [tool]
    belts.people.yes = False
    await belts.grant(ToolGrant("recall", approval=Approval.ALWAYS))
    assert await made(await belts.belt(), call("recall")) == ["Not allowed: a person said no."]
    assert tool.calls == []
    assert await belts.decisions() == ["tool.asked", "tool.denied"]


async def test_an_askers_yes_does_not_do_where_it_takes_an_admin_by_then(belts: Belts) -> None:
    belts.tools = [Tried("post_message", OUT, writes=True)]
    await belts.grant(replace(POSTS, approval=Approval.ALWAYS))

    async def closed() -> None:
        belts.bench.platform.channels.add("C1", "general", only=(MEMBER,))

    belts.people.meanwhile = closed
    (told,) = await made(await belts.belt(), call("post_message", channel="C2"))
    assert (
        told
        == "Not allowed: Not everybody who reads that channel could read what this is made of. Only an admin could agree to that now."
    )


@pytest.mark.parametrize("kind", [MemberKind.GUEST, MemberKind.EXTERNAL])
async def test_who_has_left_or_become_a_guest_meanwhile_is_acted_for_as_that(belts: Belts, kind: MemberKind) -> None:
    tool = Tried("recall")
    belts.tools = [tool]
    await belts.grant(ToolGrant("recall", approval=Approval.ALWAYS))

    async def other_by_then() -> None:
        belts.bench.platform.people[MEMBER] = kind

    belts.people.meanwhile = other_by_then
    (told,) = await made(await belts.belt(), call("recall"))
    assert told.startswith("Not allowed: this agent may not use recall for ")
    assert tool.calls == []
    assert (await belts.audit())[-1].details["invoker"] == kind.value


async def test_who_has_become_an_admin_meanwhile_is_acted_for_as_when_they_asked(belts: Belts) -> None:
    belts.tools = [Tried("recall")]
    await belts.grant(ToolGrant("recall", invokers=(Invoker.MEMBER,)))
    belt = await belts.belt()
    belts.bench.platform.people[MEMBER] = MemberKind.ADMIN
    assert await made(belt, call("recall")) == ["done"]

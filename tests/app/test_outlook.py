"""“What can this agent do here, for you”: as a run would be decided on, for this person, in this place."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from app.domain.chat import MemberKind, UserRef
from app.domain.events import Command, Private
from app.domain.grants import Approval, GrantPlace, Invoker, Scope, ToolGrant, Where
from app.services.workspaces import WorkspaceSettings
from tests.app.bench import ADMIN, MEMBER, Bench, words

GUEST = UserRef(ADMIN.workspace, "U4GUEST")
POST = ToolGrant("post_message", approval=Approval.ALWAYS, scope=Scope(channels=("C-SUPPORT",)))


async def can(bench: Bench, text: str = "can assistant", *, by: UserRef = MEMBER, channel: str = "C1") -> str:
    """What somebody is told who asks there."""
    outcome = await bench.commands.command(Command(by, text, channel, place_is_private=channel.startswith("D")))
    assert isinstance(outcome, Private)
    return words(outcome.view)


async def give(bench: Bench, *grants: ToolGrant) -> None:
    agent = await bench.agent()
    await bench.agents.set_grants(agent.workspace, agent.id, ADMIN, lambda held: grants)


async def test_everybody_is_told_what_it_can_do_and_who_will_be_asked(bench: Bench) -> None:
    await give(bench, ToolGrant("current_time"), POST, replace(POST, approval=Approval.NEVER, per_day=3))
    told = await can(bench)
    assert "What assistant can do for you here" in told
    assert "✅ Look at the clock" in told
    assert "✋ Post to C-SUPPORT ; you will be asked" in told
    assert "✅ Post to C-SUPPORT ; at most 3 a day" in told
    assert "You count as a member here" in told
    assert "Never granted to it: Thread history, Channel history" in told


async def test_what_it_cant_do_here_or_for_you_comes_with_the_reason(bench: Bench) -> None:
    gone = bench.clock.now() - timedelta(days=1)
    await give(
        bench,
        ToolGrant("current_time", invokers=(Invoker.ADMIN,)),
        ToolGrant("thread_history", places=(GrantPlace(Where.DIRECT),)),
        ToolGrant("chat_search", expires=gone),
        ToolGrant("channel_history"),
        ToolGrant("run_code"),
        ToolGrant("web_search", approval=Approval.ALWAYS),
    )
    told = await can(bench)
    assert "Current time : this agent may not use current_time for members." in told
    assert "Thread history : this agent may not use thread_history here." in told
    assert "Search chat : the grant of chat_search has run out." in told
    assert "names no channel or agent" in told
    assert "Run code : it can't work here" in told
    assert "Search the web : its model's provider searches by itself" in told
    assert "Nothing but answer from what is in the conversation." in told
    assert "✅ Look at the clock" in await can(bench, by=ADMIN)
    assert "✅ Read more of the thread" in await can(bench, channel="D1")


async def test_it_says_so_where_it_would_not_answer_at_all(bench: Bench) -> None:
    bench.platform.people[GUEST] = MemberKind.GUEST
    assert "Guests can't use agents here" in await can(bench, by=GUEST)
    agent = await bench.agent()
    await bench.agents.pause(agent.workspace, agent.id, ADMIN, paused=True)
    assert "It is paused" in await can(bench)


async def test_in_a_channel_that_other_organisations_read_only_what_is_granted_there_counts(bench: Bench) -> None:
    await bench.workspaces.change(ADMIN.workspace, WorkspaceSettings(answer_shared=True), ADMIN)
    await give(bench, ToolGrant("current_time"), ToolGrant("thread_history", places=(GrantPlace(Where.SHARED),)))
    bench.platform.channels.add("C-SHARED", "partners", only=[MEMBER], shared=True)
    told = await can(bench, channel="C-SHARED")
    assert "this agent may not use current_time here" in told
    assert "✅ Read more of the thread" in told


async def test_without_a_name_there_is_a_choice_of_all_that_answer(bench: Bench) -> None:
    await bench.pressed("template_use", "writer")
    await bench.sent("template_save", {"name": "writer", "instructions": "Write."}, context="writer")
    told = await can(bench, "can")
    assert "assistant" in told
    assert "writer" in told
    outcome = await bench.pressed("agent_can", (await bench.agent("writer")).id, by=MEMBER)
    assert isinstance(outcome, Private)
    assert "What writer can do for you in a direct message" in words(outcome.view)


async def test_looking_ahead_counts_and_writes_nothing(bench: Bench) -> None:
    await give(bench, replace(POST, per_day=1))
    before = await bench.audited()
    for _ in range(3):
        assert "✋ Post to C-SUPPORT" in await can(bench)
    assert await bench.audited() == before

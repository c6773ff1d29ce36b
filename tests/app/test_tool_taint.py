"""What a run has read, whom it acts for, and what people see of it: how that bears on its tools."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import text

from app.domain.chat import HistoryMessage, Place
from app.domain.grants import Approval, Granted, Scope, Taint, ToolGrant, Traits
from app.domain.run import ModelDone, ModelMessage, Role, Source, Stop, Usage
from app.ports.agents import Question
from app.ports.platform import StepState
from app.services.agent_drafts import AgentDraft
from app.services.tool_calls import BROKEN, NOT_FOR_HERE
from tests.app.belts import Belts, Tried, call, made
from tests.app.bench import ADMIN, MEMBER, WORKSPACE
from tests.app.desk import THREAD
from tests.fakes.platform import EPOCH

OUT = Traits(outward=True)
PRIVATE = Traits(reads_private=True, parallel=True)
POSTS = ToolGrant("post_message", scope=Scope(channels=("C1", "C2")))


async def test_private_words_and_a_strangers_words_together_hold_an_outward_call_up(belts: Belts) -> None:
    page = Tried("http_fetch", Traits(reads_untrusted=True, outward=True))
    belts.tools = [
        Tried("chat_search", PRIVATE),
        page,
        Tried("post_message", OUT, writes=True),
        Tried("remember", Traits(changes=True)),
    ]
    await belts.grant(
        ToolGrant("chat_search"),
        POSTS,
        ToolGrant("remember"),
        ToolGrant("http_fetch", scope=Scope(hosts=("docs.example.com",))),
    )
    belts.people.yes = False
    belt = await belts.belt()
    post = call("post_message", "c9", channel="C2")
    assert await made(belt, call("chat_search"), post, call("remember", "c3")) == ["done"] * 3
    assert belts.people.asked == []
    await made(belt, call("http_fetch", "c4", url="https://docs.example.com/"))
    assert belt.taint == Taint(private=True, untrusted=True)
    again = call("post_message", "c5", channel="C2")
    assert await made(belt, again) == ["Not allowed: a person said no."]
    assert len(belts.people.asked) == 1
    assert "changed" in (await made(belt, call("remember", "c6")))[0]
    assert "remember" not in [spec.name for spec in await belt.specs()]


async def test_what_a_conversation_has_read_it_has_read_for_good(belts: Belts) -> None:
    await belts.bench.set_key()
    belts.tools = [Tried("chat_search", PRIVATE, Taint(untrusted=True, channels=("C3",)))]
    belts.where = replace(THREAD, channel="D2", place=Place.DIRECT)
    async with belts.bench.database.begin() as uow:
        await uow.connection.execute(
            text(
                "INSERT INTO conversations (id, workspace, channel, thread, generation, shared, agent_id, forget_before, created_at, active_at)"
                f" VALUES ('v1', '{WORKSPACE}', 'D2', '{THREAD.thread}', 0, 0, '', '', '2026-01-01', '2026-01-01')"
            )
        )
    await belts.grant(ToolGrant("chat_search"))
    assert await made(await belts.belt(), call("chat_search")) == ["done"]
    async with belts.bench.database.read() as uow:
        assert await uow.tool_uses.taint(belts.where) == Taint(private=True, untrusted=True, channels=("C3",))


async def test_what_not_everybody_here_can_read_is_held_back(belts: Belts) -> None:
    belts.tools = [Tried("chat_search", PRIVATE, Taint(channels=("C3",)), answer="the secret")]
    await belts.grant(ToolGrant("chat_search"))
    belt = await belts.belt()
    assert await made(belt, call("chat_search")) == [NOT_FOR_HERE]
    assert belt.taint.channels == ()
    belts.where = replace(THREAD, channel="D2", place=Place.DIRECT)
    assert await made(await belts.belt(), call("chat_search")) == ["the secret"]


async def test_an_address_in_the_askers_own_words_may_be_visited_and_one_of_an_agents_may_not(belts: Belts) -> None:
    belts.tools = [Tried("http_fetch", Traits(reads_untrusted=True, outward=True))]
    belts.people.yes = False
    belts.asked = "Read <https://blog.example/post>."
    await belts.grant(ToolGrant("http_fetch"))
    page = call("http_fetch", url="https://blog.example/post")
    assert await made(await belts.belt(), page) == ["done"]
    assert await made(await belts.belt(depth=1), page) == ["Not allowed: a person said no."]
    assert await made(await belts.belt(depth=1, words=belts.asked), page) == ["done"], "what the asker wrote goes along"
    longer = call("http_fetch", url="https://blog.example/post?data=x")
    assert await made(await belts.belt(), longer) == ["Not allowed: a person said no."]


async def test_what_the_asker_named_earlier_in_the_thread_is_named_and_what_others_said_is_not(belts: Belts) -> None:
    belts.tools = [Tried("http_fetch", Traits(reads_untrusted=True, outward=True))]
    belts.people.yes = False
    await belts.grant(ToolGrant("http_fetch"))
    said = {
        who: HistoryMessage("1", "https://blog.example/post", who, from_agent=who is None, at=EPOCH)
        for who in (MEMBER, ADMIN, None)
    }
    told = {}
    for who, message in said.items():
        question = Question("And now?", MEMBER, (message,), {}, EPOCH)
        told[who] = await made(await belts.belt(question=question), call("http_fetch", url="https://blog.example/post"))
    assert told == {
        MEMBER: ["done"],
        ADMIN: ["Not allowed: a person said no."],
        None: ["Not allowed: a person said no."],
    }


def found(*urls: str) -> ModelDone:
    message = ModelMessage(Role.ASSISTANT, ())
    return ModelDone(message, Stop.TOOL, Usage(searches=1), "m", tuple(Source("", url) for url in urls))


async def test_what_a_search_found_may_be_visited_unless_it_may_have_been_told_something_private(belts: Belts) -> None:
    belts.tools = [Tried("http_fetch", Traits(reads_untrusted=True, outward=True))]
    belts.people.yes = False
    await belts.grant(ToolGrant("http_fetch"), ToolGrant("web_search", id="s", per_day=2))
    page = call("http_fetch", url="https://blog.example/post")
    belt = await belts.belt()
    await belt.heard(found("https://blog.example/post"))
    assert belt.taint == Taint(untrusted=True)
    assert await made(belt, page) == ["done"]
    belt = await belts.belt(taint=Taint(private=True))
    assert await belt.may_search() == 1
    await belt.heard(found("https://blog.example/post"))
    assert not await belt.may_search(), "private and from outside: nothing more leaves by the way of a search"
    assert await made(belt, page) == ["Not allowed: a person said no."]
    assert not await (await belts.belt()).may_search(), "two a day"
    searched = [entry for entry in await belts.audit() if entry.object == "web_search"]
    assert [entry.action for entry in searched] == ["tool.allowed"] * 2


async def test_a_provider_searches_only_where_that_is_granted_and_nobody_need_be_asked(belts: Belts) -> None:
    await belts.grant()
    assert not await (await belts.belt()).may_search()
    await belts.grant(ToolGrant("web_search", approval=Approval.ALWAYS))
    assert not await (await belts.belt()).may_search()
    await belts.grant(ToolGrant("web_search"))
    assert await (await belts.belt()).may_search() == 5


async def test_a_provider_searches_no_more_often_than_is_left_of_the_grant(belts: Belts) -> None:
    grants = (ToolGrant("web_search", id="a", per_run=1), ToolGrant("web_search", id="b", per_run=3, per_day=4))
    await belts.grant(ToolGrant("web_search", approval=Approval.ALWAYS), *grants)
    belt = await belts.belt()
    assert await belt.may_search() == 3
    await belt.heard(replace(found(), usage=Usage(searches=2)))
    assert await belt.may_search() == 1
    assert await (await belts.belt()).may_search() == 2, "four a day"


async def test_an_agent_that_was_asked_by_another_may_only_do_what_both_may(belts: Belts) -> None:
    belts.tools = [Tried("recall"), Tried("chat_search", PRIVATE)]
    boss = await belts.bench.agents.create(
        WORKSPACE, AgentDraft("boss", grants=(ToolGrant("recall", per_run=1),)), ADMIN
    )
    await belts.grant(ToolGrant("recall"), ToolGrant("chat_search"))
    belt = await belts.belt(depth=1, rights=(boss,))
    assert [spec.name for spec in await belt.specs()] == ["recall"]
    told = await made(belt, call("recall", "c1"), call("chat_search", "c2"), call("recall", "c3"))
    assert told[0] == "done"
    assert told[1:] == [
        "Not allowed: this agent has not been granted chat_search.", "Not allowed: recall may be used once for one answer."
    ]  # fmt: skip


async def test_a_tool_that_breaks_down_does_not_end_the_answer(belts: Belts) -> None:
    def breaks() -> None:
        raise RuntimeError("with a secret in it")

    belts.tools = [Tried("recall", does=breaks)]
    await belts.grant(ToolGrant("recall"))
    belt = await belts.belt()
    one = call("recall")
    assert await belt.decide(one) == Granted()
    (result,) = await belt.call([one])
    assert (result.content, result.is_error) == (BROKEN, True)


async def test_people_see_what_is_done_in_our_words_and_how_it_went(belts: Belts) -> None:
    belts.tools = [Tried("channel_history", PRIVATE), Tried("http_fetch", OUT)]
    belts.people.yes = False
    await belts.grant(
        ToolGrant("channel_history", scope=Scope(channels=("C2",))),
        ToolGrant("http_fetch", scope=Scope(hosts=("docs.example.com",))),
    )
    belt = await belts.belt()
    await made(
        belt, call("channel_history", "c1", channel="C2"), call("http_fetch", "c2", url="https://docs.example.com/x"),
        call("http_fetch", "c3", url="https://evil.example/?secret"), call("invented", "c4"), call("channel_history", "c5", channel="C3"),
    )  # fmt: skip
    last = {step.id: step for step in belts.shown}
    assert [(step.title, step.state) for step in last.values()] == [
        ("Reading #news", StepState.DONE),
        ("Reading docs.example.com", StepState.DONE),
        ("Reading evil.example", StepState.FAILED),
        ("Reading #secret", StepState.FAILED),
    ]
    assert [step.state for step in belts.shown if step.id == "3"] == [
        StepState.RUNNING,
        StepState.WAITING,
        StepState.FAILED,
    ]


async def test_what_servers_say_of_their_tools_counts_by_the_plan_whatever_is_granted_or_taken_back_since(
    belts: Belts,
) -> None:
    news = ToolGrant("mcp-news-latest", scope=Scope(schema="as admins saw it"))
    belts.tools = [Tried("mcp-news-latest", Traits(pin="as admins saw it")), Tried("current_time")]
    planned = await belts.grant(news, ToolGrant("current_time"))
    told = await belts.belt()
    assert told.taint.untrusted
    assert [spec.name for spec in await told.specs()] == ["current_time", "mcp-news-latest"]
    await belts.grant(ToolGrant("current_time"))
    again = await belts.belt(belts.journal, agent=planned)
    assert again.taint.untrusted  # taken back while the process was down
    late = await belts.belt()
    await belts.grant(news, ToolGrant("current_time"))
    assert not late.taint.untrusted
    assert [spec.name for spec in await late.specs()] == ["current_time"]  # granted after the plan: the next run has it

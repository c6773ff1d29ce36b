"""Which agent answers, and how admins make, change, pause and drop them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from app.domain.agent import AgentSpec
from app.domain.chat import ConversationRef, Place
from app.domain.events import Addressed, Mention
from app.errors import BadInput, NoAgent
from app.services.agent_drafts import AgentDraft
from tests.app.bench import ADMIN, GOOD, MEMBER, OTHER, WORKSPACE, Bench


def mention(bench: Bench, text: str, *, channel: str = "C1", addressed: Addressed = Addressed.MENTION) -> Mention:
    conversation = ConversationRef(WORKSPACE, channel, "1.0", Place.CHANNEL)
    return Mention("E1", conversation, "1.1", MEMBER, addressed, bench.clock.now(), text)


async def make(bench: Bench, name: str, **settings: Any) -> AgentSpec:
    return await bench.agents.create(WORKSPACE, AgentDraft(name, **settings), ADMIN)


async def chosen(bench: Bench, text: str, *, thread: str = "", **more: Any) -> tuple[str, str]:
    agent, rest = await bench.agents.choose(mention(bench, text, **more), thread)
    return agent.name, rest


async def test_named_after_the_mention_comes_first_then_the_thread_the_channel_the_default(bench: Bench) -> None:
    for name in ("writer", "coder", "seller"):
        await make(bench, name)
    coder, seller = await bench.agent("coder"), await bench.agent("seller")
    assert await chosen(bench, "hello") == ("assistant", "hello")
    await bench.agents.set_channel(WORKSPACE, "C1", seller.id, ADMIN)
    assert await chosen(bench, "hello") == ("seller", "hello")
    assert await chosen(bench, "hello", channel="C2") == ("assistant", "hello")
    assert await chosen(bench, "hello", thread=coder.id) == ("coder", "hello")
    assert await chosen(bench, "writer: hello", thread=coder.id) == ("writer", "hello")


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("writer: shorten this", ("writer", "shorten this")),
        ("Writer, shorten this", ("writer", "shorten this")),
        ("  @writer:\nshorten this", ("writer", "shorten this")),
        ("writer:", ("writer", "")),
        ("writer shorten this", ("writer", "writer shorten this")),
        ("writers: who are they", ("assistant", "writers: who are they")),
        ("Question: is writer: a thing?", ("assistant", "Question: is writer: a thing?")),
        ("ask writer: hello", ("assistant", "ask writer: hello")),
        ("https://writer: x", ("assistant", "https://writer: x")),
        ("", ("assistant", "")),
    ],
)
async def test_a_name_with_a_colon_is_cut_off_and_a_bare_first_word_stays(
    bench: Bench, text: str, answer: tuple[str, str]
) -> None:
    await make(bench, "writer")
    assert await chosen(bench, text) == answer


async def test_a_follow_up_changes_agents_by_a_colon_only(bench: Bench) -> None:
    await make(bench, "research")
    thread = (await bench.agent()).id
    assert await chosen(bench, "research this", thread=thread, addressed=Addressed.FOLLOW_UP) == (
        "assistant",
        "research this",
    )
    assert await chosen(bench, "research: this", thread=thread, addressed=Addressed.FOLLOW_UP) == ("research", "this")


async def test_a_paused_agent_does_not_answer_and_says_so(bench: Bench) -> None:
    agent = await make(bench, "writer")
    await bench.agents.pause(WORKSPACE, agent.id, ADMIN, paused=True)
    with pytest.raises(NoAgent, match="paused"):
        await chosen(bench, "writer: hello")
    assert await chosen(bench, "writer hello") == ("assistant", "writer hello")
    await bench.agents.pause(WORKSPACE, agent.id, ADMIN, paused=False)
    assert await chosen(bench, "writer: hello") == ("writer", "hello")


async def test_an_agent_answers_only_in_its_channels(bench: Bench) -> None:
    agent = await make(bench, "writer", channels=("C1",))
    assert await chosen(bench, "writer: hello") == ("writer", "hello")
    with pytest.raises(NoAgent, match="does not answer here"):
        await chosen(bench, "writer: hello", channel="C2")
    with pytest.raises(BadInput):
        await bench.agents.set_channel(WORKSPACE, "C2", agent.id, ADMIN)


async def test_a_thread_whose_agent_was_deleted_goes_on_with_the_default(bench: Bench) -> None:
    agent = await make(bench, "writer")
    await bench.agents.delete(WORKSPACE, agent.id, ADMIN)
    assert await chosen(bench, "hello", thread=agent.id) == ("assistant", "hello")


async def test_the_default_is_moved_never_doubled_and_never_deleted(bench: Bench) -> None:
    writer, coder, assistant = await make(bench, "writer"), await make(bench, "coder"), await bench.agent()
    await asyncio.gather(*(bench.agents.make_default(WORKSPACE, agent.id, ADMIN) for agent in (writer, coder)))
    assert sum(agent.is_default for agent in await bench.agents.all(WORKSPACE)) == 1
    await bench.agents.make_default(WORKSPACE, writer.id, ADMIN)
    with pytest.raises(BadInput, match="default"):
        await bench.agents.delete(WORKSPACE, writer.id, ADMIN)
    await bench.agents.delete(WORKSPACE, assistant.id, ADMIN)
    await bench.agents.pause(WORKSPACE, coder.id, ADMIN, paused=True)
    with pytest.raises(BadInput, match="paused"):
        await bench.agents.make_default(WORKSPACE, coder.id, ADMIN)


@pytest.mark.parametrize(
    ("field", "draft"),
    [
        ("name", {"name": "Two Words"}),
        ("name", {"name": "writer:"}),
        ("name", {"name": ""}),
        ("name", {"name": "x" * 33}),
        ("name", {"name": "forget"}),
        ("emoji", {"name": "a", "emoji": ":fox:"}),
        ("emoji", {"name": "a", "emoji": "🦊 🦊"}),
        *(
            ("emoji", {"name": "a", "emoji": sign})
            for sign in ("x", "é", "***", "`", "\x00", "\u202e", "\u200b", "\ufe0f", "\u20e3", "1")
        ),
        ("description", {"name": "a", "description": "x" * 301}),
        ("instructions", {"name": "a", "instructions": "x" * 3001}),
        ("instructions", {"name": "a", "instructions": f"Use {GOOD} for it."}),
        ("instructions", {"name": "a", "instructions": "nothing\x00here"}),
        ("model", {"name": "a", "model": "m"}),
        ("model", {"name": "a", "provider": "anthropic", "model": "m" * 201}),
        ("channels", {"name": "a", "channels": ("C" * 300,)}),
        ("channels", {"name": "a", "channels": tuple(f"C{number}" for number in range(101))}),
        ("max_output_tokens", {"name": "a", "max_output_tokens": 1}),
        ("max_steps", {"name": "a", "max_steps": 0}),
    ],
)
def test_what_cannot_be_an_agent_names_its_field(field: str, draft: dict[str, Any]) -> None:
    with pytest.raises(BadInput) as refused:
        AgentDraft(**draft)
    assert refused.value.field == field


@pytest.mark.parametrize(
    "emoji",
    [
        "",
        "🦊",
        "👩🏽‍❤️‍💋‍👨🏽",
        "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
        "🇪🇺",
        "1️⃣",
        "⚖️",
        "\U0001fae8",
    ],
)
def test_every_kind_of_emoji_can_be_an_agents_icon(emoji: str) -> None:
    assert AgentDraft("a", emoji=emoji).emoji == emoji


async def test_names_are_free_or_refused(bench: Bench) -> None:
    agent = await make(bench, "writer")
    for act in (make(bench, "writer"), bench.agents.edit(WORKSPACE, agent.id, AgentDraft("assistant"), ADMIN)):
        with pytest.raises(BadInput) as refused:
            await act
        assert refused.value.field == "name"
    assert (await bench.agents.edit(WORKSPACE, agent.id, AgentDraft("editor", emoji="🦊"), ADMIN)).persona.emoji == "🦊"


async def test_a_model_may_name_a_live_key_of_its_provider_only(bench: Bench) -> None:
    await bench.set_key()
    team = (await bench.set_key(OTHER, label="team")).key
    agent = await bench.agent()
    kept = await bench.agents.set_model(WORKSPACE, agent.id, ADMIN, provider="anthropic", model="m", key_id=team.id)
    assert kept.key_id == team.id
    with pytest.raises(BadInput):
        await bench.agents.set_model(WORKSPACE, agent.id, ADMIN, provider="openai", model="m", key_id=team.id)
    await bench.keys.setting.revoke(WORKSPACE, team.id, ADMIN)
    with pytest.raises(BadInput):
        await bench.agents.set_model(WORKSPACE, agent.id, ADMIN, provider="anthropic", model="n", key_id=team.id)


async def test_every_change_is_written_down_once(bench: Bench) -> None:
    agent = await make(bench, "writer")
    await bench.agents.edit(WORKSPACE, agent.id, AgentDraft("editor"), ADMIN)
    await bench.agents.edit(WORKSPACE, agent.id, AgentDraft("editor"), ADMIN)
    await bench.agents.make_default(WORKSPACE, agent.id, ADMIN)
    await bench.agents.set_channel(WORKSPACE, "C1", agent.id, ADMIN)
    await bench.agents.pause(WORKSPACE, agent.id, ADMIN, paused=True)
    await bench.agents.delete(WORKSPACE, (await bench.agent()).id, ADMIN)
    assert (await bench.actions())[2:] == [
        "agent.created", "agent.changed", "agent.made_default", "channel.agent_set", "agent.paused", "agent.deleted",
    ]  # fmt: skip


async def test_agents_of_another_workspace_are_out_of_reach(bench: Bench) -> None:
    await bench.workspaces.ensure("slack:T2")
    [theirs] = await bench.agents.all("slack:T2")
    for act in (
        bench.agents.get(WORKSPACE, theirs.id),
        bench.agents.delete(WORKSPACE, theirs.id, ADMIN),
        bench.agents.make_default(WORKSPACE, theirs.id, ADMIN),
        bench.agents.set_channel(WORKSPACE, "C1", theirs.id, ADMIN),
    ):
        with pytest.raises(NoAgent):
            await act

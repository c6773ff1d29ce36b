"""A model stands in for another: only where an admin allowed it, under the workspace's own key, and only while the provider is away."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest
from sqlalchemy import select

from app.domain.agent import Fallback
from app.domain.chat import FileRef
from app.domain.money import TokenPrices
from app.domain.run import ModelInfo, OpaquePart, RunState, TextPart, ToolCall
from app.domain.spend import Limit, Period, Scope
from app.domain.views import Feedback
from app.errors import (
    BadAnswer,
    BadInput,
    ContextTooLong,
    CutOff,
    KeyRejected,
    ModelGone,
    NoCredit,
    NotPermitted,
    Overloaded,
    ProviderError,
    RateLimited,
    RequestRefused,
    TimedOut,
    Unreachable,
)
from app.services.agent_drafts import AgentDraft
from app.services.agent_files import export, parse
from app.store.tables import receipts
from tests.app.bench import ADMIN, GOOD, OTHER, WORKSPACE, words
from tests.app.desk import Desk, ScriptedProvider
from tests.app.engines import until
from tests.fakes.provider import models

SAID = "stood in for claude-fine"


@pytest.fixture
async def stand_in(desk: Desk) -> ScriptedProvider:
    """OpenAI, whose model may stand in for the agent's; its key is another than Anthropic's."""
    made = ScriptedProvider("openai", "OpenAI", keys={OTHER}, listed=models("gpt-fine", "gpt-small"))
    desk.bench.providers["openai"] = made
    await desk.bench.set_key(OTHER, provider="openai")
    await allow(desk, Fallback("openai", "gpt-fine"))
    return made


async def allow(desk: Desk, *fallbacks: Fallback) -> None:
    agent = await desk.bench.agent()
    await desk.bench.agents.set_fallbacks(WORKSPACE, agent.id, ADMIN, fallbacks)


def under(desk: Desk) -> str:
    return words(desk.shown()[-1].views)


@pytest.mark.parametrize(
    ("failure", "why"),
    [
        (Overloaded(retry_after=30), "overloaded"),
        (RateLimited(retry_after=30), "rate limit"),
        (Unreachable(), "not reachable"),
        (TimedOut(), "no answer in time"),
    ],
)
async def test_while_the_provider_is_away_the_stand_in_answers_and_the_footer_says_so(
    desk: Desk, stand_in: ScriptedProvider, failure: ProviderError, why: str
) -> None:
    settings = await desk.workspaces.settings(WORKSPACE)
    await desk.workspaces.change(WORKSPACE, replace(settings, footer=False), ADMIN)
    desk.model.script, stand_in.answer = [failure], "Here I am."
    reply = await desk.ask("Well?")
    assert desk.shown()[-1].text == "Here I am."
    assert f"assistant · gpt-fine {SAID} ({why})" in under(desk)
    assert stand_in.keys_used() == [OTHER], "and its own provider's key pays"
    assert desk.model.keys_used() == [GOOD]
    assert reply
    assert f"is asking gpt-fine instead of claude-fine ({why})…" in reply.statuses
    assert [record.state for record in await desk.records()] == [RunState.DONE]


@pytest.mark.parametrize(
    "failure",
    [KeyRejected(), NoCredit(), NotPermitted(), ModelGone(), RequestRefused(), ContextTooLong(), BadAnswer(), CutOff()],
)
async def test_what_is_wrong_with_the_key_the_model_or_the_request_is_explained_and_nobody_stands_in(
    desk: Desk, stand_in: ScriptedProvider, failure: ProviderError
) -> None:
    desk.model.failure = failure
    await desk.ask("Well?")
    assert stand_in.requests == []
    assert [record.error for record in await desk.records()] == [failure.code]


async def test_without_an_admins_word_nobody_stands_in(desk: Desk, stand_in: ScriptedProvider) -> None:
    await allow(desk)
    desk.model.failure = Unreachable()
    await desk.ask("Well?")
    assert stand_in.requests == []


async def test_after_a_word_was_shown_nobody_stands_in(desk: Desk, stand_in: ScriptedProvider) -> None:
    desk.model.script = [(TextPart("Well, I"), Overloaded(retry_after=30))]
    await desk.ask("Well?")
    assert stand_in.requests == []
    assert desk.shown()[-1].text == "Well, I"


async def test_they_stand_in_in_the_order_that_admins_set(desk: Desk, stand_in: ScriptedProvider) -> None:
    await allow(desk, Fallback("openai", "gpt-small"), Fallback("openai", "gpt-fine"))
    desk.model.script, stand_in.script = [Unreachable()], [Overloaded(), "From the second."]
    await desk.ask("Well?")
    assert [request.model for request in stand_in.requests] == ["gpt-small", "gpt-fine"]
    assert "gpt-fine stood in for claude-fine (not reachable)" in under(desk)
    assert "gpt-small" not in under(desk)


async def test_where_nobody_can_stand_in_the_first_ones_reason_is_explained(
    desk: Desk, stand_in: ScriptedProvider
) -> None:
    desk.model.failure, stand_in.failure = Unreachable(), KeyRejected()
    await desk.ask("Well?")
    assert [record.error for record in await desk.records()] == [Unreachable.__name__]
    assert "stood in" not in under(desk)


async def test_the_next_step_of_a_run_is_the_stand_ins_for_a_minute_and_then_the_first_models_again(
    desk: Desk, stand_in: ScriptedProvider
) -> None:
    call = ToolCall("call_1", "current_time", {"time_zone": "UTC"})
    thought = OpaquePart("openai", {"type": "reasoning", "encrypted_content": "…"})
    desk.model.script = [Overloaded(retry_after=60)]
    stand_in.script = [(thought, TextPart("I look."), call), (call,)]
    stand_in.hold, stand_in.hold_from = asyncio.Event(), 2
    desk.model.answer = "It is noon."
    await desk.say("What time is it?")
    await until(lambda: len(stand_in.requests) == 2)
    desk.bench.clock.forward(seconds=61)
    stand_in.hold.set()
    await desk.settled()
    assert desk.shown()[-1].text.partition("\n")[2].strip().startswith("It is noon.")
    assert [len(desk.model.requests), len(stand_in.requests)] == [2, 2]
    kinds = {type(part) for message in desk.model.requests[-1].messages for part in message.parts}
    assert OpaquePart not in kinds, "what only another model can take back is not said to it"
    assert under(desk).count("stood in") == 1


async def test_a_replay_tells_of_the_stand_in_and_asks_nobody_again(desk: Desk, stand_in: ScriptedProvider) -> None:
    call = ToolCall("call_1", "current_time", {"time_zone": "UTC"})
    desk.model.script = [Overloaded(), "It is noon."]
    stand_in.script = [(call,), "It is one."]
    stand_in.hold, stand_in.hold_from = asyncio.Event(), 2
    await desk.say("What time is it?")
    await asyncio.wait_for(stand_in.held.wait(), 10)
    await desk.runs.crash()
    await desk.settled()
    assert desk.shown()[-1].text.startswith("It is noon."), "the new process asks the first model first"
    assert [len(desk.model.requests), len(stand_in.requests)] == [2, 2]
    assert "gpt-fine stood in for claude-fine (overloaded)" in under(desk)


async def test_one_that_cannot_do_what_is_asked_does_not_stand_in(desk: Desk, stand_in: ScriptedProvider) -> None:
    stand_in.listed = (
        ModelInfo("gpt-narrow", context_window=300),
        ModelInfo("gpt-bare", context_window=90_000, tools=False),
        ModelInfo("gpt-fine", context_window=90_000, tools=True),
    )
    key = await desk.bench.key(provider="openai")
    desk.bench.clock.forward(hours=1)
    await desk.bench.keys.models.of(key)
    await allow(desk, *(Fallback("openai", name) for name in ("gpt-narrow", "gpt-bare", "gpt-fine")))
    desk.model.failure = Unreachable()
    await desk.ask("Well?")
    assert [request.model for request in stand_in.requests] == ["gpt-fine"]


async def test_one_that_sees_no_pictures_is_shown_none(desk: Desk, stand_in: ScriptedProvider) -> None:
    stand_in.listed = (ModelInfo("gpt-blind", images=False), ModelInfo("gpt-fine", images=True))
    desk.bench.clock.forward(hours=1)
    await desk.bench.keys.models.of(await desk.bench.key(provider="openai"))
    await allow(desk, Fallback("openai", "gpt-blind"), Fallback("openai", "gpt-fine"))
    picture = FileRef("F1", "cat.png", "image/png", 12)
    desk.platform.blobs["F1"] = b"\x89PNG\r\n\x1a\n" + b"\0" * 40
    desk.model.failure = Overloaded(retry_after=600)
    await desk.ask("What is this?", files=(picture,))
    assert [request.model for request in stand_in.requests] == ["gpt-fine"]


async def test_one_whose_key_was_revoked_or_is_refused_is_left_out(desk: Desk, stand_in: ScriptedProvider) -> None:
    key = await desk.bench.key(provider="openai")
    await allow(desk, Fallback("openai", "gpt-fine", key.id))
    assert [one.model for one in (await desk.bench.keys.resolve(await desk.bench.agent())).fallbacks] == ["gpt-fine"]
    await desk.bench.keys.setting.revoke(WORKSPACE, key.id, ADMIN)
    assert (await desk.bench.keys.resolve(await desk.bench.agent())).fallbacks == ()
    await desk.bench.agents.pause(WORKSPACE, (await desk.bench.agent()).id, ADMIN, paused=True)


async def test_while_a_limited_key_rests_the_next_question_goes_to_the_stand_in_at_once(
    desk: Desk, stand_in: ScriptedProvider
) -> None:
    desk.model.script = [RateLimited(retry_after=90)]
    await desk.ask("Well?")
    await desk.ask("And now?")
    assert [len(desk.model.requests), len(stand_in.requests)] == [1, 2]
    assert "(rate limit)" in under(desk)
    desk.bench.clock.forward(seconds=91)
    await desk.ask("And after a while?")
    assert [len(desk.model.requests), len(stand_in.requests)] == [2, 2]


async def test_the_receipt_names_the_model_that_should_have_answered(desk: Desk, stand_in: ScriptedProvider) -> None:
    desk.model.script = [Overloaded()]
    await desk.ask("Well?")
    async with desk.database.read() as uow:
        rows = list(await uow.connection.execute(select(receipts).order_by(receipts.c.at, receipts.c.id)))
    told = {(row.provider, row.model, row.instead_of, row.outcome) for row in rows}
    assert told == {("anthropic", "claude-fine", "", "Overloaded"), ("openai", "gpt-fine", "claude-fine", "")}
    assert {row.fingerprint for row in rows} == {key.fingerprint for key in await desk.bench.keys.all(WORKSPACE)}


async def test_a_limit_of_money_holds_for_the_stand_in(desk: Desk, stand_in: ScriptedProvider) -> None:
    async with desk.database.begin() as uow:
        await uow.limits.put(Limit("limit_1", WORKSPACE, Scope.WORKSPACE, "", Period.DAY, Decimal("0.01")), ADMIN.id)
        await uow.prices.put(WORKSPACE, "anthropic", "claude-fine", TokenPrices(Decimal(0), Decimal(0)), ADMIN.id)
        await uow.prices.put(WORKSPACE, "openai", "gpt-fine", TokenPrices(Decimal(10**6), Decimal(10**6)), ADMIN.id)
    desk.model.failure = Unreachable()
    await desk.ask("Well?")
    assert stand_in.requests == []
    assert [record.error for record in await desk.records()] == [Unreachable.__name__]


async def test_an_answer_of_the_agents_own_model_says_nothing_of_others(desk: Desk, stand_in: ScriptedProvider) -> None:
    await desk.ask("Well?")
    assert "stood in" not in under(desk)
    assert any(isinstance(block, Feedback) for view in desk.shown()[-1].views for block in view.blocks)


async def test_stand_ins_are_written_down_and_go_through_a_file(desk: Desk, stand_in: ScriptedProvider) -> None:
    key = await desk.bench.key(provider="openai")
    await allow(desk, Fallback("openai", "gpt-fine", key.id), Fallback("anthropic", "claude-old"))
    [*_, entry] = [e for e in await desk.bench.audited() if e.action == "agent.changed"]
    assert entry.details["fallbacks"] == "openai/gpt-fine, anthropic/claude-old"
    before = await desk.bench.agents.all(WORKSPACE)
    text = export(before)
    assert key.id not in text
    assert await desk.bench.agents.keep_all(WORKSPACE, parse(text), ADMIN) == (0, 0)
    assert await desk.bench.agents.all(WORKSPACE) == before


@pytest.mark.parametrize(
    "fallbacks",
    [
        (Fallback("openai", ""),),
        (Fallback("", "gpt-fine"),),
        (Fallback("openai", "gpt-fine"), Fallback("openai", "gpt-fine")),
        tuple(Fallback("openai", f"gpt-{number}") for number in range(4)),
    ],
)
def test_a_chain_has_three_models_at_most_each_once_and_named_whole(fallbacks: tuple[Fallback, ...]) -> None:
    with pytest.raises(BadInput) as error:
        AgentDraft("writer", fallbacks=fallbacks)
    assert error.value.field == "fallbacks"

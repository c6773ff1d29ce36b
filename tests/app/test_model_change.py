"""What is different is shown before an agent gets another model; both can be tried; nothing changes by itself."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest
from sqlalchemy import select

from app.domain.events import Close, FieldErrors, Nothing, Open, Outcome, Private, Replace, Submission
from app.domain.money import TokenPrices
from app.domain.run import ModelInfo
from app.domain.spend import Account, Limit, Period, Scope
from app.domain.views import Button, Buttons, Fields, Select, TextInput, View
from app.errors import KeyRejected, Overloaded
from app.services.screens.model_change import FIRST_QUESTIONS
from app.store.tables import receipts
from tests.app.bench import ADMIN, GOOD, OTHER, WORKSPACE, Bench, question, words
from tests.app.engines import until
from tests.fakes.provider import models

QUESTIONS = {"question_1": "What is a latchkey?", "question_2": "Sum it up."}


@pytest.fixture
async def two(bench: Bench) -> Bench:
    """With keys of two providers; the agent answers with Anthropic's."""
    bench.openai.keys = {OTHER}
    bench.openai.listed = (
        ModelInfo("gpt-fine", context_window=400_000, images=False, tools=True, documents=True),
        ModelInfo("gpt-old", lifecycle="deprecated", retires_on="2026-12-11"),
    )
    await bench.set_key()
    bench.clock.forward(seconds=5)  # the key that the workspace has longest is its default
    await bench.set_key(OTHER, provider="openai")
    return bench


async def price(bench: Bench, provider: str, model: str, first: str, last: str) -> None:
    async with bench.database.begin() as uow:
        await uow.prices.put(WORKSPACE, provider, model, TokenPrices(Decimal(first), Decimal(last)), ADMIN.id)


def shown(outcome: Outcome) -> View:
    assert isinstance(outcome, Private | Replace)
    return outcome.view


def buttons(view: View) -> dict[str, Button]:
    return {one.label: one for block in view.blocks if isinstance(block, Buttons) for one in block.buttons}


def facts(view: View) -> dict[str, str]:
    return {name: words(value) for block in view.blocks if isinstance(block, Fields) for name, value in block.pairs}


async def test_another_model_shows_what_is_different_and_one_press_changes_it(two: Bench) -> None:
    await price(two, "anthropic", "claude-fine", "3", "15")
    await price(two, "openai", "gpt-fine", "1.25", "10")
    agent = await two.agent()
    view = shown(await two.pressed(f"model:{agent.id}", "openai/gpt-fine"))
    assert await two.agent() == agent, "nothing has changed yet"
    assert "claude-fine → gpt-fine" in words(view)
    assert facts(view) == {
        "A million tokens cost": "$3.00 in, $15.00 out → $1.25 in, $10.00 out",
        "This month": "$0.00; the same tokens with the other: about $0.00",
        "Takes in": "200,000 tokens → 400,000 tokens",
        "Pictures": "unknown → no",
        "PDFs": "unknown → yes",
        "Tools": "unknown → yes",
        "Own web search": "unknown",
        "Paid by": "Anthropic key “main” → OpenAI key “main”",
    }
    changed = await two.pressed("model_change", buttons(view)["Change"].value)
    assert "now answers with gpt-fine" in words(shown(changed))
    assert ((await two.agent()).provider, (await two.agent()).model) == ("openai", "gpt-fine")
    assert "stream gpt-fine" not in [call for call, _, _ in two.openai.calls], "to look costs nothing"
    await two.ask(await two.keys.resolve(await two.agent()))
    assert ("stream gpt-fine", OTHER, "") in two.openai.calls


async def test_the_command_shows_it_too_and_keeping_it_changes_nothing(two: Bench) -> None:
    view = shown(await two.typed("model assistant openai/gpt-fine"))
    assert "claude-fine → gpt-fine" in words(view)
    kept = await two.pressed("model_keep", buttons(view)["Keep as it is"].value)
    assert "still answers with claude-fine" in words(shown(kept))
    assert (await two.agent()).model == "claude-fine"


async def test_what_this_month_would_have_cost_is_reckoned_from_what_was_used(two: Bench) -> None:
    await price(two, "anthropic", "claude-fine", "1000000", "1000000")
    await price(two, "openai", "gpt-fine", "500000", "250000")
    agent = await two.agent()
    client = two.keys.client(await two.keys.resolve(agent), Account(WORKSPACE, agent_id=agent.id))
    assert [event async for event in client.stream(question("claude-fine"))]
    told = facts(shown(await two.typed("model assistant openai/gpt-fine")))
    assert told["This month"] == "$2.00; the same tokens with the other: about $0.75"


async def test_a_price_that_nobody_knows_is_said_to_be_unknown(two: Bench) -> None:
    view = shown(await two.typed("model assistant openai/gpt-fine"))
    assert facts(view)["A million tokens cost"] == "unknown"
    assert facts(view)["This month"].endswith("with the other: unknown")
    assert "/byok prices" in words(view)


async def test_a_model_that_ends_says_so_before_it_is_chosen(two: Bench) -> None:
    view = shown(await two.typed("model assistant openai/gpt-old"))
    assert "OpenAI ends gpt-old on 2026-12-11" in words(view)


async def test_a_form_that_changes_the_model_says_what_is_different_now_and_leads_back(two: Bench) -> None:
    agent = await two.agent()
    values = {"name": "assistant", "emoji": "", "model": "openai/gpt-fine", "max_output_tokens": "4096"}
    outcome = await two.sent("agent_save", values, context=agent.id)
    assert isinstance(outcome, Close)
    assert outcome.then
    assert "claude-fine → gpt-fine" in words(outcome.then)
    assert (await two.agent()).model == "gpt-fine"
    back = buttons(outcome.then)["Back to claude-fine"]
    await two.pressed(back.id, back.value)
    assert (await two.agent()).model == "claude-fine"
    again = await two.sent("agent_save", values | {"model": "anthropic/claude-fine"}, context=agent.id)
    assert isinstance(again, Close)
    assert "→" not in words(again.then), "another change of an agent says nothing of models"


async def test_where_no_model_was_set_the_first_choice_is_taken_at_once(two: Bench) -> None:
    await two.use_model("auto")
    agent = await two.agent()
    assert agent.model == ""
    assert isinstance(await two.pressed(f"model:{agent.id}", "anthropic/claude-old"), Nothing)
    assert (await two.agent()).model == "claude-old"
    assert "claude-old" in repr(two.platform.home(ADMIN))


async def test_going_back_to_the_best_model_shows_which_that_is(two: Bench) -> None:
    await two.use_model("openai/gpt-fine")
    agent = await two.agent()
    view = shown(await two.pressed(f"model:{agent.id}", "auto"))
    assert "gpt-fine → claude-fine" in words(view)


async def test_the_picker_offers_what_there_is_and_stand_ins(two: Bench) -> None:
    view = shown(await two.typed("model assistant"))
    selects = [control for block in view.blocks if isinstance(control := getattr(block, "control", None), Select)]
    assert "openai/gpt-fine" in {option.value for option in selects[0].options}
    assert "Stand-ins" in buttons(view)


async def test_both_are_tried_with_two_questions_side_by_side_and_paid_for_by_their_keys(two: Bench) -> None:
    await price(two, "anthropic", "claude-fine", "1000000", "1000000")
    view = shown(await two.typed("model assistant openai/gpt-fine"))
    form = await two.pressed("model_try", buttons(view)["Try both with two questions"].value)
    assert isinstance(form, Open)
    first = [block.value for block in form.view.blocks if isinstance(block, TextInput)]
    assert tuple(first) == FIRST_QUESTIONS
    two.anthropic.answer, two.openai.answer = "Says Claude.", "Says GPT."
    outcome = await two.sent("model_try_ask", QUESTIONS, context=form.view.context)
    assert isinstance(outcome, Close)
    assert "Asking claude-fine and gpt-fine" in words(outcome.then)
    told = words(two.platform.whispers[-1].view)
    for part in ("What is a latchkey?", "Sum it up.", "Says Claude.", "Says GPT.", "1 + 1 tokens"):
        assert part in told
    assert told.count("Says Claude.") == told.count("Says GPT.") == 2
    assert "$4.00 in all" in told
    assert "≥ $0.00 in all" in told, "the other one's price is not known"
    async with two.database.read() as uow:
        rows = list(await uow.connection.execute(select(receipts)))
    assert {(row.purpose, row.asker, row.agent_id) for row in rows} == {("trial", ADMIN.id, (await two.agent()).id)}
    assert (
        sorted((row.provider, row.model) for row in rows)
        == [("anthropic", "claude-fine")] * 2 + [("openai", "gpt-fine")] * 2
    )
    assert (await two.agent()).model == "claude-fine"
    assert buttons(two.platform.whispers[-1].view).keys() == {"Change", "Keep as it is"}


async def test_all_four_are_asked_at_the_same_time_after_the_form_was_answered(two: Bench) -> None:
    two.anthropic.pause = two.openai.pause = 0.3
    agent = await two.agent()
    began = asyncio.get_running_loop().time()
    outcome = await two.forms.submission(
        Submission(ADMIN, "model_try_ask", QUESTIONS, {}, f"{agent.id}|openai/gpt-fine")
    )
    assert isinstance(outcome, Close)
    await until(lambda: len([1 for call, *_ in two.anthropic.calls if call.startswith("stream")]) == 2)
    await two.settled()
    assert asyncio.get_running_loop().time() - began < 2.0


async def test_what_goes_wrong_with_one_is_said_beside_it_and_the_other_is_shown(two: Bench) -> None:
    two.anthropic.failure = Overloaded()
    two.openai.answer = "Says GPT."
    agent = await two.agent()
    await two.sent("model_try_ask", QUESTIONS, context=f"{agent.id}|openai/gpt-fine")
    told = words(two.platform.whispers[-1].view)
    assert "The provider is overloaded or failing at the moment." in told
    assert told.count("Says GPT.") == 2


async def test_a_key_that_is_refused_meanwhile_is_told_in_words(two: Bench) -> None:
    agent = await two.agent()
    two.anthropic.failure = KeyRejected()
    await two.typed("test anthropic")
    await two.sent("model_try_ask", QUESTIONS, context=f"{agent.id}|openai/gpt-fine")
    assert "refuses the key" in words(two.platform.whispers[-1].view)


async def test_a_limit_of_money_holds_for_a_trial_too(two: Bench) -> None:
    await price(two, "anthropic", "claude-fine", "1000000", "1000000")
    await price(two, "openai", "gpt-fine", "0", "0")
    async with two.database.begin() as uow:
        await uow.limits.put(Limit("limit_1", WORKSPACE, Scope.WORKSPACE, "", Period.DAY, Decimal("0.01")), ADMIN.id)
    agent = await two.agent()
    await two.sent("model_try_ask", QUESTIONS, context=f"{agent.id}|openai/gpt-fine")
    assert [call for call, *_ in two.anthropic.calls if call.startswith("stream")] == []
    assert words(two.platform.whispers[-1].view).count("Here you are.") == 2


@pytest.mark.parametrize("typed", ["", "   ", "x" * 1001])
async def test_a_trial_needs_two_questions(two: Bench, typed: str) -> None:
    agent = await two.agent()
    outcome = await two.sent("model_try_ask", QUESTIONS | {"question_2": typed}, context=f"{agent.id}|openai/gpt-fine")
    assert isinstance(outcome, FieldErrors)
    assert list(outcome.errors) == ["question_2"]


async def test_the_agents_instructions_go_with_the_questions_and_no_tools_do(two: Bench) -> None:
    agent = replace(await two.agent(), instructions="Speak like a pirate.")
    async with two.database.begin() as uow:
        await uow.agents.change(agent)
    two.openai.listed = models("gpt-fine")
    await two.sent("model_try_ask", QUESTIONS, context=f"{agent.id}|openai/gpt-fine")
    assert len(two.openai.asked) == 2
    for request in two.openai.asked:
        assert "Speak like a pirate." in request.system
        assert (request.tools, request.max_output_tokens, request.web_search) == ((), 400, 0)


async def test_a_model_of_nobodys_key_is_not_taken_from_a_button(two: Bench) -> None:
    agent = await two.agent()
    for value in ("anthropic@key_of_nobody/claude-fine", "evil/x", "openai/gpt-none", "", "nonsense"):
        for action in ("model_change", "model_try"):
            assert "Change" not in buttons(shown(await two.pressed(action, f"{agent.id}|{value}")))
    assert await two.agent() == agent
    assert GOOD not in two.openai.keys_used("")

"""Models that end: noticed in what providers list, told to admins once and ahead, and never changed by itself."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.domain.agent import Fallback
from app.domain.run import ModelInfo
from app.domain.views import Button, Buttons, Row, View
from app.errors import ModelGone, Unreachable
from app.services.agent_drafts import AgentDraft
from tests.app.bench import ADMIN, OTHER, WORKSPACE, Bench, words
from tests.app.desk import Desk
from tests.fakes.provider import models

ENDS = ModelInfo("claude-fine", lifecycle="deprecated", retires_on="2026-12-24")


@pytest.fixture
async def told(bench: Bench) -> Bench:
    await bench.set_key()
    await bench.settled()
    assert (await bench.agent()).model == "claude-fine"
    bench.platform.whispers.clear()
    return bench


async def listed(bench: Bench, *infos: ModelInfo) -> None:
    """The provider's list is read, as it is from now on."""
    bench.anthropic.listed = infos
    bench.clock.forward(hours=25)
    await bench.models.lifecycles.tick()
    await bench.settled()


def warnings(bench: Bench) -> list[View]:
    """What one of the admins was told."""
    told = (whisper for whisper in bench.platform.whispers if whisper.user == ADMIN)
    return [whisper.view for whisper in told if whisper.view.title == "A model ends"]


def buttons(view: View) -> list[Button]:
    return [one for block in view.blocks if isinstance(block, Buttons) for one in block.buttons]


async def test_a_model_that_ends_is_told_once_with_the_day_and_what_to_take_instead(told: Bench) -> None:
    for _ in range(3):
        await listed(told, ENDS, *models("claude-newer"))
    (view,) = warnings(told)
    assert "Anthropic ends claude-fine on 2026-12-24, as its list of models says." in words(view)
    assert "assistant answers with it." in words(view)
    assert "A million tokens cost" in words(view), "and what is different stands there already"
    assert (await told.agent()).model == "claude-fine", "nothing is changed by itself"
    change = buttons(view)[0]
    assert change.label == "Change to claude-newer"
    await told.pressed(change.id, change.value)
    assert (await told.agent()).model == "claude-newer"


async def test_another_day_is_told_again(told: Bench) -> None:
    await listed(told, ENDS)
    await listed(told, replace(ENDS, retires_on="2026-12-10"))
    assert ["2026-12-24" in words(view) for view in warnings(told)] == [True, False]


async def test_without_a_plain_successor_admins_choose_themselves(told: Bench) -> None:
    await listed(told, ENDS, *models("gpt-strange"))
    (view,) = warnings(told)
    assert [button.label for button in buttons(view)] == ["Choose another"]
    picked = await told.pressed(buttons(view)[0].id, buttons(view)[0].value)
    assert "answers with claude-fine" in words(picked)


async def test_a_model_that_is_no_longer_listed_is_told(told: Bench) -> None:
    await listed(told, *models("claude-fine"))
    assert warnings(told) == []
    await listed(told, *models("claude-newer"))
    (view,) = warnings(told)
    assert "Anthropic no longer offers claude-fine" in words(view)


async def test_a_model_that_never_was_listed_and_an_empty_list_say_nothing(told: Bench) -> None:
    await told.agents.set_model(WORKSPACE, (await told.agent()).id, ADMIN, provider="anthropic", model="claude-of-ours")
    await listed(told, *models("claude-fine"))
    await listed(told)
    assert warnings(told) == []


async def test_a_list_that_cannot_be_read_says_nothing_of_models(told: Bench) -> None:
    told.anthropic.failure = Unreachable()
    await listed(told, ENDS)
    assert warnings(told) == []


async def test_testing_a_key_tells_too(told: Bench) -> None:
    told.anthropic.listed = (ENDS,)
    await told.typed("test anthropic")
    assert len(warnings(told)) == 1


async def test_agents_and_those_it_may_stand_in_for_are_all_named(told: Bench) -> None:
    draft = AgentDraft("writer", provider="anthropic", model="claude-fine")
    await told.agents.create(WORKSPACE, draft, ADMIN)
    await told.set_key(OTHER, provider="openai")
    spare = AgentDraft("spare", provider="openai", model="gpt-fine", fallbacks=(Fallback("anthropic", "claude-fine"),))
    await told.agents.create(WORKSPACE, spare, ADMIN)
    await listed(told, ENDS, *models("claude-newer"))
    (view,) = warnings(told)
    said = words(view)
    assert "assistant answers with it." in said
    assert "writer answers with it." in said
    assert "It may stand in for spare 's model." in said
    assert [block.control.label for block in view.blocks if isinstance(block, Row) and block.control] == ["Stand-ins"]


async def test_an_agent_on_the_best_model_there_is_has_nothing_to_change(told: Bench) -> None:
    await told.use_model("auto")
    await listed(told, ENDS, *models("claude-newer"))
    assert warnings(told) == []


async def test_a_provider_that_answers_that_there_is_no_such_model_is_told_of(desk: Desk) -> None:
    desk.bench.platform.whispers.clear()
    desk.model.failure = ModelGone()
    for _ in range(2):
        await desk.ask("Well?")
    assert len(warnings(desk.bench)) == 1
    assert "no longer offers claude-fine" in words(warnings(desk.bench)[0])


async def test_lists_are_read_daily_and_not_more_often(told: Bench) -> None:
    def read() -> int:
        return sum(what == "models" for what, *_ in told.anthropic.calls)

    before = read()
    for _ in range(5):
        told.clock.forward(hours=1)
        await told.models.lifecycles.tick()
        await told.settled()
    assert read() == before
    told.clock.forward(hours=24)
    await told.models.lifecycles.tick()
    assert read() == before + 1

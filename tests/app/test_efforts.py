"""How hard an agent thinks is asked for where its model can be told, and nowhere else."""

from __future__ import annotations

import pytest

from app.domain.agent import Effort
from app.domain.events import Open
from app.domain.run import ModelInfo
from app.domain.views import SelectInput, View
from tests.app.bench import WORKSPACE, Bench

FIELDS = {
    "name": "assistant", "emoji": "🔑", "description": "", "instructions": "", "model": "auto", "max_output_tokens": "4096",
    "channels": "", "share_names": "no",
}  # fmt: skip


async def opened(bench: Bench, action: str, agent_id: str = "") -> View:
    outcome = await bench.pressed(action, agent_id)
    assert isinstance(outcome, Open)
    return outcome.view


def efforts(view: View) -> list[str]:
    """What may be chosen; nothing where the field is not there."""
    found = [block for block in view.blocks if isinstance(block, SelectInput) and block.id == "effort"]
    return [option.value for block in found for option in block.options]


@pytest.mark.parametrize(
    ("told", "offered"),
    [
        (("low", "medium", "high"), ["none", "low", "medium", "high"]),
        (("low", "high"), ["none", "low", "high"]),
        (None, ["none", "low", "medium", "high"]),
        ((), []),
    ],
)
async def test_the_form_offers_what_the_model_can_be_told(
    bench: Bench, told: tuple[str, ...] | None, offered: list[str]
) -> None:
    bench.anthropic.listed = (ModelInfo("claude-fine", context_window=9, efforts=told),)
    await bench.set_key()
    await bench.settled()
    assert efforts(await opened(bench, "agent_new")) == offered
    assert efforts(await opened(bench, "agent_edit", (await bench.agent()).id)) == offered


async def test_an_agents_own_model_counts_and_not_the_best_of_its_key(bench: Bench) -> None:
    bench.anthropic.listed = (ModelInfo("claude-fine", efforts=("low",)), ModelInfo("claude-plain", efforts=()))
    await bench.set_key()
    await bench.settled()
    await bench.use_model("anthropic/claude-plain")
    assert efforts(await opened(bench, "agent_edit", (await bench.agent()).id)) == []


async def test_an_effort_that_is_not_asked_for_stays_as_it_was(bench: Bench) -> None:
    agent = await bench.agent()
    await bench.sent("agent_save", FIELDS | {"effort": "high"}, context=agent.id)
    await bench.sent("agent_save", FIELDS, context=agent.id)
    assert (await bench.agents.get(WORKSPACE, agent.id)).effort is Effort.HIGH

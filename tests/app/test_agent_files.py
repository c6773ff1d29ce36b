"""Agents as YAML: carried elsewhere and back without loss, and without keys."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from app.domain.agent import Effort
from app.domain.grants import Approval, ToolGrant
from app.errors import BadInput
from app.services.agent_drafts import AgentDraft
from app.services.agent_files import export, parse
from tests.app.bench import ADMIN, GOOD, OTHER, WORKSPACE, Bench

RICH = AgentDraft(
    "writer", "Writes.", 'Line one.\n\n- a list: with "quotes"\n', "🦊", "anthropic", "claude-fine", effort=Effort.HIGH,
    max_output_tokens=9000, channels=("C1",), share_names=True,
    grants=(ToolGrant("current_time", {"time_zone": "UTC"}, Approval.ALWAYS),),
)  # fmt: skip


async def test_what_is_exported_can_be_imported_elsewhere(bench: Bench) -> None:
    await bench.agents.create(WORKSPACE, RICH, ADMIN)
    drafts = parse(export(await bench.agents.all(WORKSPACE)))
    assert drafts[1] == RICH
    await bench.workspaces.ensure("slack:T2")
    assert await bench.agents.keep_all("slack:T2", drafts, ADMIN) == (1, 0)
    assert [agent.name for agent in await bench.agents.all("slack:T2")] == ["assistant", "writer"]
    assert await bench.agents.keep_all("slack:T2", drafts, ADMIN) == (0, 0)


async def test_there_is_no_key_in_the_file_and_importing_leaves_it_where_it_is(bench: Bench) -> None:
    await bench.set_key()
    team = (await bench.set_key(OTHER, label="team")).key
    agent = await bench.agent()
    await bench.agents.set_model(WORKSPACE, agent.id, ADMIN, provider="anthropic", model="claude-fine", key_id=team.id)
    text = export(await bench.agents.all(WORKSPACE))
    assert not any(part in text for part in (GOOD, OTHER, team.id, team.fingerprint, "abcd"))
    assert await bench.agents.keep_all(WORKSPACE, parse(text.replace("Answers questions", "Replies")), ADMIN) == (0, 1)
    assert (await bench.agent()).key_id == team.id


async def test_an_import_is_all_or_nothing(bench: Bench) -> None:
    drafts = [AgentDraft(f"agent{number}") for number in range(60)]
    with pytest.raises(BadInput):
        await bench.agents.keep_all(WORKSPACE, drafts, ADMIN)
    assert len(await bench.agents.all(WORKSPACE)) == 1


def test_long_texts_are_written_as_people_write_them() -> None:
    text = export([RICH.as_agent("a", WORKSPACE, is_default=False)])
    assert "instructions: |\n" in text
    assert yaml.safe_load(text)["agents"][0]["emoji"] == "🦊"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not a YAML file"),
        ("- a", "version: 1"),
        ("version: 2\nagents: []", "version: 1"),
        ("version: 1\nagents: [3]", "Agent 1"),
        ("version: 1\nagents: [{name: Not A Name}]", "'Not A Name', name"),
        ("version: 1\nagents: [{name: a, key: secret}]", "no setting 'key'"),
        ("version: 1\nagents: [{name: a, max_steps: true}]", "max_steps"),
        ("version: 1\nagents: [{name: a, effort: huge}]", "low, medium, high"),
        ("version: 1\nagents: [{name: a, tools: [{name: x}]}]", "tools"),
        ("version: 1\nagents: [{name: a}, {name: a}]", "same name"),
        ("!!python/object:os.system {}", "not a YAML file"),
        ("2020-13-45", "not a YAML file"),
    ],
)
def test_a_file_that_cannot_be_used_says_where(text: str, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        parse(text)


def test_a_file_that_unfolds_without_end_is_refused_at_once() -> None:
    tenfold = [f"m{at + 1}: &m{at + 1} {{<<: [{', '.join([f'*m{at}'] * 10)}]}}" for at in range(20)]
    with pytest.raises(BadInput, match="not a YAML file"):
        parse("\n".join(["version: 1", "m0: &m0 {x: 1, y: 2}", *tenfold, "agents: []"]))
    with pytest.raises(BadInput, match="more than"):
        parse("version: 1\nagents: []\n" + "#" * 1_000_000)


def test_what_agents_share_may_stand_in_the_file_once() -> None:
    text = "version: 1\ncommon: &common {emoji: 🦊, max_steps: 3}\nagents: [{name: a, <<: *common}, {name: b, <<: *common}]"
    assert [(draft.name, draft.emoji, draft.max_steps) for draft in parse(text)] == [("a", "🦊", 3), ("b", "🦊", 3)]


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(BadInput):
        parse(text)


def test_a_file_of_this_repository_would_be_read(tmp_path: Path) -> None:
    file = tmp_path / "agents.yaml"
    file.write_text(export([RICH.as_agent("a", WORKSPACE, is_default=False)]), encoding="utf-8")
    assert parse(file.read_text(encoding="utf-8")) == (RICH,)

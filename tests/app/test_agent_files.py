"""Agents as YAML: carried elsewhere and back without loss, and without keys."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from datetime import UTC
from decimal import Decimal
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from app.domain.agent import Effort
from app.domain.grants import EVERYWHERE, Approval, GrantPlace, Invoker, Scope, ToolGrant, Where
from app.domain.tool_kinds import BY_NAME, new_grant
from app.errors import BadInput
from app.services.agent_drafts import AgentDraft
from app.services.agent_files import export, parse
from app.services.grant_drafts import METHODS
from tests.app.bench import ADMIN, GOOD, OTHER, WORKSPACE, Bench

RICH = AgentDraft(
    "writer", "Writes.", 'Line one.\n\n- a list: with "quotes"\n', "🦊", "anthropic", "claude-fine", effort=Effort.HIGH,
    max_output_tokens=9000, channels=("C1",), share_names=True, run_tokens=50_000, run_cost=Decimal("0.50"), run_seconds=90,
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


WORDS = st.text("abcdefgh-", min_size=1, max_size=8).filter(str.isalpha)
GRANTS = st.builds(
    ToolGrant,
    tool=st.sampled_from([*BY_NAME, "mcp-tickets-create_issue"]),
    pinned=st.dictionaries(WORDS, st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=20), max_size=2),
    approval=st.sampled_from(Approval),
    scope=st.builds(
        Scope,
        hosts=st.lists(WORDS.map("{}.example.com".format), max_size=2).map(tuple),
        methods=st.lists(st.sampled_from(METHODS), min_size=1, max_size=3, unique=True).map(tuple),
        channels=st.lists(WORDS, max_size=2).map(tuple),
        agents=st.lists(st.just("writer"), max_size=1).map(tuple),
        schema=st.sampled_from(["", "abc123"]),
    ),
    places=st.lists(st.sampled_from([*EVERYWHERE, GrantPlace(Where.CHANNEL, "C1")]), max_size=3).map(tuple),
    invokers=st.lists(st.sampled_from(Invoker), unique=True).map(tuple),
    per_run=st.integers(0, 50),
    per_day=st.integers(0, 50),
    expires=st.none() | st.datetimes(timezones=st.just(UTC)),
)


@given(st.lists(GRANTS, max_size=3))
def test_every_grant_survives_the_journey(grants: list[ToolGrant]) -> None:
    draft = AgentDraft("writer", grants=tuple(grants))
    assert parse(export([draft.as_agent("a", WORKSPACE, is_default=False)])) == (draft,)


async def test_an_agent_that_another_may_ask_is_found_by_its_name_elsewhere(bench: Bench) -> None:
    asks = AgentDraft("boss", grants=(ToolGrant("ask_agent", scope=Scope(agents=("helper",))),))
    await bench.agents.keep_all(WORKSPACE, (asks, AgentDraft("helper")), ADMIN)
    boss, helper = await bench.agent("boss"), await bench.agent("helper")
    assert boss.grants[0].scope.agents == (helper.id,)
    file = export(await bench.agents.all(WORKSPACE))
    assert helper.id not in file
    assert await bench.agents.keep_all(WORKSPACE, parse(file), ADMIN) == (0, 0)


async def test_a_grant_keeps_its_id_until_it_is_changed_and_every_change_is_written_down(bench: Bench) -> None:
    agent = await bench.agents.create(WORKSPACE, RICH, ADMIN)
    (first,) = agent.grants
    assert (first.granted_by, bool(first.id)) == (ADMIN.id, True)
    wider = replace(RICH, grants=(*RICH.grants, new_grant("recall")))
    same, more = (await bench.agents.edit(WORKSPACE, agent.id, wider, ADMIN)).grants
    assert same == first
    other = replace(wider, grants=(replace(first, per_day=3), more))
    changed, _ = (await bench.agents.edit(WORKSPACE, agent.id, other, ADMIN)).grants
    assert changed.id != first.id
    await bench.agents.edit(WORKSPACE, agent.id, replace(RICH, grants=()), ADMIN)
    told = [entry.details.get("grants") for entry in await bench.audited() if entry.object == agent.id]
    assert told == ["+current_time", "+recall", "~current_time(per_day)", "-current_time -recall"]


@pytest.mark.parametrize(
    "grant",
    [
        ToolGrant("rm"),
        ToolGrant("mcp-"),
        ToolGrant("http_fetch", scope=Scope(hosts=("*.example.com",))),
        ToolGrant("http_fetch", scope=Scope(hosts=("Example.com",))),
        ToolGrant("http_fetch", scope=Scope(hosts=("example.com/path",))),
        ToolGrant("http_fetch", scope=Scope(hosts=("a@example.com",))),
        ToolGrant("http_fetch", scope=Scope(methods=("TRACE",))),
        ToolGrant("post_message", scope=Scope(channels=("*",))),
        ToolGrant("current_time", places=(GrantPlace(Where.CHANNEL),)),
        ToolGrant("current_time", places=(GrantPlace(Where.INSIDE, "C1"),)),
        ToolGrant("current_time", per_day=-1),
        ToolGrant("current_time", pinned={"key": GOOD}),
    ],
)
def test_what_is_no_exact_grant_is_refused(grant: ToolGrant) -> None:
    with pytest.raises(BadInput) as refused:
        AgentDraft("writer", grants=(grant,))
    assert refused.value.field == "tools"


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
        ("version: 1\nagents: [{name: a, most: {euros: 3}}]", "tokens, dollars, seconds"),
        ("version: 1\nagents: [{name: a, most: {dollars: many}}]", "most"),
        ("version: 1\nagents: [{name: a, most: {tokens: 3}}]", "run_tokens"),
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

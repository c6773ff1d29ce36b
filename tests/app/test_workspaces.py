"""How a workspace begins, and what its admins set."""

from __future__ import annotations

import asyncio

import pytest

from app.domain.secrets import KeyContext
from app.errors import BadInput, WontOpen
from app.services.workspaces import Workspaces, WorkspaceSettings
from tests.app.bench import ADMIN, GOOD, WORKSPACE, Bench


async def test_a_workspace_starts_with_one_good_default_agent(bench: Bench) -> None:
    [agent] = await bench.agents.all(WORKSPACE)
    assert (agent.name, agent.is_default, agent.paused) == ("assistant", True, False)
    assert {grant.tool for grant in agent.grants} == {"current_time", "thread_history"}
    assert len(agent.instructions) > 200
    assert await bench.actions() == ["workspace.added", "agent.created"]


async def test_a_workspace_seen_by_many_at_once_begins_once(bench: Bench) -> None:
    fresh = [Workspaces(bench.database, bench.clock, bench.vault.shred) for _ in range(5)]
    await asyncio.gather(*(workspaces.ensure("slack:T2", "Two") for workspaces in fresh))
    assert len(await bench.agents.all("slack:T2")) == 1


async def test_a_workspace_that_comes_back_keeps_its_agents(bench: Bench) -> None:
    async with bench.database.begin() as uow:
        await uow.workspaces.mark_removed(WORKSPACE)
    await Workspaces(bench.database, bench.clock, bench.vault.shred).ensure(WORKSPACE)
    async with bench.database.read() as uow:
        row = await uow.workspaces.get(WORKSPACE)
    assert row is not None
    assert (row.removed_at, row.name) == (None, "Acme")
    assert len(await bench.agents.all(WORKSPACE)) == 1


async def test_a_workspace_that_was_removed_works_again_once_a_key_is_set(bench: Bench) -> None:
    await bench.set_key(GOOD)
    await bench.workspaces.removed(WORKSPACE)
    await bench.workspaces.ensure(WORKSPACE)
    await bench.set_key(GOOD)
    [key] = await bench.keys.all(WORKSPACE)
    assert (await bench.keys.ring.use(WORKSPACE, key.id, actor=ADMIN.id, details={}))[0] == key


async def test_a_removal_that_was_cut_short_is_finished_when_it_is_told_again(bench: Bench) -> None:
    shredded: list[str] = []

    async def shred(workspace: str) -> None:
        shredded.append(workspace)
        if len(shredded) == 1:
            raise ConnectionResetError

    workspaces = Workspaces(bench.database, bench.clock, shred)
    with pytest.raises(ConnectionResetError):
        await workspaces.removed(WORKSPACE)
    await workspaces.removed(WORKSPACE)
    assert shredded == [WORKSPACE, WORKSPACE]
    assert (await bench.actions()).count("workspace.removed") == 1


async def test_settings_have_careful_defaults(bench: Bench) -> None:
    settings = await bench.workspaces.settings(WORKSPACE)
    assert settings == WorkspaceSettings()
    assert settings.follow_ups
    assert not (settings.answer_guests)
    assert not (settings.answer_bots)
    assert not (settings.answer_shared)
    assert not (settings.answer_external)


async def test_a_change_is_kept_and_written_down(bench: Bench) -> None:
    wanted = WorkspaceSettings(follow_ups=False, max_runs=3)
    assert await bench.workspaces.change(WORKSPACE, wanted, ADMIN) == ("follow_ups", "max_runs")
    assert await bench.workspaces.settings(WORKSPACE) == wanted
    [entry] = [entry for entry in await bench.audited() if entry.action == "settings.changed"]
    assert (entry.actor, entry.details) == (ADMIN.id, {"follow_ups": "False", "max_runs": "3"})
    assert await bench.workspaces.change(WORKSPACE, wanted, ADMIN) == ()
    assert (await bench.actions()).count("settings.changed") == 1


async def test_a_changed_number_of_answers_holds_at_once(bench: Bench) -> None:
    assert await bench.workspaces.most_runs(WORKSPACE) == WorkspaceSettings().max_runs
    await bench.workspaces.change(WORKSPACE, WorkspaceSettings(max_runs=3), ADMIN)
    assert await bench.workspaces.most_runs(WORKSPACE) == 3


def test_settings_of_another_version_are_read_as_far_as_they_are_known() -> None:
    assert WorkspaceSettings.of({"footer": False, "of_the_future": 1}) == WorkspaceSettings(footer=False)


@pytest.mark.parametrize("runs", [0, -1, 501])
def test_impossible_numbers_are_refused(runs: int) -> None:
    with pytest.raises(BadInput) as refused:
        WorkspaceSettings(max_runs=runs)
    assert refused.value.field == "max_runs"


async def test_a_removed_workspace_keeps_no_key_that_opens(bench: Bench) -> None:
    context = KeyContext(WORKSPACE, "inbox", "1")
    sealed = await bench.vault.seal(context, b"content")
    await bench.set_key(GOOD)
    await bench.workspaces.removed(WORKSPACE)
    await bench.workspaces.removed(WORKSPACE)
    assert await bench.keys.all(WORKSPACE) == ()
    with pytest.raises(WontOpen):
        await bench.vault.open(context, sealed)
    assert (await bench.actions())[-2:] == ["key.revoked", "workspace.removed"]

"""What adapters remember to write to people unasked."""

from __future__ import annotations

from app.services.references import References
from app.services.retention import STRAGGLERS
from app.services.workspaces import Workspaces
from app.store.unit_of_work import Database
from tests.fakes.databases import TestClock

HERE, ELSEWHERE = "teams:tenant-1", "teams:tenant-2"


async def test_the_last_that_was_kept_under_a_key_is_found(any_database: Database) -> None:
    references = References(any_database)
    assert await references.find(HERE, "user:1") is None
    await references.save(HERE, "user:1", {"conversation": "a:1"})
    await references.save(HERE, "user:1", {"conversation": "a:2"})
    await references.save(HERE, "user:1", {"conversation": "a:2"})
    assert await references.find(HERE, "user:1") == {"conversation": "a:2"}
    await references.forget(HERE, "user:1")
    await references.forget(HERE, "user:1")
    assert await references.find(HERE, "user:1") is None


async def test_keys_are_listed_by_how_they_begin_and_no_sign_is_special(any_database: Database) -> None:
    references = References(any_database)
    for key in ("in:b", "in:a", "in_x", "out:a"):
        await references.save(HERE, key, {})
    await references.save(ELSEWHERE, "in:c", {})
    assert await references.keys(HERE, "in:") == ("in:a", "in:b")
    assert await references.keys(HERE, "in_") == ("in_x",)


async def test_they_go_with_their_workspace_and_no_other(any_database: Database, clock: TestClock) -> None:
    references = References(any_database)
    workspaces = Workspaces(any_database, clock, _shredded)
    for workspace in (HERE, ELSEWHERE):
        await workspaces.ensure(workspace)
        await references.save(workspace, "user:1", {"conversation": "a:1"})
    await workspaces.removed(HERE)
    assert await references.keys(HERE, "") == ()
    assert await references.keys(ELSEWHERE, "") == ("user:1",)


async def test_what_is_written_down_after_the_workspace_was_removed_goes_too(
    any_database: Database, clock: TestClock
) -> None:
    references = References(any_database)
    workspaces = Workspaces(any_database, clock, _shredded)
    await workspaces.ensure(HERE)
    await workspaces.removed(HERE)
    await references.save(HERE, "home:1", {"activity": "1"})
    await _tidied(any_database)
    assert await references.keys(HERE, "") == ("home:1",), "it may be coming back at this moment"
    clock.forward(minutes=2)
    await references.save(HERE, "user:1", {"account": "29:1"})
    await _tidied(any_database)
    assert await references.keys(HERE, "") == ("user:1",)


async def _tidied(database: Database) -> None:
    async with database.begin() as uow:
        await uow.references.forget_left_behind(STRAGGLERS)


async def _shredded(workspace: str) -> None:
    """There are no keys here."""

"""The audit trail keeps what was written, and shows when it was tampered with."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text

from app.domain.audit import AuditEntry
from app.store.unit_of_work import Database
from tests.fakes.databases import TestClock

W = "slack:T1"


def entry(n: int, workspace: str = W) -> AuditEntry:
    return AuditEntry(workspace, "slack:T1/U1", "key.set", f"key{n}", {"provider": "anthropic"})


async def written(database: Database, count: int, workspace: str = W) -> None:
    for n in range(1, count + 1):
        async with database.begin() as unit:
            await unit.audit.append(entry(n, workspace))


async def test_the_last_entries_come_newest_first(any_database: Database, clock: TestClock) -> None:
    await written(any_database, 3)
    async with any_database.read() as unit:
        last = await unit.audit.last(W, 2)
    assert [found.object for found in last] == ["key3", "key2"]
    assert last[0].details == {"provider": "anthropic"}
    assert last[0].at == clock.now()


async def test_what_was_written_verifies(any_database: Database) -> None:
    await written(any_database, 5)
    await written(any_database, 2, "slack:T2")
    async with any_database.read() as unit:
        assert await unit.audit.workspaces() == (W, "slack:T2")
        assert await unit.audit.verify(W) is None
        assert await unit.audit.verify("slack:T2") is None


async def test_writers_at_the_same_time_leave_no_gap(any_database: Database) -> None:
    async def write(n: int) -> None:
        async with any_database.begin() as unit:
            await unit.audit.append(entry(n))

    await asyncio.gather(*(write(n) for n in range(40)))
    async with any_database.read() as unit:
        assert await unit.audit.verify(W) is None
        assert [found.seq for found in await unit.audit.last(W, 100)] == list(range(40, 0, -1))


async def test_a_rolled_back_entry_leaves_no_trace(any_database: Database) -> None:
    async def fails_afterwards() -> None:
        async with any_database.begin() as unit:
            await unit.audit.append(entry(1))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fails_afterwards()
    await written(any_database, 1)
    async with any_database.read() as unit:
        assert await unit.audit.verify(W) is None
        assert len(await unit.audit.last(W, 9)) == 1


@pytest.mark.parametrize("statement", ["UPDATE audit SET actor = 'x'", "DELETE FROM audit"])
async def test_the_database_refuses_to_change_the_trail(any_database: Database, statement: str) -> None:
    await written(any_database, 2)
    with pytest.raises(Exception, match="append-only"):
        async with any_database.begin() as unit:
            await unit.connection.execute(text(statement))


@pytest.mark.parametrize(
    ("statement", "seq"),
    [
        ("UPDATE audit SET actor = 'somebody else' WHERE seq = 2", 2),
        ("UPDATE audit SET body = hash WHERE seq = 3", 3),
        ("DELETE FROM audit WHERE seq = 1", 1),
        ("DELETE FROM audit WHERE seq = 2", 2),
        ("UPDATE audit SET workspace = 'slack:T1' WHERE workspace = 'slack:T2' AND seq = 5", 5),
        ("UPDATE audit SET previous = hash WHERE seq = 4", 4),
    ],
)
async def test_an_owner_who_drops_the_triggers_is_found_out(any_database: Database, statement: str, seq: int) -> None:
    await written(any_database, 4)
    await written(any_database, 5, "slack:T2")
    async with any_database.begin() as unit:
        where = "" if any_database.is_sqlite else " ON audit"
        for trigger in ("audit_no_update", "audit_no_delete"):
            await unit.connection.execute(text(f"DROP TRIGGER {trigger}{where}"))
        await unit.connection.execute(text(statement))
    async with any_database.read() as unit:
        broken = await unit.audit.verify(W)
    assert broken is not None
    assert broken.seq == seq


async def test_an_entry_is_small(database: Database) -> None:
    with pytest.raises(ValueError, match="larger"):
        async with database.begin() as unit:
            await unit.audit.append(AuditEntry(W, "a", "key.set", "k", {"x": "y" * 9000}))

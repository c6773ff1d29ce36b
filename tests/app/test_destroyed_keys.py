"""Keys that are destroyed are gone from the files, not only from the tables."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select

from app.services.retention import Retention
from app.store.tables import data_keys, provider_keys
from tests.app.bench import ADMIN, GOOD, WORKSPACE, Bench


def on_disk(bench: Bench, content: bytes) -> bool:
    database = Path(bench.database.url.database or "")
    return any(content in file.read_bytes() for file in database.parent.glob(f"{database.name}*"))


async def test_a_revoked_key_leaves_the_files_though_nobody_asks_anything(bench: Bench) -> None:
    retention = Retention(bench.database, bench.memory)
    await bench.set_key(GOOD)
    async with bench.database.read() as uow:
        sealed = bytes((await uow.connection.execute(select(provider_keys.c.sealed))).scalar_one())
    [key] = await bench.keys.all(WORKSPACE)
    await retention.tidy()
    assert on_disk(bench, sealed)
    await bench.keys.setting.revoke(WORKSPACE, key.id, ADMIN)
    await retention.tidy()
    assert not on_disk(bench, sealed)


async def test_so_does_the_data_key_of_a_removed_workspace(bench: Bench) -> None:
    retention = Retention(bench.database, bench.memory)
    await bench.set_key(GOOD)
    async with bench.database.read() as uow:
        wrapped = bytes((await uow.connection.execute(select(data_keys.c.wrapped))).scalar_one())
    await retention.tidy()
    assert on_disk(bench, wrapped)
    await bench.workspaces.removed(WORKSPACE)
    await retention.tidy()
    assert not on_disk(bench, wrapped)

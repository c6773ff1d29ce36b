"""What was erased is gone: from the table, from the file and from its write-ahead log."""

from __future__ import annotations

import os
from pathlib import Path

from adapters.kms.local import LocalKeyWrapper
from app.domain.inbox import Arrival
from app.domain.secrets import SealedSecret
from app.services.retention import Retention
from app.services.transcripts import Transcripts
from app.store.unit_of_work import Database
from app.vault import Vault
from tests.fakes.databases import TestClock

CANARY = b"sealed-canary-4711"


def tidying(database: Database, clock: TestClock) -> Retention:
    vault = Vault(database, LocalKeyWrapper(os.urandom(32)))
    return Retention(database, Transcripts(database, vault, {}, clock=clock))


async def asked_and_answered(database: Database) -> None:
    arrival = Arrival("slack:T1", "C1", "1.0", "Ev1", "1.0", "U1", SealedSecret("dk", CANARY))
    async with database.begin() as uow:
        (kept,) = await uow.inbox.accept([("conv_1", arrival)])
    async with database.begin() as uow:
        taken = await uow.inbox.claim(kept.conversation, 0, "conv_1.0")
        assert taken
        await uow.inbox.finish(taken[0].inbox_id)


def on_disk(folder: Path) -> bool:
    return any(CANARY in file.read_bytes() for file in folder.glob("latchkey.db*"))


async def test_content_leaves_the_disk_with_the_next_tidying(
    database: Database, tmp_path: Path, clock: TestClock
) -> None:
    retention = tidying(database, clock)
    await retention.tidy()
    await asked_and_answered(database)
    assert on_disk(tmp_path), "the log still has it"
    await retention.tidy()
    assert not on_disk(tmp_path)


async def test_while_a_reader_holds_the_log_tidying_is_tried_again(
    database: Database, tmp_path: Path, clock: TestClock
) -> None:
    retention = tidying(database, clock)
    async with database.read() as uow:
        await uow.inbox.pending("slack:T1")  # the reader's view begins
        await asked_and_answered(database)
        await retention.tidy()
        assert on_disk(tmp_path)
    await retention.tidy()
    assert not on_disk(tmp_path)


async def test_ids_are_forgotten_after_a_day(any_database: Database, clock: TestClock) -> None:
    retention = tidying(any_database, clock)
    await asked_and_answered(any_database)
    await retention.tidy()
    async with any_database.read() as uow:
        assert len(await uow.inbox.message("slack:T1", "C1", "1.0")) == 1
    clock.forward(hours=25)
    await retention.tidy()
    async with any_database.read() as uow:
        assert await uow.inbox.message("slack:T1", "C1", "1.0") == ()

"""`latchkey usage export`: receipts of chosen days as CSV, by whoever runs the service."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from pathlib import Path

import pytest

from app.store.unit_of_work import Database
from tests.app.processes.command import complaint, run
from tests.app.spent import NOON, keep, receipt
from tests.fakes.databases import TestClock


@pytest.fixture
async def folder(tmp_path: Path) -> Path:
    """Two workspaces have spent something, one of them more."""
    (tmp_path / "data").mkdir()
    database = Database(f"sqlite:///{tmp_path / 'data' / 'latchkey.db'}", TestClock())
    await database.migrate()
    async with database.begin() as uow:
        await uow.workspaces.add("slack:T1", "One")
        await uow.workspaces.add("slack:T2", "Two")
    days = [receipt(at, at=NOON - timedelta(days=at)) for at in range(4)]
    await keep(database, [*days, receipt(9, workspace="slack:T2", model="=odd")])
    await database.dispose()
    return tmp_path


def lines(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_the_days_that_are_asked_for_are_written(folder: Path) -> None:
    days = ("--from", "2026-11-21", "--to", "2026-11-22")
    done = run(folder, "usage", "export", "--workspace", "slack:T1", *days)
    assert done.returncode == 0, done.stderr
    assert [one["day"] for one in lines(done.stdout)] == ["2026-11-21", "2026-11-22"]


def test_a_file_takes_them_too(folder: Path) -> None:
    done = run(
        folder, "usage", "export", "-w", "slack:T2", "--from", "2026-11-01", "--to", "2026-11-30", "-o", "out.csv"
    )
    assert (done.returncode, done.stdout) == (0, "")
    written = (folder / "out.csv").read_bytes().decode()
    assert written.count("\r\n") == written.count("\n") == 2
    assert [one["model"] for one in lines(written)] == ["'=odd"]


def test_what_cannot_be_exported_is_said(folder: Path) -> None:
    assert "Choose one with --workspace: slack:T1, slack:T2." in complaint(folder, "usage", "export")
    backwards = ("--from", "2026-11-22", "--to", "2026-11-21")
    assert "no days" in complaint(folder, "usage", "export", "-w", "slack:T1", *backwards)

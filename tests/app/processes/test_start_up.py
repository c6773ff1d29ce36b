"""A start that cannot succeed stops with a sentence that says what to do."""

from __future__ import annotations

import asyncio
import base64
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.process import Process
from tests.app.processes.command import LATCHKEY, complaint
from tests.fakes.slack_server import SlackServer

SLACK = {"SLACK_BOT_TOKEN": "xo" + "xb-nobody", "SLACK_SIGNING_SECRET": "nothing", "LATCHKEY_PORT": "0"}


@pytest.fixture
async def data(tmp_path: Path) -> Path:
    """The data directory of a demo that has been started before."""
    demo = Process([LATCHKEY, "demo"], tmp_path / "demo.log", {"LATCHKEY_PORT": "0"})
    await demo.start()
    await demo.announces(r"(http://\S+)")
    await demo.stop()
    return tmp_path / "data" / "demo"


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody else listens on."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def test_serving_nobody_is_told(tmp_path: Path) -> None:
    message = complaint(tmp_path, "serve")
    assert "SLACK_BOT_TOKEN" in message
    assert "latchkey demo" in message
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("command", ["serve", "demo", "migrate"])
def test_a_wrong_setting_is_named_and_not_echoed(tmp_path: Path, command: str) -> None:
    message = complaint(tmp_path, command, env={"LATCHKEY_PORT": "sekrit"})
    assert "LATCHKEY_PORT" in message
    assert "sekrit" not in message


def test_another_master_key_stops_the_start(data: Path) -> None:
    (data / "master.key").replace(data / "kept")
    (data / "master.key").write_bytes(base64.b64encode(os.urandom(32)))
    (data / "master.key").chmod(0o600)
    assert "Put the right key back" in complaint(data.parent.parent, "demo")


def test_a_lost_master_key_stops_the_start_and_is_not_made_anew(data: Path) -> None:
    (data / "master.key").unlink()
    assert "from your backup" in complaint(data.parent.parent, "demo")
    assert not (data / "master.key").exists()


def test_a_master_key_open_to_everybody_stops_the_start(data: Path) -> None:
    (data / "master.key").chmod(0o644)
    assert "chmod 600" in complaint(data.parent.parent, "demo")


@pytest.mark.parametrize(
    ("key", "says"),
    [("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "example"), ("c2hvcnQ=", "5 bytes"), ("sekrit!", "not base64")],
)
def test_a_weak_master_key_stops_the_start(tmp_path: Path, key: str, says: str) -> None:
    message = complaint(tmp_path, "serve", env={**SLACK, "LATCHKEY_MASTER_KEY": key})
    assert says in message
    assert "LATCHKEY_MASTER_KEY" in message
    assert key not in message


def test_a_database_that_is_not_there_is_told_without_its_password(tmp_path: Path, taken: int) -> None:
    url = f"postgresql://latchkey:hunter2@127.0.0.1:{taken}/latchkey?connect_timeout=1"
    message = complaint(tmp_path, "serve", env={**SLACK, "LATCHKEY_DATABASE_URL": url})
    assert "LATCHKEY_DATABASE_URL" in message
    assert "hunter2" not in message


def test_a_database_of_another_kind_is_told(tmp_path: Path) -> None:
    message = complaint(tmp_path, "serve", env={**SLACK, "LATCHKEY_DATABASE_URL": "mysql://x:hunter2@y/z"})
    assert "should be postgresql://" in message
    assert "hunter2" not in message


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "latchkey.db").write_text("these are no tables, and never were any " * 100)
    assert "cannot be used" in complaint(tmp_path, "serve", env=SLACK)


def test_a_data_directory_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    assert "LATCHKEY_DATA_DIR" in complaint(tmp_path, "serve", env=SLACK)


def test_a_port_that_is_taken_is_told(tmp_path: Path, taken: int) -> None:
    message = complaint(tmp_path, "demo", env={"LATCHKEY_PORT": str(taken)})
    assert f"127.0.0.1:{taken}" in message
    assert "LATCHKEY_PORT" in message


async def test_a_second_service_on_the_same_data_is_told(tmp_path: Path) -> None:
    first = Process([LATCHKEY, "demo"], tmp_path / "demo.log", {"LATCHKEY_PORT": "0"})
    await first.start()
    await first.announces(r"(http://\S+)")
    assert "Another Latchkey is at work" in complaint(tmp_path, "demo", env={"LATCHKEY_PORT": "0"})
    assert first.running
    await first.stop()


def test_half_of_slack_is_told(tmp_path: Path) -> None:
    assert "SLACK_APP_TOKEN" in complaint(tmp_path, "serve", env={"SLACK_BOT_TOKEN": SLACK["SLACK_BOT_TOKEN"]})


async def test_tokens_that_slack_refuses_are_told(tmp_path: Path) -> None:
    async with SlackServer() as slack:
        env = {**SLACK, "LATCHKEY_SLACK_API_URL": slack.api_url}
        assert "SLACK_BOT_TOKEN" in await asyncio.to_thread(complaint, tmp_path, "serve", env=env)
        env |= {"SLACK_BOT_TOKEN": slack.bot_token, "SLACK_APP_TOKEN": "xa" + "pp-nobody"}
        assert "SLACK_APP_TOKEN" in await asyncio.to_thread(complaint, tmp_path, "serve", env=env)

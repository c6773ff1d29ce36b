"""`latchkey doctor` finds what is wrong before a start does, and changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.acceptance.process import free_port
from tests.app.processes.command import run
from tests.fakes.slack_server import SlackServer
from tests.fakes.teams.identity import APP_ID, PASSWORD, TENANT
from tests.fakes.teams_server import TeamsServer


@pytest.fixture
async def slack() -> AsyncIterator[SlackServer]:
    async with SlackServer() as server:
        yield server


async def doctor(folder: Path, slack: SlackServer, **env: str) -> str:
    tokens = {"SLACK_BOT_TOKEN": slack.bot_token, "SLACK_APP_TOKEN": slack.app_token}
    here = {"LATCHKEY_SLACK_API_URL": slack.api_url, "LATCHKEY_PORT": str(free_port())}
    here |= {"LATCHKEY_SANDBOX": "off"}
    done = await asyncio.to_thread(run, folder, "doctor", env={**tokens, **here, **env})
    assert done.returncode == ("!!" in done.stdout)
    assert slack.bot_token not in done.stdout
    return done.stdout


def untouched(folder: Path) -> bool:
    return not list(folder.iterdir())


async def test_a_good_set_up_is_well_and_untouched(tmp_path: Path, slack: SlackServer) -> None:
    told = await doctor(tmp_path, slack)
    assert "!!" not in told
    assert "All is well." in told
    assert "takes the tokens (Socket Mode)" in told
    assert untouched(tmp_path)


async def test_a_scope_that_is_missing_is_named(tmp_path: Path, slack: SlackServer) -> None:
    slack.configure(scopes="chat:write,commands")
    told = await doctor(tmp_path, slack)
    assert "the app lacks app_mentions:read" in told
    assert "manifest slack" in told


async def test_tokens_that_slack_refuses_are_named(tmp_path: Path, slack: SlackServer) -> None:
    assert "SLACK_BOT_TOKEN" in await doctor(tmp_path, slack, SLACK_BOT_TOKEN="xo" + "xb-nobody")
    assert "connections:write" in await doctor(tmp_path, slack, SLACK_APP_TOKEN="xa" + "pp-nobody")


async def test_a_slack_that_cannot_be_reached_is_told(tmp_path: Path, slack: SlackServer) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}/api/"
    assert "could not be asked" in await doctor(tmp_path, slack, LATCHKEY_SLACK_API_URL=nowhere)


async def test_a_bot_of_teams_is_tried_and_a_wrong_password_named(tmp_path: Path) -> None:
    async with TeamsServer() as teams:
        good = {
            "MICROSOFT_APP_ID": APP_ID,
            "MICROSOFT_APP_PASSWORD": PASSWORD,
            "MICROSOFT_APP_TENANT_ID": TENANT,
            "LATCHKEY_TEAMS_OPENID_URL": teams.openid_url,
            "LATCHKEY_TEAMS_LOGIN_URL": teams.login_url,
            "LATCHKEY_PORT": str(free_port()),
        }
        wrong = good | {"MICROSOFT_APP_PASSWORD": "its-secret-id"}
        offline = good | {"LATCHKEY_TEAMS_OPENID_URL": f"http://127.0.0.1:{free_port()}/"}
        for env, told in (
            (good, "takes the app's id and password (SingleTenant)"),
            (wrong, "does not take"),
            (offline, "could not be asked"),
        ):
            done = await asyncio.to_thread(run, tmp_path, "doctor", env=env)
            assert told in done.stdout
            assert PASSWORD not in done.stdout


async def test_where_code_runs_is_said_truly_and_why_not_elsewhere(tmp_path: Path, slack: SlackServer) -> None:
    told = await doctor(tmp_path, slack, LATCHKEY_SANDBOX="monty")
    assert "ok  code: isolated interpreter without network or file access (Monty" in told
    assert "container isolation" not in told
    nowhere = str(tmp_path / "none")
    told = await doctor(tmp_path, slack, LATCHKEY_SANDBOX="runner", LATCHKEY_SANDBOX_SOCKET=nowhere)
    assert "!!  code: agents run no code" in told
    assert f"runner is not used: there is no runner at {nowhere}" in told
    assert "LATCHKEY_SANDBOX is off" in await doctor(tmp_path, slack)


async def test_a_misspelt_setting_is_named(tmp_path: Path, slack: SlackServer) -> None:
    assert "LATCHKEY_PROT" in await doctor(tmp_path, slack, LATCHKEY_PROT="1")


def test_a_setting_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    done = run(tmp_path, "doctor", env={"LATCHKEY_ADMINS": "ada"})
    assert done.returncode == 1
    assert "LATCHKEY_ADMINS" in done.stdout


def test_a_missing_master_key_is_told(tmp_path: Path) -> None:
    assert run(tmp_path, "migrate", env={"LATCHKEY_DATA_DIR": str(tmp_path)}).returncode == 0
    done = run(
        tmp_path,
        "--data-dir",
        str(tmp_path),
        "doctor",
        env={"LATCHKEY_PORT": str(free_port()), "LATCHKEY_SANDBOX": "off"},
    )
    assert "is missing, but its database exists" in done.stdout


def test_the_manifest_is_printed_for_either_way_in(tmp_path: Path) -> None:
    assert '"socket_mode_enabled": true' in run(tmp_path, "manifest", "slack").stdout
    told = run(tmp_path, "manifest", "slack", "--url", "https://latchkey.example.com").stdout
    assert '"https://latchkey.example.com/slack/events"' in told
    assert run(tmp_path, "manifest", "slack", "--url", "latchkey.example.com").returncode == 1

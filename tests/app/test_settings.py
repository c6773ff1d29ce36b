"""The environment is read once; what is wrong is named, and never echoed."""

from __future__ import annotations

from pathlib import Path

import pytest

from app import settings
from app.domain.secrets import Secret
from app.errors import SettingsError

GUID = "0f8fad5b-d9cb-469f-a165-70867728950e"
TEAMS = {"MICROSOFT_APP_ID": GUID, "MICROSOFT_APP_PASSWORD": "client-secret", "MICROSOFT_APP_TENANT_ID": GUID.upper()}
SLACK = {"SLACK_BOT_TOKEN": "xoxb" + "-test", "SLACK_SIGNING_SECRET": "signing"}


@pytest.fixture
def env(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The environment, put back afterwards."""
    return monkeypatch


def complaint(env: pytest.MonkeyPatch, **variables: str) -> str:
    for name, value in variables.items():
        env.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        settings.load()
    return caught.value.message


def test_nothing_has_to_be_set() -> None:
    found = settings.load()
    assert (found.host, found.port, found.data_dir) == ("127.0.0.1", 8080, Path("data"))
    assert found.sqlite_file == Path("data/latchkey.db")
    assert found.secrets == ()


def test_secrets_arrive_as_secrets_and_stay_hidden(env: pytest.MonkeyPatch) -> None:
    for name, value in SLACK.items():
        env.setenv(name, value + "\n")
    found = settings.load()
    assert found.slack_bot_token == Secret(SLACK["SLACK_BOT_TOKEN"])
    assert SLACK["SLACK_BOT_TOKEN"] not in repr(found) + str(found)
    assert len(found.secrets) == 2


def test_an_empty_variable_is_as_good_as_none(env: pytest.MonkeyPatch) -> None:
    env.setenv("SLACK_BOT_TOKEN", "")
    env.setenv("LATCHKEY_PORT", "")
    assert settings.load().port == 8080


def test_lists_are_told_by_commas_or_spaces(env: pytest.MonkeyPatch) -> None:
    env.setenv("LATCHKEY_ADMINS", "slack:T1/U1, slack:T1/U2 teams:tenant/object-id")
    env.setenv("LATCHKEY_MODEL_HOSTS", "127.0.0.1:11434,[::1]:8000")
    found = settings.load()
    assert found.admins == ("slack:T1/U1", "slack:T1/U2", "teams:tenant/object-id")
    assert found.model_hosts == ("127.0.0.1:11434", "[::1]:8000")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LATCHKEY_PORT", "eighty-eighty"),
        ("LATCHKEY_PORT", "70000"),
        ("LATCHKEY_LOG_LEVEL", "CHATTY"),
        ("LATCHKEY_ADMINS", "U0123SECRETIVE"),
        ("LATCHKEY_MODEL_HOSTS", "http://localhost:1/x"),
        ("LATCHKEY_MCP_HOSTS", "http://localhost:1/mcp"),
        ("LATCHKEY_PUBLIC_URL", "chat.internal"),
        ("LATCHKEY_SLACK_API_URL", "https://user:hunter2@slack.com/"),
        ("LATCHKEY_KMS", "aws:arn"),
        ("MICROSOFT_APP_ID", "my-bot"),
        ("MICROSOFT_APP_TYPE", "UserAssignedMSI"),
        ("LATCHKEY_TEAMS_TENANTS", "contoso.onmicrosoft.com"),
        ("LATCHKEY_TEAMS_SERVICE_HOSTS", "https://elsewhere/x"),
        ("LATCHKEY_TEAMS_LOGIN_URL", "login.example"),
        ("LATCHKEY_TEAMS_LOGIN_URL", "http://login.example/"),
        ("LATCHKEY_TEAMS_OPENID_URL", "http://127.0.0.1.login.example/"),
        ("LATCHKEY_TEAMS_CLOUD", "Mooncake"),
    ],
)
def test_a_wrong_value_is_told_by_its_variable_and_not_echoed(env: pytest.MonkeyPatch, name: str, value: str) -> None:
    message = complaint(env, **{name: value})
    assert message.startswith(f"{name}: ")
    assert value not in message


def test_everything_wrong_is_told_at_once(env: pytest.MonkeyPatch) -> None:
    assert len(complaint(env, LATCHKEY_PORT="x", LATCHKEY_ADMINS="y").splitlines()) == 2


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"SLACK_BOT_TOKEN": "x"}, "SLACK_APP_TOKEN"),
        ({"SLACK_APP_TOKEN": "x"}, "SLACK_BOT_TOKEN"),
        ({"SLACK_SIGNING_SECRET": "x"}, "SLACK_BOT_TOKEN"),
        ({"MICROSOFT_APP_ID": "", "MICROSOFT_APP_PASSWORD": "x"}, "MICROSOFT_APP_ID is missing or empty"),
        ({"MICROSOFT_APP_ID": GUID}, "MICROSOFT_APP_PASSWORD"),
        ({"MICROSOFT_APP_ID": GUID, "MICROSOFT_APP_PASSWORD": "x"}, "MICROSOFT_APP_TENANT_ID"),
        ({"LATCHKEY_MASTER_KEY": "x", "LATCHKEY_MASTER_KEY_FILE": "y"}, "not both"),
    ],
)
def test_half_a_configuration_says_what_is_missing(
    env: pytest.MonkeyPatch, variables: dict[str, str], named: str
) -> None:
    assert named in complaint(env, **variables)


def test_teams_is_told_by_microsofts_names(env: pytest.MonkeyPatch) -> None:
    for name, value in TEAMS.items():
        env.setenv(name, value)
    found = settings.load()
    assert (found.microsoft_app_id, found.microsoft_app_tenant_id) == (GUID, GUID)
    assert found.microsoft_app_type == "SingleTenant"
    assert found.secrets == (Secret("client-secret"),)
    assert (found.teams_cloud, found.teams_login_url, found.teams_openid_url) == ("Public", "", "")


def test_a_bot_of_many_tenants_is_of_none(env: pytest.MonkeyPatch) -> None:
    for name, value in (TEAMS | {"MICROSOFT_APP_TENANT_ID": "", "MICROSOFT_APP_TYPE": "MultiTenant"}).items():
        env.setenv(name, value)
    env.setenv("LATCHKEY_TEAMS_TENANTS", f"{GUID.upper()}, {GUID}")
    assert settings.load().teams_tenants == (GUID, GUID)


def test_admins_of_teams_may_be_pasted_as_the_portal_shows_them(env: pytest.MonkeyPatch) -> None:
    env.setenv("LATCHKEY_ADMINS", f"teams:{GUID.upper()}/{GUID.upper()} teams:{GUID}/29:1-AbC slack:T1/U1")
    assert settings.load().admins == (f"teams:{GUID}/{GUID}", f"teams:{GUID}/29:1-AbC", "slack:T1/U1")


@pytest.mark.parametrize("cloud", ["Public", "USGov", "USGovDoD", "China"])
def test_a_cloud_of_microsofts_is_told_by_its_name(env: pytest.MonkeyPatch, cloud: str) -> None:
    for name, value in (TEAMS | {"LATCHKEY_TEAMS_CLOUD": cloud}).items():
        env.setenv(name, value)
    assert settings.load().teams_cloud == cloud


def test_misspelt_variables_are_found() -> None:
    assert settings.unknown(["LATCHKEY_PORT", "LATCHKEY_PROT", "PATH"]) == ("LATCHKEY_PROT",)


def test_the_hosts_own_model_accounts_leave_the_process() -> None:
    environ = {"ANTHROPIC_API_KEY": "a", "OPENAI_BASE_URL": "b", "ANTHROPIC_CUSTOM_HEADERS": "c", "PATH": "p"}
    assert settings.strip_provider_variables(environ) == (
        "ANTHROPIC_API_KEY",
        "ANTHROPIC_CUSTOM_HEADERS",
        "OPENAI_BASE_URL",
    )
    assert environ == {"PATH": "p"}

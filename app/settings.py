"""The environment, read once and checked. Secrets arrive as Secret; what is wrong is told by the variable's name, never by its value."""

from __future__ import annotations

import re
from collections.abc import Iterable, MutableMapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app.domain.secrets import Secret
from app.errors import SettingsError

PROVIDER_VARIABLES = ("ANTHROPIC_", "OPENAI_", "AZURE_OPENAI_")
"""What model SDKs would read behind our back, and spend the operator's money with."""

_ADMIN = re.compile(r"[a-z]+:[^\s/:,]+/[^\s/,]+")
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_HOST_PORT = re.compile(r"(\[[0-9a-fA-F:]+\]|[a-zA-Z0-9.-]+):\d{1,5}")


def _secret(value: object) -> object:
    return Secret(value.strip()) if isinstance(value, str) and value.strip() else value


def _words(value: object) -> object:
    return tuple(re.split(r"[\s,]+", value.strip())) if isinstance(value, str) else value


SecretText = Annotated[Secret, BeforeValidator(_secret)]
Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_words)]


def _named(variable: str, default: Any) -> Any:
    return Field(default, validation_alias=variable)


class Settings(BaseSettings):
    """What an operator can set. Read it with `load`."""

    model_config = SettingsConfigDict(
        env_ignore_empty=True,
        hide_input_in_errors=True,
        arbitrary_types_allowed=True,
        frozen=True,
        extra="ignore",
        populate_by_name=True,
    )

    data_dir: Path = _named("LATCHKEY_DATA_DIR", Path("data"))
    database_url: SecretText | None = _named("LATCHKEY_DATABASE_URL", None)  # it holds a password
    master_key: SecretText | None = _named("LATCHKEY_MASTER_KEY", None)
    master_key_file: Path | None = _named("LATCHKEY_MASTER_KEY_FILE", None)
    kms: Literal["local"] = _named("LATCHKEY_KMS", "local")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = _named("LATCHKEY_LOG_LEVEL", "INFO")
    host: str = _named("LATCHKEY_HOST", "127.0.0.1")
    port: int = Field(8080, ge=0, le=65535, validation_alias="LATCHKEY_PORT")  # 0: any free one
    public_url: str = _named("LATCHKEY_PUBLIC_URL", "")
    slack_bot_token: SecretText | None = _named("SLACK_BOT_TOKEN", None)
    slack_signing_secret: SecretText | None = _named("SLACK_SIGNING_SECRET", None)
    slack_app_token: SecretText | None = _named("SLACK_APP_TOKEN", None)
    slack_api_url: str = _named("LATCHKEY_SLACK_API_URL", "https://slack.com/api/")
    microsoft_app_id: str = _named("MICROSOFT_APP_ID", "")
    microsoft_app_password: SecretText | None = _named("MICROSOFT_APP_PASSWORD", None)
    microsoft_app_type: Literal["SingleTenant", "MultiTenant"] = _named("MICROSOFT_APP_TYPE", "SingleTenant")
    microsoft_app_tenant_id: str = _named("MICROSOFT_APP_TENANT_ID", "")
    teams_tenants: Words = _named(
        "LATCHKEY_TEAMS_TENANTS", ()
    )  # nobody else is served; empty: whoever may reach the bot
    teams_cloud: Literal["Public", "USGov", "USGovDoD", "China"] = _named("LATCHKEY_TEAMS_CLOUD", "Public")
    teams_openid_url: str = _named("LATCHKEY_TEAMS_OPENID_URL", "")  # in the place of the cloud's own
    teams_login_url: str = _named("LATCHKEY_TEAMS_LOGIN_URL", "")
    teams_service_hosts: Words = _named("LATCHKEY_TEAMS_SERVICE_HOSTS", ())
    teams_targeted: bool = _named("LATCHKEY_TEAMS_TARGETED", False)  # Microsoft's preview of messages to one person
    admins: Words = _named("LATCHKEY_ADMINS", ())
    model_hosts: Words = _named("LATCHKEY_MODEL_HOSTS", ())
    mcp_hosts: Words = _named("LATCHKEY_MCP_HOSTS", ())  # private servers of tools
    web_hosts: Words = _named("LATCHKEY_WEB_HOSTS", ())  # private pages that agents may be granted
    model_proxy: str = _named("LATCHKEY_MODEL_PROXY", "")  # it looks names up then, and is to judge addresses
    anthropic_base_url: str = _named("LATCHKEY_ANTHROPIC_BASE_URL", "")
    openai_base_url: str = _named("LATCHKEY_OPENAI_BASE_URL", "")
    max_runs: int = Field(64, ge=1, le=10_000, validation_alias="LATCHKEY_MAX_RUNS")  # at once, in this process
    sandbox: Literal["auto", "monty", "bwrap", "runner", "off"] = _named("LATCHKEY_SANDBOX", "auto")
    sandbox_socket: Path | None = _named("LATCHKEY_SANDBOX_SOCKET", None)  # of a runner container
    sandbox_min_tier: int = Field(1, ge=1, le=5, validation_alias="LATCHKEY_SANDBOX_MIN_TIER")
    drain_seconds: float = Field(20.0, ge=0, le=600, validation_alias="LATCHKEY_DRAIN_SECONDS")

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    @field_validator(
        "public_url",
        "slack_api_url",
        "teams_openid_url",
        "teams_login_url",
        "model_proxy",
        "anthropic_base_url",
        "openai_base_url",
    )
    @classmethod
    def _url(cls, value: str) -> str:
        if value and not re.fullmatch(r"https?://[^\s/@]+(/\S*)?", value):
            raise ValueError("should be a URL such as https://latchkey.example.com")
        return value

    @field_validator("teams_openid_url", "teams_login_url")
    @classmethod
    def _trusted(cls, value: str) -> str:
        """Whoever answers there is believed, or is given the bot's password: nobody may stand between."""
        if value and not re.match(r"https://|http://(127\.0\.0\.1|localhost|\[::1\])[:/]", value):
            raise ValueError("should be an https URL")
        return value

    @field_validator("admins")
    @classmethod
    def _admins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        _each(value, _ADMIN, "should be people as slack:T0123/U0123, separated by commas")
        return tuple(_GUID.sub(lambda found: found[0].lower(), one) for one in value)  # as Microsoft writes them

    @field_validator("microsoft_app_id", "microsoft_app_tenant_id")
    @classmethod
    def _guid(cls, value: str) -> str:
        return _guids((value,))[0]

    @field_validator("teams_tenants")
    @classmethod
    def _tenants(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return _guids(value)

    @field_validator("model_hosts", "mcp_hosts", "web_hosts", "teams_service_hosts")
    @classmethod
    def _hosts(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        _each(value, _HOST_PORT, "should be servers as host:port, separated by commas")
        return value

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.master_key and self.master_key_file:
            raise ValueError("Set LATCHKEY_MASTER_KEY or LATCHKEY_MASTER_KEY_FILE, not both")
        if self.slack_bot_token and not (self.slack_signing_secret or self.slack_app_token):
            raise ValueError(
                "SLACK_BOT_TOKEN is set, so set one more: SLACK_APP_TOKEN (Socket Mode, no public address needed) "
                "or SLACK_SIGNING_SECRET (events over HTTP)"
            )
        if not self.slack_bot_token and (self.slack_signing_secret or self.slack_app_token):
            raise ValueError("SLACK_BOT_TOKEN is missing (Slack: your app, OAuth & Permissions, Bot User OAuth Token)")
        if self.sandbox == "runner" and not self.sandbox_socket:
            raise ValueError("LATCHKEY_SANDBOX is runner, so set LATCHKEY_SANDBOX_SOCKET to the runner's socket")
        self._teams_whole()
        return self

    def _teams_whole(self) -> None:
        """An app id that is missing or empty never means that nobody has to prove who they are: it stops the start."""
        if not self.microsoft_app_id and (self.microsoft_app_password or self.microsoft_app_tenant_id):
            raise ValueError("MICROSOFT_APP_ID is missing or empty (Azure Bot: Configuration, Microsoft App ID)")
        if self.microsoft_app_id and not self.microsoft_app_password:
            raise ValueError(
                "MICROSOFT_APP_PASSWORD is missing (App registration: Certificates & secrets, the secret's value)"
            )
        if self.microsoft_app_id and self.microsoft_app_type == "SingleTenant" and not self.microsoft_app_tenant_id:
            raise ValueError(
                "MICROSOFT_APP_TENANT_ID is missing: a SingleTenant bot belongs to one (App registration: Overview, "
                "Directory (tenant) ID). For an older bot of many tenants set MICROSOFT_APP_TYPE=MultiTenant"
            )

    @property
    def sqlite_file(self) -> Path | None:
        """The database's file, if it is one that we chose the place of."""
        return None if self.database_url else self.data_dir / "latchkey.db"

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """Every secret in here, so that logs can be kept free of them."""
        every = (
            self.database_url,
            self.master_key,
            self.slack_bot_token,
            self.slack_signing_secret,
            self.slack_app_token,
            self.microsoft_app_password,
        )
        return tuple(secret for secret in every if secret)


def load(**given: Any) -> Settings:
    """The settings of the environment, `given` ones first. Raises SettingsError, a line for each thing that is wrong."""
    try:
        return Settings(**given)
    except ValidationError as error:
        raise SettingsError("\n".join(_complaint(found) for found in error.errors(include_input=False))) from None


def unknown(environ: Iterable[str]) -> tuple[str, ...]:
    """Variables that begin like ours and are none: misspelt, most likely."""
    ours = {str(field.validation_alias) for field in Settings.model_fields.values()}
    return tuple(sorted(name for name in environ if name.startswith("LATCHKEY_") and name not in ours))


def strip_provider_variables(environ: MutableMapping[str, str]) -> tuple[str, ...]:
    """Take the host's own model accounts out of this process, so that no library can fall back to them."""
    found = tuple(sorted(name for name in environ if name.startswith(PROVIDER_VARIABLES)))
    for name in found:
        del environ[name]
    return found


def _each(values: tuple[str, ...], shape: re.Pattern[str], complaint: str) -> None:
    if not all(shape.fullmatch(value) for value in values):
        raise ValueError(complaint)


def _guids(values: tuple[str, ...]) -> tuple[str, ...]:
    """Ids as Microsoft writes them, whichever way they were pasted."""
    lower = tuple(value.strip().casefold() for value in values)
    _each(tuple(filter(None, lower)), _GUID, "should be an id such as 00000000-0000-0000-0000-000000000000")
    return lower


def _complaint(found: Any) -> str:
    variable = found["loc"][0] if found["loc"] else ""
    message = str(found["msg"]).removeprefix("Value error, ").removeprefix("Input ")
    return f"{variable}: {message}." if variable else f"{message}."

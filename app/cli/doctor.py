"""Looking the settings and surroundings over, without changing anything."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import click

from app import settings as environment
from app.errors import LatchkeyError, PlatformError, PlatformUnavailable
from app.settings import Settings


@dataclass(frozen=True, slots=True)
class Finding:
    """What one look showed; `advice` says what to do where it is not well."""

    text: str
    advice: str = ""


@click.command()
@click.pass_obj
def doctor(load: Callable[..., Settings]) -> None:
    """Look over settings, master key, database, port, Slack, Teams and isolation of code, and say what to do. Changes nothing."""
    try:
        settings = load()
    except LatchkeyError as error:
        click.echo(_line("settings", Finding("cannot be used", error.message)))
        sys.exit(1)
    looks: tuple[tuple[str, Callable[[Settings], Awaitable[Finding]]], ...] = (
        ("settings", _settings),
        ("data directory", _data_directory),
        ("master key", _master_key),
        ("database", _database),
        ("port", _port),
        ("slack", _slack),
        ("teams", _teams),
        ("code", _code),
    )
    findings = [(name, asyncio.run(_look(look, settings))) for name, look in looks]
    for name, finding in findings:
        click.echo(_line(name, finding))
    if any(finding.advice for _, finding in findings):
        sys.exit(1)
    click.echo("\nAll is well.")


def _line(name: str, finding: Finding) -> str:
    mark = "!!" if finding.advice else "ok"
    advice = "".join(f"\n      {line}" for line in finding.advice.splitlines())
    return f"{mark}  {name}: {finding.text}{advice}"


async def _look(look: Callable[[Settings], Awaitable[Finding]], settings: Settings) -> Finding:
    try:
        return await look(settings)
    except LatchkeyError as error:
        return Finding("not well", error.message)
    except Exception as error:  # noqa: BLE001 - the doctor goes on to the next patient; texts may hold passwords
        return Finding(f"could not be looked at ({type(error).__name__})", "Read the message of `latchkey serve`.")


async def _settings(_settings: Settings) -> Finding:
    unknown = environment.unknown(os.environ)
    if unknown:
        return Finding("some are none", f"There is no such setting: {', '.join(unknown)}. Is it misspelt?")
    ignored = sorted(name for name in os.environ if name.startswith(environment.PROVIDER_VARIABLES))
    return Finding(f"read; ignored, because keys are set in the chat: {', '.join(ignored)}" if ignored else "read")


async def _data_directory(settings: Settings) -> Finding:
    folder = settings.data_dir.absolute()
    if not folder.exists():
        parent = next(parent for parent in folder.parents if parent.exists())
        if os.access(parent, os.W_OK):
            return Finding(f"{folder} will be made at the first start")
        return Finding(
            f"{folder} cannot be made",
            f"Make it and give it to this user, or set LATCHKEY_DATA_DIR ({parent} is not writable).",
        )
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        return Finding(
            f"{folder} cannot be written to", "Give it to the user that Latchkey runs as, or set LATCHKEY_DATA_DIR."
        )
    return Finding(f"{folder} can be written to")


async def _master_key(settings: Settings) -> Finding:
    from adapters.kms import local
    from app.database import master_key_file

    default = master_key_file(settings)
    if not default.exists() and not (settings.master_key or settings.master_key_file):
        if settings.sqlite_file and settings.sqlite_file.exists():
            local.load(None, None, default, may_make=False)
        return Finding("one will be made at the first start; keep a copy of it apart from the database's backup")
    wrapper = local.load(settings.master_key, settings.master_key_file, default, may_make=False)
    return Finding(f"{wrapper.id} can be used")


async def _database(settings: Settings) -> Finding:
    from app.database import look_at_database

    if settings.sqlite_file and not settings.sqlite_file.exists():
        return Finding(f"{settings.sqlite_file} will be made at the first start")
    return Finding(await look_at_database(settings))


async def _port(settings: Settings) -> Finding:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            return Finding(
                f"{settings.host}:{settings.port} cannot be listened on ({error.strerror})",
                "Is Latchkey running already? Otherwise set LATCHKEY_PORT or LATCHKEY_HOST.",
            )
    return Finding(f"{settings.host}:{settings.port} is free")


async def _slack(settings: Settings) -> Finding:
    if not settings.slack_bot_token:
        return Finding("not set up; the demo needs no Slack, and `latchkey manifest slack` prints the app to create")
    from adapters.slack.health import look

    try:
        health = await look(settings.slack_bot_token, settings.slack_app_token, settings.slack_api_url)
    except PlatformError as error:
        return Finding("could not be asked", f"{error.message}. Is this machine online?")
    if health.missing:
        return Finding(
            f"{health.workspace}: the app lacks {', '.join(health.missing)}",
            "Update the app with `latchkey manifest slack`, and install it to the workspace again.",
        )
    way = "Socket Mode" if settings.slack_app_token else "events over HTTP"
    return Finding(f"{health.workspace} takes the tokens ({way})")


async def _teams(settings: Settings) -> Finding:
    if not settings.microsoft_app_password:
        return Finding("not set up; docs/guides/teams.md says how")
    from adapters.teams.health import look
    from app.edges import teams_of

    try:
        await look(*teams_of(settings, settings.microsoft_app_password))
    except PlatformUnavailable as error:
        return Finding("Microsoft could not be asked", f"{error.message}. Is this machine online?")
    except PlatformError as error:
        return Finding(
            f"Microsoft does not take the app's id and password ({error.message})",
            "MICROSOFT_APP_PASSWORD is the client secret's Value (not its Secret ID), and it expires; MICROSOFT_APP_TENANT_ID is "
            "the bot's own tenant.",
        )
    return Finding(f"Microsoft takes the app's id and password ({settings.microsoft_app_type})")


async def _code(settings: Settings) -> Finding:
    from adapters.tools.sandbox.select import chosen_by

    sandboxes = chosen_by(settings.sandbox, settings.sandbox_socket, settings.sandbox_min_tier)
    try:
        await sandboxes.choose()
        why = "\n".join(f"{name} is not used: {reason}" for name, reason in sandboxes.reasons.items())
        if sandboxes.is_well:
            return Finding(f"{sandboxes.words}{why and chr(10)}{why}".replace("\n", "\n      "))
        return Finding(sandboxes.words, f"{why}\nSet LATCHKEY_SANDBOX=off if agents shall run none.")
    finally:
        await sandboxes.aclose()

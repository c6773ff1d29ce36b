"""Starting the service: for real, and as a demo that needs nothing."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import os
import resource
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import click
import structlog

from app import settings as environment
from app.errors import SettingsError
from app.settings import Settings
from app.telemetry.logs import configure, route_loop
from app.telemetry.scrub import scrub

log = structlog.get_logger(__name__)

_PR_SET_DUMPABLE = 4

WELCOME = """
  Latchkey's playground is open:

      {url}

  Mention @Latchkey in a channel, or type /byok. The offline model answers until you set a real key with /byok setkey.
  Until then nothing leaves this machine; the data is in {data}. Stop with Ctrl-C.
"""


@click.command()
@click.pass_obj
def serve(load: Callable[..., Settings]) -> None:
    """Run the service for your chat platforms.

    Slack needs SLACK_BOT_TOKEN with SLACK_APP_TOKEN (Socket Mode) or SLACK_SIGNING_SECRET (events over HTTP).
    Teams needs MICROSOFT_APP_ID, MICROSOFT_APP_PASSWORD and MICROSOFT_APP_TENANT_ID.
    """
    settings = load()
    if not (settings.slack_bot_token or settings.microsoft_app_id):
        raise SettingsError(
            "No chat platform is set up. For Slack, set SLACK_BOT_TOKEN and SLACK_APP_TOKEN: `latchkey manifest slack` prints the "
            "app to create. For Teams, set MICROSOFT_APP_ID, MICROSOFT_APP_PASSWORD and MICROSOFT_APP_TENANT_ID: see "
            "docs/guides/teams.md. To look around without an account: latchkey demo."
        )
    prepare(settings, settings.log_level)
    asyncio.run(_run(settings, demo=False, ports=(settings.port,)))
    _leave()


@click.command()
@click.pass_obj
def demo(load: Callable[..., Settings]) -> None:
    """Open the playground: a chat in your browser with an offline model. It needs no account, and stays on this machine."""
    chosen = "LATCHKEY_PORT" in os.environ
    given = {} if _names_a_folder(load) else {"data_dir": Path("data/demo")}
    settings = load(
        **given,
        host="127.0.0.1",
        database_url=None,
        slack_bot_token=None,
        slack_signing_secret=None,
        slack_app_token=None,
        microsoft_app_id="",
        microsoft_app_password=None,
        microsoft_app_tenant_id="",
    )
    prepare(settings, settings.log_level if "LATCHKEY_LOG_LEVEL" in os.environ else "WARNING")
    ports = (settings.port,) if chosen else (*range(settings.port, settings.port + 10), 0)
    asyncio.run(_run(settings, demo=True, ports=ports))
    _leave()


def prepare(settings: Settings, level: str) -> None:
    """What is done to the process before anything else: logs that know the secrets, no host accounts, no dumps, private files."""
    configure(level)
    for secret in settings.secrets:
        scrub.remember(secret)
    for name in environment.strip_provider_variables(os.environ):
        log.warning("this variable is of no use here: keys are set in the chat, and nothing else pays", variable=name)
    for name in environment.unknown(os.environ):
        log.warning("there is no such setting", variable=name)
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)  # nor may others of the same user look into memory


async def _run(settings: Settings, *, demo: bool, ports: tuple[int, ...]) -> None:
    from app.main import build

    loop, told = asyncio.get_running_loop(), asyncio.Event()
    route_loop(loop)
    service = await build(settings, demo=demo)

    def stop() -> None:
        if told.is_set():
            os._exit(130)  # told twice: now, whatever is under way
        told.set()

    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stop)
    try:
        await service.start(ports)
        _settle_memory()
        for address in service.addresses:
            click.echo(WELCOME.format(url=address, data=settings.data_dir))
        await told.wait()
        log.info("stopping", seconds=settings.drain_seconds)
    finally:
        await service.stop()


def _settle_memory() -> None:
    """Look for garbage less often, and not among what is there for good: each look stops everything, acknowledgements too."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def _leave() -> None:
    """End the process: all is stopped and closed, and taking a hundred thousand objects apart would last a second or two."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _names_a_folder(load: Callable[..., Settings]) -> bool:
    return bool(load().data_dir != Settings.model_fields["data_dir"].default)

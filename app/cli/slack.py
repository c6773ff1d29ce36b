"""What Slack needs to know of the app."""

from __future__ import annotations

import json
import re

import click

from app.errors import SettingsError


@click.group()
def manifest() -> None:
    """Print the description of the app that a chat platform asks for."""


@manifest.command()
@click.option(
    "--url",
    default="",
    envvar="LATCHKEY_PUBLIC_URL",
    show_envvar=True,
    help="Where Slack reaches this service, such as https://latchkey.example.com; without it, Socket Mode.",
)
def slack(url: str) -> None:
    """Print Slack's app manifest: paste it at api.slack.com/apps, Create New App, From a manifest."""
    from adapters.slack.manifest import manifest as described

    if url and not re.fullmatch(r"https://[^\s/@?#]+(/[^\s?#]*)?", url):
        raise SettingsError("--url: should be the public address, such as https://latchkey.example.com.")
    click.echo(json.dumps(described(url or None), indent=2, ensure_ascii=False))

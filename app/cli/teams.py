"""What Teams needs to know of the app."""

from __future__ import annotations

import re
from pathlib import Path

import click

from app.errors import SettingsError


@click.command()
@click.option("--app-id", required=True, help="The bot's Microsoft App ID (a GUID).")
@click.option(
    "--url",
    required=True,
    envvar="LATCHKEY_PUBLIC_URL",
    show_envvar=True,
    help="Where Teams reaches this service, such as https://latchkey.example.com.",
)
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("latchkey.zip"),
    show_default=True,
    help="The package to write.",
)
@click.option("--slash", is_flag=True, help="Ask for slash commands and private messages in channels (Teams' preview).")
def teams(app_id: str, url: str, out: Path, *, slash: bool) -> None:
    """Write Teams' app package: upload it in Teams under Apps, Manage your apps, Upload an app."""
    from adapters.teams.manifest import package

    if not re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", app_id, re.IGNORECASE):
        raise SettingsError(
            "--app-id: should be the bot's Microsoft App ID, such as 00000000-0000-0000-0000-000000000000."
        )
    if not re.fullmatch(r"https://[^\s/@?#]+(/[^\s?#]*)?", url):
        raise SettingsError("--url: should be the public address, such as https://latchkey.example.com.")
    package(app_id.lower(), url, out, slash=slash)
    click.echo(f"{out}: upload it in Teams (Apps, Manage your apps, Upload an app).")

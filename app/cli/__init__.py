"""The command line. Heavy imports wait for the command that needs them, so that `--help` is quick."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from app import settings as environment
from app.cli.data import agents, audit, keys, migrate
from app.cli.doctor import doctor
from app.cli.serving import demo, serve
from app.cli.slack import manifest
from app.cli.teams import teams
from app.cli.usage import usage
from app.errors import LatchkeyError
from app.settings import Settings


class Commands(click.Group):
    """Tells what went wrong in a sentence on standard error, and nothing else of it."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command that was typed."""
        try:
            return super().invoke(ctx)
        except LatchkeyError as error:
            for line in error.message.splitlines():
                click.echo(f"latchkey: {line}", err=True)
            sys.exit(1)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where the database and the master key are, instead of LATCHKEY_DATA_DIR.",
)
@click.version_option(package_name="latchkey", message="%(version)s")
@click.pass_context
def main(context: click.Context, data_dir: Path | None) -> None:
    """Agents in Slack and Microsoft Teams that think on the workspace's own model key.

    Settings come from the environment; `latchkey doctor` looks them over. To see it work without any account: `latchkey demo`.
    """

    def load(**given: object) -> Settings:
        return environment.load(**({"data_dir": data_dir} if data_dir else {}), **given)

    context.obj = load


for command in (serve, demo, doctor, manifest, migrate, agents, keys, audit, usage):
    main.add_command(command)
manifest.add_command(teams)

"""The same service, its tables on PostgreSQL."""

from __future__ import annotations

from pathlib import Path

from tests.acceptance.process import free_port
from tests.acceptance.service import Service
from tests.app.processes.command import run
from tests.fakes.postgres import Postgres
from tests.fakes.slack_server import SlackServer


async def test_a_mention_is_taken_up_and_answered_once_on_postgresql(tmp_path: Path, postgres: Postgres) -> None:
    url, port = postgres.create(), free_port()
    async with SlackServer(events_url=f"http://127.0.0.1:{port}/slack/events") as slack:
        environment = {
            "LATCHKEY_DATABASE_URL": url,
            "LATCHKEY_SLACK_API_URL": slack.api_url,
            "SLACK_BOT_TOKEN": slack.bot_token,
            "SLACK_SIGNING_SECRET": slack.signing_secret,
        }
        async with Service(tmp_path, port, environment) as service:
            asked = await slack.say("CGENERAL", "UMEMBER", "<@UBOT> hello")
            await slack.until(lambda: "/byok setkey" in str(slack.replies("CGENERAL", asked)), seconds=20)
            assert len(slack.replies("CGENERAL", asked)) == 1
    assert [file.name for file in service.data.iterdir()] == ["master.key"]
    verified = run(tmp_path, "audit", "verify", env={"LATCHKEY_DATABASE_URL": url})
    assert "slack:T1: 2 rows, whole" in verified.stdout
    postgres.drop(url)

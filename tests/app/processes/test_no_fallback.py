"""There is no key but the workspace's own: accounts of the host are never spent, whatever the environment says."""

from __future__ import annotations

from pathlib import Path

from tests.acceptance.process import free_port
from tests.acceptance.service import Service
from tests.fakes.model_server import ModelServer
from tests.fakes.slack_server import SlackServer

HOST_KEY = "sk-test-the-host-pays"


async def test_without_a_workspace_key_no_request_leaves_though_the_host_has_accounts(tmp_path: Path) -> None:
    port = free_port()
    async with SlackServer(events_url=f"http://127.0.0.1:{port}/slack/events") as slack, ModelServer() as model:
        environment = {
            "LATCHKEY_SLACK_API_URL": slack.api_url,
            "SLACK_BOT_TOKEN": slack.bot_token,
            "SLACK_SIGNING_SECRET": slack.signing_secret,
            "LATCHKEY_ANTHROPIC_BASE_URL": model.url,
            "LATCHKEY_OPENAI_BASE_URL": f"{model.url}/v1",
            "ANTHROPIC_API_KEY": HOST_KEY,
            "ANTHROPIC_AUTH_TOKEN": HOST_KEY,
            "ANTHROPIC_BASE_URL": model.url,
            "OPENAI_API_KEY": HOST_KEY,
            "OPENAI_BASE_URL": f"{model.url}/v1",
        }
        async with Service(tmp_path, port, environment) as service:
            asked = await slack.say("CGENERAL", "UMEMBER", "<@UBOT> who pays for this?")
            answers = await slack.until(lambda: slack.replies("CGENERAL", asked), seconds=20)
            await slack.until(lambda: "/byok setkey" in str(slack.replies("CGENERAL", asked)), seconds=20)
            assert service.process.running
        printed = service.process.printed
        assert len(answers) == 1
        assert model.calls == []
        assert model.listings == []
        assert HOST_KEY not in printed

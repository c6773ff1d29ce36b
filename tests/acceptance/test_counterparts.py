"""The counterparts do what the other tests here rely on, shown with a bare slack-bolt app in Latchkey's place."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from tests.acceptance.aimock import AiMock, answer, tool_call
from tests.acceptance.blocks import words
from tests.acceptance.local_slack import ANA, APP_TOKEN, BOT, BOT_TOKEN, GENERAL, MAX, SIGNING_SECRET, LocalSlack
from tests.acceptance.process import free_port, until

Json = dict[str, Any]
FORM: Json = {
    "type": "modal",
    "callback_id": "form",
    "title": {"type": "plain_text", "text": "A form"},
    "submit": {"type": "plain_text", "text": "Send"},
    "blocks": [
        {
            "type": "input",
            "block_id": "word",
            "label": {"type": "plain_text", "text": "Word"},
            "element": {"type": "plain_text_input", "action_id": "word"},
        }
    ],
}


def home(colour: str) -> Json:
    """A home tab with a select and a button."""
    options = [{"text": {"type": "plain_text", "text": name}, "value": name} for name in ("red", "blue")]
    return {
        "type": "home",
        "blocks": [
            {
                "type": "section",
                "text": {"type": "mrkdwn", "text": f"Colour: {colour}"},
                "accessory": {"type": "static_select", "action_id": "colour", "options": options},
            },
        ],
    }


def echo(client: AsyncWebClient) -> AsyncApp:
    """A Slack app that does one of each thing."""
    app = AsyncApp(client=client, signing_secret=SIGNING_SECRET)

    @app.event("app_mention")
    async def mention(event: Json) -> None:
        posted = await client.chat_postMessage(channel=event["channel"], thread_ts=event["ts"], text="…")
        await client.chat_update(channel=event["channel"], ts=posted["ts"], text="echo: " + event["text"])

    @app.event("message")
    async def message(event: Json) -> None:
        if event.get("channel_type") == "im":
            await client.chat_postMessage(
                channel=event["channel"], thread_ts=event["ts"], text="alone: " + event["text"]
            )

    @app.event("app_home_opened")
    async def opened(event: Json) -> None:
        await client.views_publish(user_id=event["user"], view=home("none"))

    @app.action("colour")
    async def colour(ack: Any, body: Json) -> None:
        await ack()
        await client.views_publish(
            user_id=body["user"]["id"], view=home(body["actions"][0]["selected_option"]["value"])
        )

    @app.command("/byok")
    async def command(ack: Any, body: Json) -> None:
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=FORM)

    @app.view("form")
    async def submitted(ack: Any, body: Json) -> None:
        word = body["view"]["state"]["values"]["word"]["word"]["value"]
        if word == "bad":
            await ack(response_action="errors", errors={"word": "not this"})
            return
        await ack()
        await client.chat_postEphemeral(channel=GENERAL, user=body["user"]["id"], text=f"got {word}")

    return app


@pytest.fixture(params=["http", "socket"])
async def slack(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[LocalSlack]:
    port = free_port()
    events_url = f"http://127.0.0.1:{port}/slack/events" if request.param == "http" else ""
    async with LocalSlack(tmp_path, events_url) as workspace:
        app = echo(AsyncWebClient(BOT_TOKEN, base_url=workspace.api_url))
        if request.param == "socket":
            handler = AsyncSocketModeHandler(app, APP_TOKEN)
            await handler.connect_async()  # type: ignore[no-untyped-call]
            await workspace.app_connected()
            yield workspace
            await handler.close_async()  # type: ignore[no-untyped-call]
            return

        async def events(incoming: web.Request) -> web.Response:
            return await to_aiohttp_response(await app.async_dispatch(await to_bolt_request(incoming)))

        server = web.Application()
        server.router.add_post("/slack/events", events)
        runner = web.AppRunner(server)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield workspace
        await runner.cleanup()


async def test_a_bare_app_can_be_mentioned_and_changes_its_answer(slack: LocalSlack) -> None:
    asked = await slack.say(GENERAL, MAX, f"<@{BOT}> hello")
    answers = await until(lambda: slack.answers(GENERAL, asked), "it answers")
    await until(lambda: "echo" in words(slack.answers(GENERAL, asked)), "the answer changes")
    assert slack.edits[answers[0]["ts"]] == 1


async def test_a_bare_app_hears_a_direct_message(slack: LocalSlack) -> None:
    channel = await slack.direct(MAX)
    asked = await slack.say(channel, MAX, "hello")
    await until(lambda: "alone: hello" in words(slack.answers(channel, asked)), "it answers")


async def test_a_bare_app_opens_a_form_and_refuses_a_field(slack: LocalSlack) -> None:
    await slack.command(ANA, "form")
    await until(lambda: slack.modal, "the form opens")
    await slack.submit(ANA, {"Word": "bad"})
    await until(lambda: slack.errors == {"word": "not this"}, "the field is refused")
    await slack.submit(ANA, {"Word": "good"})
    await until(lambda: "got good" in words(slack.whispers(ANA)), "the form is taken")
    assert slack.modal is None


async def test_a_bare_app_changes_the_home_tab(slack: LocalSlack) -> None:
    view = await slack.open_home(ANA)
    await slack.press(ANA, view["blocks"], "Colour", option="blue")
    await until(lambda: "Colour: blue" in words(slack.home(ANA)), "the home tab changes")


async def test_a_vendor_takes_one_key_only_and_remembers_what_was_asked(tmp_path: Path) -> None:
    fixtures = [
        answer("sky", "It is blue.", model="claude-test"),
        *tool_call("time", "current_time", {}, "It is noon."),
    ]
    async with AiMock(tmp_path, "anthropic", "sk-test-one", fixtures) as vendor, aiohttp.ClientSession() as http:
        request = {
            "model": "claude-test",
            "max_tokens": 9,
            "messages": [{"role": "user", "content": "Why is the sky blue?"}],
        }
        for key, status in (("sk-test-two", 401), ("sk-test-one", 200)):
            async with http.post(f"{vendor.url}/v1/messages", json=request, headers={"x-api-key": key}) as response:
                assert response.status == status
        assert [call["model"] for call in await vendor.calls("sky")] == ["claude-test"]
        async with http.get(f"{vendor.url}/v1/models", headers={"x-api-key": "sk-test-one"}) as response:
            assert [model["id"] for model in (await response.json())["data"]] == ["claude-test"]

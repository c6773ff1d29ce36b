"""The fake Slack behaves as Slack does where Latchkey depends on it."""

import json
from collections.abc import AsyncIterator, Awaitable
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from tests.fakes.slack.world import Json
from tests.fakes.slack_server import BOT_TOKEN, SlackServer

Seen = tuple[list[tuple[Json, bytes]], list[int]]
"""What the app got (headers, body), and the statuses that it answers with first."""


@pytest.fixture
async def slack() -> AsyncIterator[SlackServer]:
    async with SlackServer() as server:
        yield server


@pytest.fixture
async def client(slack: SlackServer) -> AsyncIterator[AsyncWebClient]:
    async with aiohttp.ClientSession() as session:
        yield AsyncWebClient(token=BOT_TOKEN, base_url=slack.api_url, session=session)


@pytest.fixture
async def app(slack: SlackServer, unused_tcp_port: int) -> AsyncIterator[Seen]:
    """An app that takes everything, and remembers headers and bodies."""
    seen: list[tuple[Json, bytes]] = []
    answers: list[int] = []

    async def take(request: web.Request) -> web.Response:
        seen.append((dict(request.headers), await request.read()))
        return web.Response(status=answers.pop(0) if answers else 200)

    application = web.Application()
    application.router.add_post("/slack/events", take)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", unused_tcp_port).start()
    slack.configure(events_url=f"http://127.0.0.1:{unused_tcp_port}/slack/events")
    yield seen, answers
    await runner.cleanup()


async def error_of(call: Awaitable[Any]) -> str:
    with pytest.raises(SlackApiError) as caught:
        await call
    return str(caught.value.response["error"])


async def test_a_wrong_token_is_refused(slack: SlackServer, client: AsyncWebClient) -> None:
    client.token = "xo" + "xb-other"
    assert await error_of(client.auth_test()) == "invalid_auth"
    assert slack.calls("auth.test")[0].error == "invalid_auth"


async def test_a_stream_takes_text_until_it_is_stopped(slack: SlackServer, client: AsyncWebClient) -> None:
    root = slack.world.post("CGENERAL", {"type": "message", "user": "UMEMBER", "text": "hi"})["ts"]
    recipient: Json = {"recipient_team_id": "T1", "recipient_user_id": "UMEMBER"}
    assert await error_of(client.chat_startStream(channel="CGENERAL", thread_ts=root)) == "missing_recipient_team_id"
    ts = (await client.chat_startStream(channel="CGENERAL", thread_ts=root, markdown_text="a", **recipient))["ts"]
    await client.chat_appendStream(channel="CGENERAL", ts=ts, markdown_text="b")
    assert await error_of(client.chat_update(channel="CGENERAL", ts=ts, text="x")) == "streaming_state_conflict"
    await client.chat_stopStream(channel="CGENERAL", ts=ts, markdown_text="c")
    assert slack.message("CGENERAL", ts)["text"] == "abc"
    append = client.chat_appendStream(channel="CGENERAL", ts=ts, markdown_text="d")
    assert await error_of(append) == "message_not_in_streaming_state"


async def test_a_stream_ends_by_age_and_by_size(slack: SlackServer, client: AsyncWebClient) -> None:
    root = slack.world.post("CGENERAL", {"type": "message", "user": "UMEMBER", "text": "hi"})["ts"]
    recipient: Json = {"recipient_team_id": "T1", "recipient_user_id": "UMEMBER"}
    slack.configure(stream_cap=10)
    ts = (await client.chat_startStream(channel="CGENERAL", thread_ts=root, markdown_text="12345678", **recipient))[
        "ts"
    ]
    assert await error_of(client.chat_appendStream(channel="CGENERAL", ts=ts, markdown_text="901")) == "msg_too_long"
    slack.configure(stream_lifetime=0.0)
    append = client.chat_appendStream(channel="CGENERAL", ts=ts, markdown_text="9")
    assert await error_of(append) == "message_not_in_streaming_state"


async def test_trouble_comes_as_ordered_and_then_goes(slack: SlackServer, client: AsyncWebClient) -> None:
    slack.fail("auth.test", status=429, retry_after=7)
    slack.fail("auth.test", error="fatal_error")
    with pytest.raises(SlackApiError) as caught:
        await client.auth_test()
    assert caught.value.response.headers["Retry-After"] == "7"
    assert await error_of(client.auth_test()) == "fatal_error"
    assert (await client.auth_test())["user_id"] == "UBOT"


async def test_a_tier_is_used_up_per_workspace(slack: SlackServer, client: AsyncWebClient) -> None:
    slack.configure(rate_limits=True)
    slack.api.faults.tiers["users.info"] = 2
    for _ in range(2):
        await client.users_info(user="UMEMBER")
    with pytest.raises(SlackApiError) as caught:
        await client.users_info(user="UMEMBER")
    assert caught.value.response.status_code == 429


async def test_a_mention_arrives_twice_signed_and_is_redelivered_with_its_id(slack: SlackServer, app: Seen) -> None:
    seen, answers = app
    slack.configure(retry_delays=[0, 0.01])
    answers += [500, 200]
    await slack.say("CGENERAL", "UMEMBER", "<@UBOT> hello")
    await slack.deliveries.settle()
    kinds = [json.loads(body)["event"]["type"] for _, body in seen]
    assert sorted(kinds) == ["app_mention", "message", "message"]
    again = next(headers for headers, _ in seen if "X-Slack-Retry-Num" in headers)
    assert (again["X-Slack-Retry-Num"], again["X-Slack-Retry-Reason"]) == ("1", "http_error")
    assert len({json.loads(body)["event_id"] for _, body in seen}) == 2


async def test_a_trigger_is_good_once_and_for_three_seconds(slack: SlackServer, client: AsyncWebClient) -> None:
    view = {"type": "modal", "title": {"type": "plain_text", "text": "T"}, "blocks": [{"type": "divider"}]}
    trigger = slack.api.views.new_trigger("UADMIN")
    await client.views_open(trigger_id=trigger, view=view)
    assert await error_of(client.views_open(trigger_id=trigger, view=view)) == "exchanged_trigger_id"
    slack.configure(trigger_lifetime=0.0)
    late = slack.api.views.new_trigger("UADMIN")
    assert await error_of(client.views_open(trigger_id=late, view=view)) == "expired_trigger_id"


@pytest.mark.parametrize(
    "block",
    [
        {"type": "section", "text": {"type": "mrkdwn", "text": ""}},
        {"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}},
        {"type": "header", "text": {"type": "plain_text", "text": "x" * 151}},
        {"type": "alert", "text": {"type": "mrkdwn", "text": "modals only"}},
        {"type": "nonsense"},
        {
            "type": "actions",
            "elements": [
                {
                    "type": "static_select",
                    "action_id": "a",
                    "options": [{"text": {"type": "plain_text", "text": str(n)}, "value": str(n)} for n in range(101)],
                }
            ],
        },
    ],
)
async def test_blocks_that_slack_refuses_are_refused(client: AsyncWebClient, block: Json) -> None:
    assert await error_of(client.chat_postMessage(channel="CGENERAL", text="t", blocks=[block])) == "invalid_blocks"


async def test_a_file_without_the_token_is_a_login_page(slack: SlackServer) -> None:
    file = slack.add_file("a.txt", "text/plain", b"data")
    async with aiohttp.ClientSession() as session:
        async with session.get(file["url_private"]) as answer:
            assert (answer.status, answer.content_type) == (200, "text/html")
        async with session.get(file["url_private"], headers={"Authorization": f"Bearer {BOT_TOKEN}"}) as answer:
            assert await answer.read() == b"data"


async def test_it_can_be_driven_from_another_process(slack: SlackServer, app: Seen) -> None:
    async with aiohttp.ClientSession(slack.base_url) as session:
        said = {"channel": "CGENERAL", "user": "UMEMBER", "text": "hello"}
        async with session.post("/_control/say", json=said) as answer:
            ts = (await answer.json())["result"]
        async with session.get("/_control/messages/CGENERAL") as answer:
            assert [m["ts"] for m in await answer.json()] == [ts]
        async with session.get("/_control/deliveries") as answer:
            assert [d["status"] for d in await answer.json()] == [200]

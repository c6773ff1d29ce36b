"""What tools and approvals ask of Slack, in local-slack: channels and who is in them, what was said, posts, files, screens."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from adapters.slack.platform import Slack
from app.domain.chat import ConversationRef, Persona, UserRef
from app.domain.run import MadeFile
from app.domain.secrets import Secret
from app.domain.views import Button, Buttons, Text, View, rich
from app.errors import NotReachable
from app.ports.platform import ReplyTarget, Step, StepState
from tests.acceptance.blocks import Json, words
from tests.acceptance.local_slack import ANA, APP_TOKEN, BOT_TOKEN, GENERAL, MAX, TEAM, LocalSlack
from tests.acceptance.process import until
from tests.conformance.asking import Parts
from tests.conformance.recorder import Recorder

pytestmark = pytest.mark.asyncio(loop_scope="module")

WORKSPACE = f"slack:{TEAM}"
FOX = Persona("Fox", "🦊")
ASK = View(id="approval", blocks=(Text(rich("May Fox post this?")), Buttons((Button("approve", "Approve", "a-1"),))))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def slack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LocalSlack]:
    """The workspace."""
    folder: Path = tmp_path_factory.mktemp("slack")
    async with LocalSlack(folder) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def inbound() -> Recorder:
    """What people cause."""
    return Recorder()


@pytest_asyncio.fixture(loop_scope="module")
async def platform(slack: LocalSlack, inbound: Recorder) -> AsyncIterator[Slack]:
    """The adapter, over Socket Mode."""
    made = Slack(bot_token=Secret(BOT_TOKEN), app_token=Secret(APP_TOKEN), api_url=slack.api_url)
    made.listen(inbound)
    await made.start()
    await slack.app_connected()
    try:
        yield made
    finally:
        await made.stop()
        await made.close()


async def test_channels_are_found_and_read_as_far_as_the_asker_may(slack: LocalSlack, platform: Slack) -> None:
    first = await slack.say(GENERAL, ANA, "The launch is on the 9th.")
    await slack.say(GENERAL, MAX, "Good.")
    found = await platform.find_channel(UserRef(WORKSPACE, MAX), "#general")
    assert found is not None
    assert (found.id, found.open) == (GENERAL, True)
    said = await platform.channel_history(UserRef(WORKSPACE, MAX), GENERAL, 2)
    assert [(one.text, one.author) for one in said] == [
        ("The launch is on the 9th.", UserRef(WORKSPACE, ANA)),
        ("Good.", UserRef(WORKSPACE, MAX)),
    ]
    assert said[0].id == first
    assert (await platform.readers(WORKSPACE, GENERAL)).everybody
    assert await platform.find_channel(UserRef(WORKSPACE, MAX), "nowhere") is None


async def test_a_post_and_a_screen_stand_where_they_should_and_the_button_tells_where(
    slack: LocalSlack, platform: Slack, inbound: Recorder
) -> None:
    posted = await platform.post(WORKSPACE, GENERAL, "**News**. <!channel>", FOX)
    await until(lambda: "News" in words(slack.messages(GENERAL)), "it is posted")
    assert "<!channel>" not in words(slack.messages(GENERAL))
    there = ConversationRef(WORKSPACE, GENERAL, posted.id)
    screen = await platform.post_view(there, ASK, FOX)
    shown = await until(lambda: _message(slack, screen.id), "the screen stands there")
    assert shown["thread_ts"] == posted.id
    assert [one.text for one in await platform.history(there)] == ["**News**. <\u2060!channel>"]
    await slack.press(MAX, shown["blocks"], "Approve", message=shown)
    (action,) = await until(lambda: inbound.actions, "the button is heard")
    assert (action.user.id, action.value, action.message, action.conversation) == (MAX, "a-1", screen, there)
    await platform.replace_view(screen, View(blocks=(Text(rich("Agreed.")),)))
    await until(lambda: "Agreed." in words([_message(slack, screen.id)]), "it says something else")


async def test_a_file_comes_into_the_thread(slack: LocalSlack, platform: Slack) -> None:
    root = await slack.say(GENERAL, MAX, "hello")
    target = ReplyTarget(ConversationRef(WORKSPACE, GENERAL, root), UserRef(WORKSPACE, MAX), root, "run-1", FOX, {})
    await platform.upload(target, MadeFile("counts.csv", "text/csv", base64.b64encode(b"1,2").decode()))
    found = await until(
        lambda: [f for m in slack.messages(GENERAL) if m.get("thread_ts") == root for f in m.get("files", [])],
        "the file is there",
    )
    assert [file["name"] for file in found] == ["counts.csv"]
    history = await platform.history(target.conversation)
    assert await platform.download(WORKSPACE, history[-1].files[0], 100) == b"1,2"
    reply = await platform.resume_reply(target, (), Parts().save)
    await reply.steps((Step("1", "Ran code", StepState.DONE),))
    await reply.finish("Three.")
    answer = await until(lambda: [m for m in slack.messages(GENERAL) if "Three." in words([m])], "it answers")
    assert "1 step: ran code" in words(answer)
    assert not answer[0].get("files")


async def test_what_it_cannot_do_it_says(platform: Slack) -> None:
    with pytest.raises(NotReachable, match="no search"):
        await platform.search(UserRef(WORKSPACE, MAX), "launch", {"search": "some-token"}, 5)


def _message(slack: LocalSlack, ts: str) -> Json:
    return next((one for one in slack.messages(GENERAL) if one["ts"] == ts), {})

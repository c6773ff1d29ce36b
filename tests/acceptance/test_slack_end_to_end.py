"""What people do in Slack with Latchkey, over HTTP and over Socket Mode, in local-slack (which has no streaming of its own)."""

from __future__ import annotations

import pytest

from tests.acceptance.blocks import Json, field_named, words
from tests.acceptance.local_slack import ANA, GENERAL, MAX, RANDOM
from tests.acceptance.office import GPT, HAIKU, OPENAI_KEY, SKY, SLOW, SONNET, Office
from tests.acceptance.process import until, until_told

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_an_answer_stands_in_the_thread_once_paid_with_the_workspaces_key(office: Office) -> None:
    asked = await office.mention(MAX, "Why is the sky blue?")
    await office.answered(asked, SKY)
    assert len(office.slack.answers(GENERAL, asked)) == 1
    calls = await office.anthropic.calls("Why is the sky blue?")
    assert [(call["model"], call["stream"]) for call in calls] == [(SONNET, True)], (
        "one request, and the event came twice"
    )


async def test_an_answer_grows_while_it_is_made(office: Office) -> None:
    asked = await office.mention(MAX, "Count slowly, please.")
    await office.answered(asked, "one two three")
    assert "forty" not in words(office.slack.answers(GENERAL, asked)), "it came all at once"
    await office.answered(asked, SLOW, seconds=40)
    answer = office.slack.answers(GENERAL, asked)[0]
    assert office.slack.edits[answer["ts"]] >= 3


async def test_a_bad_key_is_refused_at_its_field_and_a_good_one_confirmed_in_private(office: Office) -> None:
    slack, before = office.slack, len(office.slack.whispers(ANA))
    await slack.command(ANA, "setkey openai")
    form = await until(lambda: slack.modal, "the key form opens")
    await slack.submit(ANA, {"API key": "sk-test-openai-wrong"})
    await until(lambda: slack.errors, "the key is refused")
    assert list(slack.errors) == [field_named(form, "API key")["block_id"]]
    assert "refused" in words({"text": str(slack.errors)})
    await slack.submit(ANA, {"API key": OPENAI_KEY})
    await until(lambda: slack.modal is None, "the good key is taken")
    confirmation = await until(lambda: words(slack.whispers(ANA)[before:]), "it is confirmed to Ana")
    assert "OpenAI" in confirmation
    everything = words([slack.messages(channel) for channel in (GENERAL, RANDOM)])
    assert OPENAI_KEY not in everything
    assert OPENAI_KEY[-4:] not in words([m for m in slack.messages(GENERAL) if "ephemeral_to" not in m])


async def test_the_home_tab_changes_the_model_and_the_next_answer_uses_it(office: Office) -> None:
    slack = office.slack
    view = await slack.open_home(ANA)
    await slack.press(ANA, view["blocks"], "assistant", option=HAIKU)
    shown = await until(lambda: slack.beside_home, "what is different is shown")
    assert "A million tokens cost" in str(shown[-1])
    await slack.press(ANA, shown[-1]["blocks"], "Change")
    await until(lambda: _chosen(slack.home(ANA)) == f"anthropic/{HAIKU}", "the home tab shows it")
    asked = await office.mention(MAX, "Tell me of the sky with another mind.")
    await office.answered(asked, "Blue light is scattered most.")
    assert [call["model"] for call in await office.anthropic.calls("another mind")] == [HAIKU]
    await office.use_model(f"anthropic/{SONNET}")
    await until(lambda: _chosen(slack.home(ANA)) == f"anthropic/{SONNET}", "the home tab shows it")


async def test_a_command_moves_an_agent_to_another_provider_and_its_key(office: Office) -> None:
    await office.use_model(f"openai/{GPT}")
    asked = await office.mention(MAX, "Who are you now?")
    await office.answered(asked, "GPT answers.")
    assert [call["model"] for call in await office.openai.calls("Who are you now?")] == [GPT]
    await office.use_model(f"anthropic/{SONNET}")
    await office.answered(await office.mention(MAX, "And the sky?"), SKY)


async def test_a_direct_message_is_answered_without_a_mention(office: Office) -> None:
    channel = await office.slack.direct(MAX)
    asked = await office.slack.say(channel, MAX, "Why is the sky blue, between us?")
    await office.answered(asked, SKY, channel=channel)


async def test_a_follow_up_needs_no_mention_and_knows_what_was_said(office: Office) -> None:
    asked = await office.mention(MAX, "My number is 4471.")
    await office.answered(asked, "A short answer.")
    await office.slack.say(GENERAL, ANA, "What was the number?", asked)
    await until(lambda: len(office.slack.answers(GENERAL, asked)) == 2, "the follow-up is answered")
    call = (await office.anthropic.calls("What was the number?"))[0]
    assert "4471" in words_of(call)
    assert "A short answer." in words_of(call)


async def test_what_nobody_asked_an_agent_stays_unanswered(office: Office) -> None:
    await office.slack.say(GENERAL, MAX, "I talk to myself.")
    asked = await office.mention(MAX, "Now I talk to you.")
    await office.answered(asked, "A short answer.")
    assert not await office.anthropic.calls("I talk to myself.")


async def test_a_running_answer_is_stopped(office: Office) -> None:
    asked = await office.mention(MAX, "Count slowly, and I will stop you.")
    await office.answered(asked, "one two")
    running = office.slack.answers(GENERAL, asked)[0]
    await office.slack.press(MAX, running["blocks"], "Stop", message=running)
    said = await office.answered(asked, "topped")
    assert "forty" not in said
    assert len(await office.anthropic.calls("I will stop you")) == 1


async def test_after_forget_the_earlier_words_are_no_longer_sent(office: Office) -> None:
    asked = await office.mention(MAX, "My secret is walnut.")
    await office.answered(asked, "A short answer.")
    await office.mention(MAX, "forget", thread=asked)
    await until(
        lambda: len(office.slack.answers(GENERAL, asked)) + len(office.slack.whispers(MAX)) >= 2, "it is confirmed"
    )
    await office.mention(MAX, "What do you know of me?", thread=asked)
    call = (await until_told(lambda: office.anthropic.calls("What do you know of me?"), "the model is asked"))[0]
    assert "walnut" not in words_of(call)


async def test_an_agent_named_after_the_mention_answers_as_itself(office: Office) -> None:
    slack = office.slack
    view = await slack.open_home(ANA)
    await slack.press(ANA, view["blocks"], "New agent")
    await until(lambda: slack.modal, "the agent form opens")
    await slack.submit(ANA, {"Name": "writer", "Icon": "🦊", "Instructions": "You write in verse, always."})
    await until(lambda: slack.modal is None, "the agent is made")
    asked = await office.mention(MAX, "writer: sing to me")
    await office.answered(asked, "A short answer.")
    assert slack.answers(GENERAL, asked)[0]["username"] == "writer"
    call = (await office.anthropic.calls("sing to me"))[0]
    assert "You write in verse, always." in words_of(call)


async def test_a_member_is_told_no_politely_and_in_private(office: Office) -> None:
    for command in ("setkey anthropic", "keys", "admins add <@U0MAX>"):
        before = len(office.slack.whispers(MAX))
        await office.slack.command(MAX, command)
        told = await until(lambda: words(office.slack.whispers(MAX)[before:]), "Max is told")  # noqa: B023
        assert "admin" in told.lower()
        assert office.slack.modal is None


async def test_a_member_sees_agents_in_the_home_tab_and_nothing_to_change(office: Office) -> None:
    view = await office.slack.open_home(MAX)
    assert "assistant" in words(view)
    assert "fingerprint" not in words(view).lower()
    assert not [block for block in view["blocks"] if block.get("accessory", {}).get("type", "").endswith("select")]


async def test_a_key_in_a_message_reaches_neither_the_model_nor_the_channel_again(office: Office) -> None:
    before, typed = len(office.slack.whispers(MAX)), "sk-" + "ant-typed-0123456789abcdefghijkl"
    await office.mention(MAX, f"My key is {typed}, use it")
    told = await until(lambda: words(office.slack.whispers(MAX)[before:]), "Max is told")
    assert "revoke" in told.lower()
    assert typed not in told
    assert not await office.anthropic.calls(typed)
    assert not await office.anthropic.calls("use it")


def words_of(call: dict[str, object]) -> str:
    """All that a model was told."""
    return str(call["messages"])


def _chosen(home: Json | None) -> str:
    """What stands in the first select of a home tab."""
    controls = (block.get("accessory", {}) for block in (home or {}).get("blocks", ()))
    return next((str(one["initial_option"]["value"]) for one in controls if "initial_option" in one), "")

"""Teams end to end, against Microsoft's Agents Playground with authentication on: what people see, and what was paid for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from app.services.forms import SUGGESTIONS
from tests.acceptance.agents_playground import GENERAL, GROUP, MEGAN, MENTION, PERSONAL, Json, parts, words
from tests.acceptance.bot_framework import TO_CHANNEL
from tests.acceptance.office import ANTHROPIC_KEY, HAIKU, SKY, SONNET
from tests.acceptance.process import until
from tests.acceptance.teams_office import GENTLY, TeamsOffice, teams_office
from tests.fakes.teams.identity import APP_ID


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def office(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TeamsOffice]:
    """A tenant with a verified key, shared by a module's tests."""
    async with teams_office(tmp_path_factory.mktemp("teams")) as place:
        await place.set_key()
        yield place


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_both_ends_prove_who_they_are(office: TeamsOffice) -> None:
    assert set(office.login.given) == {TO_CHANNEL, f"{APP_ID}/.default"}
    assert office.login.given.count(TO_CHANNEL) == 1  # one token of the bot's serves all that it says


async def test_who_installs_the_app_is_shown_their_home_and_below_it_what_to_ask(office: TeamsOffice) -> None:
    greeting = await office.teams.shown("Hello! Ask me here")
    first, *later = office.teams.in_conversation(PERSONAL)
    assert "Who answers where" in first.words
    assert greeting in later
    assert greeting.body["suggestedActions"]["to"] == ["29:alex"]
    assert [(one["type"], one["value"]) for one in greeting.body["suggestedActions"]["actions"]] == [
        ("imBack", one.message) for one in SUGGESTIONS
    ]


async def test_a_question_in_the_personal_chat_is_answered_there_as_it_is_thought_of(office: TeamsOffice) -> None:
    await office.teams.say("Tell me gently")
    await office.teams.shown(GENTLY)
    told = await until(lambda: streamed(office), "the stream ends")
    streams = [next(one for one in body["entities"] if one["type"] == "streaminfo") for body in told]
    assert streams[0]["streamSequence"] == 1
    assert "streaming" in [one["streamType"] for one in streams]
    assert len({one["streamId"] for one in streams[1:]}) == 1
    assert GENTLY in told[-1]["text"]
    assert any("AIGeneratedContent" in entity.get("additionalType", ()) for entity in told[-1]["entities"])


def streamed(office: TeamsOffice) -> list[Json]:
    """What was sent of a stream, once it has ended."""
    sent = [line["request"]["body"] for line in office.teams.log if "streaminfo" in str(line.get("request"))]
    return sent if "'final'" in str(sent) else []


async def test_a_mention_in_a_group_chat_is_answered_there(office: TeamsOffice) -> None:
    await office.teams.say(f"{MENTION} why is the sky blue?", GROUP)
    await office.teams.shown(SKY, GROUP)


async def test_a_mention_in_a_channel_is_answered_in_its_thread_and_so_is_what_follows(office: TeamsOffice) -> None:
    thread = await office.teams.say(f"{MENTION} why is the sky blue?", GENERAL)
    assert thread.startswith(f"{GENERAL};messageid=")
    await office.teams.shown(SKY, thread)
    await office.teams.say(f"{MENTION} and so on?", thread)
    await office.teams.shown("A short answer.", thread)
    (asked,) = [call for call in await office.anthropic.calls("and so on?") if "sky blue" in str(call)]
    assert SKY in str(asked), "what was said before is remembered, though nobody can be asked for it"
    assert not office.teams.in_conversation(GENERAL)


async def test_a_long_answer_streams_until_it_is_stopped(office: TeamsOffice) -> None:
    before = len(await office.anthropic.calls("slowly"))
    thread = await office.teams.say(f"{MENTION} count slowly", GENERAL)
    running = await office.teams.shown("Stop", thread)
    await until(lambda: "three" in "".join(m.words for m in office.teams.in_conversation(thread)), "it counts")
    await office.teams.press(running, "Stop")
    await office.teams.shown("Stopped", thread)
    assert "forty" not in "".join(message.words for message in office.teams.in_conversation(thread))
    assert len(await office.anthropic.calls("slowly")) == before + 1


async def test_the_home_card_changes_the_model_and_the_next_answer_uses_it(office: TeamsOffice) -> None:
    await office.teams.say(f"byok model assistant anthropic/{SONNET}")
    await office.teams.shown(f"now answers with \n{SONNET}")
    await office.teams.say("home")
    home = await office.teams.shown("Model keys")
    offered = next(part for part in parts(home.cards) if part.get("type") == "Input.ChoiceSet")
    (haiku,) = [one["value"] for one in offered["choices"] if HAIKU in one["title"]]
    await office.teams.press(home, "Set", {offered["id"]: haiku})
    shown = await office.teams.shown("Keep as it is")
    assert "A million tokens cost" in shown.words
    await office.teams.press(shown, "Change")
    await office.teams.shown(f"now answers with \n{HAIKU}")
    await office.teams.say(f"{MENTION} why is the sky blue?", GROUP)
    await office.teams.shown("Blue light is scattered most.", GROUP)
    assert (await office.anthropic.calls("sky blue"))[-1]["model"] == HAIKU


async def test_what_is_an_admins_is_asked_again_of_who_sends_the_form(office: TeamsOffice) -> None:
    form = await office.key_form()
    submit = next(part for part in parts(form) if part.get("type") == "Action.Submit")
    data = submit["data"] | {"provider": "anthropic", "secret:key": ANTHROPIC_KEY, "label": "mine"}
    answer = await office.teams.fetch(data, GROUP, name="task/submit", by=MEGAN)
    assert "admin" in " ".join(words(answer))


async def test_who_types_for_a_model_is_offered_those_that_fit(office: TeamsOffice) -> None:
    await office.teams.say("home")
    home = await office.teams.shown("Model keys")
    offered = next(part for part in parts(home.cards) if part.get("type") == "Input.ChoiceSet")
    asked = {"queryText": "haiku", "queryOptions": {"skip": 0, "top": 15}, "dataset": f"latchkey|{offered['id']}|"}
    found = await office.teams.invoke("application/search", asked)
    assert [HAIKU in one["title"] for one in found["value"]["results"]] == [True]
    assert (await office.teams.invoke("application/search", asked, by=MEGAN))["value"]["results"] == []


async def test_what_is_asked_for_in_a_channel_is_shown_in_the_chat_of_who_asked(office: TeamsOffice) -> None:
    thread = await office.teams.say(f"{MENTION} byok keys", GENERAL)
    await office.teams.shown("Fingerprint")
    before = homes(office)[-1:]
    another = await office.teams.say(f"{MENTION} home", GENERAL)
    await until(lambda: homes(office)[-1:] != before, "the home comes to the end of the chat")
    assert not office.teams.in_conversation(thread)
    assert not office.teams.in_conversation(another)


async def test_the_home_is_changed_where_it_stands(office: TeamsOffice) -> None:
    home, before = (
        await office.teams.shown("Days are those of"),
        homes(office),
    )  # of several cards the one with the settings
    form = await office.teams.press(home, "Change")
    assert "saved" in " ".join(words(await office.send_form(form, {"max_runs": "5"})))
    assert (await office.teams.shown("At most 5 answers")).id == home.id
    assert homes(office) == before


def homes(office: TeamsOffice) -> list[str]:
    """The ids of the home cards in Alex's chat."""
    return [shown.id for shown in office.teams.in_conversation(PERSONAL) if "Who answers where" in shown.words]


async def test_a_thumb_is_kept_and_nothing_is_said_to_it(office: TeamsOffice) -> None:
    await office.teams.say("Why is the sky blue?")
    answer = await office.teams.shown("scatter")
    before = len(office.teams.in_conversation(PERSONAL))
    said = {"actionName": "feedback", "actionValue": {"reaction": "like", "feedback": '{"feedbackText":"good"}'}}
    assert await office.teams.invoke("message/submitAction", said, reply_to=answer.id) == {}
    await until(lambda: '"thumb": "good"' in office.service.process.printed, "it is noted")
    assert "feedbackText" not in office.service.process.printed
    assert len(office.teams.in_conversation(PERSONAL)) == before


async def test_what_is_remembered_is_told_plainly(office: TeamsOffice) -> None:
    await office.teams.say("byok privacy")
    await office.teams.shown("encrypted, for 24 hours")


async def test_the_key_dialog_tells_a_bad_key_beside_its_field_and_keeps_the_rest(tmp_path: Path) -> None:
    async with teams_office(tmp_path) as office:
        await office.set_key()  # loads the provider's SDK: a busy machine takes longer for that than a form may
        await office.teams.installation("uninstall")
        await office.teams.installation("install")
        form = await office.key_form()
        again = await office.send_form(form, {"secret:key": "sk-test-" + "nobody-has-this-1", "label": "second"})
        fields = {part["id"]: part for part in parts(again) if "id" in part}
        assert "refused this key" in " ".join(words(again))
        assert (fields["label"]["value"], fields["provider"]["value"]) == ("second", "anthropic")
        assert "value" not in fields["secret:key"]
        assert fields["secret:key"]["style"] == "Password"
        done = await office.send_form(again, {"secret:key": ANTHROPIC_KEY})
        assert "key “second”" in " ".join(words(done))
        await office.teams.say("Why is the sky blue?")
        await office.teams.shown(SKY)


async def test_a_form_that_is_open_while_the_service_starts_anew_keeps_what_was_typed(tmp_path: Path) -> None:
    async with teams_office(tmp_path) as office:
        await office.moves_in()
        form = await office.key_form()
        await office.service.process.stop()
        await office.service.start()
        again = await office.send_form(form, {"secret:key": " ", "label": "second"})
        fields = {part["id"]: part.get("value") for part in parts(again) if "id" in part}
        assert "Paste the key here." in " ".join(words(again))
        assert (fields["label"], fields["provider"], fields["secret:key"]) == ("second", "anthropic", None)


async def test_uninstalling_destroys_keys_and_memory(tmp_path: Path) -> None:
    async with teams_office(tmp_path) as office:
        await office.set_key()
        await office.teams.say("Why is the sky blue?")
        await office.teams.shown(SKY)
        await office.teams.installation("uninstall")
        await office.teams.installation("install")
        await office.teams.shown("Three steps to the first answer")
        await office.teams.say("And now?")
        await office.teams.shown("no default key")
        assert len(await office.anthropic.calls()) == 1

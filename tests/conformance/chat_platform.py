"""What every ChatPlatform promises, and every adapter that calls Inbound.

Bind with a fixture `wire` (tests/conformance/wire.py) and the class under test as `implements`.
"""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from app.domain.chat import MemberKind, Place, UserRef
from app.domain.events import Addressed, Close, FieldErrors, Open, Private, Replace
from app.domain.views import (
    Button,
    Buttons,
    Feedback,
    Level,
    Note,
    Notice,
    Option,
    SecretInput,
    Select,
    SelectInput,
    Text,
    TextInput,
    View,
    rich,
)  # fmt: skip
from app.errors import NotReachable, PlatformError
from tests.conformance.asking import RINGS, Parts, asked, target, until
from tests.conformance.chat_charts import ChartPromises
from tests.conformance.chat_tools import HELLO, ClickPromises, ToolPromises
from tests.conformance.wire import Outside, Wire

__all__ = ["ChatPlatformSuite", "OutboundPromises", "Parts"]

CANARY = "canary-key-8f3a"
FORM = View(
    title="Add a key",
    id="setkey",
    submit="Save",
    context="ctx-7",
    blocks=(
        SelectInput("provider", "Provider", (Option("a", "Alpha"), Option("b", "Beta")), selected="a"),
        TextInput("label", "Label", optional=True),
        SecretInput("key", "API key"),
    ),
)
FILLED = {"provider": "b", "label": "ours", "key": CANARY}
LONG = "\n\n".join(["Intro", "```python", *(f"line_{n} = '{'x' * 60}'" for n in range(600)), "```", "The end."])


class OutboundPromises(ToolPromises):
    """What goes out: all that services ask of a platform."""

    @pytest.fixture
    def wire(self) -> Outside:
        """The platform's side."""
        raise NotImplementedError

    async def test_a_whisper_reaches_one_person(self, wire: Outside) -> None:
        event = await asked(wire)
        await wire.platform.whisper(wire.member, HELLO, event.conversation)
        assert "Hello there" in wire.private(wire.member)[-1]
        assert wire.private(wire.admin) == wire.public() == []

    async def test_a_failed_whisper_is_not_posted_instead(self, wire: Outside) -> None:
        event = await asked(wire)
        wire.refuse_whispers()
        with pytest.raises(NotReachable):
            await wire.platform.whisper(wire.member, HELLO, event.conversation)
        assert wire.private(wire.admin) == wire.public() == []

    async def test_an_answer_ends_with_the_whole_text_and_its_views(self, wire: Outside) -> None:
        event, parts = await asked(wire), Parts()
        reply = await wire.platform.open_reply(target(event), parts.save)
        await reply.status("is thinking…")
        for word in ("Forty", "-two", " is"):
            await reply.append(word)
        views = (View(blocks=(Note(rich("Latchkey · model-1")), Feedback("run-1"))),)
        await reply.finish("Forty-two is the answer.", views)
        answers = wire.answers(event.conversation)
        assert len(answers) == len(parts.refs) == 1
        assert "Forty-two is the answer." in answers[0]
        assert "model-1" in answers[0]
        assert answers[0].count("Forty") == 1

    async def test_a_long_answer_rolls_over_and_nothing_is_lost(self, wire: Outside) -> None:
        event, parts = await asked(wire), Parts()
        reply = await wire.platform.open_reply(target(event), parts.save)
        await reply.append(LONG[:20_000])
        await reply.finish(LONG)
        answers = wire.answers(event.conversation)
        assert [p.position for p in parts.refs] == list(range(len(answers)))
        assert [n for n in range(600) if sum(f"line_{n} " in a for a in answers) != 1] == []
        assert "The end." in answers[-1]

    async def test_a_failure_says_why_and_keeps_what_was_said(self, wire: Outside) -> None:
        event = await asked(wire)
        reply = await wire.platform.open_reply(target(event), Parts().save)
        await reply.append("So far")
        why = View(
            blocks=(Notice(rich("The key was refused."), Level.ERROR), Buttons((Button("retry", "Retry", "run-1"),)))
        )
        await reply.fail(why, "So far")
        text = "\n".join(wire.answers(event.conversation))
        assert "So far" in text
        assert "The key was refused." in text

    async def test_an_answer_is_taken_up_by_its_parts(self, wire: Outside) -> None:
        event, parts = await asked(wire), Parts()
        first = await wire.platform.open_reply(target(event), parts.save)
        await first.append("Half an ans")
        await until(lambda: parts.refs)
        await first.abandon()
        again = await wire.platform.resume_reply(target(event), tuple(parts.refs), parts.save)
        await again.finish("A whole answer.")
        (answer,) = wire.answers(event.conversation)
        assert "A whole answer." in answer
        assert "Half" not in answer

    async def test_an_answer_without_known_parts_is_adopted(self, wire: Outside) -> None:
        event = await asked(wire)
        first = await wire.platform.open_reply(target(event), Parts().save)
        await first.append("Half an ans")
        await until(lambda: wire.answers(event.conversation))
        await first.abandon()
        parts = Parts()
        again = await wire.platform.resume_reply(target(event), (), parts.save)
        await again.finish("A whole answer.")
        *others, answer = wire.answers(event.conversation)
        assert "A whole answer." in answer
        assert len(parts.refs) == 1
        assert others == [] or not wire.platform.keeps_history  # what cannot be read cannot be found again

    async def test_an_answer_that_never_began_begins_anew(self, wire: Outside) -> None:
        event = await asked(wire)
        reply = await wire.platform.resume_reply(target(event), (), Parts().save)
        await reply.finish("A whole answer.")
        (answer,) = wire.answers(event.conversation)
        assert "A whole answer." in answer

    async def test_an_answer_rings_nobody(self, wire: Outside) -> None:
        event = await asked(wire)
        reply = await wire.platform.open_reply(target(event), Parts().save)
        await reply.append(RINGS)
        await reply.finish(RINGS)
        text = "\n".join(wire.answers(event.conversation))
        assert "Look" in text
        assert not any(ring in text for ring in ("<!channel", "<!here", "<!subteam", "@channel"))

    async def test_history_is_oldest_first_and_knows_its_own(self, wire: Outside) -> None:
        event = await asked(wire)
        reply = await wire.platform.open_reply(target(event), Parts().save)
        await reply.finish("An answer.")
        await wire.say(wire.admin, "thanks", to=Addressed.FOLLOW_UP, thread=event.conversation.thread)
        history = await wire.platform.history(event.conversation)
        if not wire.platform.keeps_history:
            assert history == ()
            return
        assert [m.from_agent for m in history] == [False, True, False]
        assert ["An answer." in history[1].text, history[2].text] == [True, "thanks"]
        assert (history[0].id, history[0].author, history[2].author) == (event.message_id, wire.member, wire.admin)
        assert [m.at for m in history] == sorted(m.at for m in history)
        assert [m.id for m in await wire.platform.history(event.conversation, limit=1)] == [history[2].id]

    async def test_a_file_is_fetched_up_to_a_limit(self, wire: Outside) -> None:
        await wire.share(wire.member, "notes.txt", "text/plain", b"x" * 1000)
        file = wire.inbound.mentions[-1].files[0]
        assert (file.name, file.media_type) == ("notes.txt", "text/plain")
        assert file.size in {1000, 0}  # not every platform says how large a file is
        assert await wire.platform.download(wire.member.workspace, file, 1000) == b"x" * 1000
        with pytest.raises(PlatformError):
            await wire.platform.download(wire.member.workspace, file, 999)

    async def test_it_knows_its_admins_and_doubts_strangers(self, wire: Outside) -> None:
        for person in (wire.member, wire.admin):
            await wire.say(person, "hello")
        nobody = UserRef(wire.member.workspace, "UNOBODY")
        named = wire.platform.names_admins
        assert await wire.platform.is_admin(wire.admin) is named
        assert not await wire.platform.is_admin(wire.member)
        assert not await wire.platform.is_admin(nobody)
        known_as = {MemberKind.ADMIN, MemberKind.OWNER} if named else {MemberKind.MEMBER}
        assert await wire.platform.member_kind(wire.admin) in known_as
        assert await wire.platform.member_kind(wire.member) == MemberKind.MEMBER
        assert await wire.platform.member_kind(nobody) == MemberKind.EXTERNAL
        assert await wire.platform.display_name(wire.member) != wire.member.id
        assert await wire.platform.display_name(nobody) == "UNOBODY"


class ChatPlatformSuite(OutboundPromises, ClickPromises, ChartPromises):
    """Each promise is one test."""

    implements: ClassVar[type[Any]]

    @pytest.fixture
    def wire(self) -> Wire:
        """The platform's side, with the adapter started against it."""
        raise NotImplementedError

    async def test_a_mention_becomes_one_event(self, wire: Wire) -> None:
        message_id = await wire.say(wire.member, "what is up?")
        events = wire.inbound.mentions
        assert {(e.workspace, e.message_id) for e in events} == {(wire.member.workspace, message_id)}
        assert {(e.text, e.user, e.addressed) for e in events} == {("what is up?", wire.member, Addressed.MENTION)}
        assert {(e.conversation.place, e.conversation.thread) for e in events} == {(Place.CHANNEL, message_id)}
        assert not any(e.from_bot or e.retry_of for e in events)

    async def test_a_redelivery_keeps_its_event_id(self, wire: Wire) -> None:
        await wire.say(wire.member, "hello")
        before = {e.event_id for e in wire.inbound.mentions}
        await wire.redeliver()
        assert {e.event_id for e in wire.inbound.mentions} == before

    async def test_what_is_not_kept_is_not_acknowledged(self, wire: Wire) -> None:
        wire.inbound.broken = True
        await wire.say(wire.member, "hello")
        assert wire.last_status >= 500

    async def test_a_direct_message_needs_no_mention(self, wire: Wire) -> None:
        await wire.say(wire.member, "psst", to=Addressed.DIRECT)
        event = wire.inbound.mentions[-1]
        assert (event.addressed, event.conversation.place, event.text) == (Addressed.DIRECT, Place.DIRECT, "psst")

    async def test_a_follow_up_belongs_to_its_thread(self, wire: Wire) -> None:
        root = await wire.say(wire.member, "hello")
        await wire.say(wire.admin, "and then?", to=Addressed.FOLLOW_UP, thread=root)
        event = wire.inbound.mentions[-1]
        assert (event.addressed, event.conversation.thread, event.user) == (Addressed.FOLLOW_UP, root, wire.admin)

    async def test_its_own_messages_are_ignored(self, wire: Wire) -> None:
        await wire.echo("I said this myself")
        assert wire.inbound.quiet

    async def test_forged_requests_are_refused_and_nothing_is_taken(self, wire: Wire) -> None:
        for kind in wire.forgeries:
            await wire.forge(kind)
            assert 400 <= wire.last_status < 500, kind
        assert wire.inbound.quiet

    async def test_the_unknown_is_taken_and_ignored(self, wire: Wire) -> None:
        await wire.nonsense()
        assert wire.last_status == 200
        assert wire.inbound.quiet

    async def test_an_edit_and_a_deletion_name_their_message(self, wire: Wire) -> None:
        message_id = await wire.say(wire.member, "hello")
        await wire.edit(message_id, "hello!")
        assert [(m.id, user) for m, user in wire.inbound.edited] == [(message_id, wire.member)]
        await wire.delete(message_id)
        assert [m.id for m in wire.inbound.deleted] == [message_id]

    async def test_a_command_is_answered_privately(self, wire: Wire) -> None:
        wire.inbound.outcome = Private(HELLO)
        await wire.command(wire.admin, "keys")
        command = wire.inbound.commands[-1]
        assert (command.user, command.text) == (wire.admin, "keys")
        assert "Hello there" in wire.private(wire.admin)[-1]
        assert wire.private(wire.member) == wire.public() == []

    async def test_a_form_opens_and_its_secret_is_nowhere_else(self, wire: Wire) -> None:
        wire.inbound.outcome = Open(FORM)
        await wire.command(wire.admin, "setkey")
        assert wire.form(wire.admin) == ("provider", "label", "key")
        wire.inbound.outcome = Close(then=View(blocks=(Text(rich("Saved.")),)))
        await wire.submit(wire.admin, FILLED)
        sent = wire.inbound.submissions[-1]
        assert (sent.user, sent.form, sent.context) == (wire.admin, "setkey", "ctx-7")
        assert dict(sent.values) == {"provider": "b", "label": "ours"}
        assert sent.secrets["key"].reveal() == CANARY
        assert CANARY not in repr(sent)
        assert wire.form(wire.admin) is None
        await until(lambda: any("Saved." in text for text in wire.private(wire.admin)))
        assert wire.public() == []

    async def test_field_errors_keep_the_form_open(self, wire: Wire) -> None:
        wire.inbound.outcome = Open(FORM)
        await wire.command(wire.admin, "setkey")
        wire.inbound.outcome = FieldErrors({"key": "Refused by the provider"})
        await wire.submit(wire.admin, FILLED)
        assert wire.field_errors(wire.admin) == {"key": "Refused by the provider"}
        assert wire.form(wire.admin) == ("provider", "label", "key")

    async def test_a_form_may_be_replaced_by_a_screen(self, wire: Wire) -> None:
        wire.inbound.outcome = Open(FORM)
        await wire.command(wire.admin, "setkey")
        wire.inbound.outcome = Replace(
            View(title="Done", id="done", submit="Next", blocks=(TextInput("more", "More"),))
        )
        await wire.submit(wire.admin, FILLED)
        assert wire.form(wire.admin) == ("more",)

    async def test_a_button_says_what_it_is_and_its_screen_is_replaced(self, wire: Wire) -> None:
        wire.inbound.outcome = Private(HELLO)
        await wire.command(wire.member, "agents")
        wire.inbound.outcome = Replace(View(blocks=(Text(rich("Gone.")),)))
        await wire.press(wire.member, "go", "v-1")
        action = wire.inbound.actions[-1]
        assert (action.user, action.action_id, action.value) == (wire.member, "go", "v-1")
        await until(lambda: "Gone." in wire.private(wire.member)[-1])
        assert not any("Hello there" in text for text in wire.private(wire.member))

    async def test_any_of_very_many_options_can_be_chosen(self, wire: Wire) -> None:
        await asked(wire)
        models = tuple(Option(f"anthropic/model-{n}", f"Model {n}") for n in range(250))
        wire.inbound.offered = (models[249],)
        select = Select("model", "Model", models, selected=models[170].value, key="agent-1")
        await wire.platform.publish_home(wire.admin, View(blocks=(select,)))
        await wire.press(wire.admin, "model:agent-1", models[249].value)
        action = wire.inbound.actions[-1]
        assert (action.action_id, action.value) == ("model:agent-1", models[249].value)

    async def test_home_is_asked_for_and_shown(self, wire: Wire) -> None:
        await wire.open_home(wire.member)
        assert wire.inbound.homes == [wire.member]
        await wire.platform.publish_home(wire.member, View(blocks=(Notice(rich("No key yet"), Level.WARNING),)))
        assert "No key yet" in wire.home(wire.member)

"""What a ChatPlatform promises to tools and approvals: screens and steps in the thread, channels and their readers, posts and files."""

from __future__ import annotations

import base64

import pytest

from app.domain.chat import ConversationRef, UserRef
from app.domain.events import Addressed
from app.domain.run import MadeFile, ToolResult
from app.domain.views import Button, Buttons, Text, View, rich
from app.errors import NotReachable, PlatformError
from app.ports.platform import Ability, Readers, ReplyTarget, Step, StepState
from app.services.outgoing import Outgoing
from tests.conformance.asking import PERSONA, RINGS, Parts, asked, target, until
from tests.conformance.wire import Outside, Wire
from tests.fakes.journal import MemoryJournal

HELLO = View(blocks=(Text(rich("Hello there")), Buttons((Button("go", "Go", "v-1"),))))
PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
TABLE = b"day,count\n1,2\n"
SEARCHING = Step("1", "Searched #general", StepState.RUNNING)
READ = Step("2", "Read a page", StepState.DONE)


class ToolPromises:
    """Each promise is one test. What a platform cannot do it says (`abilities`), and then refuses in words."""

    async def test_a_posted_screen_is_seen_by_all_and_can_be_replaced(self, wire: Outside) -> None:
        event = await asked(wire)
        posted = await wire.platform.post_view(event.conversation, HELLO, PERSONA)
        assert "Hello there" in wire.shown(posted)
        assert any("Hello there" in text for text in wire.answers(event.conversation))
        await wire.platform.replace_view(posted, View(blocks=(Text(rich("Agreed.")),)))
        assert "Agreed." in wire.shown(posted)
        assert "Hello there" not in wire.shown(posted)
        assert wire.private(wire.member) == wire.private(wire.admin) == []

    async def test_a_posted_screen_is_no_part_of_an_answer(self, wire: Outside) -> None:
        event, parts = await asked(wire), Parts()
        posted = await wire.platform.post_view(event.conversation, HELLO, PERSONA)
        reply = await wire.platform.resume_reply(target(event), (), parts.save)
        await reply.finish("A whole answer.")
        assert "Hello there" in wire.shown(posted)
        assert "A whole answer." not in wire.shown(posted)
        assert [m.text for m in await wire.platform.history(event.conversation) if "Hello" in m.text] == []

    async def test_a_posted_screen_can_begin_a_thread_that_is_answered_in(self, wire: Outside) -> None:
        await asked(wire)
        plans, workspace = await wire.room("plans"), wire.member.workspace
        root = await wire.platform.post_view(ConversationRef(workspace, plans, ""), HELLO, PERSONA)
        assert root.channel == plans
        where = ConversationRef(workspace, plans, root.id)
        about = ReplyTarget(where, wire.member, root.id, "run-9", PERSONA, {})
        reply = await wire.platform.open_reply(about, Parts().save)
        await reply.append("A whole")
        await reply.finish("A whole answer.")
        assert "Hello there" in wire.shown(root)
        assert any("A whole answer." in text for text in wire.answers(where))

    async def test_steps_are_shown_while_they_are_done_and_folded_in_the_end(self, wire: Outside) -> None:
        event = await asked(wire)
        reply = await wire.platform.open_reply(target(event), Parts().save)
        await reply.steps((SEARCHING,))
        await until(lambda: any("Searched #general" in text for text in wire.answers(event.conversation)))
        await reply.append("It is ")
        await reply.steps((Step("1", "Searched #general", StepState.DONE), READ))
        await reply.finish("It is forty-two.")
        text = "\n".join(wire.answers(event.conversation))
        assert text.count("It is forty-two.") == 1
        assert text.count("2 steps: searched #general, read a page") == 1
        assert len(wire.answers(event.conversation)) == 1

    async def test_steps_of_a_resumed_answer_are_folded_too(self, wire: Outside) -> None:
        event, parts = await asked(wire), Parts()
        first = await wire.platform.open_reply(target(event), parts.save)
        await first.append("Half an ans")
        await until(lambda: parts.refs)
        await first.abandon()
        again = await wire.platform.resume_reply(target(event), tuple(parts.refs), parts.save)
        await again.steps((READ,))
        await again.finish("A whole answer.")
        (answer,) = wire.answers(event.conversation)
        assert "A whole answer." in answer
        assert "1 step: read a page" in answer
        assert "Half" not in answer

    async def test_a_channel_is_found_by_whoever_can_read_it(self, wire: Outside) -> None:
        await asked(wire)
        leads, plans = await wire.room("leads", only=(wire.admin,)), await wire.room("plans")
        find = wire.platform.find_channel
        for name in ("leads", "#leads", leads):
            found = await find(wire.admin, name)
            assert found is not None
            assert (found.id, found.name, found.open) == (leads, "leads", False)
            assert await find(wire.member, name) is None
        known = await find(wire.member, "#plans")
        assert known is not None
        assert (known.id, known.shared) == (plans, False)
        assert await find(wire.member, "#nowhere") is None
        assert await find(UserRef(wire.member.workspace, "UNOBODY"), "plans") is None

    async def test_it_knows_who_reads_a_channel(self, wire: Outside) -> None:
        await asked(wire)
        leads, plans = await wire.room("leads", only=(wire.admin,)), await wire.room("plans")
        workspace = wire.member.workspace
        private, common = await wire.platform.readers(workspace, leads), await wire.platform.readers(workspace, plans)
        assert private == Readers(False, frozenset({wire.admin.id}))
        assert common.everybody or {wire.admin.id, wire.member.id} <= common.people
        assert await wire.platform.readers(workspace, "CNOWHERE") == Readers(False)

    async def test_what_was_said_in_a_channel_is_told_to_who_can_read_it(self, wire: Outside) -> None:
        await asked(wire)
        leads = await wire.room("leads", only=(wire.admin,))
        ids = [await wire.write(wire.admin, leads, f"number {n}") for n in range(3)]
        read = wire.platform.channel_history
        with pytest.raises(NotReachable):
            await read(wire.member, leads, 10)
        if Ability.CHANNEL_HISTORY not in wire.platform.abilities:
            with pytest.raises(NotReachable):
                await read(wire.admin, leads, 10)
            return
        newest = await read(wire.admin, leads, 2)
        assert [(m.id, m.text, m.author) for m in newest] == [
            (ids[1], "number 1", wire.admin),
            (ids[2], "number 2", wire.admin),
        ]
        assert [m.text for m in await read(wire.admin, leads, 10, before=ids[1])] == ["number 0"]

    async def test_a_search_finds_what_its_asker_can_read(self, wire: Outside) -> None:
        event = await asked(wire)
        leads, plans = await wire.room("leads", only=(wire.admin,)), await wire.room("plans")
        for channel in (leads, plans):
            await wire.write(wire.admin, channel, "the heron lands at noon")
        if Ability.SEARCH not in wire.platform.abilities:
            with pytest.raises(NotReachable):
                await wire.platform.search(wire.member, "heron", event.hints, 10)
            return
        found = await wire.platform.search(wire.member, "heron", event.hints, 10)
        assert [(one.channel.id, one.message.text, one.message.author) for one in found] == [
            (plans, "the heron lands at noon", wire.admin)
        ]
        assert await wire.platform.search(wire.member, "heron", event.hints, 0) == ()
        assert await wire.platform.search(wire.member, "pelican", event.hints, 10) == ()

    async def test_a_post_is_a_new_message_that_rings_nobody(self, wire: Outside) -> None:
        await asked(wire)
        plans, workspace = await wire.room("plans"), wire.member.workspace
        posted = await wire.platform.post(workspace, plans, f"**News**. {RINGS}", PERSONA)
        assert (posted.workspace, posted.channel) == (workspace, plans)
        assert "News" in wire.shown(posted)
        assert not any(ring in wire.shown(posted) for ring in ("<!channel", "<!here", "<!subteam", "@channel"))
        with pytest.raises(NotReachable):
            await wire.platform.post(workspace, "CNOWHERE", "News", PERSONA)

    async def test_a_picture_is_sent_to_the_thread(self, wire: Outside) -> None:
        event = await asked(wire)
        await wire.platform.upload(target(event), _made("chart.png", "image/png", PICTURE))
        assert await wire.files(wire.member, event.conversation) == [("chart.png", PICTURE)]

    async def test_any_file_is_sent_to_a_direct_chat(self, wire: Outside) -> None:
        event = await asked(wire, to=Addressed.DIRECT)
        await wire.platform.upload(target(event), _made("counts.csv", "text/csv", TABLE))
        assert await wire.files(wire.member, event.conversation) == [("counts.csv", TABLE)]

    async def test_a_file_that_cannot_be_sent_is_refused_in_words(self, wire: Outside) -> None:
        event = await asked(wire)
        refused = ""
        try:
            await wire.platform.upload(target(event), _made("counts.csv", "text/csv", TABLE))
        except NotReachable as error:
            refused = error.message
        there = await wire.files(wire.member, event.conversation)
        assert there == ([] if refused else [("counts.csv", TABLE)])
        assert refused == "" or refused.endswith(".")

    async def test_a_file_is_handed_to_one_person_and_nobody_else(self, wire: Outside) -> None:
        event = await asked(wire)
        file, about = _made("receipts.csv", "text/csv", TABLE), View(blocks=(Text(rich("Here you are.")),))
        await wire.platform.hand(wire.member, file, about)
        assert await wire.handed(wire.member) == [("receipts.csv", TABLE)]
        assert any("Here you are." in text for text in wire.private(wire.member))
        assert await wire.handed(wire.admin) == await wire.files(wire.admin, event.conversation) == []
        assert not any("Here you are." in text for text in (*wire.public(), *wire.private(wire.admin)))

    async def test_a_file_for_nobody_known_is_refused(self, wire: Outside) -> None:
        await asked(wire)
        file, about = _made("receipts.csv", "text/csv", TABLE), View(blocks=(Text(rich("Here you are.")),))
        with pytest.raises(PlatformError):
            await wire.platform.hand(UserRef(wire.member.workspace, "UNOBODY"), file, about)

    async def test_what_a_tool_made_is_in_the_thread_or_the_model_and_the_people_are_told_why_not(
        self, wire: Outside
    ) -> None:
        event, remarks = await asked(wire), Remarks()
        files = (_made("chart.png", "image/png", PICTURE), _made("counts.csv", "text/csv", TABLE))

        async def unchanged(text: str) -> str:
            return text

        outgoing = Outgoing(MemoryJournal(), wire.platform, target(event), remarks, unchanged)
        told = (await outgoing.send(ToolResult("c", "Done.", files=files), "1")).content
        there = [name for name, _ in await wire.files(wire.member, event.conversation)]
        assert "chart.png" in there
        assert "Sent to the thread: chart.png" in told
        assert ("counts.csv" in there) == ("Not sent to the thread" not in told) == (remarks.told == [])
        assert all("counts.csv: " in text for text in remarks.told)

    async def test_a_file_that_was_sent_is_no_part_of_an_answer(self, wire: Outside) -> None:
        event, parts = await asked(wire), Parts()
        await wire.platform.upload(target(event), _made("chart.png", "image/png", PICTURE))
        reply = await wire.platform.resume_reply(target(event), (), parts.save)
        await reply.finish("A whole answer.")
        assert await wire.files(wire.member, event.conversation) == [("chart.png", PICTURE)]
        assert any("A whole answer." in text for text in wire.answers(event.conversation))


class ClickPromises:
    """What comes back from screens that were posted."""

    async def test_a_button_of_a_posted_screen_says_where_it_was_pressed(self, wire: Wire) -> None:
        event = await asked(wire)
        posted = await wire.platform.post_view(event.conversation, HELLO, PERSONA)
        await wire.press_at(wire.admin, posted, "go", "v-1")
        action = wire.inbound.actions[-1]
        assert (action.user, action.action_id, action.value) == (wire.admin, "go", "v-1")
        assert action.message == posted
        assert action.conversation is not None
        assert action.conversation.key == event.conversation.key


class Remarks:
    """What people are told beneath the answer."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def remark(self, text: str) -> None:
        self.told.append(text)


def _made(name: str, media_type: str, data: bytes) -> MadeFile:
    return MadeFile(name, media_type, base64.b64encode(data).decode())

"""What agents remember: kept sealed, told where it may be known, listed and deleted by people."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from app.domain.chat import ConversationRef, MemberKind, UserRef
from app.domain.events import Private
from app.domain.grants import COLLEAGUES, Invoker, Scope, Taint, ToolGrant
from app.domain.notes import Note, NoteContent
from app.domain.run import TextPart, ToolCall
from app.domain.secrets import KeyContext
from app.domain.views import Button, Buttons, Row, View
from app.services.codec import dump
from app.services.notes import MOST
from app.services.screens import notes as screens
from app.services.tools.chat import ChatTools
from tests.app.bench import ADMIN, GOOD, MEMBER, WORKSPACE, words
from tests.app.desk import THREAD, Desk, direct
from tests.app.standing import Office

ELSEWHERE = ConversationRef(WORKSPACE, "C2", "1767225600.000500")
PRIVATE = ConversationRef(WORKSPACE, "C3", "1767225600.000600")
OTHER = UserRef(WORKSPACE, "U6OTHER")


def keep(note: str, call: str = "call_1") -> ToolCall:
    return ToolCall(call, "remember", {"note": note})


def recall(query: str = "") -> ToolCall:
    return ToolCall("call_9", "recall", {"query": query} if query else {})


@pytest.fixture
async def office(desk: Desk) -> Office:
    """#secret (C3) is MEMBER's and ADMIN's; the agent may remember and recall."""
    office = Office(desk)
    desk.platform.channels.add("C3", "secret", only=(MEMBER, ADMIN))
    desk.platform.people[OTHER] = MemberKind.MEMBER
    await office.grant(ToolGrant("remember"), ToolGrant("recall"))
    return office


def chat(user: UserRef = MEMBER) -> ConversationRef:
    """A thread of somebody's direct chat with the app, unlike all others."""
    return replace(direct(user), thread=f"1767225600.00090{user.id[1]}")


async def kept(office: Office) -> list[str]:
    return [note.content.text for note in await notes(office)]


async def notes(office: Office) -> tuple[Note, ...]:
    return await office.standing.notes.of(WORKSPACE, (await office.desk.bench.agent()).id)


async def remember(office: Office, note: str, where: ConversationRef = THREAD, by: UserRef = MEMBER) -> str:
    """What the model is told of it."""
    office.desk.model.script = [(TextPart("I keep it."), keep(note)), "Kept."]
    await office.desk.ask("Remember that", by, where=where)
    return office.results()[-1].content


async def recalled(office: Office, where: ConversationRef, by: UserRef = MEMBER, query: str = "") -> str:
    office.desk.model.script = [(TextPart("I look."), recall(query)), "So it is."]
    await office.desk.ask("What do you know?", by, where=where)
    return office.results()[-1].content


async def test_what_was_kept_in_an_open_channel_is_known_everywhere_inside(office: Office) -> None:
    assert await remember(office, "Releases are on   Thursdays.") == "Kept."
    for where in (THREAD, ELSEWHERE, PRIVATE, chat()):
        assert "Releases are on Thursdays." in await recalled(office, where)


async def test_what_was_kept_in_a_private_channel_is_told_where_only_its_people_read(office: Office) -> None:
    await remember(office, "The heron lands at noon.", PRIVATE)
    assert "heron" in await recalled(office, replace(PRIVATE, thread="1767225600.000700"))
    assert "heron" in await recalled(office, chat())
    for where, by in ((THREAD, MEMBER), (ELSEWHERE, MEMBER), (chat(OTHER), OTHER)):
        told = await recalled(office, where, by)
        assert told == "There is no such note.", "that there is one is not said either"


async def test_what_was_kept_in_somebodys_own_chat_is_told_nowhere_else(office: Office) -> None:
    await remember(office, "Likes herons.", chat())
    (note,) = await notes(office)
    assert note.record.about == MEMBER.id
    assert "herons" in await recalled(office, replace(chat(), thread="1767225600.000800"))
    for where, by in ((THREAD, MEMBER), (chat(OTHER), OTHER), (chat(ADMIN), ADMIN)):
        assert "herons" not in await recalled(office, where, by)


async def test_what_a_run_read_in_a_private_channel_goes_into_its_note(office: Office) -> None:
    office.desk.toolkit.add(ChatTools({office.desk.platform.name: office.desk.platform}, office.desk.bench.keys.redact))
    await office.grant(
        ToolGrant("remember"), ToolGrant("recall"), ToolGrant("channel_history", scope=Scope(channels=("C3",)))
    )
    office.desk.platform.say(PRIVATE, MEMBER, "the heron lands at noon")
    office.desk.model.script = [
        (TextPart("I read."), ToolCall("c1", "channel_history", {"channel": "C3"})),
        (TextPart("I keep."), keep("The heron lands at noon.")),
        "Kept.",
    ]
    await office.desk.ask("Read #secret and remember it", where=chat())
    (note,) = await notes(office)
    assert set(note.content.taint.channels) == {"C3", chat().channel}
    assert "heron" not in await recalled(office, THREAD)


async def test_what_is_recalled_is_private_and_keeps_where_it_came_from(office: Office) -> None:
    await remember(office, "Releases are on Thursdays.")
    await recalled(office, ELSEWHERE)
    async with office.desk.database.read() as uow:
        assert await uow.tool_uses.taint(ELSEWHERE) == Taint(private=True, channels=("C1",))


async def test_after_something_untrusted_nothing_is_kept(office: Office) -> None:
    office.desk.model.script = ["Hello"]
    await office.desk.ask("Hello")
    async with office.desk.database.begin() as uow:
        await uow.tool_uses.keep_taint(THREAD, Taint(untrusted=True))
    assert "from outside" in await remember(office, "Pay the heron.")
    assert await kept(office) == []


async def test_a_guest_leaves_no_notes_even_where_guests_may_use_the_tool(office: Office) -> None:
    await office.grant(ToolGrant("remember", invokers=(*COLLEAGUES, Invoker.GUEST)))
    office.desk.platform.people[OTHER] = MemberKind.GUEST
    settings = await office.desk.workspaces.settings(WORKSPACE)
    await office.desk.workspaces.change(WORKSPACE, replace(settings, answer_guests=True), ADMIN)
    await remember(office, "Pay the heron.", by=OTHER)
    assert await kept(office) == []


async def test_keys_and_novels_are_not_kept(office: Office) -> None:
    assert "key" in await remember(office, f"The key is {GOOD}")
    assert "500" in await remember(office, "x" * 501)
    assert await kept(office) == []


async def test_there_is_an_end_to_it(office: Office) -> None:
    await remember(office, "The first.")
    (note,) = await notes(office)
    async with office.desk.database.begin() as uow:
        ((_, sealed),) = await uow.notes.all(WORKSPACE)
        for number in range(MOST - 1):
            await uow.notes.add(replace(note.record, id=f"note_{number}"), sealed)
    assert f"{MOST} notes already" in await remember(office, "One more.")


async def test_a_query_finds_words(office: Office) -> None:
    await remember(office, "Releases are on Thursdays.")
    await remember(office, "Kim likes tea.")
    assert "tea" not in await recalled(office, THREAD, query="RELEASES")
    assert await recalled(office, THREAD, query="coffee") == "There is no such note."


async def test_nothing_of_it_stands_in_plain_words(office: Office) -> None:
    await remember(office, "The heron lands at noon.")
    async with office.desk.database.read() as uow:
        ((_, sealed),) = await uow.notes.all(WORKSPACE)
    assert b"heron" not in sealed.blob


async def test_after_a_crash_there_is_one_note(office: Office) -> None:
    await remember(office, "The heron lands at noon.")
    await office.desk.runs.crash()
    await office.desk.settled()
    assert await kept(office) == ["The heron lands at noon."]


async def test_admins_list_all_of_it_and_others_what_was_kept_for_them(office: Office) -> None:
    await remember(office, "Kim likes tea.")
    await remember(office, "The admin likes coffee.", by=ADMIN)
    everything, mine = await listed(office, ADMIN), await listed(office, MEMBER)
    assert "tea" in words(everything)
    assert "coffee" in words(everything)
    assert "tea" in words(mine)
    assert "coffee" not in words(mine)
    assert "There are none" in words(await listed(office, OTHER))
    assert "tea" in words(await listed(office, ADMIN, "notes assistant"))


async def test_all_of_them_can_be_listed_page_by_page_however_many(office: Office) -> None:
    await remember(office, "The first.")
    (note,) = await notes(office)
    async with office.desk.database.begin() as uow:
        for number in range(59):
            copy = f"note_{number}"
            other = await office.desk.bench.vault.seal(
                KeyContext(WORKSPACE, "note", copy),
                json.dumps(dump(NoteContent(f"Number {number}.", Taint()))).encode(),
            )
            at = note.record.kept_at + timedelta(minutes=number + 1)
            await uow.notes.add(replace(note.record, id=copy, kept_at=at), other)
    assert "Agents remember 60 things." in words(await office.home.view(ADMIN))
    view, seen = await listed(office, MEMBER, "notes assistant"), list[str]()
    for more in (True,) * 5 + (False,):
        seen += [words(View(blocks=(row,))) for row in view.blocks if isinstance(row, Row)]
        turns = {one.label: one for row in view.blocks if isinstance(row, Buttons) for one in row.buttons}
        assert any(label.startswith("Older") for label in turns) is more
        if more:
            older = next(one for label, one in turns.items() if label.startswith("Older"))
            outcome = await office.pressed(older.id, older.value, by=MEMBER)
            assert isinstance(outcome, Private)
            view = outcome.view
    assert len(seen) == 60
    assert "Number 58." in seen[0]
    assert "The first." in seen[-1]


async def test_whose_it_is_may_delete_it_and_so_may_admins_and_nobody_else(office: Office) -> None:
    await remember(office, "Kim likes tea.")
    await remember(office, "Kim likes jam.")
    first, second = (note.record.id for note in await notes(office))
    await office.pressed(screens.DELETE, first, by=OTHER)
    await office.pressed(screens.DELETE, first, by=replace(ADMIN, workspace="slack:T9"))
    assert len(await kept(office)) == 2
    await office.pressed(screens.DELETE, first, by=MEMBER)
    outcome = await office.pressed(screens.DELETE, second, by=ADMIN)
    assert await kept(office) == []
    assert isinstance(outcome, Private)
    assert (await office.desk.bench.actions()).count("note.deleted") == 2


async def test_the_home_tab_leads_to_them(office: Office) -> None:
    assert "Notes of agents" not in words(await office.home.view(MEMBER))
    await remember(office, "Kim likes tea.")
    for user in (ADMIN, MEMBER):
        assert "Agents remember 1 thing." in words(await office.home.view(user))
        shown = await office.pressed(screens.SHOW, by=user)
        assert isinstance(shown, Private)
        assert buttons(shown.view) == [screens.DELETE]


async def test_with_the_agent_and_with_the_app_they_go(office: Office) -> None:
    writer = await office.agent("writer", ToolGrant("remember"))
    office.desk.model.script = [(TextPart("I keep it."), keep("Kim likes tea.")), "Kept."]
    await office.desk.ask("writer: remember that")
    assert len(await office.standing.notes.of(WORKSPACE, writer.id)) == 1
    await office.desk.bench.agents.delete(WORKSPACE, writer.id, ADMIN)
    assert await office.standing.notes.of(WORKSPACE, writer.id) == ()
    await remember(office, "Kim likes jam.", ELSEWHERE)
    await office.desk.bench.workspaces.removed(WORKSPACE)
    assert await kept(office) == []


async def listed(office: Office, by: UserRef, command: str = "notes") -> View:
    outcome = await office.typed(command, by=by)
    assert isinstance(outcome, Private)
    return outcome.view


def buttons(view: View) -> list[str]:
    return [one.control.id for one in view.blocks if isinstance(one, Row) and isinstance(one.control, Button)]

"""What a run has read before it does anything."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.domain.chat import ConversationRef, FileRef, HistoryMessage, MemberKind, Place, UserRef
from app.domain.events import Addressed, Mention
from app.domain.grants import CLEAN, Invoker, Taint, ToolGrant
from app.services.beginnings import first_taint
from tests.app.bench import ADMIN, MEMBER, WORKSPACE, Bench
from tests.app.desk import THREAD, Desk
from tests.fakes.platform import EPOCH

GUEST = UserRef(WORKSPACE, "U8GUEST")
FILE = FileRef("F1", "notes.pdf", "application/pdf", 10)
STRANGE, FILES = Taint(untrusted=True), Taint(private=True, untrusted=True)


def said(author: UserRef | None, *, by_agent: bool = False, files: tuple[FileRef, ...] = ()) -> HistoryMessage:
    return HistoryMessage("1", "Hello", author, from_agent=by_agent, at=EPOCH, files=files)


async def begins(
    bench: Bench, *history: HistoryMessage, tool: str = "chat_search", invoker: Invoker = Invoker.MEMBER,
    where: ConversationRef = THREAD, files: tuple[FileRef, ...] = (),
) -> Taint:  # fmt: skip
    bench.platform.people[GUEST] = MemberKind.GUEST
    mention = Mention("Ev1", where, "2", MEMBER, Addressed.MENTION, EPOCH, "Well?", files=files)
    agent = replace(await bench.agent(), grants=(ToolGrant(tool),))
    return await first_taint(bench.database, bench.access, mention, agent=agent, invoker=invoker, history=history)


async def test_among_colleagues_it_has_read_nothing(bench: Bench) -> None:
    assert await begins(bench) == CLEAN
    assert await begins(bench, said(ADMIN), said(None, by_agent=True)) == CLEAN


@pytest.mark.parametrize("author", [GUEST, UserRef(WORKSPACE, "U7OUTSIDE"), UserRef("slack:T9", "U1"), None])
async def test_whoever_is_no_colleague_may_have_written_anything(bench: Bench, author: UserRef | None) -> None:
    assert await begins(bench, said(author)) == STRANGE


async def test_what_an_agent_posted_from_elsewhere_may_be_made_of_anything(bench: Bench) -> None:
    post = replace(said(None, by_agent=True), id=THREAD.thread)
    assert await begins(bench, post, said(MEMBER)) == STRANGE
    assert await begins(bench, said(MEMBER), post) == CLEAN, "an answer in the thread is of what the thread has read"


async def test_who_asks_from_outside_may_have_written_anything(bench: Bench) -> None:
    for invoker in (Invoker.GUEST, Invoker.EXTERNAL, Invoker.BOT):
        assert (await begins(bench, invoker=invoker)).untrusted
    assert await begins(bench, invoker=Invoker.SCHEDULED) == CLEAN, "a schedule's words are an admin's"


async def test_nobody_is_looked_up_for_an_agent_that_can_do_nothing(bench: Bench) -> None:
    assert await begins(bench, said(GUEST), tool="current_time") == CLEAN


async def test_files_are_private_and_anybodys_words(bench: Bench) -> None:
    assert await begins(bench, files=(FILE,)) == FILES
    assert await begins(bench, said(MEMBER, files=(FILE,))) == FILES


async def test_what_the_asker_alone_told_the_agent_in_a_direct_chat_is_theirs_to_use(bench: Bench) -> None:
    chat = replace(THREAD, channel="D1", place=Place.DIRECT)
    assert await begins(bench, where=chat) == CLEAN
    assert await begins(bench, said(MEMBER), said(None, by_agent=True), said(MEMBER), where=chat) == CLEAN


async def test_what_others_say_in_a_chat_that_is_no_channel_is_private(bench: Bench) -> None:
    chat = replace(THREAD, channel="D1", place=Place.DIRECT)
    assert (await begins(bench, said(MEMBER), said(ADMIN), where=chat)).private
    assert (await begins(bench, said(None), where=chat)).private, "such as another app's words"
    group = replace(chat, place=Place.GROUP)
    assert await begins(bench, said(MEMBER), where=group) == Taint(private=True)


async def test_what_the_thread_has_read_it_begins_with_and_files_are_kept_in_mind(desk: Desk) -> None:
    await desk.ask("Well?")
    assert await begins(desk.bench, files=(FILE,)) == FILES
    assert await begins(desk.bench) == FILES

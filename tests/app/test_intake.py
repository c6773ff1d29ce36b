"""What comes in: kept once, answered once, and nothing kept that should not be."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from app.domain.chat import ConversationRef, FileRef, UserRef
from app.domain.events import Action, Addressed, Command, Mention, Nothing, OptionQuery, Private, Submission
from app.domain.run import RunState, TextPart
from app.errors import NotAllowed
from app.store.tables import inbox
from tests.app.bench import ADMIN, GOOD, MEMBER, WORKSPACE, words
from tests.app.desk import THREAD, Desk, ref
from tests.app.engines import until

OTHER = UserRef(WORKSPACE, "U9OTHER")
ELSEWHERE = replace(THREAD, thread="1767225600.000777")


async def rows(desk: Desk) -> list[tuple[str, bool]]:
    async with desk.database.read() as uow:
        found = await uow.connection.execute(select(inbox.c.state, inbox.c.payload).order_by(inbox.c.id))
        return [(row.state, row.payload is not None) for row in found]


async def settings(desk: Desk, **changes: object) -> None:
    before = await desk.workspaces.settings(WORKSPACE)
    await desk.workspaces.change(WORKSPACE, replace(before, **changes), ADMIN)  # type: ignore[arg-type]


def mention(text: str = "Hello?", **more: object) -> Mention:
    base = Mention(
        "Ev1", THREAD, "1767225600.000001", MEMBER, Addressed.MENTION, text=text, at=datetime(2026, 11, 23, tzinfo=UTC)
    )
    return replace(base, **more)  # type: ignore[arg-type]


async def test_one_event_sent_four_times_at_once_gives_one_answer(desk: Desk) -> None:
    await asyncio.gather(*(desk.intake.mention(mention()) for _ in range(4)))
    await desk.settled()
    await desk.intake.mention(mention())
    await desk.settled()
    assert len(desk.shown()) == 1
    assert len(desk.model.requests) == 1


async def test_a_message_that_comes_as_two_events_gives_one_answer(desk: Desk) -> None:
    await asyncio.gather(desk.intake.mention(mention()), desk.intake.mention(mention(event_id="Ev2")))
    await desk.settled()
    assert len(desk.model.requests) == 1


async def test_questions_of_one_thread_are_answered_one_after_the_other(desk: Desk) -> None:
    desk.model.hold = asyncio.Event()
    for number in range(3):
        await desk.say(f"question {number}")
    await desk.say("question elsewhere", where=ELSEWHERE)
    await until(lambda: len(desk.model.requests) == 2)
    desk.model.hold.set()
    await desk.settled()
    assert len(desk.shown()) == 3
    asked = [request.messages[-1].parts[-1] for request in desk.model.requests]
    assert [part for part in asked if part != TextPart("question elsewhere")] == [
        TextPart(f"question {number}") for number in range(3)
    ]


async def test_nothing_is_kept_of_what_was_answered_but_its_ids(desk: Desk) -> None:
    await desk.ask("Hello?")
    assert await rows(desk) == [("done", False)]


async def test_a_waiting_question_is_kept_sealed(desk: Desk) -> None:
    desk.model.hold = asyncio.Event()
    await desk.say("a canary in a coal mine")
    async with desk.database.read() as uow:
        payload = (await uow.connection.execute(select(inbox.c.payload))).scalar()
    assert payload
    assert b"canary" not in payload
    desk.model.hold.set()
    await desk.settled()


async def test_a_key_typed_in_a_message_is_neither_kept_nor_answered_and_its_writer_is_warned_once(desk: Desk) -> None:
    for _ in range(2):
        await desk.intake.mention(mention(f"use {GOOD} please"))
    await desk.settled()
    assert await rows(desk) == [("done", False)]
    assert desk.model.requests == []
    (warning,) = desk.platform.told(MEMBER)
    assert "Revoke" in words(warning)
    assert GOOD not in words(warning)
    assert desk.shown() == []


async def test_a_key_typed_in_a_message_is_written_down_once_and_by_ids_only(desk: Desk) -> None:
    for _ in range(2):
        await desk.intake.mention(mention(f"use {GOOD} please"))
    await desk.settled()
    (entry,) = [entry for entry in await desk.bench.audited() if entry.action == "key.typed"]
    assert (entry.actor, entry.object) == (MEMBER.id, "message")
    assert dict(entry.details) == {"channel": "C1", "message": "1767225600.000001"}


async def test_an_unaddressed_message_is_for_an_agent_only_where_one_answers(desk: Desk) -> None:
    await desk.ask("just chatting", addressed=Addressed.FOLLOW_UP)
    assert await rows(desk) == []
    await desk.ask("Hello?")
    await desk.ask("and more", addressed=Addressed.FOLLOW_UP)
    assert len(desk.shown()) == 2


async def test_follow_ups_can_be_switched_off(desk: Desk) -> None:
    await settings(desk, follow_ups=False)
    await desk.ask("Hello?")
    await desk.ask("and more", addressed=Addressed.FOLLOW_UP)
    assert len(desk.shown()) == 1


async def test_bots_are_ignored_unless_admins_want_otherwise(desk: Desk) -> None:
    await desk.ask("beep", from_bot=True)
    assert await rows(desk) == []
    await settings(desk, answer_bots=True)
    await desk.ask("beep", from_bot=True)
    assert len(desk.shown()) == 1


async def test_files_of_the_second_event_are_not_lost(desk: Desk) -> None:
    desk.model.hold = asyncio.Event()
    await desk.say("first, to keep the actor busy")
    await desk.model.held.wait()
    plain = mention("with a file", event_id="EvA", message_id="2.0")
    await desk.intake.mention(plain)
    await desk.intake.mention(replace(plain, event_id="EvB", files=(FileRef("F1", "a.txt", "text/plain", 3),)))
    async with desk.database.read() as uow:
        counts = (await uow.connection.execute(select(inbox.c.files).order_by(inbox.c.id))).scalars().all()
    assert counts == [0, 1]
    desk.model.hold.set()
    await desk.settled()


async def test_deleting_the_question_stops_its_run(desk: Desk) -> None:
    desk.model.hold = asyncio.Event()
    asked = await desk.say("Count to a million")
    waiting = await desk.say("and then back")
    await desk.model.held.wait()
    await desk.intake.message_deleted(ref(waiting.message_id))
    await desk.intake.message_deleted(ref(asked.message_id))
    await desk.settled()
    assert [record.state for record in await desk.records()] == [RunState.STOPPED]
    assert await rows(desk) == [("done", False)] * 2


async def test_the_writer_of_an_edited_question_is_told_to_ask_again_and_nobody_else(desk: Desk) -> None:
    asked = await desk.say("Hello?")
    await desk.settled()
    await desk.intake.message_edited(ref(asked.message_id), OTHER)
    await desk.intake.message_edited(ref("9999.9"), MEMBER)
    await desk.settled()
    assert desk.platform.whispers == []
    await desk.intake.message_edited(ref(asked.message_id), MEMBER)
    await desk.settled()
    assert "new message" in words(desk.platform.told(MEMBER)[0])


async def test_a_removed_workspace_has_its_runs_stopped_and_its_questions_dropped(desk: Desk) -> None:
    desk.model.hold = asyncio.Event()
    await desk.say("one")
    await desk.say("two")
    await desk.model.held.wait()
    await desk.intake.removed(WORKSPACE)
    await desk.settled()
    assert await rows(desk) == [("done", False)] * 2
    assert await desk.bench.keys.all(WORKSPACE) == ()
    assert [record.state for record in await desk.records()] == [RunState.STOPPED]


async def test_when_nothing_can_be_kept_nothing_is_accepted(desk: Desk) -> None:
    async with desk.database.begin() as uow:
        await uow.connection.exec_driver_sql("ALTER TABLE inbox RENAME TO elsewhere")
    with pytest.raises(Exception, match="no such table"):
        await desk.intake.mention(mention())
    async with desk.database.begin() as uow:
        await uow.connection.exec_driver_sql("ALTER TABLE elsewhere RENAME TO inbox")
    await desk.intake.mention(mention())
    await desk.settled()
    assert len(desk.shown()) == 1


async def test_half_a_pair_of_surrogates_does_no_harm(desk: Desk) -> None:
    await desk.intake.mention(mention("a broken \ud83d and a split \ud83d\ude00"))
    await desk.settled()
    assert "\N{GRINNING FACE}" in desk.model.asked_last()


async def test_a_users_mistake_comes_back_as_a_private_word(desk: Desk) -> None:
    desk.screens.outcome = NotAllowed()
    for outcome in (
        await desk.intake.command(Command(MEMBER, "setkey")),
        await desk.intake.action(Action(MEMBER, "key_add", "")),
        await desk.intake.submission(Submission(MEMBER, "key", {})),
    ):
        assert isinstance(outcome, Private)
        assert "Only admins" in words(outcome.view)
    assert await desk.intake.options(OptionQuery(MEMBER, "model", "")) == ()
    assert await desk.intake.suggestions(MEMBER) == ()


async def test_everything_else_goes_to_its_service(desk: Desk) -> None:
    assert await desk.intake.command(Command(MEMBER, "help")) == Nothing()
    assert len(await desk.intake.options(OptionQuery(MEMBER, "model", ""))) == 1
    await desk.intake.home_opened(MEMBER)
    await desk.intake.installed("slack:T9", "New", ADMIN)
    await desk.settled()
    assert MEMBER in desk.screens.seen
    async with desk.database.read() as uow:
        assert await uow.workspaces.get("slack:T9")


async def test_a_thousand_mentions_at_once_are_all_kept(desk: Desk) -> None:
    desk.model.answer = "ok"
    places = [ConversationRef(WORKSPACE, "C1", f"{n}.0") for n in range(1000)]
    kept = [
        desk.intake.mention(mention(event_id=f"Ev{n}", message_id=f"{n}.0", conversation=place, from_bot=False))
        for n, place in enumerate(places)
    ]
    desk.runs.asleep = True  # this is about keeping, not about answering
    await asyncio.gather(*kept)
    assert len(await rows(desk)) == 1000

"""Whole turns in which an agent reads channels, searches and posts: what the model is told, what people see, what is left of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from sqlalchemy import select

from app.domain.chat import ConversationRef, Place, UserRef
from app.domain.events import Action, Addressed
from app.domain.grants import Approval, Scope, ToolGrant
from app.domain.run import ToolCall, ToolResult
from app.services.screens.approvals import APPROVE
from app.services.tools.chat import ChatTools
from app.store.tables import approvals as table
from tests.app.bench import ADMIN, GOOD, MEMBER, WORKSPACE
from tests.app.desk import THREAD, Desk
from tests.app.engines import until

READ_PLANS = ToolCall("call_1", "channel_history", {"channel": "#plans"})
READ_BOARD = ToolCall("call_1", "channel_history", {"channel": "#board"})
SEARCH = ToolCall("call_1", "chat_search", {"query": "heron"})
POST = ToolCall("call_2", "post_message", {"channel": "#plans", "text": "The heron lands at noon."})
SECRET = "the heron lands at noon"


@pytest.fixture
async def office(desk: Desk) -> AsyncIterator[Desk]:
    """#plans is open, #board the admin's alone; both know of the heron."""
    desk.toolkit.add(ChatTools({desk.platform.name: desk.platform}, desk.bench.keys.redact))
    channels = desk.platform.channels
    channels.add(THREAD.channel, "general")
    channels.add("C8", "plans")
    channels.add("C9", "board", only=(ADMIN,))
    for channel in ("C8", "C9"):
        desk.platform.say(ConversationRef(WORKSPACE, channel, f"{channel[1]}.5"), ADMIN, f"{SECRET}, key {GOOD}")
    async with desk.database.begin() as uow:
        agent = await desk.bench.agent()
        grants = (
            ToolGrant("channel_history", id="g1", scope=Scope(channels=("C8", "C9"))),
            ToolGrant("chat_search", id="g2"),
            ToolGrant("post_message", id="g3", scope=Scope(channels=("C8",)), approval=Approval.NEVER),
        )
        await uow.agents.change(replace(agent, grants=grants))
    desk.runs.patience = 30
    yield desk
    await desk.runs.down()


def results(desk: Desk) -> list[ToolResult]:
    """What the model was told of its calls, in order."""
    last = desk.model.requests[-1]
    return [part for message in last.messages for part in message.parts if isinstance(part, ToolResult)]


async def waits(desk: Desk) -> str:
    """The id of what somebody is asked to approve."""
    found: list[str] = []

    async def asked() -> bool:
        async with desk.database.read() as uow:
            ids = (await uow.connection.execute(select(table.c.id))).scalars().all()
            records = [await uow.approvals.get(WORKSPACE, one) for one in ids]
        found[:] = [record.id for record in records if record and record.card]
        return bool(found)

    await until(asked)
    return found[-1]


async def approve(desk: Desk, user: UserRef) -> None:
    record = await waits(desk)
    async with desk.database.read() as uow:
        kept = await uow.approvals.get(WORKSPACE, record)
    assert kept is not None
    await desk.intake.action(Action(user, APPROVE, record, message=kept.card, conversation=THREAD))
    await desk.settled()


async def test_an_open_channel_is_read_for_anybody_and_keys_in_it_go_nowhere(office: Desk) -> None:
    office.model.script = [(READ_PLANS,)]
    reply = await office.ask("What is planned?")
    (result,) = results(office)
    assert SECRET in result.content
    assert GOOD not in str(office.model.requests)
    assert not result.is_error
    assert reply is not None
    assert "#plans" in reply.shown_steps[-1][-1].title


async def test_a_private_channel_is_not_read_for_who_is_not_in_it(office: Desk) -> None:
    office.model.script = [(READ_BOARD,)]
    office.runs.patience = 0
    await office.ask("What does the board say?", MEMBER)
    assert SECRET not in str(office.model.requests)


async def test_a_private_channel_is_told_elsewhere_only_when_its_reader_agrees(office: Desk) -> None:
    office.model.script = [(READ_BOARD,)]
    await office.say("What does the board say?", ADMIN)
    assert SECRET not in str(office.model.requests)
    await approve(office, ADMIN)
    (result,) = results(office)
    assert SECRET in result.content


async def test_in_a_direct_chat_the_asker_alone_counts(office: Desk) -> None:
    office.model.script = [(READ_BOARD,)]
    alone = ConversationRef(WORKSPACE, "D1", "7.0", Place.DIRECT)
    await office.ask("What does the board say?", ADMIN, where=alone, addressed=Addressed.DIRECT)
    (result,) = results(office)
    assert SECRET in result.content


async def test_a_search_tells_what_all_here_could_read(office: Desk) -> None:
    office.model.script = [(SEARCH,)]
    await office.ask("Where is the heron?", ADMIN)
    (result,) = results(office)
    assert result.content.count(SECRET) == 1
    assert "left out" in result.content


async def test_a_post_is_made_in_the_granted_channel_and_once(office: Desk) -> None:
    office.model.script = [(POST,)]
    await office.ask("Tell them.")
    posted = [m for m in office.platform.messages if m.ref.channel == "C8" and m.persona is not None]
    assert [message.text for message in posted] == ["The heron lands at noon."]


async def test_what_was_read_among_few_is_not_posted_to_many_unless_an_admin_agrees(office: Desk) -> None:
    office.model.script = [(READ_BOARD,), (POST,)]
    alone = ConversationRef(WORKSPACE, "D1", "7.0", Place.DIRECT)
    await office.say("Tell them what the board says.", ADMIN, where=alone, addressed=Addressed.DIRECT)
    await waits(office)
    assert not [m for m in office.platform.messages if m.ref.channel == "C8" and m.persona is not None]

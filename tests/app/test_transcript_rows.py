"""What is remembered of conversations stands in rows that are found, ordered and erased alike on both databases."""

from __future__ import annotations

from app.domain.inbox import Arrival
from app.domain.secrets import SealedSecret
from app.store.unit_of_work import Database
from tests.fakes.databases import TestClock

W, OTHER = "teams:T1", "teams:T2"


async def converse(database: Database, workspace: str, channel: str) -> str:
    """A conversation's id."""
    arrival = Arrival(workspace, channel, "1.0", f"Ev{channel}", "1.0", "U1", SealedSecret("dk1", b"payload"))
    async with database.begin() as uow:
        (accepted,) = await uow.inbox.accept([(f"conv_{workspace}_{channel}", arrival)])
    return accepted.conversation


async def keep(database: Database, workspace: str, conversation: str, *messages: str) -> None:
    async with database.begin() as uow:
        for message in messages:
            await uow.transcripts.add(workspace, conversation, message, SealedSecret("dk1", message.encode()))


async def kept(database: Database, clock: TestClock, workspace: str, conversation: str, limit: int = 10) -> list[str]:
    async with database.read() as uow:
        found = await uow.transcripts.newest(workspace, conversation, clock.now().replace(year=2000), limit)
    assert all(sealed.blob == message.encode() for message, sealed in found)
    return [message for message, _ in found]


async def test_the_newest_are_found_oldest_first_and_each_once(any_database: Database, clock: TestClock) -> None:
    here = await converse(any_database, W, "C1")
    await keep(any_database, W, here, "m1", "m2", "m1", "m3")
    assert await kept(any_database, clock, W, here) == ["m1", "m2", "m3"]
    assert await kept(any_database, clock, W, here, limit=2) == ["m2", "m3"]
    assert await kept(any_database, clock, OTHER, here) == []


async def test_what_is_erased_by_time_is_the_workspaces_own(any_database: Database, clock: TestClock) -> None:
    here, there = await converse(any_database, W, "C1"), await converse(any_database, OTHER, "C1")
    await keep(any_database, W, here, "m1")
    await keep(any_database, OTHER, there, "m1")
    until = clock.now()
    clock.forward(hours=1)
    await keep(any_database, W, here, "m2")
    async with any_database.begin() as uow:
        assert set(await uow.transcripts.workspaces()) == {W, OTHER}
        await uow.transcripts.forget_before(W, until)
    assert await kept(any_database, clock, W, here) == ["m2"]
    assert await kept(any_database, clock, OTHER, there) == ["m1"]


async def test_the_conversations_of_some_channels_are_erased_alone(any_database: Database, clock: TestClock) -> None:
    one, two, three = [await converse(any_database, W, channel) for channel in ("C1", "C2", "C3")]
    other = await converse(any_database, OTHER, "C1")
    for workspace, conversation in ((W, one), (W, two), (W, three), (OTHER, other)):
        await keep(any_database, workspace, conversation, "m1")
    async with any_database.begin() as uow:
        await uow.transcripts.forget_channels(W, {"C1", "C3"})
        await uow.transcripts.forget_channels(W, set())
        assert await uow.inbox.pending(W, {"C1"}) == (1,)
        assert await uow.inbox.pending(W, set()) == ()
    assert [await kept(any_database, clock, W, here) for here in (one, two, three)] == [[], ["m1"], []]
    assert await kept(any_database, clock, OTHER, other) == ["m1"]


async def test_a_message_a_conversation_and_a_workspace_are_erased_alone(
    any_database: Database, clock: TestClock
) -> None:
    one, two = await converse(any_database, W, "C1"), await converse(any_database, W, "C2")
    other = await converse(any_database, OTHER, "C1")
    for workspace, conversation in ((W, one), (W, two), (OTHER, other)):
        await keep(any_database, workspace, conversation, "m1", "m2")
    async with any_database.begin() as uow:
        await uow.transcripts.forget_message(W, "C1", "m1")
    assert await kept(any_database, clock, W, one) == ["m2"]
    assert await kept(any_database, clock, W, two) == ["m1", "m2"]
    async with any_database.begin() as uow:
        await uow.transcripts.forget_conversation(one)
    assert await kept(any_database, clock, W, one) == []
    async with any_database.begin() as uow:
        await uow.transcripts.forget_all(W)
    assert await kept(any_database, clock, W, two) == []
    assert await kept(any_database, clock, OTHER, other) == ["m1", "m2"]

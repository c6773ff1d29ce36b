"""A person's word about a tool call: asked in the thread, given by whoever may, once, for exactly what was shown."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from app.domain.approvals import LASTS, ApprovalState
from app.domain.chat import MemberKind, UserRef
from app.domain.events import Nothing
from app.domain.grants import Invoker
from app.domain.views import Verbatim
from app.errors import NotReachable, PlatformUnavailable
from app.ports.approvals import Approved, Approvers, Refused
from app.services.screens.approvals import ALWAYS, APPROVE, CANCEL, DENY
from app.store.tables import approvals as table
from tests.app.asking import (
    BOT,
    GUEST,
    OTHER,
    SAYS,
    STRANGER,
    Asking,
    button,
    buttons,
    request,
    told,
    without_arguments,
)
from tests.app.bench import ADMIN, MEMBER, WORKSPACE, words
from tests.app.engines import until


async def test_everybody_in_the_thread_sees_who_asks_for_what_and_exactly_what(asking: Asking) -> None:
    await asking.begun()
    (card,) = asking.cards()
    said = words(card)
    for part in ("assistant", MEMBER.id, "post a message in C2", "wants a person to agree", "or an admin can decide"):
        assert part in said
    (exactly,) = [block.text for block in card.blocks if isinstance(block, Verbatim)]
    assert exactly == f"▸ channel: C2\n▸ text: {SAYS}"
    assert buttons(card) == [APPROVE, DENY, ALWAYS]
    assert SAYS not in without_arguments(card)
    assert await asking.sealed() == [True]


async def test_approved_it_is_done_once_and_the_card_says_who_decided(asking: Asking) -> None:
    record = await asking.begun()
    assert await asking.press(APPROVE, record) == Nothing()
    await asking.desk.settled()
    assert asking.verdicts == [Approved(record.id, MEMBER.id)]
    assert asking.done == [record.run]
    (card,) = asking.cards()
    assert f"{MEMBER.id} approved" in words(card)
    assert buttons(card) == []
    assert await asking.sealed() == [False]
    trail = {entry.action: entry for entry in await asking.desk.bench.audited()}
    assert trail["approval.asked"].actor == trail["approval.approved"].actor == MEMBER.id
    assert trail["approval.approved"].details["digest"] == asking.asks.digest


async def test_denied_it_is_not_done_and_the_model_is_told(asking: Asking) -> None:
    record = await asking.begun()
    await asking.press(DENY, record)
    await asking.desk.settled()
    (verdict,) = asking.verdicts
    assert isinstance(verdict, Refused)
    assert "said no" in verdict.reason
    assert asking.done == []
    assert f"{MEMBER.id} said no" in words(asking.cards()[0])


@pytest.mark.parametrize(
    "user",
    [OTHER, GUEST, BOT, STRANGER],
    ids=["another member", "guest", "app", "stranger"],
)
@pytest.mark.parametrize("action", [APPROVE, DENY, ALWAYS])
async def test_who_may_not_decide_is_told_so_and_nothing_changes(asking: Asking, user: UserRef, action: str) -> None:
    record = await asking.begun()
    assert "can decide this" in told(await asking.press(action, record, user))
    assert asking.verdicts == []
    assert buttons(asking.cards()[0]) == [APPROVE, DENY, ALWAYS]
    assert await asking.sealed() == [True]
    assert "approval.approved" not in await asking.desk.bench.actions()
    await asking.press(APPROVE, record, ADMIN)
    await asking.desk.settled()
    assert asking.done == [record.run]


async def test_a_guest_who_asked_cannot_decide_but_an_admin_can(asking: Asking) -> None:
    asking.asker, asking.invoker = GUEST, Invoker.GUEST
    asking.asks = replace(asking.asks, grant=replace(asking.asks.grant, invokers=(Invoker.GUEST,)))
    record = await asking.begun()
    assert "Only an admin can decide" in words(asking.cards()[0])
    assert "no guests" in told(await asking.press(APPROVE, record, GUEST))
    await asking.press(APPROVE, record, ADMIN)
    await asking.desk.settled()
    assert asking.verdicts == [Approved(record.id, ADMIN.id)]


async def test_what_admins_decide_is_not_the_askers_to_decide(asking: Asking) -> None:
    asking.asks = request(approvers=Approvers.ADMINS)
    record = await asking.begun()
    assert "Only an admin" in told(await asking.press(APPROVE, record))
    assert asking.verdicts == []


async def test_somebody_of_another_workspace_finds_nothing_to_decide(asking: Asking) -> None:
    record = await asking.begun()
    elsewhere = UserRef("slack:T2", MEMBER.id)
    asking.desk.platform.people[elsewhere] = MemberKind.ADMIN
    assert "over" in told(await asking.press(APPROVE, record, elsewhere))
    assert asking.verdicts == []


async def test_of_two_who_press_at_once_one_decides_and_the_other_is_told(asking: Asking) -> None:
    record = await asking.begun()
    outcomes = await asyncio.gather(
        asking.press(APPROVE, record), asking.press(DENY, record, ADMIN), asking.press(APPROVE, record, ADMIN)
    )
    await asking.desk.settled()
    assert len([outcome for outcome in outcomes if outcome == Nothing()]) == 1
    assert len(asking.verdicts) == 1
    decided = [a for a in await asking.desk.bench.actions() if a in ("approval.approved", "approval.denied")]
    assert len(decided) == 1


async def test_a_click_sent_again_changes_nothing_and_says_who_decided(asking: Asking) -> None:
    record = await asking.begun()
    await asking.press(APPROVE, record)
    await asking.desk.settled()
    for action in (APPROVE, DENY, ALWAYS):
        assert f"{MEMBER.id} approved this already" in told(await asking.press(action, record))
    assert asking.done == [record.run]


async def test_other_arguments_than_those_shown_are_refused(asking: Asking) -> None:
    record = await asking.begun()
    await asking.press(APPROVE, record)
    await asking.desk.settled()
    asking.asks = request({"channel": "C2", "text": "Something else"})
    await asking.desk.say("Say hello")  # another run; its question is made to be the first one's
    async with asking.desk.database.begin() as uow:
        later = f"{record.run.rpartition('.')[0]}.1"
        await uow.connection.execute(table.update().values(id=f"{later}/0", run_id=later))
    await asking.desk.settled()
    assert asking.done == [record.run]
    assert isinstance(asking.verdicts[1], Refused)
    assert "not those" in asking.verdicts[1].reason


async def test_after_ten_minutes_it_is_over_and_the_asker_is_told(asking: Asking) -> None:
    asking.desk.runs.patience = 0.001
    await asking.granted()
    await asking.desk.say("Say hello")
    await asking.desk.settled()
    (verdict,) = asking.verdicts
    assert isinstance(verdict, Refused)
    assert "10 minutes" in verdict.reason
    assert "Nobody decided in time" in words(asking.cards()[0])
    (whisper,) = asking.desk.platform.told(MEMBER)
    assert "Nobody approved in time" in words(whisper)
    record = await asking.waits()
    assert "Nobody decided in time" in told(await asking.press(APPROVE, record))
    assert asking.done == []
    assert "approval.expired" in await asking.desk.bench.actions()
    assert await asking.sealed() == [False]


async def test_a_click_after_its_time_is_refused_though_nobody_has_looked_yet(asking: Asking) -> None:
    record = await asking.begun()
    asking.desk.bench.clock.forward(seconds=LASTS.total_seconds())
    assert "Nobody decided in time" in told(await asking.press(APPROVE, record))
    assert asking.verdicts == []


async def test_a_grant_taken_back_meanwhile_is_told_to_who_approves_and_to_the_model(asking: Asking) -> None:
    record = await asking.begun()
    async with asking.desk.database.begin() as uow:
        await uow.agents.change(replace(await asking.desk.bench.agent(), grants=()))
    assert "not granted" in told(await asking.press(APPROVE, record))
    await asking.desk.settled()
    (verdict,) = asking.verdicts
    assert isinstance(verdict, Refused)
    assert "not granted" in verdict.reason
    assert "This is over" in words(asking.cards()[0])


async def test_stopping_the_run_ends_the_question_at_once(asking: Asking) -> None:
    record = await asking.begun()
    await asking.desk.answers.stop(record.run)
    await asking.desk.settled()
    assert asking.verdicts == ["stopped"]
    assert "This is over" in words(asking.cards()[0])
    assert "over" in told(await asking.press(APPROVE, record))
    assert await asking.sealed() == [False]


async def test_a_run_that_was_stopped_before_asks_nobody(asking: Asking) -> None:
    await asking.granted()
    asking.desk.runs.asleep = True
    await asking.desk.say("Say hello")
    await asking.desk.bench.settled()
    (conversation,) = asking.desk.runs.missed
    body, begun = asking.desk.runs.body, f"{conversation}.0"
    assert body

    async def stopped_first(journal: object, conversation: str, generation: int) -> bool:
        async with asking.desk.database.begin() as uow:
            taken = await uow.inbox.claim(conversation, generation, begun)
            assert taken
            await uow.runs.begin(taken[0])
            await uow.runs.request_stop(begun)
        return await body(journal, conversation, generation)  # type: ignore[arg-type]

    asking.desk.runs.body = stopped_first
    await asking.desk.runs.wake()
    await asking.desk.settled()
    assert asking.verdicts == ["stopped"]
    assert asking.cards() == []


async def test_whoever_writes_on_is_told_once_what_is_awaited_and_may_cancel_it(asking: Asking) -> None:
    record = await asking.begun()
    mention = await asking.desk.say("Are you there?")
    await asking.desk.intake.mention(mention)  # the platform sends it twice
    await asking.desk.bench.settled()
    (view,) = asking.desk.platform.told(MEMBER)
    assert "waiting for approval to post a message in C2" in words(view)
    assert button(view, CANCEL).value == record.id
    asking.desk.platform.whispers.clear()
    asking.asks = request({"channel": "C2", "text": "The second"})
    await asking.press(CANCEL, record)
    await until(lambda: asking.verdicts == ["stopped"])
    await until(lambda: len(asking.cards()) == 2)
    assert "This is over" in words(asking.cards()[0])
    assert asking.done == []


async def test_who_may_not_cancel_is_told_without_a_button(asking: Asking) -> None:
    record = await asking.begun()
    await asking.desk.say("What are you waiting for?", OTHER)
    await asking.desk.bench.settled()
    (view,) = asking.desk.platform.told(OTHER)
    assert f"{MEMBER.id} or an admin can decide above" in words(view)
    assert buttons(view) == []
    assert "Only the person who asked" in told(await asking.press(CANCEL, record, OTHER))


async def test_a_click_whose_signal_was_lost_counts_at_the_next_look(asking: Asking) -> None:
    asking.desk.runs.patience = 1
    record = await asking.begun()
    async with asking.desk.database.begin() as uow:
        await uow.approvals.decide(WORKSPACE, record.id, ApprovalState.APPROVED, ADMIN.id)
    await asking.desk.settled()
    assert asking.verdicts == [Approved(record.id, ADMIN.id)]


async def test_after_a_crash_the_same_card_still_stands_and_its_click_counts_once(asking: Asking) -> None:
    record = await asking.begun()
    await asking.desk.runs.crash()
    await asking.press(APPROVE, record)
    await asking.desk.settled()
    assert len(asking.cards()) == 1
    assert asking.done == [record.run]
    assert asking.verdicts == [Approved(record.id, MEMBER.id)]


async def test_a_card_that_was_posted_as_the_process_died_may_stand_twice_and_both_are_over_together(
    asking: Asking,
) -> None:
    record = await asking.begun()
    async with asking.desk.database.begin() as uow:  # as if it had died before it knew the card's id
        await uow.connection.execute(table.update().values(channel="", message_id=""))
    asking.desk.runs.journals[record.run].memory.pop(2)
    await asking.desk.runs.crash()
    again = await asking.waits()
    assert len(asking.cards()) == 2
    await asking.press(APPROVE, again)
    await asking.desk.settled()
    assert asking.done == [record.run]
    assert "approved this already" in told(await asking.press(APPROVE, record))


async def test_a_click_that_comes_before_the_card_is_kept_in_mind_ends_the_card_all_the_same(asking: Asking) -> None:
    record = await asking.begun()
    async with asking.desk.database.begin() as uow:
        await uow.connection.execute(table.update().values(channel="", message_id=""))
    await asking.press(APPROVE, record)
    await asking.desk.settled()
    (card,) = asking.cards()
    assert buttons(card) == []
    assert asking.done == [record.run]


async def test_where_the_card_cannot_be_posted_it_is_refused(asking: Asking) -> None:
    asking.desk.platform.broken = NotReachable()
    await asking.granted()
    await asking.desk.say("Say hello")
    await asking.desk.settled()
    (verdict,) = asking.verdicts
    assert isinstance(verdict, Refused)
    assert "could not be shown" in verdict.reason
    assert await asking.sealed() == [False]


async def test_a_platform_that_is_away_for_a_moment_is_tried_again(asking: Asking) -> None:
    asking.desk.platform.broken = PlatformUnavailable()
    await asking.granted()
    await asking.desk.say("Say hello")
    await until(lambda: any(journal.slept for journal in asking.desk.runs.journals.values()))
    asking.desk.platform.broken = None
    record = await asking.waits()
    assert len(asking.cards()) == 1
    await asking.press(APPROVE, record)
    await asking.desk.settled()
    assert asking.done == [record.run]


async def test_what_is_too_long_to_be_shown_completely_is_refused_and_the_asker_told(asking: Asking) -> None:
    asking.asks = request({"channel": "C2", "text": "x" * 5000})
    await asking.granted()
    await asking.desk.say("Say hello")
    await asking.desk.settled()
    (verdict,) = asking.verdicts
    assert isinstance(verdict, Refused)
    assert "too long" in verdict.reason
    assert asking.cards() == []
    assert "too long" in words(asking.desk.platform.told(MEMBER))
    assert await asking.record() is None

"""Whoever a limit stops reads which, asks for more once, and is answered as soon as one admin says yes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from app.domain.chat import MemberKind, UserRef
from app.domain.events import Open, Private, Submission
from app.domain.spend import EACH, Period, Scope
from app.services.access import Access
from app.services.budgets import Budgets
from app.services.notices import Notices
from app.store.unit_of_work import Database
from tests.app.bench import ADMIN, GOOD, MEMBER, OPERATOR, WORKSPACE, Bench, words
from tests.app.desk import Desk
from tests.app.limited import Limited, button, seen
from tests.fakes.databases import TestClock

COLLEAGUE = UserRef(WORKSPACE, "U6OTHER")


@pytest.fixture
async def limited(any_database: Database, clock: TestClock) -> AsyncIterator[Limited]:
    bench = await Bench(any_database, clock).start()
    bench.platform.people[COLLEAGUE] = MemberKind.MEMBER
    await bench.set_key()
    yield await Limited(Desk(bench)).begin()
    await bench.background.drain(1)


async def test_the_asker_reads_in_the_thread_which_limit_how_much_and_when_it_begins_anew(limited: Limited) -> None:
    await limited.limit()
    shown = words(await limited.refused())
    assert "This workspace's limit of $0.01 a day leaves no room for this: $0.00 is spent." in shown
    assert "It begins anew" in shown
    assert "asked again by itself" in shown
    assert limited.desk.model.requests == []


@pytest.mark.parametrize(
    ("scope", "subject", "says"),
    [
        (Scope.AGENT, EACH, "assistant 's limit of $0.01 a month"),
        (Scope.CHANNEL, "C1", "C1 's limit of $0.01 a month"),
        (Scope.PERSON, EACH, f"{MEMBER.id} 's limit of $0.01 a month"),
    ],
)
async def test_it_says_whose_limit_that_is(limited: Limited, scope: Scope, subject: str, says: str) -> None:
    await limited.limit(scope=scope, subject=subject, period=Period.MONTH)
    assert says in words(await limited.refused())


async def test_what_a_person_spent_is_not_told_in_the_thread_but_where_they_ask_for_more(limited: Limited) -> None:
    await limited.limit("0.40", scope=Scope.PERSON, subject=EACH)
    await limited.spend("0.39", asker=MEMBER.id)
    shown = await limited.refused()
    assert "'s limit of $0.40 a day leaves no room for this. " in words(shown)
    assert "$0.39" not in words(shown)
    assert "$0.39 is spent" in seen(await limited.press(button(shown, "Ask for more")))


@pytest.mark.parametrize("label", ["Allow $1.00 for today", "Raise to $1.01 for good"])
async def test_one_click_of_an_admin_has_the_question_answered(limited: Limited, label: str) -> None:
    limit = await limited.limit()
    card = await limited.ask_for_more()
    for told in (MEMBER.id, "assistant", "C1", "$1.00", "The workspace", "$0.01 a day", "The report is half done."):
        assert told in words(card)
    decided = await limited.press(button(card, label), ADMIN)
    assert "The question that waited is asked again now." in seen(decided)
    await limited.tick()
    assert limited.answers() == [limited.desk.model.answer]
    assert "How long is a day?" in limited.desk.model.asked_last()
    (answer,) = limited.desk.platform.told(MEMBER)
    assert ADMIN.id in words(answer)
    assert "Your question is asked again now." in words(answer)
    async with limited.desk.database.read() as uow:
        after = await uow.limits.get(WORKSPACE, limit.id)
    assert after
    for_good = label.startswith("Raise")
    assert after.within("2026-11-23") == Decimal("1.01")
    assert after.within("2026-11-24") == Decimal("1.01" if for_good else "0.01")


async def test_a_no_is_told_to_the_asker_and_to_nobody_else(limited: Limited) -> None:
    await limited.limit()
    card = await limited.ask_for_more()
    assert "said no" in seen(await limited.press(button(card, "No"), ADMIN))
    await limited.tick()
    assert limited.answers() == []
    (answer,) = limited.desk.platform.told(MEMBER)
    assert "said no to more for now. It begins anew" in words(answer)
    assert len(limited.desk.shown()) == 1


async def test_of_two_admins_who_click_at_once_one_decides_and_the_other_reads_who(limited: Limited) -> None:
    await limited.limit()
    card = await limited.ask_for_more()
    assert any("asks for" in words(view) for view in limited.desk.platform.told(OPERATOR)), (
        "all known admins get the card"
    )
    yes, no = button(card, "Allow"), button(card, "No")
    both = await asyncio.gather(limited.press(yes, ADMIN), limited.press(no, OPERATOR))
    said = [seen(one) for one in both]
    first = ADMIN if "allowed $1.00" in said[0] else OPERATOR
    assert all(first.id in words_ for words_ in said)
    await limited.tick()
    assert len(limited.answers()) == (1 if first == ADMIN else 0)
    actions = await limited.desk.bench.actions()
    assert actions.count("limit.granted") + actions.count("limit.refused") == 1
    again = await limited.press(yes, OPERATOR)
    assert first.id in seen(again)
    assert len(limited.desk.platform.told(MEMBER)) == 1


async def test_more_is_asked_for_once_however_often_somebody_presses(limited: Limited) -> None:
    await limited.limit()
    ask = button(await limited.refused(), "Ask for more")
    forms = [await limited.press(ask), await limited.press(ask)]
    assert all(isinstance(form, Open) for form in forms)
    values = {"amount": "$2.00", "why": "Because."}
    said = [seen(await limited.send(form.view, values)) for form in forms if isinstance(form, Open)]
    assert "admins were asked for more" in said[0]
    assert "asked for already" in said[1]
    assert "asked for already" in seen(await limited.press(ask))
    cards = [view for view in limited.desk.platform.told(ADMIN) if "asks for" in words(view)]
    assert len(cards) == 1


async def test_only_the_asker_or_an_admin_may_ask(limited: Limited) -> None:
    await limited.limit()
    ask = button(await limited.refused(), "Ask for more")
    assert "Only the person who asked" in seen(await limited.press(ask, COLLEAGUE))
    form = await limited.press(ask)
    assert isinstance(form, Open)
    sent = await limited.send(form.view, {"amount": "1", "why": "Please"}, COLLEAGUE)
    assert "Only the person who asked" in seen(sent)


async def test_who_is_no_admin_at_that_moment_decides_nothing(limited: Limited) -> None:
    await limited.limit()
    card = await limited.ask_for_more()
    limited.desk.platform.people[ADMIN] = MemberKind.MEMBER
    for label in ("Allow", "Raise", "No"):
        assert "for Latchkey's admins" in seen(await limited.press(button(card, label), ADMIN))
    await limited.tick()
    assert limited.answers() == []


async def test_an_admin_who_is_stopped_raises_it_directly(limited: Limited) -> None:
    await limited.limit()
    form = await limited.press(button(await limited.refused(ADMIN), "Raise it"), ADMIN)
    assert isinstance(form, Open)
    assert "For today only" in words(form.view)
    wrong = await limited.send(form.view, {"amount": "0,50", "how": "now"}, ADMIN)
    assert seen(wrong).startswith("amount: Write it without a comma")
    saved = await limited.send(form.view, {"amount": "0.50", "how": "now"}, ADMIN)
    assert "$0.01 a day + $0.50 for now" in seen(saved)
    await limited.tick()
    assert len(limited.answers()) == 1


async def test_an_admin_may_raise_what_stopped_somebody_else(limited: Limited) -> None:
    await limited.limit(scope=Scope.PERSON, subject=EACH)
    form = await limited.press(button(await limited.refused(), "Ask for more"), ADMIN)
    assert isinstance(form, Open)
    assert "raised for this one only" in words(form.view)
    await limited.send(form.view, {"amount": "2", "how": "good"}, ADMIN)
    await limited.tick()
    assert len(limited.answers()) == 1
    async with limited.desk.database.read() as uow:
        own = await uow.limits.find(WORKSPACE, Scope.PERSON, MEMBER.id, Period.DAY)
        each = await uow.limits.find(WORKSPACE, Scope.PERSON, EACH, Period.DAY)
    assert own
    assert each
    assert (own.amount, each.amount) == (Decimal("2.01"), Decimal("0.01"))


async def test_what_one_person_is_granted_of_a_limit_for_each_frees_nobody_elses_question(limited: Limited) -> None:
    await limited.limit(scope=Scope.PERSON, subject=EACH)
    await limited.refused(COLLEAGUE)
    card = await limited.ask_for_more()
    assert "The question that waited" in seen(await limited.press(button(card, "Allow"), ADMIN))
    await limited.tick()
    assert [record.asker for record in await limited.desk.records() if not record.error] == [MEMBER.id]
    await limited.refused(COLLEAGUE)


@pytest.mark.parametrize(("label", "allowed"), [("Allow", "9.00"), ("Raise", "8")])
async def test_what_is_decided_late_counts_for_the_limit_that_somebody_has_of_their_own_by_then(
    limited: Limited, label: str, allowed: str
) -> None:
    await limited.limit(scope=Scope.PERSON, subject=EACH)
    card = await limited.ask_for_more()
    own = await limited.limit("8", Scope.PERSON, MEMBER.id)
    await limited.press(button(card, label), ADMIN)
    async with limited.desk.database.read() as uow:
        after = await uow.limits.get(WORKSPACE, own.id)
    assert after
    assert after.within("2026-11-23") == Decimal(allowed), "never less than before"


async def test_what_is_asked_for_and_why_must_be_said_in_a_way_that_can_be_decided_on(limited: Limited) -> None:
    await limited.limit()
    form = await limited.press(button(await limited.refused(), "Ask for more"))
    assert isinstance(form, Open)
    for amount, why, says in (
        ("five", "x", "amount: Write an amount"),
        ("5", "  ", "why: Say in a sentence"),
        ("5", "x" * 501, "why: Say in a sentence"),
    ):
        assert seen(await limited.send(form.view, {"amount": amount, "why": why})).startswith(says)
    assert await limited.desk.bench.actions() == [
        one for one in await limited.desk.bench.actions() if one != "limit.asked"
    ]


async def test_why_is_told_to_admins_without_keys_and_is_kept_nowhere(
    limited: Limited, capfd: pytest.CaptureFixture[str]
) -> None:
    await limited.limit()
    card = await limited.ask_for_more(why=f"Zebra stripes need {GOOD} today")
    assert "Zebra stripes need" in words(card)
    assert GOOD not in words(card)
    async with limited.desk.database.read() as uow:
        asked = [str(row) for row in await uow.connection.exec_driver_sql("SELECT * FROM limit_requests")]
    assert "Zebra" not in "".join([*asked, *map(str, await limited.desk.bench.audited()), *capfd.readouterr()])


async def test_where_no_admin_is_known_the_asker_is_told_so(limited: Limited) -> None:
    """As where nobody was named, and whoever set the limit is no admin any more."""
    bench = limited.desk.bench
    await limited.limit()
    form = await limited.press(button(await limited.refused(), "Ask for more"))
    assert isinstance(form, Open)
    platforms = {bench.platform.name: bench.platform}
    nobody_named = Access(bench.database, platforms)
    budgets = Budgets(
        bench.database, platforms,
        agents=bench.agents, access=nobody_named, workspaces=bench.workspaces,
        notices=Notices(platforms, nobody_named), meter=bench.meter, redact=bench.keys.redact,
        background=bench.background, clock=bench.clock,
    )  # fmt: skip
    bench.platform.people[ADMIN] = MemberKind.MEMBER
    save = budgets.open_saves[form.view.id]
    sent = await save(Submission(MEMBER, form.view.id, {"amount": "1", "why": "Please"}, context=form.view.context))
    assert "knows none of this workspace's admins by name" in seen(sent)
    again = await limited.send(form.view, {"amount": "1", "why": "Please"})
    assert "An admin was asked for more" in seen(again), "nothing was asked before"


async def test_where_no_admin_can_be_reached_the_asker_hears_of_it_and_may_ask_again(limited: Limited) -> None:
    await limited.limit()
    limited.desk.platform.unreachable |= {ADMIN, OPERATOR}
    ask = button(await limited.refused(), "Ask for more")
    form = await limited.press(ask)
    assert isinstance(form, Open)
    await limited.send(form.view, {"amount": "1", "why": "Please"})
    assert "None of the admins could be told" in words(limited.desk.platform.told(MEMBER)[-1])
    limited.desk.platform.unreachable.clear()
    assert isinstance(await limited.press(ask), Open)


async def test_a_limit_that_is_raised_or_removed_in_the_form_frees_what_waited(limited: Limited) -> None:
    limit = await limited.limit()
    await limited.refused()
    assert "1 question that waited" in seen(await limited.desk.bench.typed("budget workspace day 5"))
    await limited.tick()
    assert len(limited.answers()) == 1
    await limited.limit()  # lower again
    await limited.refused()
    assert "1 question that waited" in seen(await limited.desk.bench.pressed("limit_remove", limit.id))
    await limited.tick()
    assert len(limited.answers()) == 2


async def test_buttons_of_a_limit_that_is_gone_or_not_ours_do_nothing(limited: Limited) -> None:
    await limited.limit()
    view = await limited.refused()
    ask, card = button(view, "Ask for more"), await limited.ask_for_more()
    await limited.desk.bench.typed("budget remove workspace day")
    assert "not there any more" in seen(await limited.press(ask))
    assert "not there any more" in seen(await limited.press(button(card, "Allow"), ADMIN))
    stranger = UserRef("slack:T2", MEMBER.id)
    limited.desk.platform.people[stranger] = MemberKind.ADMIN
    assert isinstance(await limited.press(ask, stranger), Private)
    assert "not there any more" in seen(await limited.press(button(card, "Allow"), stranger))


async def test_a_model_without_a_price_is_not_asked_under_a_limit_and_admins_hear_of_it_once(limited: Limited) -> None:
    await limited.limit("100")
    async with limited.desk.database.begin() as uow:
        for model in ("claude-fine", "claude-old"):
            await uow.prices.delete(WORKSPACE, "anthropic", model)
    shown = words(await limited.refused())
    assert "The price of anthropic/claude-fine is not known" in shown
    assert "what may be spent here is limited" in shown
    assert "The admins have been told" in shown
    assert "Enter a price" not in shown
    own = await limited.refused(ADMIN)
    assert button(own, "Enter a price").id == "price_enter"
    (told,) = limited.desk.platform.told(OPERATOR)
    assert "Questions wait for its price" in words(told)

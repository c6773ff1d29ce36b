"""The right people hear once that a limit is nearly, or wholly, used up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from app.domain.chat import UserRef
from app.domain.events import Open
from app.domain.spend import EACH, Period, Scope
from app.services.limits import AtLimit
from app.services.meter import Crossed
from app.store.unit_of_work import Database
from tests.app.bench import ADMIN, MEMBER, OPERATOR, WORKSPACE, Bench, words
from tests.app.desk import Desk
from tests.app.limited import Limited, button
from tests.fakes.databases import TestClock


@pytest.fixture
async def limited(any_database: Database, clock: TestClock) -> AsyncIterator[Limited]:
    bench = await Bench(any_database, clock).start()
    await bench.set_key()
    yield await Limited(Desk(bench)).begin()
    await bench.background.drain(1)


def told(limited: Limited, user: UserRef) -> list[str]:
    return [words(view) for view in limited.desk.platform.told(user)]


@pytest.mark.parametrize(
    ("before", "says"),
    [
        ("49.99999", "This workspace's limit of $100.00 a day is used to 50 %: $50.00 is spent."),
        ("79.99999", "This workspace's limit of $100.00 a day is used to 80 %: $80.00 is spent."),
    ],
)
async def test_admins_hear_once_that_a_limit_comes_near_and_those_who_ask_do_not(
    limited: Limited, before: str, says: str
) -> None:
    await limited.limit("100")
    await limited.spend(before, asker="U8")
    for _ in range(2):
        await limited.desk.ask("Well?")
    for admin in (ADMIN, OPERATOR):
        (heard,) = told(limited, admin)
        assert says in heard
        assert "It begins anew" in heard
    assert told(limited, MEMBER) == []


async def test_a_person_hears_of_their_own_limit_and_admins_only_when_it_is_used_up(limited: Limited) -> None:
    await limited.limit("100", Scope.PERSON, EACH, Period.MONTH)
    await limited.spend("79.99999")
    await limited.desk.ask("Well?")
    (heard,) = told(limited, MEMBER)
    assert "Your limit of $100.00 a month is used to 80 %" in heard
    assert told(limited, ADMIN) == []
    await limited.spend("19.99", 2)
    await limited.refused()
    assert "Your limit of $100.00 a month leaves no room for a question" in told(limited, MEMBER)[-1]
    (of_them,) = told(limited, ADMIN)
    assert f"{MEMBER.id} 's limit of $100.00 a month leaves no room for a question" in of_them


async def test_the_last_notice_is_due_when_nothing_fits_any_more_and_comes_once(limited: Limited) -> None:
    await limited.limit("5", Scope.AGENT, (await limited.desk.bench.agent()).id)
    await limited.spend("4.99")
    for _ in range(3):
        await limited.refused()
    for admin in (ADMIN, OPERATOR):
        (heard,) = told(limited, admin)
        assert "assistant 's limit of $5.00 a day leaves no room for a question: $4.99 is spent." in heard
    assert told(limited, MEMBER) == []


async def test_another_day_and_another_amount_are_told_of_again(limited: Limited) -> None:
    await limited.limit("5")
    await limited.spend("4.99")
    await limited.refused()
    await limited.limit("4.995")
    await limited.refused()
    assert len(told(limited, ADMIN)) == 2
    limited.desk.bench.clock.forward(days=1)
    await limited.spend("4.99", 2)
    await limited.refused()
    assert len(told(limited, ADMIN)) == 3


async def test_of_a_limit_for_each_everyone_hears_of_their_own(limited: Limited) -> None:
    limit = await limited.limit("5", Scope.PERSON, EACH)
    await limited.spend("4.5", asker=MEMBER.id)
    await limited.spend("4.5", 2, asker="U8")
    notices, limits = limited.desk.bench.budgets.notices, limited.desk.bench.budgets.limits
    found = [await limits.standing(AtLimit(WORKSPACE, limit.id, one)) for one in (MEMBER.id, "U8")]
    await notices.crossed([Crossed(one, 80) for one in found if one])
    await limited.desk.settled()
    assert len(told(limited, MEMBER)) == len(told(limited, UserRef(WORKSPACE, "U8"))) == 1


async def test_one_of_many_processes_tells_and_of_marks_passed_at_once_the_highest(limited: Limited) -> None:
    limit = await limited.limit("5")
    await limited.spend("4.5")
    standing = await limited.desk.bench.budgets.limits.standing(AtLimit(WORKSPACE, limit.id))
    assert standing
    notices = limited.desk.bench.budgets.notices
    both = [Crossed(standing, 50), Crossed(standing, 80)]
    await asyncio.gather(*(notices.crossed(both) for _ in range(4)))
    await limited.desk.settled()
    (heard,) = told(limited, ADMIN)
    assert "used to 80 %" in heard


async def test_the_notice_leads_to_the_form_that_raises_it(limited: Limited) -> None:
    await limited.limit("5", Scope.PERSON, EACH)
    await limited.spend("4.99")
    await limited.refused()
    view = limited.desk.platform.told(ADMIN)[0]
    form = await limited.press(button(view, "Raise it"), ADMIN)
    assert isinstance(form, Open)
    await limited.send(form.view, {"amount": "3", "how": "now"}, ADMIN)
    async with limited.desk.database.read() as uow:
        (theirs,) = await uow.limits.applying(WORKSPACE, "", "", MEMBER.id)
    assert theirs.within("2026-11-23") == Decimal(8)

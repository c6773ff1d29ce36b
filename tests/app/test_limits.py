"""Admins limit what is spent, by a form or by typing; what is shown is what is enforced."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from app.domain.events import Close, FieldErrors, Open, Private, Replace
from app.domain.run import Usage
from app.domain.spend import EACH, Account, Period, Scope
from app.domain.views import Buttons, Select, Table, View
from app.errors import BadInput
from app.services.agent_drafts import AgentDraft
from app.services.limit_typing import Typed, understood
from app.services.limits import MOST_LIMITS, LimitDraft
from app.services.meter import Wanted
from app.services.waiting_room import Place
from app.services.workspaces import WorkspaceSettings
from tests.app.bench import ADMIN, MEMBER, WORKSPACE, Bench, words
from tests.app.limited import button, seen
from tests.app.spent import keep, receipt


async def spend(bench: Bench, cost: str, number: int = 1, **of: object) -> None:
    of.setdefault("agent_id", (await bench.agent()).id)
    await keep(bench.database, [receipt(number, cost=Decimal(cost), at=bench.clock.now(), **of)])


def table(view: View) -> list[list[str]]:
    (found,) = [block for block in view.blocks if isinstance(block, Table)]
    return [[words(cell) for cell in row] for row in found.rows]


async def page(bench: Bench, by: object = ADMIN) -> View:
    outcome = await bench.typed("budget", by=by)  # type: ignore[arg-type]
    assert isinstance(outcome, Private)
    return outcome.view


async def test_the_page_shows_what_is_spent_reserved_allowed_and_when_it_begins_anew(bench: Bench) -> None:
    agent = await bench.agent()
    await bench.typed("budget workspace month $100")
    await bench.typed("budget agent assistant day 5")
    await spend(bench, "4.10")
    rows = table(await page(bench))
    assert rows[0][:3] == ["The workspace", "$4.10 (4 %)", "of $100.00 a month"]
    assert rows[1][:3] == ["assistant", "$4.10 (82 %)", "of $5.00 a day"]
    wanted = Wanted(
        Account(WORKSPACE, asker=MEMBER.id, agent_id=agent.id), "key", "f1", "offline", "offline", "", Usage()
    )
    reserved = (await bench.meter.reserve_alone(wanted, Place(WORKSPACE))).reservation
    async with bench.database.begin() as uow:
        await uow.spend.reserve(replace(reserved, id="call_2", amount=Decimal("0.20")))
    assert table(await page(bench))[1][1] == "$4.10 + $0.20 in the making (82 %)"
    standing = (await bench.budgets.limits.all(WORKSPACE))[1]
    assert (standing.subject, standing.reserved) == (agent.id, Decimal("0.20"))
    assert standing.resets_at == bench.clock.now() + timedelta(hours=12)


async def test_of_a_limit_for_each_those_who_spent_most_are_shown(bench: Bench) -> None:
    await bench.typed("budget each person day 2")
    await bench.typed("budget <@U9> day 9")
    for number, (who, cost) in enumerate([("U9", "3"), ("U8", "1.50"), (MEMBER.id, "0.25")], start=1):
        await spend(bench, cost, number, asker=who)
    rows = table(await page(bench))
    assert [row[:2] for row in rows] == [
        ["Each person", "–"], ["· U8", "$1.50 (75 %)"], [f"· {MEMBER.id}", "$0.25 (12 %)"], ["U9", "$3.00 (33 %)"],
    ]  # fmt: skip


async def test_days_are_those_of_the_workspaces_time_zone(bench: Bench) -> None:
    await bench.workspaces.change(WORKSPACE, WorkspaceSettings(time_zone="Pacific/Auckland"), ADMIN)
    await bench.typed("budget workspace day 5")
    (standing,) = await bench.budgets.limits.all(WORKSPACE)
    assert (standing.period, standing.resets_at.hour) == ("2026-11-24", 11)
    assert "Pacific/Auckland" in words(await page(bench))


async def test_a_member_sees_their_own_and_the_workspaces_limits_and_changes_nothing(bench: Bench) -> None:
    for typed in ("workspace month 100", "each person day 2", "agent assistant day 5", "<@U9> day 9"):
        await bench.typed(f"budget {typed}")
    await spend(bench, "0.50", asker=MEMBER.id)
    view = await page(bench, MEMBER)
    assert [row[0] for row in table(view)] == ["The workspace", MEMBER.id]
    assert not [block for block in view.blocks if isinstance(block, Buttons | Select)]
    for typed in ("workspace month 1000", "remove workspace month"):
        assert "for Latchkey's admins" in seen(await bench.typed(f"budget {typed}", by=MEMBER))
    for act in ("limit_new", "limit_edit", "limit_remove", "limit_choose", "limit_list"):
        assert "for Latchkey's admins" in seen(await bench.pressed(act, "limit_1", by=MEMBER))
    assert len(await bench.budgets.limits.all(WORKSPACE)) == 4 + 1


async def test_a_limit_is_set_changed_and_removed_by_forms_and_buttons_and_all_is_audited(bench: Bench) -> None:
    form = await bench.pressed("limit_new")
    assert isinstance(form, Open)
    agent = await bench.agent()
    saved = await bench.sent(
        "limit_save", {"whom": f"agent:{agent.id}", "period": "day", "amount": "$5.00", "channel": ""}
    )
    assert isinstance(saved, Close)
    assert "From now on, for assistant : $5.00 a day." in seen(saved)
    view = await page(bench)
    (choice,) = [block for block in view.blocks if isinstance(block, Select)]
    assert choice.options[0].label == "Agent assistant, $5.00 a day"
    one = await bench.pressed(choice.id, choice.options[0].value)
    assert isinstance(one, Replace)
    change = await bench.pressed("limit_edit", button(one.view, "Change").value)
    assert isinstance(change, Open)
    await bench.sent(change.view.id, {"amount": "7.50"}, context=change.view.context)
    assert table(await page(bench))[0][2] == "of $7.50 a day"
    remove = button(one.view, "Remove")
    assert remove.confirm
    assert "Removed: the limit for assistant , a day." in seen(await bench.pressed(remove.id, remove.value))
    assert "Nothing limits" in words(await page(bench))
    assert "not there any more" in seen(await bench.pressed(remove.id, remove.value))
    gone = await bench.sent(change.view.id, {"amount": "7.50"}, context=change.view.context)
    assert "not there any more" in seen(gone)
    entries = [entry for entry in await bench.audited() if entry.action.startswith("limit.")]
    assert [(one_.actor, one_.action, one_.details.get("amount")) for one_ in entries] == [
        (ADMIN.id, "limit.set", "5"), (ADMIN.id, "limit.set", "7.5"), (ADMIN.id, "limit.removed", "7.5"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"amount": "0,50"}, "amount"),
        ({"amount": "0"}, "amount"),
        ({"amount": "1000001"}, "amount"),
        ({"whom": "channel:"}, "channel"),
        ({"whom": "channel:", "channel": "C1 C2"}, "channel"),
        ({"channel": "C1"}, "channel"),
        ({"whom": "planet:earth"}, "whom"),
        ({"whom": "agent:"}, "whom"),
        ({"period": "year"}, "whom"),
    ],
)
async def test_what_is_wrong_in_the_form_is_said_beside_its_field(
    bench: Bench, changed: dict[str, str], field: str
) -> None:
    values = {"whom": "workspace:", "period": "day", "amount": "5", "channel": ""}
    wrong = await bench.sent("limit_save", values | changed)
    assert isinstance(wrong, FieldErrors)
    assert list(wrong.errors) == [field]
    assert await bench.budgets.limits.all(WORKSPACE) == ()


async def test_a_channel_is_limited_by_the_form_and_by_its_name(bench: Bench) -> None:
    bench.platform.channels.add("C7", "general")
    await bench.sent("limit_save", {"whom": "channel:", "period": "month", "amount": "20", "channel": "C7"})
    await bench.typed("budget channel #general day 3")
    rows = table(await page(bench))
    assert [row[0] for row in rows] == ["C7", "C7"]
    (choice,) = [block for block in (await page(bench)).blocks if isinstance(block, Select)]
    assert choice.options[0].label.startswith("#general, ")
    assert "no such channel" in seen(await bench.typed("budget #nowhere day 3"))
    assert "Removed" in seen(await bench.typed("budget remove #general day"))


async def test_the_form_offers_people_who_spent_something_by_their_names(bench: Bench) -> None:
    bench.platform.names[MEMBER] = "Kim"
    await spend(bench, "1", asker=MEMBER.id)
    form = await bench.pressed("limit_new")
    assert isinstance(form, Open)
    assert "Kim" in words(form.view)
    await bench.sent("limit_save", {"whom": f"person:{MEMBER.id}", "period": "day", "amount": "2", "channel": ""})
    (standing,) = await bench.budgets.limits.all(WORKSPACE)
    assert (standing.limit.scope, standing.subject) == (Scope.PERSON, MEMBER.id)


async def test_removing_what_is_not_there_says_what_there_is(bench: Bench) -> None:
    assert "no limit at all" in seen(await bench.typed("budget remove workspace day"))
    await bench.typed("budget workspace month 100")
    assert "The workspace, $100.00 a month" in seen(await bench.typed("budget remove workspace day"))


async def test_with_an_agent_its_limits_go(bench: Bench) -> None:
    writer = await bench.agents.create(WORKSPACE, AgentDraft("writer"), ADMIN)
    await bench.typed("budget agent writer day 5")
    await bench.agents.delete(WORKSPACE, writer.id, ADMIN)
    assert await bench.budgets.limits.all(WORKSPACE) == ()


async def test_there_is_a_most_number_of_limits(bench: Bench) -> None:
    for number in range(MOST_LIMITS):
        draft = LimitDraft(Scope.PERSON, f"U{number}", Period.DAY, Decimal(1))
        await bench.budgets.limits.set(draft, ADMIN)
    refused = await bench.typed("budget workspace day 1")
    assert "remove one first" in seen(refused)
    assert "From now on" in seen(await bench.typed("budget <@U1> day 2"))


async def test_a_limit_below_what_is_spent_says_so_when_it_is_set(bench: Bench) -> None:
    await spend(bench, "4")
    assert "That much is spent already" in seen(await bench.typed("budget workspace day 3"))


async def test_a_changed_limit_counts_for_the_next_call(bench: Bench) -> None:
    await bench.typed("budget workspace day 3")
    await spend(bench, "4")
    agent = await bench.agent()
    limits = bench.budgets.limits
    (before,) = await limits.all(WORKSPACE)
    assert before.spent.amount > before.allowed
    await bench.typed("budget workspace day 10")
    async with bench.database.read() as uow:
        (read,) = await uow.limits.applying(WORKSPACE, agent.id, "C1", MEMBER.id)
    assert read.amount == Decimal(10)


AGENTS = ("assistant", "writer")


@pytest.mark.parametrize(
    ("text", "typed"),
    [
        ("workspace month 100", Typed(Scope.WORKSPACE, "", Period.MONTH, Decimal(100))),
        ("workspace 100 a month", Typed(Scope.WORKSPACE, "", Period.MONTH, Decimal(100))),
        ("agent assistant day $5", Typed(Scope.AGENT, "id-assistant", Period.DAY, Decimal(5))),
        ("Writer daily 0.50", Typed(Scope.AGENT, "id-writer", Period.DAY, Decimal("0.50"))),
        ("<@U9|kim> day 2", Typed(Scope.PERSON, "U9", Period.DAY, Decimal(2))),
        ("person <@U9> day 2", Typed(Scope.PERSON, "U9", Period.DAY, Decimal(2))),
        ("<#C9|general> month 20", Typed(Scope.CHANNEL, "C9", Period.MONTH, Decimal(20))),
        ("channel general month 20", Typed(Scope.CHANNEL, "", Period.MONTH, Decimal(20), "general")),
        ("each person per day 1", Typed(Scope.PERSON, EACH, Period.DAY, Decimal(1))),
        ("each agent month 9", Typed(Scope.AGENT, EACH, Period.MONTH, Decimal(9))),
        ("channels day 1", Typed(Scope.CHANNEL, EACH, Period.DAY, Decimal(1))),
    ],
)
async def test_what_is_typed_is_understood_in_many_ways(bench: Bench, text: str, typed: Typed) -> None:
    first = await bench.agent()
    agents = [replace(first, id=f"id-{name}", name=name) for name in AGENTS]
    assert understood(text, agents) == typed


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("workspace month", "such as 5"),
        ("workspace 100", "for a day or a month"),
        ("nobody day 5", "Whom is that for"),
        ("agent nobody day 5", "no such agent. There is assistant"),
        ("day 5", "Whom is that for"),
        ("workspace month 1,000", "without a comma"),
    ],
)
async def test_what_is_not_understood_says_what_can_be_typed(bench: Bench, text: str, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        understood(text, [await bench.agent()])
    assert says in seen(await bench.typed(f"budget {text}"))


async def test_the_page_is_there_however_many_people_have_a_limit_of_their_own(bench: Bench) -> None:
    await bench.typed("budget each person day 1")
    (each,) = await bench.budgets.limits.all(WORKSPACE)
    async with bench.database.begin() as uow:
        for number in range(600):
            of = replace(each.limit, id=f"limit_{number}", subject=f"U{number}")
            await uow.limits.put(of, ADMIN.id, on_top=True)
    await spend(bench, "0.30", asker="U599")
    assert ["$0.30 (30 %)", "of $1.00 a day"] in [row[1:3] for row in table(await page(bench))]

"""What people see of spending: `/byok usage` and `/byok receipts`, who sees what, and how it is read when it is typed."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from app.domain.chat import MemberKind, UserRef
from app.domain.events import Private
from app.domain.run import Usage
from app.domain.spend import Kind, Purpose
from app.domain.views import Button, Buttons, Channel, Chart, Fields, Notice, Person, Style, Table, View
from app.errors import PROVIDER_ERRORS, BadInput, CutOff, PlatformError
from app.services.screens import usage as screens
from app.services.screens.receipts import OUTCOMES
from app.services.usage_words import Timespan, Wanted
from app.services.workspaces import WorkspaceSettings
from tests.app.bench import ADMIN, MEMBER, OPERATOR, WORKSPACE, Bench, words
from tests.app.spent import NOON, keep, receipt
from tests.app.till import Till, block

DAY = timedelta(days=1)


@pytest.fixture
def till(bench: Bench) -> Till:
    return Till(bench)


def buttons(view: View) -> list[Button]:
    return [one for several in view.blocks if isinstance(several, Buttons) for one in several.buttons]


def chosen(view: View) -> list[str]:
    return [one.label for one in buttons(view) if one.style is Style.PRIMARY]


def facts(view: View) -> dict[str, str]:
    return {name: words(value) for name, value in block(view, Fields).pairs}


def rows(view: View) -> list[list[str]]:
    return [[words(cell) for cell in row] for row in block(view, Table).rows]


@pytest.mark.parametrize(
    ("typed", "timespan", "kind"),
    [
        ("", Timespan.MONTH, Kind.AGENT),
        ("today", Timespan.TODAY, Kind.AGENT),
        ("by user 7d", Timespan.WEEK, Kind.USER),
        ("Last 30 days, by Channels", Timespan.THIRTY, Kind.CHANNEL),
        ("this week per model", Timespan.WEEK, Kind.MODEL),
        ("keys", Timespan.MONTH, Kind.KEY),
        ("mnth by agnet", Timespan.MONTH, Kind.AGENT),
        ("by chanel", Timespan.MONTH, Kind.CHANNEL),
        ("by person/today", Timespan.TODAY, Kind.USER),
        ("--7d", Timespan.WEEK, Kind.AGENT),
    ],
)
def test_what_is_typed_is_read_in_any_order_and_spelling(typed: str, timespan: Timespan, kind: Kind) -> None:
    assert Wanted.typed(typed) == Wanted(timespan, kind)


def test_what_cannot_be_meant_is_answered_with_what_can() -> None:
    with pytest.raises(BadInput, match="by agent"):
        Wanted.typed("everything since the flood")


@pytest.mark.parametrize("value", ["", "month", "7d/colour", "yesterday/key", "//", "7d/asked"])
def test_a_buttons_value_that_is_none_shows_what_is_usual(value: str) -> None:
    assert Wanted.of(value).kind is not Kind.ASKED
    assert Wanted.of(Wanted.of(value).value) == Wanted.of(value)


async def test_an_admin_sees_what_was_spent_this_month_by_agent(till: Till) -> None:
    agent = await till.bench.agent()
    calls = [
        receipt(1, agent_id=agent.id, cost=Decimal("1.25"), usage=Usage(1_200_000, 9_500, 600_000, 0, 2_000)),
        receipt(2, agent_id=agent.id, cost=Decimal("0.5"), at=NOON - DAY),
        receipt(3, agent_id="agent_gone", cost=Decimal(3), asker=ADMIN.id),
        receipt(4, at=NOON - 30 * DAY),
    ]
    await keep(till.bench.database, calls)
    view = await till.typed("usage")
    assert facts(view)["Cost"] == "$4.75"
    assert facts(view)["Calls of models"] == "3"
    assert "of them cached 600,800" in facts(view)["Input tokens"]
    (gone, ours) = rows(view)
    assert gone[0] == "deleted agent gone"
    assert (ours[0], ours[1]) == ("🔑 assistant", "$1.75")
    assert "1.20M in (49% cached)" in ours[2]
    assert chosen(view) == ["Month", "By agent"]


async def test_what_has_no_known_price_makes_a_floor_and_is_told_of(till: Till) -> None:
    await keep(till.bench.database, [receipt(1, cost=Decimal("1.2")), receipt(2, cost=None), receipt(3, cost=None)])
    view = await till.typed("usage")
    assert facts(view)["Cost"] == "≥ $1.20"
    assert "2 calls have no known price" in words(block(view, Notice))
    assert rows(view)[0][1] == "≥ $1.20"


async def test_what_nobody_knows_the_price_of_is_never_zero(till: Till) -> None:
    await keep(till.bench.database, [receipt(1, cost=None)])
    view = await till.typed("usage today")
    assert facts(view)["Cost"] == rows(view)[0][1] == "price unknown"
    assert "1 call has no known price" in words(view)
    assert "$0" not in words(view)


async def test_where_nothing_was_spent_that_is_said(till: Till) -> None:
    view = await till.typed("usage")
    assert "No model was called" in words(view)
    assert not [one for one in view.blocks if isinstance(one, Table | Chart)]


async def test_time_and_grouping_are_changed_in_place(till: Till) -> None:
    await keep(till.bench.database, [receipt(1), receipt(2, at=NOON - 8 * DAY, channel="C1", asker=ADMIN.id)])
    month = await till.typed("usage")
    week = next(one for one in buttons(month) if one.label == "7d")
    view = await till.turned(week.id, week.value)
    assert facts(view)["Calls of models"] == "1"
    people = next(one for one in buttons(view) if one.label == "By person")
    view = await till.turned(people.id, people.value)
    assert chosen(view) == ["7d", "By person"]
    assert block(view, Table).rows[0][0] == (Person(MEMBER),)
    beside_home = await till.pressed(people.id, people.value, message=None)
    assert isinstance(beside_home, Private)


async def test_people_and_channels_are_named_as_the_chat_does_and_keys_by_their_end(till: Till) -> None:
    bench = till.bench
    await bench.set_key()
    key = await bench.key()
    bench.platform.names[MEMBER] = "Max"
    await keep(bench.database, [receipt(1, key_id=key.id), receipt(2, key_id=key.id, channel="D77", at=NOON - DAY)])
    by_channel = await till.typed("usage by channel")
    assert [row[0] for row in block(by_channel, Table).rows] == [
        (Channel("C1"),),
        ("a chat or channel that you can't see (D77)",),
    ]
    assert {one.name for one in block(by_channel, Chart).series} == {
        "#general",
        "private D77",
    }
    by_key = await till.typed("usage by key")
    assert rows(by_key)[0][0] == "Anthropic main ••••abcd"
    by_user = await till.typed("usage by user")
    assert [one.name for one in block(by_user, Chart).series] == ["Max"]
    by_model = await till.typed("usage by model")
    assert rows(by_model)[0][0] == "claude-fine"


async def test_a_chat_that_does_not_answer_leaves_ids(till: Till) -> None:
    await keep(till.bench.database, [receipt(1), receipt(2, at=NOON - DAY)])
    till.bench.platform.broken = PlatformError()
    view = await till.typed("usage by channel", by=OPERATOR)
    assert block(view, Table).rows[0][0] == (Channel("C1"),)
    assert block(view, Chart).series[0].name == "C1"


async def test_the_chart_has_a_bar_a_day_and_the_others_in_one(till: Till) -> None:
    calls = [receipt(at, agent_id=f"agent_{at}", cost=Decimal(at + 1), at=NOON - (at % 2) * DAY) for at in range(12)]
    await keep(till.bench.database, calls)
    view = await till.typed("usage 7d")
    chart = block(view, Chart)
    assert chart.labels == ("17 Nov", "18 Nov", "19 Nov", "20 Nov", "21 Nov", "22 Nov", "23 Nov")
    assert len(chart.series) == 8
    assert chart.series[-1].name == "Others"
    assert sum(sum(one.values) for one in chart.series) == sum(range(1, 13))
    assert chart.alt.endswith("The most was on 22 Nov.")
    assert rows(view)[-1][0] == "2 others"
    assert not [one for one in (await till.typed("usage today")).blocks if isinstance(one, Chart)]


async def test_what_costs_nothing_is_charted_by_its_tokens(till: Till) -> None:
    await keep(till.bench.database, [receipt(1, cost=Decimal(0), provider="offline")])
    chart = block(await till.typed("usage"), Chart)
    assert (chart.unit, max(chart.series[0].values)) == ("tokens", Decimal(1100))


async def test_days_are_those_of_the_workspaces_zone(till: Till) -> None:
    settings = WorkspaceSettings(time_zone="Pacific/Auckland")
    await till.bench.workspaces.change(WORKSPACE, settings, ADMIN)
    await keep(
        till.bench.database, [receipt(1), receipt(2, at=NOON - timedelta(hours=2))], time_zone="Pacific/Auckland"
    )
    view = await till.typed("usage today")  # 01:00 of the 24th there
    assert facts(view)["Calls of models"] == "1"
    assert "2026-11-24" in words(view)


async def test_a_member_sees_their_own_by_agent_and_nothing_else(till: Till) -> None:
    agent = await till.bench.agent()
    mine = receipt(1, agent_id=agent.id, cost=Decimal(1))
    await keep(till.bench.database, [mine, receipt(2, asker=ADMIN.id, cost=Decimal(50), agent_id="agent_secret")])
    for typed in ("usage", "usage by user", "usage by key"):
        view = await till.typed(typed, by=MEMBER)
        assert facts(view)["Cost"] == "$1.00"
        assert [row[0] for row in rows(view)] == ["🔑 assistant"]
        assert "secret" not in words(view)
    assert [one.label for one in buttons(view)][-2:] == ["Receipts", "CSV"]
    view = await till.turned(screens.SHOW, "7d/user", by=MEMBER)
    assert facts(view)["Cost"] == "$1.00"


async def test_somebody_from_outside_sees_no_more_than_a_member(till: Till) -> None:
    stranger = UserRef(WORKSPACE, "U9")
    till.bench.platform.people[stranger] = MemberKind.GUEST
    await keep(till.bench.database, [receipt(1)])
    assert "No model was called" in words(await till.typed("usage", by=stranger))
    assert "No model was called" in words(await till.typed("receipts", by=stranger))


async def test_receipts_tell_of_each_call_what_it_was_and_cost(till: Till) -> None:
    bench, agent = till.bench, await till.bench.agent()
    await bench.set_key()
    key = await bench.key()
    calls = [
        receipt(1, agent_id=agent.id, key_id=key.id, cost=Decimal("0.0042"), instead_of="claude-best"),
        receipt(2, at=NOON + DAY, cost=None, estimated=True, outcome=CutOff.__name__, purpose=Purpose.SUMMARY),
        receipt(3, at=NOON + 2 * DAY, cost=Decimal(1), estimated=True, outcome="Interrupted", purpose=Purpose.HANDOVER),
    ]
    await keep(bench.database, calls)
    newest, cut, first = rows(await till.typed("receipts"))
    assert newest[3:] == [
        "≈ 1.00k in (40% cached), 100 out",
        "≈ $1.00",
        "asked by another agent : cut off by a restart",
    ]
    assert cut[4:] == ["price unknown", "summary of what was said before : broke off"]
    assert first[1] == f"{MEMBER.id} → 🔑 assistant"
    assert first[2] == "claude-fine instead of claude-best · Anthropic main ••••abcd"
    assert first[4:] == ["$0.0042", "answer"]


async def test_every_purpose_and_unknown_outcomes_have_words(till: Till) -> None:
    calls = [receipt(at, purpose=purpose, outcome="FromTheFuture") for at, purpose in enumerate(Purpose)]
    await keep(till.bench.database, calls)
    assert all(row[5].endswith(": failed") for row in rows(await till.typed("receipts")))


def test_every_way_in_which_a_provider_fails_has_words() -> None:
    assert set(PROVIDER_ERRORS) <= set(OUTCOMES)


async def test_receipts_are_turned_both_ways(till: Till) -> None:
    await keep(till.bench.database, [receipt(at, model=f"m{at:02}", at=NOON + at * DAY) for at in range(25)])

    def models(view: View) -> list[str]:
        return [row[2].partition(" ")[0] for row in rows(view)]

    async def turn(view: View, label: str) -> View:
        button = next(one for one in buttons(view) if one.label == label)
        return await till.turned(button.id, button.value)

    first = await till.typed("receipts")
    second = await turn(first, "Older")
    third = await turn(second, "Older")
    assert [models(first)[0], models(second)[0], models(third)] == ["m24", "m14", ["m04", "m03", "m02", "m01", "m00"]]
    assert "Older" not in [one.label for one in buttons(third)]
    assert "Newer" not in [one.label for one in buttons(first)]
    assert models(await turn(third, "Newer")) == models(second)
    assert models(await turn(second, "Newer")) == models(first)


@pytest.mark.parametrize("value", ["older", "older/x/y", "newer/99999999999999999999/r", "sideways/1/r1", "older/1/", "older/0/r", "newer/²/r"])  # fmt: skip
async def test_a_turn_that_leads_nowhere_shows_the_newest(till: Till, value: str) -> None:
    await keep(till.bench.database, [receipt(1)])
    assert len(rows(await till.turned(screens.RECEIPTS, value))) == 1


async def test_a_member_sees_receipts_of_their_own_only(till: Till) -> None:
    await keep(till.bench.database, [receipt(1, model="mine"), receipt(2, asker=ADMIN.id, model="theirs")])
    view = await till.typed("receipts", by=MEMBER)
    assert "mine" in words(view)
    assert "theirs" not in words(view)

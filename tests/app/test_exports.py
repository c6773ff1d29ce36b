"""Receipts as CSV: what stands in it and what does not, who gets it, and how it goes through the chat."""

from __future__ import annotations

import base64
import csv
import io
from datetime import date, timedelta
from decimal import Decimal

import pytest

from app.domain.events import Private
from app.domain.run import Usage
from app.errors import CutOff, PlatformError
from app.services.exports import COLUMNS, Exports, Span, neutral
from app.services.screens import usage as screens
from app.services.workspaces import WorkspaceSettings
from tests.app.bench import ADMIN, MEMBER, WORKSPACE, Bench, words
from tests.app.spent import NOON, keep, receipt
from tests.app.till import Till

NOVEMBER = Span(WORKSPACE, date(2026, 11, 1), date(2026, 11, 30))


@pytest.fixture
def till(bench: Bench) -> Till:
    return Till(bench)


async def exported(bench: Bench, span: Span = NOVEMBER) -> str:
    return "".join([piece async for piece in Exports(bench.database).csv(span)])


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


async def test_each_receipt_is_a_line_with_ids_and_plain_numbers(bench: Bench) -> None:
    await bench.set_key()
    agent, key = await bench.agent(), await bench.key()
    first = receipt(
        1, agent_id=agent.id, key_id=key.id, usage=Usage(1000, 100, 400, 50, 20, 3), cost=Decimal("0.000000042")
    )
    cut = receipt(2, at=NOON + timedelta(1), cost=None, estimated=True, outcome=CutOff.__name__, instead_of="m")
    await keep(bench.database, [cut, first, receipt(3, workspace="slack:T2")])
    text = await exported(bench)
    assert text.startswith(",".join(COLUMNS) + "\r\n")
    one, two = read(text)
    assert one == {
        "time_utc": "2026-11-23T12:00:00Z", "day": "2026-11-23", "receipt": "r000001", "agent": "assistant",
        "agent_id": agent.id, "asker": MEMBER.id, "channel": "C1", "conversation": "c1", "run": "run-1",
        "what_for": "answer", "outcome": "", "provider": "anthropic", "model": "claude-fine", "instead_of": "",
        "key": "anthropic/main", "key_fingerprint": "f1", "host": "https://models.example", "input_tokens": "1000",
        "cached_read_tokens": "400", "cached_write_tokens": "50", "output_tokens": "100", "reasoning_tokens": "20",
        "web_searches": "3", "cost_usd": "0.000000042", "estimated": "",
    }  # fmt: skip
    assert (two["cost_usd"], two["estimated"], two["outcome"], two["agent"]) == ("", "yes", "broke off", "")


async def test_money_is_written_without_an_exponent(bench: Bench) -> None:
    await keep(
        bench.database, [receipt(1, cost=Decimal(0)), receipt(2, cost=Decimal(1000)), receipt(3, cost=Decimal("1.50"))]
    )
    assert [one["cost_usd"] for one in read(await exported(bench))] == ["0", "1000", "1.5"]


@pytest.mark.parametrize("odd", ["=HYPERLINK(1)", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\n=1"])
async def test_nothing_is_taken_for_a_formula(bench: Bench, odd: str) -> None:
    await keep(bench.database, [receipt(1, model=odd)])
    (one,) = read(await exported(bench))
    assert one["model"] == neutral(odd) == f"'{odd}"


async def test_quotes_and_commas_come_back_as_they_were(bench: Bench) -> None:
    await keep(bench.database, [receipt(1, model='a "b", c\nd')])
    text = await exported(bench)
    assert '"a ""b"", c\nd"' in text
    assert read(text)[0]["model"] == 'a "b", c\nd'


async def test_days_are_the_workspaces_and_both_ends_are_in(bench: Bench) -> None:
    await bench.workspaces.change(WORKSPACE, WorkspaceSettings(time_zone="Pacific/Auckland"), ADMIN)
    begins = NOON - timedelta(hours=1)  # 00:00 of the 24th there
    calls = [receipt(at, at=begins + timedelta(hours=hours)) for at, hours in enumerate((-1, 0, 23, 24))]
    await keep(bench.database, calls, time_zone="Pacific/Auckland")
    day = date(2026, 11, 24)
    found = read(await exported(bench, Span(WORKSPACE, day, day)))
    assert [(one["receipt"], one["day"]) for one in found] == [("r000001", "2026-11-24"), ("r000002", "2026-11-24")]


async def test_an_admin_is_handed_the_file_privately_and_it_is_audited(till: Till) -> None:
    await keep(till.bench.database, [receipt(1), receipt(2, asker=ADMIN.id), receipt(3, at=NOON - timedelta(8))])
    outcome = await till.pressed(screens.CSV, "7d/agent")
    assert isinstance(outcome, Private)
    assert "your own chat" in words(outcome.view)
    ((user, file),) = till.bench.platform.handed
    assert (user, file.name, file.media_type) == (ADMIN, "latchkey-receipts-2026-11-17-2026-11-23.csv", "text/csv")
    assert [one["receipt"] for one in read(base64.b64decode(file.data).decode())] == ["r000001", "r000002"]
    assert "2026-11-17 to 2026-11-23" in words(till.bench.platform.told(ADMIN)[-1])
    (entry,) = [one for one in await till.bench.audited() if one.action == "usage.exported"]
    assert entry.details == {"from": "2026-11-17", "to": "2026-11-23", "whose": "all"}
    assert not till.bench.platform.uploads


async def test_a_member_is_handed_their_own(till: Till) -> None:
    await keep(till.bench.database, [receipt(1), receipt(2, asker=ADMIN.id)])
    await till.pressed(screens.CSV, "month/user", by=MEMBER)
    ((user, file),) = till.bench.platform.handed
    assert user == MEMBER
    assert [one["receipt"] for one in read(base64.b64decode(file.data).decode())] == ["r000001"]


async def test_what_is_too_large_for_the_chat_is_said_with_the_way_to_it(till: Till) -> None:
    long = "m" * 200
    await keep(till.bench.database, [receipt(at, model=long, origin=long, instead_of=long) for at in range(12)])
    till = Till(till.bench, largest=5_000)
    await till.pressed(screens.CSV, "month/agent")
    assert till.bench.platform.handed == []
    assert "latchkey usage export --workspace slack:T1" in words(till.bench.platform.told(ADMIN)[-1])


async def test_a_file_that_the_chat_does_not_take_is_told_of(till: Till) -> None:
    await keep(till.bench.database, [receipt(1)])
    till.bench.platform.hand_trouble = PlatformError("The chat takes no files.")
    await till.pressed(screens.CSV, "month/agent")
    assert "could not be sent to you. The chat takes no files." in words(till.bench.platform.told(ADMIN)[-1])

"""From a question to what is shown of it: the screens tell what the ledger wrote, and nothing of what was said."""

from __future__ import annotations

from decimal import Decimal

from app.domain.spend import Kind
from app.domain.views import Fields, Table
from app.services.exports import Exports, Span
from app.services.screens.prices import FORM
from app.store.spending import Share
from tests.app.bench import ADMIN, MEMBER, WORKSPACE, words
from tests.app.desk import Desk
from tests.app.till import Till, block

NEEDLE = "the heron lands at noon"


async def test_what_an_answer_cost_is_shown_and_what_it_said_is_not(desk: Desk) -> None:
    till, bench = Till(desk.bench), desk.bench
    desk.model.answer = f"Indeed, {NEEDLE}."
    await desk.ask(f"Is it so that {NEEDLE}?")
    await desk.ask(f"Are you sure that {NEEDLE}?", ADMIN)
    day = f"{bench.clock.now():%Y-%m-%d}"
    async with bench.database.read() as uow:
        receipts = await uow.receipts.newest(WORKSPACE, 100)
        sums = {kind: await uow.spending.by(Share(WORKSPACE, kind), day, day, top=99) for kind in Kind}
        own = await uow.spending.by(Share(WORKSPACE, Kind.AGENT, MEMBER.id), day, day, top=99)
    assert len(receipts) >= 2
    for shares in sums.values():
        assert sum(one.calls for one in shares.top) == len(receipts)
        assert sum((one.cost.amount for one in shares.top), Decimal()) == sum(
            (one.cost or Decimal() for one in receipts), Decimal()
        )
    assert sum(one.calls for one in own.top) == sum(one.asker == MEMBER.id for one in receipts)
    screens = [
        await till.typed(typed) for typed in ("usage", "usage by user", "usage by key today", "receipts", "prices")
    ]
    screens.append(await till.typed("usage", by=MEMBER))
    assert dict(block(screens[0], Fields).pairs)["Calls of models"] == (f"{len(receipts)}",)
    assert len(block(screens[3], Table).rows) == len(receipts)
    file = "".join(
        [
            piece
            async for piece in Exports(bench.database).csv(
                Span(WORKSPACE, bench.clock.now().date(), bench.clock.now().date())
            )
        ]
    )
    assert len(file.splitlines()) == len(receipts) + 1
    for shown in (*map(words, screens), words(await till.home.view(ADMIN)), file):
        assert "heron" not in shown
        assert "sk-test" not in shown


async def test_an_own_price_counts_from_the_next_call_on_and_old_receipts_keep_what_they_say(desk: Desk) -> None:
    till, bench = Till(desk.bench), desk.bench
    await desk.ask("One?")
    async with bench.database.read() as uow:
        (first, *_) = await uow.receipts.newest(WORKSPACE, 1)
    own = {"provider": first.provider, "model": first.model, "input": "1000", "output": "5000"}
    await till.sent(FORM, own)
    await desk.ask("Two?")
    async with bench.database.read() as uow:
        second, again, *_ = await uow.receipts.newest(WORKSPACE, 2)
    assert again == first
    assert second.model == first.model
    assert second.cost == Decimal("0.02") != first.cost  # 10 tokens in, 2 out

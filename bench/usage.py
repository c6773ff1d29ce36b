"""(g) How long it takes to show what was spent where there are very many receipts: `python -m bench.usage`, apart from the others, as it takes minutes.

The screens are made by the services themselves, over a real database; the chat and the models' providers answer from memory.
"""

from __future__ import annotations

import asyncio
import gc
import shutil
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from statistics import median

from app.domain.agent import AgentSpec
from app.domain.chat import MemberKind, UserRef
from app.domain.spend import EACH, Limit, Period, Scope
from app.services.receipts import Turn
from app.services.screens import usage as screens
from app.services.usage_words import GROUPS, Timespan, Wanted
from app.store.receipts import Mark
from app.store.unit_of_work import Database
from bench.report import Part, Row, table, under
from bench.usage_rows import AGENT, ALL, DAYS, PERSON, seed
from tests.app.bench import ADMIN, MEMBER, WORKSPACE, Bench
from tests.app.till import Till
from tests.fakes.databases import TestClock
from tests.fakes.postgres import Postgres

GOAL = 200.0
TIMES = 7
ROOM = 20 * 2**30
"""Bytes that have to be free on the disk: there is one database at a time."""

BUSIEST, QUIETEST = UserRef(WORKSPACE, f"{PERSON}0"), UserRef(WORKSPACE, f"{PERSON}199")

Act = Callable[[], Awaitable[object]]


async def measure(rows: int = ALL) -> list[Part]:
    """SQLite, then PostgreSQL."""
    free = shutil.disk_usage(tempfile.gettempdir()).free
    if free < ROOM:
        message = f"{free / 2**30:.0f} GB are free for temporary files: too few for {ROOM / 2**30:.0f}"
        raise OSError(message)
    with tempfile.TemporaryDirectory() as folder:
        parts = [await _measured("SQLite", f"sqlite:///{Path(folder) / 'latchkey.db'}", rows)]
    with Postgres() as server:
        return [*parts, await _measured("PostgreSQL", server.create(), rows)]


async def _measured(name: str, url: str, rows: int) -> Part:
    clock = TestClock()
    empty = Database(url, clock)
    await empty.migrate()
    await empty.dispose()
    begin = time.perf_counter()
    seed(empty.url, WORKSPACE, clock.now(), rows=rows)
    how = f"{rows:,} receipts in all, a tenth of them in this workspace, over {DAYS} days; filled in {time.perf_counter() - begin:.0f} s."
    print(f"{name}: {how}", file=sys.stderr, flush=True)
    database = Database(url, clock)
    try:
        return Part(f"What was spent, on {name}", f"{how} Each screen {TIMES} times.", await _found(database, clock))
    finally:
        await database.dispose()


async def _found(database: Database, clock: TestClock) -> list[Row]:
    bench = await Bench(database, clock).start()
    bench.platform.people |= dict.fromkeys((BUSIEST, QUIETEST), MemberKind.MEMBER)
    await bench.set_key()
    await _people_it(database, await bench.agent())
    found: list[Row] = []
    gc.collect()
    gc.freeze()  # as the service does when it has started
    for what, acts in _scenes(Till(bench)).items():
        taken = {label: [await _timed(act) for _ in range(TIMES)] for label, act in acts.items()}
        slowest = max(taken, key=lambda label: max(taken[label]))
        found += [
            under(f"{what}: in the middle", median(one for times in taken.values() for one in times), "ms", digits=1),
            under(f"{what}: at most ({slowest})", max(taken[slowest]), "ms", GOAL, digits=1),
        ]
    await bench.background.drain(5)
    return found


async def _timed(act: Act) -> float:
    begin = time.perf_counter()
    await act()
    return (time.perf_counter() - begin) * 1000


def _scenes(till: Till) -> dict[str, dict[str, Act]]:
    def typed(text: str, by: UserRef = ADMIN) -> Act:
        return lambda: till.typed(text, by=by)

    def turned(turn: Turn) -> Act:
        return lambda: till.turned(screens.RECEIPTS, turn.value)

    long_ago = Mark(till.bench.clock.now().replace(year=2026, month=1), "call_")
    wanted = [Wanted(timespan, kind) for timespan in Timespan for kind in GROUPS]
    return {
        "`/byok usage` of an admin, every time and grouping": {
            one.value: typed(f"usage {one.timespan} by {one.kind}") for one in wanted
        },
        "`/byok usage` of members": {
            f"{timespan}, {user.id}": typed(f"usage {timespan}", user) for timespan in Timespan for user in (BUSIEST, QUIETEST)
        },
        "`/byok receipts`": {
            "newest": typed("receipts"),
            "long ago": turned(Turn(long_ago)),
            "newer than long ago": turned(Turn(long_ago, newer=True)),
            "of one who asks often": typed("receipts", BUSIEST),
            "of one who asks seldom": typed("receipts", QUIETEST),
            "of one who never asked": typed("receipts", MEMBER),
        },
        "the home tab": {"admin": lambda: till.home.view(ADMIN), "member": lambda: till.home.view(BUSIEST)},
    }  # fmt: skip


async def _people_it(database: Database, like: AgentSpec) -> None:
    """The agents, and limits on everything."""
    async with database.begin() as uow:
        for number in range(20):
            await uow.agents.add(replace(like, id=f"{AGENT}{number}", name=f"agent-{number}", is_default=False))
        for at, scope in enumerate(Scope):
            for period in Period:
                subject = "" if scope is Scope.WORKSPACE else EACH
                limit = Limit(f"limit_{at}{period.value}", WORKSPACE, scope, subject, period, Decimal(100_000))
                await uow.limits.put(limit, ADMIN.id)


if __name__ == "__main__":
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ALL
    found = table(asyncio.run(measure(rows))).replace("`make bench`", "`make bench-usage`")
    print(found)
    if rows == ALL:
        Path(__file__).with_name("usage.md").write_text(found)

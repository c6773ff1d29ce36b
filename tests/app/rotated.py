"""Rotating a key by its form, for tests; and what stands in the tables then."""

from __future__ import annotations

from sqlalchemy import text

from app.domain.events import Close, FieldErrors
from app.domain.keys import ModelChoice, SpareKey
from app.domain.views import Button, Buttons, View
from app.store.unit_of_work import Database
from tests.app.bench import OTHER, WORKSPACE, Bench
from tests.fakes.databases import TestClock

THIRD = "sk-test-third-0004-mnop"


async def rotated(bench: Bench, secret: str = OTHER, **values: str) -> View:
    """Rotate the key by the form; what is shown then."""
    outcome = await bench.sent("key_rotate_with", values, key=secret, context=(await bench.key()).id)
    assert isinstance(outcome, Close), outcome
    assert outcome.then is not None
    return outcome.then


async def refused(bench: Bench, secret: str = OTHER, **values: str) -> dict[str, str]:
    outcome = await bench.sent("key_rotate_with", values, key=secret, context=(await bench.key()).id)
    assert isinstance(outcome, FieldErrors), outcome
    return dict(outcome.errors)


async def spares(bench: Bench) -> tuple[SpareKey, ...]:
    async with bench.database.read() as uow:
        return await uow.spare_keys.all(WORKSPACE)


async def rows(bench: Bench) -> int:
    """What lies in the table, whatever its time."""
    async with bench.database.read() as uow:
        return int((await uow.connection.execute(text("SELECT count(*) FROM spare_keys"))).scalar_one())


async def choice(bench: Bench) -> ModelChoice:
    return await bench.keys.resolve(await bench.agent())


async def paid_with(bench: Bench) -> str:
    """The key that a call made now is paid with."""
    await bench.ask(await choice(bench))
    return bench.anthropic.keys_used()[-1]


def buttons(view: View) -> list[str]:
    return [
        b.label for block in view.blocks if isinstance(block, Buttons) for b in block.buttons if isinstance(b, Button)
    ]


def values(view: View) -> dict[str, str]:
    """What each button of a screen sends, by what it does."""
    return {
        b.id: b.value
        for block in view.blocks
        if isinstance(block, Buttons)
        for b in block.buttons
        if isinstance(b, Button)
    }


async def settled_in(database: Database, clock: TestClock) -> Bench:
    """A bench with a key that pays for the agent; its provider knows a third one, too."""
    bench = await Bench(database, clock).start()
    assert bench.anthropic.keys is not None
    bench.anthropic.keys.add(THIRD)
    await bench.set_key()
    return bench


def elsewhere(bench: Bench) -> Bench:
    """Another process: the same database, people and provider, and nothing remembered."""
    return Bench(bench.database, bench.clock, platform=bench.platform, anthropic=bench.anthropic)

"""A next key that its provider rejects later gives way by itself, and no answer is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from sqlalchemy import text

from app.domain.keys import KeyStatus
from app.errors import KeyRejected, NoCredit, NotPermitted, RateLimited
from app.services.agent_drafts import AgentDraft
from app.store.unit_of_work import Database
from tests.app.bench import ADMIN, GOOD, OTHER, WORKSPACE, Bench, words
from tests.app.engines import until
from tests.app.rotated import choice, elsewhere, paid_with, rotated, rows, settled_in
from tests.fakes.databases import TestClock


@pytest.fixture
async def bench(any_database: Database, clock: TestClock) -> AsyncIterator[Bench]:
    """With a key that pays for the agent, on each database."""
    bench = await settled_in(any_database, clock)
    yield bench
    await bench.background.drain(1)


async def test_a_rejected_next_key_gives_way_by_itself_and_the_call_is_made_again(bench: Bench) -> None:
    old = await bench.key()
    await rotated(bench)
    assert bench.anthropic.keys is not None
    bench.anthropic.keys.discard(OTHER)
    chosen = await choice(bench)
    calls = await asyncio.gather(*(bench.ask(chosen) for _ in range(8)))
    await bench.settled()
    assert all(calls)
    key = await bench.key()
    assert (key.fingerprint, key.status, key.version) == (old.fingerprint, KeyStatus.VERIFIED, 3)
    assert (await bench.actions()).count("key.switched_back") == 1
    assert await rows(bench) == 0
    [told] = bench.platform.told(ADMIN)
    assert "Anthropic rejected the new key" in words(told)


async def test_a_client_that_began_under_the_key_before_goes_on_with_the_new_one(bench: Bench) -> None:
    chosen = await choice(bench)
    await rotated(bench)
    await bench.ask(chosen)
    assert bench.anthropic.keys_used() == [OTHER]


async def test_an_old_key_that_was_revoked_at_the_provider_costs_no_answer(bench: Bench) -> None:
    """Its call was under way when the next one took over."""
    bench.anthropic.gate = going_on = asyncio.Event()
    call = asyncio.create_task(bench.ask(await choice(bench)))
    await until(lambda: bool(bench.anthropic.keys_used()))
    bench.anthropic.gate = None
    await rotated(bench)
    assert bench.anthropic.keys is not None
    bench.anthropic.keys.discard(GOOD)
    going_on.set()
    assert await call
    assert bench.anthropic.keys_used() == [GOOD, OTHER]
    assert (await bench.key()).last_four == "efgh"


async def test_without_an_older_key_a_rejection_is_what_it_was(bench: Bench) -> None:
    chosen = await choice(bench)
    bench.anthropic.keys = set()
    with pytest.raises(KeyRejected):
        await bench.ask(chosen)
    assert (await bench.key()).status is KeyStatus.REFUSED


async def test_a_key_that_was_refused_itself_is_no_way_back(bench: Bench) -> None:
    bench.anthropic.keys = {OTHER}
    await bench.typed("test")
    assert (await bench.key()).status is KeyStatus.REFUSED
    await rotated(bench)
    chosen = await choice(bench)
    bench.anthropic.keys = set()
    with pytest.raises(KeyRejected):
        await bench.ask(chosen)
    key = await bench.key()
    assert (key.status, key.last_four) == (KeyStatus.REFUSED, "efgh")


async def test_a_kept_key_that_does_not_open_is_no_way_back_and_the_admins_hear_of_the_dead_one(bench: Bench) -> None:
    await rotated(bench)
    async with bench.database.begin() as uow:
        await uow.connection.execute(text("UPDATE spare_keys SET origin = 'https://elsewhere.example'"))
    chosen = await choice(bench)
    assert bench.anthropic.keys is not None
    bench.anthropic.keys.discard(OTHER)
    with pytest.raises(KeyRejected):
        await bench.ask(chosen)
    await bench.settled()
    assert ((await bench.key()).status, (await bench.key()).last_four) == (KeyStatus.REFUSED, "efgh")
    assert bench.platform.told(ADMIN)


async def test_no_credit_or_a_limit_is_no_reason_to_switch_back(bench: Bench) -> None:
    await rotated(bench)
    chosen = await choice(bench)
    for failure in (NoCredit(), RateLimited()):
        bench.anthropic.failure = failure
        with pytest.raises(type(failure)):
            await bench.ask(chosen)
    assert (await bench.key()).last_four == "efgh"


async def test_a_key_that_is_let_at_no_model_gives_way_too(bench: Bench) -> None:
    await rotated(bench)
    chosen = await choice(bench)
    bench.anthropic.denied = {(OTHER, "claude-fine"): NotPermitted()}
    bench.anthropic.refusing = {OTHER: NotPermitted()}
    assert await bench.ask(chosen)
    assert (await bench.key()).last_four == "abcd"


async def test_a_key_that_is_let_at_some_models_stays(bench: Bench) -> None:
    await bench.agents.create(WORKSPACE, AgentDraft("writer", provider="anthropic", model="claude-old"), ADMIN)
    await rotated(bench)
    chosen = await choice(bench)
    bench.anthropic.denied = {(OTHER, "claude-fine"): NotPermitted()}
    bench.anthropic.refusing = {OTHER: NotPermitted()}
    with pytest.raises(NotPermitted):
        await bench.ask(chosen)
    assert (await bench.key()).last_four == "efgh"


async def test_a_check_that_finds_the_next_key_rejected_switches_back_as_well(bench: Bench) -> None:
    await rotated(bench)
    assert bench.anthropic.keys is not None
    bench.anthropic.keys.discard(OTHER)
    assert "••••abcd" in words(await bench.typed("test"))
    assert (await bench.key()).last_four == "abcd"


async def test_an_agent_that_takes_the_best_model_is_answered_though_the_list_was_refused_first(bench: Bench) -> None:
    async with bench.database.begin() as uow:
        await uow.agents.change(replace(await bench.agent(), model=""))
    await rotated(bench)
    await bench.settled()
    assert bench.anthropic.keys is not None
    bench.anthropic.keys.discard(OTHER)
    bench.clock.forward(minutes=11)  # what was listed is to be asked for anew
    assert await paid_with(bench) == GOOD
    assert (await bench.key()).last_four == "abcd"
    assert (await bench.actions()).count("key.switched_back") == 1


async def test_two_processes_that_meet_the_rejection_at_once_switch_back_once(bench: Bench) -> None:
    await rotated(bench)
    other = elsewhere(bench)
    assert bench.anthropic.keys is not None
    bench.anthropic.keys.discard(OTHER)
    chosen = await choice(bench)
    assert all(await asyncio.gather(*(process.ask(chosen) for process in (bench, other) * 3)))
    assert (await bench.key()).last_four == "abcd"
    assert (await bench.actions()).count("key.switched_back") == 1


async def test_another_process_uses_the_next_key_from_its_next_call_on(bench: Bench) -> None:
    other, chosen = elsewhere(bench), await choice(bench)
    await other.ask(chosen)
    await rotated(bench)
    await other.ask(chosen)
    assert bench.anthropic.keys_used() == [GOOD, OTHER]

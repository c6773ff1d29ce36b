"""Rotating keys: nothing changes before the next key is known to work with what agents use."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from sqlalchemy import text

from app.domain.events import Open, Private
from app.domain.keys import KeyStatus, Which
from app.domain.secrets import Secret
from app.errors import ModelGone, NotPermitted, Unreachable
from app.services.agent_drafts import AgentDraft
from app.services.rotation import TRIED_FOR
from app.services.rotation_outcomes import BeingTried, NextKey
from app.store.unit_of_work import Database
from tests.app.bench import ADMIN, BAD, GOOD, OPERATOR, OTHER, WORKSPACE, Bench, words
from tests.app.engines import until
from tests.app.rotated import THIRD, buttons, choice, paid_with, refused, rotated, rows, settled_in, spares, values
from tests.fakes.databases import TestClock


@pytest.fixture
async def bench(any_database: Database, clock: TestClock) -> AsyncIterator[Bench]:
    """With a key that pays for the agent, on each database."""
    bench = await settled_in(any_database, clock)
    yield bench
    await bench.background.drain(1)


async def test_the_form_names_whom_it_touches_before_anything_happens(bench: Bench) -> None:
    await bench.agents.create(WORKSPACE, AgentDraft("writer", provider="anthropic", model="claude-old"), ADMIN)
    outcome = await bench.typed("rotate")
    assert isinstance(outcome, Open)
    assert "assistant on claude-fine" in words(outcome.view)
    assert "writer on claude-old" in words(outcome.view)
    assert await bench.typed("rotate main") == await bench.pressed("key_rotate", (await bench.key()).id) == outcome


async def test_a_rotation_that_is_kept_is_told_of_before_it_is_lost(bench: Bench) -> None:
    await rotated(bench)
    outcome = await bench.typed("rotate")
    assert isinstance(outcome, Open)
    assert "••••abcd, the key before this one, is still kept. Rotating again destroys it." in words(outcome.view)


@pytest.mark.parametrize(
    ("secret", "values", "field", "why"),
    [
        (GOOD, {"hours": "24"}, "key", "in use now"),
        (BAD, {"hours": "24"}, "key", "refused this key"),
        ("two words", {"hours": "24"}, "key", "one long word"),
        (OTHER, {"hours": "0"}, "hours", "from 1 to 168"),
        (OTHER, {"hours": "169"}, "hours", "from 1 to 168"),
        (OTHER, {"hours": "a day"}, "hours", "number of hours"),
        (OTHER, {"hours": "1", "expires_on": "soon"}, "expires_on", "such as 2027-06-30"),
        (OTHER, {"hours": "1", "expires_on": "2026-11-20"}, "expires_on", "That day is over"),
    ],
)
async def test_what_is_wrong_stands_beside_its_field_and_nothing_changes(
    bench: Bench, secret: str, values: dict[str, str], field: str, why: str
) -> None:
    before = await bench.key()
    errors = await refused(bench, secret, **values)
    assert list(errors) == [field]
    assert why in errors[field]
    assert await bench.key() == before
    assert await rows(bench) == 0


async def test_another_key_of_the_workspace_is_no_next_key(bench: Bench) -> None:
    await bench.set_key(OTHER, label="team")
    assert "here already, as team" in (await refused(bench))["key"]


async def test_new_calls_use_the_next_key_and_the_one_before_is_kept(bench: Bench) -> None:
    old = await bench.key()
    view = await rotated(bench, hours="48", expires_on="2027-06-30")
    key = await bench.key()
    assert "new calls use ••••efgh" in words(view)
    assert (key.id, key.version, key.last_four, key.status) == (old.id, 2, "efgh", KeyStatus.VERIFIED)
    assert str(key.expires_on) == "2027-06-30"
    assert await paid_with(bench) == OTHER
    [kept] = await spares(bench)
    assert (kept.which, kept.version, kept.fingerprint) == (Which.PREVIOUS, 1, old.fingerprint)
    assert (kept.keep_until - bench.clock.now()).total_seconds() == 48 * 3600
    entry = next(entry for entry in await bench.audited() if entry.action == "key.rotated")
    assert entry.actor == ADMIN.id
    assert (entry.details["fingerprint"], entry.details["instead_of"]) == (key.fingerprint, old.fingerprint)


async def test_a_call_that_is_being_made_ends_under_the_key_it_began_with(bench: Bench) -> None:
    bench.anthropic.pause = 0.2
    call = asyncio.create_task(bench.ask(await choice(bench)))
    await until(lambda: bool(bench.anthropic.keys_used()))
    bench.anthropic.pause = 0
    await rotated(bench)
    assert await call
    assert bench.anthropic.keys_used() == [GOOD]
    assert await paid_with(bench) == OTHER


async def test_every_model_that_agents_use_is_tried_with_the_next_key_at_no_cost(bench: Bench) -> None:
    await bench.agents.create(WORKSPACE, AgentDraft("writer", provider="anthropic", model="claude-old"), ADMIN)
    await rotated(bench)
    tried = [what for what, key, _ in bench.anthropic.calls if key == OTHER and what.startswith("try")]
    assert sorted(tried) == ["try claude-fine", "try claude-old"]
    assert bench.anthropic.keys_used() == []


async def test_a_model_of_which_nothing_can_be_told_is_named_as_not_checked(bench: Bench) -> None:
    await bench.agents.create(WORKSPACE, AgentDraft("writer", provider="anthropic", model="claude-new"), ADMIN)
    assert "Not checked, because no free call tells: claude-new" in words(await rotated(bench))


async def test_both_sealed_keys_open_under_their_own_version_only(bench: Bench) -> None:
    await rotated(bench)
    async with bench.database.begin() as uow:
        await uow.connection.execute(text("UPDATE spare_keys SET version = 2"))
    outcome = await bench.typed("rotate undo")
    assert isinstance(outcome, Private)
    assert (await bench.key()).last_four == "efgh"


async def test_a_model_that_the_next_key_may_not_use_is_named_with_its_agents_and_nothing_is_switched(
    bench: Bench,
) -> None:
    await bench.agents.create(WORKSPACE, AgentDraft("writer", provider="anthropic", model="claude-old"), ADMIN)
    bench.anthropic.denied = {(OTHER, "claude-old"): NotPermitted()}
    view = await rotated(bench)
    assert "writer : claude-old may not be used with it." in words(view)
    assert "assistant" not in words(view)
    assert buttons(view) == ["Switch anyway", "Stay with ••••abcd"]
    assert await paid_with(bench) == GOOD
    assert "waits for your word" in words(await bench.typed("keys"))


async def test_an_admin_may_switch_all_the_same(bench: Bench) -> None:
    bench.anthropic.denied = {(OTHER, "claude-fine"): ModelGone()}
    await rotated(bench)
    key = await bench.key()
    assert "is rotated" in words(await bench.pressed("key_rotate_anyway", key.id))
    assert (await bench.key()).last_four == "efgh"
    again = await bench.pressed("key_rotate_anyway", key.id, by=OPERATOR)
    assert "settled already" in words(again)


async def test_it_is_said_that_the_best_model_was_not_tried_where_nobody_could_tell_which_it_is(bench: Bench) -> None:
    async with bench.database.begin() as uow:
        await uow.agents.change(replace(await bench.agent(), model=""))
    bench.anthropic.unlisted = Unreachable()
    shown = words(await rotated(bench))
    assert "is rotated" in shown
    assert "Not checked" in shown
    assert "the provider's best model" in shown


async def test_a_word_about_one_next_key_says_nothing_of_another(bench: Bench) -> None:
    bench.anthropic.denied = {(secret, "claude-fine"): ModelGone() for secret in (OTHER, THIRD)}
    first = values(await rotated(bench))
    await rotated(bench, THIRD)
    for action in ("key_rotate_anyway", "key_rotate_give_up"):
        assert "settled already" in words(await bench.pressed(action, first[action]))
    [waiting] = await spares(bench)
    assert (waiting.last_four, (await bench.key()).last_four) == ("mnop", "abcd")


async def test_an_admin_may_stay_with_what_there_is(bench: Bench) -> None:
    bench.anthropic.denied = {(OTHER, "claude-fine"): ModelGone()}
    await rotated(bench)
    key = await bench.key()
    assert "••••efgh is destroyed here" in words(await bench.pressed("key_rotate_give_up", key.id))
    assert await bench.key() == key
    assert await rows(bench) == 0
    assert (await bench.actions())[-1] == "key.shredded"


async def test_a_word_that_is_never_said_is_not_waited_for_for_ever(bench: Bench) -> None:
    bench.anthropic.denied = {(OTHER, "claude-fine"): ModelGone()}
    await rotated(bench)
    bench.clock.forward(seconds=TRIED_FOR.total_seconds() + 1)
    await bench.keys.rotating.tick()
    await bench.settled()
    assert await rows(bench) == 0
    assert "nobody said whether to switch" in words(bench.platform.told(ADMIN))


async def test_while_the_provider_is_away_the_working_key_goes_on_and_nothing_is_lost(bench: Bench) -> None:
    bench.anthropic.failure = Unreachable()
    view = await rotated(bench)
    assert "is being tried" in words(view)
    bench.anthropic.failure = None
    assert await paid_with(bench) == GOOD
    assert "is being tried; until it works, ••••abcd goes on" in words(await bench.typed("keys"))
    bench.clock.forward(minutes=3)
    await bench.keys.rotating.tick()
    await bench.settled()
    assert "new calls use ••••efgh" in words(bench.platform.told(ADMIN))
    assert await paid_with(bench) == OTHER
    assert ("rotate", "key.used") in [(e.details.get("purpose"), e.action) for e in await bench.audited()]


async def test_a_slow_provider_is_waited_for_behind_the_form_and_the_admin_is_told(bench: Bench) -> None:
    bench.anthropic.pause = 0.2
    key = await bench.key()
    came = await bench.keys.rotating.rotate(WORKSPACE, key.id, NextKey(Secret(OTHER), hours=24), ADMIN, seconds=0.05)
    assert isinstance(came, BeingTried)
    assert await bench.key() == key
    await bench.settled()
    assert "new calls use ••••efgh" in words(bench.platform.told(ADMIN))
    assert (await bench.key()).last_four == "efgh"


async def test_a_next_key_that_turns_out_to_be_refused_is_destroyed_and_told(bench: Bench) -> None:
    bench.anthropic.failure = Unreachable()
    await rotated(bench, BAD)
    bench.anthropic.failure = None
    bench.clock.forward(minutes=3)
    await bench.keys.rotating.tick()
    await bench.settled()
    assert "refuses the next key" in words(bench.platform.told(ADMIN))
    assert await rows(bench) == 0
    assert await paid_with(bench) == GOOD


async def test_after_a_day_without_the_provider_the_next_key_is_given_up(bench: Bench) -> None:
    bench.anthropic.failure = Unreachable()
    await rotated(bench)
    bench.clock.forward(hours=25)
    await bench.keys.rotating.tick()
    await bench.settled()
    assert "could not be reached about it for a day" in words(bench.platform.told(ADMIN))
    assert await rows(bench) == 0


async def test_two_processes_do_not_both_try_it_again(bench: Bench) -> None:
    bench.anthropic.failure = Unreachable()
    await rotated(bench)
    bench.anthropic.calls.clear()
    bench.clock.forward(minutes=3)
    await asyncio.gather(*(bench.keys.rotating.tick() for _ in range(3)))
    assert len([what for what, _, _ in bench.anthropic.calls if what == "verify"]) == 1


async def test_a_key_that_is_revoked_while_its_successor_is_tried_stays_revoked(bench: Bench) -> None:
    bench.anthropic.failure = Unreachable()
    await rotated(bench)
    await bench.keys.setting.revoke(WORKSPACE, (await bench.key()).id, ADMIN)
    bench.anthropic.failure = None
    bench.clock.forward(minutes=3)
    await bench.keys.rotating.tick()
    await bench.settled()
    assert await bench.keys.all(WORKSPACE) == ()
    assert await rows(bench) == 0

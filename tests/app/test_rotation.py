"""Rotating keys: nothing changes before the next key is known to work, and for a while everything can be undone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from sqlalchemy import text

from app.domain.events import Close, FieldErrors, Open, Private
from app.domain.keys import KeyStatus, ModelChoice, ProviderKey, SpareKey, Which
from app.domain.views import Button, Buttons, View
from app.errors import KeyRejected, ModelGone, NoCredit, NoKey, NotPermitted, RateLimited, Unreachable
from app.services.agent_drafts import AgentDraft
from app.services.rotation import TRIED_FOR
from app.store.unit_of_work import Database
from tests.app.bench import ADMIN, BAD, GOOD, MEMBER, OPERATOR, OTHER, WORKSPACE, Bench, words
from tests.app.engines import until
from tests.fakes.databases import TestClock

THIRD = "sk-test-third-0004-mnop"


@pytest.fixture
async def bench(any_database: Database, clock: TestClock) -> AsyncIterator[Bench]:
    """With a key that pays for the agent, on each database."""
    bench = await Bench(any_database, clock).start()
    assert bench.anthropic.keys is not None
    bench.anthropic.keys.add(THIRD)
    await bench.set_key()
    yield bench
    await bench.background.drain(1)


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


# The form


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


# Taking over


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


# What stands in the way


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


# A provider that can't be reached


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
    form = {"hours": "24"}
    from app.domain.secrets import Secret
    from app.services.rotation_outcomes import BeingTried, NextKey

    came = await bench.keys.rotating.rotate(
        WORKSPACE, key.id, NextKey(Secret(OTHER), hours=int(form["hours"])), ADMIN, seconds=0.05
    )
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


# Undoing


async def test_undoing_puts_the_one_before_back_and_destroys_the_other(bench: Bench) -> None:
    old = await bench.key()
    await rotated(bench)
    new = await bench.key()
    assert "••••abcd is in use again" in words(await bench.typed("rotate undo"))
    key = await bench.key()
    assert (key.version, key.fingerprint, key.status) == (3, old.fingerprint, KeyStatus.VERIFIED)
    assert await paid_with(bench) == GOOD
    assert await rows(bench) == 0
    entry = next(entry for entry in await bench.audited() if entry.action == "key.rotation_undone")
    assert (entry.details["fingerprint"], entry.details["instead_of"]) == (old.fingerprint, new.fingerprint)
    assert "nothing to undo" in words(await bench.typed("rotate undo"))


async def test_two_admins_undo_once(bench: Bench) -> None:
    await rotated(bench)
    key = await bench.key()
    undone = await asyncio.gather(
        bench.keys.rotation.undo(WORKSPACE, key.id, ADMIN),
        bench.keys.rotation.undo(WORKSPACE, key.id, OPERATOR),
        return_exceptions=True,
    )
    assert sorted(type(one).__name__ for one in undone) == ["NoKey", "Restored"]
    assert (await bench.actions()).count("key.rotation_undone") == 1


async def test_two_admins_rotate_at_once_and_one_of_them_reads_why_not(bench: Bench) -> None:
    key = await bench.key()
    sent = await asyncio.gather(
        bench.sent("key_rotate_with", {}, key=OTHER, context=key.id),
        bench.sent("key_rotate_with", {}, key=THIRD, context=key.id, by=OPERATOR),
    )
    now = await bench.key()
    assert now.version in (2, 3)
    assert now.last_four in ("efgh", "mnop")
    assert all(isinstance(one, Close | FieldErrors) for one in sent)
    assert len(await spares(bench)) == 1
    assert (await bench.actions()).count("key.rotated") == now.version - 1


async def test_what_is_kept_is_shredded_when_its_time_is_over(bench: Bench) -> None:
    await rotated(bench, hours="1")
    bench.clock.forward(minutes=59)
    await bench.keys.rotating.tick()
    assert await rows(bench) == 1
    bench.clock.forward(minutes=2)
    assert "nothing to undo" in words(await bench.typed("rotate undo"))  # before anybody has tidied up
    await asyncio.gather(*(bench.keys.rotating.tick() for _ in range(2)))
    assert await rows(bench) == 0
    assert (await bench.actions()).count("key.shredded") == 1


async def test_undoing_and_shredding_at_once_leaves_one_whole_key(bench: Bench) -> None:
    await rotated(bench, hours="1")
    key = await bench.key()
    bench.clock.forward(minutes=61)
    undone, _ = await asyncio.gather(
        bench.keys.rotation.undo(WORKSPACE, key.id, ADMIN), bench.keys.rotating.tick(), return_exceptions=True
    )
    assert isinstance(undone, NoKey)
    assert await paid_with(bench) == OTHER
    assert await rows(bench) == 0


async def test_the_old_key_can_be_dropped_at_once(bench: Bench) -> None:
    view = await rotated(bench)
    assert buttons(view) == ["Undo", "Drop the old key now"]
    assert "no way back" in words(await bench.pressed("key_rotate_drop", (await bench.key()).id))
    assert await rows(bench) == 0
    assert (await bench.actions())[-1] == "key.shredded"


async def test_rotating_again_shreds_the_older_one_and_says_so(bench: Bench) -> None:
    await rotated(bench)
    view = await rotated(bench, THIRD)
    assert "••••abcd, kept from the rotation before, was destroyed for it." in words(view)
    [kept] = await spares(bench)
    assert kept.last_four == "efgh"
    assert "key.shredded" in await bench.actions()


async def test_the_kept_key_typed_again_is_an_error_that_says_what_to_do(bench: Bench) -> None:
    await rotated(bench)
    assert "undo its rotation instead" in (await refused(bench, GOOD))["key"]


async def test_revoking_destroys_both_at_once(bench: Bench) -> None:
    await rotated(bench)
    key = await bench.key()
    await bench.keys.setting.revoke(WORKSPACE, key.id, ADMIN)
    assert await rows(bench) == 0
    assert {"key.shredded", "key.revoked"} <= set(await bench.actions())
    with pytest.raises(NoKey):
        await bench.keys.rotation.undo(WORKSPACE, key.id, ADMIN)


async def test_replacing_destroys_what_was_kept(bench: Bench) -> None:
    await rotated(bench)
    await bench.set_key(THIRD)
    assert await rows(bench) == 0
    assert "nothing to undo" in words(await bench.typed("rotate undo"))


async def test_a_removed_workspace_keeps_nothing_and_gets_nothing_back(bench: Bench) -> None:
    await rotated(bench)
    key = await bench.key()
    await bench.workspaces.removed(WORKSPACE)
    assert await rows(bench) == 0
    with pytest.raises(NoKey):
        await bench.keys.rotation.undo(WORKSPACE, key.id, ADMIN)


async def test_the_list_of_keys_says_what_is_kept_and_until_when(bench: Bench) -> None:
    await rotated(bench)
    shown = await bench.typed("keys")
    assert isinstance(shown, Private)
    assert "Rotated" in words(shown)
    assert "••••abcd, the one before, is kept until" in words(shown)
    assert {"Undo", "Drop the old key now", "Rotate"} <= set(buttons(shown.view))
    assert "••••abcd, the one before, is kept until" in words(await bench.home.view(ADMIN))
    assert "kept until" not in words(await bench.home.view(MEMBER))


async def test_with_several_keys_it_is_asked_which(bench: Bench) -> None:
    await bench.set_key(OTHER, label="team")
    outcome = await bench.typed("rotate")
    assert isinstance(outcome, Private)
    assert "Which key is to be rotated?" in words(outcome)


# A next key that is rejected later


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
    bench.anthropic.pause = 0.3
    call = asyncio.create_task(bench.ask(await choice(bench)))
    await until(lambda: bool(bench.anthropic.keys_used()))
    bench.anthropic.pause = 0
    await rotated(bench)
    assert bench.anthropic.keys is not None
    bench.anthropic.keys.discard(GOOD)
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


# Secrets


async def test_the_kept_key_is_recognised_where_it_does_not_belong(bench: Bench) -> None:
    await rotated(bench)
    plain = "not-like-a-key-at-all-0123456789"
    bench.compatible.keys = None
    await bench.set_key(plain, provider="compatible", base_url="https://models.example/v1")
    key = await bench.key(provider="compatible")
    await bench.sent("key_rotate_with", {"base_url": "https://models.example/v1"}, key=f"{plain}-next", context=key.id)
    assert (await bench.key(provider="compatible")).version == 2
    assert await bench.keys.redact(WORKSPACE, f"it was {plain} then") == "it was [key removed] then"
    assert await bench.keys.leaked_in(WORKSPACE, plain)


async def test_no_secret_is_shown_or_written_down(bench: Bench) -> None:
    shown = [words(await rotated(bench)), words(await bench.typed("keys")), words(await bench.typed("rotate undo"))]
    written = repr(await bench.audited())
    assert not any(secret in place for secret in (GOOD, OTHER) for place in (*shown, written))


async def test_an_older_version_never_stands_for_a_newer_one(bench: Bench) -> None:
    """A verdict on the key that was undone does not stick to the one after it."""
    await rotated(bench)
    undone: ProviderKey = await bench.key()
    await bench.typed("rotate undo")
    await rotated(bench, THIRD)
    await bench.keys.checks.failed(undone, KeyRejected())
    assert (await bench.key()).status is KeyStatus.VERIFIED
    assert replace(undone, version=0) != replace(await bench.key(), version=0)

"""The key before the one in use: kept for undoing, and destroyed as soon as it is not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from app.domain.events import Close, FieldErrors, Private
from app.domain.keys import KeyStatus, ProviderKey
from app.errors import KeyRejected, NoKey
from app.store.unit_of_work import Database
from tests.app.bench import ADMIN, GOOD, MEMBER, OPERATOR, OTHER, WORKSPACE, Bench, words
from tests.app.rotated import THIRD, buttons, paid_with, refused, rotated, rows, settled_in, spares, values
from tests.fakes.databases import TestClock


@pytest.fixture
async def bench(any_database: Database, clock: TestClock) -> AsyncIterator[Bench]:
    """With a key that pays for the agent, on each database."""
    bench = await settled_in(any_database, clock)
    yield bench
    await bench.background.drain(1)


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


async def test_a_button_does_what_it_said_or_nothing(bench: Bench) -> None:
    first = values(await rotated(bench))
    await rotated(bench, THIRD)
    for action in ("key_rotate_undo", "key_rotate_drop"):  # of the key that is destroyed by now
        assert "settled already" in words(await bench.pressed(action, first[action]))
    assert (await bench.key()).last_four == "mnop"
    [kept] = await spares(bench)
    assert kept.last_four == "efgh"


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


async def test_removing_the_app_destroys_both_and_that_is_written_down(bench: Bench) -> None:
    await rotated(bench)
    await bench.workspaces.removed(WORKSPACE)
    assert await rows(bench) == 0
    assert {"key.shredded", "key.revoked"} <= set(await bench.actions())


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

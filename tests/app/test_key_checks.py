"""Checking keys: when an admin asks, and by itself until it can be told."""

from __future__ import annotations

import pytest

from app.domain.chat import UserRef
from app.domain.keys import KeyStatus
from app.errors import NoKey, Unreachable
from tests.app.bench import ADMIN, GOOD, MEMBER, OTHER, WORKSPACE, Bench, words


async def unverified(bench: Bench, secret: str = GOOD) -> str:
    bench.anthropic.failure = Unreachable()
    kept = await bench.set_key(secret)
    bench.anthropic.failure = None
    bench.anthropic.calls.clear()
    return kept.key.id


async def test_an_unverified_key_is_checked_by_itself_and_the_admin_is_told(bench: Bench) -> None:
    await unverified(bench)
    await bench.keys.recheck_due()
    assert bench.anthropic.calls == []
    bench.clock.forward(seconds=31)
    await bench.keys.recheck_due()
    await bench.settled()
    assert (await bench.key()).status is KeyStatus.VERIFIED
    [told] = bench.platform.told(ADMIN)
    assert "works" in words(told)
    assert "claude-fine" in words(told)
    assert (await bench.agent()).model == "claude-fine"
    bench.clock.forward(days=1)
    await bench.keys.recheck_due()
    assert len(bench.platform.told(ADMIN)) == 1


async def test_a_refusal_found_later_is_told_too(bench: Bench) -> None:
    await unverified(bench, "sk-test-wrong-0009-zzzz")
    bench.clock.forward(seconds=31)
    await bench.keys.recheck_due()
    await bench.settled()
    assert (await bench.key()).status is KeyStatus.REFUSED
    assert "refuses" in words(bench.platform.told(ADMIN))


async def test_checks_come_ever_less_often(bench: Bench) -> None:
    await unverified(bench)
    bench.anthropic.failure = Unreachable()
    tries: list[int] = []
    for minute in range(600):
        bench.clock.forward(minutes=1)
        before = len(bench.anthropic.calls)
        await bench.keys.recheck_due()
        if len(bench.anthropic.calls) > before:
            tries.append(minute)
    assert 5 < len(tries) < 15
    assert bench.platform.told(ADMIN) == []
    assert (await bench.key()).status is KeyStatus.UNVERIFIED


async def test_a_key_revoked_meanwhile_is_not_checked(bench: Bench) -> None:
    key_id = await unverified(bench)
    await bench.keys.setting.revoke(WORKSPACE, key_id, ADMIN)
    bench.clock.forward(minutes=5)
    await bench.keys.recheck_due()
    assert bench.anthropic.calls == []


async def test_an_admin_who_is_none_any_more_is_told_nothing(bench: Bench) -> None:
    await unverified(bench)
    del bench.platform.people[ADMIN]
    bench.clock.forward(minutes=1)
    await bench.keys.recheck_due()
    assert bench.platform.told(ADMIN) == []


async def test_an_admin_who_cannot_be_reached_stops_nothing(bench: Bench) -> None:
    await unverified(bench)
    bench.platform.unreachable.add(ADMIN)
    bench.clock.forward(minutes=1)
    await bench.keys.recheck_due()
    assert (await bench.key()).status is KeyStatus.VERIFIED


async def test_a_workspace_whose_platform_is_not_served_holds_up_nobody(bench: Bench) -> None:
    await unverified(bench)
    async with bench.database.begin() as uow:
        await uow.connection.exec_driver_sql("UPDATE provider_keys SET workspace = 'gone:T1', id = 'key_gone'")
    await unverified(bench)
    bench.clock.forward(minutes=1)
    await bench.keys.recheck_due()
    assert (await bench.key()).status is KeyStatus.VERIFIED
    assert not await bench.access.is_admin(UserRef("gone:T1", ADMIN.id))


async def test_a_test_tells_how_a_key_stands_now(bench: Bench) -> None:
    key = (await bench.set_key()).key
    bench.anthropic.keys = {OTHER}
    assert (await bench.keys.checks.check(WORKSPACE, key.id, ADMIN.id)).key.status is KeyStatus.REFUSED
    bench.anthropic.keys = {GOOD}
    assert (await bench.keys.checks.check(WORKSPACE, key.id, ADMIN.id)).key.status is KeyStatus.VERIFIED
    uses = [entry.details["purpose"] for entry in await bench.audited() if entry.action == "key.used"]
    assert uses.count("check") == 2


async def test_a_provider_that_is_away_takes_nothing_from_a_key_that_worked(bench: Bench) -> None:
    key = (await bench.set_key()).key
    bench.anthropic.failure = Unreachable()
    checked = await bench.keys.checks.check(WORKSPACE, key.id, ADMIN.id)
    assert (checked.key.status, checked.error) == (KeyStatus.VERIFIED, bench.anthropic.failure)


async def test_a_key_of_another_workspace_cannot_be_tested(bench: Bench) -> None:
    key = (await bench.set_key()).key
    with pytest.raises(NoKey):
        await bench.keys.checks.check("slack:T2", key.id, MEMBER.id)

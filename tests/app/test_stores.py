"""Rows of workspaces, keys and agents: the same on SQLite and PostgreSQL."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from app.domain.agent import AgentSpec, Effort
from app.domain.grants import EVERYWHERE, Approval, GrantPlace, Invoker, Scope, ToolGrant, Where
from app.domain.keys import KeyStatus, ProviderKey
from app.domain.secrets import SealedSecret
from app.store import tables
from app.store.keys import StoredKey
from app.store.unit_of_work import Database
from tests.fakes.databases import TestClock

WORKSPACE = "slack:T1"


def an_agent(name: str = "writer", **settings: object) -> AgentSpec:
    return replace(AgentSpec(f"agent_{name}", WORKSPACE, name, "Writes.", "Write."), **settings)  # type: ignore[arg-type]


def a_key(clock: TestClock, label: str = "main", **settings: object) -> StoredKey:
    key = ProviderKey(
        id=f"key_{label}", workspace=WORKSPACE, provider="anthropic", label=label, base_url="", last_four="abcd",
        fingerprint="f" * 32, status=KeyStatus.UNVERIFIED, version=1, is_default=False, set_by="U1", set_at=clock.now(),
    )  # fmt: skip
    return StoredKey(replace(key, **settings), "https://a.example", SealedSecret("dek", b"sealed"))  # type: ignore[arg-type]


GRANT = ToolGrant(
    "http_fetch", {"method": "GET"}, Approval.FIRST_TIME, "grant_1",
    Scope(("docs.example.com:8443",), ("GET", "POST"), ("C1",), ("agent_2",), "abc1"),
    (GrantPlace(Where.CHANNEL, "C1"), GrantPlace(Where.SHARED)), (Invoker.GUEST, Invoker.SCHEDULED),
    per_run=3, per_day=40, expires=datetime(2027, 1, 31, tzinfo=UTC), granted_by="U1",
)  # fmt: skip


async def test_a_grant_of_before_grants_had_places_and_people_holds_as_it_did(database: Database) -> None:
    async with database.begin() as uow:
        await uow.agents.add(an_agent())
        old = [
            {"tool": "current_time", "pinned": {}, "approval": "never"},
            {"tool": "chat_search", "pinned": {}, "approval": "never"},
        ]
        await uow.connection.execute(update(tables.agents).values(grants=old))
    async with database.read() as uow:
        agent = await uow.agents.get(WORKSPACE, an_agent().id)
    assert agent
    clock, search = agent.grants
    assert (clock.places, clock.invokers) == (EVERYWHERE, tuple(Invoker)), "what is harmless was everybody's"
    assert Invoker.GUEST not in search.invokers
    assert clock.id != search.id


async def test_an_agent_comes_back_as_it_was_kept(any_database: Database) -> None:
    agent = an_agent(
        emoji="🦊", provider="anthropic", model="m", key_id="k", effort=Effort.HIGH, channels=("C1", "C2"), share_names=True,
        grants=(GRANT, ToolGrant("current_time", id="grant_2")), paused=True, is_default=True,
    )  # fmt: skip
    async with any_database.begin() as uow:
        await uow.agents.add(agent)
    async with any_database.read() as uow:
        assert await uow.agents.get(WORKSPACE, agent.id) == agent
        assert await uow.agents.get("slack:T2", agent.id) is None
    async with any_database.begin() as uow:
        await uow.agents.change(replace(agent, name="editor", effort=None))
    async with any_database.read() as uow:
        assert [a.name for a in await uow.agents.all(WORKSPACE)] == ["editor"]


async def test_two_agents_never_share_a_name(any_database: Database) -> None:
    async with any_database.begin() as uow:
        await uow.agents.add(an_agent())
    with pytest.raises(IntegrityError):
        async with any_database.begin() as uow:
            await uow.agents.add(an_agent(id="agent_other"))


async def test_there_is_one_default_agent(any_database: Database) -> None:
    async with any_database.begin() as uow:
        await uow.agents.add(an_agent("a", is_default=True))
        await uow.agents.add(an_agent("b"))
        await uow.agents.make_default(WORKSPACE, "agent_b")
    async with any_database.read() as uow:
        assert [(a.name, a.is_default) for a in await uow.agents.all(WORKSPACE)] == [("b", True), ("a", False)]


async def test_a_channel_has_one_agent_until_it_is_given_back_or_the_agent_goes(any_database: Database) -> None:
    async with any_database.begin() as uow:
        await uow.agents.add(an_agent("a"))
        await uow.agents.add(an_agent("b"))
        await uow.agents.keep_channel(WORKSPACE, "C1", "agent_a")
        await uow.agents.keep_channel(WORKSPACE, "C1", "agent_b")
        await uow.agents.keep_channel(WORKSPACE, "C2", "agent_a")
        assert await uow.agents.channels(WORKSPACE) == {"C1": "agent_b", "C2": "agent_a"}
        await uow.agents.keep_channel(WORKSPACE, "C2", "")
        await uow.agents.delete(WORKSPACE, "agent_b")
        assert await uow.agents.channels(WORKSPACE) == {}


async def test_a_key_comes_back_with_what_is_sealed(any_database: Database, clock: TestClock) -> None:
    stored = a_key(clock, status=KeyStatus.VERIFIED, is_default=True, checked_at=clock.now())
    async with any_database.begin() as uow:
        await uow.keys.add(stored, clock.now())
    async with any_database.read() as uow:
        assert await uow.keys.get(WORKSPACE, "key_main") == stored
        assert await uow.keys.find(WORKSPACE, "anthropic", "main") == stored
        assert await uow.keys.get("slack:T2", "key_main") is None
        assert await uow.keys.all(WORKSPACE) == (stored.key,)


async def test_a_revoked_key_keeps_its_row_and_nothing_sealed(any_database: Database, clock: TestClock) -> None:
    async with any_database.begin() as uow:
        await uow.keys.add(a_key(clock), clock.now())
        await uow.keys.revoke(WORKSPACE, "key_main")
    async with any_database.read() as uow:
        assert await uow.keys.all(WORKSPACE) == ()
        stored = await uow.keys.get(WORKSPACE, "key_main")
        assert stored is not None
        assert (stored.sealed, stored.key.status, stored.key.is_default) == (None, KeyStatus.REVOKED, False)


async def test_what_is_found_of_a_version_does_not_touch_another(any_database: Database, clock: TestClock) -> None:
    old = a_key(clock)
    async with any_database.begin() as uow:
        await uow.keys.add(old, clock.now())
        await uow.keys.replace(a_key(clock, version=2), clock.now())
        assert not await uow.keys.mark(old.key, KeyStatus.REFUSED, next_check_at=clock.now())
        assert await uow.keys.mark(replace(old.key, version=2), KeyStatus.VERIFIED, next_check_at=clock.now())
        await uow.keys.revoke(WORKSPACE, "key_main")
        assert not await uow.keys.mark(replace(old.key, version=2), KeyStatus.VERIFIED, next_check_at=clock.now())


async def test_a_provider_has_one_default_key(any_database: Database, clock: TestClock) -> None:
    async with any_database.begin() as uow:
        await uow.keys.add(a_key(clock, "a", is_default=True), clock.now())
        await uow.keys.add(a_key(clock, "b"), clock.now())
        await uow.keys.add(a_key(clock, "c", provider="openai", is_default=True), clock.now())
        await uow.keys.make_default(WORKSPACE, "anthropic", "key_b")
    async with any_database.read() as uow:
        assert [(k.label, k.is_default) for k in await uow.keys.all(WORKSPACE)] == [
            ("b", True),
            ("a", False),
            ("c", True),
        ]


async def test_due_keys_are_given_out_once(any_database: Database, clock: TestClock) -> None:
    now = clock.now()
    async with any_database.begin() as uow:
        await uow.keys.add(a_key(clock, "due"), now)
        await uow.keys.add(a_key(clock, "later"), now + timedelta(minutes=1))
        await uow.keys.add(a_key(clock, "works", status=KeyStatus.VERIFIED), now + timedelta(hours=6))
        await uow.keys.add(a_key(clock, "gone"), now)
        await uow.keys.revoke(WORKSPACE, "key_gone")
        assert await uow.keys.is_due(now)
        claimed = await uow.keys.claim_due(now, now + timedelta(minutes=2), 10)
        assert [key.label for key in claimed] == ["due"]
        assert await uow.keys.claim_due(now, now + timedelta(minutes=2), 10) == ()
        assert not await uow.keys.is_due(now)


async def test_a_workspace_begins_once(any_database: Database) -> None:
    async with any_database.begin() as uow:
        assert await uow.workspaces.add(WORKSPACE, "Acme")
        assert not await uow.workspaces.add(WORKSPACE, "Other")
        await uow.workspaces.keep_settings(WORKSPACE, {"footer": False})
        await uow.workspaces.lock(WORKSPACE)
        await uow.workspaces.mark_removed(WORKSPACE)
    async with any_database.begin() as uow:
        row = await uow.workspaces.get(WORKSPACE)
        assert row is not None
        assert (row.name, row.settings, row.removed_at is None) == ("Acme", {"footer": False}, False)
        await uow.workspaces.mark_installed(WORKSPACE)
        await uow.workspaces.rename(WORKSPACE, "Acme Ltd")
    async with any_database.read() as uow:
        assert [(w.name, w.removed_at) for w in await uow.workspaces.all()] == [("Acme Ltd", None)]


async def test_admins_are_added_and_removed_once(any_database: Database) -> None:
    async with any_database.begin() as uow:
        assert await uow.workspaces.add_admin(WORKSPACE, "U1", "U0")
        assert not await uow.workspaces.add_admin(WORKSPACE, "U1", "U9")
        assert await uow.workspaces.is_admin(WORKSPACE, "U1")
        assert not await uow.workspaces.is_admin("slack:T2", "U1")
        assert [(a.user, a.added_by) for a in await uow.workspaces.admins(WORKSPACE)] == [("U1", "U0")]
        assert await uow.workspaces.remove_admin(WORKSPACE, "U1")
        assert not await uow.workspaces.remove_admin(WORKSPACE, "U1")

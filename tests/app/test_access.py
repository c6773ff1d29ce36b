"""Who is an admin, and who may have an agent answer, at the moment of the act."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.domain.chat import ConversationRef, MemberKind, Place, UserRef
from app.domain.grants import Denied, Granted
from app.errors import BadInput, NotAllowed, PlatformUnavailable
from app.services.access import Access
from app.services.desks.people import PeopleDesk
from app.services.workspaces import WorkspaceSettings
from tests.app.bench import ADMIN, MEMBER, OPERATOR, WORKSPACE, Bench

GUEST = UserRef(WORKSPACE, "U4GUEST")
OUTSIDER = UserRef(WORKSPACE, "U5OUT")
THREAD = ConversationRef(WORKSPACE, "C1", "1.0")
SHARED = replace(THREAD, shared=True)
DIRECT = ConversationRef(WORKSPACE, "D1", "D1", Place.DIRECT)


@pytest.fixture
async def bench(bench: Bench) -> Bench:
    bench.platform.people |= {GUEST: MemberKind.GUEST, OUTSIDER: MemberKind.EXTERNAL}
    return bench


async def test_admins_are_the_platforms_the_operators_and_the_added(bench: Bench) -> None:
    assert [await bench.access.is_admin(user) for user in (ADMIN, OPERATOR, MEMBER)] == [True, True, False]
    await bench.access.add_admin(MEMBER, ADMIN)
    await bench.access.require_admin(MEMBER)


async def test_removal_works_at_once(bench: Bench) -> None:
    await bench.access.add_admin(MEMBER, ADMIN)
    assert await bench.access.remove_admin(MEMBER, ADMIN)
    with pytest.raises(NotAllowed):
        await bench.access.require_admin(MEMBER)
    assert (await bench.actions())[-2:] == ["admin.added", "admin.removed"]


async def test_an_operator_is_one_in_the_named_workspace_only(bench: Bench) -> None:
    assert not await bench.access.is_admin(UserRef("slack:T2", OPERATOR.id))
    assert bench.access.operators(WORKSPACE) == (OPERATOR,)
    assert bench.access.operators("slack:T") == ()


async def test_a_platform_that_cannot_tell_makes_nobody_an_admin(bench: Bench) -> None:
    bench.platform.broken = PlatformUnavailable()
    assert not await bench.access.is_admin(ADMIN)
    assert await bench.access.may_ask(MEMBER, THREAD, from_bot=False) != Granted()


@pytest.mark.parametrize("user", [GUEST, OUTSIDER])
async def test_only_members_become_admins(bench: Bench, user: UserRef) -> None:
    with pytest.raises(BadInput):
        await bench.access.add_admin(user, ADMIN)
    assert not await bench.access.is_admin(user)


@pytest.mark.parametrize("where", [THREAD, DIRECT])
async def test_members_may_ask(bench: Bench, where: ConversationRef) -> None:
    assert await bench.access.may_ask(MEMBER, where, from_bot=False) == Granted()


@pytest.mark.parametrize(
    ("user", "where", "from_bot", "setting"),
    [
        (GUEST, THREAD, False, "answer_guests"),
        (MEMBER, THREAD, True, "answer_bots"),
        (MEMBER, SHARED, False, "answer_shared"),
        (OUTSIDER, SHARED, False, "answer_external"),
        (UserRef("slack:T9", "U9"), SHARED, False, "answer_external"),
    ],
)
async def test_others_may_ask_where_a_setting_allows_it(
    bench: Bench, user: UserRef, where: ConversationRef, from_bot: bool, setting: str
) -> None:
    denied = await bench.access.may_ask(user, where, from_bot=from_bot)
    assert isinstance(denied, Denied)
    assert denied.reason
    everything_else = {"answer_guests", "answer_bots", "answer_shared", "answer_external"} - {
        setting,
        "answer_external",
    }
    await bench.workspaces.change(WORKSPACE, WorkspaceSettings.of(dict.fromkeys(everything_else, True)), ADMIN)
    assert isinstance(await bench.access.may_ask(user, where, from_bot=from_bot), Denied)
    await bench.workspaces.change(WORKSPACE, WorkspaceSettings.of({setting: True}), ADMIN)
    assert await bench.access.may_ask(user, where, from_bot=from_bot) == Granted()


@pytest.fixture
async def unled(bench: Bench) -> Bench:
    """A workspace on a platform without admins, where nobody was named yet."""
    bench.platform.names_admins = False
    bench.platform.people |= {ADMIN: MemberKind.MEMBER}
    bench.access = Access(bench.database, {bench.platform.name: bench.platform})
    return bench


async def test_where_a_platform_has_no_admins_the_first_to_install_is_one(unled: Bench) -> None:
    await unled.access.installed_by(MEMBER)
    await unled.access.installed_by(ADMIN)
    assert [await unled.access.is_admin(user) for user in (MEMBER, ADMIN)] == [True, False]
    assert (await unled.actions()).count("admin.added") == 1


@pytest.mark.parametrize("user", [GUEST, OUTSIDER])
async def test_who_is_no_member_becomes_no_admin_by_installing(unled: Bench, user: UserRef) -> None:
    await unled.access.installed_by(user)
    assert not await unled.access.is_admin(user)


async def test_where_nobody_is_an_admin_people_are_told_how_one_becomes_the_first(unled: Bench) -> None:
    desk = PeopleDesk(unled.database, unled.access, unled.workspaces, unled.memory)
    assert "Nobody is an admin" in repr(await desk.not_allowed(WORKSPACE))
    await unled.access.installed_by(MEMBER)
    told = repr(await desk.not_allowed(WORKSPACE))
    assert "Nobody is an admin" not in told
    assert MEMBER.id in told


async def test_the_last_admin_stays_until_another_is_added(unled: Bench) -> None:
    await unled.access.installed_by(MEMBER)
    with pytest.raises(BadInput, match="last admin"):
        await unled.access.remove_admin(MEMBER, MEMBER)
    await unled.access.add_admin(ADMIN, MEMBER)
    assert await unled.access.remove_admin(MEMBER, ADMIN)
    assert not await unled.access.is_admin(MEMBER)


async def test_who_installs_is_no_admin_where_the_platform_or_the_operator_names_some(bench: Bench) -> None:
    await bench.access.installed_by(MEMBER)
    assert not await bench.access.is_admin(MEMBER)
    bench.platform.names_admins = False
    await bench.access.installed_by(MEMBER)
    assert not await bench.access.is_admin(MEMBER)

"""Servers, tools, tokens and sign-ins in tables, on both kinds of database."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from app.domain.mcp import McpAuth, McpServer, PinnedTool
from app.domain.secrets import SealedSecret
from app.store.mcp import BegunSignIn, StoredToken
from app.store.unit_of_work import Database
from tests.fakes.databases import TestClock

HERE, THERE = "slack:T1", "slack:T2"
SEALED = SealedSecret("k1", b"sealed")


def server(clock: TestClock, workspace: str = HERE, name: str = "tracker") -> McpServer:
    return McpServer(
        f"{workspace}-{name}", workspace, name, "https://a.example/mcp", McpAuth.OAUTH, False, False, "U1", clock.now()
    )


async def test_a_workspace_finds_its_own_servers_and_tools_only(any_database: Database, clock: TestClock) -> None:
    mine, theirs = server(clock), server(clock, THERE)
    tool = PinnedTool(mine.id, "add", "Adds.", {"type": "object"}, "h1")
    async with any_database.begin() as uow:
        await uow.mcp.add_server(mine)
        await uow.mcp.add_server(theirs)
        await uow.mcp.keep_tool(HERE, tool)
        await uow.mcp.keep_tool(HERE, replace(tool, enabled=True))
        await uow.mcp.keep_tool(THERE, replace(tool, server=theirs.id))
        assert await uow.mcp.servers(HERE) == (mine,)
        assert await uow.mcp.server(THERE, mine.id) is None
        assert await uow.mcp.tools(HERE) == (replace(tool, enabled=True),)
        assert not await uow.mcp.remove(THERE, mine.id)
        assert await uow.mcp.mark_changed(mine.id, ["add"]) == ("add",)
        assert await uow.mcp.mark_changed(mine.id, ["add"]) == ()
        await uow.mcp.pause(HERE, mine.id, paused=True)
        found = await uow.mcp.server(HERE, mine.id)
        assert found
        assert found.paused


async def test_a_token_is_written_over_the_version_it_follows_and_no_other(
    any_database: Database, clock: TestClock
) -> None:
    mine = server(clock)
    first = StoredToken(mine.id, "", HERE, SEALED, 1, clock.now())
    async with any_database.begin() as uow:
        await uow.mcp.add_server(mine)
        assert await uow.mcp.keep_token(first)
        assert not await uow.mcp.keep_token(first)
        assert await uow.mcp.keep_token(replace(first, version=2))
        assert not await uow.mcp.keep_token(replace(first, version=2))
        assert await uow.mcp.keep_token(replace(first, person="U1"))
        assert await uow.mcp.signed_in(HERE, mine.id) == 2
        assert await uow.mcp.token(HERE, mine.id, "") == replace(first, version=2)
        assert await uow.mcp.token(THERE, mine.id, "") is None
        assert await uow.mcp.forget_token(HERE, mine.id, "U1")
        assert not await uow.mcp.forget_token(HERE, mine.id, "U1")


async def test_everything_goes_with_its_server_and_its_workspace(any_database: Database, clock: TestClock) -> None:
    mine, other = server(clock), server(clock, name="second")
    async with any_database.begin() as uow:
        for one in (mine, other):
            await uow.mcp.add_server(one)
            await uow.mcp.keep_tool(HERE, PinnedTool(one.id, "add", "", {}, "h"))
            await uow.mcp.keep_token(StoredToken(one.id, "", HERE, SEALED, 1, None))
            await uow.mcp.begin_sign_in(begun(one, clock))
    async with any_database.begin() as uow:
        assert await uow.mcp.remove(HERE, mine.id)
        assert [tool.server for tool in await uow.mcp.tools(HERE)] == [other.id]
        assert await uow.mcp.token(HERE, mine.id, "") is None
        assert await uow.mcp.take_sign_in(f"state-{mine.id}") is None
        await uow.mcp.forget_all(HERE)
        assert await uow.mcp.servers(HERE) == ()
        assert await uow.mcp.tools(HERE) == ()
        assert await uow.mcp.take_sign_in(f"state-{other.id}") is None


async def test_a_sign_in_is_taken_once_and_in_time(any_database: Database, clock: TestClock) -> None:
    mine = server(clock)
    async with any_database.begin() as uow:
        await uow.mcp.add_server(mine)
        await uow.mcp.begin_sign_in(begun(mine, clock))
        assert await uow.mcp.take_sign_in(f"state-{mine.id}") == begun(mine, clock)
        assert await uow.mcp.take_sign_in(f"state-{mine.id}") is None
        late = begun(mine, clock)
        await uow.mcp.begin_sign_in(late)
        clock.forward(minutes=10)
        assert await uow.mcp.take_sign_in(late.state) is None


def begun(of: McpServer, clock: TestClock) -> BegunSignIn:
    return BegunSignIn(f"state-{of.id}", HERE, of.id, "", "U1", SEALED, clock.now() + timedelta(minutes=10))

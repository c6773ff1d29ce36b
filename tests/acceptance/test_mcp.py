"""Servers of tools by others: what they offer is used as admins say, through the services and over real connections."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.domain.mcp import McpAuth, full_name
from app.domain.views import Link
from tests.acceptance.mcp_servers import Everything, WithSignIn
from tests.app.bench import ADMIN, MEMBER, Bench
from tests.app.mcp.shop import Shop
from tests.fakes.databases import TestClock


@pytest.fixture
async def bench(database: object, clock: TestClock) -> AsyncIterator[Bench]:
    bench = await Bench(database, clock).start()  # type: ignore[arg-type]
    yield bench
    await bench.background.drain(1)


async def test_the_reference_server_s_tools_are_listed_switched_on_and_called(bench: Bench, tmp_path: Path) -> None:
    async with Everything(tmp_path) as everything:
        shop = Shop(bench, everything)
        server, looked = await shop.add(McpAuth.NONE)
        assert {"echo", "get-sum"} <= set(looked.new)
        await shop.enable(server, "echo")
        await shop.enable(server, "get-sum", read_only=True)
        offered = [tool.spec.name for tool in await shop.source.tools(shop.facts())]
        assert offered == [full_name("tracker", "echo"), full_name("tracker", "get-sum")]
        assert "hello" in (await shop.call("echo", {"message": "hello"})).content
        assert "42" in (await shop.call("get-sum", {"a": 2, "b": 40})).content
        refused = await shop.call("get-sum", {"a": "two", "b": 40})
        assert refused.is_error
        await shop.close()


async def test_pictures_and_links_of_the_reference_server_are_told_as_text(bench: Bench, tmp_path: Path) -> None:
    async with Everything(tmp_path) as everything:
        shop = Shop(bench, everything)
        server, looked = await shop.add(McpAuth.NONE)
        for name in sorted({"get-tiny-image", "get-resource-links"} & set(looked.new)):
            await shop.enable(server, name)
            told = await shop.call(name, {})
            assert not told.is_error, told.content
            assert "base64" not in told.content
            assert len(told.content) < 5_000
        assert "a picture, not shown" in (await shop.call("get-tiny-image", {})).content
        await shop.close()


async def test_it_may_not_ask_us_for_a_model_or_for_a_person(bench: Bench, tmp_path: Path) -> None:
    async with Everything(tmp_path) as everything:
        shop = Shop(bench, everything)
        _, looked = await shop.add(McpAuth.NONE)
        # the reference server offers these only to clients that say that they can be asked
        assert not {name for name in looked.new if "sampling" in name or "elicitation" in name or "roots" in name}
        await shop.close()


async def test_a_call_that_takes_too_long_is_given_up_on(bench: Bench, tmp_path: Path) -> None:
    async with Everything(tmp_path) as everything:
        shop = Shop(bench, everything)
        server, looked = await shop.add(McpAuth.NONE)
        slow = next(name for name in looked.new if "long-running" in name)
        endpoint = await shop.tokens.endpoint(server, "")
        begun = asyncio.get_running_loop().time()
        with pytest.raises(Exception, match="did not answer in time"):
            await shop.hub.call(endpoint, slow, {"duration": 30, "steps": 3}, timeout=1)
        assert asyncio.get_running_loop().time() - begun < 6
        assert "hi" in (await shop.hub.call(endpoint, "echo", {"message": "hi"}, timeout=5)).text
        await shop.close()


async def test_after_a_restart_it_is_connected_to_anew(bench: Bench, tmp_path: Path) -> None:
    async with Everything(tmp_path) as everything:
        shop = Shop(bench, everything)
        server, _ = await shop.add(McpAuth.NONE)
        await shop.enable(server, "echo")
        assert "one" in (await shop.call("echo", {"message": "one"})).content
        await everything.restart()
        told = await shop.call("echo", {"message": "two"})
        assert not told.is_error, told.content
        assert "two" in told.content
        await shop.close()


async def test_an_admin_signs_in_to_the_sdk_s_example_and_its_tools_work(bench: Bench, tmp_path: Path) -> None:
    async with WithSignIn(tmp_path) as example:
        shop = Shop(bench, example, hosts=[example.sign_in_host])
        server, looked = await shop.add(McpAuth.OAUTH)
        assert looked.sign_in
        link = await shop.sign_ins.begin(server, ADMIN)
        assert link.where == "localhost"
        done, said = await shop.come_back(link.address)
        assert done, said
        await shop.bench.settled()
        await shop.enable(server, "greet")
        assert "Hello, Ada" in (await shop.call("greet", {"name": "Ada"})).content
        bench.clock.forward(minutes=59, seconds=30)  # its tokens can't be renewed: somebody has to sign in again
        assert "admins have been told" in (await shop.call("greet", {"name": "Ada"})).content
        await shop.close()


async def test_each_person_signs_in_to_the_sdk_s_example_for_themselves(bench: Bench, tmp_path: Path) -> None:
    async with WithSignIn(tmp_path) as example:
        shop = Shop(bench, example, hosts=[example.sign_in_host])
        server, _ = await shop.add(McpAuth.OAUTH, personal=True)
        assert (await shop.come_back((await shop.sign_ins.begin(server, ADMIN)).address))[0]
        await shop.bench.settled()
        await shop.servers.look(server, ADMIN)
        await shop.enable(server, "greet")
        assert (await shop.call("greet", {"name": "Max"}, asker=MEMBER)).is_error
        told = shop.told(MEMBER)[0]
        address = next(
            span.url for block in told.blocks for span in getattr(block, "text", ()) if isinstance(span, Link)
        )
        assert (await shop.come_back(address))[0]
        assert "Hello, Max" in (await shop.call("greet", {"name": "Max"}, asker=MEMBER, run="run-2")).content
        assert await shop.servers.signed_in(server) == 2
        await shop.close()

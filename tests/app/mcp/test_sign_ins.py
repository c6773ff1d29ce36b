"""Signing in to servers of tools: begun in the chat, ended by a browser, once, in time, by who began it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import aiohttp
import pytest

from app.domain.audit import AuditEntry
from app.domain.mcp import McpAuth
from app.domain.views import Link, View
from app.errors import BadInput, NotAllowed
from app.http.oauth import callback
from app.http.server import Server
from app.services.mcp.sign_ins import NOT_OPEN, PATH, Returned
from tests.app.bench import ADMIN, MEMBER, OPERATOR, WORKSPACE, Bench, words
from tests.app.mcp.shop import Shop, agree, returned
from tests.fakes.mcp_server import FakeMcpServer


@pytest.fixture
async def fake() -> AsyncIterator[FakeMcpServer]:
    async with FakeMcpServer(oauth=True) as server:
        yield server


def link_in(view: View) -> str:
    for block in view.blocks:
        for span in getattr(block, "text", ()):
            if isinstance(span, Link):
                return span.url
    raise AssertionError(view)


async def test_an_admin_signs_the_workspace_in_and_agents_use_its_tools(shop: Shop) -> None:
    server, looked = await shop.add(McpAuth.OAUTH)
    assert looked.sign_in
    link = await shop.sign_ins.begin(server, ADMIN)
    done, said = await shop.come_back(link.address)
    assert done
    assert "You are signed in to tracker" in said
    await shop.bench.settled()
    assert "The workspace is signed in" in words(shop.told(ADMIN)[0])
    await shop.enable(server)
    assert "\n3\n" in (await shop.call("add", {"a": 1, "b": 2})).content
    assert "mcp.signed_in" in await shop.bench.actions()


async def test_what_comes_back_is_good_once(shop: Shop) -> None:
    server, _ = await shop.add(McpAuth.OAUTH)
    link = await shop.sign_ins.begin(server, ADMIN)
    query = returned(await agree(link.address))
    first, second = await asyncio.gather(shop.sign_ins.end(query), shop.sign_ins.end(query))
    assert sorted((first[0], second[0])) == [False, True]
    assert NOT_OPEN in (first[1], second[1])


async def test_after_ten_minutes_it_is_over(shop: Shop) -> None:
    server, _ = await shop.add(McpAuth.OAUTH)
    link = await shop.sign_ins.begin(server, ADMIN)
    query = returned(await agree(link.address))
    shop.bench.clock.forward(minutes=10)
    assert await shop.sign_ins.end(query) == (False, NOT_OPEN)
    assert await shop.servers.signed_in(server) == 0


@pytest.mark.parametrize("wrong", [{"state": "x"}, {"state": ""}, {"state": "y" * 5000}, {"code": "wrong"}, {"code": ""}, {"issuer": "https://evil.example.com"}, {"error": "access_denied"}])  # fmt: skip
async def test_what_was_tampered_with_signs_nobody_in(shop: Shop, wrong: dict[str, str]) -> None:
    server, _ = await shop.add(McpAuth.OAUTH)
    link = await shop.sign_ins.begin(server, ADMIN)
    query = replace(returned(await agree(link.address)), **wrong)
    done, said = await shop.sign_ins.end(query)
    assert not done
    assert "evil" not in said
    assert await shop.servers.signed_in(server) == 0


async def test_an_answer_to_one_sign_in_does_not_end_another(shop: Shop) -> None:
    server, _ = await shop.add(McpAuth.OAUTH)
    mine = returned(await agree((await shop.sign_ins.begin(server, ADMIN)).address))
    theirs = returned(await agree((await shop.sign_ins.begin(server, OPERATOR)).address))
    done, _ = await shop.sign_ins.end(replace(mine, code=theirs.code))
    assert not done


async def test_only_admins_sign_the_workspace_in_and_are_looked_at_again_in_the_end(shop: Shop) -> None:
    server, _ = await shop.add(McpAuth.OAUTH)
    with pytest.raises(NotAllowed):
        await shop.sign_ins.begin(server, MEMBER)
    await shop.bench.access.add_admin(MEMBER, ADMIN)
    query = returned(await agree((await shop.sign_ins.begin(server, MEMBER)).address))
    await shop.bench.access.remove_admin(MEMBER, ADMIN)
    done, said = await shop.sign_ins.end(query)
    assert not done
    assert "no admin any more" in said
    assert await shop.servers.signed_in(server) == 0


async def test_without_a_public_address_it_says_what_is_missing(bench: Bench, fake: FakeMcpServer) -> None:
    shop = Shop(bench, fake, public_url="")
    server, _ = await shop.add(McpAuth.OAUTH)
    with pytest.raises(BadInput, match="LATCHKEY_PUBLIC_URL"):
        await shop.sign_ins.begin(server, ADMIN)
    await shop.close()


async def test_each_person_is_sent_a_link_of_their_own_and_acts_as_themselves(shop: Shop) -> None:
    server, _ = await shop.add(McpAuth.OAUTH, personal=True)
    await shop.come_back((await shop.sign_ins.begin(server, ADMIN)).address)
    await shop.bench.settled()
    await shop.servers.look(server, ADMIN)
    await shop.enable(server, "whoami")
    result = await shop.call("whoami", {}, asker=MEMBER)
    assert result.is_error
    assert "sign in first" in result.content
    assert "http" not in result.content  # the link is for the person, not for the model or the thread
    told = shop.told(MEMBER)
    assert len(told) == 1
    await shop.call("whoami", {}, asker=MEMBER)
    assert len(shop.told(MEMBER)) == 1  # once a run
    done, _ = await shop.come_back(link_in(told[0]))
    assert done
    assert not (await shop.call("whoami", {}, asker=MEMBER, run="run-2")).is_error
    used = {token for token in shop.fake.tokens() if token}
    assert await shop.servers.signed_in(server) == 2
    assert len(used) == 2


async def test_a_token_is_renewed_by_one_of_many_who_find_it_run_out(shop: Shop) -> None:
    server, _ = await shop.add(McpAuth.OAUTH)
    await shop.come_back((await shop.sign_ins.begin(server, ADMIN)).address)
    await shop.bench.settled()
    await shop.enable(server)
    shop.bench.clock.forward(minutes=59, seconds=30)
    results = await asyncio.gather(*(shop.call("add", {"a": n, "b": 1}) for n in range(5)))
    assert [result.is_error for result in results] == [False] * 5
    assert shop.fake.desk.renewed == 1


async def test_a_token_that_the_server_took_back_early_is_renewed(shop: Shop) -> None:
    server, _ = await shop.add(McpAuth.OAUTH)
    await shop.come_back((await shop.sign_ins.begin(server, ADMIN)).address)
    await shop.bench.settled()
    await shop.enable(server)
    shop.fake.desk.tokens.clear()
    await shop.hub.forget(server.id)
    assert not (await shop.call("add", {"a": 1, "b": 1})).is_error
    assert shop.fake.desk.renewed == 1


async def test_when_it_can_t_be_renewed_the_admins_are_asked(shop: Shop) -> None:
    server, _ = await shop.add(McpAuth.OAUTH)
    await shop.come_back((await shop.sign_ins.begin(server, ADMIN)).address)
    await shop.bench.settled()
    await shop.enable(server)
    shop.fake.desk.refuse_refresh = True
    shop.bench.clock.forward(hours=2)
    result = await shop.call("add", {"a": 1, "b": 1})
    assert "admins have been told" in result.content
    assert "Sign in again" in words(shop.told(ADMIN)[-1])


async def test_tokens_go_to_no_other_origin_and_no_secret_is_written_down(shop: Shop) -> None:
    server, _ = await shop.add(McpAuth.OAUTH)
    await shop.come_back((await shop.sign_ins.begin(server, ADMIN)).address)
    await shop.bench.settled()
    entries: list[AuditEntry] = await shop.bench.audited()
    assert "canary" not in repr(entries)
    async with shop.bench.database.read() as uow:
        stored = await uow.mcp.token(WORKSPACE, server.id, "")
        rows = [str(one) for one in await uow.mcp.servers(WORKSPACE)]
    assert stored
    assert b"canary" not in stored.sealed.blob
    assert "canary" not in "".join(rows)
    moved = replace(server, url="https://elsewhere.example.com/mcp")
    with pytest.raises(Exception, match="can't be opened"):
        await shop.tokens.endpoint(moved, "")


async def test_the_page_that_people_come_back_to_repeats_nothing(shop: Shop) -> None:
    server, _ = await shop.add(McpAuth.OAUTH)
    link = await shop.sign_ins.begin(server, ADMIN)

    async def end(query: object) -> tuple[bool, str]:
        assert isinstance(query, dict)
        return await shop.sign_ins.end(returned(query))

    http = Server([callback(PATH, end)], {})
    port = await http.start("127.0.0.1", 0)
    page = f"http://127.0.0.1:{port}{PATH}"
    query = await agree(link.address)
    try:
        async with aiohttp.ClientSession() as browser:
            twice = f"{page}?state={query['state']}&state=other&code={query['code']}"
            async with browser.get(twice) as answer:
                assert answer.status == 400
            async with browser.get(page, params=query) as answer:
                text = await answer.text()
                assert answer.status == 200
                assert answer.headers["Content-Type"].startswith("text/plain")
                assert answer.headers["Cache-Control"] == "no-store"
            async with browser.get(page, params={"error": "<script>", "state": "x"}) as answer:
                assert "<script>" not in await answer.text()
        assert query["code"] not in text
        assert "You are signed in" in text
    finally:
        await http.stop()


async def test_who_leaves_takes_begun_sign_ins_along(shop: Shop) -> None:
    server, _ = await shop.add(McpAuth.OAUTH)
    query = returned(await agree((await shop.sign_ins.begin(server, ADMIN)).address))
    await shop.servers.remove(WORKSPACE, server.id, ADMIN)
    assert await shop.sign_ins.end(query) == (False, NOT_OPEN)
    assert await shop.sign_ins.end(Returned("")) == (False, NOT_OPEN)

"""`/byok tools` and what follows from it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.domain.chat import UserRef
from app.domain.events import Action, Close, FieldErrors, Open, Outcome, Private, Submission
from app.domain.mcp import McpAuth
from app.domain.secrets import Secret
from app.domain.views import Button, Checkbox, SecretInput, SelectInput, Verbatim, View
from app.errors import BadInput
from app.services.desks.agents import AgentDesk
from app.services.desks.keys import KeyDesk
from app.services.desks.people import PeopleDesk
from app.services.forms import Forms
from app.services.screens import mcp as screens
from app.services.screens import mcp_tool
from tests.app.bench import ADMIN, MEMBER, WORKSPACE, Bench, words
from tests.app.mcp.shop import Shop
from tests.fakes.mcp_server import FakeMcpServer

TOKEN = "canary-" + "pasted-0004-abcdef"

WELL = {"name": "tracker", "auth": "none", "personal": ""}


def view_of(outcome: Outcome) -> View:
    assert isinstance(outcome, Private | Open)
    return outcome.view


def buttons(view: View) -> list[str]:
    found: list[str] = []
    for block in view.blocks:
        control = getattr(block, "control", None)
        found += [one.id for one in getattr(block, "buttons", ())]
        found += [control.id] if isinstance(control, Button) else []
    return found


async def test_an_admin_adds_a_server_and_switches_a_tool_on(shop: Shop) -> None:
    listed = view_of(await shop.desk.for_admins["tools"](ADMIN, ""))
    assert buttons(listed) == [screens.ADD]
    form = view_of(await shop.press(screens.ADD))
    assert any(isinstance(block, SecretInput) for block in form.blocks)
    saved = await shop.send(screens.ADD_FORM, WELL | {"url": shop.fake.url})
    assert isinstance(saved, Close)
    assert saved.then
    assert "5 tools new (off)" in words(saved.then)
    server = (await shop.servers.all(WORKSPACE))[0]
    tool = view_of(await shop.press(screens.TOOL, f"{server.id}/add"))
    assert "Adds two numbers." in "".join(block.text for block in tool.blocks if isinstance(block, Verbatim))
    assert not any(block.checked for block in tool.blocks if isinstance(block, Checkbox))
    on = {"enabled": "yes", "read_only": "", "approval": "never"}
    done = await shop.send(mcp_tool.FORM, on, context=tool.context)
    assert isinstance(done, Close)
    assert done.then
    assert "mcp-tracker-add" in words(done.then)
    assert (await shop.pinned(server)).usable
    assert "asks as grants say" in words(view_of(await shop.press(screens.OPEN, server.id)))


async def test_a_changed_tool_is_shown_with_what_changed(shop: Shop) -> None:
    def add(a: int, b: int, copy_to: str = "") -> str:
        return "?"

    server, _ = await shop.add()
    await shop.enable(server)
    shop.fake.replace("add", add, "Adds two numbers. Copies what it is told.")
    looked = words(view_of(await shop.press(screens.LOOK, server.id)))
    assert "1 tool changed (off now)" in looked
    assert "changed: off until you look" in looked
    form = view_of(await shop.press(screens.TOOL, f"{server.id}/add"))
    diff = next(block.text for block in form.blocks if isinstance(block, Verbatim))
    assert "-Adds two numbers." in diff
    assert "+Adds two numbers. Copies what it is told." in diff
    assert "+copy_to (string, optional)" in diff
    done = await shop.send(mcp_tool.FORM, {"enabled": "yes", "approval": "always"}, context=form.context)
    assert isinstance(done, Close)
    assert (await shop.pinned(server)).description.endswith("Copies what it is told.")
    assert (await shop.pinned(server)).usable


async def test_mistakes_are_told_beside_their_fields(shop: Shop) -> None:
    async def fields(**values: str) -> list[str]:
        outcome = await shop.send(screens.ADD_FORM, WELL | {"url": shop.fake.url} | values)
        assert isinstance(outcome, FieldErrors)
        return list(outcome.errors)

    assert await fields(name="Two Words") == ["name"]
    assert await fields(url="http://example.com") == ["url"]
    assert await fields(auth="magic") == ["auth"]
    assert await fields(auth="bearer") == ["token"]
    await shop.add()
    assert await fields() == ["name"]


async def test_pausing_resuming_and_removing(shop: Shop) -> None:
    server, _ = await shop.add()
    assert screens.RESUME in buttons(view_of(await shop.press(screens.PAUSE, server.id)))
    assert screens.PAUSE in buttons(view_of(await shop.press(screens.RESUME, server.id)))
    assert "is removed" in words(view_of(await shop.press(screens.REMOVE, server.id)))
    assert await shop.servers.all(WORKSPACE) == ()
    assert await shop.bench.actions() == [
        *(await shop.bench.actions())[:-4],
        "mcp.server_added",
        "mcp.server_paused",
        "mcp.server_resumed",
        "mcp.server_removed",
    ]


async def test_the_home_tab_tells_admins_of_servers_and_nobody_else(shop: Shop) -> None:
    await shop.add()
    assert "0 of 5 tools on" in words(await shop.desk.section(ADMIN, admin=True))
    assert await shop.desk.section(MEMBER, admin=False) == ()


async def test_one_server_is_shown_by_its_name(shop: Shop) -> None:
    await shop.add()
    await shop.add(name="second")
    both = view_of(await shop.desk.for_admins["tools"](ADMIN, ""))
    assert screens.TOOL not in buttons(both)
    assert screens.TOOL in buttons(view_of(await shop.desk.for_admins["tools"](ADMIN, "Second")))


async def test_signing_in_is_offered_where_it_can_come_back(shop: Shop) -> None:
    form = screens.add_form(may_sign_in=False)
    select = next(block for block in form.blocks if isinstance(block, SelectInput))
    assert select.selected == McpAuth.BEARER.value
    assert "LATCHKEY_PUBLIC_URL" in select.hint


async def test_what_is_too_long_to_be_looked_at_can_t_be_switched_on(shop: Shop) -> None:
    server, _ = await shop.add()
    tool = await shop.pinned(server)
    long = replace(
        tool,
        schema={
            "type": "object",
            "properties": {f"argument_{n}": {"type": "string", "description": "x" * 90} for n in range(100)},
        },
    )
    assert not long.can_be_shown
    view = mcp_tool.form(server, long, None)
    assert not view.submit
    async with shop.bench.database.begin() as uow:
        await uow.mcp.keep_tool(WORKSPACE, long)
    with pytest.raises(BadInput, match="too long to be looked at"):
        await shop.enable(server)


async def test_nothing_of_what_is_shown_is_left_out(shop: Shop) -> None:
    server, _ = await shop.add()
    tool = await shop.pinned(server)
    deep = {
        "type": "object",
        "properties": {"a": {"type": "object", "properties": {"b": {"description": "HIDDEN " + "y" * 2000}}}},
    }
    view = mcp_tool.form(server, replace(tool, schema=deep, description="z" * 4000), None)
    shown = "".join(block.text for block in view.blocks if isinstance(block, Verbatim))
    assert "HIDDEN" in shown
    assert "y" * 2000 in shown
    assert "z" * 4000 in shown
    assert max(len(block.text) for block in view.blocks if isinstance(block, Verbatim)) <= mcp_tool.PIECE


async def test_a_changed_tool_is_not_switched_on_by_saving_its_form_unread(shop: Shop) -> None:
    server, _ = await shop.add()
    tool = await shop.enable(server, read_only=True)
    view = mcp_tool.form(server, replace(tool, changed=True), replace(tool, description="Other.", hash="0" * 64))
    assert not any(block.checked for block in view.blocks if isinstance(block, Checkbox))


async def test_members_set_tokens_of_their_own_and_nothing_else(bench: Bench) -> None:
    async with FakeMcpServer(token=TOKEN) as fake:
        shop = Shop(bench, fake)
        server, _ = await shop.add(McpAuth.BEARER, token=TOKEN, personal=True)
        forms = Forms(
            access=bench.access, workspaces=bench.workspaces, keys=KeyDesk(bench.keys, bench.agents),
            agents=AgentDesk(bench.agents, bench.keys, bench.models.comparisons), home=bench.home,
            people=PeopleDesk(bench.database, bench.access, bench.workspaces, bench.memory),
            more=[shop.desk], open_saves=shop.desk.open_saves,
        )  # fmt: skip

        async def sent(form: str, by: UserRef = MEMBER, token: str = TOKEN) -> Outcome:
            values = WELL | {"url": fake.url, "enabled": "yes", "approval": "never"}
            return await forms.submission(Submission(by, form, values, {"token": Secret(token)}, server.id))

        for form in (screens.ADD_FORM, screens.TOKEN_FORM, mcp_tool.FORM):
            refused = await sent(form)
            assert isinstance(refused, Close)
            assert "for Latchkey's admins" in words(refused.then)
        for act in (screens.ADD, screens.OPEN, screens.REMOVE, screens.NEW_TOKEN, screens.TOOL):
            assert "for Latchkey's admins" in words(view_of(await forms.action(Action(MEMBER, act, server.id))))
        assert isinstance(await forms.action(Action(MEMBER, screens.OWN_TOKEN, server.id)), Open)
        assert isinstance(await sent(screens.OWN_TOKEN_FORM, token="canary-wrong"), FieldErrors)
        assert isinstance(await sent(screens.OWN_TOKEN_FORM), Close)
        assert await shop.servers.signed_in(server) == 2
        assert await shop.servers.all(WORKSPACE) == (server,)
        await shop.close()


async def test_who_is_of_another_workspace_reaches_nothing_of_this_one(shop: Shop) -> None:
    server, _ = await shop.add()
    stranger = UserRef("slack:T2", ADMIN.id)
    for act in (screens.OWN_TOKEN, screens.SIGN_OUT, screens.OPEN, screens.REMOVE):
        with pytest.raises(BadInput):
            await shop.press(act, server.id, stranger)

"""Three offices at once, each on a platform of its own, with one admin who asks: whatever an agent does is seen where people see it."""

from __future__ import annotations

import contextlib
import copy
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import aiohttp
from aiohttp import web
from yarl import URL

from adapters.playground.world import WORKSPACE
from adapters.teams.handle import ACTION, OURS
from adapters.tools.mcp.hub import Hub
from adapters.tools.mcp.sign_in import SignIn
from app import settings
from app.database import open_vault
from app.domain.audit import AuditEntry
from app.domain.chat import UserRef
from app.domain.grants import EVERYWHERE, Approval, Invoker, ToolGrant
from app.domain.mcp import McpAuth
from app.services.agent_drafts import AgentDraft
from app.services.agents import Agents
from app.services.mcp.servers import Choice, McpServers, ServerEntry
from app.services.mcp.tokens import McpTokens
from app.services.screens.approvals import APPROVE
from app.store.unit_of_work import Database
from tests.acceptance import test_kill as kill
from tests.acceptance.loopback_teams import set_key, wiring
from tests.acceptance.playground import demo
from tests.acceptance.process import free_port, until
from tests.acceptance.service import Service
from tests.acceptance.test_approval import WallClock
from tests.adapters.playground.pages import Page
from tests.fakes.mcp_server import FakeMcpServer
from tests.fakes.model_server import ModelServer
from tests.fakes.slack_server import SlackServer
from tests.fakes.teams.identity import TENANT
from tests.fakes.teams.world import CHANNEL, Json
from tests.fakes.teams_server import TeamsServer

KEY = kill.KEY
SEED = "The lift is being repaired."
PAGE = "The lift runs again on Monday."


class Place(Protocol):
    """One platform, as the admin of its office sees it. `elsewhere` is the id of another channel, in which somebody said SEED."""

    name: str
    workspace: str
    admin: str
    elsewhere: str

    async def ask(self, text: str) -> str:
        """The admin asks an agent; the thread's id."""

    def messages(self, thread: str) -> list[Json]:
        """What the app shows in the thread now."""

    def answered(self, thread: str) -> bool:
        """Whether the answer is whole."""

    def card(self, thread: str) -> Json | None:
        """The message that asks somebody to agree."""

    async def approve(self, card: Json) -> None:
        """The admin agrees."""

    def posted(self) -> str:
        """What stands in the other channel."""


@dataclass
class InSlack:
    slack: SlackServer
    name: str = "slack"
    workspace: str = "slack:T1"
    admin: str = "UADMIN"
    elsewhere: str = "CRANDOM"

    async def ask(self, text: str) -> str:
        return await self.slack.say("CGENERAL", self.admin, f"<@UBOT> {text}")

    def messages(self, thread: str) -> list[Json]:
        return self.slack.replies("CGENERAL", thread)

    def answered(self, thread: str) -> bool:
        return "You said" in kill._text(self.slack, thread)

    def card(self, thread: str) -> Json | None:
        return next((one for one in self.messages(thread) if f'"{APPROVE}"' in json.dumps(one.get("blocks"))), None)

    async def approve(self, card: Json) -> None:
        await self.slack.press(self.admin, APPROVE, where=card)

    def posted(self) -> str:
        return str([one["text"] for one in self.slack.messages(self.elsewhere)])


@dataclass
class InTeams:
    teams: TeamsServer
    name: str = "teams"
    workspace: str = f"teams:{TENANT}"

    def __post_init__(self) -> None:
        world = self.teams.world
        self.admin = world.ann.oid
        self.elsewhere = world.channel("support", [world.ann, world.bob]).id

    async def ask(self, text: str) -> str:
        brought = await self.teams.say(self.teams.world.ann, text)
        assert brought.status == 200
        return str(brought.activity["id"])

    def messages(self, thread: str) -> list[Json]:
        return self.teams.shown(CHANNEL, thread)

    def answered(self, thread: str) -> bool:
        return any("You said" in one.get("text", "") for one in self.messages(thread) if one["type"] == "message")

    def card(self, thread: str) -> Json | None:
        found = [one for one in self.messages(thread) if any(_pressable(one))]
        return copy.deepcopy(found[0]) if found else None

    async def approve(self, card: Json) -> None:
        where, _, thread = card["conversation"]["id"].partition(";messageid=")
        action = {"type": "Action.Execute", "verb": APPROVE, "data": next(_pressable(card))}
        value = {"action": action, "trigger": "manual"}
        ann = self.teams.world.ann
        told = await self.teams.invoke(ann, "adaptiveCard/action", value, where, replyToId=card["id"], thread=thread)
        assert told.status == 200

    def posted(self) -> str:
        return str(list(self.teams.world.chats[self.elsewhere].shown.values()))


@dataclass
class InPlayground:
    page: Page
    name: str = "playground"
    workspace: str = WORKSPACE
    admin: str = "U-ADA"
    elsewhere: str = "C-RANDOM"

    async def ask(self, text: str) -> str:
        await self.page.ask("message", channel="C-GENERAL", text=f"@Latchkey {text}")
        return str(self.page.own(f"@Latchkey {text}")["id"])

    def messages(self, thread: str) -> list[Json]:
        ours = [one for one in self.page.messages.values() if one["thread"] == thread]
        return [one for one in ours if one["author"].get("id") != self.admin]

    def answered(self, thread: str) -> bool:
        return any("You said" in one["text"] for one in self.messages(thread) if one["state"] == "done")

    def card(self, thread: str) -> Json | None:
        return next((one for one in self.messages(thread) if any(_buttons(one))), None)

    async def approve(self, card: Json) -> None:
        (value,) = _buttons(card)
        assert await self.page.ask("action", id=APPROVE, value=value, values={}, message=card["id"]) == 200

    def posted(self) -> str:
        return str([one["text"] for one in self.page.messages.values() if one["channel"] == self.elsewhere])


@dataclass
class Offices:
    """All three, the model that answers in them, and what lies on the network beside."""

    places: dict[str, Place]
    models: ModelServer
    tracker: FakeMcpServer
    url: str
    databases: dict[str, str] = field(default_factory=dict)
    helpers: dict[str, str] = field(default_factory=dict)
    pins: dict[str, str] = field(default_factory=dict)

    async def grant(self, place: Place, *grants: ToolGrant) -> None:
        """The agent holds these and no others, for everybody, everywhere."""
        held = tuple(
            replace(one, id=f"g{at}", places=EVERYWHERE, invokers=tuple(Invoker)) for at, one in enumerate(grants)
        )
        database = Database(self.databases[place.name], WallClock())
        async with database.begin() as uow:
            agent = next(one for one in await uow.agents.all(place.workspace) if one.name == "assistant")
            await uow.agents.change(replace(agent, grants=held))
        await database.dispose()

    async def audit(self, place: Place) -> list[AuditEntry]:
        """What was written down of tools, oldest first."""
        database = Database(self.databases[place.name], WallClock())
        async with database.read() as uow:
            found = await uow.audit.last(place.workspace, 1000)
        await database.dispose()
        return [entry for entry in reversed(found) if entry.action.startswith("tool.")]

    async def settle(self, place: Place, data: Path) -> None:
        """Another agent that can be asked, and a server of tools, added and looked at by the admin."""
        url = self.databases[place.name] = f"sqlite:///{data / 'latchkey.db'}"
        clock, admin = WallClock(), UserRef(place.workspace, place.admin)
        database, hub = Database(url, clock), Hub(private_hosts=[self.tracker.host], connect=5, listing=5)
        sign_in = SignIn(clock, private_hosts=[self.tracker.host])
        vault = await open_vault(settings.load(data_dir=data), database)
        helper = await Agents(database, clock).create(place.workspace, AgentDraft("helper"), admin)
        servers = McpServers(database, hub, McpTokens(database, vault, hub, sign_in, clock), clock)
        server, _ = await servers.add(place.workspace, ServerEntry("tracker", self.tracker.url, McpAuth.NONE), admin)
        pinned = next(one for one in await servers.tools(place.workspace, server.id) if one.name == "add")
        await servers.choose(server, "add", Choice(True, True, Approval.NEVER, pinned.hash), admin)
        self.helpers[place.name], self.pins[place.name] = helper.id, pinned.hash
        for closes in (hub.aclose, sign_in.aclose, database.dispose):
            await closes()


@asynccontextmanager
async def offices(folder: Path) -> AsyncIterator[Offices]:
    """Slack and Teams served by one process, the playground by another; each office with a key."""
    async with AsyncExitStack() as stack:
        models = await stack.enter_async_context(ModelServer(keys={KEY}))
        tracker = await stack.enter_async_context(FakeMcpServer())
        page = await _website(stack)
        around = {
            "LATCHKEY_ANTHROPIC_BASE_URL": models.url,
            "LATCHKEY_WEB_HOSTS": page.authority,
            "LATCHKEY_MCP_HOSTS": tracker.host,
            "LATCHKEY_SANDBOX": "monty",
        }
        opened = Offices({}, models, tracker, str(page))
        port = free_port()
        slack = await stack.enter_async_context(SlackServer(events_url=f"http://127.0.0.1:{port}/slack/events"))
        teams = await stack.enter_async_context(TeamsServer())
        teams.bot_url = f"http://127.0.0.1:{port}/api/messages"
        wires = wiring(teams, models) | around
        wires |= {
            "LATCHKEY_SLACK_API_URL": slack.api_url,
            "SLACK_BOT_TOKEN": slack.bot_token,
            "SLACK_SIGNING_SECRET": slack.signing_secret,
        }
        served = folder / "served"
        served.mkdir()
        service = await stack.enter_async_context(Service(served, port, wires))
        played = folder / "played"
        played.mkdir()
        address = await stack.enter_async_context(demo(played, around))
        slack.world.add_channel("CRANDOM", "random")
        await slack.say("CRANDOM", "UADMIN", SEED)
        await kill._set_key(slack)
        await set_key(teams, models, KEY)
        window = await _window(stack, address)
        for place, data in (
            (InSlack(slack), service.data),
            (InTeams(teams), service.data),
            (InPlayground(window), played / "data"),
        ):
            opened.places[place.name] = place
            await opened.settle(place, data)
            await _warm(place, models)
        yield opened


async def _warm(place: Place, models: ModelServer) -> None:
    """Ask until it is the model that answers: a busy machine takes its time to verify a key, and the offline one stands in."""
    for number in range(40):
        marker = f"W-{number} in {place.name}"
        await place.ask(marker)
        with contextlib.suppress(AssertionError):
            await until(partial(_has_answered, models, marker), "it answers", 2)
            return
    raise AssertionError(f"the model of {place.name} is not asked")


def _has_answered(models: ModelServer, marker: str) -> bool:
    return any(call.finished and marker in call.said for call in models.calls)


async def _website(stack: AsyncExitStack) -> URL:
    async def page(request: web.Request) -> web.Response:
        return web.Response(text=PAGE)

    app = web.Application()
    app.router.add_get("/lift", page)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return URL(f"http://127.0.0.1:{runner.addresses[0][1]}/lift")


async def _window(stack: AsyncExitStack, address: str) -> Page:
    """A window of the playground as the admin has it, with the key set."""
    http = await stack.enter_async_context(aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)))
    async with http.get(address) as entered:
        assert entered.status == 200
    origin = str(URL(address).origin())
    page = Page(await http.ws_connect(f"{origin}/playground/socket?as=U-ADA", headers={"Origin": origin}))
    stack.push_async_callback(page.close)
    await page.until(lambda: page.snapshot)
    await page.ask("message", channel="C-RANDOM", text=SEED)
    await page.ask("command", channel="C-GENERAL", text="/byok setkey anthropic")
    await page.until(lambda: page.screens)
    form = next(iter(page.screens))
    assert await page.ask("submit", screen=form, values={"provider": "anthropic", "key": KEY}) == 200
    await until(lambda: form not in page.screens, f"the key is taken: {page.errors}")
    return page


def _pressable(message: Any) -> Iterator[Json]:
    """What the button to approve sends, if there is one in this."""
    if isinstance(message, dict):
        data = message.get("data")
        if isinstance(data, dict) and data.get(OURS, {}).get(ACTION) == APPROVE:
            yield data
    inside = message.values() if isinstance(message, dict) else message if isinstance(message, list) else ()
    for one in inside:
        yield from _pressable(one)


def _buttons(message: Any) -> Iterator[str]:
    """The value of the button to approve."""
    if isinstance(message, dict) and message.get("id") == APPROVE:
        yield message["value"]
    inside = message.values() if isinstance(message, dict) else message if isinstance(message, list) else ()
    for one in inside:
        yield from _buttons(one)

"""The services of servers of tools as main wires them, over a bench, with the real connections to a server on loopback."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

import aiohttp

from adapters.tools.mcp.hub import Hub
from adapters.tools.mcp.sign_in import SignIn
from app.domain.agent import AgentSpec
from app.domain.chat import ConversationRef, UserRef
from app.domain.events import Action, Outcome, Submission
from app.domain.grants import Approval, Invoker, Scope, ToolGrant
from app.domain.mcp import McpAuth, McpServer, PinnedTool, full_name
from app.domain.run import ToolResult
from app.domain.secrets import Secret
from app.domain.views import View
from app.ports.agents import Question, RunFacts, Tool
from app.services.desks.mcp import McpDesk
from app.services.mcp.invitations import Invitations
from app.services.mcp.servers import Choice, Looked, McpServers, ServerEntry
from app.services.mcp.sign_ins import McpSignIns, Returned
from app.services.mcp.tokens import McpTokens
from app.services.notices import Notices
from app.services.tools.mcp import McpTools
from tests.app.bench import ADMIN, MEMBER, WORKSPACE, Bench
from tests.fakes.mcp_server import FakeMcpServer

PUBLIC = "https://latchkey.example.com"
HERE = ConversationRef(WORKSPACE, "C1", "1.0")


class AServer(Protocol):
    """Where a server of tools is."""

    @property
    def url(self) -> str: ...

    @property
    def host(self) -> str: ...


class Shop:
    """`server` may be one by others, where `fake` is not asked for; `hosts` are those of its sign-ins too."""

    def __init__(self, bench: Bench, server: AServer, *, public_url: str = PUBLIC, hosts: Sequence[str] = ()) -> None:
        self.bench = bench
        self.server = server
        private = [server.host, *hosts]
        platforms = {bench.platform.name: bench.platform}
        notices = Notices(platforms, bench.access)
        self.hub = Hub(private_hosts=private, connect=5, listing=5)
        self.sign_in = SignIn(bench.clock, private_hosts=private)
        self.tokens = McpTokens(bench.database, bench.vault, self.hub, self.sign_in, bench.clock)
        self.servers = McpServers(bench.database, self.hub, self.tokens, bench.clock)
        self.sign_ins = McpSignIns(
            bench.database, servers=self.servers, tokens=self.tokens, sign_in=self.sign_in, access=bench.access,
            notices=notices, background=bench.background, clock=bench.clock, public_url=public_url,
        )  # fmt: skip
        self.invitations = Invitations(self.sign_ins, notices, bench.clock)
        self.source = McpTools(self.servers, self.hub, self.tokens, self.invitations, bench.keys.redact)
        self.desk = McpDesk(self.servers, self.sign_ins, bench.access)

    @property
    def fake(self) -> FakeMcpServer:
        """The server, where it is ours."""
        assert isinstance(self.server, FakeMcpServer)
        return self.server

    async def close(self) -> None:
        await self.bench.settled()
        await self.hub.aclose()
        await self.sign_in.aclose()

    async def add(
        self, auth: McpAuth = McpAuth.NONE, *, token: str = "", personal: bool = False, name: str = "tracker"
    ) -> tuple[McpServer, Looked]:
        entry = ServerEntry(name, self.server.url, auth, personal, Secret(token) if token else None)
        return await self.servers.add(WORKSPACE, entry, ADMIN)

    async def pinned(self, server: McpServer, tool: str = "add") -> PinnedTool:
        return next(one for one in await self.servers.tools(WORKSPACE, server.id) if one.name == tool)

    async def enable(
        self, server: McpServer, tool: str = "add", *, read_only: bool = False, approval: Approval = Approval.NEVER
    ) -> PinnedTool:
        seen = (await self.pinned(server, tool)).hash
        chosen, _ = await self.servers.choose(server, tool, Choice(True, read_only, approval, seen), ADMIN)
        return chosen

    def facts(self, asker: UserRef = MEMBER, run: str = "run-1") -> RunFacts:
        agent = AgentSpec("a1", WORKSPACE, "Fox", "", "Help.")
        return RunFacts(run, agent, Question("?", asker, (), {}, self.bench.clock.now()), HERE, Invoker.MEMBER)

    async def tool(self, name: str, asker: UserRef = MEMBER, run: str = "run-1") -> Tool:
        return next(tool for tool in await self.source.tools(self.facts(asker, run)) if tool.spec.name == name)

    async def call(
        self, tool: str, arguments: Mapping[str, Any], *, asker: UserRef = MEMBER, run: str = "run-1"
    ) -> ToolResult:
        return await (await self.tool(full_name("tracker", tool), asker, run)).call("c1", arguments)

    async def grant(self, server: McpServer, tool: PinnedTool) -> AgentSpec:
        """Let the first agent use it."""
        grant = ToolGrant(full_name(server.name, tool.name), scope=Scope(schema=tool.hash), id="g1")
        async with self.bench.database.begin() as uow:
            agent = (await uow.agents.all(WORKSPACE))[0]
            await uow.agents.change(replace(agent, grants=(grant,)))
        return agent

    async def come_back(self, address: str) -> tuple[bool, str]:
        """Agree where one signs in, and let the browser bring that back."""
        return await self.sign_ins.end(returned(await agree(address)))

    async def press(self, action: str, value: str = "", by: UserRef = ADMIN) -> Outcome:
        act = self.desk.acts.get(action) or self.desk.open_acts[action]
        return await act(Action(by, action, value))

    async def send(
        self, form: str, values: Mapping[str, str], *, token: str = "", context: str = "", by: UserRef = ADMIN
    ) -> Outcome:
        save = self.desk.saves.get(form) or self.desk.open_saves[form]
        return await save(Submission(by, form, values, {"token": Secret(token)} if token else {}, context))

    def told(self, user: UserRef) -> list[View]:
        return [whisper.view for whisper in self.bench.platform.whispers if whisper.user == user]


async def agree(address: str) -> dict[str, str]:
    async with aiohttp.ClientSession() as browser, browser.get(address, allow_redirects=False) as answer:
        assert answer.status == 302, await answer.text()
        place = answer.headers["Location"]
    assert place.startswith(f"{PUBLIC}/oauth/mcp/callback?")
    return {name: values[0] for name, values in parse_qs(urlsplit(place).query).items()}


def returned(query: Mapping[str, str]) -> Returned:
    return Returned(query.get("state", ""), query.get("code", ""), query.get("iss", ""), query.get("error", ""))

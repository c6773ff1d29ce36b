"""Wiring, and nothing else: the one place where everybody is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import structlog

import agents.prompt
from adapters.charts.painter import Painter
from adapters.models.anthropic import Anthropic
from adapters.models.compatible import Compatible
from adapters.models.http import ModelHttp
from adapters.models.offline import Offline
from adapters.models.openai import OpenAI
from adapters.models.prices import ListPrices
from adapters.tools.documents.reader import Documents
from adapters.tools.mcp.hub import Hub
from adapters.tools.mcp.sign_in import SignIn
from adapters.tools.sandbox.select import chosen_by
from adapters.tools.web.client import PublicWeb
from agents.runner import Runner
from agents.tools import QuestionTools
from app import edges
from app.database import SystemClock, database_url, open_database, open_vault
from app.engine import Engine, EngineOptions
from app.errors import SettingsError
from app.http.oauth import callback
from app.http.server import Server
from app.ports.clock import Clock
from app.ports.platform import ChatPlatform
from app.ports.providers import ModelProvider
from app.services.access import Access
from app.services.agents import Agents
from app.services.answers import Answers
from app.services.approvals import Approvals
from app.services.arrivals import Arrivals
from app.services.background import Background
from app.services.budgets import Budgets
from app.services.commands import Commands
from app.services.conversations import Conversations
from app.services.costs import Costs
from app.services.desks.agents import AgentDesk
from app.services.desks.approvals import ApprovalDesk
from app.services.desks.keys import KeyDesk
from app.services.desks.people import PeopleDesk
from app.services.desks.prompts import PromptDesk
from app.services.desks.rotation import RotationDesk
from app.services.desks.tools import ToolDesk
from app.services.forms import Forms
from app.services.home import Home
from app.services.intake import Intake
from app.services.key_ring import KeyRing
from app.services.keys import Keys
from app.services.mcp.tokens import McpTokens
from app.services.meter import Meter
from app.services.model_care import ModelCare
from app.services.notices import Notices
from app.services.outlook import Outlooks
from app.services.parked import Parked
from app.services.permissions import Permissions
from app.services.plans import Planner
from app.services.pricing import Pricing
from app.services.references import References
from app.services.retention import Retention
from app.services.schedule import Schedule
from app.services.standing import Standing
from app.services.tool_servers import ToolServers
from app.services.toolkit import Toolkit
from app.services.tools.chat import ChatTools
from app.services.tools.http_fetch import WebTools
from app.services.tools.run_code import CodeTools
from app.services.transcripts import Transcripts
from app.services.turns import Turns
from app.services.workspaces import Workspaces
from app.settings import Settings
from app.store.unit_of_work import Database
from app.telemetry.logs import quieten_libraries
from app.vault import Vault

log = structlog.get_logger(__name__)

EVERY = 5.0
"""Seconds between two looks for keys to check and content to erase."""

SOON = 1.0
"""Seconds between two looks for questions that may be asked again."""

HOURLY = 3600.0
"""Seconds between two tests of what isolates code."""

STRAGGLERS = 5.0
"""Seconds for what is still being told to somebody when the service stops."""


class Service:
    """Everything, made and joined; made by `build`."""

    def __init__(self, settings: Settings, database: Database, vault: Vault, *, demo: bool) -> None:
        self._settings = settings
        self._database = database
        self._background = Background()
        self._schedule = Schedule()
        self._charts = Painter()
        self._http = ModelHttp(private_hosts=settings.model_hosts, proxy=settings.model_proxy)
        self.addresses: tuple[str, ...] = ()
        """What a person can open in a browser, once the service has been started."""

        clock, platforms = SystemClock(), dict[str, ChatPlatform]()
        ring = KeyRing(database, vault, self._providers(demo=demo))
        access = Access(database, platforms, frozenset(settings.admins))
        notices = Notices(platforms, access)
        workspaces = Workspaces(database, clock, vault.shred)
        team, memory = Agents(database, clock), Transcripts(database, vault, platforms, clock=clock)
        self._retention = Retention(database, memory)
        self._prices = ListPrices()
        self._meter = Meter(database, Pricing(self._prices), clock)
        self._keys = Keys(
            database, ring=ring, meter=self._meter, notices=notices, background=self._background, clock=clock, demo=demo
        )
        budgets = Budgets(
            database, platforms, agents=team, access=access, workspaces=workspaces, notices=notices,
            meter=self._meter, redact=self._keys.redact, background=self._background, clock=clock,
        )  # fmt: skip
        planner = Planner(
            database, vault, platforms, agents=team, access=access, keys=self._keys, memory=memory, clock=clock
        )
        documents, permissions = Documents(), Permissions(database, platforms, access, clock)
        self._sandboxes = chosen_by(settings.sandbox, settings.sandbox_socket, settings.sandbox_min_tier)
        self._tool_servers = self._made_tool_servers(vault, access, notices, clock)
        toolkit = Toolkit(
            [
                QuestionTools(),
                ChatTools(platforms, self._keys.redact),
                CodeTools(lambda: self._sandboxes.current, platforms, self._keys.redact),
                WebTools(PublicWeb(private_hosts=settings.web_hosts), documents, permissions, self._keys.redact),
                self._tool_servers.source,
            ],
            platforms,
            permissions=permissions,
            approvals=Approvals(database, vault, platforms, clock=clock),
        )
        self._standing = Standing(
            database, vault, platforms, toolkit, keys=self._keys, runner=Runner(), prompt=agents.prompt.build,
            permissions=permissions, agents=team, access=access, notices=notices, clock=clock,
        )  # fmt: skip
        turns = Turns(
            database, platforms, keys=self._keys, workspaces=workspaces, memory=memory,
            runner=Runner(), prompt=agents.prompt.build, tools=toolkit, reader=documents, spending=budgets,
        )  # fmt: skip
        self._engine = Engine(
            database, vault, Conversations(database, planner, turns), _engine_options(settings), workspaces.most_runs
        )
        outlooks = Outlooks(platforms, toolkit, permissions, access, clock)
        self._parked = Parked(database, vault, self._engine, keys=self._keys, clock=clock)
        arrivals, tool_desk = Arrivals(database, clock), ToolDesk(database, team, outlooks, clock)
        self._models = ModelCare(
            database, team, self._keys, self._prices, agents.prompt.parts,
            notices=notices, background=self._background, clock=clock,
        )  # fmt: skip
        costs = Costs(
            database, platforms, ring=ring, prices=self._prices, access=access, notices=notices,
            background=self._background, clock=clock,
        )  # fmt: skip
        home = Home(
            platforms, access=access, workspaces=workspaces, agents=team,
            keys=self._keys, memory=memory, background=self._background,
            sections=[
                costs.usage_desk, self._standing.schedule_desk, self._standing.note_desk, self._tool_servers.desk, self._models.stand_ins,
            ],
        )  # fmt: skip
        key_desk, agent_desk = KeyDesk(self._keys, team), AgentDesk(team, self._keys, self._models.comparisons)
        rotation_desk, people_desk = (
            RotationDesk(self._keys, key_desk),
            PeopleDesk(database, access, workspaces, memory),
        )
        answers = Answers(database, vault, self._engine, arrivals=arrivals, access=access, clock=clock)
        approvals = ApprovalDesk(
            database, vault, self._engine, platforms,
            answers=answers, access=access, background=self._background, clock=clock,
        )  # fmt: skip
        intake = Intake(
            database,
            vault,
            self._engine,
            arrivals=arrivals,
            answers=answers,
            approvals=approvals,
            commands=Commands(
                database, access=access, workspaces=workspaces, keys=self._keys,
                key_desk=key_desk, agents=agent_desk, people=people_desk, home=home,
                more=[
                    self._standing.schedule_desk, self._standing.note_desk, self._tool_servers.desk, tool_desk,
                    rotation_desk, *self._models.desks, *costs.desks, *budgets.desks,
                    PromptDesk(team, agents.prompt.parts),
                ],
                there=tool_desk.there,
            ),
            forms=Forms(
                access=access, workspaces=workspaces, keys=key_desk, agents=agent_desk, people=people_desk, home=home,
                more=[
                    self._standing.schedule_desk, self._standing.note_desk, self._tool_servers.desk, tool_desk,
                    rotation_desk, *self._models.desks, *costs.desks, *budgets.desks,
                ],
                open_saves={**self._tool_servers.desk.open_saves, **budgets.open_saves},
            ),
            home=home,
            workspaces=workspaces,
            access=access,
            keys=self._keys,
            platforms=platforms,
            background=self._background,
        )  # fmt: skip
        self._edges = self._made_edges(platforms, intake, demo=demo)
        self._server = Server(
            [
                callback(self._tool_servers.path, self._tool_servers.returned),
                *(route for edge in self._edges for route in edge.routes),
            ],
            {"database": database.is_current, "engine": self._engine_runs},
        )

    async def start(self, ports: Sequence[int]) -> int:
        """Listen on the first free one of these ports, and tell which; then begin to work. Raises SettingsError."""
        port = await self._server.start(self._settings.host, *ports)
        await self._meter.begin()  # before the first call of a model
        await self._engine.launch()  # loads half a second of library; what came in meanwhile is durable and found
        quieten_libraries()
        if self._database.is_sqlite:  # the engine's lock lets nobody else call models
            await self._meter.alone()
        self._background.spawn(self._http.warm_up(), name="load model libraries")  # so that the first key need not wait
        self._background.spawn(self._prices.warm_up(), name="load prices")
        self._schedule.every(EVERY, self._meter.tidy, name="settle what was cut short")
        self._schedule.every(EVERY, self._keys.recheck_due, name="check keys")
        self._schedule.every(EVERY, self._keys.rotating.tick, name="rotate keys")
        self._schedule.every(EVERY, self._retention.tidy, name="erase content")
        self._schedule.every(SOON, self._parked.tick, name="ask again what was parked")
        self._schedule.every(EVERY, self._standing.scheduler(self._engine).tick, name="start what is due")
        self._schedule.every(HOURLY, self._models.lifecycles.tick, name="see which models end")
        self._schedule.every(HOURLY, self._keys.expiry.tick, name="warn of keys that end")
        self._schedule.every(HOURLY, self._look_at_sandboxes, name="test the isolation of code")
        for edge in self._edges:
            await edge.start()
        self.addresses = tuple(edge.address(self._settings.host, port) for edge in self._edges if edge.address)
        log.info("ready", port=port)
        return port

    async def stop(self) -> None:
        """Take nothing new in, let runs end or leave them to the next process, and let go of everything."""
        await self._server.stop_listening()
        for edge in self._edges:
            await edge.stop()
        await self._engine.drain(self._settings.drain_seconds)
        await self._schedule.stop()
        await self._background.drain(STRAGGLERS)
        await self._meter.leave()
        for edge in self._edges:
            await edge.close()
        await self._charts.aclose()
        await self._server.stop()
        await self._tool_servers.aclose()
        await self._sandboxes.aclose()
        await self._http.aclose()
        await self._keys.ring.watch.stop()
        await self._database.dispose()
        log.info("stopped")

    def _providers(self, *, demo: bool) -> Mapping[str, ModelProvider]:
        providers: tuple[ModelProvider, ...] = (
            Anthropic(self._http, base_url=self._settings.anthropic_base_url),
            OpenAI(self._http, base_url=self._settings.openai_base_url),
            Compatible(self._http),
        )
        if demo:  # outside it there is no model without a key
            providers += (Offline(),)
        return {provider.name: provider for provider in providers}

    def _made_edges(self, platforms: dict[str, ChatPlatform], intake: Intake, *, demo: bool) -> list[edges.Edge]:
        settings, charts = self._settings, self._charts
        made = [edges.playground(platforms, intake, charts=charts)] if demo else []
        if settings.slack_bot_token:
            made.append(edges.slack(settings, settings.slack_bot_token, platforms, intake, charts=charts))
        if password := settings.microsoft_app_password:
            references = References(self._database)
            made.append(edges.teams(settings, password, references, platforms, intake, charts=charts))
        return made

    def _made_tool_servers(self, vault: Vault, access: Access, notices: Notices, clock: Clock) -> ToolServers:
        hosts = self._settings.mcp_hosts
        hub, sign_in = Hub(private_hosts=hosts), SignIn(clock, private_hosts=hosts)
        return ToolServers(
            self._database, hub=hub, sign_in=sign_in, tokens=McpTokens(self._database, vault, hub, sign_in, clock),
            access=access, notices=notices, redact=self._keys.redact, background=self._background, clock=clock,
            public_url=self._settings.public_url,
        )  # fmt: skip

    async def _look_at_sandboxes(self) -> None:
        await self._sandboxes.choose()
        log.info("code", isolation=self._sandboxes.words)  # why not another is told by `latchkey doctor`

    async def _engine_runs(self) -> bool:
        return self._engine.running


def _engine_options(settings: Settings) -> EngineOptions:
    lock = None if settings.database_url else settings.data_dir / "engine.lock"
    return EngineOptions(database_url(settings, "engine.db"), lock=lock, overall=settings.max_runs)


async def build(settings: Settings, *, demo: bool = False) -> Service:
    """A service that is ready to start. Raises SettingsError or MasterKeyError, which say what to do."""
    try:
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(
            f"LATCHKEY_DATA_DIR: {settings.data_dir.absolute()} cannot be made: {error.strerror}."
        ) from None
    database = open_database(settings)
    try:
        await database.migrate()
        vault = await open_vault(settings, database)
        return Service(settings, database, vault, demo=demo)
    except BaseException:
        await database.dispose()
        raise

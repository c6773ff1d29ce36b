"""The receiving half of the adapter against a fake Teams: what it tells Inbound is recorded, what it would show is written down."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from aiohttp import web

from adapters.teams.addresses import Addresses
from adapters.teams.app import TeamsApp
from adapters.teams.auth import Verifier
from adapters.teams.clouds import PUBLIC, MicrosoftCloud
from adapters.teams.connector import Connector
from adapters.teams.edge import PATH, Edge
from adapters.teams.files import Files
from adapters.teams.handle import Consent, Handle
from adapters.teams.http import Http
from adapters.teams.people import People
from adapters.teams.services import Services
from adapters.teams.signing_keys import SigningKeys
from adapters.teams.sites import Sites
from adapters.teams.tokens import AppType, BotToken
from adapters.teams.traffic import Traffic
from adapters.teams.where import Where
from app.domain.chat import UserRef
from app.domain.events import Outcome
from app.domain.secrets import Secret
from app.domain.views import Suggestion, View
from tests.conformance.recorder import Recorder
from tests.fakes.references import KeptReferences
from tests.fakes.teams.identity import APP_ID, PASSWORD, TENANT
from tests.fakes.teams.world import Json
from tests.fakes.teams_server import TeamsServer

WORKSPACE = f"teams:{TENANT}"


def cloud_of(teams: TeamsServer, cloud: MicrosoftCloud = PUBLIC) -> MicrosoftCloud:
    """A cloud of Microsoft's, as the fake plays it."""
    return replace(cloud, login_url=teams.login_url, openid_url=teams.openid_url)


class Clockwork:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return asyncio.get_running_loop().time() + self.ahead


class Shown:
    """An Answers that shows nothing and writes down what it was given; an invoke is answered with `body`."""

    def __init__(self) -> None:
        self.body: Json = {"task": {"type": "message", "value": "Done."}}
        self.invokes: list[tuple[Outcome, Handle]] = []
        self.messages: list[tuple[Outcome, Handle]] = []
        self.welcomes: list[tuple[Where, UserRef]] = []
        self.homes: list[UserRef] = []
        self.consents: list[tuple[Consent, UserRef]] = []

    async def to_invoke(self, outcome: Outcome, at: Handle, form: View | None = None) -> Json:
        self.invokes.append((outcome, at))
        return self.body

    async def to_message(self, outcome: Outcome, at: Handle) -> None:
        self.messages.append((outcome, at))

    async def welcome(self, at: Handle, account: str, prompts: tuple[Suggestion, ...]) -> None:
        self.welcomes.append((at.place, at.user))

    async def file_answered(self, consent: Consent, user: UserRef, place: Where) -> None:
        self.consents.append((consent, user))

    async def home_wanted(self, user: UserRef) -> None:
        self.homes.append(user)


class Pieces:
    """Everything that belongs to one adapter's receiving half."""

    def __init__(
        self,
        teams: TeamsServer,
        *,
        tenants: Collection[str] = (),
        cloud: MicrosoftCloud = PUBLIC,
        app_type: AppType = AppType.SINGLE,
    ) -> None:
        self.teams = teams
        self.clock = Clockwork()
        self.inbound = Recorder()
        self.shown = Shown()
        self.references = KeptReferences()
        self.http = Http()
        self.services = Services([teams.origin], cloud=cloud)
        self.keys = SigningKeys(self.http, teams.openid_url, monotonic=self.clock)
        self.token = BotToken(
            self.http,
            app_id=APP_ID,
            password=Secret(PASSWORD),
            app_type=app_type,
            tenant=TENANT,
            cloud=cloud_of(teams, cloud),
            monotonic=self.clock,
        )
        self.addresses = Addresses(self.references, monotonic=self.clock)
        self.connector = Connector(
            self.http, self.token, self.services, self.addresses, traffic=Traffic(), first_pause=0.01
        )
        self.people = People(self.connector, self.addresses, monotonic=self.clock)
        self.files = Files(self.http, self.token, self.services, extra=[teams.origin])
        self.app = TeamsApp(
            self.inbound, self.shown, self.addresses, self.people, Sites(self.references, monotonic=self.clock)
        )
        verifier = Verifier(APP_ID, self.keys, self.services, issuer=cloud.issuer)
        self.edge = Edge(verifier, self.app, self.connector, app_id=APP_ID, tenants=tenants)

    def user(self, oid: str) -> UserRef:
        return UserRef(WORKSPACE, oid)


@asynccontextmanager
async def listening(**made: Any) -> AsyncIterator[Pieces]:
    """A fake Teams, and our route listening for what it brings; `made` as in Pieces."""
    async with TeamsServer() as teams:
        pieces = Pieces(teams, **made)
        application = web.Application()
        application.add_routes(pieces.edge.routes())
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        teams.bot_url = f"http://127.0.0.1:{runner.addresses[0][1]}{PATH}"
        try:
            yield pieces
        finally:
            await pieces.app.drain(2)
            await runner.cleanup()
            await pieces.http.close()

"""Many mentions at once against one budget: the whole service, on SQLite or as two processes on PostgreSQL, and what is counted afterwards."""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path

from aiohttp import ClientError, ClientSession, web
from sqlalchemy import func, select

from app.domain.money import ZERO, TokenPrices
from app.domain.spend import Kind, Limit, Period, Scope
from app.store.tables import Money, inbox, receipts, reservations, spend_days
from app.store.unit_of_work import Database, UnitOfWork
from tests.acceptance.process import free_port, until, until_told
from tests.acceptance.service import Service
from tests.acceptance.test_approval import WallClock
from tests.acceptance.test_kill import KEY, _set_key
from tests.fakes.model_server import ModelServer
from tests.fakes.slack_server import SlackServer

WORKSPACE = "slack:T1"
MODEL = "claude-haiku-5-5"
OUTPUT = 20
"""Tokens of the fake's answers."""

MARKER = re.compile(r"M-\d{3}")


@dataclass
class Race:
    """A Slack, a model, and as many services as there are `ports`; `asked` are the threads of the mentions by marker."""

    slack: SlackServer
    models: ModelServer
    services: Sequence[Service]
    database: Database
    asked: dict[str, str] = field(default_factory=dict)

    async def begin(self, *, most_runs: int = 250) -> None:
        """A key, an agent whose answers are exactly as long as they may be, and no brake but the budget."""
        await _set_key(self.slack)
        async with self.database.begin() as uow:
            (agent,) = await uow.agents.all(WORKSPACE)
            await uow.agents.change(replace(agent, model=MODEL, provider="anthropic", max_output_tokens=OUTPUT))
            row = await uow.workspaces.get(WORKSPACE)
            assert row
            await uow.workspaces.keep_settings(WORKSPACE, {**row.settings, "max_runs": most_runs})

    async def own_price(self, per_call: Decimal) -> None:
        """Only output costs: each call the same."""
        prices = TokenPrices(ZERO, per_call * 1_000_000 / OUTPUT)
        async with self.database.begin() as uow:
            await uow.prices.put(WORKSPACE, "anthropic", MODEL, prices, "UADMIN")

    async def limit(self, amount: Decimal) -> None:
        """What the workspace may spend in a month."""
        async with self.database.begin() as uow:
            await uow.limits.put(Limit("limit_1", WORKSPACE, Scope.WORKSPACE, "", Period.MONTH, amount), "UADMIN")

    async def ask(self, count: int, directives: str = "[[delay:0.05]]") -> None:
        """So many mentions at once, each in a thread of its own."""

        async def one(number: int) -> None:
            marker = f"M-{number:03}"
            self.asked[marker] = await self.slack.say("CGENERAL", "UMEMBER", f"<@UBOT> {marker} {directives}")

        first = len(self.asked)
        await asyncio.gather(*(one(first + number) for number in range(count)))

    async def ended(self, seconds: float = 120) -> None:
        """Nothing waits any more, and everybody was told something."""
        await until_told(self._idle, "everything that was asked is answered or refused", seconds)
        await until(lambda: all(map(self.said, self.asked)), "everybody was told", 20)

    def said(self, marker: str) -> str:
        """What stands in the thread of a mention."""
        found = self.slack.replies("CGENERAL", self.asked[marker])
        return " ".join(f"{reply['text']} {reply.get('blocks', '')}" for reply in found)

    def answered(self) -> list[str]:
        return [marker for marker in self.asked if "You said:" in self.said(marker)]

    def working(self) -> list[str]:
        """What still looks as if somebody was at it."""
        streaming = [stream.ts for stream in self.slack.api.streams.all.values() if not stream.ended]
        return streaming + [one for one in self.slack.api.chat.sessions.values() if one == "processing"]

    async def spent(self) -> Decimal:
        """As the enforced sums have it."""
        async with self.database.read() as uow:
            found = await uow.connection.execute(
                select(func.sum(spend_days.c.cost, type_=Money())).where(spend_days.c.kind == Kind.ALL.value)
            )
            return found.scalar() or ZERO

    async def receipts(self) -> list[tuple[Decimal, bool, str]]:
        """Each one's cost, whether it is estimated, and its outcome; those that nobody owes anything for are left out."""
        async with self.database.read() as uow:
            found = await uow.connection.execute(
                select(receipts.c.cost, receipts.c.estimated, receipts.c.outcome).order_by(receipts.c.id)
            )
            return [(row.cost, row.estimated, row.outcome) for row in found if row.cost]

    async def reserved(self) -> list[Decimal]:
        """What is set aside at this moment."""
        async with self.database.read() as uow:
            return list((await uow.connection.execute(select(reservations.c.amount))).scalars())

    async def _idle(self) -> bool:
        async with self.database.read() as uow:
            return await _done(uow) >= len(self.asked)


async def _done(uow: UnitOfWork) -> int:
    found = await uow.connection.execute(select(func.count()).where(inbox.c.state == "done"))
    return int(found.scalar_one())


@asynccontextmanager
async def racing(folder: Path, database_url: str = "", *, nodes: int = 1, most_runs: int = 250) -> AsyncIterator[Race]:
    """With `nodes` services that share a database; what Slack says is brought to them in turn."""
    async with AsyncExitStack() as stack:
        ports = [free_port() for _ in range(nodes)]
        events_url = f"http://127.0.0.1:{await stack.enter_async_context(_in_turn(ports))}/slack/events"
        slack = await stack.enter_async_context(SlackServer(events_url=events_url))
        models = await stack.enter_async_context(ModelServer(keys={KEY}))
        slack.deliveries.retry_delays = [0.5] * 120
        environment = {
            "LATCHKEY_SLACK_API_URL": slack.api_url,
            "SLACK_BOT_TOKEN": slack.bot_token,
            "SLACK_SIGNING_SECRET": slack.signing_secret,
            "LATCHKEY_ANTHROPIC_BASE_URL": models.url,
            "LATCHKEY_LOG_LEVEL": "INFO",
            "LATCHKEY_MAX_RUNS": "250",
        }
        if database_url:
            master = "bWFzdGVyLWtleS1mb3ItcmFjZS10ZXN0cy0zMmJ5dGU="
            environment |= {"LATCHKEY_DATABASE_URL": database_url, "LATCHKEY_MASTER_KEY": master}
        services = []
        for number, port in enumerate(ports):
            place = folder / f"node{number}"
            place.mkdir()
            services.append(await stack.enter_async_context(Service(place, port, environment)))
        url = database_url or f"sqlite:///{services[0].data / 'latchkey.db'}"
        database = Database(url, WallClock())
        stack.push_async_callback(database.dispose)
        race = Race(slack, models, services, database)
        await race.begin(most_runs=most_runs)
        yield race


@asynccontextmanager
async def _in_turn(ports: Sequence[int]) -> AsyncIterator[int]:
    """A load balancer: each request goes to the next one; who can't be reached has Slack try again."""
    turn = itertools.cycle(ports)

    async def forward(request: web.Request) -> web.Response:
        body = await request.read()
        headers = {
            name: value for name, value in request.headers.items() if name.lower() not in ("host", "content-length")
        }
        try:
            async with session.post(
                f"http://127.0.0.1:{next(turn)}{request.path}", data=body, headers=headers
            ) as answer:
                return web.Response(
                    status=answer.status, body=await answer.read(),
                    headers={"Content-Type": answer.headers.get("Content-Type", "text/plain")},
                )  # fmt: skip
        except (OSError, ClientError):
            return web.Response(status=502)

    app = web.Application()
    app.router.add_post("/slack/events", forward)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    async with ClientSession() as session:
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
            yield runner.addresses[0][1]
        finally:
            await runner.cleanup()

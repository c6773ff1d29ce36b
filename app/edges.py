"""Where people meet the service: each platform's way in, made when its settings are there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog
from aiohttp import web

from app.domain.secrets import Secret
from app.ports.charts import ChartPainter
from app.ports.inbound import Inbound
from app.ports.platform import ChatPlatform
from app.services.references import References
from app.settings import Settings

if TYPE_CHECKING:
    from adapters.teams.platform import Cloud, Registration

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Edge:
    """Where people meet the service: what a platform's adapter has to be told, and when."""

    routes: Sequence[web.AbstractRouteDef]
    start: Callable[[], Awaitable[None]]
    stop: Callable[[], Awaitable[None]]  # take nothing more in
    close: Callable[[], Awaitable[None]]  # let go of everything
    address: Callable[[str, int], str] | None = None


def playground(platforms: dict[str, ChatPlatform], inbound: Inbound, *, charts: ChartPainter) -> Edge:
    """A chat in the browser: a platform without accounts."""
    from adapters.playground.platform import Playground
    from adapters.playground.room import Rooms
    from adapters.playground.server import PlaygroundServer

    rooms = Rooms(charts)
    platforms[Playground.name] = Playground(rooms)
    server = PlaygroundServer(rooms, inbound)

    async def nothing() -> None:
        """Windows stay open while answers end."""

    async def close() -> None:
        server.close()

    return Edge(server.routes(), start=nothing, stop=nothing, close=close, address=server.address)


def slack(
    settings: Settings, token: Secret, platforms: dict[str, ChatPlatform], inbound: Inbound, *, charts: ChartPainter
) -> Edge:
    """One Slack workspace, over HTTP or Socket Mode."""
    from adapters.slack.platform import Slack

    platform = Slack(
        bot_token=token,
        signing_secret=settings.slack_signing_secret,
        app_token=settings.slack_app_token,
        api_url=settings.slack_api_url,
        charts=charts,
    )
    platforms[platform.name] = platform
    platform.listen(inbound)
    return Edge(platform.routes(), start=platform.start, stop=platform.stop, close=platform.close)


def teams(
    settings: Settings,
    password: Secret,
    references: References,
    platforms: dict[str, ChatPlatform],
    inbound: Inbound,
    *,
    charts: ChartPainter,
) -> Edge:
    """Every Teams tenant that reaches this bot."""
    from adapters.teams.platform import Teams

    hosts, openid, login = settings.teams_service_hosts, settings.teams_openid_url, settings.teams_login_url
    if hosts:
        log.warning("the bot's token is also sent to hosts that are not Microsoft's", hosts=hosts)
    if openid or login:
        log.warning("others than Microsoft are believed, or given the bot's password", openid=openid, login=login)
    bot, cloud = teams_of(settings, password)
    platform = Teams(bot, references, cloud=cloud, targeted=settings.teams_targeted, charts=charts)
    platforms[platform.name] = platform
    platform.listen(inbound)
    return Edge(platform.routes(), start=platform.start, stop=platform.stop, close=platform.close)


def teams_of(settings: Settings, password: Secret) -> tuple[Registration, Cloud]:
    """What these settings say of the bot's registration at Microsoft, and of whom to believe and to call."""
    from adapters.teams.platform import Cloud, Registration

    bot = Registration(
        settings.microsoft_app_id, password, settings.microsoft_app_type, settings.microsoft_app_tenant_id
    )
    return bot, Cloud(
        settings.teams_openid_url,
        settings.teams_login_url,
        settings.teams_service_hosts,
        settings.teams_tenants,
        settings.teams_cloud,
    )

"""Teams as a ChatPlatform, and its way in: the one class that `app/main.py` makes of this package."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from aiohttp import web

from adapters.teams.addresses import Addresses
from adapters.teams.answer import Answer, Part
from adapters.teams.app import TeamsApp
from adapters.teams.auth import Verifier
from adapters.teams.channels import Called, Channels
from adapters.teams.clouds import CLOUDS, CloudName, MicrosoftCloud
from adapters.teams.connector import Connector
from adapters.teams.edge import Edge
from adapters.teams.files import Files
from adapters.teams.home import Homes
from adapters.teams.http import Http
from adapters.teams.outcomes import Outcomes
from adapters.teams.people import People
from adapters.teams.posts import Posts
from adapters.teams.reply import Pace, TeamsReply
from adapters.teams.services import Services
from adapters.teams.signing_keys import SigningKeys
from adapters.teams.sites import Sites
from adapters.teams.stream import Stream
from adapters.teams.tokens import AppType, BotToken
from adapters.teams.traffic import Traffic
from adapters.teams.uploads import Uploads
from adapters.teams.where import PLATFORM, Where
from adapters.teams.whispers import Whispers
from app.domain.chat import (
    ConversationRef,
    FileRef,
    Hints,
    HistoryMessage,
    MemberKind,
    MessageRef,
    Persona,
    Place,
    UserRef,
)
from app.domain.run import MadeFile
from app.domain.secrets import Secret
from app.domain.views import View
from app.errors import NotReachable
from app.ports.charts import ChartPainter
from app.ports.inbound import Inbound
from app.ports.platform import Ability, ChannelInfo, FoundMessage, PartRef, Readers, Reply, ReplyTarget, SavePart
from app.ports.references import ConversationReferences

_UNREAD = "Teams does not let an app read channels or search them."
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


@dataclass(frozen=True, slots=True)
class Registration:
    """The bot as it is registered at Microsoft. `tenant` is needed for the app type SingleTenant."""

    app_id: str
    password: Secret
    app_type: str = AppType.SINGLE.value
    tenant: str = ""


@dataclass(frozen=True, slots=True)
class Cloud:
    """Whom to believe and whom to call: one of Microsoft's clouds by its name, and what an operator has otherwise.

    `service_hosts` are hosts (with a port) besides that cloud's own; `tenants` empty means all.
    """

    openid_url: str = ""
    login_url: str = ""
    service_hosts: tuple[str, ...] = ()
    tenants: Collection[str] = ()
    name: str = CloudName.PUBLIC.value

    @property
    def microsoft(self) -> MicrosoftCloud:
        """The cloud of that name, with these URLs in the place of its own where given."""
        named = CLOUDS[CloudName(self.name)]
        return replace(
            named, openid_url=self.openid_url or named.openid_url, login_url=self.login_url or named.login_url
        )

    @property
    def origins(self) -> tuple[str, ...]:
        """The hosts as origins; without encryption only on this machine."""
        plain = (one for one in self.service_hosts if one.rpartition(":")[0] in _LOOPBACK)
        return (*(f"https://{one}" for one in self.service_hosts), *(f"http://{one}" for one in plain))


class Teams:
    """All tenants that have the app. Make it, `listen(inbound)`, serve `routes()`, `start()`; at the end `stop()`, then `close()`.

    `targeted`: whether private answers may be shown in channels (a preview of Teams'); else they go to the one-to-one chat.
    """

    name = PLATFORM
    shows_stop = True
    keeps_history = False
    names_admins = False
    abilities = frozenset({Ability.POST, Ability.UPLOAD})

    def __init__(
        self,
        bot: Registration,
        references: ConversationReferences,
        *,
        cloud: Cloud | None = None,
        targeted: bool = False,
        pace: Pace | None = None,
        traffic: Traffic | None = None,
        charts: ChartPainter | None = None,
    ) -> None:
        cloud = cloud or Cloud()
        microsoft = cloud.microsoft
        services = Services(cloud.origins, cloud=microsoft)
        self._http = Http()
        token = BotToken(
            self._http,
            app_id=bot.app_id,
            password=bot.password,
            app_type=AppType(bot.app_type),
            tenant=bot.tenant,
            cloud=microsoft,
        )
        keys = SigningKeys(self._http, microsoft.openid_url)
        self._verifier = Verifier(bot.app_id, keys, services, issuer=microsoft.issuer)
        self._addresses, self._sites = Addresses(references), Sites(references)
        self._connector = Connector(self._http, token, services, self._addresses, traffic=traffic)
        self._people = People(self._connector, self._addresses)
        self._files = Files(self._http, token, services, extra=cloud.origins)
        called = Called()
        self._whispers = Whispers(self._connector, self._people, called, targeted=targeted, charts=charts)
        self._homes = Homes(self._whispers, references)
        self._channels = Channels(self._connector, self._addresses, self._sites, called)
        self._posts = Posts(self._connector, self._addresses, self._whispers, self._channels)
        self._uploads = Uploads(self._connector, self._addresses, self._whispers, self._http, extra=cloud.origins)
        self._outcomes = Outcomes(self._whispers, self._homes, self._uploads)
        self._app_id = bot.app_id
        self._tenants = cloud.tenants
        self._pace = pace or Pace()
        self._streaming: set[str] = set()
        self._inbound: Inbound | None = None
        self._app: TeamsApp | None = None
        self._edge: Edge | None = None

    def listen(self, inbound: Inbound) -> None:
        """Say who is to be told what happens in Teams."""
        self._inbound = inbound
        self._app = TeamsApp(inbound, self._outcomes, self._addresses, self._people, self._sites)
        self._edge = Edge(self._verifier, self._app, self._connector, app_id=self._app_id, tenants=self._tenants)

    def routes(self) -> list[web.RouteDef]:
        """The HTTP routes. Call after `listen`."""
        return self._heard.routes()

    async def start(self) -> None:
        """Load what is heavy; call when the port listens already."""
        await self._heard.start()

    async def stop(self) -> None:
        """Take nothing more in: there is no connection of ours to end."""

    async def close(self, *, drain_seconds: float = 5) -> None:
        """Let go of everything, after what is still under way."""
        if self._app is not None:
            await self._app.drain(drain_seconds)
        await self._outcomes.drain(drain_seconds)
        await self._http.close()

    async def open_reply(self, target: ReplyTarget, save: SavePart) -> Reply:
        """See ChatPlatform."""
        return self._reply(await self._addresses.at(target.conversation, target.hints), target, save)

    async def resume_reply(self, target: ReplyTarget, parts: Sequence[PartRef], save: SavePart) -> Reply:
        """See ChatPlatform. Teams cannot be asked for messages: with no part known, the answer begins anew."""
        place = await self._addresses.at(target.conversation, target.hints)
        known = [
            Part(part.message.id, "", self._open_stream(place, part), exact=False)
            for part in sorted(parts, key=lambda part: part.position)
        ]
        return self._reply(place, target, save, known)

    async def whisper(self, user: UserRef, view: View, conversation: ConversationRef | None = None) -> None:
        """See ChatPlatform."""
        if conversation is None:
            await self._whispers.show(user, view)
        else:
            at = await self._addresses.at(conversation, {})
            await self._whispers.show(user, view, at, conversation.place)

    async def publish_home(self, user: UserRef, view: View) -> None:
        """See ChatPlatform."""
        await self._homes.publish(user, view)

    async def home_stands(self, user: UserRef) -> bool:
        """See ChatPlatform."""
        return await self._homes.stands(user)

    async def history(self, conversation: ConversationRef, limit: int = 200) -> tuple[HistoryMessage, ...]:
        """Nothing: a bot cannot ask Teams for messages."""
        return ()

    async def download(self, workspace: str, file: FileRef, limit: int) -> bytes:
        """See ChatPlatform."""
        return await self._files.download(file, limit)

    async def is_admin(self, user: UserRef) -> bool:
        """Nobody: the connector knows of no admins, Latchkey's own list names them."""
        return False

    async def member_kind(self, user: UserRef) -> MemberKind:
        """See ChatPlatform."""
        return await self._people.kind(user)

    async def display_name(self, user: UserRef) -> str:
        """See ChatPlatform."""
        return await self._people.name(user)

    async def post_view(self, conversation: ConversationRef, view: View, persona: Persona) -> MessageRef:
        """See ChatPlatform. Under the app's own name: Teams has no other."""
        return await self._posts.view(conversation, view)

    async def replace_view(self, message: MessageRef, view: View) -> None:
        """See ChatPlatform."""
        await self._posts.replace(message, view)

    async def find_channel(self, asker: UserRef, name: str) -> ChannelInfo | None:
        """See ChatPlatform."""
        return await self._channels.find(asker, name)

    async def readers(self, workspace: str, channel: str) -> Readers:
        """See ChatPlatform."""
        return await self._channels.readers(workspace, channel)

    async def channel_history(
        self, asker: UserRef, channel: str, limit: int, before: str = ""
    ) -> tuple[HistoryMessage, ...]:
        """Nothing: a bot cannot ask Teams for messages."""
        raise NotReachable(_UNREAD)

    async def search(self, asker: UserRef, query: str, hints: Hints, limit: int) -> tuple[FoundMessage, ...]:
        """Nothing: the connector has no search."""
        raise NotReachable(_UNREAD)

    async def post(self, workspace: str, channel: str, text: str, persona: Persona) -> MessageRef:
        """See ChatPlatform."""
        return await self._posts.message(workspace, channel, text, persona)

    async def upload(self, target: ReplyTarget, file: MadeFile) -> None:
        """See ChatPlatform. A picture stands in the message; another file is offered, in the one-to-one chat only."""
        await self._uploads.send(target, file)

    async def hand(self, user: UserRef, file: MadeFile, about: View) -> None:
        """See ChatPlatform."""
        await self._whispers.show(user, about)
        await self._uploads.hand(user, file)

    def _open_stream(self, place: Where, part: PartRef) -> Stream | None:
        return self._stream(place, part.message.id) if part.streamed else None

    def _stream(self, place: Where, known: str = "") -> Stream:
        return Stream(self._connector, place, known, gap=min(self._pace.every, 1.0))

    def _reply(self, place: Where, target: ReplyTarget, save: SavePart, parts: Sequence[Part] = ()) -> TeamsReply:
        chat = place.conversation
        free = target.conversation.place is Place.DIRECT and not parts and chat not in self._streaming
        stream = self._stream(place) if free else None
        if free:
            self._streaming.add(chat)  # Teams takes one stream at a time in a chat

        async def stopped() -> None:
            if self._inbound is not None:
                await self._inbound.stop_requested(target.conversation, target.asker)

        def released() -> None:
            nonlocal free
            if free:
                self._streaming.discard(chat)
            free = False

        return TeamsReply(
            Answer(self._connector, self._whispers, place, target, save, parts=parts),
            target,
            stream=stream,
            pace=self._pace,
            stopped=stopped,
            released=released,
            resumed=bool(parts),
        )

    @property
    def _heard(self) -> Edge:
        if self._edge is None:
            raise RuntimeError("call listen(inbound) first")
        return self._edge

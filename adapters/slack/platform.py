"""Slack as a ChatPlatform, and its ways in: the one class that `app/main.py` makes of this package."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog
from aiohttp import web

from adapters.slack import files, history, render, uploads
from adapters.slack.app import SlackApp
from adapters.slack.channels import Channels
from adapters.slack.edge import Edge
from adapters.slack.identity import PLATFORM, Json, string
from adapters.slack.installations import Installation, Installations
from adapters.slack.people import People
from adapters.slack.pictures import Pictures
from adapters.slack.posts import Posts
from adapters.slack.reply import SlackReply
from adapters.slack.searches import Searches
from adapters.slack.socket_mode import SocketMode
from adapters.slack.thread import Thread
from adapters.slack.traffic import Limits
from adapters.slack.web_api import SLACK_API, SlackRefused, WebApi
from adapters.slack.written import Part
from app.domain.chat import ConversationRef, FileRef, Hints, HistoryMessage, MemberKind, MessageRef, Persona, UserRef
from app.domain.run import MadeFile
from app.domain.secrets import Secret
from app.domain.views import View
from app.errors import NotReachable, PlatformError, SettingsError
from app.ports.charts import ChartPainter
from app.ports.inbound import Inbound
from app.ports.platform import (
    Ability,
    ChannelInfo,
    FoundMessage,
    PartRef,
    Readers,
    Reply,
    ReplyTarget,
    SavePart,
)

log = structlog.get_logger(__name__)

_NOT_THERE = {"user_not_in_channel", "not_in_channel", "channel_not_found", "is_archived", "restricted_action"}
"""Refusals of a private message in a channel after which the direct chat is tried."""


class Slack:
    """One workspace by its bot token. Make it, `listen(inbound)`, serve `routes()`, `start()`; at the end `stop()`, then `close()`.

    With `app_token` it opens a Socket Mode connection; with `signing_secret` it takes requests over HTTP.
    """

    name = PLATFORM
    shows_stop = True
    keeps_history = True
    names_admins = True
    abilities = frozenset(Ability)

    def __init__(
        self,
        *,
        bot_token: Secret,
        signing_secret: Secret | None = None,
        app_token: Secret | None = None,
        api_url: str = SLACK_API,
        limits: Limits | None = None,
        charts: ChartPainter | None = None,
    ) -> None:
        self._web = WebApi(api_url)
        self._pictures = Pictures(self._web, charts)
        self._installations = Installations(self._web, bot_token, limits or Limits())
        self._people = People(self._web, self._installations)
        self._posts = Posts(self._web, self._installations)
        self._channels = Channels(self._web, self._installations, self._people)
        self._searches = Searches(self._web, self._installations, self._channels)
        self._signing_secret = signing_secret
        self._app_token = app_token
        self._app: SlackApp | None = None
        self._socket: SocketMode | None = None
        self._meeting: asyncio.Task[None] | None = None

    def listen(self, inbound: Inbound) -> None:
        """Say who is to be told what happens in Slack."""
        self._app = SlackApp(self._web, self._installations, self, inbound, self._pictures)

    def routes(self) -> list[web.RouteDef]:
        """The HTTP routes; none without a signing secret. Call after `listen`."""
        return Edge(self._heard, self._signing_secret).routes() if self._signing_secret else []

    async def start(self) -> None:
        """Meet the workspace and open the socket. Raises SettingsError when Slack refuses a token; is patient when it is away."""
        app = self._heard
        try:
            await app.announce(await self._installations.only())
        except PlatformError as error:
            log.warning("slack not reachable yet", reason=error.message)
            self._meeting = asyncio.create_task(self._meet(app), name="slack identity")
        if self._app_token is not None:
            self._socket = SocketMode(self._web, app, self._app_token)
            await self._socket.start()

    async def stop(self) -> None:
        """Take nothing more in."""
        if self._meeting is not None:
            self._meeting.cancel()
        if self._socket is not None:
            await self._socket.stop()

    async def close(self, *, drain_seconds: float = 5) -> None:
        """Let go of everything, after what is still under way."""
        if self._app is not None:
            await self._app.drain(drain_seconds)
        await self._pictures.close()
        await self._web.close()

    async def open_reply(self, target: ReplyTarget, save: SavePart) -> Reply:
        """See ChatPlatform."""
        return SlackReply(Thread(self._web, await self._at(target.conversation), target), target, save)

    async def resume_reply(self, target: ReplyTarget, parts: Sequence[PartRef], save: SavePart) -> Reply:
        """See ChatPlatform. Also looks for a part that was begun but not yet known, so that none is left standing half written."""
        thread = Thread(self._web, await self._at(target.conversation), target)
        ordered = sorted(parts, key=lambda part: part.position)
        known = [Part(part.message.id, "", live=part.streamed, exact=False) for part in ordered]
        for ts, _ in await thread.ours_patiently():
            if ts not in {part.ts for part in known}:
                known.append(Part(ts, "", exact=False))
                where = target.conversation
                await save(PartRef(len(known) - 1, MessageRef(where.workspace, where.channel, ts)))
        return SlackReply(thread, target, save, known, resumed=bool(known))

    async def whisper(self, user: UserRef, view: View, conversation: ConversationRef | None = None) -> None:
        """See ChatPlatform."""
        here = await self._installations.of(user.workspace)

        async def show(pictures: render.Files) -> None:
            body: Json = {"text": render.summary(view), "blocks": render.message(view, pictures=pictures)}
            await self._privately(here, user, body, conversation)

        try:
            await self._pictures.show(here, view, show)
        except SlackRefused as error:
            raise NotReachable(error.message) from None

    async def _privately(
        self, here: Installation, user: UserRef, body: Json, conversation: ConversationRef | None
    ) -> None:
        if conversation is not None:
            try:
                await self._ephemeral(here, user, conversation, body)
            except SlackRefused as error:
                if error.error not in _NOT_THERE:
                    raise
            else:
                return
        quiet = {"unfurl_links": False, "unfurl_media": False}
        await self._web.call(here.token, "chat.postMessage", {"channel": user.id} | body | quiet)

    async def publish_home(self, user: UserRef, view: View) -> None:
        """See ChatPlatform."""
        here = await self._installations.of(user.workspace)

        async def publish(pictures: render.Files) -> None:
            args: Json = {"user_id": user.id, "view": render.home(view, pictures=pictures)}
            await self._web.call(here.token, "views.publish", args)

        await self._pictures.show(here, view, publish)

    async def home_stands(self, user: UserRef) -> bool:
        """Never: Slack says when somebody looks at it."""
        return False

    async def history(self, conversation: ConversationRef, limit: int = 200) -> tuple[HistoryMessage, ...]:
        """See ChatPlatform."""
        return await history.fetch(self._web, await self._at(conversation), conversation, limit)

    async def download(self, workspace: str, file: FileRef, limit: int) -> bytes:
        """See ChatPlatform."""
        return await files.download(self._web, await self._installations.of(workspace), file, limit)

    async def is_admin(self, user: UserRef) -> bool:
        """See ChatPlatform."""
        return await self._people.is_admin(user)

    async def member_kind(self, user: UserRef) -> MemberKind:
        """See ChatPlatform."""
        return await self._people.kind(user)

    async def display_name(self, user: UserRef) -> str:
        """See ChatPlatform."""
        return await self._people.name(user)

    async def post_view(self, conversation: ConversationRef, view: View, persona: Persona) -> MessageRef:
        """See ChatPlatform."""
        return await self._posts.view(conversation, view, persona)

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
        """See ChatPlatform. Replies within threads are not among them."""
        return await self._channels.history(asker, channel, limit, before)

    async def search(self, asker: UserRef, query: str, hints: Hints, limit: int) -> tuple[FoundMessage, ...]:
        """See ChatPlatform. Of open channels only: Slack gives a bot no others."""
        return await self._searches.find(asker, query, hints, limit)

    async def post(self, workspace: str, channel: str, text: str, persona: Persona) -> MessageRef:
        """See ChatPlatform."""
        return await self._posts.message(workspace, channel, text, persona)

    async def upload(self, target: ReplyTarget, file: MadeFile) -> None:
        """See ChatPlatform."""
        await uploads.upload(self._web, await self._at(target.conversation), target, file)

    async def hand(self, user: UserRef, file: MadeFile, about: View) -> None:
        """See ChatPlatform. Writing to somebody tells which channel their chat with the app is."""
        here = await self._installations.of(user.workspace)
        body: Json = {"channel": user.id, "text": render.summary(about), "blocks": render.message(about)}
        try:
            posted = await self._web.call(here.token, "chat.postMessage", body)
            await uploads.share(self._web, here, file, string(posted.get("channel")))
        except SlackRefused as error:
            raise NotReachable(error.message) from None

    @property
    def _heard(self) -> SlackApp:
        if self._app is None:
            raise RuntimeError("call listen(inbound) first")
        return self._app

    async def _at(self, conversation: ConversationRef) -> Installation:
        return await self._installations.of(conversation.workspace)

    async def _ephemeral(self, here: Installation, user: UserRef, where: ConversationRef, body: Json) -> None:
        args = {"channel": where.channel, "user": user.id} | body
        args |= {"thread_ts": where.thread} if where.thread else {}
        await self._web.call(here.token, "chat.postEphemeral", args)

    async def _meet(self, app: SlackApp) -> None:
        """Keep asking who we are until Slack answers."""
        while True:
            await asyncio.sleep(5)
            try:
                await app.announce(await self._installations.only())
            except PlatformError:
                continue
            except SettingsError as error:
                log.error("slack refuses us", reason=error.message)  # noqa: TRY400 - no traceback for a setting
            return

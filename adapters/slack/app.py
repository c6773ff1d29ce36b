"""What Slack sends, over HTTP or Socket Mode, through slack-bolt to Inbound. Durable before the acknowledgement, nothing slow after it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Coroutine
from typing import Any

import structlog
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.authorization.async_authorize import AsyncAuthorize
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse

from adapters.slack import interactions, parse
from adapters.slack.identity import Json, items, obj, string
from adapters.slack.installations import Installation, Installations
from adapters.slack.interactions import Handle
from adapters.slack.outcomes import Outcomes
from adapters.slack.pictures import Pictures
from adapters.slack.render import groups_or_options
from adapters.slack.text import title_of
from adapters.slack.web_api import SlackRefused, WebApi, quiet_logger
from app.domain.chat import ConversationRef, Place
from app.domain.events import Addressed, Mention
from app.domain.views import View
from app.errors import PlatformError
from app.ports.inbound import Inbound
from app.ports.platform import ChatPlatform

log = structlog.get_logger(__name__)

_ANY = re.compile(r".*", re.DOTALL)

_BEFORE_ACK = 2.0
"""Seconds that showing an outcome may take of the three until Slack calls a button broken; what takes longer goes on besides."""


class SlackApp:
    """One bolt app. `dispatch` takes the parsed body of a request that is known to be Slack's, whatever brought it."""

    def __init__(
        self,
        web: WebApi,
        installations: Installations,
        platform: ChatPlatform,
        inbound: Inbound,
        pictures: Pictures,
    ) -> None:
        self._web = web
        self._installations = installations
        self._platform = platform
        self._inbound = inbound
        self._outcomes = Outcomes(web, self._whisper, pictures)
        self._announced: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._bolt: AsyncApp | None = None

    @property
    def bolt(self) -> AsyncApp:
        """slack-bolt, set up so that it asks Slack nothing per request, verifies nothing twice, and logs no body."""
        if self._bolt is None:
            self._bolt = AsyncApp(
                name="latchkey",
                logger=quiet_logger("bolt"),
                client=self._web.client(),  # without a token: identity comes from `_Known`, not from auth.test
                authorize=_Known(self._installations),
                process_before_response=True,  # the answer waits until the event is kept: a failed insert is a 500
                request_verification_enabled=False,  # done on the raw bytes, before anything is parsed
                ssl_check_enabled=False,
                attaching_function_token_enabled=False,
                attaching_conversation_kwargs_enabled=False,
            )
            self._register(self._bolt)
        return self._bolt

    async def dispatch(self, body: Json) -> BoltResponse:
        """Handle one request; never raises."""
        try:
            if not await self._for_us(body):
                return BoltResponse(status=200, body="")
            return await self.bolt.async_dispatch(AsyncBoltRequest(mode="socket_mode", body=body))
        except Exception as error:  # noqa: BLE001 - the edge: whatever it is, Slack gets a status and we get one line
            log.error("slack request failed", error=type(error).__name__)  # noqa: TRY400 - a traceback may hold content
            return BoltResponse(status=500, body="")

    async def announce(self, here: Installation) -> None:
        """Tell Inbound once that the app is in this workspace."""
        if here.me.workspace not in self._announced:
            await self._inbound.installed(here.me.workspace, here.me.name, None)
            self._announced.add(here.me.workspace)

    async def drain(self, seconds: float) -> None:
        """Wait for what followed from answers already given."""
        if self._tasks:
            _, late = await asyncio.wait(set(self._tasks), timeout=seconds)
            for task in late:
                task.cancel()

    def _register(self, bolt: AsyncApp) -> None:
        bolt.event(_ANY)(self._on_event)
        bolt.command(_ANY)(self._on_command)
        bolt.action(_ANY)(self._on_action)
        bolt.view(_ANY)(self._on_submission)
        bolt.options(_ANY)(self._on_query)
        bolt.error(self._on_error)

    async def _for_us(self, body: Json) -> bool:
        """Whether this is a shape that we (and bolt) can handle, from a workspace where the app is installed, for our app."""
        if body.get("type") == "url_verification":
            return True
        team = _team_of(body)
        here = await self._installations.of_team(team) if team else None
        app = string(body.get("api_app_id"))
        if here is None or (here.me.app and app and app != here.me.app):
            log.info("slack request not for us", kind=string(body.get("type")), known_shape=bool(team))
            return False
        await self.announce(here)
        return True

    async def _here(self, team: str) -> Installation:
        found = await self._installations.of_team(team)
        return found or await self._installations.only()

    async def _on_event(self, body: Json) -> None:
        here = await self._here(parse.team_of_event(body))
        event = parse.event(body, here.me)
        match event:
            case Mention():
                await self._inbound.mention(event)
                if event.addressed is Addressed.DIRECT and event.message_id == event.conversation.thread:
                    self._spawn(self._entitle(event, here))
            case parse.HomeOpened():
                await self._inbound.home_opened(event.user)
            case parse.MessagesOpened():
                self._spawn(self._suggest(event, here))
            case parse.StopPressed():
                await self._inbound.stop_requested(event.conversation, event.user)
            case parse.Edited():
                await self._inbound.message_edited(event.message, event.user)
            case parse.Deleted():
                await self._inbound.message_deleted(event.message)
            case parse.Removed():
                await self._inbound.removed(event.workspace)
                self._installations.forget(event.workspace)
            case parse.Ignored():
                log.debug("slack event ignored", why=event.why)

    async def _on_command(self, body: Json, ack: AsyncAck) -> None:
        here = await self._here(string(body.get("team_id")))
        command = parse.command(body, here.me)
        if isinstance(command, parse.Ignored) or body.get("command") not in parse.COMMANDS:
            await ack()
            return
        outcome, at = await self._inbound.command(command), interactions.handle(body)
        if self._outcomes.takes_time(outcome):
            self._spawn(self._outcomes.later(outcome, at, here))
            await ack()
            return
        answer = await self._outcomes.of_command(outcome, at, here)
        await (ack(answer) if answer else ack())

    async def _on_action(self, body: Json, ack: AsyncAck) -> None:
        here = await self._here(interactions.team_of_interaction(body))
        action = interactions.action(body, here.me)
        if not isinstance(action, parse.Ignored):
            outcome = await self._inbound.action(action)
            shown = self._spawn(self._outcomes.of_action(outcome, interactions.handle(body), here))
            await asyncio.wait([shown], timeout=_BEFORE_ACK)
        await ack()

    async def _on_submission(self, body: Json, ack: AsyncAck) -> None:
        here = await self._here(interactions.team_of_interaction(body))
        submission, at = interactions.submission(body, here.me), interactions.handle(body)
        if isinstance(submission, parse.Ignored):
            await ack()
            return
        answer, then = await self._outcomes.of_submission(await self._inbound.submission(submission), at)
        if then is not None:
            self._spawn(self._whisper(at, then))
        await (ack(answer) if answer else ack())

    async def _on_query(self, body: Json, ack: AsyncAck) -> None:
        here = await self._here(interactions.team_of_interaction(body))
        query = interactions.query(body, here.me)
        options = () if isinstance(query, parse.Ignored) else await self._inbound.options(query)
        await ack(groups_or_options(options))

    async def _on_error(self, error: Exception) -> BoltResponse:
        log.error("slack request failed", error=type(error).__name__)
        return BoltResponse(status=500, body="")

    async def _suggest(self, event: parse.MessagesOpened, here: Installation) -> None:
        prompts = await self._inbound.suggestions(event.user)
        if prompts:
            offered = [{"title": one.title, "message": one.message} for one in prompts[:4]]
            args: Json = {"channel_id": event.channel, "prompts": offered}
            await self._web.call(here.token, "assistant.threads.setSuggestedPrompts", args)

    async def _entitle(self, event: Mention, here: Installation) -> None:
        """Name a new conversation in the messages tab after its first words; where Slack has no titles, nothing is lost."""
        title = title_of(event.text)
        if title and here.traffic.has("titles"):
            where = event.conversation
            args: Json = {"channel_id": where.channel, "thread_ts": where.thread, "title": title}
            try:
                await self._web.call(here.token, "assistant.threads.setTitle", args)
            except SlackRefused:
                here.traffic.lacks("titles")

    async def _whisper(self, at: Handle, view: View) -> None:
        here = await self._installations.only()
        place = Place.DIRECT if at.channel.startswith("D") else Place.CHANNEL
        where = ConversationRef(here.me.workspace, at.channel, at.thread, place) if at.channel else None
        await self._platform.whisper(here.me.user(at.user), view, where)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(self._guarded(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    @staticmethod
    async def _guarded(work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except PlatformError as error:
            log.warning("slack did not take what followed an answer", reason=error.message)
        except Exception as error:  # noqa: BLE001 - a background task has nobody to raise to
            log.error("slack task failed", error=type(error).__name__)  # noqa: TRY400 - no content in logs


class _Known(AsyncAuthorize):
    """Tells bolt who we are from memory.

    A class, because bolt calls a bound method wrongly, and asks `auth.test` about a bare token.
    """

    def __init__(self, installations: Installations) -> None:
        self._installations = installations

    async def __call__(self, *, team_id: str | None, **_: Any) -> AuthorizeResult:
        me = (await self._installations.of_team(team_id or "") or await self._installations.only()).me
        return AuthorizeResult(enterprise_id=None, team_id=me.team, bot_id=me.bot, bot_user_id=me.bot_user)


def _team_of(body: Json) -> str:
    """The team that a request is about; empty for a shape that means nothing to us."""
    if body.get("type") == "event_callback":
        known = bool(string(obj(body.get("event")).get("type"))) and isinstance(body.get("event_id"), str)
        return parse.team_of_event(body) if known else ""
    if "command" in body:
        return string(body.get("team_id")) if isinstance(body.get("command"), str) else ""
    if body.get("type") == "block_actions":
        first = items(body.get("actions"))[:1]
        known = bool(first) and all(isinstance(obj(first[0]).get(name), str) for name in ("type", "action_id"))
    elif body.get("type") == "view_submission":
        known = isinstance(obj(body.get("view")).get("callback_id"), str)
    else:
        known = body.get("type") == "block_suggestion" and isinstance(body.get("action_id"), str)
    shaped = known and all(isinstance(body.get(name), dict | None) for name in ("team", "user", "view", "channel"))
    return interactions.team_of_interaction(body) if shaped else ""

"""What the platforms' adapters call when something happened. A mention is durable when it returns; all else is handled on the spot."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import replace
from typing import Protocol

import structlog

from app.domain.audit import AuditEntry
from app.domain.chat import ConversationRef, MessageRef, UserRef
from app.domain.events import (
    Action,
    Addressed,
    Command,
    Mention,
    Nothing,
    OptionQuery,
    Outcome,
    Private,
    Submission,
)
from app.domain.inbox import Arrival
from app.domain.views import Level, Option, Suggestion, View
from app.errors import PlatformError, UserError
from app.ports.engine import Runs
from app.ports.keys import Sealer
from app.ports.platform import ChatPlatform
from app.services.answers import ACTIONS, Answers
from app.services.arrivals import Arrivals
from app.services.background import Background
from app.services.codec import clean, dump
from app.services.desks.approvals import ACTIONS as APPROVAL_ACTIONS
from app.services.plans import payload_place
from app.services.screens.words import marked, notice
from app.services.workspaces import WorkspaceSettings
from app.store.unit_of_work import Database
from app.telemetry import metrics

log = structlog.get_logger(__name__)

_TO_SOMEBODY = re.compile(r"\s*<@[^>\s]+>")

TYPED_KEY = notice(
    Level.WARNING,
    *marked(
        "That message holds what looks like a model key. Latchkey did not keep it, use it or send it on, but everybody who "
        "reads this conversation can. Revoke it at the provider now. To set a key, an admin uses `/byok setkey`, where it is "
        "entered in a form."
    ),
)
ASK_AGAIN = notice(
    Level.INFO, "You edited a question. To have it answered as it is now, mention the agent in a new message."
)


class Commands(Protocol):
    """What is needed of `app.services.commands`."""

    async def command(self, event: Command) -> Outcome:
        """Carry out `/byok …`."""


class Forms(Protocol):
    """What is needed of `app.services.forms`."""

    async def action(self, event: Action) -> Outcome:
        """A button or select of a screen."""

    async def submission(self, event: Submission) -> Outcome:
        """A form was sent off."""

    async def options(self, q: OptionQuery) -> tuple[Option, ...]:
        """What may be chosen."""

    async def suggestions(self, user: UserRef) -> tuple[Suggestion, ...]:
        """What to offer."""


class ApprovalClicks(Protocol):
    """What is needed of `app.services.desks.approvals`."""

    async def action(self, event: Action) -> Outcome:
        """A button of a question about a tool."""

    async def tell_who_writes_on(self, mention: Mention, conversation: str) -> None:
        """Tell somebody that a person is waited for in that conversation."""


class Home(Protocol):
    """What is needed of `app.services.home`."""

    async def publish(self, user: UserRef) -> None:
        """Publish the person's home screen anew."""


class Workspaces(Protocol):
    """What is needed of `app.services.workspaces`."""

    async def ensure(self, workspace: str, name: str = "", by: UserRef | None = None) -> None:
        """See that it is there."""

    async def settings(self, workspace: str) -> WorkspaceSettings:
        """What its admins have set."""

    async def removed(self, workspace: str) -> None:
        """The app was taken out of it: its keys are shredded."""


class RemembersInstallers(Protocol):
    """What is needed of `app.services.access`."""

    async def installed_by(self, user: UserRef) -> None:
        """Somebody installed the app: where the platform has no admins, the first to do so is one."""


class FindsKeys(Protocol):
    """What is needed of `app.services.keys`."""

    async def leaked_in(self, workspace: str, text: str) -> bool:
        """Whether a key stands in a text."""


class Intake:
    """See Inbound."""

    def __init__(
        self,
        database: Database,
        sealer: Sealer,
        runs: Runs,
        *,
        arrivals: Arrivals,
        answers: Answers,
        approvals: ApprovalClicks,
        commands: Commands,
        forms: Forms,
        home: Home,
        workspaces: Workspaces,
        access: RemembersInstallers,
        keys: FindsKeys,
        platforms: Mapping[str, ChatPlatform],
        background: Background,
    ) -> None:
        self._database = database
        self._sealer = sealer
        self._runs = runs
        self._arrivals = arrivals
        self._answers = answers
        self._approvals = approvals
        self._commands = commands
        self._forms = forms
        self._home = home
        self._workspaces = workspaces
        self._access = access
        self._keys = keys
        self._platforms = platforms
        self._background = background

    async def mention(self, event: Mention) -> None:
        """See Inbound.mention."""
        files = tuple(replace(file, name=clean(file.name)) for file in event.files)
        event = replace(event, text=clean(event.text), files=files)
        await self._workspaces.ensure(event.workspace)
        if not await self._is_for_an_agent(event):
            return
        leaked = await self._keys.leaked_in(event.workspace, event.text)
        accepted = await self._arrivals.keep(await self._arrival(event, leaked=leaked))
        metrics.event(_platform(event.workspace), event.addressed)
        if not leaked:
            self._background.spawn(self._runs.start(accepted.conversation), name="start conversation")
            if accepted.fresh and accepted.awaits and not event.from_bot:
                telling = self._approvals.tell_who_writes_on(event, accepted.conversation)
                self._background.spawn(telling, name="tell who is waited for")
        elif accepted.fresh:
            self._background.spawn(self._whisper(event.user, TYPED_KEY, event.conversation), name="warn of a typed key")

    async def command(self, event: Command) -> Outcome:
        """See Inbound.command."""
        return await self._handled(event.workspace, lambda: self._commands.command(event))

    async def action(self, event: Action) -> Outcome:
        """See Inbound.action."""
        if event.action_id in ACTIONS:
            return await self._handled(event.user.workspace, lambda: self._answers.action(event))
        if event.action_id in APPROVAL_ACTIONS:
            return await self._handled(event.user.workspace, lambda: self._approvals.action(event))
        return await self._handled(event.user.workspace, lambda: self._forms.action(event))

    async def submission(self, event: Submission) -> Outcome:
        """See Inbound.submission."""
        return await self._handled(event.user.workspace, lambda: self._forms.submission(event))

    async def options(self, event: OptionQuery) -> tuple[Option, ...]:
        """See Inbound.options."""
        try:
            return await self._forms.options(event)
        except UserError as error:
            log.info("no options", action=event.action_id, error=error.code)
            return ()

    async def home_opened(self, user: UserRef) -> None:
        """See Inbound.home_opened."""
        await self._workspaces.ensure(user.workspace)
        self._background.spawn(self._home.publish(user), name="publish home")

    async def suggestions(self, user: UserRef) -> tuple[Suggestion, ...]:
        """See Inbound.suggestions."""
        try:
            return await self._forms.suggestions(user)
        except UserError as error:
            log.info("no suggestions", error=error.code)
            return ()

    async def stop_requested(self, conversation: ConversationRef, user: UserRef) -> None:
        """See Inbound.stop_requested. The platform offers its button to whom it sees fit."""
        await self._answers.stop_conversation(conversation)

    async def message_deleted(self, message: MessageRef) -> None:
        """See Inbound.message_deleted."""
        async with self._database.begin() as uow:
            found = await uow.inbox.message(message.workspace, message.channel, message.id)
            taken_up = [run for item in found if (run := await uow.inbox.withdraw(item.inbox_id))]
            for run in taken_up:
                await uow.runs.request_stop(run)  # here already: what it has not remembered yet, it does not remember
            await uow.transcripts.forget_message(message.workspace, message.channel, message.id)
            await uow.parked.forget_message(message.workspace, message.channel, message.id)
        for run in taken_up:
            await self._answers.stop(run)

    async def message_edited(self, message: MessageRef, user: UserRef) -> None:
        """See Inbound.message_edited."""
        async with self._database.read() as uow:
            found = await uow.inbox.message(message.workspace, message.channel, message.id)
            conversation = await uow.inbox.conversation(found[0].conversation) if found else None
        if conversation and any(item.user == user.id for item in found):
            async with self._database.begin() as uow:
                await uow.transcripts.forget_message(message.workspace, message.channel, message.id)
            where = ConversationRef(conversation.workspace, conversation.channel, conversation.thread)
            self._background.spawn(self._whisper(user, ASK_AGAIN, where), name="tell of an edited question")

    async def installed(self, workspace: str, name: str, by: UserRef | None) -> None:
        """See Inbound.installed."""
        await self._workspaces.ensure(workspace, name, by)
        if by:
            await self._access.installed_by(by)

    async def left(self, workspace: str, channels: Collection[str]) -> None:
        """See Inbound.left."""
        await self._give_up(workspace, channels)

    async def removed(self, workspace: str) -> None:
        """See Inbound.removed."""
        await self._give_up(workspace, None)
        await self._workspaces.removed(workspace)

    async def _give_up(self, workspace: str, channels: Collection[str] | None) -> None:
        """Nothing more is answered in these channels (or, with None, anywhere), and nothing that was said there is remembered."""
        async with self._database.begin() as uow:
            for inbox_id in await uow.inbox.pending(workspace, channels):
                await uow.inbox.withdraw(inbox_id)
            running = await uow.runs.running(workspace)
            concerned = [run.id for run in running if channels is None or run.channel in channels]
            for run in concerned:
                await uow.runs.request_stop(run)
            if channels is not None:
                await uow.transcripts.forget_channels(workspace, channels)
                await uow.parked.forget_channels(workspace, channels)
        for run in concerned:
            await self._answers.stop(run)

    async def _is_for_an_agent(self, event: Mention) -> bool:
        if event.from_bot and not (await self._workspaces.settings(event.workspace)).answer_bots:
            return False
        if event.addressed is not Addressed.FOLLOW_UP:
            return True
        if event.from_bot:
            return False  # two that answer whatever the other says would never end
        if _TO_SOMEBODY.match(event.text):
            return False  # people talk with each other in the thread
        where = event.conversation
        async with self._database.read() as uow:
            known = await uow.inbox.find(where.workspace, where.channel, where.thread)
            answering = known and (known.agent_id or await uow.inbox.unfinished_in(known.id))
        return bool(answering) and (await self._workspaces.settings(event.workspace)).follow_ups

    async def _arrival(self, event: Mention, *, leaked: bool) -> Arrival:
        where = event.conversation
        place = payload_place(where.workspace, where.channel, event.message_id)
        payload = None if leaked else await self._sealer.seal(place, json.dumps(dump(event)).encode())
        ids = {"channel": where.channel, "message": event.message_id}
        typed = AuditEntry(where.workspace, event.user.id, "key.typed", "message", ids) if leaked else None
        return Arrival(
            where.workspace, where.channel, where.thread, event.event_id, event.message_id, event.user.id, payload,
            files=len(event.files), shared=where.shared, audit=typed,
        )  # fmt: skip

    async def _handled(self, workspace: str, handle: Callable[[], Awaitable[Outcome]]) -> Outcome:
        await self._workspaces.ensure(workspace)
        try:
            return await handle()
        except UserError as error:
            return Private(notice(Level.WARNING, *marked(error.message))) if error.message else Nothing()

    async def _whisper(self, user: UserRef, view: View, conversation: ConversationRef) -> None:
        try:
            await self._platforms[_platform(user.workspace)].whisper(user, view, conversation)
        except PlatformError as error:
            log.warning("whisper not delivered", workspace=user.workspace, error=error.code)


def _platform(workspace: str) -> str:
    return workspace.partition(":")[0]

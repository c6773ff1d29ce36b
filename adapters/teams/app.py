"""What Teams sends, verified → Inbound. Durable before the 200, nothing slow before it; invokes are answered on the spot."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

import structlog

from adapters.teams import interactions, parse
from adapters.teams.addresses import Addresses
from adapters.teams.handle import Answers, Consent, Handle, Way
from adapters.teams.interactions import Interaction
from adapters.teams.parse import Ignored, Scene
from adapters.teams.payload import Json, string
from adapters.teams.people import People
from adapters.teams.sites import Sites
from app.domain.chat import Place, UserRef
from app.domain.events import Action, Command, FieldErrors, Mention, Open, OptionQuery, Outcome, Submission
from app.domain.views import View
from app.errors import PlatformError
from app.ports.inbound import Inbound

log = structlog.get_logger(__name__)

_REMEMBERED = 600.0
_MOST = 10_000


class TeamsApp:
    """`act` takes an activity that is known to be Teams', from a tenant that is served."""

    def __init__(self, inbound: Inbound, answers: Answers, addresses: Addresses, people: People, sites: Sites) -> None:
        self._inbound = inbound
        self._answers = answers
        self._addresses = addresses
        self._people = people
        self._sites = sites
        self._seen: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()

    async def act(self, activity: Json, at: Scene) -> Json:
        """Do what an activity asks; for an invoke, the body of its answer. Whatever is raised means that nothing was accepted."""
        invoked = activity.get("type") == "invoke"
        if invoked and not at.account:
            event: parse.Event | Interaction | OptionQuery | Consent = Ignored("nobody's")
        else:
            event = interactions.invoke(activity, at) if invoked else parse.event(activity, at)
        if isinstance(event, Ignored):
            log.debug("teams activity ignored", why=event.why)
            return {}
        if not isinstance(event, parse.Removed):  # of which nothing is to be kept
            self._people.saw(at.user, at.place)
            await self._addresses.saw(at.place, at.user, at.account, at.conversation.place)
        if isinstance(event, Mention | parse.Typed):
            when = parse.moment(activity)
            await self._sites.heard_in(at.place.workspace, at.site, at.conversation.channel, when)
        if isinstance(event, Mention):  # the inbox knows it when it comes again
            await self._inbound.mention(replace(event, text=await self._people.named(event.text, at.place)))
            return {}
        key = (at.place.conversation, f"{string(activity.get('type'))}/{string(activity.get('id'))}")
        if self._replayed(key):
            log.warning("teams activity replayed")
            return {}
        try:
            if isinstance(event, Interaction):
                return await self._interacted(event)
            if isinstance(event, OptionQuery):
                offered = await self._inbound.options(event)
                return interactions.found(offered)
            if isinstance(event, Consent):
                self._spawn(self._answers.file_answered(event, at.user, at.place))
            else:
                await self._told(event, activity, at)
        except BaseException:
            self._seen.pop(key, None)  # let it come again
            raise
        return {}

    async def drain(self, seconds: float) -> None:
        """Wait for what followed from answers already given."""
        if self._tasks:
            _, late = await asyncio.wait(set(self._tasks), timeout=seconds)
            for task in late:
                task.cancel()

    async def _told(self, event: parse.Event, activity: Json, at: Scene) -> None:
        match event:
            case parse.Typed():
                command = replace(event.command, text=await self._people.identified(event.command.text, at.place))
                handle = replace(at.handle(Way.MESSAGE), command=command.text)
                self._deliver(await self._inbound.command(command), handle)
            case parse.Pressed():
                pressed = interactions.message(activity, at)
                if isinstance(pressed, Interaction):
                    self._deliver(await self._handled(pressed.done), pressed.at)
            case parse.HomeWanted():
                self._spawn(self._show_home(at.user))
            case parse.Installed():
                await self._installed(event, at)
            case parse.Removed():
                await self._removed(event, at)
            case parse.Edited():
                await self._inbound.message_edited(event.message, at.user)
            case parse.Deleted():
                await self._inbound.message_deleted(event.message)
            case _:
                pass

    async def _interacted(self, event: Interaction) -> Json:
        outcome = await self._handled(event.done)
        form = await self._form_of(event) if isinstance(outcome, FieldErrors) else None
        return await self._answers.to_invoke(outcome, event.at, form)

    async def _form_of(self, event: Interaction) -> View | None:
        """The form that was sent, as what opened it gives it now: Teams sends back only what was typed."""
        opening = interactions.opening(event.at)
        opened = await self._handled(opening) if opening else None
        match event.done, opened:
            case Submission(form=form), Open(view=view) if view.id == form:
                return view
            case _:
                return None

    async def _handled(self, done: Action | Submission | Command) -> Outcome:
        match done:
            case Command():
                return await self._inbound.command(done)
            case Action():
                return await self._inbound.action(done)
            case Submission():
                return await self._inbound.submission(done)

    async def _installed(self, event: parse.Installed, at: Scene) -> None:
        person = at.user if at.account and at.account != at.place.bot_id else None
        await self._inbound.installed(at.place.workspace, "", person)  # Teams does not tell what a tenant is called
        fresh = await self._sites.entered(at.place.workspace, at.site, event.at)
        if fresh and person and at.conversation.place is Place.DIRECT:
            self._spawn(self._welcome(at, person))

    async def _removed(self, event: parse.Removed, at: Scene) -> None:
        """What was said there goes at once; the keys go when the app is in none of the tenant's teams and chats any more."""
        workspace = at.place.workspace
        channels = await self._sites.leaving(workspace, at.site, event.at)
        if channels is None:
            log.info("teams told late of a removal", workspace=workspace)
            return
        await self._inbound.left(workspace, channels)
        if await self._sites.left(workspace, at.site, event.at):
            await self._inbound.removed(workspace)
            self._addresses.forget(workspace)

    async def _welcome(self, at: Scene, person: UserRef) -> None:
        prompts = await self._inbound.suggestions(person)
        await self._inbound.home_opened(person)
        await self._answers.welcome(replace(at.handle(Way.MESSAGE), user=person), at.account, prompts)

    async def _show_home(self, user: UserRef) -> None:
        await self._answers.home_wanted(user)
        await self._inbound.home_opened(user)

    def _deliver(self, outcome: Outcome, at: Handle) -> None:
        self._spawn(self._answers.to_message(outcome, at))

    def _replayed(self, key: tuple[str, str]) -> bool:
        """Whether this activity was handled before. Without an id nobody can tell."""
        now = time.monotonic()
        while self._seen and (next(iter(self._seen.values())) < now - _REMEMBERED or len(self._seen) > _MOST):
            self._seen.popitem(last=False)
        if key in self._seen:
            return True
        if not key[1].endswith("/"):
            self._seen[key] = now
        return False

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(self._guarded(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @staticmethod
    async def _guarded(work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except PlatformError as error:
            log.warning("teams did not take what followed an answer", reason=error.message)
        except Exception as error:  # noqa: BLE001 - a background task has nobody to raise to
            log.error("teams task failed", error=type(error).__name__)  # noqa: TRY400 - no content in logs

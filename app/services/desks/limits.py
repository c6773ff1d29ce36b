"""What may be spent: shown to everybody as far as it concerns them, changed by admins, and asked for more of by whoever is stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from decimal import Decimal

from app.domain.chat import UserRef
from app.domain.events import Action, Close, Open, Outcome, Private, Replace, Submission
from app.domain.spend import EACH, Limit, Period, Scope
from app.domain.views import View
from app.errors import BadInput, PlatformError
from app.ports.platform import ChatPlatform
from app.services.access import Access
from app.services.agents import Agents
from app.services.commands import Run
from app.services.dollars import parsed
from app.services.forms import Act, Save
from app.services.limit_typing import USAGE, Typed, understood
from app.services.limits import AtLimit, LimitDraft, Limits
from app.services.screens import limit_notes
from app.services.screens import limits as screens
from app.services.screens.words import beside
from app.services.workspaces import Workspaces

PATIENCE = 1.5
"""Seconds to look names up; what is not known by then is shown as its id."""

REMOVES = ("remove", "delete", "drop", "rm", "clear")


class LimitDesk:
    """See MoreScreens and MoreCommands. Raises UserError in the person's words."""

    def __init__(
        self,
        limits: Limits,
        *,
        agents: Agents,
        access: Access,
        workspaces: Workspaces,
        platforms: Mapping[str, ChatPlatform],
    ) -> None:
        self._limits = limits
        self._agents = agents
        self._access = access
        self._workspaces = workspaces
        self._platforms = platforms
        self.for_all: Mapping[str, Run] = {"budget": self._command}
        self.for_admins: Mapping[str, Run] = {}
        self.open_acts: Mapping[str, Act] = {}
        self.acts: Mapping[str, Act] = {
            screens.NEW: self._new,
            screens.CHOOSE: self._choose,
            limit_notes.EDIT: self._edit,
            screens.REMOVE: self._remove,
            screens.BACK: self._back,
        }
        self.saves: Mapping[str, Save] = {screens.FORM: self._save, screens.CHANGE_FORM: self._change}

    async def _command(self, user: UserRef, rest: str) -> Outcome:
        verb, _, what = rest.partition(" ")
        if verb.casefold() in ("", "list", "show"):
            return Private(await self._page(user, admin=await self._access.is_admin(user)))
        await self._access.require_admin(user)
        agents = await self._agents.all(user.workspace)
        if verb.casefold() in REMOVES:
            return Private(await self._remove_typed(user, understood(what, agents, remove=True)))
        typed = understood(rest, agents)
        if typed.amount is None:
            raise BadInput(USAGE)
        draft = LimitDraft(typed.scope, await self._subject(user, typed), typed.period, typed.amount)
        applied = await self._limits.set(draft, user)
        return Private(screens.done(applied, await self._names(user, [applied.standing.limit])))

    async def _remove_typed(self, user: UserRef, typed: Typed) -> View:
        subject = await self._subject(user, typed)
        known = [one.limit for one in await self._limits.all(user.workspace) if one.subject == one.limit.subject]
        names = await self._names(user, known)
        wanted = (typed.scope, subject, typed.period)
        found = next((one for one in known if (one.scope, one.subject, one.period) == wanted), None)
        removed = await self._limits.remove(found.id, user) if found else None
        return screens.removed(removed[0], names, removed[1]) if removed else screens.no_such(known, names)

    async def _subject(self, user: UserRef, typed: Typed) -> str:
        if not typed.channel:
            return typed.subject
        found = None
        with suppress(PlatformError):
            found = await self._platform(user).find_channel(user, typed.channel)
        if found is None:
            raise BadInput("There is no such channel, or you can't read it.")
        return found.id

    async def _new(self, event: Action) -> Outcome:
        agents = await self._agents.all(event.user.workspace)
        people = await self._limits.spenders(event.user.workspace)
        names = await self._names(event.user, people=people)
        return Open(screens.form(agents, [(one, names[one]) for one in people if one in names]))

    async def _choose(self, event: Action) -> Outcome:
        standing = await self._limits.standing(AtLimit.of(event.user.workspace, event.value))
        if standing is None:
            return Private(screens.GONE)
        return Replace(screens.one(standing, await self._names(event.user, [standing.limit])))

    async def _edit(self, event: Action) -> Outcome:
        """Of the button of a screen, or of a notice: there it may name whom a limit for each is about."""
        at = AtLimit.of(event.user.workspace, event.value)
        standing = await self._limits.standing(at)
        if standing is None:
            return Private(screens.GONE)
        names = await self._names(event.user, [standing.limit], people=[at.subject])
        if at.subject and standing.limit.subject == EACH:
            return Open(screens.raise_form(standing, at.key, limit_notes.whose(standing, names.get(at.subject, ""))))
        return Open(screens.change_form(standing, names))

    async def _remove(self, event: Action) -> Outcome:
        removed = await self._limits.remove(event.value, event.user)
        if removed is None:
            return Private(screens.GONE)
        view = screens.removed(removed[0], await self._names(event.user, [removed[0]]), removed[1])
        return Replace(view) if event.message else Private(view)

    async def _back(self, event: Action) -> Outcome:
        return Replace(await self._page(event.user, admin=True))

    async def _save(self, sent: Submission) -> Outcome:
        values = sent.values
        scope, _, subject = values.get("whom", "").partition(":")
        channels = values.get("channel", "").split()
        if scope == Scope.CHANNEL and not subject:
            if len(channels) != 1:
                return beside("channel", "Choose one channel.")
            subject = channels[0]
        elif channels:  # of two that may differ neither is taken silently
            return beside("channel", "Leave this empty, or choose to limit one channel.")
        try:
            draft = LimitDraft(Scope(scope), subject, Period(values.get("period", "")), _amount(values))
        except BadInput as error:
            return beside(error.field, error.message)
        except ValueError:
            return beside("whom", "Choose one of the list.")
        if draft.scope is not Scope.WORKSPACE and not subject:
            return beside("whom", "Choose one of the list.")
        return await self._set(sent.user, draft)

    async def _set(self, user: UserRef, draft: LimitDraft) -> Outcome:
        try:
            applied = await self._limits.set(draft, user)
        except BadInput as error:
            return beside(error.field, error.message)
        return Close(screens.done(applied, await self._names(user, [applied.standing.limit])))

    async def _change(self, sent: Submission) -> Outcome:
        try:
            applied = await self._limits.change(sent.context, _amount(sent.values), sent.user)
        except BadInput as error:
            return beside(error.field, error.message)
        return Close(screens.done(applied, await self._names(sent.user, [applied.standing.limit])))

    async def _page(self, user: UserRef, *, admin: bool) -> View:
        standings = await (self._limits.all(user.workspace) if admin else self._limits.concerning(user))
        zone = (await self._workspaces.settings(user.workspace)).time_zone
        names = await self._names(user, [one.limit for one in standings])
        return screens.page(standings, names, zone, admin=admin)

    async def _names(
        self, user: UserRef, limits: Sequence[Limit] = (), *, people: Sequence[str] = ()
    ) -> dict[str, str]:
        """What is shown where a platform shows nobody's name by itself: agents' and channels' names, and people's."""
        names = {agent.id: agent.name for agent in await self._agents.all(user.workspace)}
        who = {*people, *(one.subject for one in limits if one.scope is Scope.PERSON)} - {EACH, ""}
        where = {one.subject for one in limits if one.scope is Scope.CHANNEL} - {EACH}
        platform = self._platform(user)

        async def person(id_: str) -> None:
            with suppress(PlatformError):
                names[id_] = await platform.display_name(UserRef(user.workspace, id_))

        async def channel(id_: str) -> None:
            with suppress(PlatformError):
                if found := await platform.find_channel(user, id_):
                    names[id_] = found.name

        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                await asyncio.gather(*(person(one) for one in who), *(channel(one) for one in where))
        return names

    def _platform(self, user: UserRef) -> ChatPlatform:
        return self._platforms[user.workspace.partition(":")[0]]


def _amount(values: Mapping[str, str]) -> Decimal:
    return parsed(values.get("amount", ""))

"""Buttons, selects and forms of our screens. Whoever acts is checked at the moment of the act, and every id is looked up in their own workspace."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from app.domain.chat import UserRef
from app.domain.events import Action, Close, FieldErrors, Nothing, OptionQuery, Outcome, Private, Replace, Submission
from app.domain.views import Option, Suggestion, View
from app.errors import NotAllowed, UserError
from app.services.access import Access
from app.services.comparison import QUICKLY
from app.services.desks.agents import AgentDesk
from app.services.desks.keys import KeyDesk
from app.services.desks.people import PeopleDesk
from app.services.home import Home
from app.services.model_menu import matching, models_only
from app.services.screens import agents as agent_screens
from app.services.screens import key_form, words
from app.services.screens import keys as key_screens
from app.services.screens import people as people_screens
from app.services.screens import stand_ins as stand_in_screens
from app.services.workspaces import Workspaces

Act = Callable[[Action], Awaitable[Outcome]]
Save = Callable[[Submission], Awaitable[Outcome]]

# Platforms send a prompt off as soon as it is chosen: each is a whole question.
SUGGESTIONS = (
    Suggestion("What can you do?", "What can you help me with here?"),
    Suggestion("Draft a message", "Help me draft a short, friendly message to my team. Ask me first what it is about."),
    Suggestion("Explain something", "I would like something explained in plain words. Ask me what."),
    Suggestion("Think along", "I have to decide something. Ask me what you need to know, then advise me."),
)


class MoreScreens(Protocol):
    """A desk that says itself which buttons and forms are its own, by their ids."""

    acts: Mapping[str, Act]
    """An admin's to press."""

    open_acts: Mapping[str, Act]
    """For everybody: the desk looks at who it is."""

    saves: Mapping[str, Save]
    """Forms that an admin sends off."""


class Forms:
    """What our screens cause. Everything here is an admin's to do, but for a desk's `open_acts`, and `open_saves`."""

    def __init__(
        self,
        *,
        access: Access,
        workspaces: Workspaces,
        keys: KeyDesk,
        agents: AgentDesk,
        people: PeopleDesk,
        home: Home,
        more: Sequence[MoreScreens] = (),
        open_saves: Mapping[str, Save] | None = None,
    ) -> None:
        self._access = access
        self._workspaces = workspaces
        self._keys = keys
        self._agents = agents
        self._people = people
        self._home = home
        self._acts: Mapping[str, Act] = {
            key_screens.ADD: self._add_key,
            key_screens.REPLACE: self._replace_key,
            key_screens.DETAILS: self._key_details,
            key_screens.TEST: self._test_key,
            key_screens.REVOKE: self._revoke_key,
            key_screens.MAKE_DEFAULT: self._default_key,
            agent_screens.NEW: self._new_agent,
            agent_screens.EDIT: self._edit_agent,
            agent_screens.PAUSE: self._pause_agent,
            agent_screens.RESUME: self._resume_agent,
            agent_screens.MAKE_DEFAULT: self._default_agent,
            agent_screens.DELETE: self._delete_agent,
            agent_screens.SET_CHANNEL: self._new_channel,
            agent_screens.CLEAR_CHANNEL: self._clear_channel,
            people_screens.REMOVE_ADMIN: self._remove_admin,
            people_screens.EDIT_SETTINGS: self._edit_settings,
            **{name: act for desk in more for name, act in desk.acts.items()},
        }
        self._open_acts: Mapping[str, Act] = {name: act for desk in more for name, act in desk.open_acts.items()}
        self._saves: Mapping[str, Save] = {
            key_form.FORM: keys.set,
            key_form.REPLACE_FORM: keys.replace,
            key_form.DETAILS_FORM: keys.save_details,
            agent_screens.FORM: agents.save,
            agent_screens.CHANNEL_FORM: agents.save_channels,
            people_screens.SETTINGS_FORM: people.save_settings,
            **{name: save for desk in more for name, save in desk.saves.items()},
        }

        self._open_saves = open_saves or {}

    async def action(self, event: Action) -> Outcome:
        """A button pressed or a select changed; what it changed shows in the home tab of who did it."""
        name = event.action_id.partition(":")[0]
        act = self._open_acts.get(name) or self._acts.get(name)
        if act is None:
            return Nothing()
        try:
            if name not in self._open_acts:
                await self._admit(event.user)
            outcome = await act(event)
        except UserError as error:
            outcome = Private(await self._refusal(event.user, error))
        self._home.refresh(event.user)
        return outcome

    async def submission(self, event: Submission) -> Outcome:
        """A form was sent off."""
        save = self._open_saves.get(event.form) or self._saves.get(event.form)
        if save is None:
            return Close()
        try:
            if event.form not in self._open_saves:
                await self._admit(event.user)
            outcome = await save(event)
        except UserError as error:
            outcome = Close(await self._refusal(event.user, error))
        if not isinstance(outcome, FieldErrors):
            self._home.refresh(event.user)
        return outcome

    async def options(self, query: OptionQuery) -> tuple[Option, ...]:
        """The models that an admin who types this may mean, in the home tab, in an agent's form or among its stand-ins; nothing for others."""
        named = query.action_id.partition(":")[0]
        if named not in (agent_screens.MODEL, *stand_in_screens.SELECTS) or not await self._access.is_admin(query.user):
            return ()
        options = await self._agents.menu.options(query.user.workspace, seconds=QUICKLY)
        if named != agent_screens.MODEL:
            options = stand_in_screens.offered(models_only(options), {})
        return matching(options, query.typed)

    async def suggestions(self, user: UserRef) -> tuple[Suggestion, ...]:
        """What to offer somebody who opens the chat with the app."""
        await self._workspaces.ensure(user.workspace)
        return SUGGESTIONS

    async def _admit(self, user: UserRef) -> None:
        await self._workspaces.ensure(user.workspace)
        await self._access.require_admin(user)

    async def _refusal(self, user: UserRef, error: UserError) -> View:
        if isinstance(error, NotAllowed):
            return await self._people.not_allowed(user.workspace)
        return words.refused(error.message)

    async def _add_key(self, event: Action) -> Outcome:
        return self._keys.form(self._keys.provider(event.value))

    async def _replace_key(self, event: Action) -> Outcome:
        return await self._keys.replace_form(event.user.workspace, event.value)

    async def _key_details(self, event: Action) -> Outcome:
        return await self._keys.details_form(event.user.workspace, event.value)

    async def _test_key(self, event: Action) -> Outcome:
        key = await self._keys.get(event.user.workspace, event.value)
        return Private(await self._keys.test(event.user.workspace, event.user, [key]))

    async def _revoke_key(self, event: Action) -> Outcome:
        return _in_place(event, await self._keys.revoke(event.user.workspace, event.user, event.value))

    async def _default_key(self, event: Action) -> Outcome:
        return _in_place(event, await self._keys.make_default(event.user.workspace, event.user, event.value))

    async def _new_agent(self, event: Action) -> Outcome:
        return await self._agents.new_form(event.user.workspace)

    async def _edit_agent(self, event: Action) -> Outcome:
        return await self._agents.edit_form(event.user.workspace, event.value)

    async def _pause_agent(self, event: Action) -> Outcome:
        await self._agents.pause(event.user.workspace, event.user, event.value, paused=True)
        return Nothing()

    async def _resume_agent(self, event: Action) -> Outcome:
        await self._agents.pause(event.user.workspace, event.user, event.value, paused=False)
        return Nothing()

    async def _default_agent(self, event: Action) -> Outcome:
        await self._agents.make_default(event.user.workspace, event.user, event.value)
        return Nothing()

    async def _delete_agent(self, event: Action) -> Outcome:
        await self._agents.delete(event.user.workspace, event.user, event.value)
        return Nothing()

    async def _new_channel(self, event: Action) -> Outcome:
        return await self._agents.channel_form(event.user.workspace)

    async def _clear_channel(self, event: Action) -> Outcome:
        await self._agents.clear_channel(event.user.workspace, event.user, event.value)
        return Nothing()

    async def _remove_admin(self, event: Action) -> Outcome:
        whom = UserRef(event.user.workspace, event.value)
        view = await self._people.remove_admin(event.user, whom)
        self._home.refresh(event.user, about=whom)
        return _in_place(event, view)

    async def _edit_settings(self, event: Action) -> Outcome:
        return await self._people.settings_form(event.user.workspace)


def _in_place(event: Action, view: View) -> Outcome:
    """Under a message the answer takes the question's place; beside a home tab it is shown by itself."""
    return Replace(view) if event.message else Private(view)

"""Admins, settings and the audit trail."""

from __future__ import annotations

import re

from app.domain.chat import UserRef
from app.domain.events import Close, Open, Outcome, Submission
from app.domain.views import View
from app.errors import BadInput
from app.services.access import Access
from app.services.screens import people as screens
from app.services.screens.words import beside
from app.services.timing import zone
from app.services.transcripts import Transcripts
from app.services.workspaces import Workspaces, WorkspaceSettings
from app.store.unit_of_work import Database

LAST = 20
_SWITCHES = ("follow_ups", "answer_guests", "answer_bots", "answer_shared", "answer_external", "footer", "footer_cost")
_NUMBERS = ("max_runs", "memory_hours")
_PERSON = re.compile(r"<@(?P<id>[\w.:@/+=-]{1,120})(?:\|[^>]*)?>")


class PeopleDesk:
    """Every answer is a screen or a form; raises UserError in the admin's words."""

    def __init__(self, database: Database, access: Access, workspaces: Workspaces, memory: Transcripts) -> None:
        self._database = database
        self._access = access
        self._workspaces = workspaces
        self._memory = memory

    async def admins(self, workspace: str, *, may_change: bool) -> View:
        """Who may change things."""
        operators, added = self._access.operators(workspace), await self._access.added(workspace)
        own = self._access.names_admins(workspace)
        return screens.admins(operators, added, workspace, may_change=may_change, platforms_own=own)

    async def add_admin(self, by: UserRef, user: UserRef) -> View:
        """Make somebody an admin."""
        added = await self._access.add_admin(user, by)
        return screens.admin_added(user, before=not added)

    async def remove_admin(self, by: UserRef, user: UserRef) -> View:
        """Take it back."""
        was = await self._access.remove_admin(user, by)
        return screens.admin_removed(user, still=await self._access.is_admin(user), was=was)

    async def not_allowed(self, workspace: str) -> View:
        """A polite no that says whom to ask."""
        own = self._access.names_admins(workspace)
        return screens.not_allowed(await self._access.known_admins(workspace), platforms_own=own)

    async def privacy(self, workspace: str) -> View:
        """What becomes of what people write."""
        settings = await self._workspaces.settings(workspace)
        return screens.privacy(settings, remembers=self._memory.remembers(workspace))

    async def audit(self, workspace: str) -> View:
        """The newest entries of the trail."""
        async with self._database.read() as uow:
            entries = await uow.audit.last(workspace, LAST)
            agents, keys = await uow.agents.all(workspace), await uow.keys.all(workspace)
        names = {agent.id: agent.name for agent in agents} | {key.id: f"{key.provider}/{key.label}" for key in keys}
        return screens.audit(entries, names)

    async def settings_form(self, workspace: str) -> Open:
        """The form that changes the settings."""
        return Open(screens.settings_form(await self._workspaces.settings(workspace)))

    async def save_settings(self, sent: Submission) -> Outcome:
        """The settings were filled in."""
        switches = {name: sent.values.get(name, "") == "yes" for name in _SWITCHES}
        numbers = {name: _number(sent.values.get(name, "")) for name in _NUMBERS}
        try:
            typed = sent.values.get("time_zone")
            time_zone = (
                (await self._workspaces.settings(sent.user.workspace)).time_zone if typed is None else zone(typed)
            )
            settings = WorkspaceSettings.of({**switches, **numbers, "time_zone": time_zone})
        except BadInput as error:
            return beside(error.field, error.message)
        changed = await self._workspaces.change(sent.user.workspace, settings, sent.user)
        return Close(screens.settings_saved(changed))


def _number(typed: str) -> int:
    """What was typed into a field for a number; -1, which no such field allows, for anything else."""
    return int(typed) if re.fullmatch(r"[0-9]{1,9}", typed := typed.strip()) else -1


def mentioned(workspace: str, typed: str, verb: str) -> UserRef:
    """Whom somebody mentions who wants to `verb` them. Raises BadInput."""
    found = _PERSON.search(typed)
    if found is None:
        raise BadInput(f"Mention the person, such as `/byok admins {verb} @Kim`.")
    return UserRef(workspace, found["id"])

"""What agents remember: listed, and deleted by whose it is or by an admin."""

from __future__ import annotations

from collections.abc import Mapping

from app.domain.chat import UserRef
from app.domain.events import Action, Outcome, Private, Replace
from app.domain.views import Block, View
from app.services.access import Access
from app.services.agents import Agents
from app.services.commands import Run
from app.services.forms import Act, Save
from app.services.notes import Notes
from app.services.screens import notes as screens


class NoteDesk:
    """See MoreScreens, MoreCommands and Section: for everybody, each as far as it is theirs. Raises UserError in the person's words."""

    def __init__(self, notes: Notes, agents: Agents, access: Access) -> None:
        self._notes = notes
        self._agents = agents
        self._access = access
        self.for_all: Mapping[str, Run] = {"notes": self._command}
        self.for_admins: Mapping[str, Run] = {}
        self.open_acts: Mapping[str, Act] = {screens.SHOW: self._show, screens.DELETE: self._delete}
        self.acts: Mapping[str, Act] = {}
        self.saves: Mapping[str, Save] = {}

    async def section(self, user: UserRef, *, admin: bool) -> tuple[Block, ...]:
        """See Section."""
        count = await self._notes.count(user, admin=admin)
        return screens.section(count) if count else ()

    async def _command(self, user: UserRef, rest: str) -> Outcome:
        agent = await self._agents.named(user.workspace, rest.strip()) if rest.strip() else None
        return Private(await self._page(user, agent.id if agent else ""))

    async def _show(self, event: Action) -> Outcome:
        agent, _, start = event.value.partition("/")
        view = await self._page(event.user, agent, int(start) if start.isdecimal() and len(start) < 6 else 0)
        return Replace(view) if event.message else Private(view)

    async def _delete(self, event: Action) -> Outcome:
        await self._notes.delete(event.value, event.user, admin=await self._access.is_admin(event.user))
        view = await self._page(event.user)
        return Replace(view) if event.message else Private(view)

    async def _page(self, user: UserRef, agent_id: str = "", start: int = 0) -> View:
        admin = await self._access.is_admin(user)
        notes = await self._notes.seen_by(user, admin=admin, agent_id=agent_id, start=start, most=screens.MOST_SHOWN)
        more = await self._notes.count(user, admin=admin, agent_id=agent_id) - start - len(notes)
        names = await self._notes.names(user.workspace)
        return screens.page(notes, names, admin=admin, agent=agent_id, start=start, more=max(more, 0))

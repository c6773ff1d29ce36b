"""Telling the right people, once, how near a limit is."""

from __future__ import annotations

from app.domain.chat import UserRef
from app.domain.spend import LEVELS, Scope, Standing
from app.services.background import Background
from app.services.notices import Notices
from app.services.screens import limit_notes as screens
from app.store.unit_of_work import Database, UnitOfWork

FULL = LEVELS[-1]


class LimitNotices:
    """Whoever settles or refuses a call notes what it came to in that very transaction, and has it told once that is committed."""

    def __init__(self, database: Database, notices: Notices, background: Background) -> None:
        self._database = database
        self._notices = notices
        self._background = background

    async def note(self, uow: UnitOfWork, standing: Standing, percent: int) -> bool:
        """Whether people are to be told now that a limit has come to this: once for a limit, subject, period, amount and percent."""
        return await uow.told.once(standing.limit.workspace, _what(standing, percent))

    def tell(self, standing: Standing, percent: int) -> None:
        """Tell them, besides: a person of their own limit, and admins of every other; of a person's only when it is used up."""
        self._background.spawn(self._tell(standing, percent), name="tell of a limit")

    async def _tell(self, standing: Standing, percent: int) -> None:
        limit = standing.limit
        async with self._database.read() as uow:
            agent = await uow.agents.get(limit.workspace, standing.subject) if limit.scope is Scope.AGENT else None
        of_person = limit.scope is Scope.PERSON
        if of_person:
            person = UserRef(limit.workspace, standing.subject)
            await self._notices.tell(person, screens.reached(standing, percent, ("Your",), admin=False))
        if not of_person or percent == FULL:
            whose = screens.whose(standing, agent.name if agent else "")
            view = screens.reached(standing, percent, whose, admin=True)
            admins = await self._notices.admins(limit.workspace, limit.set_by)
            for admin in admins:
                if not of_person or admin.id != standing.subject:
                    await self._notices.tell(admin, view)


def _what(standing: Standing, percent: int) -> str:
    return f"limit:{standing.limit.id}:{standing.subject}:{standing.period}:{standing.allowed.normalize():f}:{percent}"

"""Telling the right people, once, how near a limit is."""

from __future__ import annotations

from collections.abc import Sequence

from app.domain.chat import UserRef
from app.domain.spend import Scope, Standing
from app.domain.views import View
from app.services.background import Background
from app.services.meter import Crossed
from app.services.notices import Notices
from app.services.screens import limit_notes as screens
from app.store.unit_of_work import Database

FULL = 100


class LimitNotices:
    """Tells once for a limit, subject, period, amount and percent, however many processes find it out."""

    def __init__(self, database: Database, notices: Notices, background: Background) -> None:
        self._database = database
        self._notices = notices
        self._background = background

    async def crossed(self, found: Sequence[Crossed]) -> None:
        """To be told of what settlements came to: of each limit the highest mark is told, and the lower ones are not any more."""
        due: dict[tuple[str, str], tuple[Standing, int]] = {}
        async with self._database.begin() as uow:
            for one in sorted(found, key=lambda one: one.percent):
                if await uow.told.once(one.standing.limit.workspace, _what(one.standing, one.percent)):
                    due[one.standing.limit.id, one.standing.subject] = (one.standing, one.percent)
        for standing, percent in due.values():
            self._spawn(standing, percent)

    async def full(self, standing: Standing) -> None:
        """Somebody was refused: whatever is left, nothing fits any more."""
        async with self._database.begin() as uow:
            first = await uow.told.once(standing.limit.workspace, _what(standing, FULL))
        if first:
            self._spawn(standing, FULL)

    async def price_wanted(self, workspace: str, model: str) -> bool:
        """A question waits for the price of a model; tells whether there is an admin who hears, or heard, of it: who set a limit comes first."""
        async with self._database.read() as uow:
            limits = await uow.limits.all(workspace)
        admins = await self._notices.admins(workspace, limits[0].set_by) if limits else ()
        if not admins:
            return False
        async with self._database.begin() as uow:
            first = await uow.told.once(workspace, f"price:{model}")
        if first:
            self._background.spawn(self._tell_all(admins, screens.price_wanted(model)), name="tell of a price")
        return True

    async def _tell_all(self, users: Sequence[UserRef], view: View) -> None:
        for user in users:
            await self._notices.tell(user, view)

    def _spawn(self, standing: Standing, percent: int) -> None:
        self._background.spawn(self._tell(standing, percent), name="tell of a limit")

    async def _tell(self, standing: Standing, percent: int) -> None:
        """A person of their own limit, and admins of every other; of a person's only when it is used up."""
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

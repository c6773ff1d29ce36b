"""What was spent, receipt by receipt and summed up; admins see all, everybody else their own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from app.domain.chat import UserRef
from app.domain.events import Action, Outcome, Private, Replace
from app.domain.views import Block, View
from app.ports.clock import Clock
from app.services.access import Access
from app.services.background import Background
from app.services.commands import Run
from app.services.exported import ExportedFiles
from app.services.exports import Exports, Span
from app.services.forms import Act, Save
from app.services.month import Months
from app.services.receipts import Receipts, Turn
from app.services.screens import exported, month, receipts, usage
from app.services.usage import Usages
from app.services.usage_words import Wanted


class UsageDesk:
    """See MoreScreens, MoreCommands and Section: for everybody, each as far as it is theirs. Raises UserError in the person's words."""

    def __init__(
        self,
        usages: Usages,
        months: Months,
        pages: Receipts,
        exports: Exports,
        files: ExportedFiles,
        *,
        access: Access,
        background: Background,
        clock: Clock,
    ) -> None:
        self._usages = usages
        self._months = months
        self._pages = pages
        self._exports = exports
        self._files = files
        self._access = access
        self._background = background
        self._clock = clock
        self.for_all: Mapping[str, Run] = {"usage": self._usage, "receipts": self._receipts}
        self.for_admins: Mapping[str, Run] = {}
        self.open_acts: Mapping[str, Act] = {
            usage.SHOW: self._show,
            usage.RECEIPTS: self._turn,
            usage.CSV: self._export,
        }
        self.acts: Mapping[str, Act] = {}
        self.saves: Mapping[str, Save] = {}

    async def section(self, user: UserRef, *, admin: bool) -> tuple[Block, ...]:
        """See Section."""
        if admin:
            return month.section(await self._months.of_workspace(user))
        own = await self._months.of_member(user)
        return month.own(own) if own else ()

    async def _usage(self, user: UserRef, rest: str) -> Outcome:
        return Private(await self._page(user, Wanted.typed(rest)))

    async def _receipts(self, user: UserRef, rest: str) -> Outcome:
        return Private(await self._receipt_page(user, Turn()))

    async def _show(self, event: Action) -> Outcome:
        return _in_place(event, await self._page(event.user, Wanted.of(event.value)))

    async def _turn(self, event: Action) -> Outcome:
        return _in_place(event, await self._receipt_page(event.user, Turn.of(event.value)))

    async def _export(self, event: Action) -> Outcome:
        user = event.user
        admin = await self._access.is_admin(user)
        calendar = await self._exports.calendar(user.workspace)
        first, last = Wanted.of(event.value).timespan.days(calendar, self._clock.now())
        asker = "" if admin else user.id
        span = Span(user.workspace, date.fromisoformat(first), date.fromisoformat(last), asker)
        self._background.spawn(self._files.send(user, span), name="export receipts")
        return Private(exported.COMING)

    async def _page(self, user: UserRef, wanted: Wanted) -> View:
        return usage.page(await self._usages.look(user, wanted, admin=await self._access.is_admin(user)))

    async def _receipt_page(self, user: UserRef, turn: Turn) -> View:
        return receipts.page(await self._pages.page(user, turn, admin=await self._access.is_admin(user)))


def _in_place(event: Action, view: View) -> Outcome:
    """Under a message or in a window of ours it changes there; beside a home tab it opens by itself."""
    return Replace(view) if event.message or event.context == usage.PAGE else Private(view)

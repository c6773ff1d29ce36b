"""What people do where a limit stopped a question: ask for more, and as an admin raise it, or decide on what was asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.domain.chat import UserRef
from app.domain.events import Action, Close, Open, Outcome, Private, Replace, Submission
from app.domain.inbox import RunRecord
from app.domain.spend import RequestState, Scope, Standing
from app.domain.views import Rich
from app.errors import BadInput
from app.services.access import Access
from app.services.commands import Run
from app.services.dollars import parsed
from app.services.forms import Act, Save
from app.services.limit_requests import LimitRequests, Wish
from app.services.limits import AtLimit, Limits
from app.services.screens import limit_notes
from app.services.screens import limits as screens
from app.services.screens.words import beside
from app.store.unit_of_work import Database, UnitOfWork

_DECISIONS = {
    limit_notes.GRANT: RequestState.GRANTED,
    limit_notes.RAISE: RequestState.RAISED,
    limit_notes.REFUSE: RequestState.REFUSED,
}


@dataclass(frozen=True, slots=True)
class _Stopped:
    """A run that a limit stopped, and how that stands."""

    run: RunRecord
    at: AtLimit
    standing: Standing


class LimitRequestDesk:
    """See MoreScreens. Whoever acts is looked up at that moment; what a button or form carries is looked up, too."""

    def __init__(self, database: Database, limits: Limits, requests: LimitRequests, access: Access) -> None:
        self._database = database
        self._limits = limits
        self._requests = requests
        self._access = access
        self.for_all: Mapping[str, Run] = {}
        self.for_admins: Mapping[str, Run] = {}
        self.open_acts: Mapping[str, Act] = {limit_notes.ASK: self._ask}
        self.acts: Mapping[str, Act] = dict.fromkeys(_DECISIONS, self._decide)
        self.saves: Mapping[str, Save] = {screens.RAISE_FORM: self._raise}
        self.open_saves: Mapping[str, Save] = {screens.ASK_FORM: self._send}

    async def _ask(self, event: Action) -> Outcome:
        """An admin raises it directly; whoever asked the question asks for more, once."""
        stopped = await self._stopped(event.user, event.value)
        if stopped is None:
            return Private(limit_notes.GONE)
        of = await self._of(stopped.standing)
        if await self._access.is_admin(event.user):
            return Open(screens.raise_form(stopped.standing, stopped.at.key, of))
        if event.user.id != stopped.run.asker:
            return Private(limit_notes.NOT_YOURS)
        if await self._requests.asked(stopped.run):
            return Private(limit_notes.ASKED)
        return Open(screens.ask_form(stopped.standing, event.value, of))

    async def _send(self, sent: Submission) -> Outcome:
        stopped = await self._stopped(sent.user, sent.context)
        if stopped is None:
            return Close(limit_notes.GONE)
        if sent.user.id != stopped.run.asker:
            return Close(limit_notes.NOT_YOURS)
        why = " ".join(sent.values.get("why", "").split())
        if not why or len(why) > screens.LONGEST_WHY:
            return beside("why", "Say in a sentence what it is for: the admins decide by that.")
        try:
            amount = parsed(sent.values.get("amount", ""))
        except BadInput as error:
            return beside(error.field, error.message)
        number = await self._requests.ask(Wish(stopped.run, stopped.at, amount, why), stopped.standing)
        if number <= 0:
            return Close(limit_notes.NOBODY if number == 0 else limit_notes.ASKED)
        return Close(limit_notes.sent(number))

    async def _raise(self, sent: Submission) -> Outcome:
        try:
            amount = parsed(sent.values.get("amount", ""))
        except BadInput as error:
            return beside(error.field, error.message)
        at, for_good = AtLimit.of(sent.user.workspace, sent.context), sent.values.get("how") == screens.FOR_GOOD
        applied = await self._limits.raise_it(at, amount, sent.user, for_good=for_good)
        if applied is None:
            return Close(screens.GONE)
        return Close(screens.done(applied, await self._names(sent.user.workspace)))

    async def _decide(self, event: Action) -> Outcome:
        state = _DECISIONS[event.action_id.partition(":")[0]]
        verdict = await self._requests.decide(event.user.workspace, event.value, state, event.user)
        if verdict is None:
            view = screens.GONE
        else:
            view = limit_notes.decided(
                verdict.request, verdict.period, released=verdict.released if verdict.mine else None
            )
        return Replace(view) if event.message else Private(view)

    async def _stopped(self, user: UserRef, value: str) -> _Stopped | None:
        """What a button or form is about, if it is there and of this workspace."""
        run, _, key = value.partition(" ")
        at = AtLimit.of(user.workspace, key)
        async with self._database.read() as uow:
            record = await uow.runs.get(user.workspace, run)
            standing = await self._limits.standing_in(uow, at)
            if record is None or standing is None or not await self._concerns(uow, standing, record):
                return None
        return _Stopped(record, at, standing)

    @staticmethod
    async def _concerns(uow: UnitOfWork, standing: Standing, run: RunRecord) -> bool:
        """Whether a limit can have stopped this run: an agent's may be that of one that another agent asked."""
        match standing.limit.scope:
            case Scope.CHANNEL:
                return standing.subject == run.channel
            case Scope.PERSON:
                return standing.subject == run.asker
            case Scope.AGENT:
                return await uow.agents.get(run.workspace, standing.subject) is not None
            case _:
                return True

    async def _of(self, standing: Standing) -> Rich:
        names = await self._names(standing.limit.workspace)
        return limit_notes.whose(standing, names.get(standing.subject, ""))

    async def _names(self, workspace: str) -> dict[str, str]:
        async with self._database.read() as uow:
            return {agent.id: agent.name for agent in await uow.agents.all(workspace)}

"""Whether keys work: asked of the provider when they are set, when an admin tests them, and by itself for as long as they are here."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from app.domain.agent import AgentSpec
from app.domain.audit import AuditEntry
from app.domain.keys import KeyStatus, ProviderCredential, ProviderKey
from app.domain.run import ModelInfo
from app.errors import KeyRejected, NoCredit, NoKey, NotPermitted, ProviderError, TimedOut
from app.ports.clock import Clock
from app.services.background import Background
from app.services.key_adoption import adopt
from app.services.key_health import next_check
from app.services.key_ring import KeyRing
from app.services.key_usage import agents_on
from app.services.model_lists import ModelLists
from app.services.notices import Notices
from app.services.parked import Cause
from app.services.screens import key_news as news
from app.services.switching_back import SwitchingBack
from app.services.workspaces import ITSELF
from app.store.unit_of_work import Database, UnitOfWork

log = structlog.get_logger(__name__)

AT_ONCE = 1.8
"""Seconds in all, while a person waits."""
PATIENT = 15.0
LEASE = timedelta(minutes=2)
MOST_AT_A_TIME = 20


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a provider said of a key. UNVERIFIED: nothing that settles it; `error` says why. `models` is None when they were not listed in time."""

    status: KeyStatus
    error: ProviderError | None = None
    models: tuple[ModelInfo, ...] | None = None


@dataclass(frozen=True, slots=True)
class Checked:
    """A key as it stands after a check, and the agents that moved to it."""

    key: ProviderKey
    error: ProviderError | None = None
    moved: tuple[AgentSpec, ...] = ()
    before: KeyStatus = KeyStatus.UNVERIFIED


class KeyChecks:
    """Judges keys, keeps what was found, and tells the admins what they did not ask for."""

    def __init__(
        self,
        database: Database,
        *,
        ring: KeyRing,
        lists: ModelLists,
        back: SwitchingBack,
        notices: Notices,
        background: Background,
        clock: Clock,
    ) -> None:
        self._database = database
        self._ring = ring
        self._lists = lists
        self._back = back
        self._notices = notices
        self._background = background
        self._clock = clock

    async def judge(self, key: ProviderKey, credential: ProviderCredential, *, seconds: float) -> Verdict:
        """Ask the provider, within so many seconds in all, the model list included if there is time for it."""
        provider = self._ring.provider(key.provider)
        deadline = asyncio.get_running_loop().time() + seconds
        try:
            async with asyncio.timeout_at(deadline):
                await provider.verify(credential, timeout=seconds)
        except KeyRejected as error:
            return Verdict(KeyStatus.REFUSED, error)
        except NoCredit as error:
            return Verdict(KeyStatus.NO_CREDIT, error)
        except NotPermitted:
            return Verdict(
                KeyStatus.VERIFIED
            )  # recognised, only not allowed to list models: there is nothing more to ask
        except ProviderError as error:
            return Verdict(KeyStatus.UNVERIFIED, error)
        except TimeoutError:
            return Verdict(KeyStatus.UNVERIFIED, TimedOut())
        try:
            async with asyncio.timeout_at(deadline):
                return Verdict(KeyStatus.VERIFIED, models=await self._lists.fetch(key, credential))
        except (ProviderError, TimeoutError):
            return Verdict(KeyStatus.VERIFIED)

    async def settle(self, uow: UnitOfWork, key: ProviderKey, verdict: Verdict) -> tuple[AgentSpec, ...]:
        """What follows from a verdict that was just kept: the first key that works takes on the agents that have none."""
        if verdict.status is not KeyStatus.VERIFIED:
            return ()
        return await adopt(uow, key, self._ring.provider(key.provider), verdict.models)

    async def check(self, workspace: str, key_id: str, actor: str, *, seconds: float = AT_ONCE) -> Checked:
        """Ask the provider about a stored key and keep the answer; a provider that can't be reached settles nothing. Raises NoKey.

        That there is credit again is told by no free call, but an admin who asks is believed: what waits is then tried.
        """
        key, credential = await self._ring.use(
            workspace, key_id, actor=actor, details={"purpose": "check"}, refused_too=True
        )
        verdict = await self.judge(key, credential, seconds=seconds)
        if isinstance(verdict.error, KeyRejected) and await self._back.rejected(key, verdict.error):
            return await self._as_it_is(key)
        undecided = verdict.status is KeyStatus.UNVERIFIED
        if verdict.status is KeyStatus.VERIFIED and key.status is KeyStatus.NO_CREDIT and actor == ITSELF:
            verdict = Verdict(KeyStatus.NO_CREDIT, NoCredit())
        status = key.status if undecided else verdict.status
        problem = verdict.error.code if verdict.error else ""
        again = next_check(replace(key, status=status), self._clock.now(), undecided=undecided)
        async with self._database.begin() as uow:
            await uow.workspaces.lock(workspace)
            if not await uow.keys.mark(key, status, next_check_at=again, checked=not undecided, problem=problem):
                raise NoKey("That key was replaced or revoked meanwhile.")
            await uow.audit.append(AuditEntry(workspace, actor, "key.checked", key.id, {"status": status.value}))
            moved = await self.settle(uow, key, verdict)
        checked_at = key.checked_at if undecided else self._clock.now()
        after = replace(key, status=status, checked_at=checked_at, problem=problem)
        return Checked(after, verdict.error, moved, key.status)

    async def _as_it_is(self, key: ProviderKey) -> Checked:
        async with self._database.read() as uow:
            stored = await uow.keys.get(key.workspace, key.id)
        if stored is None or stored.sealed is None:
            raise NoKey("That key was replaced or revoked meanwhile.")
        return Checked(stored.key, before=stored.key.status)  # whoever put it there has told of it

    async def recheck_due(self) -> None:
        """Ask about the keys whose time has come, and tell their admins what is new."""
        now = self._clock.now()
        async with self._database.read() as uow:
            if not await uow.keys.is_due(now):
                return  # as nearly always: nobody is kept from writing
        async with self._database.begin() as uow:
            due = await uow.keys.claim_due(now, now + LEASE, MOST_AT_A_TIME)
        await asyncio.gather(*(self._recheck(key) for key in due))

    async def told_to_wait(self, key: ProviderKey, until: datetime) -> None:
        """The provider limits how fast this key may be used: no process calls with it until then."""
        async with self._database.begin() as uow:
            await uow.keys.pause(key, until)
        log.info("a key is rested", workspace=key.workspace, key=key.id, until=until.isoformat())

    async def worked(self, key: ProviderKey) -> None:
        """Note that a call with this key succeeded, if that is news."""
        if key.status is not KeyStatus.VERIFIED:
            await self._note(key, Verdict(KeyStatus.VERIFIED, models=self._lists.known(key)))

    async def failed(self, key: ProviderKey, error: KeyRejected | NoCredit) -> None:
        """Note that the provider turned a call down because of its key, and tell the admins, once."""
        error.waits_for = key.id
        status = KeyStatus.REFUSED if isinstance(error, KeyRejected) else KeyStatus.NO_CREDIT
        await self._note(key, Verdict(status, error), stopped=1)

    async def _recheck(self, key: ProviderKey) -> None:
        try:
            checked = await self.check(key.workspace, key.id, ITSELF, seconds=PATIENT)
        except NoKey:
            return  # replaced or revoked: whoever did that knows
        except Exception as error:  # noqa: BLE001 - one workspace's trouble is no reason to leave the others' keys unchecked
            log.error("a key was not checked", workspace=key.workspace, key=key.id, error=type(error).__name__)  # noqa: TRY400 - no exception text in logs
            return
        if checked.key.status is not checked.before:
            self._background.spawn(self._tell(checked), name="tell of a key")

    async def _note(self, key: ProviderKey, verdict: Verdict, *, stopped: int = 0) -> None:
        async with self._database.begin() as uow:
            await uow.workspaces.lock(key.workspace)
            stored = await uow.keys.get(key.workspace, key.id)
            if stored is None or stored.key.status is verdict.status:
                return
            problem = verdict.error.code if verdict.error else ""
            again = next_check(replace(key, status=verdict.status), self._clock.now())
            if not await uow.keys.mark(key, verdict.status, next_check_at=again, problem=problem):
                return
            about = {"status": verdict.status.value}
            await uow.audit.append(AuditEntry(key.workspace, ITSELF, "key.checked", key.id, about))
            moved = await self.settle(uow, key, verdict)
        checked = Checked(replace(key, status=verdict.status), verdict.error, moved, stored.key.status)
        self._background.spawn(self._tell(checked, stopped), name="tell of a key")

    async def _tell(self, checked: Checked, stopped: int = 0) -> None:
        """`stopped` is how many questions are known to wait that do not stand among those yet."""
        key, now = checked.key, self._clock.now()
        title = self._ring.title(key.provider)
        async with self._database.read() as uow:
            agents, keys = await uow.agents.all(key.workspace), await uow.keys.all(key.workspace)
            waiting = await uow.parked.waiting(key.workspace, Cause.KEY, key.id)
        if key.status is KeyStatus.VERIFIED:
            view = news.works(title, key, checked.moved, waiting)
        else:
            view = news.dead(title, key, agents_on(key, agents, keys), max(waiting, stopped), now)
        if key.status is KeyStatus.VERIFIED:
            await self._notices.tell_admins(key.workspace, key.set_by, view, most=1)
        else:
            await self._notices.tell_admins(key.workspace, key.set_by, view)

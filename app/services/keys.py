"""Keys at work: which key and model an agent thinks with, and each call made with it. There is no key but the workspace's own."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

from app.domain.agent import AgentSpec
from app.domain.keys import KeyStatus, ModelChoice, ProviderKey
from app.domain.run import ModelInfo
from app.domain.spend import Account
from app.errors import KeyRejected, NoCredit, NoKey, NoModel, TimedOut
from app.ports.clock import Clock
from app.services.background import Background
from app.services.journaled import PaidModel
from app.services.key_caps import KeyCaps
from app.services.key_checks import KeyChecks
from app.services.key_expiry import Expiries
from app.services.key_gate import KeyGate
from app.services.key_leaks import KnownKeys
from app.services.key_ring import OFFLINE, KeyRing
from app.services.key_setting import KeySetting
from app.services.key_trials import KeyTrials
from app.services.key_usage import paying_key, ready, stand_ins_of, verified
from app.services.keyed_model import Counter, KeyedModel
from app.services.meter import Meter
from app.services.model_lists import ModelLists
from app.services.notices import Notices
from app.services.rotating import Rotating
from app.services.rotation import Rotation
from app.services.screens import keys as screens
from app.services.searching import Searching, TurnedOff
from app.services.standing_in import Candidate, StandingIn
from app.services.switching_back import SwitchingBack
from app.services.till import Till
from app.store.unit_of_work import Database

ASKED_ABOUT_MODELS_EVERY = timedelta(hours=6)
WORTH_WAITING = 1.0
"""Seconds that a question waits to learn how much its model can take in; unknown, a long thread may be too long for it."""


class Keys:
    """`setting`, `checks`, `rotation`, `models` and `known` do what admins ask for; the methods here serve runs."""

    def __init__(
        self,
        database: Database,
        *,
        ring: KeyRing,
        meter: Meter,
        notices: Notices,
        background: Background,
        clock: Clock,
        demo: bool = False,
    ) -> None:
        self.ring = ring
        self.meter = meter
        self.demo = demo
        self.models = ModelLists(ring, background, clock)
        self.known = KnownKeys(database, ring, clock)
        trials = KeyTrials(ring)
        self.back = SwitchingBack(
            database, ring=ring, trials=trials, known=self.known, notices=notices, background=background, clock=clock
        )
        self.checks = KeyChecks(
            database, ring=ring, lists=self.models, back=self.back, notices=notices, background=background, clock=clock
        )
        self.setting = KeySetting(
            database, ring=ring, checks=self.checks, lists=self.models, known=self.known, clock=clock
        )
        self.rotation = Rotation(
            database, ring=ring, checks=self.checks, trials=trials, back=self.back, lists=self.models,
            known=self.known, clock=clock,
        )  # fmt: skip
        self.rotating = Rotating(
            database, self.rotation, ring=ring, known=self.known, notices=notices, background=background, clock=clock
        )
        self.caps = KeyCaps(database)
        self.expiry = Expiries(database, ring=ring, notices=notices, clock=clock)
        self._database = database
        self._notices = notices
        self._background = background
        self._clock = clock
        self._asked: dict[str, datetime] = {}
        self._without_search = TurnedOff(clock)
        self._gate = KeyGate(clock)

    async def all(self, workspace: str) -> tuple[ProviderKey, ...]:
        """A workspace's keys that are not revoked: by provider, its default first, then by label."""
        async with self._database.read() as uow:
            return await uow.keys.all(workspace)

    async def get(self, workspace: str, key_id: str) -> ProviderKey:
        """One key that is not revoked. Raises NoKey."""
        found = next((key for key in await self.all(workspace) if key.id == key_id), None)
        if found is None:
            raise NoKey("That key is not there any more.")
        return found

    async def resolve(self, agent: AgentSpec) -> ModelChoice:
        """What an agent thinks with, and who may stand in for it. Raises NoKey, KeyRejected, NoModel or why its models can't be listed.

        Never takes another key instead; stand-ins without a key that works are left out.
        """
        keys = await self.all(agent.workspace)
        if self.is_offline(agent, keys):
            return ModelChoice(OFFLINE, OFFLINE, "", images=False)
        key = paying_key(agent, keys)
        if key is None:
            raise NoKey(self._why_none(agent))
        if not key.live:
            refused = KeyRejected(
                f"{self.ring.title(key.provider)} refuses the key `{key.label}` that pays for {agent.name}. "
                "An admin can replace it with `/byok setkey`."
            )
            refused.waits_for = key.id
            raise refused
        try:
            model = agent.model or await self._best(agent, key)
        except (KeyRejected, NoCredit) as error:
            if await self.back.rejected(key, error):
                return await self.resolve(agent)  # another key pays in its place now
            await self.checks.failed(key, error)
            raise
        stand_ins = [one for one in stand_ins_of(agent, keys) if (one.key.id, one.model) != (key.id, model)]
        choice, *others = await asyncio.gather(
            self._choice(key, model), *(self._choice(one.key, one.model, instead_of=model) for one in stand_ins)
        )
        return replace(choice, fallbacks=tuple(others))

    async def ready(self, workspace: str) -> frozenset[str]:
        """The ids of the agents that could answer now, as far as is known."""
        async with self._database.read() as uow:
            agents, keys = await uow.agents.all(workspace), await uow.keys.all(workspace)
        offline = {agent.id for agent in agents if not agent.paused and self.is_offline(agent, keys)}
        usable = [key if self.ring.opens(key) else replace(key, status=KeyStatus.REFUSED) for key in keys]
        return ready(agents, usable) | offline

    def is_offline(self, agent: AgentSpec, keys: tuple[ProviderKey, ...]) -> bool:
        """Whether the offline model answers for this agent: in the demo only, until a key works, or where an admin chose it."""
        if not self.demo:
            return False
        return agent.provider == OFFLINE or (not agent.provider and not agent.key_id and not verified(keys))

    def client(self, choice: ModelChoice, account: Account, till: Till | None = None) -> PaidModel:
        """A model under this choice's key, which is looked at, paid for and written down at every single call; what that came to is put into the `till`."""
        counter, into = Counter(self.ring, self.meter, self.checks, self.back, self.models, self._gate), till or Till()

        def keyed(one: ModelChoice) -> PaidModel:
            return KeyedModel(counter, one, account, into)

        own = Searching(keyed(choice), choice, self._without_search)
        if not choice.fallbacks:
            return own
        return StandingIn(
            [Candidate(choice, own), *(Candidate(one, keyed(one)) for one in choice.fallbacks)], self._clock
        )

    async def leaked_in(self, workspace: str, text: str) -> bool:
        """Whether a key stands in a text."""
        return await self.known.leaked_in(workspace, text)

    async def redact(self, workspace: str, text: str) -> str:
        """The text without the keys that stand in it."""
        return await self.known.redact(workspace, text)

    async def recheck_due(self) -> None:
        """Ask again about unverified keys whose time has come; to be called every few seconds."""
        await self.checks.recheck_due()

    async def _choice(self, key: ProviderKey, model: str, *, instead_of: str = "") -> ModelChoice:
        info = await self.models.look_up(key, model, seconds=WORTH_WAITING)
        known = info or ModelInfo(model)
        return ModelChoice(
            key.provider,
            model,
            key.id,
            key.version,
            key.fingerprint,
            known.context_window,
            known.images,
            known.documents,
            known.web_search,
            known.tools,
            known.max_output,
            instead_of,
        )

    async def _best(self, agent: AgentSpec, key: ProviderKey) -> str:
        try:
            models = await self.models.of(key)
        except TimeoutError:
            raise TimedOut from None
        best = self.ring.provider(key.provider).best(models)
        if best is None:
            self._ask_for_model(agent, key)
            raise NoModel(
                f"No model has been chosen for {agent.name}, and none of this key's could be picked safely. "
                f"An admin can choose one with `/byok model {agent.name} …` or in Latchkey's home."
            )
        return best.id

    def _ask_for_model(self, agent: AgentSpec, key: ProviderKey) -> None:
        now = self._clock.now()
        last = self._asked.get(agent.id)
        if last is None or now - last > ASKED_ABOUT_MODELS_EVERY:
            self._asked[agent.id] = now
            view = screens.choose_a_model(agent, self.ring.title(key.provider))
            self._background.spawn(self._notices.tell_admins(agent.workspace, key.set_by, view), name="ask for a model")

    def _why_none(self, agent: AgentSpec) -> str:
        if agent.key_id:
            return f"The key that {agent.name} uses was revoked. An admin can give it another in Latchkey's home."
        if agent.provider and agent.provider != OFFLINE:
            title = self.ring.title(agent.provider)
            return f"{agent.name} answers with {title}, and this workspace has no default key for {title}. An admin can set one with `/byok setkey`."
        return "This workspace has no model key yet. An admin can set one with `/byok setkey`."

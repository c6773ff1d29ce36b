"""What models cost here: by the public list, or as the workspace's admins entered it, which counts first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from app.domain.agent import AgentSpec
from app.domain.audit import AuditEntry
from app.domain.chat import UserRef
from app.domain.keys import ProviderKey
from app.domain.money import OwnPrice, TokenPrices
from app.domain.spend import Kind
from app.errors import BadInput
from app.ports.clock import Clock
from app.ports.prices import PriceList
from app.services.key_ring import KeyRing
from app.services.key_usage import paying_key
from app.services.parked import Cause, release
from app.store.spending import Share
from app.store.unit_of_work import Database

MOST_MODELS = 40
LONGEST_MODEL = 200
_LOOKED_BACK = timedelta(days=30)

ModelName = tuple[str, str]
"""Provider and model."""


@dataclass(slots=True)
class PricedModel:
    """A model, who uses it, and what a million of its tokens cost; with neither price nobody knows. `unpriced` are calls without one lately."""

    provider: str
    model: str
    agents: list[AgentSpec] = field(default_factory=list)
    own: OwnPrice | None = None
    listed: TokenPrices | None = None
    unpriced: int = 0

    @property
    def known(self) -> bool:
        """Whether there is a price."""
        return bool(self.own or self.listed)


class ModelPrices:
    """Whoever calls what changes something has seen to it that `by` is an admin."""

    def __init__(self, database: Database, ring: KeyRing, prices: PriceList, clock: Clock) -> None:
        self._database = database
        self._ring = ring
        self._prices = prices
        self._clock = clock

    async def all(self, workspace: str) -> tuple[PricedModel, ...]:
        """The models that agents use or fall back to, those with an own price, and those called without a price lately: unknown prices first."""
        now = self._clock.now()
        days = (f"{now - _LOOKED_BACK:%Y-%m-%d}", f"{now + timedelta(days=1):%Y-%m-%d}")
        async with self._database.read() as uow:
            agents, keys = await uow.agents.all(workspace), await uow.keys.all(workspace)
            own = await uow.prices.all(workspace)
            called = await uow.spending.by(Share(workspace, Kind.MODEL), *days, top=MOST_MODELS)
        found: dict[ModelName, PricedModel] = {}
        for agent in agents:
            for name in _models_of(agent, keys):
                one = _one(found, name)
                one.agents += [agent] if agent not in one.agents else []
        for price in own:
            _one(found, (price.provider, price.model)).own = price
        for spent in called.top:
            provider, _, model = spent.subject.partition("/")
            if spent.unpriced:
                _one(found, (provider, model)).unpriced = spent.unpriced
        origins = self._origins(keys)
        for one in found.values():
            one.listed = self._prices.prices(one.provider, one.model, now, origin=origins.get(one.provider, ""))
        return tuple(sorted(found.values(), key=lambda one: (one.known, not one.agents, one.provider, one.model)))

    async def get(self, workspace: str, provider: str, model: str) -> OwnPrice | None:
        """The workspace's own price of a model."""
        async with self._database.read() as uow:
            return await uow.prices.get(workspace, provider, model)

    async def put(self, by: UserRef, provider: str, model: str, prices: TokenPrices) -> int:
        """Enter a price: it counts from the next call on. Tells how many questions waited for it, which are asked again. Raises BadInput."""
        model = model.strip()
        if provider not in {one.name for one in self._ring.providers}:
            raise BadInput("Choose one of the providers.", field="provider")
        if not model or len(model) > LONGEST_MODEL or not model.isprintable():
            raise BadInput("Write the model as its provider names it, such as in `/byok receipts`.", field="model")
        about = {"provider": provider, "model": model, "input": f"{prices.input:f}", "output": f"{prices.output:f}"}
        async with self._database.begin() as uow:
            await uow.prices.put(by.workspace, provider, model, prices, by.id)
            await uow.audit.append(AuditEntry(by.workspace, by.id, "price.set", f"{provider}/{model}", about))
            return await release(uow, by.workspace, Cause.PRICE, f"{provider}/{model}")

    async def remove(self, by: UserRef, provider: str, model: str) -> bool:
        """Drop an own price: the list counts again, from the next call on. False if there was none."""
        about = {"provider": provider, "model": model}
        async with self._database.begin() as uow:
            gone = await uow.prices.delete(by.workspace, provider, model)
            if gone:
                await uow.audit.append(AuditEntry(by.workspace, by.id, "price.removed", f"{provider}/{model}", about))
        return gone

    def _origins(self, keys: tuple[ProviderKey, ...]) -> Mapping[str, str]:
        """Where each provider is called, by the key that pays by default."""
        found: dict[str, str] = {}
        for key in keys:
            try:
                found.setdefault(key.provider, self._ring.provider(key.provider).origin(key.base_url))
            except BadInput:
                continue  # an address that may not be used any more has no price either
        return found


def _models_of(agent: AgentSpec, keys: tuple[ProviderKey, ...]) -> list[ModelName]:
    payer = paying_key(agent, keys)
    named = [(agent.provider or (payer.provider if payer else ""), agent.model)] if agent.model else []
    return [*named, *((one.provider, one.model) for one in agent.fallbacks)]


def _one(found: dict[ModelName, PricedModel], name: ModelName) -> PricedModel:
    return found.setdefault(name, PricedModel(*name))

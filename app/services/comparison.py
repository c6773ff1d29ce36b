"""What changes when an agent gets another model: price, what this month would have cost, what the models can do, which key pays."""

from __future__ import annotations

from dataclasses import dataclass, replace

from app.domain.agent import AgentSpec
from app.domain.keys import ProviderKey
from app.domain.money import ZERO, Cost, TokenPrices
from app.domain.run import ModelInfo, Usage
from app.domain.spend import Kind
from app.errors import BadInput, UserError
from app.ports.clock import Clock
from app.ports.prices import PriceList
from app.services.calendar import Calendar
from app.services.key_ring import OFFLINE
from app.services.key_usage import paying_key
from app.services.keys import Keys
from app.services.model_menu import Chosen
from app.services.pricing import cost
from app.services.usage_words import Timespan
from app.services.workspaces import WorkspaceSettings
from app.store.spending import Share
from app.store.unit_of_work import Database

QUICKLY = 1.2
"""Seconds that a person waits for model lists before something opens; a trigger to open it lives for three."""


@dataclass(frozen=True, slots=True)
class Side:
    """A model that an agent has or might have. `prices` and `month` are None where the price is not known."""

    model: str
    provider: str
    title: str
    info: ModelInfo
    prices: TokenPrices | None
    month: Cost | None
    key: ProviderKey | None


@dataclass(frozen=True, slots=True)
class Difference:
    """An agent's model now, and the one that was chosen."""

    agent: AgentSpec
    chosen: Chosen
    now: Side
    then: Side


class Comparisons:
    """Looks up what lists, prices and this month's sums tell."""

    def __init__(self, database: Database, keys: Keys, prices: PriceList, clock: Clock) -> None:
        self._database = database
        self._keys = keys
        self._prices = prices
        self._clock = clock

    async def of(self, agent: AgentSpec, chosen: Chosen) -> Difference:
        """Between what an agent has and what was chosen. Raises BadInput where no model could be picked for that."""
        spent, used = await self._month(agent)
        now = await self._side(agent)
        then = await self._side(given(agent, chosen))
        if not then.model:
            raise BadInput("No model could be picked safely there. Choose one by name.", field="model")
        then = replace(then, month=Cost(cost(then.prices, used)) if then.prices else None)
        return Difference(agent, chosen, replace(now, month=spent), then)

    async def _side(self, agent: AgentSpec) -> Side:
        keys = await self._keys.all(agent.workspace)
        if self._keys.is_offline(agent, keys):
            free = TokenPrices(ZERO, ZERO)
            return Side(OFFLINE, OFFLINE, self._keys.ring.title(OFFLINE), ModelInfo(OFFLINE), free, None, None)
        key = paying_key(agent, keys)
        if key is None:
            return Side(
                agent.model, agent.provider, self._keys.ring.title(agent.provider), ModelInfo(""), None, None, None
            )
        model = agent.model or await self._best(key)
        info = await self._keys.models.look_up(key, model, seconds=QUICKLY) if model else None
        prices = await self.prices_of(key, model) if model else None
        return Side(
            model, key.provider, self._keys.ring.title(key.provider), info or ModelInfo(model), prices, None, key
        )

    async def prices_of(self, key: ProviderKey, model: str) -> TokenPrices | None:
        """What a million tokens of a model cost under this key: the workspace's own price, else the list's."""
        async with self._database.read() as uow:
            own = await uow.prices.get(key.workspace, key.provider, model)
        if own:
            return own.prices
        try:
            origin = self._keys.ring.provider(key.provider).origin(key.base_url)
        except BadInput:  # a server that may not be used any more
            return None
        return self._prices.prices(key.provider, model, self._clock.now(), origin=origin)

    async def _best(self, key: ProviderKey) -> str:
        try:
            models = await self._keys.models.of(key, seconds=QUICKLY)
        except (UserError, TimeoutError):
            return ""
        best = self._keys.ring.provider(key.provider).best(models)
        return best.id if best else ""

    async def _month(self, agent: AgentSpec) -> tuple[Cost, Usage]:
        """What the agent spent and used this month."""
        async with self._database.read() as uow:
            row = await uow.workspaces.get(agent.workspace)
            calendar = Calendar.of(WorkspaceSettings.of(row.settings if row else {}).time_zone)
            first, last = Timespan.MONTH.days(calendar, self._clock.now())
            days = await uow.spending.by_day(Share(agent.workspace, Kind.AGENT), first, last, [agent.id])
        spent, used = Cost(), Usage()
        for (_, subject), one in days.items():
            if subject == agent.id:
                spent, used = spent + one.cost, used + one.usage
        return spent, used


def given(agent: AgentSpec, chosen: Chosen) -> AgentSpec:
    """The agent as it would be with this model."""
    return replace(agent, provider=chosen.provider, model=chosen.model, key_id=chosen.key_id)

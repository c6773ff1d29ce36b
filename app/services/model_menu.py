"""The models that admins may choose from: those of every key of the workspace, as its providers list them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from app.domain.agent import AgentSpec, Effort
from app.domain.keys import ProviderKey
from app.domain.run import ModelInfo
from app.domain.views import Option
from app.errors import BadInput, UserError
from app.services.key_ring import OFFLINE
from app.services.key_usage import paying_key, verified
from app.services.keys import Keys

AUTOMATIC = "auto"
"""The choice that leaves it to the workspace's default key, and to its provider's best model."""

LONGEST_VALUE = 150
MOST_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Chosen:
    """A model as an agent keeps it; `key_id` is empty where the provider's default key pays."""

    provider: str = ""
    model: str = ""
    key_id: str = ""

    @property
    def value(self) -> str:
        """As an option's value: ids only."""
        if not self.provider:
            return AUTOMATIC
        return f"{self.provider}@{self.key_id}/{self.model}" if self.key_id else f"{self.provider}/{self.model}"

    @classmethod
    def of(cls, agent: AgentSpec) -> Chosen:
        """What an agent has now."""
        return cls(agent.provider, agent.model, agent.key_id)

    @classmethod
    def read(cls, value: str) -> Chosen:
        """An option's value again. Raises BadInput for what is none."""
        if value == AUTOMATIC:
            return cls()
        payer, slash, model = value.partition("/")
        provider, _, key_id = payer.partition("@")
        if not (slash and provider):
            raise BadInput("Choose a model from the list.", field="model")
        return cls(provider, model, key_id)


class ModelMenu:
    """Options are made of what is listed now; what comes back is checked against the database."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    async def options(self, workspace: str, *, seconds: float) -> tuple[Option, ...]:
        """Every model of every key, in groups, best first; a key whose provider does not answer in time has none."""
        keys = [key for key in await self._keys.all(workspace) if key.live]
        lists = await asyncio.gather(*(self._list(key, seconds) for key in keys))
        until = "Offline demo model, until a key works" if self._keys.demo and not verified(keys) else ""
        options = [Option(AUTOMATIC, until or "Best model of the default key", "Automatic")]
        for key, models in zip(keys, lists, strict=True):
            options += self._group(key, models)
        if self._keys.demo:
            options.append(Option(Chosen(OFFLINE, OFFLINE).value, "Offline demo model", "Demo"))
        return tuple(option for option in options if len(option.value) <= LONGEST_VALUE)

    async def check(self, workspace: str, chosen: Chosen) -> Chosen:
        """The same choice, if this workspace can make it now. Raises BadInput in the admin's words."""
        if not chosen.provider or (chosen.provider == OFFLINE and self._keys.demo):
            return chosen
        self._keys.ring.provider(chosen.provider)
        title = self._keys.ring.title(chosen.provider)
        keys = [key for key in await self._keys.all(workspace) if key.provider == chosen.provider]
        key = next((k for k in keys if (k.id == chosen.key_id if chosen.key_id else k.is_default)), None)
        if key is None:
            raise BadInput(
                f"There is no {title} key for that. Set one with `/byok setkey {chosen.provider}`.", field="model"
            )
        known = self._keys.models.known(key)
        if chosen.model and known and all(model.id != chosen.model for model in known):
            raise BadInput(_unknown(title, chosen.model, known), field="model")
        return chosen

    async def efforts(self, agent: AgentSpec) -> tuple[Effort, ...]:
        """The efforts that an agent's model can be told, as far as lists that are known tell; all of them where nobody says."""
        keys = await self._keys.all(agent.workspace)
        if self._keys.is_offline(agent, keys):
            return ()
        key = paying_key(agent, keys)
        listed = self._keys.models.known(key) if key else None
        if key is None or listed is None:
            return tuple(Effort)
        best = self._keys.ring.provider(key.provider).best(listed)
        model = agent.model or (best.id if best else "")
        info = next((info for info in listed if info.id == model), None)
        told = info.efforts if info else None
        return tuple(Effort) if told is None else tuple(effort for effort in Effort if effort in told)

    async def warm(self, workspace: str, provider: str, *, seconds: float) -> None:
        """See that a provider's list is known, if it answers in time."""
        keys = [key for key in await self._keys.all(workspace) if key.provider == provider and key.live]
        await asyncio.gather(*(self._list(key, seconds) for key in keys))

    async def _list(self, key: ProviderKey, seconds: float) -> tuple[ModelInfo, ...]:
        try:
            return await self._keys.models.of(key, seconds=seconds)
        except (UserError, TimeoutError):
            return ()

    def _group(self, key: ProviderKey, models: Sequence[ModelInfo]) -> list[Option]:
        title = self._keys.ring.title(key.provider)
        group = title if key.is_default else f"{title} · {key.label}"
        paid_by = "" if key.is_default else key.id
        return [Option(Chosen(key.provider, model.id, paid_by).value, _label(model), group) for model in models]


def with_current(options: Sequence[Option], agent: AgentSpec, label: str = "") -> tuple[Option, ...]:
    """The options, and what the agent has now even if nobody lists it: a select must show the truth."""
    now = Chosen.of(agent)
    if len(now.value) > LONGEST_VALUE or any(option.value == now.value for option in options):
        return tuple(options)
    name = now.model or "best model"
    return (Option(now.value, label or f"{name} (now)", "Now"), *options)


def models_only(options: Sequence[Option]) -> tuple[Option, ...]:
    """Without what is no model that a key pays for."""
    aside = (AUTOMATIC, Chosen(OFFLINE, OFFLINE).value)
    return tuple(option for option in options if option.value not in aside)


def matching(options: Sequence[Option], typed: str) -> tuple[Option, ...]:
    """The options that a person who typed this may mean: every word of it occurs; at most 100."""
    words = typed.casefold().split()
    found = [o for o in options if all(word in f"{o.group} {o.label} {o.value}".casefold() for word in words)]
    return tuple(found[:MOST_SHOWN])


def _label(model: ModelInfo) -> str:
    if model.name and model.name != model.id:
        return f"{model.name} ({model.id})" if len(model.name) + len(model.id) < 70 else model.name
    return model.id


def _unknown(title: str, wanted: str, known: Sequence[ModelInfo]) -> str:
    from difflib import get_close_matches

    names = [model.id for model in known]
    near = get_close_matches(wanted, names, n=3, cutoff=0.4) or names[:3]
    return f"{title} does not list that model under this key. It does list {', '.join(near)}."

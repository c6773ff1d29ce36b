"""Prices of models: shown, entered and removed."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from app.domain.chat import UserRef
from app.domain.events import Action, Close, Open, Outcome, Private, Replace, Submission
from app.domain.money import ZERO, TokenPrices
from app.domain.views import Option, View
from app.errors import BadInput
from app.services.commands import Run
from app.services.dollars import parsed
from app.services.forms import Act, Save
from app.services.key_ring import KeyRing
from app.services.model_prices import ModelPrices
from app.services.screens import prices as screens
from app.services.screens.words import beside

_FINEST = Decimal("0.000001")
_MOST = Decimal(100_000)


class PriceDesk:
    """See MoreScreens and MoreCommands: all of it is an admin's. Raises UserError in the admin's words."""

    def __init__(self, prices: ModelPrices, ring: KeyRing) -> None:
        self._prices = prices
        self._ring = ring
        self.for_all: Mapping[str, Run] = {}
        self.for_admins: Mapping[str, Run] = {"prices": self._command}
        self.open_acts: Mapping[str, Act] = {}
        self.acts: Mapping[str, Act] = {screens.ENTER: self._enter, screens.REMOVE: self._remove}
        self.saves: Mapping[str, Save] = {screens.FORM: self._save}

    async def _command(self, user: UserRef, rest: str) -> Outcome:
        return Private(await self._page(user.workspace))

    async def _enter(self, event: Action) -> Outcome:
        provider, _, model = event.value.partition("/")
        before = await self._prices.get(event.user.workspace, provider, model)
        options = [Option(one.name, one.title) for one in self._ring.providers]
        known = provider if provider in {one.value for one in options} else ""
        return Open(screens.form(options, known, model, before.prices if before else None))

    async def _remove(self, event: Action) -> Outcome:
        provider, _, model = event.value.partition("/")
        await self._prices.remove(event.user, provider, model)
        view = await self._page(event.user.workspace)
        return Replace(view) if event.message else Private(view)

    async def _save(self, sent: Submission) -> Outcome:
        values = sent.values
        try:
            prices = TokenPrices(
                _price(values, "input"),
                _price(values, "output"),
                _price(values, "cached_read") if values.get("cached_read", "").strip() else None,
                _price(values, "cached_write") if values.get("cached_write", "").strip() else None,
            )
            model = values.get("model", "").strip()
            released = await self._prices.put(sent.user, values.get("provider", ""), model, prices)
        except BadInput as error:
            return beside(error.field or "model", error.message)
        return Close(screens.saved(model, released))

    async def _page(self, workspace: str) -> View:
        titles = {one.name: one.title for one in self._ring.providers}
        return screens.page(await self._prices.all(workspace), titles)


def _price(values: Mapping[str, str], field: str) -> Decimal:
    return parsed(values.get(field, ""), field=field, least=ZERO, most=_MOST, step=_FINEST)

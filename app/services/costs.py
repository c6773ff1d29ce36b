"""All that shows what was spent and what it costs, joined for whoever wires."""

from __future__ import annotations

from collections.abc import Mapping

from app.ports.clock import Clock
from app.ports.platform import ChatPlatform
from app.ports.prices import PriceList
from app.services.access import Access
from app.services.background import Background
from app.services.desks.prices import PriceDesk
from app.services.desks.usage import UsageDesk
from app.services.exported import LARGEST, ExportedFiles
from app.services.exports import Exports
from app.services.key_ring import KeyRing
from app.services.model_prices import ModelPrices
from app.services.month import Months
from app.services.notices import Notices
from app.services.receipts import Receipts
from app.services.spenders import Spenders
from app.services.usage import Usages
from app.store.unit_of_work import Database


class Costs:
    """`desks` are for commands and forms; `usage_desk` is for the home tab, too."""

    def __init__(
        self,
        database: Database,
        platforms: Mapping[str, ChatPlatform],
        *,
        ring: KeyRing,
        prices: PriceList,
        access: Access,
        notices: Notices,
        background: Background,
        clock: Clock,
        largest: int = LARGEST,
    ) -> None:
        spenders, exports = Spenders(database, platforms, ring), Exports(database)
        usages = Usages(database, spenders, clock)
        self.usage_desk = UsageDesk(
            usages,
            Months(database, usages, clock),
            Receipts(database, spenders),
            exports,
            ExportedFiles(database, platforms, exports, notices, largest=largest),
            access=access,
            background=background,
            clock=clock,
        )
        self.desks = (self.usage_desk, PriceDesk(ModelPrices(database, ring, prices, clock), ring))

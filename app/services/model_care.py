"""All that looks after agents' models, joined: choosing and comparing, trying, stand-ins, and models that end."""

from __future__ import annotations

from app.ports.agents import SystemPrompt
from app.ports.clock import Clock
from app.ports.prices import PriceList
from app.services.agents import Agents
from app.services.background import Background
from app.services.comparison import Comparisons
from app.services.desks.models import ModelDesk
from app.services.desks.stand_ins import StandInDesk
from app.services.keys import Keys
from app.services.lifecycles import Lifecycles
from app.services.model_menu import ModelMenu
from app.services.notices import Notices
from app.services.trials import Trials
from app.store.unit_of_work import Database


class ModelCare:
    """`desks` are for Commands and Forms, `stand_ins` for the home tab; `lifecycles.tick` is to be called every hour or so."""

    def __init__(
        self,
        database: Database,
        agents: Agents,
        keys: Keys,
        prices: PriceList,
        parts: SystemPrompt,
        *,
        notices: Notices,
        background: Background,
        clock: Clock,
    ) -> None:
        comparisons, trials = Comparisons(database, keys, prices, clock), Trials(keys, parts)
        self.comparisons = comparisons
        self.stand_ins = StandInDesk(agents, ModelMenu(keys))
        self.desks = (
            ModelDesk(agents, keys, comparisons, trials, notices=notices, background=background),
            self.stand_ins,
        )
        self.lifecycles = Lifecycles(
            database, keys, comparisons, notices=notices, background=background, clock=clock
        )  # fmt: skip

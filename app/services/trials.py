"""Two models tried with the same questions: asked beside each other as the agent would, without tools. What they say is kept nowhere."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import cast

from app.domain.agent import AgentSpec
from app.domain.chat import UserRef
from app.domain.keys import ModelChoice
from app.domain.money import Cost
from app.domain.run import ModelDone, ModelMessage, ModelRequest, Role, StoodIn, Stop, TextPart, Usage
from app.domain.spend import Account, Purpose
from app.errors import TimedOut, UserError
from app.ports.agents import SystemPrompt
from app.services.codec import clean
from app.services.comparison import given
from app.services.journaled import PaidEvent
from app.services.keys import Keys
from app.services.model_menu import Chosen
from app.services.till import Till

LONGEST_ANSWER = 400
"""Tokens of each answer, thinking included."""

PATIENCE = 60.0
"""Seconds for each answer."""


@dataclass(frozen=True, slots=True)
class Told:
    """One answer and what it took. `remark` says what was wrong with it."""

    text: str = field(repr=False, default="")
    usage: Usage = field(default_factory=Usage)
    seconds: float = 0.0
    cost: Cost = field(default_factory=Cost)
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Trial:
    """What two models (`models`: now, then) answered to each question, in that order."""

    agent: AgentSpec
    chosen: Chosen
    models: tuple[str, str]
    questions: tuple[str, ...] = field(repr=False)
    answers: tuple[tuple[Told, Told], ...] = field(repr=False)


class Trials:
    """Every call is paid for by the workspace's key, within its limits, in the name of the admin who tries."""

    def __init__(self, keys: Keys, parts: SystemPrompt) -> None:
        self._keys = keys
        self._parts = parts

    async def compare(self, agent: AgentSpec, chosen: Chosen, questions: tuple[str, ...], by: UserRef) -> Trial:
        """Ask both everything, at the same time. Raises NoKey, NoModel and their kin where one of them can't be asked at all."""
        bare = replace(agent, grants=(), fallbacks=())
        sides = [await self._keys.resolve(bare), await self._keys.resolve(given(bare, chosen))]
        system = "\n\n".join(part.text for part in self._parts(bare))
        asked = [self._ask(side, system, question, agent, by) for question in questions for side in sides]
        told = await asyncio.gather(*asked)
        answers = tuple((told[at], told[at + 1]) for at in range(0, len(told), 2))
        return Trial(agent, chosen, (sides[0].model, sides[1].model), questions, answers)

    async def _ask(self, choice: ModelChoice, system: str, question: str, agent: AgentSpec, by: UserRef) -> Told:
        account = Account(agent.workspace, asker=by.id, agent_id=agent.id, purpose=Purpose.TRIAL)
        till = Till()
        client = self._keys.client(choice, account, till)
        safe = await self._keys.redact(agent.workspace, question)
        message = ModelMessage(Role.USER, (TextPart(safe),))
        request = ModelRequest(choice.model, system, (message,), max_output_tokens=LONGEST_ANSWER)
        said, usage, remark = "", Usage(), ""
        began = time.monotonic()
        try:
            async with asyncio.timeout(PATIENCE):
                stream = cast("AsyncGenerator[PaidEvent]", client.stream(request))
                async with aclosing(stream) as events:
                    async for event in events:
                        if isinstance(event, ModelDone):
                            usage, remark = event.usage, _REMARKS.get(event.stop, "")
                        elif not isinstance(event, StoodIn):
                            said += clean(event.text)
        except UserError as error:
            remark = error.message
        except TimeoutError:
            remark = TimedOut().message
        seconds = time.monotonic() - began
        return Told(await self._keys.redact(agent.workspace, said.strip()), usage, seconds, till.take().cost, remark)


_REMARKS = {Stop.LENGTH: "cut off at its limit here", Stop.REFUSED: "declined"}

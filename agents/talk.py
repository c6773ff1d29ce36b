"""What is said to the model in one run: it grows with each turn, and is kept within the model's window."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import cast

from agents import window
from app.domain.agent import AgentSpec
from app.domain.chat import ConversationRef
from app.domain.run import ModelDone, ModelEvent, ModelMessage, Role, RunFinished, Stop, ToolResult, Usage
from app.errors import ProviderError
from app.ports.agents import ModelClient


class RunningTalk:
    """The messages of a run, and what its calls came to so far. `messages` ended with the question when it began."""

    def __init__(
        self, agent: AgentSpec, messages: Sequence[ModelMessage], model: ModelClient, where: ConversationRef | None
    ) -> None:
        self.messages = list(messages)
        self._agent = agent
        self._model = model
        self._where = where
        self._asked = len(messages) - 1
        self._usage = Usage()
        self._answered_by = model.model
        self._summed_up = False
        self._summary = ""
        self._left_out = False
        self._shrunk = False

    def said(self, done: ModelDone) -> None:
        """The model's turn, as it is: what is a provider's own goes back unchanged."""
        self._usage += done.usage
        self._answered_by = done.model
        self.messages.append(done.message)

    def heard(self, results: Sequence[ToolResult]) -> None:
        """What its tools answered."""
        self.messages.append(ModelMessage(Role.USER, tuple(results)))

    def finished(self, text: str, stop: Stop, *, limit: str = "") -> RunFinished:
        """How it ended."""
        return RunFinished(text, self._usage, self._answered_by, stop, limit, bool(self._summary), self._left_out)

    async def fit(self) -> None:
        """See that the model can take in what is said; to be called before it is asked. A window that nobody tells bounds the history only."""
        begun = len(self.messages) > self._asked + 1
        if begun and not self._model.context_window:
            return
        room = window.Room.of(self._agent, self._where, self._model.context_window)
        if window.size(self.messages) > room.messages:
            await self._shorten(room)

    async def shrink(self) -> bool:
        """The provider found it too long: say half of it, at most once. False if nothing can be left out."""
        before = window.size(self.messages)
        if self._shrunk:
            return False
        self._shrunk = True
        room = window.Room.of(self._agent, self._where, self._model.context_window)
        await self._shorten(window.Room(min(room.window, before), before // 2))
        return window.size(self.messages) < before

    async def _shorten(self, room: window.Room) -> None:
        talk = window.Talk.of(self.messages, self._asked)
        if talk.has_more and not self._summed_up:
            self._summed_up = True
            self._summary = await self._sum_up(talk, room.window)
            self._left_out = not self._summary
        else:
            cut = window.fitted(self.messages, room.messages)
            self._left_out = self._left_out or talk.has_more or cut != self.messages
            self.messages = cut
            if not talk.has_more or window.size(self.messages) <= room.messages:
                return
        self.messages = talk.with_summary(self._summary, room.messages)
        self._asked = 0

    async def _sum_up(self, talk: window.Talk, size: int) -> str:
        """The model's own; empty where it could not make one, which is no reason not to answer."""
        said, request = "", window.request(self._model.model, talk, size, self._agent.id)
        stream = cast("AsyncGenerator[ModelEvent]", self._model.stream(request))
        try:
            async with aclosing(stream):
                async for event in stream:
                    if isinstance(event, ModelDone):
                        self._usage += event.usage
                    else:
                        said += event.text
        except ProviderError:
            return ""
        return said.strip()

"""A model whose provider may search the web by itself: only where the model has that, and where the key's owner has not turned it off."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime, timedelta
from typing import cast

from app.domain.keys import ModelChoice
from app.domain.run import ModelRequest
from app.errors import NotPermitted, RequestRefused
from app.ports.clock import Clock
from app.services.journaled import PaidEvent, PaidModel

REMEMBERED = timedelta(minutes=10)


class TurnedOff:
    """Which keys and models are not served with a search at the moment, although the model has one: whoever owns the key can turn it off."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._until: dict[tuple[str, str], datetime] = {}

    def has(self, choice: ModelChoice) -> bool:
        """Whether a request with a search was refused a moment ago."""
        until = self._until.get((choice.key_id, choice.model))
        return until is not None and self._clock.now() < until

    def add(self, choice: ModelChoice) -> None:
        """It was refused."""
        now = self._clock.now()
        self._until = {place: until for place, until in self._until.items() if now < until}
        self._until[choice.key_id, choice.model] = now + REMEMBERED


class Searching:
    """See PaidModel. A provider that refuses a request with its search, before it says anything, is asked again without."""

    def __init__(self, inner: PaidModel, choice: ModelChoice, turned_off: TurnedOff) -> None:
        self.model = inner.model
        self.context_window = inner.context_window
        self._inner = inner
        self._choice = choice
        self._turned_off = turned_off

    async def stream(self, request: ModelRequest) -> AsyncIterator[PaidEvent]:
        """See ModelClient.stream."""
        can = self._choice.web_search is True and not self._turned_off.has(self._choice)
        searches = request.web_search if can else 0
        said = False
        try:
            async with aclosing(self._asked(request, searches=searches)) as events:
                async for event in events:
                    said = True
                    yield event
            return
        except (RequestRefused, NotPermitted):
            if said or not searches:
                raise
        async with aclosing(self._asked(request, searches=0)) as events:
            async for event in events:
                if not said:
                    self._turned_off.add(self._choice)  # so it was the search that was refused
                    said = True
                yield event

    def _asked(self, request: ModelRequest, *, searches: int) -> AsyncGenerator[PaidEvent]:
        return cast("AsyncGenerator[PaidEvent]", self._inner.stream(replace(request, web_search=searches)))

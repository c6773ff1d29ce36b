"""What one person only is shown: in the channel where they are, if Teams can do that, else in their chat with the app."""

from __future__ import annotations

import base64
import contextlib
import json
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Mapping

from adapters.teams import render
from adapters.teams.cards import Names, attachment
from adapters.teams.channels import Called
from adapters.teams.connector import Connector
from adapters.teams.payload import Json, string
from adapters.teams.people import People
from adapters.teams.refusals import TOO_LARGE, TeamsNotReachable, TeamsRefused
from adapters.teams.where import Where
from app.domain.chat import Place, UserRef
from app.domain.views import Chart, View
from app.errors import NotReachable, PlatformError
from app.ports.charts import ChartPainter, painted

_SMALLER = 10_000
_PAINTING = 4.0
"""Seconds that a screen waits for its pictures: an invoke's answer must be back before Teams gives up on it."""
_MOST_PICTURES = 16
_LARGEST_PICTURE = render.LARGEST - 1_500
"""Characters that leave room for its title and its words in a card of its own."""
_PICTURE = "data:image/png;base64,"

Draw = Callable[[int], Awaitable[Json]]
"""Makes a message with a card of at most this size; without pictures where it is to be smaller."""


class Whispers:
    """`targeted`: whether this tenant has targeted messages (a preview), seen in a channel by one person only. `charts` paints what is drawn in them."""

    def __init__(
        self,
        connector: Connector,
        people: People,
        called: Called,
        *,
        targeted: bool,
        charts: ChartPainter | None = None,
    ) -> None:
        self._connector = connector
        self._people = people
        self._called = called
        self._targeted = targeted
        self._charts = charts
        self._painted: OrderedDict[Chart, str] = OrderedDict()  # a screen is measured before it is sent

    async def show(self, user: UserRef, view: View, at: Where | None = None, kind: Place = Place.CHANNEL) -> None:
        """Show a screen, in several messages if need be. `at` is where they are, and of which kind. Raises PlatformError, NotReachable among them."""
        for page in await self.pages(view):

            async def draw(largest: int, page: View = page) -> Json:
                return await self.message(page, largest=largest)

            await self.deliver(user, draw, at, kind)

    async def pages(self, view: View) -> tuple[View, ...]:
        """A screen in parts that each fit a message."""
        return render.pages(view, await self.names((view,)))

    async def deliver(self, user: UserRef, draw: Draw, at: Where | None, kind: Place) -> None:
        """The same for whatever is drawn."""
        if at is not None and kind is Place.DIRECT:
            await self._post(at, draw)
            return
        if at is not None and self._targeted:
            try:
                await self._target(user, draw, at)
            except (TeamsRefused, NotReachable):
                pass  # not a member there, or no such feature: their own chat will do
            else:
                return
        await self._post(await self.chat_with(user), draw)

    async def chat_with(self, user: UserRef) -> Where:
        """The person's own chat with the app; raises NotReachable where Teams gives none."""
        place = await self._connector.personal(user.workspace, user.id)
        if place is None:
            raise NotReachable
        return place

    async def post(self, place: Where, view: View, *, home: bool = False) -> str:
        """Post a screen in a chat, as (one of) the home or not; returns its id."""

        async def draw(largest: int) -> Json:
            return await self.message(view, largest=largest, home=home)

        return await self._post(place, draw)

    async def say(self, place: Where, text: str, more: Json) -> None:
        """Post a text of ours in a chat."""
        await self._connector.send(place, {"type": "message", "textFormat": "markdown", "text": text, **more})

    async def put(self, place: Where, activity_id: str, view: View, *, home: bool = False) -> None:
        """Show a screen in the place of another."""
        activity = await self.message(view, home=home)
        try:
            await self._connector.update(place, activity_id, activity)
        except TeamsRefused as error:
            if not _smaller_may_do(error, activity):
                raise
            await self._connector.update(place, activity_id, await self.message(view, largest=_SMALLER, home=home))

    async def take_back(self, place: Where, activity_id: str) -> None:
        """Remove a screen; that it is gone already is fine."""
        with contextlib.suppress(PlatformError):
            await self._connector.delete(place, activity_id)

    async def message(self, view: View, *, largest: int = render.LARGEST, home: bool = False) -> Json:
        """A screen as a message."""
        names = await self.names((view,), pictures=largest == render.LARGEST)
        card = attachment(render.message(view, names, largest=largest, home=home))
        return {"type": "message", "summary": render.summary(view, names), "attachments": [card]}

    async def names(self, views: Iterable[View], *, pictures: bool = True) -> Names:
        """How those are called who are named in these views, and channels as far as that is known; with pictures of their charts, if `pictures`."""
        shown = tuple(views)
        people = render.people_in(shown)
        channels = self._called.of({user.workspace for user in people}, render.channels_in(shown))
        return Names(await self._people.names(people), channels, await self._pictures(shown) if pictures else {})

    async def _pictures(self, views: Iterable[View]) -> Mapping[Chart, str]:
        charts = [block for view in views for block in view.blocks if isinstance(block, Chart)]
        missing = View(blocks=tuple(chart for chart in charts if chart not in self._painted))
        for chart, data in (await painted(self._charts, (missing,), seconds=_PAINTING)).items():
            url = _PICTURE + base64.b64encode(data).decode()
            if len(url) <= _LARGEST_PICTURE:
                self._painted[chart] = url
        known = {chart: self._painted[chart] for chart in charts if chart in self._painted}
        while len(self._painted) > _MOST_PICTURES:
            self._painted.popitem(last=False)
        return known

    async def _post(self, place: Where, draw: Draw) -> str:
        """A smaller part of it where Teams finds it too large, or does not take what is painted in it."""
        activity = await draw(render.LARGEST)
        try:
            return await self._connector.send(place, activity)
        except TeamsRefused as error:
            if not _smaller_may_do(error, activity):
                raise
            return await self._connector.send(place, await draw(_SMALLER))

    async def _target(self, user: UserRef, draw: Draw, at: Where) -> None:
        member = await self._connector.member(at, user.id)
        recipient = {"id": string(member.get("id")) or user.id, "isTargeted": True}
        activity = await draw(render.LARGEST) | {"recipient": recipient}
        await self._connector.send(at, activity, targeted=True)


def _smaller_may_do(error: TeamsRefused, activity: Json) -> bool:
    return error.reason == TOO_LARGE or (not isinstance(error, TeamsNotReachable) and _PICTURE in json.dumps(activity))

"""The messages of one answer: under whose name, with which label, and how they come to show exactly what they should in the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from adapters.teams import render
from adapters.teams.cards import attachment
from adapters.teams.citations import claims
from adapters.teams.connector import Connector
from adapters.teams.payload import Json
from adapters.teams.refusals import TOO_LARGE, TeamsRefused
from adapters.teams.stream import Stream
from adapters.teams.text import cut, inert
from adapters.teams.where import Where
from adapters.teams.whispers import Whispers
from app.domain.chat import MessageRef
from app.domain.run import Source
from app.domain.views import Button, Buttons, View
from app.errors import PlatformUnavailable
from app.ports.platform import PartRef, ReplyTarget, SavePart

log = structlog.get_logger(__name__)

MADE_BY_AI: Json = {
    "type": "https://schema.org/Message",
    "@type": "Message",
    "@context": "https://schema.org",
    "@id": "",
    "additionalType": ["AIGeneratedContent"],
}


@dataclass(slots=True)
class Part:
    """One message: what it shows, and its stream while that is open."""

    id: str
    text: str
    stream: Stream | None = None
    exact: bool = True  # whether `text` is surely all that people see


class Answer:
    """Parts by position. A part that is added is saved before anything more is sent to it."""

    def __init__(
        self,
        connector: Connector,
        whispers: Whispers,
        place: Where,
        target: ReplyTarget,
        save: SavePart,
        *,
        parts: Sequence[Part] = (),
    ) -> None:
        self.parts = list(parts)
        self.place = place
        self._connector = connector
        self._whispers = whispers
        self._target = target
        self._save = save

    @property
    def heading(self) -> str:
        """Under which name it is: Teams shows the app's own name beside every message."""
        persona = self._target.persona
        name = " ".join(word for word in (persona.emoji, inert(persona.name.replace("*", "∗"))) if word)
        return f"**{name}**\n\n" if name else ""

    @property
    def last(self) -> Part | None:
        """The newest message."""
        return self.parts[-1] if self.parts else None

    async def add(self, part: Part) -> None:
        """One more message; saved when this returns."""
        self.parts.append(part)
        await self._keep(len(self.parts) - 1, part)

    async def begin(self, text: str) -> None:
        """A new message that shows this until it is edited, with a stop button; tries once."""
        posted = await self._connector.send(self.place, self._unfinished(text), patient=False)
        await self.add(Part(posted, text, exact=False))

    async def edit(self, part: Part, text: str, *, unfinished: bool) -> None:
        """Let a message show this; tries once."""
        shown = self._unfinished(text) if unfinished else self.message(text)
        part.exact = False
        await self._connector.update(self.place, part.id, shown, patient=False)
        part.text, part.exact = text, not unfinished

    async def typing(self) -> None:
        """The three dots, where Teams shows them; tries once."""
        await self._connector.send(self.place, {"type": "typing"}, patient=False)

    async def beneath(self, views: Sequence[View]) -> tuple[str, Json | None]:
        """What these views add to the answer's text, and the card that follows it."""
        line, card = render.beneath(views, await self._whispers.names(views))
        return inert(line.replace("*", "∗")), card

    async def settle(
        self, texts: Sequence[str], card: Json | None, *, thumbs: bool, sources: tuple[Source, ...] = ()
    ) -> None:
        """Make the messages show these texts and this card, and nothing else; whatever state they are in."""
        last = len(texts) - 1
        messages = [self.message(text, thumbs=thumbs and at == last, sources=sources) for at, text in enumerate(texts)]
        if card is not None:
            messages.append({"type": "message", "attachments": [attachment(card)]})
        for position, message in enumerate(messages):
            if position == len(self.parts):
                await self.add(Part(await self._posted(message), message.get("text", "")))
            else:
                await self._complete(position, message)
        for part in self.parts[len(messages) :]:
            await self._whispers.take_back(self.place, part.id)
        del self.parts[len(messages) :]

    def message(self, text: str, *, thumbs: bool = False, sources: tuple[Source, ...] = ()) -> Json:
        """A message of the answer, labelled as made by AI, with what it cites."""
        cited = claims(text, sources)
        label = MADE_BY_AI | ({"citation": cited} if cited else {})
        made: Json = {"type": "message", "textFormat": "markdown", "text": text, "entities": [label]}
        return made | ({"channelData": {"feedbackLoop": {"type": "default"}}} if thumbs else {})

    def _unfinished(self, text: str) -> Json:
        stop = View(blocks=(Buttons((Button("stop", "Stop", self._target.run),)),))
        card = attachment(render.unfinished(text, stop))
        return {"type": "message", "summary": cut(text, 200), "entities": [MADE_BY_AI], "attachments": [card]}

    async def _complete(self, position: int, message: Json) -> None:
        part, text = self.parts[position], message.get("text", "")
        more = "attachments" in message or "channelData" in message or message["entities"] != [MADE_BY_AI]
        if part.stream is None and part.exact and part.text == text and not more:
            return
        if part.stream is not None and await self._ended(part, part.stream, message):
            part.text, part.exact, part.stream = text, True, None
            return
        part.stream = None
        try:
            await self._connector.update(self.place, part.id, message)
        except TeamsRefused as error:
            if error.reason == TOO_LARGE:
                raise
            log.info("teams message is gone", run=self._target.run, reason=error.reason)
            old, part.id = part.id, await self._posted(message)
            await self._keep(position, part)
            await self._whispers.take_back(self.place, old)
        part.text, part.exact = text, True

    async def _ended(self, part: Part, stream: Stream, message: Json) -> bool:
        """Whether the stream took its last word. If it had ended before, or nobody knows, the message is edited."""
        try:
            part.id = await stream.end({"text": self.heading.strip() or "…"} | message, patient=True)
        except (TeamsRefused, PlatformUnavailable) as error:
            if isinstance(error, TeamsRefused) and error.reason == TOO_LARGE:
                raise
            log.info("teams stream had ended", run=self._target.run, reason=error.message)
            return False
        return True

    async def _posted(self, message: Json) -> str:
        """Where the answer to a post was lost, it is posted once more: an answer twice is better than none."""
        try:
            return await self._connector.send(self.place, message)
        except PlatformUnavailable:
            return await self._connector.send(self.place, message)

    async def _keep(self, position: int, part: Part) -> None:
        where = self._target.conversation
        message = MessageRef(where.workspace, where.channel, part.id)
        await self._save(PartRef(position, message, streamed=part.stream is not None))

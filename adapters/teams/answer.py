"""The messages of one answer: under whose name, with which label, and how they come to show exactly what they should in the end.

Teams can't be asked what was posted, and takes a message that is posted twice for two. So no word of an answer is posted: what is posted is
a promise (`Answer.promise`), which may be left alone for ever; its id is saved, and then the answer is put in its place. A process that dies
between Teams' answer and the save leaves a promise behind, never an answer.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from adapters.teams import render
from adapters.teams.cards import attachment
from adapters.teams.citations import NONE, claims
from adapters.teams.connector import Connector
from adapters.teams.payload import Json
from adapters.teams.refusals import TOO_LARGE, TeamsRefused
from adapters.teams.stream import Stream
from adapters.teams.text import cut, inert
from adapters.teams.where import Where
from adapters.teams.whispers import Whispers
from app.domain.chat import MessageRef
from app.domain.views import Button, Buttons, Sources, View
from app.errors import PlatformUnavailable
from app.ports.platform import PartRef, ReplyTarget, SavePart

log = structlog.get_logger(__name__)

_NOTIFIED = 150
"""Characters of what people read of a message where they are told of it."""

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
    saved: bool = True


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
        self.doubtful = False
        """Whether a promise may stand whose id nobody knows: another one is better left until it is needed."""
        self._connector = connector
        self._whispers = whispers
        self._target = target
        self._save = save

    @property
    def heading(self) -> str:
        """Under which name it is: Teams shows the app's own name beside every message."""
        return f"**{self._name}**\n\n" if self._name else ""

    @property
    def _name(self) -> str:
        persona = self._target.persona
        return " ".join(word for word in (persona.emoji, inert(persona.name.replace("*", "∗"))) if word)

    @property
    def last(self) -> Part | None:
        """The newest message."""
        return self.parts[-1] if self.parts else None

    @property
    def promise(self) -> str:
        """What a message, or a stream, says before its id is saved: true whenever it is read, and no word of the answer."""
        return "The answer goes on." if self.parts else f"{self._name or 'Latchkey'} has read this."

    async def add(self, part: Part) -> None:
        """One more message; saved when this returns."""
        part.saved = False
        self.parts.append(part)
        await self._keep(len(self.parts) - 1, part)

    async def begin(self, *, patient: bool) -> Part:
        """One more message, which promises only; saved when this returns. Tries once, unless patient."""
        whose = cut(f"An answer of {self._name or 'Latchkey'}", _NOTIFIED)
        message: Json = {"type": "message", "textFormat": "markdown", "text": self.promise, "summary": whose}
        posted = await self._posted(message, patient=patient)
        if not posted:
            self.doubtful = True
            raise PlatformUnavailable("POST: no id")
        part = Part(posted, "", exact=False)
        await self.add(part)
        return part

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
        """What these views add to the answer's text, and the message with a card that follows it."""
        names = await self._whispers.names(views)
        line, card = render.beneath(views, names)
        told = cut("\n".join(render.summary(view, names) for view in views), _NOTIFIED)
        under: Json = {"type": "message", "summary": told, "attachments": [attachment(card)]} if card else {}
        return inert(line.replace("*", "∗")), under or None

    async def settle(self, texts: Sequence[str], under: Json | None, *, thumbs: bool, sources: Sources = NONE) -> None:
        """Make the messages show these texts, and then what is under them, and nothing else; whatever state they are in."""
        last = len(texts) - 1
        messages = [self.message(text, thumbs=thumbs and at == last, sources=sources) for at, text in enumerate(texts)]
        for position, message in enumerate([*messages, under] if under else messages):
            part = self.parts[position] if position < len(self.parts) else await self.begin(patient=True)
            if not part.saved:
                await self._keep(position, part)
            await self._complete(position, message)
        await self._take_back(len(messages) + bool(under))

    def message(self, text: str, *, thumbs: bool = False, sources: Sources = NONE) -> Json:
        """A message of the answer, labelled as made by AI, with what it cites."""
        cited = claims(text, sources)
        label = MADE_BY_AI | ({"citation": cited} if cited else {})
        made: Json = {"type": "message", "textFormat": "markdown", "text": text, "entities": [label]}
        made["summary"] = cut(text.replace("*", "").strip(), _NOTIFIED)
        return made | ({"channelData": {"feedbackLoop": {"type": "default"}}} if thumbs else {})

    def _unfinished(self, text: str) -> Json:
        stop = View(blocks=(Buttons((Button("stop", "Stop", self._target.run),)),))
        card = attachment(render.unfinished(text, stop))
        return {"type": "message", "summary": cut(text, _NOTIFIED), "entities": [MADE_BY_AI], "attachments": [card]}

    async def _complete(self, position: int, message: Json) -> None:
        part, text = self.parts[position], message.get("text", "")
        more = "attachments" in message or "channelData" in message or message["entities"] != [MADE_BY_AI]
        if part.stream is None and part.exact and part.text == text and not more:
            return
        if part.stream is None or not await self._ended(part.stream, message):
            part.stream = None
            try:
                await self._connector.update(self.place, part.id, message)
            except TeamsRefused as error:
                if error.reason == TOO_LARGE:
                    raise
                log.info("teams message is gone", run=self._target.run, reason=error.reason)
                await self._take_back(position)  # those after it too: what is read first must stand first
                part = await self.begin(patient=True)
                await self._connector.update(self.place, part.id, message)
        part.text, part.exact, part.stream = text, True, None

    async def _take_back(self, position: int) -> None:
        """Remove the messages from this one on; that one is gone already is fine, that Teams is away is not: it would stand beside the answer."""
        for part in self.parts[position:]:
            with contextlib.suppress(TeamsRefused):
                await self._connector.delete(self.place, part.id)
        del self.parts[position:]

    async def _ended(self, stream: Stream, message: Json) -> bool:
        """Whether the stream took its last word. If it had ended before, or nobody knows, its message is edited, which can be done twice."""
        for _ in range(2):  # a lost request is said again: an open stream would keep the chat from the next one
            try:
                await stream.end({"text": self.heading.strip() or "…"} | message, patient=True)
            except PlatformUnavailable as error:
                log.info("teams stream may have ended", run=self._target.run, reason=error.message)
            except TeamsRefused as error:
                if error.reason == TOO_LARGE:
                    raise
                log.info("teams stream had ended", run=self._target.run, reason=error.message)
                return False
            else:
                return True
        return False

    async def _posted(self, message: Json, *, patient: bool) -> str:
        """Where the answer to a post was lost, there may be one message more: it holds no word of the answer."""
        try:
            return await self._connector.send(self.place, message, patient=patient)
        except PlatformUnavailable:
            self.doubtful = True
            if not patient:
                raise
            return await self._connector.send(self.place, message)

    async def _keep(self, position: int, part: Part) -> None:
        where = self._target.conversation
        message = MessageRef(where.workspace, where.channel, part.id)
        await self._save(PartRef(position, message, streamed=part.stream is not None))
        part.saved = True

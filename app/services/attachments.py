"""What is in the files of a thread, read when the model is asked. It goes to the model and nowhere else: no row and no journal has a byte of it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import cast

from app.domain.chat import FileRef
from app.domain.files import MOST_FILES, NATIVE_BYTES, TEXT_BYTES
from app.domain.run import DocumentPart, FilePart, ImagePart, ModelMessage, ModelRequest, Part, TextPart
from app.errors import ContextTooLong, RequestRefused
from app.ports.documents import DocumentReader
from app.services.file_contents import Content, Fetch, FileContents, Redact
from app.services.journaled import PaidEvent, PaidModel

TEXT_PER_TOKEN = 1.5
"""Bytes of text in files for each token of the model's window: half of it, about."""

MOST_HALVINGS = 2
"""How often files get half the room where they were too long for the window after all."""

WORTH_SHOWING = 1_000
"""Bytes of a document below which its beginning helps nobody."""

TOO_MANY = f"only {MOST_FILES} files of a question are read"
BLIND = "this model cannot look at pictures"
NOT_TAKEN = "the model's provider did not take it: the model may see no pictures, or none with so many pixels"
TOO_LONG = "it is too long for this model's context window, with what else was sent"
TOO_MUCH = "the pictures and PDFs of this thread are too large together"

_TICKS = re.compile(r"`+")


@dataclass(slots=True)
class _Room:
    """What may still be shown, in bytes."""

    texts: float
    native: int = NATIVE_BYTES


class Attachments:
    """See ModelClient. Each FilePart becomes what is in the file or, for the model to tell, why that could not be read.

    `images` and `documents`: whether the model sees pictures, and reads PDFs itself. Where nobody says, pictures are tried and PDFs are not.
    A provider that refuses a request is asked again with the text of its PDFs, then without its pictures; one that finds it too long, with less
    text of its files.
    """

    def __init__(
        self,
        inner: PaidModel,
        fetch: Fetch,
        redact: Redact,
        reader: DocumentReader,
        *,
        images: bool | None,
        documents: bool | None = None,
    ) -> None:
        self.model = inner.model
        self.context_window = inner.context_window
        self._inner = inner
        self._redact = redact
        self._texts = self.context_window * TEXT_PER_TOKEN if self.context_window else MOST_FILES * TEXT_BYTES
        longest = max(1, int(min(TEXT_BYTES, self._texts)))
        self._contents = FileContents(fetch, redact, reader, pdfs=documents is True, longest=longest)
        self._no_pictures = BLIND if images is False else ""
        self._no_pdfs = False
        self._halved = 0
        self._read: dict[FileRef, Content] = {}
        self._shown: set[type[Part]] = set()

    async def stream(self, request: ModelRequest) -> AsyncIterator[PaidEvent]:
        """See ModelClient.stream."""
        said = False
        while True:
            try:
                async with aclosing(await self._asked(request)) as events:
                    async for event in events:
                        said = True
                        yield event
                return
            except (RequestRefused, ContextTooLong) as error:
                if said or not self._with_less(error):
                    raise

    def _with_less(self, refused: RequestRefused | ContextTooLong) -> bool:
        """Whether there is something that may be the reason, and is left out from now on."""
        if DocumentPart in self._shown:
            self._no_pdfs = True
            return True
        if isinstance(refused, RequestRefused) and ImagePart in self._shown:
            self._no_pictures = NOT_TAKEN
            return True
        if isinstance(refused, ContextTooLong) and self._texted and self._halved < MOST_HALVINGS:
            self._halved += 1
            return True
        return False

    @property
    def _texted(self) -> bool:
        return any(content.text for content in self._read.values())

    async def _asked(self, request: ModelRequest) -> AsyncGenerator[PaidEvent]:
        files = [part for message in request.messages for part in message.parts if isinstance(part, FilePart)]
        if files:
            parts = await self._parts(files)
            self._shown = {type(part) for several in parts.values() for part in several}
            request = replace(request, messages=tuple(_filled(message, parts) for message in request.messages))
        return cast("AsyncGenerator[PaidEvent]", self._inner.stream(request))

    async def _parts(self, files: Sequence[FilePart]) -> dict[FilePart, tuple[Part, ...]]:
        """The question's files come first, then those of the thread, the newest of them first."""
        earlier = [part for part in reversed(files) if part.earlier]
        wanted = list(dict.fromkeys([part for part in files if not part.earlier] + earlier))
        unread = {part.file for part in wanted[:MOST_FILES]} - self._read.keys()
        for content in await asyncio.gather(*map(self._content, unread)):
            self._read[content.file] = content
        room = _Room(self._texts / 2**self._halved)
        parts: dict[FilePart, tuple[Part, ...]] = {}
        for at, part in enumerate(wanted):
            content = self._read[part.file] if at < MOST_FILES else Content(part.file, why_not=TOO_MANY)
            parts[part] = await self._told(self._fitted(content, room), earlier=part.earlier)
        return parts

    async def _content(self, file: FileRef) -> Content:
        return await self._contents.of(file, no_pictures=self._no_pictures)

    def _fitted(self, content: Content, room: _Room) -> Content:
        """As much of it as there is room for; that is taken."""
        if content.picture:
            if self._no_pictures or len(content.data) > room.native:
                return Content(content.file, why_not=self._no_pictures or TOO_MUCH)
            room.native -= len(content.data)
            return content
        size = len((content.text or "").encode())
        if content.pdf:
            if not self._no_pdfs and len(content.data) <= room.native and size <= room.texts:
                room.native, room.texts = room.native - len(content.data), room.texts - size
                return content
            content = replace(content, pdf=False, data=b"")
        if content.text is None:
            return content
        if size > room.texts:
            if not content.read or room.texts < WORTH_SHOWING:
                return Content(content.file, why_not=TOO_LONG)
            kept = content.text.encode()[: int(room.texts)].decode(errors="ignore")
            content, size = replace(content, text=kept, cut=True), len(kept.encode())
        room.texts -= size
        return content

    async def _told(self, content: Content, *, earlier: bool) -> tuple[Part, ...]:
        name = await self._redact(_plain(content.file.name))
        say = "Say so where it matters." if earlier else "Say so in your answer."
        if content.picture:
            return (TextPart(f"The picture “{name}”:"), ImagePart(content.picture, content.data))
        if content.pdf:
            return (TextPart(f"The PDF “{name}”:"), DocumentPart(name, content.data))
        if content.text is not None:
            fence = max(["``", *_TICKS.findall(content.text)], key=len) + "`"  # nothing in the file ends it
            what = f"The text of “{name}”" if content.read else f"The file “{name}”"
            more = f"\n(That is its beginning only: it is longer than can be shown. {say})" if content.cut else ""
            return (TextPart(f"{what}:\n{fence}\n{content.text}\n{fence}{more}"),)
        return (TextPart(f"(The file “{name}” could not be read: {content.why_not}. {say})"),)


def _filled(message: ModelMessage, contents: dict[FilePart, tuple[Part, ...]]) -> ModelMessage:
    parts = (contents[part] if isinstance(part, FilePart) else (part,) for part in message.parts)
    return ModelMessage(message.role, tuple(part for several in parts for part in several))


def _plain(name: str) -> str:
    """A name that cannot be taken for anything else than a name."""
    return " ".join(name.replace("`", "'").replace("“", "'").replace("”", "'").split())[:120] or "without a name"

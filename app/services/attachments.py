"""What is in the files of a question, read when the model is asked. It goes to the model and nowhere else: no row and no journal has a byte of it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import cast

from app.domain.chat import FileRef
from app.domain.files import ALL_IMAGES_BYTES, IMAGE_BYTES, MOST_FILES, TEXT_BYTES, FileKind, kind_of, picture_type
from app.domain.run import FilePart, ImagePart, ModelEvent, ModelMessage, ModelRequest, Part, TextPart
from app.errors import PlatformError, RequestRefused
from app.services.journaled import PaidModel

Fetch = Callable[[FileRef, int], Awaitable[bytes]]
"""ChatPlatform.download within one workspace."""

Redact = Callable[[str], Awaitable[str]]

TEXT_PER_TOKEN = 1.5
"""Bytes of text files for each token of the model's window: half of it, about."""

TOO_MANY = f"only {MOST_FILES} files of a question are read"
NOT_READ_YET = "Latchkey does not read this kind of file yet, only PNG, JPEG, GIF and WebP pictures and plain text"
NO_PICTURE = "it is not a PNG, JPEG, GIF or WebP picture, whatever its name says"
NO_TEXT = "it is not text in UTF-8, whatever its name says"
BLIND = "this model cannot look at pictures"
NOT_TAKEN = "the model's provider did not take it: the model may see no pictures, or none with so many pixels"
TOO_LONG = "it is too long for this model's context window, with what else was sent"
TOO_MUCH = "the pictures of this question are too large together"
NOT_NOW = "the chat platform did not hand it over"

_TICKS = re.compile(r"`+")


@dataclass(frozen=True, slots=True)
class _Content:
    """What is in a file: a picture, or a text, or else why it could not be read."""

    file: FileRef
    picture: str = ""
    data: bytes = field(repr=False, default=b"")
    text: str | None = field(repr=False, default=None)
    why_not: str = ""


class Attachments:
    """See ModelClient. Each FilePart becomes what is in the file or, for the model to tell, why that could not be read.

    `images`: whether the model sees pictures. Where nobody says, it is tried. A provider that refuses a request with pictures is asked again without.
    """

    def __init__(self, inner: PaidModel, fetch: Fetch, redact: Redact, *, images: bool | None) -> None:
        self.model = inner.model
        self.context_window = inner.context_window
        self._inner = inner
        self._fetch = fetch
        self._redact = redact
        self._no_pictures = BLIND if images is False else ""
        self._read: dict[FileRef, _Content] = {}

    @property
    def fingerprint(self) -> str:
        """See PaidModel."""
        return self._inner.fingerprint

    async def stream(self, request: ModelRequest) -> AsyncIterator[ModelEvent]:
        """See ModelClient.stream."""
        said = False
        try:
            async with aclosing(await self._asked(request)) as events:
                async for event in events:
                    said = True
                    yield event
            return
        except RequestRefused:
            if said or self._no_pictures or not any(content.picture for content in self._read.values()):
                raise
        self._no_pictures = NOT_TAKEN
        async with aclosing(await self._asked(request)) as events:
            async for event in events:
                yield event

    async def _asked(self, request: ModelRequest) -> AsyncGenerator[ModelEvent]:
        files = [part.file for message in request.messages for part in message.parts if isinstance(part, FilePart)]
        if files:
            parts = await self._parts(tuple(dict.fromkeys(files)))
            request = replace(request, messages=tuple(_filled(message, parts) for message in request.messages))
        return cast("AsyncGenerator[ModelEvent]", self._inner.stream(request))

    async def _parts(self, files: tuple[FileRef, ...]) -> dict[FileRef, tuple[Part, ...]]:
        wanted = [file for file in files[:MOST_FILES] if file not in self._read]
        for content in await asyncio.gather(*map(self._content, wanted)):
            self._read[content.file] = content
        texts = self.context_window * TEXT_PER_TOKEN if self.context_window else MOST_FILES * TEXT_BYTES
        pictures = ALL_IMAGES_BYTES
        parts: dict[FileRef, tuple[Part, ...]] = {}
        for file in files:
            content = self._read.get(file, _Content(file, why_not=TOO_MANY))
            if content.picture and self._no_pictures:
                content = _Content(file, why_not=self._no_pictures)
            elif content.picture and (pictures := pictures - len(content.data)) < 0:
                content = _Content(file, why_not=TOO_MUCH)
            elif content.text is not None and (texts := texts - len(content.text.encode())) < 0:
                content = _Content(file, why_not=TOO_LONG)
            parts[file] = await self._told(content)
        return parts

    async def _content(self, file: FileRef) -> _Content:
        kind = kind_of(file)
        limit = TEXT_BYTES if kind is FileKind.TEXT else IMAGE_BYTES
        if kind is FileKind.OTHER:
            return _Content(file, why_not=NOT_READ_YET)
        if kind is FileKind.IMAGE and self._no_pictures:
            return _Content(file, why_not=self._no_pictures)
        if file.size > limit:
            return _Content(file, why_not=f"it is larger than {limit // 1000:,} kB")
        try:
            data = await self._fetch(file, limit)
        except PlatformError as error:  # those without a kind of their own say what it is about this file
            return _Content(file, why_not=error.message.rstrip(".") if type(error) is PlatformError else NOT_NOW)
        picture = picture_type(data) if kind is not FileKind.TEXT else ""
        if picture:
            return _Content(file, picture, data)
        if kind is FileKind.IMAGE:
            return _Content(file, why_not=NO_PICTURE)
        text = _decoded(data)
        if text is None or len(data) > TEXT_BYTES:
            return _Content(file, why_not=NO_TEXT if kind is FileKind.TEXT else NOT_READ_YET)
        return _Content(file, text=await self._redact(text))

    async def _told(self, content: _Content) -> tuple[Part, ...]:
        name = await self._redact(_plain(content.file.name))
        if content.picture:
            return (TextPart(f"The picture “{name}”:"), ImagePart(content.picture, content.data))
        if content.text is not None:
            fence = max(["``", *_TICKS.findall(content.text)], key=len) + "`"  # nothing in the file ends it
            return (TextPart(f"The file “{name}”:\n{fence}\n{content.text}\n{fence}"),)
        return (TextPart(f"(The file “{name}” could not be read: {content.why_not}. Say so in your answer.)"),)


def _filled(message: ModelMessage, contents: dict[FileRef, tuple[Part, ...]]) -> ModelMessage:
    parts = (contents[part.file] if isinstance(part, FilePart) else (part,) for part in message.parts)
    return ModelMessage(message.role, tuple(part for several in parts for part in several))


def _decoded(data: bytes) -> str | None:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


def _plain(name: str) -> str:
    """A name that cannot be taken for anything else than a name."""
    return " ".join(name.replace("`", "'").replace("“", "'").replace("”", "'").split())[:120] or "without a name"

"""The rules by which Teams lets a bot stream (PLATFORM §2.6), as a state machine: one stream, from its first request to its final message."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


class Refused(Exception):
    """What the connector answers instead; `code` and `text` as it words them."""

    def __init__(self, status: int, code: str, text: str = "") -> None:
        super().__init__(text)
        self.status, self.code, self.text = status, code, text


@dataclass
class Stream:
    """One streamed message. `texts` is every cumulative text so far."""

    id: str
    started: float
    sequence: int = 0
    texts: list[str] = field(default_factory=list)
    informed: list[str] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    done: bool = False
    canceled: bool = False


class Streams:
    """All streams of one chat. `pace`: the least seconds between two requests of a stream (0: any)."""

    def __init__(self, now: Callable[[], float], *, lasts: float = 120.0, pace: float = 0.0) -> None:
        self.all: dict[str, Stream] = {}
        self._now = now
        self.lasts = lasts
        self.pace = pace
        self.allowed = True

    @property
    def open(self) -> list[Stream]:
        return [s for s in self.all.values() if not s.done and not s.canceled and self._now() - s.started < self.lasts]

    def chunk(self, info: Json, text: str, new_id: str) -> tuple[Stream, bool]:
        """A `typing` with streaminfo; the stream, and whether this began it."""
        kind, sequence = info.get("streamType"), info.get("streamSequence")
        if kind not in {"informative", "streaming"} or not isinstance(sequence, int) or sequence < 1:
            raise Refused(400, "BadArgument", "streamType or streamSequence")
        stream_id = info.get("streamId")
        begins = not stream_id
        if begins:
            if not self.allowed or self.open:
                raise Refused(403, "ContentStreamNotAllowed", "Content stream is not allowed")
            if sequence != 1:
                raise Refused(400, "BadArgument", "a stream starts with 1")
            stream = self.all[new_id] = Stream(new_id, self._now())
        else:
            stream = self._known(stream_id)
        self._check(stream)
        if sequence <= stream.sequence:
            raise Refused(400, "BadArgument", "streamSequence must grow")
        if kind == "informative":
            if stream.texts or len(text) > 1000:
                raise Refused(400, "BadArgument", "informative")
            stream.informed.append(text)
        else:
            if stream.texts and not text.startswith(stream.texts[-1]):
                raise Refused(403, "ContentStreamNotAllowed", "Content should contain the previously streamed content")
            stream.texts.append(text)
        stream.sequence = sequence
        stream.times.append(self._now())
        return stream, begins

    def final(self, info: Json, text: str) -> Stream:
        """A `message` with streaminfo."""
        if info.get("streamType") != "final" or "streamSequence" in info:
            raise Refused(400, "BadArgument", "final")
        stream = self._known(info.get("streamId"))
        self._check(stream)
        stream.done = True
        stream.texts.append(text)
        stream.times.append(self._now())
        return stream

    def _known(self, stream_id: object) -> Stream:
        if not isinstance(stream_id, str) or stream_id not in self.all:
            raise Refused(404, "NotFound", "no such stream")
        return self.all[stream_id]

    def _check(self, stream: Stream) -> None:
        if stream.canceled:
            raise Refused(403, "ContentStreamNotAllowed", "Content stream was canceled by user")
        if stream.done:
            raise Refused(
                403, "ContentStreamNotAllowed", "Content stream is not allowed on an already completed streamed message"
            )
        if self._now() - stream.started >= self.lasts:
            raise Refused(403, "ContentStreamNotAllowed", "Message size or exceeded streaming time")
        if self.pace and stream.times and self._now() - stream.times[-1] < self.pace:
            raise Refused(429, "TooManyRequests", "API calls quota exceeded")

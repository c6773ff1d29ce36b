"""One answer, streamed into one message. The page has no size limit and no rate: nothing rolls over, nothing waits."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from adapters.playground.room import Post, Rooms, State
from app.domain.views import View
from app.ports.platform import Step, StepState

_RINGS = re.compile(r"<!(channel|here|everyone)(?:\|[^>]*)?>|<!subteam\^[^>]*>|@(?=(?:channel|here|everyone)\b)")
_RANGES = (
    (0x7F, 0x9F),
    (0x61C, 0x61C),
    (0x200B, 0x200B),
    (0x200E, 0x200F),
    (0x202A, 0x202E),
    (0x2060, 0x2069),
    (0xFEFF, 0xFEFF),
)
_HIDDEN = dict.fromkeys(
    [*range(0xE0000, 0xE0080), *(code for first, last in _RANGES for code in range(first, last + 1))]
)


def inert(text: str) -> str:
    """A model's text as it may be shown: it calls nobody, and no character in it turns or hides others."""
    return _RINGS.sub(
        lambda match: match[1] or ("" if match[0].startswith("<") else "@\u2060"), text.translate(_HIDDEN)
    )


class PlaygroundReply:
    """Writes into its message as it comes; `finish` and `fail` have the last word. After `resume` nothing is appended."""

    def __init__(self, rooms: Rooms, post: Post, *, resumed: bool) -> None:
        self._rooms = rooms
        self._post = post
        self._resumed = resumed
        self._said = ""
        self._ended = False

    async def append(self, text: str) -> None:
        """Show more; a piece that changes what stands before it (half of a call to all) replaces the whole."""
        if self._resumed or self._ended or not text:
            return
        self._said += text
        shown, before = inert(self._said), self._post.text
        if before and shown.startswith(before):
            self._rooms.grow(self._post, shown[len(before) :])
        else:
            self._post.text = shown
            self._rooms.tell(self._post)

    async def status(self, text: str) -> None:
        """Say what is being done now."""
        if not self._ended and self._post.status != text:
            self._post.status = text
            self._rooms.tell(self._post)

    async def steps(self, steps: Sequence[Step]) -> None:
        """Show what tools do, as a list that grows; it is folded when the answer is there."""
        if not self._ended and self._post.steps != tuple(steps):
            self._post.steps = tuple(steps)
            self._rooms.tell(self._post)

    async def finish(self, text: str, views: Sequence[View] = ()) -> None:
        """End with the whole text."""
        self._end(State.DONE, text, views)

    async def fail(self, explanation: View, text: str = "") -> None:
        """End with what was said and why there is no more."""
        self._end(State.FAILED, text, (explanation,))

    async def abandon(self) -> None:
        """Let go; the message stays as it is until somebody resumes it."""
        self._ended = True

    def _end(self, state: State, text: str, views: Sequence[View]) -> None:
        self._ended = True
        post = self._post
        over = {StepState.RUNNING, StepState.WAITING}
        post.steps = tuple(replace(one, state=StepState.FAILED) if one.state in over else one for one in post.steps)
        post.state, post.text, post.views, post.status, post.can_stop = state, inert(text), tuple(views), "", False
        self._rooms.tell(post)

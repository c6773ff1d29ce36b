"""What tools do on the way to an answer: as Slack's task cards in a stream, as one line elsewhere, as one line in the end."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

from adapters.slack.elements import text_object
from adapters.slack.identity import Json
from adapters.slack.text import cut, literal
from app.ports.platform import Step, StepState, folded

NO_CARDS = {"invalid_arguments", "invalid_chunks", "invalid_blocks", "invalid_blocks_format"}
"""How Slack says that it does not know task cards."""

_STATUS = {
    StepState.RUNNING: "in_progress",
    StepState.WAITING: "pending",
    StepState.DONE: "complete",
    StepState.FAILED: "error",
}
_SIGNS = {StepState.RUNNING: "⏳", StepState.WAITING: "✋", StepState.DONE: "✓", StepState.FAILED: "⚠️"}
_MOST_BYTES = 4_000
"""Of an answer's message that cards may take: a message takes about 10 kB in all."""


class Steps:
    """All steps so far, and which of them people have seen as they are now."""

    def __init__(self) -> None:
        self._steps: tuple[Step, ...] = ()
        self._seen: dict[str, Json] = {}
        self._line_seen = ""
        self.bytes = 0
        """What the cards of the last message take of its room."""

    def now(self, steps: Sequence[Step]) -> None:
        """So it stands."""
        self._steps = tuple(steps)

    def end(self) -> None:
        """The answer ends: what is not done by now did not come to its end."""
        over = {StepState.RUNNING, StepState.WAITING}
        self._steps = tuple(replace(one, state=StepState.FAILED) if one.state in over else one for one in self._steps)

    @property
    def fresh(self) -> list[Json]:
        """Cards that people have not seen as they are now, as far as there is room for them."""
        cards = [card for step in self._steps if (card := _card(step)) != self._seen.get(step.id)]
        return cards if self.bytes + _size(cards) <= _MOST_BYTES else []

    def took(self, cards: Sequence[Json]) -> None:
        """People see these cards."""
        self._seen |= {card["id"]: card for card in cards}
        self.bytes += _size(cards)

    @property
    def line_is_new(self) -> bool:
        """Whether the line says something that people have not seen."""
        return self.line != self._line_seen

    def took_line(self) -> None:
        """People see the line."""
        self._line_seen = self.line

    @property
    def line(self) -> str:
        """Where it stands, in one line; empty where nothing was done."""
        if not self._steps:
            return ""
        last, before = self._steps[-1], len(self._steps) - 1
        words = f"{_SIGNS[last.state]} {last.title}" + (f" ({last.detail})" if last.detail else "")
        return cut(f"{words} · {before} before" if before else words, 250)

    @property
    def below(self) -> list[Json]:
        """The line, to stand under an answer that is shown by editing."""
        return [_context(self.line)] if self._steps else []

    @property
    def fold(self) -> list[Json]:
        """What is left of the steps beneath the finished answer."""
        return [_context(folded(self._steps))] if self._steps else []


def _card(step: Step) -> Json:
    card: Json = {"type": "task_update", "id": step.id, "title": literal(cut(step.title, 150))}
    card |= {"status": _STATUS[step.state]}
    return card | ({"details": literal(cut(step.detail, 250))} if step.detail else {})


def _size(cards: Sequence[Json]) -> int:
    return sum(len(json.dumps(card, ensure_ascii=False).encode()) for card in cards)


def _context(line: str) -> Json:
    return {"type": "context", "elements": [text_object((line,), 3000, ringing=True)]}

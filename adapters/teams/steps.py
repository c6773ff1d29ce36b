"""What tools do on the way to an answer: one line while it is made, one line beneath it in the end. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from adapters.teams.text import cut, inert
from app.ports.platform import Step, StepState, folded

_UNDER_WAY = {StepState.RUNNING, StepState.WAITING}
_SIGNS = {StepState.RUNNING: "⏳", StepState.WAITING: "✋", StepState.DONE: "✓", StepState.FAILED: "⚠️"}


def line(steps: Sequence[Step]) -> str:
    """Where it stands."""
    last, before = steps[-1], len(steps) - 1
    words = f"{_SIGNS[last.state]} {last.title}" + (f" ({last.detail})" if last.detail else "")
    return _plain(cut(f"{words} · {before} before" if before else words, 250))


def below(texts: Sequence[str], steps: Sequence[Step]) -> list[str]:
    """An answer that is still being made, and under it what is being done just now."""
    if not texts or not steps or steps[-1].state not in _UNDER_WAY:
        return list(texts)
    return [*texts[:-1], f"{texts[-1]}\n\n_{line(steps)}_"]


def beneath(steps: Sequence[Step], notes: str) -> str:
    """What is left of the steps in the end, with the notes that stand there besides. What is not done by then did not come to its end."""
    over = [replace(one, state=StepState.FAILED) if one.state in _UNDER_WAY else one for one in steps]
    return " · ".join(words for words in (_plain(folded(over)), notes) if words)


def _plain(text: str) -> str:
    return inert(text.replace("*", "∗").replace("_", "ˍ").replace("`", "ˋ"))

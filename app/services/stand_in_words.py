"""What people read of one model that stood in for another; pure."""

from __future__ import annotations

from collections.abc import Iterable

from app.domain.run import StoodIn
from app.domain.views import Note, rich
from app.errors import Overloaded, Paused, RateLimited, TimedOut, Unreachable

_BECAUSE = {
    Overloaded.__name__: "overloaded",
    RateLimited.__name__: "rate limit",
    Paused.__name__: "rate limit",
    Unreachable.__name__: "not reachable",
    TimedOut.__name__: "no answer in time",
}


def why(code: str) -> str:
    """Why a model was away, in two or three words."""
    return _BECAUSE.get(code, "away")


def status(event: StoodIn) -> str:
    """Shown while a stand-in is asked."""
    return f"is asking {event.model} instead of {event.instead_of} ({why(event.because)})…"


def remarks(stand_ins: Iterable[tuple[str, StoodIn]]) -> tuple[Note, ...]:
    """Under an answer that others had a part in, whatever a workspace shows there otherwise: each once, in the order of their calls.

    With each the name of the agent whose model it was.
    """
    told = dict.fromkeys(
        f"{agent} · {one.model} stood in for {one.instead_of} ({why(one.because)})" for agent, one in stand_ins
    )
    return tuple(Note(rich(text)) for text in told)

"""An answer that reached its length limit goes on, as a run of its own that begins where the other ended."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from app.domain.chat import HistoryMessage
from app.store.inbox import RETRY_MARK

CONTINUE = "continue"
"""The action of the button under an answer that reached its length limit; its value is the run."""

GO_ON = (
    "(Your answer above was cut off at its length limit. Go on exactly where it ended, even if that is within a sentence, a list or a "
    "block of code. Repeat nothing, and say nothing about going on.)"
)
_MARK = f"{RETRY_MARK}>"


def continuation_id(question: str, run: str) -> str:
    """The message id of the event that lets the answer of this run go on; the question's id, with a mark."""
    return f"{question}{_MARK}{run}"


def continued(message_id: str) -> str:
    """The run whose answer such an event lets go on; empty for any other."""
    _, marked, rest = message_id.partition(_MARK)
    return rest.partition(RETRY_MARK)[0] if marked else ""


def up_to(thread: Sequence[HistoryMessage], answer: Collection[str]) -> tuple[HistoryMessage, ...]:
    """The thread up to the end of an answer that these messages are of; empty if it is not there any more."""
    ends = [at for at, item in enumerate(thread) if item.id in answer]
    return tuple(thread[: ends[-1] + 1]) if ends else ()

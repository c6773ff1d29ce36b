"""Which messages of a thread are an agent's context."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from app.domain.chat import HistoryMessage, UserRef
from app.services.plans import context, question_id

SOMEBODY = UserRef("slack:T1", "U1")


def thread(*ids: str) -> tuple[HistoryMessage, ...]:
    """Ours are marked with an `a`."""
    return tuple(
        HistoryMessage(
            message_id,
            message_id,
            None if message_id.startswith("a") else SOMEBODY,
            message_id.startswith("a"),
            datetime(2026, 11, 23, tzinfo=UTC),
        )
        for message_id in ids
    )


@pytest.mark.parametrize(
    ("messages", "question", "forget_before", "expected"),
    [
        (("q1", "a1", "q2"), "q2", "", ["q1", "a1"]),
        (("q1", "q2", "q3", "a1"), "q2", "", ["q1", "a1"]),  # what was asked later has its own turn; what we said meanwhile counts
        (("q1", "a1", "f", "a2", "q2"), "q2", "f", ["a2"]),
        (("q1", "a1", "q2"), "q2", "gone", []),  # the message that said `forget` was deleted: nothing before is sure to be meant
        (("q1", "a1"), "not here yet", "", ["q1", "a1"]),
        (("q1", "a1"), "not here yet", "gone", []),
        ((), "q1", "", []),
    ],
)  # fmt: skip
def test_the_context_is_what_came_before_the_question_and_after_the_last_forget(
    messages: tuple[str, ...], question: str, forget_before: str, expected: list[str]
) -> None:
    assert [item.id for item in context(thread(*messages), question, forget_before, set())] == expected


def test_what_this_answer_has_shown_so_far_is_not_its_own_context() -> None:
    assert [item.id for item in context(thread("q1", "a1", "q2", "a2"), "q2", "", {"a2"})] == ["q1", "a1"]


def test_a_repetition_asks_for_the_message_it_repeats() -> None:
    assert question_id("1767225600.000100#conv_1.0") == question_id("1767225600.000100") == "1767225600.000100"

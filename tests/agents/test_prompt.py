"""Prompts fit the window, keep the newest, and give away no names."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from agents import prompt
from app.domain.agent import AgentSpec
from app.domain.chat import ConversationRef, FileRef, HistoryMessage, Place, UserRef
from app.domain.grants import ToolGrant
from app.domain.run import FilePart, ModelMessage, Role, TextPart
from app.ports.agents import Question

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
ANN, BEN = UserRef("test:w", "U1"), UserRef("test:w", "U2")
AGENT = AgentSpec("a1", "test:w", "helper", "", "Help.", max_output_tokens=500)
NAMES = {"U1": "Person 1", "U2": "Person 2"}


def said(who: UserRef | None, text: str) -> HistoryMessage:
    """A message of a person, or (None) of the agent."""
    return HistoryMessage("1", text, who, from_agent=who is None, at=NOON)


def ask(text: str, *history: HistoryMessage, window: int = 0) -> tuple[ModelMessage, ...]:
    """Ann's question after this history."""
    return prompt.build(AGENT, Question(text, ANN, history, NAMES, NOON), context_window=window)


def texts(messages: tuple[ModelMessage, ...]) -> list[str]:
    return [part.text for message in messages for part in message.parts if isinstance(part, TextPart)]


def test_a_lone_person_is_not_labelled() -> None:
    assert texts(ask("and now?", said(ANN, "hello"), said(None, "hi"))) == ["hello", "hi", "and now?"]


def test_several_people_are_told_apart_without_their_names() -> None:
    assert texts(ask("what of <@U2>'s idea?", said(BEN, "tea <@U1|ann>?"))) == [
        "Person 2: tea @Person 1?",
        "Person 1: what of @Person 2's idea?",
    ]


def test_somebody_unknown_stays_unnamed() -> None:
    assert texts(ask("ask <@U999>")) == ["ask @somebody"]


def test_roles_alternate_and_a_person_begins() -> None:
    messages = ask("q", said(None, "welcome"), said(ANN, "one"), said(ANN, "two"), said(None, "yes"))
    assert [message.role for message in messages] == [Role.USER, Role.ASSISTANT, Role.USER]
    assert texts(messages) == ["one", "two", "yes", "q"]


def test_the_newest_are_kept_when_not_all_fit() -> None:
    history = [said(ANN, f"{n} " + "x" * 300) for n in range(50)]
    kept = texts(ask("q", *history, window=1500))
    assert 2 < len(kept) < 50
    assert kept[-1] == "q"
    assert kept[-2].startswith("49 ")


def test_a_question_longer_than_the_window_is_still_asked() -> None:
    assert texts(ask("y" * 50_000, said(ANN, "before"), window=2000)) == ["y" * 50_000]


def test_files_stand_before_the_question_unread() -> None:
    files = (FileRef("F1", "a.png", "image/png", 0), FileRef("F2", "b.csv", "text/csv", 9))
    question = Question("which?", ANN, (said(ANN, "hello"),), NAMES, NOON, files)
    (message,) = prompt.build(AGENT, question, context_window=0)
    assert message.parts == (TextPart("hello"), *map(FilePart, files), TextPart("which?"))


def test_files_sent_earlier_stand_where_they_were_sent_and_an_agents_own_do_not() -> None:
    file = FileRef("F1", "a.pdf", "application/pdf", 9)
    silent, own = replace(said(ANN, ""), files=(file,)), replace(said(None, "here"), files=(file,))
    (first, answer, last) = ask("which?", silent, own)
    assert first.parts == (FilePart(file, earlier=True), TextPart(prompt.WITHOUT_WORDS))
    assert answer.parts == (TextPart("here"),)
    assert last.parts == (TextPart("which?"),)


def test_a_document_takes_room_by_its_size_and_no_more_than_so_much() -> None:
    def weight(size: int) -> int:
        part = FilePart(FileRef("F", "report.docx", "", size))
        return prompt.cost(ModelMessage(Role.USER, (part,)))

    assert weight(10_000) < weight(500_000) < weight(5_000_000) == weight(15_000_000)


def test_a_long_text_file_takes_room_from_what_was_said_before_and_a_file_that_is_not_read_takes_none() -> None:
    history = [said(ANN, f"{n} " + "x" * 300) for n in range(50)]

    def kept(name: str) -> int:
        question = Question("q", ANN, tuple(history), NAMES, NOON, (FileRef("F", name, "", 9_000),))
        return len(texts(prompt.build(AGENT, question, context_window=3000)))

    assert 1 < kept("log.txt") < kept("plan.png") < kept("setup.exe")


@given(
    st.lists(st.tuples(st.sampled_from([ANN, BEN, None]), st.text(max_size=400)), max_size=30), st.integers(2000, 8000)
)
def test_what_is_built_can_be_told_or_summed_up_and_ends_with_the_question(
    talk: list[tuple[UserRef | None, str]], window: int
) -> None:
    messages = ask("the question", *(said(who, text) for who, text in talk), window=window)
    assert messages[-1].role is Role.USER
    assert texts(messages)[-1].endswith("the question")
    assert all(earlier.role is not later.role for earlier, later in pairwise(messages))
    size = sum(len(text.encode()) for text in texts(messages)) / prompt.BYTES_PER_TOKEN
    assert size + AGENT.max_output_tokens <= prompt.WORTH_READING * window


def test_the_system_prompt_is_the_same_for_every_question() -> None:
    assert prompt.system(AGENT) == prompt.system(replace(AGENT, paused=True))
    assert "Help." in prompt.system(AGENT)


def test_the_system_prompt_is_made_of_parts_and_what_differs_between_places_comes_last() -> None:
    channel = ConversationRef("slack:T1", "C1", "1.1")
    granted = replace(AGENT, grants=(ToolGrant("current_time"),))
    parts = prompt.parts(granted, channel)
    assert [part.title for part in parts] == ["House rules", "Tools", "Instructions", "Place"]
    assert prompt.system(granted, channel) == "\n\n".join(part.text for part in parts)
    direct = prompt.parts(granted, replace(channel, place=Place.DIRECT, shared=True))
    assert parts[:-1] == direct[:-1]
    assert "a channel of Slack" in parts[-1].text
    assert "a direct chat" in direct[-1].text
    assert "other organisations" in direct[-1].text


def test_an_agent_without_tools_or_instructions_is_told_of_neither() -> None:
    assert [part.title for part in prompt.parts(replace(AGENT, instructions=" "))] == ["House rules"]


def test_half_written_mentions_keep_nothing_busy() -> None:
    begun = time.process_time()
    assert prompt.PERSON.sub("", "<@" * 20_000) == "<@" * 20_000
    assert prompt.PERSON.sub("", "<@a|" * 10_000) == "<@a|" * 10_000
    assert time.process_time() - begun < 1

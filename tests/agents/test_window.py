"""A model's window: what no longer fits is summed up by the model itself, once, and what must stay stays."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents import window
from agents.runner import Runner
from app.domain.chat import FileRef
from app.domain.run import (
    FilePart,
    ModelMessage,
    ModelRequest,
    OpaquePart,
    Role,
    RunFinished,
    Stop,
    TextDelta,
    TextPart,
    ToolCall,
    ToolResult,
    Usage,
)
from app.errors import ContextTooLong, Overloaded
from tests.conformance.agent_runner import QUESTION, CountingBelt, ScriptedModel, agent, asks, done, ping, says

LONG_HISTORY = tuple(
    ModelMessage(role, (TextPart(f"message {at} " + "x" * 3_000),))
    for at, role in enumerate((Role.USER, Role.ASSISTANT) * 5)
)


def words(request: ModelRequest) -> str:
    """All that is said in words."""
    return "\n".join(part.text for message in request.messages for part in message.parts if isinstance(part, TextPart))


def talk(*results: str) -> list[ModelMessage]:
    """A question, and a turn of tools for each of these results."""
    said = list(QUESTION)
    for at, content in enumerate(results):
        said.append(ModelMessage(Role.ASSISTANT, (ToolCall(f"c{at}", "ping", {}),)))
        said.append(ModelMessage(Role.USER, (ToolResult(f"c{at}", content),)))
    return said


async def test_a_history_that_does_not_fit_is_summed_up_once_aside() -> None:
    model = ScriptedModel(says("The-plan-is-tea."), asks(*ping("c1")), says("Tea."), window=9_000)
    talk = (*LONG_HISTORY, *QUESTION)
    events = [event async for event in Runner().run(agent(), talk, model, CountingBelt())]
    summary, first, _ = model.asked
    assert (summary.aside, first.aside) == (True, False)
    assert summary.tools == ()
    assert "message 8 " in words(summary)
    (asked,) = first.messages
    assert "The-plan-is-tea." in words(first)
    assert asked.parts[-1] == TextPart("what now?")
    assert not any(isinstance(event, TextDelta) and "plan" in event.text for event in events)
    assert isinstance(events[-1], RunFinished)
    assert events[-1].summarised
    assert events[-1].usage == Usage(30, 6)


async def test_results_that_fill_the_window_are_summed_up_and_the_last_turn_stays_as_it_is() -> None:
    thought = OpaquePart("p", {"type": "thinking", "signature": "as it is"})
    turn = [done(thought, *ping("c2"), stop=Stop.TOOL)]
    model = ScriptedModel(asks(*ping("c1")), turn, says("Pong-was-said."), says("Done."), window=9_000)
    belt = CountingBelt(answer="pong " * 1_800)
    events = [event async for event in Runner().run(agent(), QUESTION, model, belt)]
    last = model.asked[-1].messages
    assert [message.role for message in last] == [Role.USER, Role.ASSISTANT, Role.USER]
    assert "Pong-was-said." in words(model.asked[-1])
    assert last[1].parts == (thought, *ping("c2"))
    assert [part.call_id for part in last[2].parts if isinstance(part, ToolResult)] == ["c2"]
    assert isinstance(events[-1], RunFinished)
    assert events[-1].summarised


async def test_a_provider_that_finds_it_too_long_is_told_a_summary_once() -> None:
    talk = (*LONG_HISTORY[:4], *QUESTION)
    model = ScriptedModel(ContextTooLong(), says("In-short."), says("Well."))
    events = [event async for event in Runner().run(agent(), talk, model, CountingBelt())]
    assert [request.aside for request in model.asked] == [False, True, False]
    assert isinstance(events[-1], RunFinished)
    assert (events[-1].text, events[-1].summarised) == ("Well.", True)
    model = ScriptedModel(ContextTooLong(), says("In-short."), ContextTooLong())
    with pytest.raises(ContextTooLong):
        _ = [event async for event in Runner().run(agent(), talk, model, CountingBelt())]


async def test_where_no_summary_can_be_made_the_oldest_is_left_out() -> None:
    model = ScriptedModel(Overloaded(), says("Well."), window=9_000)
    events = [event async for event in Runner().run(agent(), (*LONG_HISTORY, *QUESTION), model, CountingBelt())]
    assert len(model.asked[1].messages) == 1
    assert model.asked[1].messages[0].parts[-1] == TextPart("what now?")
    assert isinstance(events[-1], RunFinished)
    assert (events[-1].summarised, events[-1].left_out) == (False, True)


async def test_a_question_that_is_too_long_by_itself_is_asked_as_it_is() -> None:
    model = ScriptedModel(says("Well."), window=9_000)
    long = (ModelMessage(Role.USER, (TextPart("x" * 40_000),)),)
    events = [event async for event in Runner().run(agent(), long, model, CountingBelt())]
    assert model.asked[0].messages == long
    assert isinstance(events[-1], RunFinished)
    assert (events[-1].summarised, events[-1].left_out) == (False, False)


async def test_a_single_result_that_fills_the_window_is_cut_and_that_is_told() -> None:
    model = ScriptedModel(asks(*ping("c1")), says("Long."), window=9_000)
    belt = CountingBelt(answer="pong " * 9_000)
    events = [event async for event in Runner().run(agent(), QUESTION, model, belt)]
    (result,) = model.asked[1].messages[-1].parts
    assert isinstance(result, ToolResult)
    assert result.content.endswith(window.CUT)
    assert isinstance(events[-1], RunFinished)
    assert (events[-1].summarised, events[-1].left_out) == (False, True)


async def test_what_fills_the_window_again_is_cut_and_the_summary_stays() -> None:
    turns = [asks(*ping(f"c{at}"), saying="so " * 2_000) for at in range(3)]
    model = ScriptedModel(turns[0], turns[1], says("In-short."), turns[2], says("Done."), window=9_000)
    belt = CountingBelt(answer="pong " * 1_000)
    events = [event async for event in Runner().run(agent(), QUESTION, model, belt)]
    assert [request.aside for request in model.asked] == [False, False, True, False, False]
    assert "In-short." in words(model.asked[-1])
    assert isinstance(events[-1], RunFinished)
    assert (events[-1].summarised, events[-1].left_out) == (True, True)


def test_files_of_the_thread_stay_when_its_words_are_summed_up() -> None:
    early, own = FileRef("F1", "plan.pdf", "application/pdf", 9), FileRef("F2", "now.csv", "text/csv", 9)
    asked = ModelMessage(
        Role.USER, (FilePart(early, earlier=True), TextPart("see this"), FilePart(own), TextPart("what now?"))
    )
    (told,) = window.Talk.of([asked], 0).with_summary("A plan was sent.", 5_000)
    assert told.parts[0] == FilePart(early, earlier=True)
    assert told.parts[-2:] == (FilePart(own), TextPart("what now?"))
    assert TextPart("see this") not in told.parts


def test_the_longest_results_are_cut_first_and_say_so() -> None:
    said = window.fitted(talk("short", "x" * 9_000, "y" * 30_000), 3_000)
    contents = [part.content for message in said for part in message.parts if isinstance(part, ToolResult)]
    assert contents[0] == "short"
    assert len(contents[1]) == len(contents[2])
    assert contents[2].endswith(window.CUT)
    assert window.size(said) <= 3_000


@given(st.lists(st.text(max_size=3_000), max_size=6), st.integers(500, 9_000))
def test_what_is_cut_fits_as_far_as_cutting_can_go(results: list[str], room: int) -> None:
    said = window.fitted(talk(*results), room)
    smallest = window.size(window.fitted(talk(*results), 0))
    assert window.size(said) <= max(room, smallest)
    assert [message.role for message in said] == [message.role for message in talk(*results)]


@given(st.lists(st.text(max_size=3_000), max_size=6), st.text(max_size=3_000), st.integers(4_000, 20_000))
def test_a_summary_is_asked_for_within_the_window(results: list[str], summary: str, size: int) -> None:
    asked = window.request("m", window.Talk.of(talk(*results, summary), 0), size)
    assert window.size(asked.messages) + asked.max_output_tokens <= size
    assert asked.aside
    assert "what now?" in words(asked)

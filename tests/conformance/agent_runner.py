"""What every AgentRunner promises."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing

import pytest

from app.domain.agent import AgentSpec
from app.domain.grants import Decision, Denied, Granted
from app.domain.run import (
    ModelDone,
    ModelEvent,
    ModelMessage,
    ModelRequest,
    OpaquePart,
    Role,
    RunEvent,
    RunFinished,
    Stop,
    TextDelta,
    TextPart,
    ToolCall,
    ToolDecided,
    ToolFinished,
    ToolResult,
    ToolSpec,
    Usage,
)
from app.errors import Overloaded
from app.ports.agents import AgentRunner

PING = ToolSpec("ping", "Answers pong.", {"type": "object", "properties": {}, "additionalProperties": False})
QUESTION = (ModelMessage(Role.USER, (TextPart("what now?"),)),)


def says(text: str) -> list[ModelEvent]:
    """A model's turn that only talks."""
    return [*(TextDelta(word) for word in text.split(" ")), done(TextPart(text))]


def asks(*calls: ToolCall, saying: str = "") -> list[ModelEvent]:
    """A model's turn that asks for tools."""
    return [TextDelta(saying), done(TextPart(saying), *calls, stop=Stop.TOOL)]


def done(*parts: TextPart | ToolCall | OpaquePart, stop: Stop = Stop.END) -> ModelDone:
    """A model's turn that ends so."""
    return ModelDone(
        ModelMessage(Role.ASSISTANT, parts), stop, Usage(input_tokens=10, output_tokens=2), "model-that-answered"
    )


class ScriptedModel:
    """Plays one script a call, and remembers what it was asked."""

    model = "m"

    def __init__(self, *turns: Sequence[ModelEvent] | Exception, window: int = 0) -> None:
        self.turns = list(turns)
        self.context_window = window
        self.asked: list[ModelRequest] = []
        self.closed_early = False

    async def stream(self, request: ModelRequest) -> AsyncIterator[ModelEvent]:
        """See ModelClient."""
        self.asked.append(request)
        turn = self.turns.pop(0)
        if isinstance(turn, Exception):
            raise turn
        try:
            for event in turn:
                yield event
        except GeneratorExit:
            self.closed_early = True
            raise


class CountingBelt:
    """Lists `ping`, grants what `refused` does not name, answers `pong`, and writes down what it was asked for, in order."""

    def __init__(
        self, *, refused: frozenset[str] = frozenset(), specs: tuple[ToolSpec, ...] = (PING,), answer: str = ""
    ) -> None:
        self.refused = refused
        self.answer = answer
        self.listed = specs
        self.searches = False
        self.log: list[str] = []

    async def specs(self) -> tuple[ToolSpec, ...]:
        """See ToolBelt."""
        return self.listed

    async def may_search(self) -> bool:
        """See ToolBelt."""
        return self.searches

    async def decide(self, call: ToolCall) -> Decision:
        """See ToolBelt."""
        self.log.append(f"decide {call.id}")
        return Denied("it is not yours.") if call.id in self.refused else Granted()

    async def call(self, calls: Sequence[ToolCall]) -> tuple[ToolResult, ...]:
        """See ToolBelt."""
        if calls:
            self.log.append(f"call {' '.join(call.id for call in calls)}")
        return tuple(ToolResult(call.id, self.answer or f"pong {call.id}") for call in calls)


def agent(max_steps: int = 8) -> AgentSpec:
    """An agent that may take so many steps."""
    return AgentSpec("a1", "test:w", "helper", "", "Help.", max_steps=max_steps)


def ping(*ids: str) -> tuple[ToolCall, ...]:
    """Calls of these ids."""
    return tuple(ToolCall(call_id, "ping", {}) for call_id in ids)


class AgentRunnerSuite:
    """Bind with a fixture `runner`."""

    @pytest.fixture
    def runner(self) -> AgentRunner:
        """The runner under test."""
        raise NotImplementedError

    async def _run(
        self, runner: AgentRunner, spec: AgentSpec, model: ScriptedModel, belt: CountingBelt | None = None
    ) -> list[RunEvent]:
        return [event async for event in runner.run(spec, QUESTION, model, belt or CountingBelt())]

    async def test_an_answer_ends_in_exactly_one_run_finished(self, runner: AgentRunner) -> None:
        events = await self._run(runner, agent(), ScriptedModel(says("all is well")))
        assert [type(event) for event in events].count(RunFinished) == 1
        assert events[-1] == RunFinished("alliswell", Usage(10, 2), "model-that-answered")

    async def test_the_decision_is_seen_before_the_tool_runs(self, runner: AgentRunner) -> None:
        belt = CountingBelt()
        model = ScriptedModel(asks(*ping("c1")), says("done"))
        async with aclosing(runner.run(agent(), QUESTION, model, belt)) as events:
            async for event in events:
                if isinstance(event, ToolDecided):
                    assert event.decision == Granted()
                    assert belt.log == ["decide c1"]
                if isinstance(event, ToolFinished):
                    assert event.result.content == "pong c1"
        assert belt.log == ["decide c1", "call c1"]

    async def test_the_model_is_told_of_what_the_belt_lists_and_of_nothing_else(self, runner: AgentRunner) -> None:
        model = ScriptedModel(says("hello"))
        await self._run(runner, agent(), model)
        assert model.asked[0].tools == (PING,)
        model = ScriptedModel(says("hello"))
        await self._run(runner, agent(), model, CountingBelt(specs=()))
        assert model.asked[0].tools == ()

    async def test_its_provider_may_search_only_where_the_belt_says_so(self, runner: AgentRunner) -> None:
        belt = CountingBelt()
        for searches in (False, True):
            belt.searches = searches
            model = ScriptedModel(says("hello"))
            await self._run(runner, agent(), model, belt)
            assert model.asked[0].web_search is searches

    async def test_what_a_tool_answered_is_told_to_the_model(self, runner: AgentRunner) -> None:
        model = ScriptedModel(asks(*ping("c1")), says("done"))
        await self._run(runner, agent(), model)
        assert model.asked[1].messages[-1] == ModelMessage(Role.USER, (ToolResult("c1", "pong c1"),))

    async def test_a_call_that_was_denied_is_never_made_and_the_model_is_told_why(self, runner: AgentRunner) -> None:
        belt = CountingBelt(refused=frozenset({"c1"}))
        model = ScriptedModel(asks(*ping("c1")), says("pity"))
        events = await self._run(runner, agent(), model, belt)
        assert belt.log == ["decide c1"]
        (told,) = [event.result for event in events if isinstance(event, ToolFinished)]
        assert told == ToolResult("c1", "Not allowed: it is not yours.", is_error=True)
        assert isinstance(events[-1], RunFinished)

    async def test_calls_of_one_turn_are_decided_in_order_made_in_one_go_and_answered_in_order(
        self, runner: AgentRunner
    ) -> None:
        belt = CountingBelt(refused=frozenset({"c2"}))
        model = ScriptedModel(asks(*ping("c1", "c2", "c3")), says("done"))
        await self._run(runner, agent(), model, belt)
        assert belt.log == ["decide c1", "decide c2", "decide c3", "call c1 c3"]
        answered = [part for part in model.asked[1].messages[-1].parts if isinstance(part, ToolResult)]
        assert [(part.call_id, part.is_error) for part in answered] == [("c1", False), ("c2", True), ("c3", False)]

    async def test_calls_beyond_the_limit_are_neither_decided_nor_made(self, runner: AgentRunner) -> None:
        belt = CountingBelt()
        model = ScriptedModel(*[asks(*ping(*(f"c{turn}-{n}" for n in range(30)))) for turn in range(2)])
        events = await self._run(runner, agent(), model, belt)
        assert sum(entry.startswith("decide") for entry in belt.log) == 50
        assert isinstance(events[-1], RunFinished)
        assert events[-1].limit == "50 tool calls"

    async def test_no_agent_may_ask_its_model_more_than_twenty_times(self, runner: AgentRunner) -> None:
        model = ScriptedModel(*[asks(*ping(f"c{n}")) for n in range(30)])
        events = await self._run(runner, agent(max_steps=1000), model)
        assert len(model.asked) == 20
        assert isinstance(events[-1], RunFinished)
        assert events[-1].limit == "20 steps"

    async def test_it_stops_at_the_step_limit_and_says_so(self, runner: AgentRunner) -> None:
        model = ScriptedModel(*[asks(*ping(f"c{n}"), saying="on it") for n in range(9)])
        events = await self._run(runner, agent(max_steps=2), model)
        last = events[-1]
        assert isinstance(last, RunFinished)
        assert last.limit == "2 steps"
        assert len(model.asked) == 2

    async def test_what_is_shown_is_what_is_finished_with(self, runner: AgentRunner) -> None:
        model = ScriptedModel(asks(*ping("c1"), saying="Let me see."), says("Found it."))
        events = await self._run(runner, agent(), model)
        shown = "".join(event.text for event in events if isinstance(event, TextDelta))
        assert isinstance(events[-1], RunFinished)
        assert events[-1].text == shown == "Let me see.\n\nFoundit."

    async def test_what_a_provider_pauses_is_said_back_unchanged_and_goes_on(self, runner: AgentRunner) -> None:
        searching = OpaquePart("p", {"type": "server_tool_use", "signature": "as it is"})
        model = ScriptedModel(
            [TextDelta("So far"), done(TextPart("So far"), searching, stop=Stop.PAUSE)], says("and on")
        )
        events = await self._run(runner, agent(), model)
        assert model.asked[1].messages == (*QUESTION, ModelMessage(Role.ASSISTANT, (TextPart("So far"), searching)))
        assert events[-1] == RunFinished("So far\n\nandon", Usage(20, 4), "model-that-answered")

    async def test_a_provider_that_pauses_for_ever_is_not_followed_for_ever(self, runner: AgentRunner) -> None:
        model = ScriptedModel(*[[done(TextPart("hm"), stop=Stop.PAUSE)] for _ in range(20)])
        events = await self._run(runner, agent(max_steps=20), model)
        assert len(model.asked) == 6
        assert isinstance(events[-1], RunFinished)
        assert (events[-1].stop, events[-1].limit) == (Stop.PAUSE, "5 pauses")

    async def test_no_tool_is_called_for_a_model_that_declines(self, runner: AgentRunner) -> None:
        belt = CountingBelt()
        model = ScriptedModel([done(*ping("c1"), stop=Stop.REFUSED)])
        events = await self._run(runner, agent(), model, belt)
        assert belt.log == []
        assert isinstance(events[-1], RunFinished)
        assert events[-1].stop is Stop.REFUSED

    async def test_every_request_of_an_agent_begins_alike_and_says_so(self, runner: AgentRunner) -> None:
        model = ScriptedModel(asks(*ping("c1")), says("done"))
        await self._run(runner, agent(), model)
        first, second = model.asked
        assert first.cache_key == second.cache_key == "a1"
        assert (first.system, first.tools) == (second.system, second.tools)
        assert second.messages[: len(first.messages)] == first.messages

    async def test_closing_it_closes_the_models_stream(self, runner: AgentRunner) -> None:
        model = ScriptedModel(says("a long answer that nobody reads"))
        events: AsyncGenerator[RunEvent] = runner.run(agent(), QUESTION, model, CountingBelt())
        await anext(events)
        await events.aclose()
        assert model.closed_early

    async def test_a_providers_error_passes_through(self, runner: AgentRunner) -> None:
        with pytest.raises(Overloaded):
            await self._run(runner, agent(), ScriptedModel(Overloaded()))

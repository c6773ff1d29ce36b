"""What every AgentRunner promises."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

import pytest

from app.domain.agent import AgentSpec
from app.domain.grants import Approval, Denied, Granted, ToolGrant
from app.domain.run import (
    ModelDone,
    ModelEvent,
    ModelMessage,
    ModelRequest,
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

QUESTION = (ModelMessage(Role.USER, (TextPart("what now?"),)),)


def says(text: str) -> list[ModelEvent]:
    """A model's turn that only talks."""
    return [*(TextDelta(word) for word in text.split(" ")), _done(TextPart(text))]


def asks(*calls: ToolCall, saying: str = "") -> list[ModelEvent]:
    """A model's turn that asks for tools."""
    return [TextDelta(saying), _done(TextPart(saying), *calls, stop=Stop.TOOL)]


def _done(*parts: TextPart | ToolCall, stop: Stop = Stop.END) -> ModelDone:
    return ModelDone(
        ModelMessage(Role.ASSISTANT, parts), stop, Usage(input_tokens=10, output_tokens=2), "model-that-answered"
    )


class ScriptedModel:
    """Plays one script a call, and remembers what it was asked."""

    model = "m"
    context_window = 0

    def __init__(self, *turns: list[ModelEvent] | Exception) -> None:
        self.turns = list(turns)
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


class CountingTool:
    """Answers `pong` and counts."""

    def __init__(self, name: str = "ping") -> None:
        self.spec = ToolSpec(name, "Answers pong.", {"type": "object", "properties": {}, "additionalProperties": False})
        self.calls: list[Mapping[str, Any]] = []

    async def call(self, call_id: str, arguments: Mapping[str, Any]) -> ToolResult:
        """See Tool."""
        self.calls.append(arguments)
        return ToolResult(call_id, "pong")


def agent(*grants: ToolGrant, max_steps: int = 8) -> AgentSpec:
    """An agent with these grants."""
    return AgentSpec("a1", "test:w", "helper", "", "Help.", grants=grants, max_steps=max_steps)


class AgentRunnerSuite:
    """Bind with a fixture `runner`."""

    @pytest.fixture
    def runner(self) -> AgentRunner:
        """The runner under test."""
        raise NotImplementedError

    async def _run(
        self, runner: AgentRunner, spec: AgentSpec, model: ScriptedModel, tools: Sequence[CountingTool] = ()
    ) -> list[RunEvent]:
        return [event async for event in runner.run(spec, QUESTION, model, tools)]

    async def test_an_answer_ends_in_exactly_one_run_finished(self, runner: AgentRunner) -> None:
        events = await self._run(runner, agent(), ScriptedModel(says("all is well")))
        assert [type(event) for event in events].count(RunFinished) == 1
        assert events[-1] == RunFinished("alliswell", Usage(10, 2), "model-that-answered")

    async def test_the_decision_is_seen_before_the_tool_runs(self, runner: AgentRunner) -> None:
        tool = CountingTool()
        model = ScriptedModel(asks(ToolCall("c1", "ping", {})), says("done"))
        async with aclosing(runner.run(agent(ToolGrant("ping")), QUESTION, model, [tool])) as events:
            async for event in events:
                if isinstance(event, ToolDecided):
                    assert event.decision == Granted()
                    assert tool.calls == []
                if isinstance(event, ToolFinished):
                    assert event.result.content == "pong"
        assert len(tool.calls) == 1

    async def test_what_a_tool_answered_is_told_to_the_model(self, runner: AgentRunner) -> None:
        model = ScriptedModel(asks(ToolCall("c1", "ping", {})), says("done"))
        await self._run(runner, agent(ToolGrant("ping")), model, [CountingTool()])
        assert model.asked[1].messages[-1] == ModelMessage(Role.USER, (ToolResult("c1", "pong"),))

    async def test_a_tool_that_was_not_granted_is_not_listed_and_not_called(self, runner: AgentRunner) -> None:
        tool = CountingTool()
        model = ScriptedModel(asks(ToolCall("c1", "ping", {})), says("pity"))
        events = await self._run(runner, agent(), model, [tool])
        assert model.asked[0].tools == ()
        assert any(isinstance(event, ToolDecided) and isinstance(event.decision, Denied) for event in events)
        assert tool.calls == []
        assert isinstance(events[-1], RunFinished)

    async def test_an_unknown_tool_is_a_denial(self, runner: AgentRunner) -> None:
        events = await self._run(
            runner, agent(ToolGrant("rm")), ScriptedModel(asks(ToolCall("c1", "rm", {})), says("ok"))
        )
        assert [event.result.is_error for event in events if isinstance(event, ToolFinished)] == [True]

    async def test_a_pinned_argument_must_be_exactly_that(self, runner: AgentRunner) -> None:
        tool = CountingTool()
        grants = ToolGrant("ping", {"host": "docs.example.com"})
        model = ScriptedModel(
            asks(
                ToolCall("c1", "ping", {"host": "evil.example"}), ToolCall("c2", "ping", {"host": "docs.example.com"})
            ),
            says("ok"),
        )
        await self._run(runner, agent(grants), model, [tool])
        assert tool.calls == [{"host": "docs.example.com"}]

    async def test_malformed_arguments_never_reach_the_tool(self, runner: AgentRunner) -> None:
        tool = CountingTool()
        model = ScriptedModel(asks(ToolCall("c1", "ping", {}, malformed=True)), says("ok"))
        await self._run(runner, agent(ToolGrant("ping")), model, [tool])
        assert tool.calls == []

    async def test_a_tool_that_needs_an_approval_is_denied_where_nobody_can_give_it(self, runner: AgentRunner) -> None:
        tool = CountingTool()
        grant = ToolGrant("ping", approval=Approval.ALWAYS)
        await self._run(runner, agent(grant), ScriptedModel(asks(ToolCall("c1", "ping", {})), says("ok")), [tool])
        assert tool.calls == []

    async def test_it_stops_at_the_step_limit_and_says_so(self, runner: AgentRunner) -> None:
        model = ScriptedModel(*[asks(ToolCall(f"c{n}", "ping", {}), saying="on it") for n in range(9)])
        events = await self._run(runner, agent(ToolGrant("ping"), max_steps=2), model, [CountingTool()])
        last = events[-1]
        assert isinstance(last, RunFinished)
        assert last.limit == "2 steps"
        assert len(model.asked) == 2

    async def test_what_is_shown_is_what_is_finished_with(self, runner: AgentRunner) -> None:
        model = ScriptedModel(asks(ToolCall("c1", "ping", {}), saying="Let me see."), says("Found it."))
        events = await self._run(runner, agent(ToolGrant("ping")), model, [CountingTool()])
        shown = "".join(event.text for event in events if isinstance(event, TextDelta))
        assert isinstance(events[-1], RunFinished)
        assert events[-1].text == shown == "Let me see.\n\nFoundit."

    async def test_closing_it_closes_the_models_stream(self, runner: AgentRunner) -> None:
        model = ScriptedModel(says("a long answer that nobody reads"))
        events: AsyncGenerator[RunEvent] = runner.run(agent(), QUESTION, model, ())
        await anext(events)
        await events.aclose()
        assert model.closed_early

    async def test_a_providers_error_passes_through(self, runner: AgentRunner) -> None:
        with pytest.raises(Overloaded):
            await self._run(runner, agent(), ScriptedModel(Overloaded()))

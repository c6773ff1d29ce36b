"""What providers promise that remember the beginnings of requests, and think between tool calls: Anthropic and OpenAI."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import pytest

from app.domain.run import ModelMessage, ModelRequest, OpaquePart, Role, TextPart, ToolCall, ToolResult
from app.errors import RequestRefused
from tests.conformance.model_provider import CLOCK, Peer, asking, done
from tests.conformance.model_provider_remote import server_of
from tests.fakes.model_server import Answer, Tool

LONG = "Be brief, and " + "very " * 500 + "kind."


class TalkPromises:
    """Bind beside ModelProviderSuite. `thinking` is a model that thinks."""

    thinking: ClassVar[str]

    def _asking(self, text: str, agent: str = "agent_1") -> ModelRequest:
        return replace(asking(text, model=self.thinking, tools=(CLOCK,)), system=LONG, cache_key=agent)

    async def _step(self, peer: Peer, request: ModelRequest, number: int) -> ModelRequest:
        """One turn of the model that asks for two tools, and their results."""
        calls = tuple(Tool("current_time", {"time_zone": f"Z{number}-{at}"}, id=f"c-{number}-{at}") for at in (1, 2))
        server_of(peer).script(Answer("Hm. ", thinking=f"Thought {number}", tools=calls))
        said = done(await peer.ask(request)).message
        results = [ToolResult(part.id, f"It is {number}.") for part in said.parts if isinstance(part, ToolCall)]
        assert len(results) == 2
        return replace(request, messages=(*request.messages, said, ModelMessage(Role.USER, tuple(results))))

    async def test_thoughts_go_back_unchanged_through_a_dozen_turns_of_tools(self, peer: Peer) -> None:
        request = self._asking("What time is it?")
        for number in range(12):
            request = await self._step(peer, request, number)
        server_of(peer).script(Answer("Noon."))
        await peer.ask(request)
        thoughts = [part for message in request.messages for part in message.parts if isinstance(part, OpaquePart)]
        assert len(thoughts) == 12
        assert len(server_of(peer).calls) == 13

    async def test_the_fake_refuses_a_thought_that_was_changed_or_left_out(self, peer: Peer) -> None:
        """Else the test above would show nothing."""
        request = await self._step(peer, self._asking("What time is it?"), 1)
        said = request.messages[1]
        thought = said.parts[0]
        assert isinstance(thought, OpaquePart)
        name = "signature" if "signature" in thought.data else "encrypted_content"
        changed = OpaquePart(thought.provider, {**thought.data, name: "forged"})
        for parts in ((changed, *said.parts[1:]), said.parts[1:]):
            other = ModelMessage(said.role, parts)
            with pytest.raises(RequestRefused):
                await peer.ask(replace(request, messages=(request.messages[0], other, request.messages[2])))

    async def test_what_was_said_before_is_read_from_the_cache_at_each_step(self, peer: Peer) -> None:
        server_of(peer).caching = True
        request = self._asking("What time is it?")
        before = 0
        for number in range(12):
            request = await self._step(peer, request, number)
            (usage,) = [done(await peer.ask(request)).usage]
            assert usage.cached_read >= before
            assert usage.cached_read >= 0.6 * usage.input_tokens
            before = usage.cached_read

    async def test_the_next_question_of_a_thread_and_the_first_of_another_begin_with_what_is_cached(
        self, peer: Peer
    ) -> None:
        server_of(peer).caching = True
        first = self._asking("What time is it?")
        said = done(await peer.ask(first)).message
        next_one = replace(
            first, messages=(*first.messages, said, ModelMessage(Role.USER, (TextPart("And in Rome?"),)))
        )
        assert done(await peer.ask(next_one)).usage.cached_read > 600
        elsewhere = done(await peer.ask(self._asking("Who are you?"))).usage
        assert elsewhere.cached_read > 600

    async def test_where_requests_are_remembered_is_told_by_an_id_and_no_content(self, peer: Peer) -> None:
        await peer.ask(self._asking("What time is it?", agent="agent_7"))
        body = dict(server_of(peer).calls[0].body)
        assert body.pop("prompt_cache_key", "agent_7") == "agent_7"
        assert "agent_7" not in str(body)

import time

import pytest

from adapters.models.offline import Offline
from adapters.models.offline_answers import answer, is_about_time, time_zone
from app.domain.keys import ProviderCredential
from app.domain.run import ModelMessage, ModelRequest, Role, Stop, TextPart, ToolCall, ToolResult
from app.domain.secrets import Secret
from tests.conformance.model_provider import CLOCK, ModelProviderSuite, Peer, asking, done, text_of


@pytest.fixture
def peer() -> Peer:
    return Peer(Offline(pace=0), lambda key: ProviderCredential(Secret(key)))


class TestOffline(ModelProviderSuite):
    @pytest.fixture
    def peer(self, peer: Peer) -> Peer:
        return peer


async def test_it_needs_no_key(peer: Peer) -> None:
    events = [event async for event in peer.provider.stream(asking("hello"), key=None)]
    assert "/byok setkey" in text_of(events)
    (model,) = await peer.provider.models(None)
    assert peer.provider.best((model,)) == model


@pytest.mark.parametrize(
    "question",
    ["hello", "", "what is love?", "show me some code", "a long answer please", "how do I set my key?", "1+1"],
)
def test_every_answer_says_that_it_is_the_offline_model(question: str) -> None:
    assert "offline demo model" in answer([question], None)


async def test_words_come_one_by_one_at_the_pace_of_reading(peer: Peer) -> None:
    began = time.monotonic()
    events = [event async for event in Offline(pace=0.002).stream(asking("hello"), key=None)]
    assert len(events) > 50
    assert time.monotonic() - began > 0.002 * (len(events) - 1)


async def test_it_stops_at_the_limit_it_is_given(peer: Peer) -> None:
    events = await peer.ask(asking("a long answer please", max_output_tokens=10))
    assert done(events).stop is Stop.LENGTH
    assert len(text_of(events).split()) == 10


async def test_the_clock_is_asked_for_the_place_that_was_named(peer: Peer) -> None:
    (call,) = done(await peer.ask(asking("What time is it in New York?", tools=(CLOCK,)))).message.parts
    assert isinstance(call, ToolCall)
    assert call.arguments == {"time_zone": "America/New_York"}


def test_places_are_found_by_their_names() -> None:
    assert time_zone("wie spät ist es in Berlin") == "Europe/Berlin"
    assert time_zone("what time is it?") is None
    assert is_about_time("What's the time?")
    assert is_about_time("which day is it, I mean what date")
    assert not is_about_time("this is a waste of effort")


async def test_it_remembers_the_thread(peer: Peer) -> None:
    said = (ModelMessage(Role.USER, (TextPart(text),)) for text in ("my cat is Tom", "what did I say before?"))
    events = await peer.ask(ModelRequest(model="offline", system="", messages=tuple(said)))
    assert "my cat is Tom" in text_of(events)


async def test_it_hears_what_was_said_and_not_who_said_it(peer: Peer) -> None:
    said = (TextPart("Person 1: my cat is Tom"), TextPart("Person 2: 6*7"))
    events = await peer.ask(ModelRequest(model="offline", system="", messages=(ModelMessage(Role.USER, said),)))
    assert text_of(events).startswith("`6*7` = **42**")


def test_a_failed_tool_is_told_and_not_hidden() -> None:
    assert "no such zone" in answer(["what time is it?"], ToolResult("c", "no such zone", is_error=True))


def test_formatting_is_shown_with_a_list_a_table_and_code() -> None:
    shown = answer(["show me some markdown"], None)
    assert "\n- " in shown
    assert "```python\n" in shown
    assert "|---|" in shown


def test_a_long_answer_is_long() -> None:
    assert len(answer(["tell me everything, a long answer"], None).split()) > 300


@pytest.mark.parametrize(
    ("question", "result"),
    [
        ("what is (19.99 + 5) * 12?", "**299.88**"),
        ("12 × 7", "**84**"),
        ("10/4", "**2.5**"),
        ("1/0", "nothing can be divided by zero"),
        ("-3 - -4", "**1**"),
        ("what is 9**9**9**9?", "no language model is connected"),
        ("what happened on 2026-11-23?", "no language model is connected"),
        ("see 1.2.3 / x", "no language model is connected"),
    ],
)
def test_sums_are_worked_out_and_nothing_else_is_run(question: str, result: str) -> None:
    assert result in answer([question], None)


def test_what_it_quotes_can_not_break_out_of_the_quotation() -> None:
    quoted = answer(["look:\n```\n# not a heading\n" + "x" * 500], None)
    assert "```" not in quoted
    assert "\n#" not in quoted
    assert "…" in quoted

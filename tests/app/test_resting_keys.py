"""A key whose provider limits it, or whose admins do: questions wait for it instead of storming it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio

from app.domain.events import Close, FieldErrors, Open
from app.domain.keys import ModelChoice
from app.domain.run import ModelRequest, TextDelta
from app.errors import BadInput, Capped, Overloaded, Paused, RateLimited, Unreachable, UserError
from app.services.explain import failure
from app.services.journaled import PaidEvent
from app.services.standing_in import Candidate, StandingIn
from tests.app.bench import ADMIN, GOOD, OTHER, WORKSPACE, Bench, words
from tests.app.desk import THREAD, Desk
from tests.app.engines import until
from tests.fakes.databases import TestClock


@pytest_asyncio.fixture
async def resting(desk: Desk) -> AsyncIterator[Desk]:
    """A desk whose workspace lets many answer at a time."""
    settings = await desk.workspaces.settings(WORKSPACE)
    await desk.workspaces.change(WORKSPACE, replace(settings, max_runs=50), ADMIN)
    yield desk


async def asked_at_once(desk: Desk, count: int) -> None:
    """So many questions, each in a thread of its own."""
    await asyncio.gather(*(desk.say(f"Question {at}", where=replace(THREAD, thread=f"{at}.0")) for at in range(count)))
    await desk.settled()


def answers(desk: Desk) -> list[str]:
    """What each reply says."""
    return ["".join(message.text for message in reply.messages) for reply in desk.platform.replies]


async def test_one_refusal_rests_the_key_for_every_question_and_all_are_answered_after(resting: Desk) -> None:
    resting.model.script = [RateLimited(retry_after=20)]
    await resting.ask("The first")
    resting.model.script = [RateLimited(retry_after=20)]
    await asked_at_once(resting, 12)
    assert answers(resting) == ["Here you are."] * 13
    assert len(resting.model.requests) == 13 + 2, "nobody asked while the key was to be rested"


async def test_while_a_key_rests_another_question_is_told_what_is_waited_for(resting: Desk) -> None:
    resting.model.script = [RateLimited(retry_after=3600)]
    await resting.ask("The first")
    before = len(resting.model.requests)
    reply = await resting.ask("The second")
    assert reply
    assert "It asks to wait" in str(reply.explanation)
    assert len(resting.model.requests) == before


async def test_a_provider_that_fails_otherwise_after_a_rest_keeps_nobody_waiting_behind_each_failure(
    resting: Desk,
) -> None:
    resting.model.script = [RateLimited(retry_after=1), Unreachable()]
    await resting.ask("The first")
    before = len(resting.model.keys_used())
    resting.model.gate = asyncio.Event()  # no word comes before it
    for at in range(4):
        await resting.say(f"Question {at}", where=replace(THREAD, thread=f"{at}.0"))
    await until(lambda: len(resting.model.keys_used()) == before + 2)
    resting.model.gate.set()
    await resting.settled()
    assert answers(resting)[1:] == ["Here you are."] * 4


async def test_an_overload_rests_no_key(resting: Desk) -> None:
    resting.model.script = [Overloaded(retry_after=3600)]
    await resting.ask("The first")
    reply = await resting.ask("The second")
    assert reply
    assert answers(resting)[-1] == "Here you are."


async def test_a_new_key_does_not_rest_for_the_one_before(resting: Desk) -> None:
    resting.model.script = [RateLimited(retry_after=3600)]
    await resting.ask("The first")
    await resting.bench.set_key(OTHER)
    reply = await resting.ask("The second")
    assert reply
    assert answers(resting)[-1] == "Here you are."


async def test_no_more_calls_are_made_at_once_than_an_admin_wants(resting: Desk) -> None:
    key = await resting.bench.key("main")
    await resting.bench.keys.caps.set(WORKSPACE, key.id, ADMIN, at_once=2, per_minute=0)
    resting.model.hold = asyncio.Event()
    for at in range(6):
        await resting.say(f"Question {at}", where=replace(THREAD, thread=f"{at}.0"))
    await until(lambda: len(resting.model.requests) == 2)
    await asyncio.sleep(0.4)  # longer than those that wait look again
    assert len(resting.model.requests) == 2
    resting.model.hold.set()
    await resting.settled()
    assert answers(resting) == ["Here you are."] * 6


async def test_no_more_calls_are_made_within_a_minute_than_an_admin_wants(resting: Desk) -> None:
    key = await resting.bench.key("main")
    await resting.bench.keys.caps.set(WORKSPACE, key.id, ADMIN, at_once=0, per_minute=3)
    for at in range(5):
        await resting.say(f"Question {at}", where=replace(THREAD, thread=f"{at}.0"))
    await until(lambda: len(resting.model.requests) == 3)
    await asyncio.sleep(0.4)
    assert len(resting.model.requests) == 3
    resting.bench.clock.forward(seconds=61)
    await resting.settled()
    assert len(resting.model.requests) == 5


@pytest.mark.parametrize(("at_once", "per_minute"), [(-1, 0), (0, -1), (501, 0), (0, 100_001)])
async def test_a_cap_that_makes_no_sense_is_refused(desk: Desk, at_once: int, per_minute: int) -> None:
    key = await desk.bench.key("main")
    with pytest.raises(BadInput):
        await desk.bench.keys.caps.set(WORKSPACE, key.id, ADMIN, at_once=at_once, per_minute=per_minute)


async def test_the_form_of_a_key_takes_its_caps_in_an_admins_words(bench: Bench) -> None:
    await bench.set_key(GOOD)
    key = await bench.key("main")
    assert isinstance(await bench.pressed("key_details", key.id), Open)
    saved = await bench.sent(
        "key_details", {"expires_on": "2027-06-30", "at_once": "4", "per_minute": ""}, context=key.id
    )
    assert isinstance(saved, Close)
    now = await bench.key("main")
    assert (str(now.expires_on), now.max_at_once, now.max_per_minute) == ("2027-06-30", 4, 0)
    wrong = await bench.sent("key_details", {"expires_on": "", "at_once": "many", "per_minute": ""}, context=key.id)
    assert isinstance(wrong, FieldErrors)
    assert "at_once" in wrong.errors
    assert (await bench.key("main")).max_at_once == 4


class Waiting:
    """A model whose key's turn never comes."""

    model, context_window = "claude-fine", 0

    def __init__(self, error: UserError | None) -> None:
        self._error = error
        self.asked = 0

    async def stream(self, request: ModelRequest) -> AsyncIterator[PaidEvent]:
        self.asked += 1
        if self._error:
            raise self._error
        yield TextDelta("I stand in.")


@pytest.mark.parametrize(("error", "stands_in"), [(Capped(retry_after=5), False), (Paused(retry_after=5), True)])
async def test_an_admins_own_cap_calls_no_stand_in_but_a_rest_that_the_provider_wants_does(
    error: UserError, clock: TestClock, *, stands_in: bool
) -> None:
    first, other = Waiting(error), Waiting(None)
    choice = ModelChoice("anthropic", "claude-fine", "key_1")
    model = StandingIn([Candidate(choice, first), Candidate(choice, other)], clock)
    said: list[PaidEvent] = []
    with contextlib.suppress(Capped):
        said = [event async for event in model.stream(ModelRequest("claude-fine", "", ()))]
    assert bool(said) is stands_in
    assert other.asked == int(stands_in)


def test_who_waited_in_vain_for_an_admins_own_cap_is_not_told_that_it_was_the_providers() -> None:
    assert "This workspace limits" in words(failure(Capped.__name__, "run_1"))

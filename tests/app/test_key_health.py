"""Keys over their life: asked about for as long as they are here, and told of once when that is news."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date

import pytest

from app.domain.chat import MemberKind
from app.domain.events import Close, FieldErrors, Open, Private
from app.domain.keys import KeyStatus
from app.domain.views import Button, Buttons, TextInput, View
from app.errors import KeyRejected, NoCredit, Unreachable
from app.services.workspaces import WorkspaceSettings
from app.store.unit_of_work import Database
from tests.app.bench import ADMIN, GOOD, OPERATOR, OTHER, WORKSPACE, Bench, words
from tests.app.desk import Desk
from tests.fakes.databases import TestClock


@pytest.fixture
async def bench(any_database: Database, clock: TestClock) -> AsyncIterator[Bench]:
    bench = await Bench(any_database, clock).start()
    yield bench
    await bench.background.drain(1)


def buttons(view: View) -> list[Button]:
    return [one for block in view.blocks if isinstance(block, Buttons) for one in block.buttons]


async def checked(bench: Bench, **later: float) -> None:
    bench.clock.forward(**later)
    await bench.keys.recheck_due()
    await bench.settled()


async def test_a_key_that_works_is_asked_about_every_few_hours_and_nobody_is_told_that_it_still_does(
    bench: Bench,
) -> None:
    await bench.set_key()
    bench.anthropic.calls.clear()
    await checked(bench, hours=5)
    assert bench.anthropic.calls == []
    await checked(bench, hours=3)
    assert bench.anthropic.keys_used("verify") == [GOOD]
    await checked(bench, minutes=1)
    assert len(bench.anthropic.keys_used("verify")) == 1
    assert bench.platform.told(ADMIN) == []
    assert (await bench.key()).checked_at is not None


async def test_a_key_found_dead_by_a_check_is_told_of_once_with_what_it_stops_and_the_way_out(bench: Bench) -> None:
    key = (await bench.set_key()).key
    bench.anthropic.keys = {OTHER}
    await checked(bench, hours=8)
    await checked(bench, hours=8)
    (told,) = bench.platform.told(ADMIN)
    assert "Anthropic refuses the Anthropic key “main” (••••abcd)" in words(told)
    assert "Agents stopped assistant" in words(told)
    assert "Questions waiting none yet" in words(told)
    replace = buttons(told)[0]
    assert (replace.id, replace.label, replace.value, replace.opens) == ("key_replace", "Replace key", key.id, True)
    assert (await bench.key()).problem == "KeyRejected"
    bench.anthropic.keys = {GOOD}  # enabled again, at the provider
    await checked(bench, hours=8)
    assert "works" in words(bench.platform.told(ADMIN)[-1])
    assert (await bench.key()).status is KeyStatus.VERIFIED


async def test_a_provider_that_is_away_is_noted_beside_the_key_and_asked_again_soon(bench: Bench) -> None:
    await bench.set_key()
    bench.anthropic.failure = Unreachable()
    await checked(bench, hours=8)
    key = await bench.key()
    assert (key.status, key.problem) == (KeyStatus.VERIFIED, "Unreachable")
    listed = await bench.typed("keys")
    assert isinstance(listed, Private)
    assert "The provider could not be reached." in words(listed.view)
    bench.anthropic.failure = None
    await checked(bench, minutes=40)
    assert (await bench.key()).problem == ""
    assert bench.platform.told(ADMIN) == []


async def test_no_free_check_takes_an_empty_account_for_a_full_one(bench: Bench) -> None:
    desk = Desk(bench)
    await bench.set_key()
    desk.model.script = [NoCredit()]
    await desk.ask("Well?")
    (told,) = bench.platform.told(ADMIN)
    assert "no credit left" in words(told)
    assert "Questions waiting 1; asked again by itself once it works" in words(told)
    assert [button.label for button in buttons(told)] == ["Test again", "Replace key"]
    await checked(bench, hours=2)
    assert (await bench.key()).status is KeyStatus.NO_CREDIT
    pressed = await bench.pressed("key_test", (await bench.key()).id)  # an admin has topped it up
    assert isinstance(pressed, Private)
    assert "Whether there is credit again shows with the next answer" in words(pressed.view)
    assert (await bench.key()).status is KeyStatus.VERIFIED


async def test_many_questions_that_a_key_fails_are_one_piece_of_news(bench: Bench) -> None:
    desk = Desk(bench)
    await bench.set_key()
    desk.model.keys = {OTHER}
    for _ in range(3):
        await desk.ask("Well?")
    (told,) = bench.platform.told(ADMIN)
    assert "Questions waiting 1; asked again by itself" in words(told)
    saved = await bench.sent("key_replace_with", {}, key=OTHER, context=(await bench.key()).id)
    assert isinstance(saved, Close)
    assert "3 questions that waited for it are asked again now." in words(saved.then)


async def test_who_set_the_key_and_is_no_admin_any_more_is_not_told_but_the_admins_are(bench: Bench) -> None:
    await bench.set_key()
    bench.platform.people[ADMIN] = MemberKind.MEMBER
    bench.anthropic.keys = set()
    await checked(bench, hours=8)
    assert bench.platform.told(ADMIN) == []
    assert len(bench.platform.told(OPERATOR)) == 1


async def test_a_working_key_is_not_given_for_one_that_cannot_be_checked(bench: Bench) -> None:
    key = (await bench.set_key()).key
    bench.anthropic.failure = Unreachable()
    refused = await bench.sent("key_replace_with", {}, key=OTHER, context=key.id)
    assert isinstance(refused, FieldErrors)
    assert "use Rotate" in refused.errors["key"]
    assert await bench.key() == key
    bench.anthropic.failure = None
    desk = Desk(bench)
    desk.model.script = [KeyRejected()]
    await desk.ask("Well?")
    desk.model.failure = Unreachable()
    kept = await bench.sent("key_replace_with", {}, key=OTHER, context=key.id)
    assert isinstance(kept, Close), "a dead one is replaced at once"
    assert (await bench.key()).status is KeyStatus.UNVERIFIED


async def test_the_day_on_which_a_key_ends_is_noted_and_warned_of_in_time_each_time_once(bench: Bench) -> None:
    key = (await bench.set_key()).key
    form = await bench.pressed("key_details", key.id)
    assert isinstance(form, Open)
    assert [block.id for block in form.view.blocks if isinstance(block, TextInput)] == [
        "expires_on",
        "at_once",
        "per_minute",
    ]
    noted = await bench.sent("key_details", {"expires_on": "2026-12-20"}, context=key.id)
    assert isinstance(noted, Close)
    assert "admins are warned before" in words(noted.then)
    assert (await bench.key()).expires_on == date(2026, 12, 20)
    said: list[str] = []
    for _ in range(30 * 2):  # twice a day, from the 23rd of November on
        await bench.keys.expiry.tick()
        said += [words(view) for view in bench.platform.told(ADMIN)[len(said) :]]
        bench.clock.forward(hours=12)
    assert [text.partition(" expires ")[2].partition(".")[0] for text in said] == [
        "in 14 days, on 2026-12-20",
        "in 7 days, on 2026-12-20",
        "tomorrow, on 2026-12-20",
        "today, on 2026-12-20",
    ]
    assert all("stops nothing by itself" in text and "assistant" in text for text in said)
    assert [button.id for button in buttons(bench.platform.told(ADMIN)[0])] == ["key_rotate", "key_replace"]
    assert (await bench.key()).live
    assert "key.expiry_noted" in await bench.actions()


async def test_the_day_is_the_workspaces_own(bench: Bench) -> None:
    key = (await bench.set_key()).key
    await bench.workspaces.change(WORKSPACE, WorkspaceSettings(time_zone="Pacific/Auckland"), ADMIN)
    await bench.keys.expiry.note(WORKSPACE, key.id, date(2026, 11, 25), ADMIN)
    bench.clock.forward(hours=-1)  # 11 in the morning of the 23rd in UTC is midnight of the 24th there
    await bench.keys.expiry.tick()
    assert "tomorrow" in words(bench.platform.told(ADMIN)[0])


@pytest.mark.parametrize(
    ("typed", "said"), [("soon", "a day such as 2027-06-30"), ("2026-11-22", "That day is over"), ("", "")]
)
async def test_what_is_no_day_to_come_is_not_noted(bench: Bench, typed: str, said: str) -> None:
    key = (await bench.set_key()).key
    outcome = await bench.sent("key_details", {"expires_on": typed}, context=key.id)
    assert isinstance(outcome, FieldErrors if said else Close)
    assert said in (outcome.errors["expires_on"] if isinstance(outcome, FieldErrors) else "")
    assert (await bench.key()).expires_on is None


async def test_a_key_may_bring_its_day_along_and_the_next_one_does_not_inherit_it(bench: Bench) -> None:
    values = {"provider": "anthropic", "label": "main", "expires_on": "2027-01-31"}
    await bench.sent("key_set", values, key=GOOD)
    assert (await bench.key()).expires_on == date(2027, 1, 31)
    await bench.sent("key_replace_with", {"expires_on": ""}, key=OTHER, context=(await bench.key()).id)
    assert (await bench.key()).expires_on is None

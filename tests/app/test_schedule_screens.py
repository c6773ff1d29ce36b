"""Schedules as admins meet them: in the home tab, by `/byok schedules`, in a form; and that nobody else does."""

from __future__ import annotations

import pytest

from app.domain.chat import MessageRef
from app.domain.events import Close, FieldErrors, Nothing, Open, Private, Replace
from app.domain.grants import Invoker, ToolGrant
from app.domain.views import Button, Buttons, Row, SelectInput, TextInput, View, When
from app.services.screens import schedules as screens
from tests.app.bench import ADMIN, MEMBER, WORKSPACE, words
from tests.app.desk import Desk
from tests.app.standing import Office

CARD = MessageRef(WORKSPACE, "C1", "1.0")


@pytest.fixture
async def office(desk: Desk) -> Office:
    return Office(desk)


async def typed(office: Office, **changed: str) -> dict[str, str]:
    agent = await office.desk.bench.agent()
    good = {
        "agent": agent.id, "channel": "C2", "text": "Summarise #support", "every": "weekdays", "time": "09:00",
        "time_zone": "europe/berlin", "cron": "",
    }  # fmt: skip
    return good | changed


def moments(view: View) -> list[object]:
    return [span for block in view.blocks for span in getattr(block, "text", ()) if isinstance(span, When)]


async def test_an_admin_sets_one_up_and_sees_when_it_is_next_in_their_own_time(office: Office) -> None:
    opened = await office.pressed(screens.NEW)
    assert isinstance(opened, Open)
    outcome = await office.sent(opened.view.id, await typed(office))
    assert isinstance(outcome, Close)
    assert outcome.then
    assert "set up" in words(outcome.then)
    (schedule,) = await office.standing.schedules.all(WORKSPACE)
    assert (schedule.cron, schedule.time_zone, schedule.created_by) == ("0 9 * * 1-5", "Europe/Berlin", ADMIN.id)
    home = await office.home.view(ADMIN)
    assert "every weekday at 09:00 (Europe/Berlin)" in words(home)
    assert "Summarise #support" in words(home)
    assert schedule.next_at
    assert When(schedule.next_at) in moments(home)
    assert "schedule.created" in await office.desk.bench.actions()


async def test_the_form_begins_with_the_zone_of_the_last_one(office: Office) -> None:
    await office.sent(screens.FORM, await typed(office))
    opened = await office.pressed(screens.NEW)
    assert isinstance(opened, Open)
    zones = [one.value for one in opened.view.blocks if isinstance(one, TextInput) and one.id == "time_zone"]
    assert zones == ["Europe/Berlin"]
    assert any(isinstance(one, SelectInput) and one.id == "agent" and one.selected for one in opened.view.blocks)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"channel": ""}, "channel"),
        ({"channel": "C1 C2"}, "channel"),
        ({"channel": "C9"}, "channel"),
        ({"agent": "agent_unknown"}, "agent"),
        ({"text": " "}, "text"),
        ({"every": "cron", "cron": "* * * * *"}, "cron"),
        ({"time": "9 o'clock"}, "time"),
        ({"time_zone": "here"}, "time_zone"),
    ],
)
async def test_what_is_wrong_is_said_beside_its_field(office: Office, changed: dict[str, str], field: str) -> None:
    outcome = await office.sent(screens.FORM, await typed(office, **changed))
    assert isinstance(outcome, FieldErrors)
    assert list(outcome.errors) == [field]
    assert await office.standing.schedules.all(WORKSPACE) == ()


async def test_which_tools_a_schedule_may_not_use_is_said_at_once(office: Office) -> None:
    await office.grant(ToolGrant("recall"), ToolGrant("current_time", invokers=tuple(Invoker)))
    outcome = await office.sent(screens.FORM, await typed(office))
    assert isinstance(outcome, Close)
    assert outcome.then
    assert "may not use these tools for schedules: Recall." in words(outcome.then)


async def test_it_is_paused_resumed_and_deleted(office: Office) -> None:
    schedule = await office.schedule()
    shown = await office.typed("schedules")
    assert isinstance(shown, Private)
    assert buttons(shown.view) == [screens.PAUSE, screens.DELETE, screens.NEW]
    paused = await office.pressed(screens.PAUSE, schedule.id, message=CARD)
    assert isinstance(paused, Replace)
    assert "paused" in words(paused.view)
    assert buttons(paused.view)[0] == screens.RESUME
    assert await office.pressed(screens.RESUME, schedule.id) == Nothing()
    assert not (await office.the(schedule)).paused
    await office.pressed(screens.DELETE, schedule.id)
    assert await office.standing.schedules.all(WORKSPACE) == ()
    done = [one for one in await office.desk.bench.actions() if one.startswith("schedule.")]
    assert done == ["schedule.created", "schedule.paused", "schedule.resumed", "schedule.deleted"]


async def test_members_neither_see_nor_change_any(office: Office) -> None:
    schedule = await office.schedule()
    assert "Schedules" not in words(await office.home.view(MEMBER))
    for outcome in (
        await office.typed("schedules", by=MEMBER),
        await office.pressed(screens.NEW, by=MEMBER),
        await office.pressed(screens.DELETE, schedule.id, by=MEMBER),
        await office.sent(screens.FORM, await typed(office), by=MEMBER),
    ):
        view = outcome.view if isinstance(outcome, Private) else outcome.then if isinstance(outcome, Close) else None
        assert view
        assert "admins" in words(view)
    assert await office.standing.schedules.all(WORKSPACE) == (schedule,)


def buttons(view: View) -> list[str]:
    found = [one.buttons for one in view.blocks if isinstance(one, Buttons)]
    rows = [(one.control,) for one in view.blocks if isinstance(one, Row) and isinstance(one.control, Button)]
    return [button.id for group in (*found, *rows) for button in group]

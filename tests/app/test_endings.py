"""How answers end that do not end by themselves: cut off, declined, paused, or too long to be told whole."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from sqlalchemy import select

from app.domain.agent import AgentSpec
from app.domain.chat import UserRef
from app.domain.events import Private
from app.domain.run import ModelInfo, OpaquePart, RunState, Stop, TextPart, ToolCall
from app.domain.views import Button, Buttons, View
from app.errors import ContextTooLong, CutOff, Overloaded
from app.services.continuing import GO_ON
from app.store.tables import receipts
from tests.app.bench import ADMIN, MEMBER, WORKSPACE, words
from tests.app.desk import THREAD, Desk

OTHER = UserRef(WORKSPACE, "U9OTHER")
CUT = (TextPart("One, two,"), Stop.LENGTH)


def buttons(*views: View | None) -> list[Button]:
    blocks = [block for view in views if view for block in view.blocks if isinstance(block, Buttons)]
    return [button for block in blocks for button in block.buttons if isinstance(button, Button)]


async def test_an_answer_cut_off_at_its_limit_has_a_button_that_lets_it_go_on(desk: Desk) -> None:
    desk.model.script = [CUT, "three, four."]
    await desk.ask("Count to four.")
    (cut,) = desk.shown()
    (button,) = buttons(*cut.views)
    assert (button.id, button.label) == ("continue", "Continue")
    await desk.press(button.id, button.value)
    await desk.settled()
    assert [message.text for message in desk.shown()] == ["One, two,", "three, four."]
    asked = [(message.role.value, message.parts[-1]) for message in desk.model.requests[-1].messages]
    assert asked == [
        ("user", TextPart("Count to four.")),
        ("assistant", TextPart("One, two,")),
        ("user", TextPart(GO_ON)),
    ]
    assert [record.state for record in await desk.records()] == [RunState.DONE] * 2


async def test_it_goes_on_once_however_often_the_button_is_pressed_and_not_for_others(desk: Desk) -> None:
    desk.model.script = [CUT]
    await desk.ask("Count.")
    (run,) = await desk.records()
    assert isinstance(await desk.press("continue", run.id, OTHER), Private)
    told = await asyncio.gather(*(desk.press("continue", run.id, who) for who in (MEMBER, ADMIN, MEMBER)))
    await desk.settled()
    assert sum("goes on below already" in words(one.view) for one in told if isinstance(one, Private)) == 2
    assert len(desk.model.requests) == 2
    assert [record.asker for record in await desk.records()] == [MEMBER.id] * 2


async def test_what_went_on_can_be_cut_off_again_and_go_on_again(desk: Desk) -> None:
    desk.model.script = [CUT, (TextPart("three,"), Stop.LENGTH), "four."]
    await desk.ask("Count.")
    for _ in range(2):
        await desk.press("continue", (await desk.records())[-1].id)
        await desk.settled()
    assert [message.text for message in desk.shown()] == ["One, two,", "three,", "four."]
    assert "One, two,\nthree," in desk.model.asked_last()


async def test_a_continuation_that_failed_goes_on_from_the_same_place_when_it_is_retried(desk: Desk) -> None:
    desk.model.script = [CUT, CutOff(), "three."]
    await desk.ask("Count.")
    await desk.press("continue", (await desk.records())[-1].id)
    await desk.settled()
    await desk.press("retry", (await desk.records())[-1].id)
    await desk.settled()
    assert desk.shown()[-1].text == "three."
    assert desk.model.asked_last().endswith(GO_ON)
    assert "One, two," in desk.model.asked_last()


async def test_what_people_wrote_after_the_cut_is_not_told_when_it_goes_on(desk: Desk) -> None:
    desk.model.script = [CUT]
    await desk.ask("Count.")
    desk.platform.say(THREAD, OTHER, "That is quite enough.")
    await desk.press("continue", (await desk.records())[-1].id)
    await desk.settled()
    assert "quite enough" not in desk.model.asked_last()


async def test_the_agent_that_was_cut_off_goes_on_though_another_answers_there_by_now(desk: Desk) -> None:
    async with desk.database.begin() as uow:
        await uow.agents.add(AgentSpec("agent_writer", WORKSPACE, "writer", "", "Write."))
    desk.model.script = [CUT]
    await desk.ask("writer: count")
    (cut,) = await desk.records()
    await desk.ask("assistant: hello")
    await desk.press("continue", cut.id)
    await desk.settled()
    assert desk.platform.replies[-1].target.persona.name == "writer"


async def test_an_answer_that_is_gone_cannot_go_on(desk: Desk) -> None:
    desk.model.script = [CUT]
    await desk.ask("Count.")
    (run,) = await desk.records()
    desk.platform.messages = [message for message in desk.platform.messages if not message.run]
    await desk.press("continue", run.id)
    await desk.settled()
    assert "not in this conversation" in words(desk.platform.replies[-1].explanation)
    assert len(desk.model.requests) == 1


async def test_an_answer_that_was_to_be_forgotten_does_not_go_on(desk: Desk) -> None:
    desk.model.script = [CUT]
    await desk.ask("Count.")
    (run,) = await desk.records()
    await desk.ask("forget")
    await desk.press("continue", run.id)
    await desk.settled()
    assert len(desk.model.requests) == 1


async def test_a_model_that_thought_its_limit_away_is_said_to_have_done_so(desk: Desk) -> None:
    desk.model.script = [(OpaquePart("anthropic", {"type": "thinking"}), Stop.LENGTH)]
    reply = await desk.ask("Prove it.")
    assert reply
    assert "length limit up before it said anything" in words(reply.explanation)
    assert [button.id for button in buttons(reply.explanation)] == ["retry"]


async def test_a_refusal_is_said_plainly_with_and_without_words(desk: Desk) -> None:
    desk.model.script = [(TextPart("I can't help with that."), Stop.REFUSED), (Stop.REFUSED,)]
    await desk.ask("Something bad, please.")
    assert "declined to say more" in words(desk.shown()[0].views)
    reply = await desk.ask("Something worse, please.")
    assert reply
    assert "declined to answer" in words(reply.explanation)


async def test_work_that_the_provider_paused_is_said_back_and_paid_for_twice(desk: Desk) -> None:
    searching = OpaquePart("anthropic", {"type": "server_tool_use", "id": "s1"})
    desk.model.script = [(TextPart("Looking."), searching, Stop.PAUSE), "Found."]
    await desk.ask("Find it.")
    assert [message.text for message in desk.shown()] == ["Looking.\n\nFound."]
    assert desk.model.requests[1].messages[-1].parts == (TextPart("Looking."), searching)
    async with desk.database.read() as uow:
        assert len((await uow.connection.execute(select(receipts.c.id))).all()) == 2


async def test_a_long_thread_is_summed_up_under_the_same_key_and_people_are_told(desk: Desk) -> None:
    await _small_window(desk, 9_000)
    for at in range(8):
        desk.platform.say(THREAD, OTHER, f"Point {at}: " + "x" * 3_000)
    desk.model.script = ["All points were crosses.", "Crosses."]
    reply = await desk.ask("What were the points?")
    summary, asked = desk.model.requests
    assert summary.aside
    assert "All points were crosses." in desk.model.asked_last()
    assert "Point 1" not in desk.model.asked_last()
    assert asked.messages[-1].parts[-1] == TextPart("Person 2: What were the points?")
    assert reply
    assert "".join(reply.appended) == "Crosses."
    assert [message.text for message in desk.shown()] == ["Crosses."]
    assert "summed up" in words(desk.shown()[0].views)
    async with desk.database.read() as uow:
        rows = (await uow.connection.execute(select(receipts).order_by(receipts.c.id))).all()
    key = await desk.bench.key("main")
    assert [(row.key_id, row.run_id) for row in rows] == [(key.id, rows[0].run_id)] * 2
    assert [row.purpose for row in rows] == ["summary", "answer"]


async def test_a_crash_after_the_summary_does_not_pay_for_it_again(desk: Desk) -> None:
    await _small_window(desk, 9_000)
    for at in range(8):
        desk.platform.say(THREAD, OTHER, f"Point {at}: " + "x" * 3_000)
    desk.model.script = ["All were crosses.", "Crosses, as I said.", "Crosses, as I said."]
    desk.model.hold, desk.model.hold_from = asyncio.Event(), 2
    await desk.say("What were the points?")
    await desk.model.held.wait()
    await desk.runs.crash()
    desk.model.hold.set()
    await desk.settled()
    assert [request.aside for request in desk.model.requests] == [True, False, False]
    assert [message.text for message in desk.shown()] == ["Crosses, as I said."]
    assert "summed up" in words(desk.shown()[0].views)


async def test_where_nobody_knows_the_window_a_summary_is_made_once_the_provider_says_it_is_too_long(
    desk: Desk,
) -> None:
    await _small_window(desk, 0)
    for at in range(8):
        desk.platform.say(THREAD, OTHER, f"Point {at}: " + "x" * 900)
    desk.model.script = [ContextTooLong(), "All were crosses.", "Crosses."]
    await desk.ask("What were the points?")
    assert [message.text for message in desk.shown()] == ["Crosses."]
    async with desk.database.read() as uow:
        rows = (await uow.connection.execute(select(receipts.c.outcome).order_by(receipts.c.id))).scalars().all()
    assert rows == ["ContextTooLong", "", ""]


async def test_without_a_summary_the_newest_is_still_answered(desk: Desk) -> None:
    await _small_window(desk, 9_000)
    for at in range(8):
        desk.platform.say(THREAD, OTHER, f"Point {at}: " + "x" * 3_000)
    desk.model.script = [Overloaded(retry_after=10_000), "Whatever they were."]
    await desk.ask("What were the points?")
    assert [message.text for message in desk.shown()] == ["Whatever they were."]
    assert "summed up" not in words(desk.shown()[0].views)
    assert "some was left out" in words(desk.shown()[0].views)


async def test_what_a_provider_keeps_of_its_own_survives_a_crash_unchanged(desk: Desk) -> None:
    thought = OpaquePart(
        "anthropic", {"type": "thinking", "thinking": "", "signature": "c2ln", "n": [1, 1.5, None, True]}
    )
    desk.model.script = [(thought, ToolCall("call_1", "current_time", {})), "It is noon.", "It is noon."]
    desk.model.hold, desk.model.hold_from = asyncio.Event(), 2
    await desk.say("What time is it?")
    await desk.model.held.wait()
    await desk.runs.crash()
    desk.model.hold.set()
    await desk.settled()
    before, after = desk.model.requests[1:]
    assert before.messages == after.messages
    assert before.messages[1].parts == (thought, ToolCall("call_1", "current_time", {}))


async def _small_window(desk: Desk, window: int) -> None:
    agent = await desk.bench.agent()
    async with desk.database.begin() as uow:
        await uow.agents.change(replace(agent, max_output_tokens=1_000))
    key = await desk.bench.key("main")
    desk.model.listed = (ModelInfo("claude-fine", context_window=window),)
    await desk.bench.keys.models.fetch(key, (await desk.bench.ring.use(WORKSPACE, key.id, actor="test", details={}))[1])


async def test_where_latchkey_remembers_for_the_platform_a_cut_answer_goes_on_too(desk: Desk) -> None:
    desk.platform.keeps_history = False
    desk.model.script = [CUT, "three, four."]
    await desk.ask("Count.")
    await desk.press("continue", (await desk.records())[-1].id)
    await desk.settled()
    assert [message.text for message in desk.shown()] == ["One, two,", "three, four."]
    said = [
        part.text
        for message in desk.model.requests[-1].messages
        for part in message.parts
        if isinstance(part, TextPart)
    ]
    assert said == ["Count.", "One, two,", GO_ON]
    await desk.ask("And then?")
    assert GO_ON not in desk.model.asked_last()


async def test_where_nothing_is_to_be_remembered_it_cannot_go_on_and_says_so(desk: Desk) -> None:
    desk.platform.keeps_history = False
    settings = replace(await desk.workspaces.settings(WORKSPACE), memory_hours=0)
    await desk.workspaces.change(WORKSPACE, settings, ADMIN)
    desk.model.script = [CUT]
    await desk.ask("Count.")
    await desk.press("continue", (await desk.records())[-1].id)
    await desk.settled()
    assert "not in this conversation" in words(desk.platform.replies[-1].explanation)

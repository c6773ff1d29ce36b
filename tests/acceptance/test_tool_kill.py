"""A run of twelve tool steps, its process killed at every one: what was remembered is not done again, what went out went out once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from app.domain.audit import AuditEntry
from app.domain.grants import Scope, ToolGrant
from app.services.meter import INTERRUPTED
from app.services.permissions import UNCLEAR
from app.store.tables import receipts
from app.store.unit_of_work import Database, UnitOfWork
from tests.acceptance import test_kill as kill
from tests.acceptance.process import until
from tests.acceptance.test_approval import WallClock, die
from tests.fakes.model_server import Answer, ModelServer, Tool
from tests.fakes.slack_server import SlackServer

MARKER, DONE = "M-12", "That was all."
SECONDS = 120.0
"""Longer than any process lives here."""


class Moment(Enum):
    """When the process dies."""

    READING = "while the step reads"
    READ = "once it has read, while the model is asked what to do next"
    POSTED = "once it has posted, while the model is asked what to do next"
    POSTING = "while it posts: Slack takes the message, and nobody hears of it"


MOMENTS = dict(enumerate([*Moment] * 3, 1))
READS, POSTS = (Moment.READING, Moment.READ), (Moment.POSTED, Moment.POSTING)
ASKING = (Moment.READ, Moment.POSTED)


def limit(step: int) -> int:
    """How many messages a step reads: by this Slack's journal tells the steps apart."""
    return 10 + step


def text(step: int) -> str:
    return f"Note number {step}."


def tool(step: int) -> Tool:
    if MOMENTS[step] in READS:
        return Tool("channel_history", {"channel": "CRANDOM", "limit": limit(step)}, id=f"call_{step}")
    return Tool("post_message", {"channel": "CNOTES", "text": text(step)}, id=f"call_{step}")


def answers() -> list[Answer]:
    """What the model says; where it is killed over an answer, that one never comes, and the next one is what it says then."""
    said = []
    for step in range(1, len(MOMENTS) + 2):
        if step > 1 and MOMENTS[step - 1] in ASKING:
            said.append(Answer("Hm.", delay=SECONDS))
        said.append(Answer(tools=(tool(step),)) if step in MOMENTS else Answer(DONE))
    return said


def reads(slack: SlackServer, step: int) -> int:
    """How often Slack was asked for what a step reads."""
    calls = slack.calls("conversations.history")
    return sum(int(call.args.get("limit") or 0) == limit(step) for call in calls)


def posts(slack: SlackServer, step: int) -> int:
    """How often Slack was asked to post what a step posts."""
    return sum(call.args.get("channel") == "CNOTES" and text(step) in str(call.args) for call in slack.calls())


async def from_store(url: str, work: Callable[[UnitOfWork], Awaitable[Any]]) -> Any:
    """What `work` makes of the service's own database."""
    database = Database(url, WallClock())
    async with database.begin() as uow:
        made = await work(uow)
    await database.dispose()
    return made


async def _hold(uow: UnitOfWork) -> None:
    (agent,) = await uow.agents.all("slack:T1")
    grants = (
        ToolGrant("channel_history", id="reads", scope=Scope(channels=("CRANDOM",))),
        ToolGrant("post_message", id="posts", scope=Scope(channels=("CNOTES",))),
    )
    await uow.agents.change(replace(agent, grants=grants, max_steps=20))


async def _audit(uow: UnitOfWork) -> list[AuditEntry]:
    return [entry for entry in await uow.audit.last("slack:T1", 1000) if entry.action.startswith("tool.")]


async def _paid(uow: UnitOfWork) -> list[tuple[int, int]]:
    found = await uow.connection.execute(select(receipts).where(receipts.c.estimated.is_(False)))
    return [(row.input_tokens, row.output_tokens) for row in found.all()]


async def _cut(uow: UnitOfWork) -> list[str]:
    found = await uow.connection.execute(select(receipts.c.outcome).where(receipts.c.estimated.is_(True)))
    return list(found.scalars())


@pytest.mark.timeout(300)
async def test_killed_at_each_of_twelve_steps_it_repeats_none_that_was_remembered(tmp_path: Path) -> None:
    async with kill._office(tmp_path) as (slack, models, service):
        url = f"sqlite:///{service.data / 'latchkey.db'}"
        slack.world.add_channel("CRANDOM", "random")
        slack.world.add_channel("CNOTES", "notes")
        await slack.say("CRANDOM", "UADMIN", "The lift is being repaired.")
        await from_store(url, _hold)
        models.script(*answers(), marker=MARKER)
        models.calls.clear()
        asking = asyncio.create_task(slack.say("CGENERAL", "UMEMBER", f"<@UBOT> {MARKER} Go."))
        for step, moment in MOMENTS.items():
            slack.configure(delays={"conversations.history": SECONDS if moment is Moment.READING else 0})
            slack.configure(delays={"chat.postMessage": 1.0 if moment is Moment.POSTING else 0})
            await until(_reached(slack, models, step, moment), f"step {step} is where it dies: {moment.value}", 30)
            await die(service)
            slack.configure(delays={"conversations.history": 0, "chat.postMessage": 0})
            await until(partial(_taken, slack, step), "what Slack was asked for it has done")
            await service.start()
        root = await asking
        await until(lambda: DONE in kill._text(slack, root), "the answer is whole", 30)

        assert len(slack.replies("CGENERAL", root)) == 1
        for step, moment in MOMENTS.items():
            if moment in READS:
                assert reads(slack, step) == (2 if moment is Moment.READING else 1), f"{step}: {moment.value}"
            else:
                assert posts(slack, step) == 1, f"{step}: {moment.value}"
        noted = [message["text"] for message in slack.messages("CNOTES")]
        assert noted == [text(step) for step, moment in MOMENTS.items() if moment in POSTS]

        whole = [call for call in models.calls if call.finished]
        assert len(whole) == len(MOMENTS) + 1
        cut = [moment for moment in MOMENTS.values() if moment in ASKING]
        assert len(models.calls) == len(whole) + len(cut), "asked again is only what was cut short"
        await until(lambda: kill._waiting(service.data) == 0, "the run has ended")
        assert await from_store(url, _paid) == [(100, 20)] * len(whole)
        assert await from_store(url, _cut) == [INTERRUPTED] * len(cut), "what was cut short may be billed, too"

        told = str(whole[-1].body)
        assert told.count(UNCLEAR.split(",")[0]) == len([one for one in MOMENTS.values() if one is Moment.POSTING])
        entries = await from_store(url, _audit)
        allowed = [entry for entry in entries if entry.action == "tool.allowed"]
        assert len({entry.details["digest"] for entry in allowed}) == len(allowed) == len(MOMENTS)
        unclear = [entry.details["call"] for entry in entries if entry.action == "tool.unclear"]
        assert sorted(map(int, unclear)) == [step for step, one in MOMENTS.items() if one is Moment.POSTING]


def _reached(slack: SlackServer, models: ModelServer, step: int, moment: Moment) -> Callable[[], bool]:
    before = len(models.calls)

    def reached() -> bool:
        if moment is Moment.READING:
            return reads(slack, step) == 1
        if moment is Moment.POSTING:
            return posts(slack, step) == 1
        results = str(models.calls[-1].body).count("tool_result") if models.calls else 0
        return len(models.calls) > before and results >= step and not models.calls[-1].finished

    return reached


def _taken(slack: SlackServer, step: int) -> bool:
    """Whether what was asked of Slack as the process died has happened by now."""
    return MOMENTS[step] not in POSTS or any(text(step) in one["text"] for one in slack.messages("CNOTES"))

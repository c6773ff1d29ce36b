"""Every click that must not count, in the whole service: it is refused with words, and nothing is posted."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.domain.grants import Scope
from app.services.screens.approvals import APPROVE
from app.store.tables import approvals
from app.store.unit_of_work import Database
from tests.acceptance import test_kill as kill
from tests.acceptance import test_teams_kill as teams_kill
from tests.acceptance.loopback_teams import bring
from tests.acceptance.process import until
from tests.acceptance.test_approval import HELLO, WallClock, _card, _pressed, cards, grant, posted, states
from tests.fakes.slack.world import Json
from tests.fakes.slack_server import SlackServer
from tests.fakes.teams.world import CHANNEL


class Waiting:
    """A question in Slack that waits for MEMBER or an admin."""

    def __init__(self, slack: SlackServer, url: str, root: str, card: Json) -> None:
        self.slack, self.root, self.card = slack, root, card
        self._url = url

    async def press(self, user: str = "UMEMBER") -> str:
        """What somebody is told who presses Approve."""
        before = len(self.slack.ephemerals(user))
        await self.slack.press(user, APPROVE, where=self.card)
        told = await until(lambda: self.slack.ephemerals(user)[before:], f"{user} is told")
        return json.dumps(told)

    async def kept(self, **values: Any) -> None:
        """Its row is another one now."""
        database = Database(self._url, WallClock())
        async with database.begin() as uow:
            await uow.connection.execute(approvals.update().values(**values))
        await database.dispose()

    async def take_back(self) -> None:
        """An admin takes the grant back."""
        database = Database(self._url, WallClock())
        async with database.begin() as uow:
            (agent,) = await uow.agents.all("slack:T1")
            await uow.agents.change(replace(agent, grants=()))
        await database.dispose()


async def by_another_user(waiting: Waiting) -> None:
    waiting.slack.world.add_user("UOTHER", "Olga Other")
    assert "Only the person who asked" in await waiting.press("UOTHER")


async def by_a_guest(waiting: Waiting) -> None:
    assert "no guests" in await waiting.press("UGUEST")


async def by_somebody_of_another_workspace(waiting: Waiting) -> None:
    assert "no guests" in await waiting.press("USTRANGER")


async def after_its_time(waiting: Waiting) -> None:
    await waiting.kept(expires_at=datetime.now(UTC) - timedelta(seconds=1))
    assert "Nobody decided in time" in await waiting.press()


async def after_the_grant_was_taken_back(waiting: Waiting) -> None:
    await waiting.take_back()
    assert "not granted to the agent any more" in await waiting.press()
    await until(lambda: "M-1" in kill._text(waiting.slack, waiting.root), "the answer goes on without")


async def for_other_arguments(waiting: Waiting) -> None:
    await waiting.kept(digest="0" * 64)
    await waiting.slack.press("UMEMBER", APPROVE, where=waiting.card)
    await until(lambda: "M-1" in kill._text(waiting.slack, waiting.root), "the answer goes on without")


CLICKS = (
    by_another_user,
    by_a_guest,
    by_somebody_of_another_workspace,
    after_its_time,
    after_the_grant_was_taken_back,
    for_other_arguments,
)


@pytest.mark.parametrize("click", CLICKS, ids=lambda click: click.__name__)
async def test_a_click_in_slack_that_must_not_count(click: Any, tmp_path: Path) -> None:
    async with kill._office(tmp_path) as (slack, models, service):
        url = f"sqlite:///{service.data / 'latchkey.db'}"
        slack.world.add_channel("CRANDOM", "random")
        await grant(url, "post_message", Scope(channels=("CRANDOM",)))
        wish = json.dumps({"channel": "CRANDOM", "text": HELLO})
        root = await slack.say("CGENERAL", "UMEMBER", f"<@UBOT> M-1 [[tool:post_message {wish}]]")
        (card,) = await until(lambda: cards(slack, root), "the card stands in the thread")
        await click(Waiting(slack, url, root, card))
        assert posted(slack) == []
        if click is for_other_arguments:
            assert "not those that a person was asked about" in str(models.calls[-1].body)


async def test_a_click_in_teams_by_somebody_of_another_organisation(tmp_path: Path) -> None:
    async with teams_kill.office(tmp_path) as (teams, _, service):
        url, bob, eve = f"sqlite:///{service.data / 'latchkey.db'}", teams.world.bob, teams.world.eve
        support = teams.world.channel("support", [bob])
        await grant(url, "post_message", Scope(channels=(support.id,)))
        wish = json.dumps({"channel": support.id, "text": HELLO})
        root = await bring(teams, bob, f"M-1 [[tool:post_message {wish}]]", teams.world.chats[CHANNEL])
        card = await until(lambda: _card(teams, root), "the card stands in the thread")
        told = await asyncio.wait_for(_pressed(teams, eve, card, APPROVE), 20)
        assert "no guests" in told
        assert await states(url) == [("pending", True)]
        assert list(support.shown.values()) == []

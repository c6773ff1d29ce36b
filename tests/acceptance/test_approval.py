"""Approvals in the whole service, in Slack and Teams: killed while it waits, one click is one act, and nothing is paid for twice."""

from __future__ import annotations

import asyncio
import copy
import json
import os
import signal
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from adapters.teams.handle import ACTION, OURS
from app.domain.grants import Approval, Scope, ToolGrant
from app.services.screens.approvals import APPROVE, CANCEL, DENY
from app.store.tables import approvals
from app.store.unit_of_work import Database
from tests.acceptance import test_kill as kill
from tests.acceptance import test_teams_kill as teams_kill
from tests.acceptance.loopback_teams import bring
from tests.acceptance.process import until
from tests.acceptance.service import Service
from tests.fakes.postgres import Postgres
from tests.fakes.slack_server import SlackServer
from tests.fakes.teams.world import CHANNEL, Chat, Json, Member
from tests.fakes.teams_server import TeamsServer

HELLO = "Hello, everybody"


class WallClock:
    """The machine's own."""

    def now(self) -> datetime:
        return datetime.now(UTC)


async def grant(url: str, tool: str, scope: Scope) -> None:
    """An admin lets the assistant use a tool with somebody's consent."""
    database = Database(url, WallClock())
    async with database.begin() as uow:
        (workspace,) = [
            one for one in await uow.audit.workspaces() if one.partition(":")[0] in ("slack", "teams", "playground")
        ]
        (agent,) = await uow.agents.all(workspace)
        granted = ToolGrant(tool, approval=Approval.ALWAYS, id="grant_1", scope=scope)
        await uow.agents.change(replace(agent, grants=(granted,)))
    await database.dispose()


async def states(url: str) -> list[tuple[str, bool]]:
    """How each question ended, and whether anything of it is left."""
    database = Database(url, WallClock())
    async with database.read() as uow:
        found = (await uow.connection.execute(select(approvals.c.state, approvals.c.sealed))).all()
    await database.dispose()
    return [(row.state, row.sealed is not None) for row in found]


async def die(service: Service) -> None:
    os.kill(service.process.pid, signal.SIGKILL)
    await until(lambda: not service.process.running, "the process is dead")


def cards(slack: SlackServer, root: str) -> list[Json]:
    """What stands in the thread with blocks about an approval."""
    return [one for one in slack.replies("CGENERAL", root) if "post a message in" in json.dumps(one.get("blocks"))]


def posted(slack: SlackServer) -> list[Json]:
    return [message for message in slack.messages("CRANDOM") if HELLO in message["text"]]


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_in_slack_what_was_approved_after_a_kill_is_posted_once(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    server: Postgres | None = request.getfixturevalue("postgres") if kind == "postgres" else None
    database = {"LATCHKEY_DATABASE_URL": server.create()} if server else {}
    async with kill._office(tmp_path, **database) as (slack, models, service):
        url = database.get("LATCHKEY_DATABASE_URL", f"sqlite:///{service.data / 'latchkey.db'}")
        slack.world.add_channel("CRANDOM", "random")
        await grant(url, "post_message", Scope(channels=("CRANDOM",)))
        wish = json.dumps({"channel": "CRANDOM", "text": HELLO})
        root = await slack.say("CGENERAL", "UMEMBER", f"<@UBOT> M-1 [[tool:post_message {wish}]]")
        card = await until(lambda: cards(slack, root), "the card stands in the thread")
        shown = json.dumps(card[0]["blocks"])
        assert HELLO in shown
        assert f'"{APPROVE}"' in shown
        await die(service)
        assert await states(url) == [("pending", True)]
        await service.start()
        assert posted(slack) == []
        await slack.press("UGUEST", APPROVE, where=card[0])
        assert "no guests" in json.dumps(slack.ephemerals("UGUEST"))
        clicks = await asyncio.gather(*(slack.press("UMEMBER", APPROVE, where=card[0]) for _ in range(3)))
        await until(lambda: "M-1" in kill._text(slack, root), "the answer is whole")
        assert len(posted(slack)) == 1
        assert len([call for call in models.calls if "M-1" in call.said]) == 2, "nothing is paid for twice"
        await until(lambda: '"approve"' not in json.dumps(cards(slack, root)), "the card is over")
        (after,) = cards(slack, root)
        assert "<@UMEMBER> approved" in json.dumps(after["blocks"])
        slack.api.chat.ephemerals.clear()
        await slack.interact(clicks[0].payload)  # sent again, by whoever kept it
        await until(lambda: "approved this already" in json.dumps(slack.ephemerals("UMEMBER")), "that is told")
        assert len(posted(slack)) == 1
        assert await states(url) == [("approved", False)]
    if server:
        server.drop(database["LATCHKEY_DATABASE_URL"])


async def test_in_teams_what_was_approved_after_a_kill_is_posted_once(tmp_path: Path) -> None:
    async with teams_kill.office(tmp_path) as (teams, models, service):
        url = f"sqlite:///{service.data / 'latchkey.db'}"
        ann, bob, gus = teams.world.ann, teams.world.bob, teams.world.gus
        carl = Member("Carl", "ffffffff-0000-4000-8000-000000000009")
        teams.world.people.append(carl)
        teams.world.chats[CHANNEL].members.append(carl)
        support = teams.world.channel("support", [ann, bob, carl])
        await grant(url, "post_message", Scope(channels=(support.id,)))
        wish = json.dumps({"channel": support.id, "text": HELLO})
        root = await bring(teams, bob, f"M-1 [[tool:post_message {wish}]]", teams.world.chats[CHANNEL])
        card = await until(lambda: _card(teams, root), "the card stands in the thread")
        assert HELLO in json.dumps(card)
        await die(service)
        assert await states(url) == [("pending", True)]
        await service.start()
        assert "no guests" in await _pressed(teams, gus, card, APPROVE)
        assert "Only the person who asked" in await _pressed(teams, carl, card, APPROVE)
        assert list(support.shown.values()) == []
        await asyncio.gather(*(_pressed(teams, bob, card, APPROVE) for _ in range(3)))
        await until(lambda: _whole(teams, root), "the answer is whole")
        assert [HELLO in json.dumps(one) for one in support.shown.values()] == [True]
        assert len([call for call in models.calls if "M-1" in call.said]) == 2, "nothing is paid for twice"
        await until(lambda: "approved" in json.dumps(_shown(teams, card)), "the card is over")
        assert "Bob approved this already" in await _pressed(teams, ann, card, DENY)
        assert await states(url) == [("approved", False)]


def _card(teams: TeamsServer, root: str) -> Json | None:
    """The message with the question, as it was first shown."""
    found = [one for one in teams.shown(CHANNEL, root) if '"Approve"' in json.dumps(one)]
    return copy.deepcopy(found[0]) if found else None


def _shown(teams: TeamsServer, card: Json) -> Json:
    return teams.world.chats[CHANNEL].shown[card["id"]]


def _whole(teams: TeamsServer, root: str) -> bool:
    return any("You said" in one.get("text", "") for one in teams.shown(CHANNEL, root) if one["type"] == "message")


async def _pressed(teams: TeamsServer, who: Member, card: Json, action: str, place: Chat | None = None) -> str:
    """Somebody presses a button of the card; all that they alone are told then."""
    (data,) = [one for one in _data(card) if one.get(OURS, {}).get(ACTION) == action]
    where, _, thread = card["conversation"]["id"].partition(";messageid=")
    value = {"action": {"type": "Action.Execute", "verb": action, "data": data}, "trigger": "manual"}
    before = len(teams.shown(teams.world.personal(who)))
    told = await teams.invoke(who, "adaptiveCard/action", value, place or where, replyToId=card["id"], thread=thread)
    assert told.status == 200
    whispered = teams.shown(teams.world.personal(who))[before:]
    return json.dumps([told.body, whispered])


def _data(card: Any) -> list[Json]:
    """What each button of a card sends."""
    if isinstance(card, dict):
        own = [card["data"]] if isinstance(card.get("data"), dict) else []
        return own + [found for value in card.values() for found in _data(value)]
    return [found for one in card for found in _data(one)] if isinstance(card, list) else []


async def test_in_slack_whoever_writes_on_is_told_and_may_cancel(tmp_path: Path) -> None:
    async with kill._office(tmp_path) as (slack, _, service):
        url = f"sqlite:///{service.data / 'latchkey.db'}"
        slack.world.add_channel("CRANDOM", "random")
        await grant(url, "post_message", Scope(channels=("CRANDOM",)))
        wish = json.dumps({"channel": "CRANDOM", "text": HELLO})
        root = await slack.say("CGENERAL", "UMEMBER", f"<@UBOT> M-1 [[tool:post_message {wish}]]")
        await until(lambda: cards(slack, root), "the card stands in the thread")
        await slack.say("CGENERAL", "UMEMBER", "M-2 [[words:3]]", thread_ts=root)
        told = await until(lambda: slack.ephemerals("UMEMBER"), "who writes on is told")
        assert "is waiting for approval" in json.dumps(told[-1])
        await slack.press("UMEMBER", CANCEL, where=told[-1])
        await until(lambda: "did not post" in json.dumps(cards(slack, root)), "the card is over")
        # the model of these tests does what stands anywhere in the thread, so it asks once more
        await until(lambda: len(cards(slack, root)) == 2, "the next question is taken up")
        assert posted(slack) == []
        assert (await states(url))[0] == ("cancelled", False)


async def test_in_teams_whoever_writes_on_is_told_and_may_cancel(tmp_path: Path) -> None:
    async with teams_kill.office(tmp_path) as (teams, _, service):
        url, bob = f"sqlite:///{service.data / 'latchkey.db'}", teams.world.bob
        await grant(url, "current_time", Scope())
        root = await bring(teams, bob, "M-1 [[tool:current_time {}]]", teams.world.chats[CHANNEL])
        card = await until(lambda: _card(teams, root), "the card stands in the thread")
        await bring(teams, bob, "M-2 [[words:3]]", teams.world.chats[CHANNEL], thread=root)
        direct = teams.world.personal(bob)
        told = await until(
            lambda: [one for one in teams.shown(direct) if "is waiting for approval" in json.dumps(one)], "bob is told"
        )
        await _pressed(teams, bob, told[-1], CANCEL, direct)
        await until(lambda: "did not use" in json.dumps(_shown(teams, card)), "the card is over")
        assert (await states(url))[0] == ("cancelled", False)

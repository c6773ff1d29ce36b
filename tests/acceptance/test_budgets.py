"""Budgets end to end, in a Slack and a Teams by others: a limit stops a question, somebody gives more, and the question is answered by itself."""

from __future__ import annotations

from pathlib import Path

from tests.acceptance.blocks import words
from tests.acceptance.local_slack import ANA, GENERAL, MAX
from tests.acceptance.office import ANTHROPIC_KEY, SKY, office_at
from tests.acceptance.process import until
from tests.acceptance.teams_office import teams_office

PATIENCE = 30
"""Seconds: a machine that is busy with other tests takes its time."""

WHY = "The report for Monday is half done."


async def test_on_slack_more_is_asked_for_granted_and_the_question_answered(tmp_path: Path) -> None:
    async with office_at(tmp_path, "http") as office:
        slack = office.slack
        await office.set_key("Anthropic", ANTHROPIC_KEY)
        await slack.command(ANA, "budget each person day 0.01")
        await until(lambda: "From now on" in words(slack.whispers(ANA)), "the limit is set", PATIENCE)
        thread = await office.mention(MAX, "why is the sky blue?")
        await office.answered(thread, "leaves no room for this", seconds=PATIENCE)
        (stopped,) = slack.answers(GENERAL, thread)
        await slack.press(MAX, stopped["blocks"], "Ask for more", message=stopped)
        await until(lambda: slack.modal, "the form opens", PATIENCE)
        await slack.submit(MAX, {"How much more": "0,50", "Why": WHY})
        await until(lambda: "without a comma" in str(slack.errors), "the comma is pointed at", PATIENCE)
        await slack.submit(MAX, {"How much more": "0.50", "Why": WHY})
        await until(lambda: slack.modal is None, "it is sent", PATIENCE)
        direct = await slack.direct(ANA)
        (card,) = await until(
            lambda: [one for one in slack.messages(direct) if WHY in words([one])], "Ana is asked", PATIENCE
        )
        await slack.press(ANA, card["blocks"], "Allow $0.50 for today", message=card)
        await office.answered(thread, SKY, seconds=PATIENCE)
        assert len([one for one in slack.answers(GENERAL, thread) if SKY in words([one])]) == 1
        told = await slack.direct(MAX)
        await until(lambda: "allowed $0.50 more for today" in words(slack.messages(told)), "Max is told", PATIENCE)
        assert len(await office.anthropic.calls("sky blue")) == 1, "the vendor was asked once there was room"
        assert WHY not in (tmp_path / "service.log").read_text()


async def test_on_teams_an_admin_who_is_stopped_raises_the_limit_in_a_dialog(tmp_path: Path) -> None:
    async with teams_office(tmp_path) as office:
        teams = office.teams
        await office.set_key()
        await teams.say("byok budget workspace month $0.01")
        await teams.shown("From now on", seconds=PATIENCE)
        await teams.say("why is the sky blue?")
        stopped = await teams.shown("leaves no room for this", seconds=PATIENCE)
        task = await teams.press(stopped, "Raise it")
        closed = await office.send_form(task, {"amount": "2", "how": "good"})
        assert "asked again now" in str(closed), closed
        await teams.shown(SKY, seconds=PATIENCE)
        assert len(await office.anthropic.calls("sky blue")) == 1

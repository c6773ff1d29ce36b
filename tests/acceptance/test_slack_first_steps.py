"""A workspace in which nobody has set a key yet."""

from __future__ import annotations

from tests.acceptance.blocks import words
from tests.acceptance.local_slack import ANA, GENERAL, MAX
from tests.acceptance.office import ANTHROPIC_KEY, SKY, Office
from tests.acceptance.process import until


async def test_without_a_key_a_mention_is_explained_and_nobody_is_asked(new_office: Office) -> None:
    asked = await new_office.mention(MAX, "Why is the sky blue?")
    await until(lambda: new_office.slack.answers(GENERAL, asked) or new_office.slack.whispers(MAX), "it is explained")
    assert "key" in words([new_office.slack.answers(GENERAL, asked), new_office.slack.whispers(MAX)])
    assert not await new_office.anthropic.calls()
    assert not await new_office.openai.calls()


async def test_the_home_tab_leads_to_the_first_key_and_then_agents_answer(new_office: Office) -> None:
    slack = new_office.slack
    view = await slack.open_home(ANA)
    await slack.press(ANA, view["blocks"], "Add a key")
    await until(lambda: slack.modal, "the key form opens")
    await slack.submit(ANA, {"Provider": "Anthropic", "API key": ANTHROPIC_KEY})
    await until(lambda: slack.modal is None, "the key is taken")
    await until(lambda: ANTHROPIC_KEY[-4:] in words(slack.home(ANA)), "the home tab shows the key")
    asked = await new_office.mention(MAX, "Why is the sky blue?")
    await new_office.answered(asked, SKY)

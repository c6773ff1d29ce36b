"""A key dies while people ask: what they read, what its owner is told, and that one form later the question is answered by itself.

`docs/dead-key.md` is what a run of this saw, on Slack and on Teams; `python -m tests.acceptance.test_dead_key` writes it anew.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.async_api import async_playwright

from tests.acceptance.agents_playground import GENERAL as TEAMS_CHANNEL
from tests.acceptance.agents_playground import MENTION, words
from tests.acceptance.blocks import Json
from tests.acceptance.blocks import words as slack_words
from tests.acceptance.local_slack import ANA, GENERAL, MAX
from tests.acceptance.office import ANTHROPIC_KEY, Office, office_at
from tests.acceptance.pictures import CHROMIUM, FLAGS, IMAGES
from tests.acceptance.process import until
from tests.acceptance.teams_office import TeamsOffice, teams_office
from tests.fakes.model_server import ModelServer

DOCUMENT = Path(__file__).parents[2] / "docs" / "dead-key.md"
NEXT = "sk-test-anthropic-next-2"
ASKED = "How many keys does a piano have?"
ANSWER = f"You said: {ASKED}"


@dataclass
class Record:
    """What was seen, in the order in which it was."""

    lines: list[tuple[str, str]] = field(default_factory=list)

    def saw(self, who: str, text: str) -> str:
        """Somebody saw or did this."""
        self.lines.append((who, " · ".join(line.strip() for line in text.splitlines() if line.strip())))
        return text


async def on_slack(office: Office, models: ModelServer) -> Record:
    """Max asks under a key that is dead; Ana, who set it, presses the button of what she is told, and fills the form in."""
    record, slack = Record(), office.slack
    await office.answered(await office.mention(MAX, "Are you there?"), "You said:", seconds=30)
    models.keys = {NEXT}
    thread = await office.mention(MAX, record.saw("Max, in #general", ASKED))
    await office.answered(thread, "rejected this workspace's key", seconds=30)
    failed = record.saw("In the thread", _read(slack.answers(GENERAL, thread)))
    assert "Its admins have been told" in failed
    assert "this is asked again by itself, for up to a day" in failed
    assert "Retry" in failed

    news = await until(lambda: _direct(office, "Replace key"), "the owner of the key is told")
    told = record.saw("Ana, who set the key, in her chat with Latchkey", _read([news]))
    assert "refuses the Anthropic key “main”" in told
    assert "assistant" in told
    assert "1; asked again by itself" in told

    await slack.press(ANA, news["blocks"], "Replace key", message=news)
    form = await until(lambda: slack.modal, "the form opens")
    record.saw("Ana presses Replace key; the form", slack_words(form["blocks"]))
    await slack.submit(ANA, {"API key": NEXT})
    await until(lambda: slack.modal is None, "the new key is taken")
    await until(lambda: "asked again now" in slack_words(_to_ana(office)), "what follows is told")
    record.saw("Ana types the new key and is told", _read(_to_ana(office)[-1:]))

    await office.answered(thread, ANSWER, seconds=30)
    record.saw("In the thread, a moment later and by itself", _read(slack.answers(GENERAL, thread)[1:]))
    await asyncio.sleep(3)  # for so long nothing more may come
    assert len(slack.answers(GENERAL, thread)) == 2
    _paid_once(models)
    assert len([m for m in _to_ana(office) if "Replace key" in slack_words([m])]) == 1
    return record


async def on_teams(office: TeamsOffice, models: ModelServer) -> Record:
    """The same in a channel of a team, where a dialog opens from the card in the chat with the owner."""
    record, teams = Record(), office.teams
    await teams.shown("You said:", await teams.say(f"{MENTION} Are you there?", TEAMS_CHANNEL), 30)
    models.keys = {NEXT}
    thread = await teams.say(f"{MENTION} {ASKED}", TEAMS_CHANNEL)
    record.saw("Alex, in General", ASKED)
    failed = await teams.shown("rejected this workspace's key", thread)
    record.saw("In the thread", failed.words)
    assert "this is asked again by itself, for up to a day" in failed.words

    news = await teams.shown("Replace key")
    record.saw("Alex, who set the key, in the chat with Latchkey", news.words)
    assert "refuses the Anthropic key “main”" in news.words
    assert "1; asked again by itself" in news.words

    form = await teams.press(news, "Replace key")
    record.saw("Alex presses Replace key; the dialog", "\n".join(words(form)))
    done = await office.send_form(form, {"secret:key": NEXT})
    assert "asked again now" in record.saw("Alex types the new key and is told", "\n".join(words(done)))

    answer = await teams.shown(ANSWER, thread, 30)
    record.saw("In the thread, a moment later and by itself", answer.words)
    await asyncio.sleep(3)
    assert len([m for m in teams.in_conversation(thread) if ANSWER in m.words]) == 1
    _paid_once(models)
    return record


def _read(messages: Sequence[Json]) -> str:
    """As people read it: the text of a message is for notifications, where it has blocks."""
    return slack_words([message.get("blocks") or message.get("text", "") for message in messages])


def _paid_once(models: ModelServer) -> None:
    finished = [call for call in models.calls if call.finished and ASKED in call.said]
    assert [call.key for call in finished] == [NEXT]
    assert [call.key for call in models.calls if not call.finished] == [ANTHROPIC_KEY], "the one that was refused"


def _to_ana(office: Office) -> list[Json]:
    """What Ana alone sees: whispers, and her chat with the app."""
    direct = [m for channel, there in office.slack._messages.items() if channel.startswith("D") for m in there]
    return [*direct, *office.slack.whispers(ANA)]


def _direct(office: Office, label: str) -> Json | None:
    found: Sequence[Json] = [m for m in _to_ana(office) if m.get("blocks") and label in slack_words([m])]
    return found[-1] if found else None


@asynccontextmanager
async def slack_at(folder: Path, transport: str) -> AsyncIterator[tuple[Office, ModelServer]]:
    """An office with a key that works so far."""
    async with (
        ModelServer(keys={ANTHROPIC_KEY}) as models,
        office_at(folder, transport, environment={"LATCHKEY_ANTHROPIC_BASE_URL": models.url}) as office,
    ):
        await office.set_key("Anthropic", ANTHROPIC_KEY)
        yield office, models


@asynccontextmanager
async def teams_at(folder: Path) -> AsyncIterator[tuple[TeamsOffice, ModelServer]]:
    """A tenant with one."""
    async with (
        ModelServer(keys={ANTHROPIC_KEY}) as models,
        teams_office(folder, environment={"LATCHKEY_ANTHROPIC_BASE_URL": models.url}) as office,
    ):
        await office.set_key()
        yield office, models


@pytest.mark.timeout(180)
@pytest.mark.parametrize("transport", ["http", "socket"])
async def test_on_slack_a_dead_key_is_replaced_from_its_news_and_what_waited_is_answered(
    tmp_path: Path, transport: str
) -> None:
    async with slack_at(tmp_path, transport) as (office, models):
        await on_slack(office, models)


@pytest.mark.timeout(180)
async def test_in_teams_a_dead_key_is_replaced_from_its_news_and_what_waited_is_answered(tmp_path: Path) -> None:
    async with teams_at(tmp_path) as (office, models):
        await on_teams(office, models)


async def _photograph(office: Office) -> None:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        page = await browser.new_page(viewport={"width": 1100, "height": 640})
        await page.goto(office.slack.base_url)
        await page.get_by_label("Act as").select_option(ANA)
        await page.locator("button.sidebar-item", has_text="Ana Admin").click()
        await page.get_by_text("that waited for it").wait_for()
        await page.screenshot(path=IMAGES / "slack-dead-key.png")
        await page.locator("button.sidebar-item", has_text="general").click()
        await page.get_by_text("2 replies").last.click()
        await page.get_by_role("button", name="Retry").last.wait_for()
        await page.screenshot(path=IMAGES / "slack-dead-key-thread.png")
        await browser.close()


async def write() -> None:
    """Write down what a run saw, and photograph it."""
    with tempfile.TemporaryDirectory() as folder:
        async with slack_at(Path(folder), "http") as (office, models):
            slack = await on_slack(office, models)
            await _photograph(office)
    with tempfile.TemporaryDirectory() as folder:
        async with teams_at(Path(folder)) as (tenant, models):
            teams = await on_teams(tenant, models)
    parts = [
        "# A dead key, from the question to its answer\n",
        "What a run of `tests/acceptance/test_dead_key.py` saw: Latchkey as a process of its own, a provider that answers 401, Slack as",
        "local-slack has it and Teams as Microsoft's Agents Playground has it. `python -m tests.acceptance.test_dead_key` writes this anew.\n",
    ]
    for title, record in (("Slack", slack), ("Teams", teams)):
        parts.append(f"## {title}\n")
        if title == "Slack":
            parts += [
                "![The thread](images/slack-dead-key-thread.png)",
                "![The owner's chat](images/slack-dead-key.png)\n",
                "(local-slack draws neither Markdown blocks nor feedback buttons.)\n",
            ]
        parts += [f"{number}. **{who}:** {text}" for number, (who, text) in enumerate(record.lines, start=1)]
        parts.append("")
    DOCUMENT.write_text("\n".join(parts))


if __name__ == "__main__":
    asyncio.run(write())

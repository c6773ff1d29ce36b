"""Pictures of what agents may do and of what they do, on the three platforms: `python -m tests.acceptance.tools_pictures`. Look at them."""

from __future__ import annotations

import asyncio
import json
import re
import sys
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from playwright.async_api import Page, async_playwright

from app.domain.grants import Approval, Scope, ToolGrant
from app.services.agent_drafts import FIRST_GRANTS
from app.store.unit_of_work import Database
from tests.acceptance.agents_playground import GENERAL as TEAMS_GENERAL
from tests.acceptance.agents_playground import parts
from tests.acceptance.aimock import AiMock, Fixture
from tests.acceptance.blocks import words
from tests.acceptance.card_renderer import card_renderer
from tests.acceptance.local_slack import ANA, RANDOM
from tests.acceptance.office import ANTHROPIC_KEY, office_at
from tests.acceptance.pictures import CHROMIUM, FLAGS, IMAGES
from tests.acceptance.playground import Screen, chromium, demo, screen
from tests.acceptance.process import until
from tests.acceptance.teams_office import teams_office
from tests.acceptance.test_approval import WallClock

NEWS = "The mapping screen ships on the 9th. All columns show at once; obvious ones are guessed."
TOLD = "Done: I looked at the date and at my notes, and worked it out. There are 16 days left until the launch, two of them holidays. "
CODE = {"LATCHKEY_SANDBOX": "auto"}
SIZE = {"width": 1280, "height": 1000}


def _calls(when: str, calls: Mapping[str, Any], then: str, *, slowly: bool = False) -> list[Fixture]:
    listed = [{"name": name, "arguments": json.dumps(arguments)} for name, arguments in calls.items()]
    pace = {"streamingProfile": {"ttft": 100, "tps": 3}} if slowly else {}
    return [
        {"match": {"userMessage": when, "hasToolResult": True}, "response": {"content": then}, **pace},
        {"match": {"userMessage": when, "hasToolResult": False}, "response": {"toolCalls": listed}},
    ]


def _script(channel: str) -> list[Fixture]:
    code = {"code": "days = 0\nfor one in range(90_000_000):\n    days = one\nprint(16 - 2)"}
    return [
        *_calls("days left", {"current_time": {}, "recall": {"query": "launch"}, "run_code": code}, TOLD * 3, slowly=True),
        *_calls("Tell everybody", {"post_message": {"channel": channel, "text": NEWS}}, "It is posted."),
    ]  # fmt: skip


async def _equip(folder: Path, channel: str) -> None:
    """An admin lets the assistant do a few things, as soon as it is known where code runs."""
    await until(
        lambda: any('"event": "code"' in log.read_text() for log in folder.glob("*.log")), "code can be run", 60
    )
    database = Database(f"sqlite:///{folder / 'data' / 'latchkey.db'}", WallClock())
    posts = ToolGrant("post_message", approval=Approval.ALWAYS, scope=Scope(channels=(channel,)), per_day=5)
    grants = (*FIRST_GRANTS, posts, ToolGrant("recall"), ToolGrant("run_code", per_run=5))
    async with database.begin() as uow:
        for workspace in await uow.audit.workspaces():
            for agent in await uow.agents.all(workspace):
                numbered = [replace(grant, id=f"grant_{at}") for at, grant in enumerate(grants)]
                await uow.agents.change(replace(agent, grants=tuple(numbered)))
    await database.dispose()


async def _calm(page: Page) -> None:
    await page.mouse.move(0, 0)
    await page.wait_for_timeout(600)


async def _playground(folder: Path) -> None:
    async with (
        AiMock(folder, "anthropic", ANTHROPIC_KEY, _script("#random")) as vendor,
        demo(folder, {"LATCHKEY_ANTHROPIC_BASE_URL": vendor.url, "LATCHKEY_SANDBOX": "auto"}) as address,
        chromium() as browser,
        screen(browser, address, size=SIZE) as seen,
    ):
        await seen.command("setkey anthropic")
        await seen.dialog.get_by_label("API key", exact=True).fill(ANTHROPIC_KEY)
        await seen.dialog.get_by_role("button", name="Save").click()
        await seen.page.locator(".message-private").wait_for()
        await _equip(folder, "C-RANDOM")
        await _editor(seen)
        await seen.go("product")
        await seen.field("Message #product").fill("@Latchkey how many days left?")
        await seen.page.keyboard.press("Enter")
        await seen.thread.locator(".steps .step").nth(2).wait_for()
        await _calm(seen.page)
        await seen.page.screenshot(path=IMAGES / "playground-steps.png")
        await seen.go("general")
        await seen.field("Message #general").fill("@Latchkey Tell everybody what we decided")
        await seen.page.keyboard.press("Enter")
        await seen.page.get_by_role("button", name="Approve").wait_for()
        await _calm(seen.page)
        await seen.page.screenshot(path=IMAGES / "playground-approval.png")


async def _editor(seen: Screen) -> None:
    await seen.go("Latchkey")
    await seen.page.get_by_role("button", name="Tools", exact=True).first.click()
    await seen.page.get_by_text("May post to").first.wait_for()
    await _calm(seen.page)
    await seen.page.screenshot(path=IMAGES / "playground-tools.png")
    await seen.dialog.get_by_role("button", name="Change").nth(2).click()
    await seen.page.get_by_text("Change a grant").first.wait_for()
    await _calm(seen.page)
    await seen.page.screenshot(path=IMAGES / "playground-grant.png")
    await seen.dialog.get_by_role("button", name="Cancel").click()
    await seen.dialog.get_by_role("button", name="What can it do").click()
    await seen.page.get_by_text("You count as").first.wait_for()
    await _calm(seen.page)
    await seen.page.screenshot(path=IMAGES / "playground-can.png")
    for _ in range(2):
        await seen.dialog.get_by_role("button", name="Done").click()


async def _slack(folder: Path) -> None:
    async with office_at(folder, "http", _script("#random"), CODE) as office, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        page = await browser.new_page(viewport={"width": 1280, "height": 1300})
        await page.goto(office.slack.base_url)
        await page.get_by_label("Act as").select_option(ANA)
        await office.set_key("Anthropic", ANTHROPIC_KEY)
        await _equip(folder, RANDOM)
        thread = await office.mention(ANA, "how many days left?")
        await until(lambda: "Running code" in str(office.slack.messages("C0GENERAL")) or "an code" in str(office.slack.messages("C0GENERAL")), "steps are shown")  # fmt: skip
        await page.get_by_text("1 reply").last.click()
        await _calm(page)
        await page.screenshot(path=IMAGES / "slack-steps.png")
        await office.answered(thread, "holidays", seconds=60)
        await office.mention(ANA, "Tell everybody what we decided")
        await until(lambda: "Approve" in str(office.slack.messages("C0GENERAL")), "it is asked")
        await page.get_by_text("2 replies").last.click()
        await _calm(page)
        await page.screenshot(path=IMAGES / "slack-approval.png")
        await page.get_by_role("button", name="✕").last.click()  # the thread
        await office.slack.command(ANA, "grants assistant")
        await until(lambda: "Not granted" in words(office.slack.whispers(ANA)), "the tools are shown")
        await _calm(page)
        await page.screenshot(
            path=IMAGES / "slack-tools.png"
        )  # its forms are not drawn here with what is chosen in them
        await browser.close()


async def _teams(folder: Path) -> None:
    async with (
        teams_office(folder, _script(TEAMS_GENERAL), CODE) as office,
        card_renderer() as renderer,
        chromium() as browser,
    ):
        page = await browser.new_page(viewport={"width": 1280, "height": 900})
        await page.goto(office.teams.url)
        await page.get_by_text("Personal Chat", exact=True).first.click()
        await page.get_by_text("Log Panel").wait_for()
        await page.mouse.click(1248, 64)  # which closes it
        await office.set_key()
        await _equip(folder, TEAMS_GENERAL)
        await office.teams.say("byok grants assistant")
        shown = await office.teams.shown("Not granted")
        await renderer.draw(shown.cards[0], width=640)
        await renderer.picture(IMAGES / "teams-tools.png")
        task = await office.teams.press(shown, "Change")
        await renderer.draw(next(part["content"] for part in parts(task) if "content" in part), width=480)
        await renderer.picture(IMAGES / "teams-grant.png")
        await office.teams.say("how many days left?")
        await page.get_by_text(re.compile("[Rr]unning code.*…|Running code")).last.wait_for()
        await page.screenshot(path=IMAGES / "teams-steps.png")
        await office.teams.shown("holidays", seconds=90)
        await office.teams.say("Tell everybody what we decided")
        asked = await office.teams.shown("Approve")
        await page.get_by_text("waiting for approval").last.wait_for()
        await page.screenshot(path=IMAGES / "teams-approval-chat.png")
        await renderer.draw(asked.cards[0], width=640)
        await renderer.picture(IMAGES / "teams-approval.png")


SCENES: Mapping[str, Callable[[Path], Awaitable[None]]] = {"playground": _playground, "slack": _slack, "teams": _teams}


async def take(names: list[str]) -> None:
    """Play the scenes of these platforms, and photograph them."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            await SCENES[name](Path(folder))


if __name__ == "__main__":
    asyncio.run(take(sys.argv[1:] or list(SCENES)))

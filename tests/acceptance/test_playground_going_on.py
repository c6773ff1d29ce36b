"""A cut answer in the playground, in a browser: it says so, and goes on where it ended."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

from playwright.async_api import expect

from app.store.unit_of_work import Database
from tests.acceptance.playground import chromium, demo, screen
from tests.acceptance.test_approval import WallClock


async def _at_most(folder: Path, tokens: int) -> None:
    """An admin bounds the assistant's answers."""
    database = Database(f"sqlite:///{folder / 'data' / 'latchkey.db'}", WallClock())
    async with database.begin() as uow:
        (workspace,) = [one for one in await uow.audit.workspaces() if one.startswith("playground")]
        (agent,) = await uow.agents.all(workspace)
        await uow.agents.change(replace(agent, max_output_tokens=tokens))
    await database.dispose()


async def test_an_answer_goes_on_until_it_is_whole(tmp_path: Path) -> None:
    async with demo(tmp_path, {}) as address, chromium() as browser, screen(browser, address) as seen:
        await seen.ask("hello")
        await seen.finished()
        await _at_most(tmp_path, 160)
        await seen.field("Message #general").fill("@Latchkey please give me a long answer")
        await seen.page.keyboard.press("Enter")
        going_on = seen.thread.get_by_role("button", name="Continue", exact=True)
        await expect(going_on).to_have_count(1, timeout=30_000)
        assert "reached this agent's length limit" in await seen.answer.inner_text()
        if folder := os.environ.get("PICTURES"):
            await seen.page.screenshot(path=f"{folder}/continue.png")
        answers, at = seen.thread.locator(".message:has(.badge)"), 1
        while await answers.nth(at - 1).get_by_role("button", name="Continue", exact=True).count():
            await answers.nth(at - 1).get_by_role("button", name="Continue", exact=True).click()
            at += 1
            await expect(answers).to_have_count(at)
            await seen.finished()
        assert at >= 2
        if folder:
            await seen.page.screenshot(path=f"{folder}/continued.png")
        whole = " ".join([await answers.nth(n).locator(".md").first.inner_text() for n in range(at)])
        chapters = [int(number) for number in re.findall(r"^(\d+)\. ", whole, re.MULTILINE)]
        assert chapters == sorted(set(chapters)), "nothing is said twice"


async def test_admins_read_the_prompt_of_an_agent(tmp_path: Path) -> None:
    async with demo(tmp_path, {}) as address, chromium() as browser, screen(browser, address) as seen:
        await seen.command("prompt assistant")
        told = seen.page.locator(".message-private").last
        await expect(told).to_contain_text("House rules")
        await expect(told.locator("pre").first).to_contain_text("You are assistant, an agent in a team's chat.")
        if folder := os.environ.get("PICTURES"):
            await seen.page.screenshot(path=f"{folder}/prompt.png")

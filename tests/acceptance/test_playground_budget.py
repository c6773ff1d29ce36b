"""Budgets in the playground: a limit stops a question, more is asked for, an admin grants it with one click, and the question is answered."""

from __future__ import annotations

import os
from pathlib import Path

from playwright.async_api import expect

from tests.acceptance.aimock import AiMock, answer
from tests.acceptance.office import ANTHROPIC_KEY
from tests.acceptance.playground import DESK, PHONE, Screen, chromium, demo, screen

PICTURES = os.environ.get("PICTURES", "")
"""A folder: what is seen on the way is photographed into it."""


async def _picture(seen: Screen, name: str) -> None:
    if PICTURES:
        await seen.page.wait_for_timeout(700)
        await seen.page.screenshot(path=Path(PICTURES) / f"{name}.png")
        await seen.page.set_viewport_size(PHONE)  # type: ignore[arg-type]
        await seen.page.wait_for_timeout(700)
        await seen.page.screenshot(path=Path(PICTURES) / f"{name}-phone.png")
        await seen.page.set_viewport_size(DESK)  # type: ignore[arg-type]


async def test_a_question_that_a_limit_stopped_is_answered_after_one_click_of_an_admin(tmp_path: Path) -> None:
    async with (
        AiMock(tmp_path, "anthropic", ANTHROPIC_KEY, [answer("", "A day has 24 hours.")]) as vendor,
        demo(tmp_path, {"LATCHKEY_ANTHROPIC_BASE_URL": vendor.url}) as address,
        chromium() as browser,
        screen(browser, address) as ada,
        screen(browser, address) as max_,
    ):
        await ada.command("setkey anthropic")
        await ada.set_key(ANTHROPIC_KEY)
        await ada.page.locator(".message-private").wait_for()
        await ada.command("budget workspace day 0,01")
        await ada.page.get_by_text("without a comma").wait_for()
        await ada.command("budget")
        await ada.page.get_by_role("button", name="Set a limit").click()
        await ada.dialog.get_by_label("At most").fill("$0.01")
        await ada.dialog.get_by_label("Over").select_option("day")
        await _picture(ada, "budget-form")
        await ada.dialog.get_by_role("button", name="Set", exact=True).click()
        await ada.page.get_by_text("From now on").wait_for()
        await ada.command("budget each person day 5")
        await ada.command("budget agent assistant month 20")
        await ada.command("budget")
        await ada.page.get_by_text("Days and months are those of").last.wait_for()
        await _picture(ada, "budget-page")

        await max_.become("Max")
        await max_.ask("How long is a day?")
        ask = max_.thread.get_by_role("button", name="Ask for more")
        await ask.wait_for()
        await _picture(max_, "budget-over")
        await ask.click()
        await max_.dialog.get_by_label("Why").fill("The report for Monday is half done.")
        await max_.dialog.get_by_label("How much more").fill("1")
        await _picture(max_, "budget-ask")
        await max_.dialog.get_by_role("button", name="Ask", exact=True).click()
        await max_.page.get_by_text("asked for more").first.wait_for()

        await ada.go("Latchkey")
        card = ada.page.locator(".message", has_text="The report for Monday is half done.")
        await card.get_by_role("button", name="Allow $1.00 for today").wait_for()
        await _picture(ada, "budget-card")
        await card.get_by_role("button", name="Allow $1.00 for today").click()
        await ada.page.get_by_text("The question that waited is asked again now").wait_for()
        await _picture(ada, "budget-decided")

        await expect(max_.answer).to_contain_text("A day has 24 hours.", timeout=40_000)
        await _picture(max_, "budget-answered")
        assert len(await vendor.calls("How long is a day?")) == 1

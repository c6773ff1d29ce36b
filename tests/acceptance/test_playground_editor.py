"""What an agent may do, set in the playground as an admin does it, in a browser."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.acceptance.playground import Screen, chromium, demo, screen


@pytest.fixture
async def ada(tmp_path: Path) -> AsyncIterator[Screen]:
    """The admin."""
    async with demo(tmp_path) as address, chromium() as browser, screen(browser, address) as seen:
        yield seen


async def test_a_template_is_made_a_tool_granted_changed_and_taken_back(ada: Screen) -> None:
    await ada.go("Latchkey")
    await ada.page.get_by_role("button", name="From a template").click()
    await ada.dialog.get_by_role("button", name="Look at it").first.click()
    await ada.dialog.get_by_role("button", name="Make it").click()
    await expect(ada.dialog).to_contain_text("writer is ready")
    await expect(ada.page.get_by_role("dialog")).to_have_count(1)  # what led here is not left standing behind it
    await ada.dialog.get_by_role("button", name="Grant", exact=True).nth(2).click()
    await expect(ada.dialog).to_contain_text("writer: Post messages")
    await ada.dialog.get_by_label("#support").first.check()
    await ada.dialog.get_by_label("At most so often a day").fill("often")
    await ada.dialog.get_by_role("button", name="Grant", exact=True).click()
    await expect(ada.dialog).to_contain_text("Write a number, or nothing for no limit.")
    await ada.dialog.get_by_label("At most so often a day").fill("5")
    await ada.dialog.get_by_role("button", name="Grant", exact=True).click()
    told = "May post to #support, when an admin or member asks, in this workspace; asks before every post; at most 5 a day."
    await expect(ada.dialog).to_contain_text(told)
    await ada.dialog.get_by_role("button", name="All tools of writer").click()
    await ada.dialog.get_by_role("button", name="What can it do").click()
    await expect(ada.dialog).to_contain_text("✋ Post to #support; at most 5 a day; you will be asked")
    await ada.dialog.get_by_role("button", name="Done").click()
    await ada.dialog.get_by_role("button", name="Take back").last.click()
    await ada.dialog.get_by_role("button", name="Take back").last.click()  # yes, sure
    await expect(ada.dialog).to_contain_text("Post messages: taken back from writer")


async def test_a_member_looks_ahead_and_changes_nothing(ada: Screen) -> None:
    await ada.become("Max")
    await ada.command("grants assistant")
    await expect(ada.page.locator(".message-private").last).to_contain_text("That is for Latchkey's admins")
    await ada.command("can assistant")
    last = ada.page.locator(".message-private").last
    await expect(last).to_contain_text("What assistant can do for you here")
    await expect(last).to_contain_text("You count as a member here")

"""Approvals in the playground, in a browser: the card as people read it, who may press its buttons, and what becomes of it."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Locator, expect

from app.domain.grants import Scope
from tests.acceptance.playground import Screen, chromium, demo, screen
from tests.acceptance.test_approval import HELLO, grant, states
from tests.fakes.model_server import ModelServer

KEY = "sk-test-approval-good-1"
SNEAKY = f"{HELLO}\nchannel: C-BOARD \u202e <b>*bold*</b>"


@pytest.fixture
async def ada(tmp_path: Path) -> AsyncIterator[Screen]:
    """The admin, with a key set, and an agent that may post to #random with somebody's consent."""
    async with (
        ModelServer(keys={KEY}) as models,
        demo(tmp_path, {"LATCHKEY_ANTHROPIC_BASE_URL": models.url}) as address,
        chromium() as browser,
        screen(browser, address) as seen,
    ):
        await seen.command("setkey")
        await seen.set_key(KEY)
        await expect(seen.page.get_by_role("dialog")).to_have_count(0)
        await grant(url_of(tmp_path), "post_message", Scope(channels=("C-RANDOM",)))
        yield seen


def url_of(folder: Path) -> str:
    return f"sqlite:///{folder / 'data' / 'latchkey.db'}"


async def asked(seen: Screen, text: str) -> Locator:
    """The card, once somebody has asked for what needs approval."""
    wish = json.dumps({"channel": "C-RANDOM", "text": text})
    await seen.field("Message #general").fill(f"@Latchkey please [[tool:post_message {wish}]]")
    await seen.page.keyboard.press("Enter")
    card = seen.thread.locator(".message", has=seen.page.get_by_role("button", name="Approve")).last
    await card.wait_for()
    return card


async def test_a_card_is_read_pressed_and_over(ada: Screen, tmp_path: Path) -> None:
    await ada.become("Max")
    card = await asked(ada, SNEAKY)
    await expect(card).to_contain_text("asks for approval. It wants to post a message")
    await expect(card.locator("pre")).to_have_text(
        f"▸ channel: C-RANDOM\n▸ text:\n│ {HELLO}\n│ channel: C-BOARD ⟨U+202E⟩ <b>*bold*</b>"
    )
    assert await card.locator("b, strong").all_inner_texts() == ["assistant"]
    if folder := os.environ.get("PICTURES"):
        await ada.page.screenshot(path=f"{folder}/approval.png")
    await ada.field("Reply in thread").fill("are you there?")
    await ada.page.keyboard.press("Enter")
    told = ada.page.locator(".message-private").last
    await expect(told).to_contain_text("is waiting for approval to post a message")
    if folder:
        await ada.page.screenshot(path=f"{folder}/approval_waiting.png")
    await card.get_by_role("button", name="Approve").click()
    decided = ada.thread.locator(".message", has_text="Max approved:")
    await expect(decided).to_contain_text("assistant may post a message in #random")
    await expect(decided.get_by_role("button")).to_have_count(0)
    await ada.go("random")
    await expect(ada.page.locator("#conversation .message", has_text=HELLO)).to_have_count(1)
    if folder:
        await ada.page.screenshot(path=f"{folder}/approval_done.png")
    assert (await states(url_of(tmp_path)))[0] == ("approved", False)


async def test_somebody_else_is_told_no_and_a_cancel_stops_it(ada: Screen, tmp_path: Path) -> None:
    card = await asked(ada, HELLO)
    await ada.become("Max")
    await ada.page.locator("#conversation .replies").last.click()
    await ada.thread.get_by_role("button", name="Approve").click()
    await expect(ada.page.locator(".message-private").last).to_contain_text("Only the person who asked")
    await ada.become("Ada")
    await ada.page.locator("#conversation .replies").last.click()
    await ada.field("Reply in thread").fill("never mind")
    await ada.page.keyboard.press("Enter")
    await ada.page.locator(".message-private").last.get_by_role("button", name="Cancel").click()
    await expect(
        ada.thread.locator(".message", has_text="This is over: assistant did not post a message")
    ).to_have_count(1)
    await expect(card).to_have_count(0)
    await ada.go("random")
    await expect(ada.page.locator("#conversation .message", has_text=HELLO)).to_have_count(0)
    assert (await states(url_of(tmp_path)))[0] == ("cancelled", False)

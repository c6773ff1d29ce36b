"""Pictures of the playground for the README: `python -m tests.acceptance.playground_pictures`. Look at them."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from playwright.async_api import Browser

from tests.acceptance.aimock import AiMock, answer
from tests.acceptance.office import ANTHROPIC_KEY, HAIKU, SONNET
from tests.acceptance.playground import DESK, PHONE, Screen, chromium, demo, screen

IMAGES = Path(__file__).parents[2] / "docs/images"
QUESTION = "what did we decide here, and what is still open?"
ANSWER = """You decided to **change the column mapping** before the launch on the 9th:

1. Show *all* columns at once instead of ten at a time
2. Guess the obvious ones, such as `email` or `created_at`

| Step | When |
|:--|:--|
| One flat mapping screen | before the 9th |
| Try it with the three teams | after it |

**Still open:** should a wrong guess look *suggested* or *chosen*? I would show it as suggested: all three teams had more than 40 columns, and nobody checks 40 choices that look final."""


async def take() -> None:
    """Play a small scene, and photograph it in every light."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    fixtures = [answer("decide", ANSWER, model=SONNET), answer("", "Hello!", model=HAIKU)]
    with tempfile.TemporaryDirectory() as folder:
        async with (
            AiMock(Path(folder), "anthropic", ANTHROPIC_KEY, fixtures) as vendor,
            demo(Path(folder), {"LATCHKEY_ANTHROPIC_BASE_URL": vendor.url}) as address,
            chromium() as browser,
        ):
            await _desk(browser, address)
            async with screen(browser, address, dark=True) as seen:
                await _thread(seen)
                await seen.page.screenshot(path=IMAGES / "playground-dark.png")
            async with screen(browser, address, size=PHONE) as seen:
                await seen.page.get_by_role("button", name="Back to all channels").click()
                await _thread(seen)
                await seen.page.screenshot(path=IMAGES / "playground-phone.png")


async def _desk(browser: Browser, address: str) -> None:
    async with screen(browser, address, size=DESK) as seen:
        await seen.command("setkey anthropic")
        await seen.dialog.wait_for()
        await seen.dialog.get_by_label("API key", exact=True).fill(ANTHROPIC_KEY)
        await _calm(seen)
        await seen.page.screenshot(path=IMAGES / "playground-key-form.png")
        await seen.dialog.get_by_role("button", name="Save").click()
        await seen.page.locator(".message-private").wait_for()
        await _thread(seen)
        await seen.field("Reply in thread").fill(f"@Latchkey {QUESTION}")
        await seen.page.keyboard.press("Enter")
        await seen.finished()
        await _calm(seen)
        await seen.page.screenshot(path=IMAGES / "playground-light.png")
        await seen.go("Latchkey")
        await seen.page.locator(".home select").first.wait_for()
        await _calm(seen)
        await seen.page.screenshot(path=IMAGES / "playground-home.png")


async def _thread(seen: Screen) -> None:
    await seen.go("product")
    await seen.page.locator("#conversation .replies").first.click()
    await seen.thread.locator(".message").last.wait_for()
    await _calm(seen)


async def _calm(seen: Screen) -> None:
    """Nothing moves, and the mouse points at nothing."""
    await seen.page.mouse.move(0, 0)
    await seen.page.evaluate("Promise.all(document.getAnimations().map(one => one.finished)).then(() => null)")
    await seen.page.wait_for_timeout(200)  # the last frame


if __name__ == "__main__":
    asyncio.run(take())

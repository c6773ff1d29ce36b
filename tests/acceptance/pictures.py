"""Pictures for the README, of the service as it runs in local-slack's page: `python -m tests.acceptance.pictures`. Look at them."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from playwright.async_api import Page, async_playwright

from tests.acceptance.blocks import words
from tests.acceptance.local_slack import ANA
from tests.acceptance.office import ANTHROPIC_KEY, Office, office_at
from tests.acceptance.process import until

IMAGES = Path(__file__).parents[2] / "docs/images"
CHROMIUM = "/usr/bin/chromium"
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip


async def take() -> None:
    """Set up a workspace, and photograph what its admin sees."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        async with office_at(Path(folder), "http") as office, async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
            page = await browser.new_page(viewport={"width": 1280, "height": 1000}, device_scale_factor=1)
            await page.goto(office.slack.base_url)
            await page.get_by_label("Act as").select_option(ANA)
            await _key_form(office, page)
            await _home(office, page)
            await browser.close()


async def _key_form(office: Office, page: Page) -> None:
    await office.slack.command(ANA, "setkey anthropic")
    form = await until(lambda: office.slack.modal, "the key form opens")
    await page.get_by_text(form["title"]["text"], exact=True).first.wait_for()
    await page.locator("select").last.select_option(label="Anthropic")  # this page does not show what is chosen already
    await page.screenshot(path=IMAGES / "slack-key-form.png")
    await office.slack.submit(ANA, {"API key": ANTHROPIC_KEY})
    await until(lambda: office.slack.modal is None, "the key is taken")


async def _home(office: Office, page: Page) -> None:
    view = await office.slack.open_home(ANA)
    await page.locator("button.sidebar-item", has_text="Latchkey").click()
    written = words(view["blocks"]).splitlines()
    await page.get_by_text(written[0], exact=True).first.wait_for()
    end = await page.get_by_text(written[-1][:40]).last.bounding_box()
    assert end is not None
    await page.set_viewport_size({"width": 1280, "height": int(end["y"] + end["height"] + 40)})
    await page.screenshot(path=IMAGES / "slack-home.png")


if __name__ == "__main__":
    asyncio.run(take())

"""Pictures for the guide, of the service as it runs in Agents Playground and its cards as Microsoft draws them:
`python -m tests.acceptance.teams_pictures`. Look at them."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from playwright.async_api import Page

from tests.acceptance.agents_playground import Json, parts
from tests.acceptance.card_renderer import CardRenderer, card_renderer
from tests.acceptance.office import ANTHROPIC_KEY, SKY
from tests.acceptance.pictures import IMAGES
from tests.acceptance.playground import chromium
from tests.acceptance.teams_office import TeamsOffice, teams_office

WRONG = "sk-test-" + "nobody-has-this-1"


async def take() -> None:
    """Set up a tenant, and photograph what its admin sees."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        async with teams_office(Path(folder)) as office, chromium() as browser:
            page = await browser.new_page(viewport={"width": 1280, "height": 720})
            await _open(office, page)
            await _greeting(office, page)
            async with card_renderer() as renderer:
                await _cards(office, renderer)
            await _open(office, page)
            await _chat(page)


async def _open(office: TeamsOffice, page: Page) -> None:
    await page.goto(office.teams.url)
    await page.get_by_text("Personal Chat", exact=True).first.click()
    await page.get_by_text("Log Panel").wait_for()
    await page.mouse.click(1248, 64)  # which closes it


async def _greeting(office: TeamsOffice, page: Page) -> None:
    await office.moves_in()
    await page.get_by_text("Hello! Ask me here").first.wait_for()
    await page.screenshot(path=IMAGES / "teams-greeting.png")


async def _cards(office: TeamsOffice, renderer: CardRenderer) -> None:
    form = await office.key_form()
    await renderer.draw(_card(form), width=480)
    await renderer.picture(IMAGES / "teams-key-form.png")
    await office.send_form(form, {"secret:key": ANTHROPIC_KEY})
    home = await office.teams.shown(f"••••{ANTHROPIC_KEY[-4:]}")
    await renderer.draw(home.cards[0], width=640)
    await renderer.picture(IMAGES / "teams-home.png")
    refused = await office.send_form(await office.key_form(), {"secret:key": WRONG, "label": "second"})
    await renderer.draw(_card(refused), width=480)
    await renderer.picture(IMAGES / "teams-key-refused.png")


async def _chat(page: Page) -> None:
    write = page.get_by_role("textbox").last
    await write.fill("Why is the sky blue?")
    await write.press("Enter")
    await page.get_by_text(SKY).first.wait_for()
    await page.get_by_text("assistant · ").first.wait_for()
    await page.screenshot(path=IMAGES / "teams-chat.png")


def _card(task: Json) -> Json:
    card: Json = next(part["content"] for part in parts(task) if "content" in part)
    return card


if __name__ == "__main__":
    asyncio.run(take())

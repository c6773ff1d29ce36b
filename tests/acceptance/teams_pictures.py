"""Pictures for the guide, of the service as it runs in Agents Playground and its cards as Microsoft draws them:
`python -m tests.acceptance.teams_pictures`. Look at them."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from tests.acceptance.agents_playground import Json, parts
from tests.acceptance.card_renderer import CardRenderer, card_renderer
from tests.acceptance.office import SKY
from tests.acceptance.pictures import IMAGES
from tests.acceptance.playground import chromium
from tests.acceptance.teams_office import TeamsOffice, teams_office


async def take() -> None:
    """Set up a tenant, and photograph what its admin sees."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        async with teams_office(Path(folder)) as office:
            async with card_renderer() as renderer:
                await _cards(office, renderer)
            await _chat(office)


async def _cards(office: TeamsOffice, renderer: CardRenderer) -> None:
    home = await office.set_key()
    await renderer.draw(home.cards[0], width=640)
    await renderer.picture(IMAGES / "teams-home.png")
    form: Json = await office.key_form()
    (card,) = [part["content"] for part in parts(form) if "content" in part]
    await renderer.draw(card, width=480)
    await renderer.picture(IMAGES / "teams-key-form.png")


async def _chat(office: TeamsOffice) -> None:
    async with chromium() as browser:
        page = await browser.new_page(viewport={"width": 1280, "height": 720})
        await page.goto(office.teams.url)
        await page.get_by_text("Personal Chat", exact=True).first.click()
        write = page.get_by_role("textbox").last
        await write.fill("Why is the sky blue?")
        await write.press("Enter")
        await page.get_by_text(SKY).first.wait_for()
        await page.get_by_text("assistant · ").first.wait_for()
        await page.screenshot(path=IMAGES / "teams-chat.png")


if __name__ == "__main__":
    asyncio.run(take())

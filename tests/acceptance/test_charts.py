"""Charts as people see them: painted by the real painter, in the playground's page, in a Slack by others, and in a card as Teams draws it.

`python -m tests.acceptance.test_charts FOLDER` leaves pictures of all there. Look at them.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import expect

from adapters.charts.painter import Painter
from adapters.playground.room import Rooms
from adapters.slack.platform import Slack
from adapters.teams import render as teams
from adapters.teams.cards import Names
from app.domain.events import Private
from app.domain.secrets import Secret
from app.domain.views import Button, Buttons, Chart, Note, Table, Text, View, rich
from tests.acceptance.blocks import Json
from tests.acceptance.card_renderer import card_renderer
from tests.acceptance.local_slack import ANA, APP_TOKEN, BOT_TOKEN, GENERAL, LocalSlack
from tests.acceptance.playground import DESK, Screen, chromium, screen
from tests.acceptance.process import until
from tests.adapters.playground.pages import Site
from tests.conformance.chart_painter import PNG, spent
from tests.conformance.recorder import Recorder

NARROW = {"width": 360, "height": 780}


def usage(chart: Chart) -> View:
    """A screen like that of what was spent."""
    rows = tuple((rich(one.name), rich(f"${sum(one.values):,.2f}")) for one in chart.series)
    return View(
        title="Usage",
        blocks=(
            Text(rich("$81.40 in the last 30 days")), chart, Table(("Agent", "Spent"), rows),
            Note(rich("As of now, in the workspace's time zone.")), Buttons((Button("days", "7 days", "7"), Button("month", "Month", "m"))),
        ),
    )  # fmt: skip


@contextlib.asynccontextmanager
async def shown(chart: Chart, *, dark: bool, size: dict[str, int]) -> AsyncIterator[Screen]:
    """A page with this chart in it."""
    painter, inbound = Painter(), Recorder()
    inbound.outcome = Private(usage(chart))
    try:
        async with (
            Site(inbound, Rooms(painter)) as site,
            chromium() as browser,
            screen(browser, str(site.address), size=size, dark=dark) as seen,
        ):
            if size is NARROW:
                await seen.page.get_by_role("button", name="Back to all channels").click()
                await seen.go("general")
            await seen.command("usage")
            await expect(seen.page.locator(".view-chart img")).to_be_visible()
            yield seen
    finally:
        await painter.aclose()


@pytest.mark.parametrize("dark", [False, True])
async def test_a_chart_is_a_picture_in_the_page_and_fits_a_phone(dark: bool) -> None:
    async with shown(spent(31, 8), dark=dark, size=NARROW) as seen:
        picture = seen.page.locator(".view-chart img")
        await expect(picture).to_have_js_property("naturalWidth", 600)
        assert await picture.get_attribute("alt") == "What was spent."
        box = await picture.bounding_box()
        assert box is not None
        assert 0 <= box["x"] <= box["x"] + box["width"] <= 360
        assert box["width"] >= 250
        assert seen.complaints == []


async def test_a_card_with_a_chart_has_nothing_to_complain_of() -> None:
    painter, chart = Painter(), spent(31, 8)
    url = f"data:image/png;base64,{base64.b64encode(await painter.paint(chart)).decode()}"
    await painter.aclose()
    async with card_renderer() as renderer:
        for page in teams.pages(usage(chart), Names(pictures={chart: url})):
            assert await renderer.draw(teams.message(page, Names(pictures={chart: url})), width=360) == []


@contextlib.asynccontextmanager
async def in_slack(folder: Path, chart: Chart) -> AsyncIterator[tuple[LocalSlack, Json]]:
    """A Slack in which Ana was shown this chart; the block that shows it."""
    painter, inbound = Painter(), Recorder()
    inbound.outcome = Private(usage(chart))
    async with LocalSlack(folder) as slack:
        platform = Slack(
            bot_token=Secret(BOT_TOKEN), app_token=Secret(APP_TOKEN), api_url=slack.api_url, charts=painter
        )
        platform.listen(inbound)
        await platform.start()
        try:
            await slack.app_connected()
            await slack.command(ANA, "usage")
            (whisper,) = await until(lambda: slack.whispers(ANA), "the chart is shown", 30)
            yield slack, next(block for block in whisper["blocks"] if block["type"] == "image")
        finally:
            await platform.stop()
            await platform.close()
            await painter.aclose()


async def test_a_slack_by_others_takes_the_picture_and_shares_it_nowhere(tmp_path: Path) -> None:
    async with in_slack(tmp_path, spent(31, 8)) as (slack, shown):
        assert (await slack.file(shown["slack_file"]["id"])).startswith(PNG)
        assert shown["alt_text"] == "What was spent."
        assert "files" not in str(slack.messages(GENERAL))


async def _slack(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        async with in_slack(Path(scratch), spent(31, 8)) as (slack, shown), chromium() as browser:
            page = await browser.new_page(viewport={"width": 1000, "height": 760})
            await page.goto(slack.base_url)
            await page.get_by_label("Act as").select_option(ANA)
            data = base64.b64encode(await slack.file(shown["slack_file"]["id"])).decode()
            picture = page.get_by_alt_text(shown["alt_text"])  # which that page does not fetch by itself
            await picture.evaluate("(one, data) => { one.src = `data:image/png;base64,${data}`; }", data)
            await page.wait_for_timeout(500)
            await page.screenshot(path=folder / "slack.png")


async def take(folder: Path) -> None:
    """Photograph it all."""
    for dark in (False, True):
        for name, size in (("phone", NARROW), ("desk", DESK)):
            async with shown(spent(31, 8) if dark else spent(7, 3), dark=dark, size=size) as seen:
                await seen.page.mouse.move(0, 0)
                await seen.page.wait_for_timeout(500)
                await seen.page.screenshot(path=folder / f"playground-{name}-{'dark' if dark else 'light'}.png")
    await _slack(folder)
    painter, chart = Painter(), spent(31, 8)
    url = f"data:image/png;base64,{base64.b64encode(await painter.paint(chart)).decode()}"
    await painter.aclose()
    async with card_renderer() as renderer:
        for number, page in enumerate(teams.pages(usage(chart), Names(pictures={chart: url}))):
            await renderer.draw(teams.message(page, Names(pictures={chart: url})), width=400)
            await renderer.picture(folder / f"teams-{number}.png")


if __name__ == "__main__":
    Path(sys.argv[1]).mkdir(parents=True, exist_ok=True)
    asyncio.run(take(Path(sys.argv[1])))

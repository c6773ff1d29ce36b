"""Pictures of what was spent, on the three platforms: `python -m tests.acceptance.spend_pictures`. Look at them."""

from __future__ import annotations

import asyncio
import base64
import random
import sys
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from playwright.async_api import Page, async_playwright

from adapters.models.prices import ListPrices
from adapters.playground import world
from app.domain.run import Usage
from app.domain.spend import EACH, Limit, Period, Purpose, Receipt, Scope
from app.errors import CutOff
from app.store.unit_of_work import Database
from tests.acceptance.agents_playground import ALEX, Shown
from tests.acceptance.agents_playground import GENERAL as TEAMS_GENERAL
from tests.acceptance.aimock import AiMock
from tests.acceptance.blocks import Json, words
from tests.acceptance.card_renderer import CardRenderer, card_renderer
from tests.acceptance.local_slack import ANA, GENERAL, MAX, RANDOM, LocalSlack
from tests.acceptance.office import ANTHROPIC_KEY, Office, office_at
from tests.acceptance.pictures import CHROMIUM, FLAGS, IMAGES
from tests.acceptance.playground import PHONE, Screen, chromium, demo, screen
from tests.acceptance.process import until
from tests.acceptance.teams_office import teams_office
from tests.acceptance.test_approval import WallClock
from tests.app.spent import keep, receipt

SIZE = {"width": 1280, "height": 1250}
AGENTS = {"writer": "✍️", "coder": "🛠️", "support": "🎧", "analyst": "📊"}
MODELS = {"assistant": "claude-opus-5", "writer": "claude-sonnet-5", "coder": "claude-opus-5", "support": "claude-haiku-4-5", "analyst": "llama-9-70b"}  # fmt: skip
LIST = ListPrices()


async def fill(data: Path, people: Sequence[str], channels: Sequence[str]) -> None:
    """A month's work of five agents, and budgets for it."""
    database = Database(f"sqlite:///{data / 'latchkey.db'}", WallClock())
    async with database.begin() as uow:
        (workspace,) = [one.id for one in await uow.workspaces.all()]
        (first, *_) = await uow.agents.all(workspace)
        keys = await uow.keys.all(workspace)
        agents = [
            first,
            *(
                replace(first, id=f"agent_{name}", name=name, emoji=emoji, is_default=False)
                for name, emoji in AGENTS.items()
            ),
        ]
        agents = [
            replace(one, provider="compatible" if one.name == "analyst" else "anthropic", model=MODELS[one.name])
            for one in agents
        ]
        for one in agents[1:]:
            await uow.agents.add(one)
        await uow.agents.change(agents[0])
        for scope, subject, period, amount in (
            (Scope.WORKSPACE, "", Period.MONTH, 60), (Scope.AGENT, EACH, Period.MONTH, 20), (Scope.PERSON, EACH, Period.DAY, 5),
        ):  # fmt: skip
            await uow.limits.put(Limit(f"limit_{scope}", workspace, scope, subject, period, Decimal(amount)), people[0])
    chance, now = random.Random(7), datetime.now(UTC) - timedelta(minutes=3)
    made: list[Receipt] = []
    for number in range(420):
        agent = chance.choices(agents, (5, 3, 6, 2, 1))[0]
        at = now - timedelta(days=int(29 * chance.random() ** 1.3), minutes=chance.random() * 400)
        size = int(chance.expovariate(1 / 14_000)) + 900
        usage = Usage(size, size // 14, size // 2, 0, size // 40)
        made.append(
            receipt(
                number, workspace=workspace, agent_id=agent.id, asker=chance.choices(people, (3, 2, 1)[: len(people)])[0],
                channel=chance.choice(channels), key_id=keys[0].id if keys else "", model=agent.model, usage=usage, at=at,
                cost=LIST.cost("anthropic", agent.model, usage, at),
                provider=agent.provider,
                purpose=chance.choices([Purpose.ANSWER, Purpose.HANDOVER, Purpose.SUMMARY], (9, 1, 1))[0],
                outcome=CutOff.__name__ if number % 40 == 7 else "", estimated=number % 40 == 7,
            )
        )  # fmt: skip
    await keep(database, made)
    await database.dispose()


async def _calm(page: Page) -> None:
    await page.mouse.move(0, 0)
    await page.wait_for_timeout(900)


async def _playground(folder: Path) -> None:
    async with (
        AiMock(folder, "anthropic", ANTHROPIC_KEY, []) as vendor,
        demo(folder, {"LATCHKEY_ANTHROPIC_BASE_URL": vendor.url}) as address,
        chromium() as browser,
    ):
        async with screen(browser, address, size=SIZE) as seen:
            await seen.command("setkey anthropic")
            await seen.dialog.get_by_label("API key", exact=True).fill(ANTHROPIC_KEY)
            await seen.dialog.get_by_role("button", name="Save").click()
            await seen.page.locator(".message-private").wait_for()
            await fill(
                folder / "data", [world.ADA.id, world.MAX.id], ["C-GENERAL", "C-PRODUCT", "C-SUPPORT", "D-U-MAX"]
            )
            await _shot(seen, "usage", "Calls of models", "playground-usage")
            await _shot(seen, "usage by channel 30d", "Calls of models", "playground-usage-channel")
            await _shot(seen, "receipts", "Every call of a provider", "playground-receipts")
            await _shot(seen, "prices", "Prices of models", "playground-prices")
            await _shot(seen, "budget", "Budget", "playground-budget")
            await seen.go("Latchkey")
            month = seen.page.get_by_role("heading", name="This month", exact=True)
            await month.wait_for()
            await month.evaluate("one => one.scrollIntoView({block: 'start'})")
            await _calm(seen.page)
            await seen.page.screenshot(path=IMAGES / "playground-month.png")
        async with screen(browser, address, size=PHONE, dark=True) as seen:
            await seen.page.get_by_role("button", name="Back to all channels").click()
            await seen.go("general")
            await _shot(seen, "usage", "Calls of models", "playground-usage-phone", at=".view-chart")


async def _shot(seen: Screen, command: str, text: str, name: str, *, at: str = "") -> None:
    private = seen.page.locator(".message-private")
    before = await private.count()
    await seen.command(command)
    await private.nth(before).get_by_text(text).first.wait_for()
    if command.startswith("usage"):
        await private.nth(before).locator(".view-chart img").wait_for()
    if at:
        await seen.page.locator(at).last.evaluate("one => one.scrollIntoView({block: 'start'})")
    await _calm(seen.page)
    await seen.page.screenshot(path=IMAGES / f"{name}.png")


async def _slack(folder: Path) -> None:
    async with office_at(folder, "http") as office, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        page = await browser.new_page(viewport=SIZE)  # type: ignore[arg-type]
        await page.goto(office.slack.base_url)
        await page.get_by_label("Act as").select_option(ANA)
        await office.set_key("Anthropic", ANTHROPIC_KEY)
        await fill(folder / "data", [ANA, MAX], [GENERAL, RANDOM])
        for command, text, name in (
            ("usage", "Calls of models", "usage"), ("usage by user", "By person", "usage-person"),
            ("receipts", "Every call of a provider", "receipts"), ("prices", "Prices of models", "prices"), ("budget", "Budget", "budget"),
        ):  # fmt: skip
            await _typed(office, page, command, text)
            await page.screenshot(path=IMAGES / f"slack-{name}.png")
        await office.slack.open_home(ANA)
        await page.locator("button.sidebar-item", has_text="Latchkey").click()
        await page.get_by_text("This month").first.wait_for()
        await page.get_by_text("This month").first.scroll_into_view_if_needed()
        await _calm(page)
        await page.screenshot(path=IMAGES / "slack-month.png")
        await browser.close()


async def _typed(office: Office, page: Page, command: str, text: str) -> None:
    before = len(office.slack.whispers(ANA))
    await office.slack.command(ANA, command)
    await until(lambda: text in words(office.slack.whispers(ANA)[before:]), f"{command} is shown")
    await page.wait_for_timeout(1500)
    await _drawn(page, office.slack, office.slack.whispers(ANA)[before:])
    await page.get_by_text("only visible to you").last.evaluate("one => one.scrollIntoView({block: 'start'})")
    await _calm(page)


async def _drawn(page: Page, slack: LocalSlack, messages: Sequence[Json]) -> None:
    """Draw what this page does not by itself: pictures that are files, and tables."""
    for block in [block for message in messages for block in message["blocks"]]:
        if block["type"] == "image":
            data = base64.b64encode(await slack.file(block["slack_file"]["id"])).decode()
            picture = page.get_by_alt_text(block["alt_text"]).last
            await picture.evaluate("(one, data) => { one.src = `data:image/png;base64,${data}`; }", data)
        elif block["type"] == "table":
            rows = [[" ".join(_cell(cell)) for cell in row] for row in block["rows"]]
            await page.get_by_text("[table]").last.evaluate(_TABLE, rows)


def _cell(part: Any) -> list[str]:
    if isinstance(part, list):
        return [text for one in part for text in _cell(one)]
    if part.get("type") == "user":
        return [{ANA: "@ana", MAX: "@max"}[part["user_id"]]]
    return (
        [part.get("fallback") or part["text"]] if {"text", "fallback"} & set(part) else _cell(part.get("elements", []))
    )


_TABLE = """(one, rows) => {
  const table = document.createElement("table");
  table.style.cssText = "border-collapse: collapse; color: #1d1c1d; font-size: 14px; margin: 6px 0; max-width: 760px";
  rows.forEach((cells, number) => {
    const row = table.insertRow();
    cells.forEach((text) => {
      const cell = row.insertCell();
      cell.textContent = text;
      cell.style.cssText = `border: 1px solid #ddd; padding: 5px 9px; text-align: left; font-weight: ${number ? 400 : 700}`;
    });
  });
  one.replaceWith(table);
}"""


async def _teams(folder: Path) -> None:
    async with teams_office(folder) as office, card_renderer() as renderer:
        await office.set_key()
        await fill(folder / "data", [ALEX], [TEAMS_GENERAL])
        for command, text, name in (
            ("usage", "Calls of models", "usage"), ("receipts", "Every call of a provider", "receipts"),
            ("prices", "Prices of models", "prices"), ("budget", "Change or remove", "budget"), ("home", "for 355 calls", "month"),
        ):  # fmt: skip
            await office.teams.say("home" if command == "home" else f"byok {command}")
            shown = await office.teams.shown(text)
            await _card(renderer, shown, text, name, 640)
            if command == "usage":
                await _card(renderer, shown, text, "usage-phone", 360)


async def _card(renderer: CardRenderer, shown: Shown, text: str, name: str, width: int) -> None:
    card = next(one for one in shown.cards if text in str(one))
    await renderer.draw(card, width=width)
    await renderer.picture(IMAGES / f"teams-{name}.png")


SCENES: Mapping[str, Callable[[Path], Awaitable[None]]] = {"playground": _playground, "slack": _slack, "teams": _teams}


async def take(names: list[str]) -> None:
    """Play the scenes of these platforms, and photograph them."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            await SCENES[name](Path(folder))


if __name__ == "__main__":
    asyncio.run(take(sys.argv[1:] or list(SCENES)))

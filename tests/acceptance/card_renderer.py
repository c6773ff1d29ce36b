"""Adaptive Cards as Microsoft's own renderer draws them (npm `adaptivecards` 3.0.6), in Chromium, in colours like Teams'.

What was learned by driving it: it reports what it does not know or cannot use as events of the parse, and warns on the console where Markdown
would be needed; it draws no icons of buttons; `choices.data` it takes, and asks nobody.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.async_api import Page

from tests.acceptance.playground import chromium

_LIBRARY = Path(__file__).parent / "node_modules/adaptivecards/dist/adaptivecards.min.js"
_PAGE = """<!doctype html><meta charset=utf-8><style>
body { margin: 16px; background: #f5f5f5; font: 14px/20px "Segoe UI", "Liberation Sans", sans-serif }
#card { background: #fff; border: 1px solid #e0e0e0; border-radius: 6px; box-shadow: 0 1px 3px #0002; overflow: hidden }
h1 { font-size: 18px; margin: 0; padding: 16px 16px 0; background: #fff }
button { font: inherit; padding: 5px 12px; border: 1px solid #d1d1d1; border-radius: 4px; background: #fff; font-weight: 600 }
button.style-positive { background: #5b5fc7; border-color: #5b5fc7; color: #fff }
button.style-destructive { color: #c4314b }
input, select, textarea { font: inherit; width: 100%; box-sizing: border-box; padding: 5px 8px; border: 1px solid #d1d1d1; border-radius: 4px }
input[type=checkbox], input[type=radio] { width: auto }
</style><div id=card></div>"""
_HOST = {
    "fontFamily": "Segoe UI, Liberation Sans, sans-serif",
    "spacing": {"small": 8, "default": 12, "medium": 16, "large": 20, "extraLarge": 24, "padding": 16},
    "actions": {"maxActions": 6, "buttonSpacing": 8, "actionsOrientation": "horizontal", "actionAlignment": "left"},
    "inputs": {"label": {"requiredInputs": {"suffix": " *"}}},
}
_DRAW = """([card, host]) => {
  const { AdaptiveCard, HostConfig, SerializationContext } = AdaptiveCards;
  AdaptiveCard.onProcessMarkdown = (text, result) => { result.outputHtml = text; result.didProcess = true; };
  const made = new AdaptiveCard(), context = new SerializationContext();
  made.hostConfig = new HostConfig(host);
  made.parse(card, context);
  const events = Array.from({ length: context.eventCount }, (_, i) => context.getEventAt(i).message);
  document.getElementById("card").replaceChildren(made.render());
  return [...events, ...made.validateProperties().validationEvents.map((event) => event.message)];
}"""

_NARROWEST = 90
"""Pixels of a text that can still be read; a label that is cut short is none."""
_UNREADABLE = """(narrowest) => [...document.querySelectorAll("#card .ac-richTextBlock, #card .ac-textBlock, #card label, #card span")]
  .filter((one) => one.textContent.trim() && one.getClientRects().length)
  .flatMap((one) => {
    const text = one.textContent.trim().slice(0, 40), block = one.closest(".ac-richTextBlock") ?? one;
    const squeezed = text.length > 20 && block.matches(".ac-richTextBlock, .ac-textBlock") && block.clientWidth < narrowest;
    const hides = getComputedStyle(one).overflowX === "hidden" && one.scrollWidth > one.clientWidth + 1;
    return [...(squeezed ? [`squeezed: ${text}`] : []), ...(hides ? [`cut short: ${text}`] : [])];
  })"""


@dataclass(frozen=True, slots=True)
class CardRenderer:
    """Draws one card at a time."""

    page: Page
    complaints: list[str]

    async def draw(self, card: dict[str, Any], *, width: int) -> list[str]:
        """Draw a card as wide as this; what the renderer, the console or who wants to read it has to say against it."""
        await self.page.set_viewport_size({"width": width + 32, "height": 100})
        self.complaints.clear()
        found = await self.page.evaluate(_DRAW, [card, _HOST])
        overflow = await self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        found += await self.page.evaluate(_UNREADABLE, _NARROWEST)
        return [*found, *self.complaints, *([f"{overflow} px too wide"] if overflow > 0 else [])]

    async def masked(self) -> list[str]:
        """How the inputs are called in which nobody can read what is typed."""
        named = "all => all.map((one) => document.getElementById(one.getAttribute('aria-labelledby').split(' ')[0]).innerText)"
        found = await self.page.eval_on_selector_all("input[type=password]", named)
        return [str(one) for one in found]

    async def picture(self, path: Path) -> None:
        """What is drawn now, all of it."""
        await self.page.screenshot(path=path, full_page=True)


@contextlib.asynccontextmanager
async def card_renderer() -> AsyncIterator[CardRenderer]:
    """A page with the renderer in it."""
    async with chromium() as browser:
        page, complaints = await browser.new_page(), []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda line: complaints.append(line.text) if line.type in {"error", "warning"} else None)
        await page.set_content(_PAGE)
        await page.add_script_tag(path=_LIBRARY)
        yield CardRenderer(page, complaints)

"""The playground as people use it: `latchkey demo` in a process of its own, and Chromium."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

from playwright.async_api import Browser, BrowserContext, Locator, Page, async_playwright, expect

from tests.acceptance.process import Process, free_port
from tests.acceptance.service import LATCHKEY

CHROMIUM = "/usr/bin/chromium"
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
expect.set_options(timeout=20_000)  # a machine that is busy with other tests takes its time

PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 800}


@contextlib.asynccontextmanager
async def demo(folder: Path, environment: Mapping[str, str] | None = None) -> AsyncIterator[str]:
    """`latchkey demo`; the address that it prints."""
    settings = {
        "LATCHKEY_DATA_DIR": str(folder / "data"),
        "LATCHKEY_PORT": str(free_port()),
        "LATCHKEY_LOG_LEVEL": "DEBUG",
    }
    process = Process([LATCHKEY, "demo"], folder / "demo.log", settings | dict(environment or {}))
    await process.start()
    try:
        yield await process.announces(r"(http://127\.0\.0\.1:\d+/playground/\?token=\S+)", 40)
    finally:
        await process.stop()


@contextlib.asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """A browser without a window."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        try:
            yield browser
        finally:
            await browser.close()


class Screen:
    """One page in a browser of its own, and where things are on it."""

    def __init__(self, context: BrowserContext, page: Page) -> None:
        self.context = context
        self.page = page
        self.complaints: list[str] = []
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on(
            "console", lambda line: self.complaints.append(line.text) if line.type in {"error", "warning"} else None
        )
        page.set_default_timeout(30_000)

    @property
    def thread(self) -> Locator:
        """The thread beside the channel."""
        return self.page.locator("#thread")

    @property
    def dialog(self) -> Locator:
        """The dialog on top."""
        return self.page.get_by_role("dialog").last

    @property
    def answer(self) -> Locator:
        """The newest message of an agent in the open thread."""
        return self.thread.locator(".message:not(.message-private):has(.badge)").last

    def field(self, name: str) -> Locator:
        """Where one writes: `Message #general`, `Reply in thread`."""
        return self.page.get_by_role("textbox", name=name, exact=True)

    async def go(self, place: str) -> None:
        """Open a channel, or the chat with the app."""
        await self.page.locator(f'.place[data-channel="{place}"]').click()

    async def ask(self, text: str, channel: str = "general") -> None:
        """Mention the app; the thread opens by itself."""
        await self.field(f"Message #{channel}").fill(f"@Latchkey {text}")
        await self.page.keyboard.press("Enter")
        await self.answer.wait_for()

    async def command(self, text: str, channel: str = "general") -> None:
        """Type a command."""
        await self.field(f"Message #{channel}").fill(f"/byok {text}".strip())
        await self.page.keyboard.press("Escape")  # the hints
        await self.page.keyboard.press("Enter")

    async def finished(self) -> str:
        """What the newest answer says once it is whole."""
        await self.answer.locator(".feedback").wait_for(timeout=40_000)
        return await self.answer.inner_text()

    async def become(self, person: str) -> None:
        """Be somebody else in this window; returns when the server knows (the choice itself shows at once)."""
        await self.page.locator(f'.person[data-person="{person}"]').click()
        await self.page.locator(f'[data-me="{person}"]').wait_for(state="attached")

    async def set_key(self, key: str) -> None:
        """Fill in the key form that is open."""
        await self.dialog.get_by_label("Provider").select_option("anthropic")
        await self.dialog.get_by_label("API key", exact=True).fill(key)
        await self.dialog.get_by_role("button", name="Save").click()


@contextlib.asynccontextmanager
async def screen(
    browser: Browser,
    address: str,
    *,
    size: Mapping[str, int] | None = None,
    dark: bool = False,
    bypass_csp: bool = False,
) -> AsyncIterator[Screen]:
    """The playground, opened by its printed address; asserts at the end that the browser complained of nothing."""
    chosen = size or DESK
    context = await browser.new_context(
        viewport={"width": chosen["width"], "height": chosen["height"]},
        color_scheme="dark" if dark else "light",
        bypass_csp=bypass_csp,
    )
    try:
        seen = Screen(context, await context.new_page())
        await seen.page.goto(address)
        await seen.page.locator(".messages-intro h3").wait_for(state="attached")
        yield seen
        assert seen.complaints == []
    finally:
        await context.close()

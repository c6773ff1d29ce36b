"""Tools at work on the playground's page: steps, files and screens, in a browser."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from adapters.playground.room import Post
from adapters.playground.world import ADA, WORKSPACE
from app.domain.chat import ConversationRef, Persona
from app.domain.run import MadeFile
from app.domain.views import Button, Buttons, Text, View, rich
from app.ports.platform import ReplyTarget, Step, StepState
from tests.acceptance.playground import DESK, PHONE, chromium, screen
from tests.acceptance.test_playground_page import AXE, judged
from tests.adapters.playground.pages import Site
from tests.conformance.asking import Parts
from tests.conformance.recorder import Recorder

pytestmark = pytest.mark.asyncio(loop_scope="module")

FOX = Persona("Fox", "🦊")
HERE = ConversationRef(WORKSPACE, "C-GENERAL", "")
TARGET = ReplyTarget(HERE, ADA.ref, "", "run-1", FOX, {})
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
STEPS = (
    Step("1", "Searched <b>#general</b>", StepState.DONE),
    Step("2", "Read a page", StepState.FAILED, "not allowed"),
    Step("3", "Posting to #support", StepState.WAITING),
    Step("4", "Running code", StepState.RUNNING),
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    """One browser for all."""
    async with chromium() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def site() -> AsyncIterator[Site]:
    """The adapter without the rest of the service."""
    async with Site(Recorder()) as served:
        yield served


async def test_steps_grow_under_the_persons_eyes_and_are_folded_with_the_answer(site: Site, browser: Browser) -> None:
    async with screen(browser, str(site.address)) as seen:
        reply = await site.platform.open_reply(TARGET, Parts().save)
        steps = seen.page.locator("#conversation .steps")
        await reply.steps(STEPS[:1])
        await expect(steps.locator(".step")).to_have_count(1)
        await reply.steps(STEPS)
        await expect(steps.locator(".step")).to_have_count(4)
        await expect(steps).to_contain_text("Searched <b>#general</b>")  # as words
        await expect(steps).to_contain_text("waiting for somebody")
        await reply.finish("There.")
        fold = seen.page.locator("#conversation summary")
        await expect(fold).to_contain_text("4 steps: searched")
        await expect(steps).to_be_hidden()
        await fold.click()
        await expect(steps).to_be_visible()


async def test_files_of_an_agent_are_seen_or_kept(site: Site, browser: Browser) -> None:
    async with screen(browser, str(site.address)) as seen:
        await site.platform.upload(TARGET, MadeFile("chart.png", "image/png", PIXEL))
        await site.platform.upload(TARGET, MadeFile("counts.csv", "text/csv", base64.b64encode(b"1,2").decode()))
        picture = seen.page.get_by_role("img", name="chart.png")
        await expect(picture).to_have_js_property("naturalWidth", 1)
        async with seen.page.expect_download() as download:
            await seen.page.get_by_role("link", name="counts.csv").click()
        kept = await download.value
        assert kept.suggested_filename == "counts.csv"


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
async def test_axe_finds_nothing_to_complain_of(site: Site, browser: Browser, dark: bool, size: dict[str, int]) -> None:
    async with screen(browser, str(site.address), size=size, dark=dark, bypass_csp=True) as seen:
        await seen.page.evaluate(AXE.read_text())
        reply = await site.platform.open_reply(TARGET, Parts().save)
        await reply.steps(STEPS)
        await site.platform.upload(TARGET, MadeFile("chart.png", "image/png", PIXEL))
        await site.platform.upload(TARGET, MadeFile("counts.csv", "text/csv", base64.b64encode(b"1,2").decode()))
        ask = View(blocks=(Text(rich("May Fox post this?")), Buttons((Button("approve", "Approve", "1"),))))
        await site.platform.post_view(HERE, ask, FOX)
        await expect(seen.page.get_by_role("button", name="Approve")).to_be_visible()
        await judged(seen)
        await reply.finish("There.")
        await seen.page.locator("#conversation summary").click()
        await judged(seen)


async def test_a_private_channel_says_so_and_is_not_there_for_others(site: Site, browser: Browser) -> None:
    async with screen(browser, str(site.address)) as seen:
        post: Post = site.rooms.add("C-BOARD", ADA.id, "Between us.")
        site.rooms.tell(post)
        await seen.go("board")
        await expect(seen.page.locator(f'[data-id="{post.id}"]')).to_contain_text("Between us.")
        await seen.become("Max")
        await expect(seen.page.get_by_text("board", exact=True)).to_have_count(0)

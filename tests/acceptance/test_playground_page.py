"""The page by itself, in a browser: what it makes of hostile text, of a lost line, and of axe's questions."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from adapters.playground.guard import Guard
from adapters.playground.world import ADA, WORKSPACE
from app.domain.chat import ConversationRef, Persona
from app.domain.events import Open
from app.domain.views import (
    Button,
    Buttons,
    Feedback,
    Heading,
    Level,
    Note,
    Notice,
    Option,
    Row,
    SecretInput,
    Select,
    SelectInput,
    Text,
    View,
    rich,
)
from app.ports.platform import ReplyTarget
from tests.acceptance.playground import DESK, PHONE, Screen, chromium, screen
from tests.adapters.playground.pages import Site
from tests.conformance.chat_platform import Parts
from tests.conformance.recorder import Recorder

pytestmark = pytest.mark.asyncio(loop_scope="module")

AXE = Path(__file__).parent / "node_modules/axe-core/axe.min.js"
HOSTILE = """<script>window.caught = 1</script><img src=x onerror="window.caught = 1">

[click](javascript:window.caught=1) [data](data:text/html,x) ![picture](https://example.com/pixel.png)
[your bank](https://example.com/login) <https://example.com/plain>

**bold *both* `<b>code</b>`** ~~gone~~ ****** __init__ a_b_c 2 * 3 * 4

| a | b |
|---|--:|
| <i>x</i> | 1 \\| 2 |

> > > deep
1. one
   - two
     ```html
     <svg onload=alert(1)>
"""
FORM = View(
    title="Add a key",
    id="setkey",
    submit="Save",
    blocks=(
        SelectInput("provider", "Provider", (Option("a", "Alpha"),)),
        SecretInput("key", "API key", hint="Masked."),
    ),
)
HOME = View(
    title="Home",
    blocks=(
        Notice(rich("No key yet."), Level.WARNING),
        Heading("Agents"),
        Row(rich("🔑 Latchkey"), Select("model", "Model of Latchkey", (Option("a/b", "b", "A"),), key="k")),
        Buttons((Button("add", "Add"),)),
        Text(rich("Text")),
        Note(rich("Small")),
    ),
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    """One browser for all."""
    async with chromium() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def inbound() -> Recorder:
    """What the page causes."""
    return Recorder()


@pytest_asyncio.fixture(loop_scope="module")
async def site(inbound: Recorder) -> AsyncIterator[Site]:
    """The adapter without the rest of the service."""
    async with Site(inbound) as served:
        yield served


async def say(site: Site, text: str, *, streaming: bool = False) -> str:
    """An agent's message in #general; its id."""
    parts = Parts()
    target = ReplyTarget(
        ConversationRef(WORKSPACE, "C-GENERAL", ""), ADA.ref, "", "run-1", Persona("Latchkey", "🔑"), {}
    )
    reply = await site.platform.open_reply(target, parts.save)
    if streaming:
        await reply.status("is thinking…")
        for at in range(0, len(text), 7):
            await reply.append(text[at : at + 7])
    else:
        await reply.finish(text, (View(blocks=(Note(rich("Latchkey · model")), Feedback("run-1"))),))
    return parts.refs[0].message.id


@pytest.mark.parametrize("streaming", [False, True])
async def test_no_text_of_a_model_becomes_markup_or_loads_anything(
    site: Site, browser: Browser, streaming: bool
) -> None:
    async with screen(browser, str(site.address)) as seen:
        loaded: list[str] = []
        seen.page.on("request", lambda request: loaded.append(request.url))
        shown = seen.page.locator(f'[data-id="{await say(site, HOSTILE, streaming=streaming)}"] .md')
        await expect(shown).to_contain_text("onload=alert")
        assert (
            await shown.locator(
                "script, img, svg:not(.icon), iframe, object, i, b, [onerror], [onload], [style]"
            ).count()
            == 0
        )
        links = await shown.locator("a").evaluate_all("links => links.map(a => [a.protocol, a.rel, a.target])")
        assert links == [["https:", "noopener noreferrer nofollow", "_blank"]] * 3
        await expect(shown).to_contain_text("your bank (example.com)")
        assert await shown.locator("strong em").inner_text() == "both"
        assert await shown.locator("td.align-right").inner_text() == "1 | 2"
        await expect(shown).to_contain_text("a_b_c 2 * 3 * 4")
        assert await seen.page.evaluate("window.caught") is None
        assert [url for url in loaded if not url.startswith(site.origin)] == []


async def test_a_very_long_and_very_odd_text_does_not_hang_the_page(site: Site, browser: Browser) -> None:
    async with screen(browser, str(site.address)) as seen:
        for text in (
            "*" * 20_000,
            "[" * 20_000,
            "> " * 5_000,
            "`" * 9_999,
            "- " * 5_000,
            "a_" * 20_000,
            "|-" * 5_000 + "\n" + "|-" * 5_000,
        ):
            shown = seen.page.locator(f'[data-id="{await say(site, text + " end")}"]')
            await expect(shown).to_contain_text("end", timeout=15_000)


async def test_a_long_channel_still_streams(site: Site, browser: Browser) -> None:
    for number in range(1500):
        site.rooms.add("C-GENERAL", ADA.id, f"message {number}")
    async with screen(browser, str(site.address)) as seen:
        words = " ".join(f"word{number}" for number in range(2000))
        shown = seen.page.locator(f'[data-id="{await say(site, words, streaming=True)}"]')
        await expect(shown).to_contain_text("word1999", timeout=30_000)
        assert await shown.locator("text=word1999").is_visible(), "the list follows its end"


async def test_a_lost_line_is_said_and_comes_back_with_all_that_was_missed(site: Site, browser: Browser) -> None:
    async with screen(browser, str(site.address)) as seen:
        await seen.field("Message #general").fill("half a thought")
        site.server.close()
        await say(site, "Said in the meantime.")
        await expect(seen.page.locator("#conversation .message").last).to_contain_text("Said in the meantime.")
        await expect(seen.page.locator("#offline")).to_be_hidden()
        await expect(seen.field("Message #general")).to_have_value("half a thought")


async def test_a_page_that_is_no_longer_let_in_says_where_to_go(site: Site, browser: Browser) -> None:
    async with screen(browser, str(site.address)) as seen:
        site.server._guard = Guard("another start")
        site.server.close()
        await expect(seen.page.locator("#offline")).to_contain_text("Open the address")
        seen.complaints.clear()  # the browser's own lines about the refusal


async def test_a_message_that_was_not_taken_offers_to_be_sent_again(
    site: Site, inbound: Recorder, browser: Browser
) -> None:
    async with screen(browser, str(site.address)) as seen:
        inbound.broken = True
        await seen.field("Message #general").fill("@Latchkey are you there?")
        await seen.page.keyboard.press("Enter")
        again = seen.thread.get_by_role("button", name="Send again")
        await again.wait_for()
        inbound.broken = False
        await again.click()
        await expect(again).to_have_count(0)
        assert [event.text for event in inbound.mentions] == ["are you there?"]


async def test_a_file_goes_along(site: Site, inbound: Recorder, browser: Browser) -> None:
    async with screen(browser, str(site.address)) as seen:
        await seen.page.locator("#conversation input[type=file]").set_input_files(
            {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"some notes"}
        )
        await expect(seen.page.locator("#conversation .composer .file")).to_contain_text("notes.txt")
        await seen.field("Message #general").fill("@Latchkey read this")
        await seen.page.keyboard.press("Enter")
        await expect(seen.thread.locator(".message .file")).to_contain_text("notes.txt")
        (file,) = inbound.mentions[-1].files
        assert (file.name, file.media_type, file.size) == ("notes.txt", "text/plain", 10)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
async def test_axe_finds_nothing_to_complain_of(
    site: Site, inbound: Recorder, browser: Browser, dark: bool, size: dict[str, int]
) -> None:
    inbound.outcome = Open(FORM)
    await site.platform.publish_home(ADA.ref, HOME)
    async with screen(browser, str(site.address), size=size, dark=dark, bypass_csp=True) as seen:
        await seen.page.evaluate(AXE.read_text())
        await say(site, HOSTILE)
        await judged(seen)
        root = site.rooms.add("C-GENERAL", ADA.id, "a question")
        site.rooms.tell(root)
        await seen.page.locator(f'[data-id="{root.id}"]').hover()
        await seen.page.locator(f'[data-id="{root.id}"]').get_by_role("button", name="Reply in thread").click()
        await judged(seen)
        await seen.field("Reply in thread").fill("/byok")
        await seen.page.get_by_role("listbox").wait_for()
        await judged(seen)
        await seen.page.keyboard.press("Escape")
        await seen.page.keyboard.press("Enter")
        await seen.dialog.wait_for()
        await seen.page.wait_for_function("document.getAnimations().every(one => one.playState !== 'running')")
        await seen.dialog.get_by_role("button", name="Save").click()
        await expect(seen.dialog.locator(".field-error").first).to_be_visible()
        await judged(seen)
        await seen.page.keyboard.press("Escape")
        if size is PHONE:
            await seen.page.get_by_role("button", name="Back to the channel").click()
            await seen.page.get_by_role("button", name="Back to all channels").click()
            await judged(seen)
        await seen.go("Latchkey")
        await seen.page.locator(".home select").wait_for()
        await judged(seen)


async def judged(seen: Screen) -> None:
    """Asserts that axe reports no violation of what is on the screen now."""
    # The list of hints is scrolled by the arrow keys from the field (aria-activedescendant), which axe does not know.
    found = await seen.page.evaluate(
        "axe.run({exclude: ['.hint-list']}, {resultTypes: ['violations']}).then(r => r.violations.map(v => [v.id, v.nodes.map(n => n.html)]))"
    )
    assert found == []

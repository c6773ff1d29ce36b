"""What people do in the playground, in a browser, with `latchkey demo` behind it and a model vendor by others."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, FilePayload, expect

from tests.acceptance.aimock import AiMock, answer
from tests.acceptance.office import ANTHROPIC_KEY, HAIKU, SONNET
from tests.acceptance.playground import DESK, PHONE, Screen, chromium, demo, screen
from tests.acceptance.process import until_told
from tests.adapters.tools.documents import samples

pytestmark = pytest.mark.asyncio(loop_scope="module")

FIXTURES = [
    answer("sky", "The sky is blue because air scatters **blue** light.", model=SONNET),
    answer("sky", "Blue light is scattered most, says the small one.", model=HAIKU),
    answer("", "A short answer."),
]
DOT = (
    base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==")
    + b"canary-of-a-dot-8152"
)


@dataclass(frozen=True, slots=True)
class Stage:
    """A demo that runs, the vendor that its keys are for, and a browser."""

    address: str
    vendor: AiMock
    browser: Browser
    folder: Path


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """One demo for all tests of this file."""
    folder = tmp_path_factory.mktemp("playground")
    async with (
        AiMock(folder, "anthropic", ANTHROPIC_KEY, FIXTURES) as vendor,
        demo(folder, {"LATCHKEY_ANTHROPIC_BASE_URL": vendor.url}) as address,
        chromium() as browser,
    ):
        yield Stage(address, vendor, browser, folder)


@pytest_asyncio.fixture(loop_scope="module")
async def ada(stage: Stage) -> AsyncIterator[Screen]:
    """The admin at a desk."""
    async with screen(stage.browser, stage.address) as seen:
        yield seen


async def test_the_token_leaves_the_address_and_nobody_else_is_let_in(stage: Stage, ada: Screen) -> None:
    assert "token" not in ada.page.url
    stranger = await stage.browser.new_context()
    page = await stranger.new_page()
    refused = await page.goto(stage.address.partition("?")[0])
    assert refused
    assert refused.status == 403
    await stranger.close()


async def test_a_mention_is_answered_in_its_thread_while_one_watches(ada: Screen) -> None:
    await ada.ask("show me some code and a table")
    await ada.thread.locator(".message-streaming").wait_for()
    lengths = set()

    async def grown() -> bool:
        lengths.add(len(await ada.answer.locator(".md").inner_text()))
        return len(lengths) >= 3

    await until_told(grown, "the answer grows", 15)
    assert await ada.thread.get_by_role("button", name="Stop", exact=True).is_visible()
    text = await ada.finished()
    assert "offline" in text
    await expect(ada.answer.locator("pre code")).to_contain_text("def busiest")
    await expect(ada.answer.locator("table td").first).to_have_text("Anthropic")
    await ada.answer.get_by_role("button", name="Good answer").click()
    await expect(ada.answer.get_by_role("button", name="Good answer")).to_have_attribute("aria-pressed", "true")


async def test_a_thread_goes_on_without_another_mention(ada: Screen) -> None:
    await ada.ask("hello")
    await ada.finished()
    await ada.field("Reply in thread").fill("what did I say before?")
    await ada.page.keyboard.press("Enter")
    await expect(ada.thread.locator(".message:has(.badge)")).to_have_count(2)
    assert "hello" in await ada.finished()


async def test_an_answer_can_be_stopped_and_asked_for_again(ada: Screen) -> None:
    await ada.ask("please give me a long answer")
    await ada.thread.locator(".message-streaming").wait_for()
    await ada.thread.get_by_role("button", name="Stop", exact=True).click()
    await ada.answer.get_by_role("button", name="Retry").wait_for()
    assert await ada.thread.locator(".message-streaming").count() == 0
    stopped = await ada.answer.inner_text()
    assert "stopped" in stopped.lower()
    await ada.answer.get_by_role("button", name="Retry").click()
    await expect(ada.thread.locator(".message:has(.badge)")).to_have_count(2)


async def test_a_member_is_told_no_politely_and_sees_no_keys(ada: Screen) -> None:
    await ada.become("Max")
    await ada.command("setkey")
    whisper = ada.page.locator(".message-private").last
    await expect(whisper).to_contain_text("admins")
    await expect(whisper).to_contain_text("Only visible to you")
    assert await ada.page.get_by_role("dialog").count() == 0
    await ada.go("Latchkey")
    home = ada.page.locator(".home")
    await expect(home).to_contain_text("assistant")
    assert await home.get_by_role("button", name="Add a key").count() == 0
    await ada.become("Ada")
    await ada.page.locator(".home").get_by_role("button", name="Add a key").wait_for()


async def test_a_question_that_is_edited_or_deleted_is_noticed(ada: Screen) -> None:
    await ada.go("random")
    await ada.ask("hello from random", "random")
    await ada.finished()
    question = ada.thread.locator(".message").first
    await question.hover()
    await question.get_by_role("button", name="Edit message").click()
    await ada.page.get_by_label("Edit message").and_(ada.page.locator("textarea")).fill("@Latchkey hello again")
    await ada.page.keyboard.press("Enter")
    await expect(question).to_contain_text("edited")
    await expect(ada.page.locator(".message-private").last).to_contain_text("mention", ignore_case=True)
    await question.hover()
    await question.get_by_role("button", name="Delete message").click()
    await ada.dialog.get_by_role("button", name="Delete").click()
    await expect(question).to_contain_text("deleted")


async def test_two_windows_see_the_same(stage: Stage, ada: Screen) -> None:
    async with screen(stage.browser, stage.address) as other:
        await other.become("Max")
        await other.go("support")
        await ada.go("support")
        await ada.field("Message #support").fill("Has the customer been answered?")
        await ada.page.keyboard.press("Enter")
        await expect(other.page.locator("#conversation .message").last).to_contain_text("Has the customer")
        assert "Ada" in await other.page.locator("#conversation .message").last.inner_text()
        await ada.page.reload()
        await expect(ada.page.locator("#conversation .message").last).to_contain_text("Has the customer")


async def test_the_keyboard_is_enough(ada: Screen) -> None:
    page = ada.page
    await page.keyboard.press("Tab")
    await expect(page.locator(":focus")).to_have_text("Skip to the conversation")
    await ada.field("Message #general").focus()
    await page.keyboard.type("/byok s")
    hints = page.get_by_role("option")
    await expect(hints).to_have_count(3)
    await page.keyboard.press("ArrowDown")
    await expect(hints.nth(1)).to_have_attribute("aria-selected", "true")
    await page.keyboard.press("ArrowUp")
    await page.keyboard.press("Tab")
    await expect(ada.field("Message #general")).to_have_value("/byok setkey ")
    await page.keyboard.press("Enter")
    await ada.dialog.wait_for()
    for _ in range(
        6
    ):  # all that stands after the first field; the next Tab leaves the page for the browser's own controls
        await page.keyboard.press("Tab")
        assert await page.evaluate("!!document.activeElement.closest('dialog')")
    await page.evaluate("document.querySelector('.composer-field').focus()")
    assert await page.evaluate("!!document.activeElement.closest('dialog')"), "what lies behind a dialog is inert"
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await expect(ada.field("Message #general")).to_be_focused()
    await page.keyboard.type("@La")
    await page.keyboard.press("Enter")
    await page.keyboard.type("what is 6 * 7?")
    await page.keyboard.press("Enter")
    assert "42" in await ada.finished()
    await expect(ada.field("Reply in thread")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(ada.thread).to_be_hidden()


async def test_a_phone_shows_one_thing_at_a_time(stage: Stage) -> None:
    async with screen(stage.browser, stage.address, size=PHONE) as phone:
        page = phone.page
        await phone.ask("hello from the road")
        await phone.finished()
        await expect(page.locator("#conversation")).to_be_hidden()
        await expect(page.locator("#sidebar")).to_be_hidden()
        assert await page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
        await page.get_by_role("button", name="Back to the channel").click()
        await expect(page.locator("#conversation")).to_be_visible()
        await page.get_by_role("button", name="Back to all channels").click()
        await expect(page.locator("#sidebar")).to_be_visible()
        await phone.go("Latchkey")
        await page.locator(".home .view-heading").first.wait_for()
        assert await page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]


async def test_dark_follows_the_system_and_the_button_is_remembered(stage: Stage) -> None:
    def brightness(rgb: str) -> int:
        return sum(int(part) for part in rgb.strip("rgb()").split(","))

    async with screen(stage.browser, stage.address, dark=True, size=DESK) as seen:
        ground = "getComputedStyle(document.body).backgroundColor"
        assert brightness(await seen.page.evaluate(ground)) < 150
        await seen.page.get_by_role("button", name="Use the light theme").click()
        assert brightness(await seen.page.evaluate(ground)) > 700
        await seen.page.reload()
        assert brightness(await seen.page.evaluate(ground)) > 700


async def test_a_key_is_set_by_a_masked_form_and_pays_for_the_next_answer(stage: Stage, ada: Screen) -> None:
    await ada.command("setkey anthropic")
    key = ada.dialog.get_by_label("API key", exact=True)
    await expect(key).to_have_attribute("type", "password")
    await ada.set_key("sk-test-anthropic-wrong")
    await expect(key).to_have_attribute("aria-invalid", "true")
    await expect(ada.dialog.locator(".field-error", has_text="refused")).to_be_visible()
    await expect(key).to_be_focused()
    await ada.set_key(ANTHROPIC_KEY)
    await expect(ada.page.get_by_role("dialog")).to_have_count(0)
    await expect(ada.page.locator(".message-private").last).to_contain_text("Anthropic")
    everything = await ada.page.content() + await ada.page.evaluate(
        "JSON.stringify({...localStorage, ...sessionStorage})"
    )
    assert ANTHROPIC_KEY not in everything

    await ada.ask("why is the sky blue?")
    assert "air scatters blue light" in await ada.finished()
    assert [call["model"] for call in await stage.vendor.calls("why is the sky")] == [SONNET]


async def test_the_home_tab_changes_the_model_and_the_next_answer_uses_it(stage: Stage, ada: Screen) -> None:
    await ada.go("Latchkey")
    await ada.page.get_by_role("tab", name="Home").click()
    chooser = ada.page.locator(".home select[data-action^='model']").first
    value = await chooser.locator("option", has_text=HAIKU).first.get_attribute("value")
    await chooser.select_option(value)
    await expect(ada.dialog).to_contain_text("A million tokens cost")
    await ada.dialog.get_by_role("button", name="Change").click()
    await expect(ada.dialog).to_contain_text("now answers with")
    await ada.page.keyboard.press("Escape")
    await expect(chooser).not_to_have_attribute("aria-busy", "true")
    await ada.go("general")
    await ada.ask("and the sky, once more?")
    assert "says the small one" in await ada.finished()
    assert [call["model"] for call in await stage.vendor.calls("once more")] == [HAIKU]


async def test_a_picture_and_a_text_that_go_along_are_seen_by_the_model(stage: Stage, ada: Screen) -> None:
    text = FilePayload(name="notes.txt", mimeType="text/plain", buffer=b"The mine: coal-mine-4711")
    picture = FilePayload(name="dot.png", mimeType="image/png", buffer=DOT)
    for file in (text, picture):
        await ada.page.locator("#conversation input[type=file]").set_input_files(file)
        await expect(ada.page.locator("#conversation .composer .attached")).to_contain_text(file["name"])
    await ada.ask("what do these files say?")
    await ada.finished()
    (call,) = await stage.vendor.calls("what do these files say?")
    assert "The mine: coal-mine-4711" in str(call)
    assert "The picture “dot.png”:" in str(
        call
    )  # aimock tells of words only; ModelProviderSuite shows the picture itself


async def test_documents_are_read_by_the_service_and_can_be_asked_about_again(stage: Stage, ada: Screen) -> None:
    files = (
        FilePayload(name="letter.docx", mimeType="", buffer=samples.word("The letter: coal-letter-4711")),
        FilePayload(name="table.xlsx", mimeType="", buffer=samples.sheet(("coal-table-4711", 12.5))),
        FilePayload(name="show.pptx", mimeType="", buffer=samples.slides("coal-slide-4711")),
        FilePayload(name="paper.pdf", mimeType="", buffer=samples.pdf("coal-paper-4711")),
        FilePayload(name="fake.pdf", mimeType="", buffer=b"<!DOCTYPE html><html>Log in</html>"),
    )
    for file in files:
        await ada.page.locator("#conversation input[type=file]").set_input_files(file)
        await expect(ada.page.locator("#conversation .composer .attached")).to_contain_text(file["name"])
    await ada.ask("what do these documents say?")
    await ada.finished()
    await ada.field("Reply in thread").fill("what did they say about coal?")
    await ada.page.keyboard.press("Enter")
    await expect(ada.thread.locator(".message:has(.badge)")).to_have_count(2)
    await ada.finished()
    calls = await stage.vendor.calls("what do these documents say?")
    assert len(calls) == 2, "the question, and the thread that goes on"
    for call in calls:
        for needle in ("coal-letter-4711", "coal-table-4711,12.5", "coal-slide-4711", "coal-paper-4711"):
            assert needle in str(call)
        assert "“fake.pdf” could not be read: it is not a PDF" in str(call)


async def test_what_was_said_typed_and_attached_is_on_no_disk(stage: Stage, ada: Screen) -> None:
    needles = (b"coal-mine-4711", DOT[-12:], base64.b64encode(DOT)[-16:], ANTHROPIC_KEY.encode())
    await ada.ask("canary-in-the-coal-mine-4711")
    await ada.finished()

    async def clean() -> bool:
        files = [
            path.read_bytes() for path in stage.folder.rglob("*") if path.is_file() and "anthropic" not in path.name
        ]
        return not any(needle in content for content in files for needle in needles)

    await until_told(clean, "the data directory and the log hold no word of it", 10)

"""Another model, in a browser: what is different, both tried, changed; somebody stands in; a model ends. Pictures are left beside the data."""

from __future__ import annotations

from pathlib import Path

from playwright.async_api import expect

from tests.acceptance.office import ANTHROPIC_KEY, OPENAI_KEY
from tests.acceptance.playground import PHONE, Screen, chromium, demo, screen
from tests.fakes.model_server import Answer, Fault, ModelServer

OLD, NEW, GPT = "claude-sonnet-4-5", "claude-sonnet-5-5", "gpt-5.4"


async def test_a_model_is_compared_tried_changed_stood_in_for_and_warned_of(tmp_path: Path) -> None:
    async with ModelServer(keys={ANTHROPIC_KEY}) as anthropic, ModelServer(keys={OPENAI_KEY}) as openai:
        row = next(row for row in anthropic.anthropic_models if row["id"] == NEW)
        anthropic.anthropic_models.append(row | {"id": OLD, "display_name": "Claude Sonnet 4.5"})
        wiring = {"LATCHKEY_ANTHROPIC_BASE_URL": anthropic.url, "LATCHKEY_OPENAI_BASE_URL": f"{openai.url}/v1"}
        async with demo(tmp_path, wiring) as address, chromium() as browser:
            async with screen(browser, address) as seen:
                await _move_in(seen)
                await _change(seen, tmp_path)
                await _allow(seen, tmp_path)
                anthropic.script(Answer(fault=Fault.OVERLOADED))
                await seen.ask("who are you?")
                await seen.finished()
                await expect(seen.answer).to_contain_text(f"assistant · {GPT} stood in for {OLD} (overloaded)")
                await seen.page.screenshot(path=tmp_path / "4-stood-in.png")
                ends = {"lifecycle": "deprecated", "retires_at": "2026-11-30T00:00:00Z"}
                anthropic.anthropic_models[-1] |= ends
                await seen.command("test anthropic")
                await seen.go("Latchkey")
                await seen.page.get_by_role("tab", name="Messages").click()
                warning = seen.page.locator(".message").filter(has_text="Anthropic ends").last
                await expect(warning).to_contain_text(f"{OLD} on 2026-11-30")
                await warning.scroll_into_view_if_needed()
                await seen.page.screenshot(path=tmp_path / "5-ends.png")
                await warning.get_by_role("button", name=f"Change to {NEW}").click()
                await expect(seen.page.get_by_text("now answers with").last).to_be_visible()
            async with screen(browser, address, size=PHONE, dark=True) as seen:
                await seen.page.get_by_role("button", name="Back to all channels").click()
                await seen.go("general")
                await seen.command(f"model assistant openai/{GPT}")
                difference = (
                    seen.page.locator(".message-private").filter(has_text=GPT).filter(has_text="Keep as it is").last
                )
                await expect(difference).to_be_visible()
                await difference.scroll_into_view_if_needed()
                await seen.page.screenshot(path=tmp_path / "6-phone.png")


async def _move_in(seen: Screen) -> None:
    for provider, key in (("Anthropic", ANTHROPIC_KEY), ("OpenAI", OPENAI_KEY)):
        await seen.command(f"setkey {provider.lower()}")
        await seen.dialog.wait_for()
        await seen.dialog.get_by_label("API key", exact=True).fill(key)
        await seen.dialog.get_by_role("button", name="Save").click()
        await seen.page.locator(".message-private").filter(has_text=f"{provider} key").last.wait_for()


async def _change(seen: Screen, pictures: Path) -> None:
    await seen.command(f"model assistant anthropic/{OLD}")
    difference = seen.page.locator(".message-private").filter(has_text="A million tokens cost").last
    await expect(difference).to_contain_text(OLD)
    await difference.scroll_into_view_if_needed()
    await seen.page.screenshot(path=pictures / "1-difference.png")
    await difference.get_by_role("button", name="Try both with two questions").click()
    await seen.dialog.wait_for()
    await _calm(seen)
    await seen.page.screenshot(path=pictures / "2-questions.png")
    await seen.dialog.get_by_role("button", name="Ask both").click()
    await seen.go("Latchkey")
    await seen.page.get_by_role("tab", name="Messages").click()
    tried = seen.page.locator(".message").filter(has_text="in all").last
    await expect(tried).to_contain_text("tokens")
    await tried.scroll_into_view_if_needed()
    await seen.page.screenshot(path=pictures / "3-tried.png")
    await tried.get_by_role("button", name="Change").click()
    await expect(seen.page.get_by_text("now answers with").last).to_be_visible()
    await seen.go("general")


async def _allow(seen: Screen, pictures: Path) -> None:
    await seen.command("fallback assistant")
    await seen.dialog.wait_for()
    await seen.dialog.get_by_label("First").select_option(f"openai/{GPT}")
    await _calm(seen)
    await seen.page.screenshot(path=pictures / "7-stand-ins.png")
    await seen.dialog.get_by_role("button", name="Save").click()
    await expect(seen.page.get_by_text("may stand in for").last).to_be_visible()


async def _calm(seen: Screen) -> None:
    """Nothing moves."""
    await seen.page.evaluate("Promise.allSettled(document.getAnimations().map(one => one.finished))")

"""Loopback is no fence: who may enter, what they are told, and what they cannot do."""

import asyncio
import io
import logging

import aiohttp
import pytest

from adapters.playground.guard import Guard, check_host
from adapters.playground.world import ADA, MAX
from app.domain.events import Open, Private
from app.domain.views import Button, Buttons, SecretInput, Suggestion, Text, View, rich
from app.errors import SettingsError
from tests.adapters.playground.pages import TOKEN, Site
from tests.conformance.recorder import Recorder

HELLO = View(blocks=(Text(rich("Hello there")), Buttons((Button("go", "Go", "v-1"),))))
FORM = View(title="Key", id="setkey", submit="Save", blocks=(SecretInput("key", "API key"),))


async def test_the_token_is_exchanged_for_a_cookie_and_leaves_the_address(site: Site) -> None:
    browser = await site.browser(enter=False)
    async with browser.get(site.address, allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (303, "/playground/")
        cookie = answer.headers["Set-Cookie"]
    assert all(word in cookie for word in ("HttpOnly", "SameSite=Strict", "Path=/playground"))
    assert TOKEN not in cookie
    async with browser.get(f"{site.origin}/playground/") as answer:
        assert answer.status == 200
        assert "<title>Latchkey playground</title>" in await answer.text()


@pytest.mark.parametrize(
    "path", ["", "/", "/static/main.js", "/session", "/?token=", "/?token=guessed", "/?token=%ED%A0%80"]
)
async def test_nobody_enters_without_the_token_or_the_cookie(site: Site, path: str) -> None:
    browser = await site.browser(enter=False)
    async with browser.get(f"{site.origin}/playground{path}") as answer:
        assert answer.status == 403
        assert TOKEN not in await answer.text()


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "example.com"},
        {"Host": "127.0.0.1"},
        {"Host": "127.0.0.1:1"},
        {"Host": "localhost.example.com:{port}"},
        {"Host": "latchkey.example:{port}"},
        {"Origin": "https://example.com"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "https://127.0.0.1:{port}"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
    ids=str,
)
async def test_a_page_from_elsewhere_reaches_nothing(site: Site, headers: dict[str, str]) -> None:
    browser = await site.browser()
    headers = {name: value.format(port=site.address.port) for name, value in headers.items()}
    for path in ("", "static/main.js", "session", "socket"):
        async with browser.get(f"{site.origin}/playground/{path}", headers=headers) as answer:
            assert answer.status == 403, path
    async with browser.post(f"{site.origin}/playground/files?name=x", data=b"x", headers=headers) as answer:
        assert answer.status == 403


async def test_a_link_with_the_token_works_from_another_page_but_not_for_another_host(site: Site) -> None:
    browser = await site.browser(enter=False)
    for headers, status in (({"Sec-Fetch-Site": "cross-site"}, 303), ({"Host": "example.com"}, 403)):
        async with browser.get(site.address, headers=headers, allow_redirects=False) as answer:
            assert answer.status == status


async def test_every_answer_forbids_what_the_page_does_not_need(site: Site) -> None:
    browser = await site.browser()
    for path in ("", "static/css/base.css", "static/none.js", "session"):
        async with browser.get(f"{site.origin}/playground/{path}") as answer:
            policy = answer.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["X-Frame-Options"] == "DENY"


async def test_the_page_loads_nothing_from_elsewhere(site: Site) -> None:
    browser = await site.browser()
    for name in ("static/main.js", "static/css/base.css", "static/icon.svg", "static/theme.js"):
        async with browser.get(f"{site.origin}/playground/{name}") as answer:
            text = await answer.text()
            assert answer.status == 200
            assert "//" not in text.replace("http://www.w3.org/", "").replace("// ", "").replace(" //", "")


@pytest.mark.parametrize("path", ["../server.py", "..%2fserver.py", "%2e%2e/guard.py", "css", "css/", "static/main.js"])
async def test_only_the_pages_own_files_are_served(site: Site, path: str) -> None:
    browser = await site.browser()
    async with browser.get(f"{site.origin}/playground/static/{path}") as answer:
        assert answer.status in {403, 404}


def test_a_guard_does_not_show_its_token() -> None:
    assert TOKEN not in repr(Guard(TOKEN))


def test_each_start_has_a_token_that_cannot_be_guessed() -> None:
    assert len({Guard().token for _ in range(10)}) == 10
    assert len(Guard().token) >= 43


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.com", "", "localhost.example.com"])
def test_it_refuses_to_be_reachable_from_elsewhere(host: str) -> None:
    with pytest.raises(SettingsError, match="LATCHKEY_HOST"):
        check_host(host)


async def test_no_address_is_printed_that_others_could_open(site: Site) -> None:
    with pytest.raises(SettingsError):
        site.server.address("0.0.0.0", 8080)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost", "::ffff:127.0.0.1"])
def test_it_listens_on_this_machine(host: str) -> None:
    check_host(host)


async def test_two_windows_see_the_same(site: Site) -> None:
    ada, max_ = await site.page("U-ADA"), await site.page("U-MAX")
    await ada.ask("message", channel="C-RANDOM", text="hello *you*")
    await max_.until(lambda: any(one["text"] == "hello *you*" for one in max_.messages.values()))
    assert max_.own("hello *you*")["author"]["name"] == "Ada"
    await ada.ask("edit", message=ada.own("hello *you*")["id"], text="hello all")
    await max_.until(lambda: any(one["text"] == "hello all" and one["edited"] for one in max_.messages.values()))
    await ada.ask("delete", message=ada.own("hello all")["id"])
    await max_.until(lambda: not any(one["text"] == "hello all" for one in max_.messages.values()))


async def test_a_window_that_comes_back_is_told_everything_again(site: Site) -> None:
    first = await site.page("U-ADA")
    await first.ask("message", channel="C-RANDOM", text="still here")
    await first.close()
    again = await site.page("U-ADA")
    assert again.own("still here")["author"]["name"] == "Ada"
    again.messages.clear()
    await again.ask("resync")
    assert again.own("still here")


async def test_the_root_of_a_thread_leaves_a_mark_when_deleted(site: Site) -> None:
    page = await site.page()
    await page.ask("message", channel="C-RANDOM", text="root")
    root = page.own("root")["id"]
    await page.ask("message", channel="C-RANDOM", text="reply", thread=root)
    await page.ask("delete", message=root)
    assert page.messages[root]["state"] == "deleted"
    assert page.own("reply")["thread"] == root


async def test_a_person_is_a_property_of_the_connection_and_nothing_sent_over_it_changes_that(
    site: Site, inbound: Recorder
) -> None:
    max_ = await site.page("U-MAX")
    await max_.ask("message", channel="C-RANDOM", text="@Latchkey hi", user="U-ADA", person="U-ADA", author="U-ADA")
    await max_.ask("command", channel="C-RANDOM", text="/byok keys", user="U-ADA")
    assert inbound.mentions[-1].user == inbound.commands[-1].user == MAX.ref


async def test_a_member_reaches_no_screen_message_or_chat_of_the_admins(site: Site, inbound: Recorder) -> None:
    ada, max_ = await site.page("U-ADA"), await site.page("U-MAX")
    inbound.outcome = Open(FORM)
    await ada.ask("command", channel="C-RANDOM", text="/byok setkey")
    inbound.outcome = Private(HELLO)
    await ada.ask("command", channel="C-RANDOM", text="/byok keys")
    await ada.ask("message", channel="D-U-ADA", text="for the app only")
    await ada.ask("message", channel="C-RANDOM", text="mine")
    screen = next(iter(ada.screens))
    private = next(one["id"] for one in ada.messages.values() if one["onlyYou"])
    direct, mine = ada.own("for the app only")["id"], ada.own("mine")["id"]
    await max_.until(lambda: mine in max_.messages)
    assert {private, direct}.isdisjoint(max_.messages)
    before = len(inbound.actions), len(inbound.submissions), len(inbound.mentions)

    assert await max_.ask("submit", screen=screen, values={"key": "x"}) == 200
    assert max_.problems == ["That form is no longer open."]
    assert await max_.ask("action", message=private, id="go", value="v-1") == 400
    assert await max_.ask("action", home=True, id="go", value="v-1") == 400
    assert await max_.ask("dismiss", message=private) == 400
    assert await max_.ask("message", channel="D-U-ADA", text="let me in") == 400
    assert await max_.ask("stop", message=direct) == 400
    assert await max_.ask("edit", message=mine, text="yours") == 400
    assert await max_.ask("delete", message=mine) == 400
    assert (len(inbound.actions), len(inbound.submissions), len(inbound.mentions)) == before
    assert inbound.quiet is False
    assert ada.own("mine")


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("message", {"channel": "C-NOWHERE", "text": "x"}),
        ("message", {"channel": "C-RANDOM", "text": ""}),
        ("message", {"channel": "C-RANDOM", "text": "x" * 12_001}),
        ("message", {"channel": "C-RANDOM", "text": {"a": 1}}),
        ("message", {"channel": "C-RANDOM", "text": "x", "thread": "1.0"}),
        ("message", {"channel": "C-RANDOM", "text": "x", "files": "all"}),
        ("command", {"channel": "C-NOWHERE", "text": "/byok"}),
        ("action", {"message": "1.0", "id": "go", "value": ""}),
        ("action", {"screen": "x", "id": "go", "value": ""}),
        ("stop", {}),
        ("edit", {"message": "1.0", "text": "x"}),
    ],
)
async def test_bad_frames_are_refused_and_the_window_lives(
    site: Site, inbound: Recorder, kind: str, fields: dict[str, object]
) -> None:
    page = await site.page()
    assert await page.ask(kind, **fields) == 400
    assert inbound.quiet
    assert await page.ask("message", channel="C-RANDOM", text="fine") == 200


async def test_a_frame_that_is_too_large_ends_its_window_and_no_other(site: Site) -> None:
    large, other = await site.page(), await site.page()
    await large.socket.send_str("x" * (64 * 1024 + 1))
    await large.until(lambda: large.closed)
    assert await other.ask("message", channel="C-RANDOM", text="fine") == 200


async def test_bytes_are_no_frames(site: Site) -> None:
    page = await site.page()
    await page.socket.send_bytes(b"{}")
    await page.until(lambda: page.closed)


async def test_only_so_many_windows_are_open_at_once(site: Site) -> None:
    browser = await site.browser()
    for _ in range(24):
        await site.page(browser=browser)
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await site.page(browser=browser)
    assert caught.value.status == 503


async def test_a_file_has_a_size_limit(site: Site) -> None:
    browser = await site.browser()
    headers = {"Origin": site.origin}
    async with browser.post(
        f"{site.origin}/playground/files?name=x", data=io.BytesIO(b"x" * (1024 * 1024 + 1)), headers=headers
    ) as answer:
        assert answer.status == 413


async def test_a_message_that_was_not_taken_can_be_sent_again(site: Site, inbound: Recorder) -> None:
    page = await site.page()
    inbound.broken = True
    assert await page.ask("message", channel="C-RANDOM", text="@Latchkey hi") == 500
    assert page.own("@Latchkey hi")["state"] == "unsent"
    inbound.broken = False
    assert await page.ask("resend", message=page.own("@Latchkey hi")["id"]) == 200
    assert page.own("@Latchkey hi")["state"] == "done"
    assert len(inbound.mentions) == 1


async def test_a_command_that_comes_with_a_file_is_done_and_not_said_in_the_channel(
    site: Site, inbound: Recorder
) -> None:
    page = await site.page()
    file = site.rooms.keep_file("notes.txt", "text/plain", b"notes")
    assert await page.ask("message", channel="C-RANDOM", text="/byok keys", files=[file.id]) == 200
    assert [command.text for command in inbound.commands] == ["keys"]
    assert "Commands do not use files" in page.problems[0]
    assert not inbound.mentions
    assert not any("/byok keys" in post.text for post in site.rooms.seen_by(ADA.id))


async def test_an_unknown_command_is_explained(site: Site, inbound: Recorder) -> None:
    page = await site.page()
    await page.ask("command", channel="C-RANDOM", text="/remind me")
    assert "/byok help" in page.problems[0]
    assert inbound.quiet


async def test_what_is_typed_into_a_form_reaches_no_log_and_no_window(
    site: Site, inbound: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    page = await site.page()
    inbound.outcome = Open(FORM)
    await page.ask("command", channel="C-RANDOM", text="/byok setkey")
    inbound.broken = True
    assert await page.ask("submit", screen=next(iter(page.screens)), values={"key": "canary-4711"}) == 500
    assert "canary-4711" not in caplog.text
    assert "canary-4711" not in str([page.messages, page.screens, page.errors, page.problems])
    assert "OSError" in caplog.text


async def test_required_inputs_are_asked_for_before_anything_is_sent(site: Site, inbound: Recorder) -> None:
    page = await site.page()
    inbound.outcome = Open(FORM)
    await page.ask("command", channel="C-RANDOM", text="/byok setkey")
    screen = next(iter(page.screens))
    await page.ask("submit", screen=screen, values={"key": ""})
    assert page.errors[screen] == {"key": "Please fill this in."}
    assert inbound.submissions == []


async def test_the_workspace_is_introduced_once_and_prompts_are_offered(site: Site, inbound: Recorder) -> None:
    inbound.prompts = (Suggestion("Summarise", "Summarise this"),)
    page = await site.page()
    await site.page()
    assert inbound.installs == [ADA.ref.workspace]
    assert page.snapshot["prompts"] == [{"title": "Summarise", "message": "Summarise this"}]


async def test_windows_end_with_the_service(site: Site) -> None:
    page = await site.page()
    site.server.close()
    async with asyncio.timeout(5):
        await page.until(lambda: page.closed)

"""Where files may be fetched from, with what, and how much of them: against a place that answers as a test wants."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from adapters.teams.files import Files
from adapters.teams.services import Services
from app.domain.chat import FileRef
from app.errors import PlatformError, PlatformUnavailable
from tests.adapters.teams.pieces import Pieces, listening

PNG, JPEG = b"\x89PNG\r\n\x1a\n" + b"x" * 100, b"\xff\xd8\xff" + b"x" * 100
Answer = Callable[[web.Request], web.Response]


@pytest.fixture
async def pieces() -> AsyncIterator[Pieces]:
    async with listening() as made:
        yield made


@asynccontextmanager
async def place(answer: Answer) -> AsyncIterator[tuple[str, list[web.Request]]]:
    """Somewhere that answers everything like this; its origin, and what it was asked."""
    asked: list[web.Request] = []

    async def handle(request: web.Request) -> web.Response:
        asked.append(request)
        return answer(request)

    application = web.Application()
    application.router.add_get("/{tail:.*}", handle)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", asked
    finally:
        await runner.cleanup()


def at(url: str, media_type: str = "", name: str = "f") -> FileRef:
    return FileRef("F", name, media_type, 0, url)


def on_a_share(pieces: Pieces, origin: str) -> Files:
    return Files(pieces.http, pieces.token, Services(), extra=[origin])


def at_the_connector(pieces: Pieces, origin: str) -> Files:
    return Files(pieces.http, pieces.token, Services([origin]))


async def test_a_file_is_measured_as_it_is_after_decompression(pieces: Pieces) -> None:
    bomb = gzip.compress(b"0" * 50_000_000)
    assert len(bomb) < 100_000

    def answer(request: web.Request) -> web.Response:
        return web.Response(body=bomb, headers={"Content-Encoding": "gzip"})

    async with place(answer) as (origin, _):
        with pytest.raises(PlatformError, match="larger than 100000 bytes"):
            await on_a_share(pieces, origin).download(at(f"{origin}/f"), 100_000)


async def test_a_redirect_is_not_followed(pieces: Pieces) -> None:
    async with place(lambda request: web.Response(body=b"secret")) as (elsewhere, asked_there):

        def answer(request: web.Request) -> web.Response:
            return web.Response(status=302, headers={"Location": f"{elsewhere}/f"})

        async with place(answer) as (origin, asked):
            with pytest.raises(PlatformError, match="status 302"):
                await on_a_share(pieces, origin).download(at(f"{origin}/f"), 1000)
            with pytest.raises(PlatformError, match="status 302"):
                await at_the_connector(pieces, origin).download(at(f"{origin}/v3/attachments/1/views/original"), 1000)
            assert len(asked) == 2
    assert asked_there == []


@pytest.mark.parametrize(
    "path",
    [
        "/v3/conversations/a:1/members",
        "/emea/v3/attachments/..%2f..%2fconversations/views/original",
        "/emea/v3/attachments/../views/original",
        "/emea/v3/attachments/1/views/original/../../../../conversations",
        "/emea/v3/attachments/1",
        "/",
    ],
)
async def test_the_token_reads_attachments_at_the_connector_and_nothing_else(pieces: Pieces, path: str) -> None:
    async with place(lambda request: web.Response(body=b"members")) as (origin, asked):
        with pytest.raises(PlatformError, match="not at a place"):
            await at_the_connector(pieces, origin).download(at(f"{origin}{path}"), 1000)
        assert asked == []


async def test_a_token_that_is_not_taken_any_more_is_replaced_once(pieces: Pieces) -> None:
    tokens: list[str] = []

    def answer(request: web.Request) -> web.Response:
        tokens.append(request.headers["Authorization"])
        return web.Response(body=PNG) if len(set(tokens)) == 2 else web.Response(status=401)

    async with place(answer) as (origin, _):
        url = f"{origin}/emea/v3/attachments/1/views/original"
        assert await at_the_connector(pieces, origin).download(at(url, "image/png"), 1000) == PNG
    assert len(tokens) == 2


@pytest.mark.parametrize("status", [401, 403, 404, 410])
async def test_a_file_whose_address_has_expired_can_be_sent_again(pieces: Pieces, status: int) -> None:
    async with place(lambda request: web.Response(status=status)) as (origin, _):
        with pytest.raises(PlatformError, match="sent again") as told:
            await on_a_share(pieces, origin).download(at(f"{origin}/f"), 1000)
        assert type(told.value) is PlatformError  # its words are for the agent


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_place_that_is_busy_is_no_fault_of_the_file(pieces: Pieces, status: int) -> None:
    async with place(lambda request: web.Response(status=status)) as (origin, _):
        with pytest.raises(PlatformUnavailable):
            await on_a_share(pieces, origin).download(at(f"{origin}/f"), 1000)


async def test_a_login_that_fails_is_no_fault_of_the_file(pieces: Pieces) -> None:
    pieces.teams.identity.broken = 400
    async with place(lambda request: web.Response(body=PNG)) as (origin, asked):
        with pytest.raises(PlatformUnavailable):
            await at_the_connector(pieces, origin).download(at(f"{origin}/v3/attachments/1/views/original"), 1000)
        assert asked == []


@pytest.mark.parametrize(
    ("media_type", "data", "taken"),
    [
        ("image/*", PNG, True),
        ("image/png", JPEG, True),  # one picture under another's name
        ("image/*", b"<html>sign in</html>", False),
        ("image/webp", b"RIFF\x00\x00\x00\x00WAVE", False),
        ("application/pdf", b"%PDF-1.7", True),
        ("application/pdf", b"MZ", False),
        ("text/plain", b"anything", True),
    ],
)
async def test_the_first_bytes_tell_what_a_file_is(
    pieces: Pieces, media_type: str, data: bytes, *, taken: bool
) -> None:
    async with place(lambda request: web.Response(body=data)) as (origin, _):
        files, file = on_a_share(pieces, origin), at(f"{origin}/f", media_type)
        if taken:
            assert await files.download(file, 1000) == data
        else:
            with pytest.raises(PlatformError, match="not what"):
                await files.download(file, 1000)


@pytest.mark.parametrize(
    "url",
    [
        "https://contoso.sharepoint.com:99999/f",
        "https://contoso.sharepoint.com:abc/f",
        "https://contoso.sharepoint.com/a b",
        "https://contoso.sharepoint.com/a\r\nX: y",
        "https://smba.trafficmanager.net\\@evil.example/v3/attachments/1/views/original",
        "https://x@smba.trafficmanager.net/v3/attachments/1/views/original",
        "http://smba.trafficmanager.net/v3/attachments/1/views/original",
        "data:image/png;base64,AAAA",
    ],
)
async def test_an_odd_address_is_refused_in_words(pieces: Pieces, url: str) -> None:
    files = Files(pieces.http, pieces.token, Services())
    with pytest.raises(PlatformError, match="not at a place"):
        await files.download(at(url), 1000)
    assert pieces.teams.identity.logins == []


async def test_a_picture_that_only_the_html_shows_says_that_teams_kept_it(pieces: Pieces) -> None:
    with pytest.raises(PlatformError, match="did not hand this picture"):
        await pieces.files.download(FileRef("F", "a picture", "image/*", 0), 1000)

"""What goes out to a server and what is let in: nothing of ours, nothing endless, nothing that is not a text."""

from __future__ import annotations

import asyncio
import gzip
import ssl
import time
import tracemalloc
import zlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from adapters.tools.web.client import LARGEST, USER_AGENT, PublicWeb
from app.ports.web import Refused
from tests.adapters.tools.web.sites import Names, Site, anywhere, client, site
from tests.conformance.web import Corner, WebSuite
from tests.fakes.web import FakeWeb

ZEROS = 60 * 1024 * 1024


@pytest.fixture
async def page() -> AsyncIterator[Site]:
    async with site() as made:
        yield made


@pytest.fixture
def fetches(page: Site) -> PublicWeb:
    return client(page, Names(), seconds=5)


class TestPublicWeb(WebSuite):
    @pytest.fixture
    def corner(self, page: Site, fetches: PublicWeb) -> Corner:
        here = page.text("/page", "hello")
        return Corner(
            fetches,
            here,
            page.redirect("/sends-on", "/page"),
            page.redirect("/leads-away", page.url("/page", host="other.example")),
            page.redirect("/for-ever", "/for-ever"),
            lambda: len(page.asked),
        )


class TestFakeWeb(WebSuite):
    @pytest.fixture
    def corner(self) -> Corner:
        fake = FakeWeb()
        here = fake.page("https://site.example/page", "hello")
        for path, to in (
            ("sends-on", here),
            ("leads-away", "https://other.example/"),
            ("for-ever", "https://site.example/for-ever"),
        ):
            fake.pages[f"https://site.example/{path}"] = to
        at = "https://site.example"
        return Corner(fake, here, f"{at}/sends-on", f"{at}/leads-away", f"{at}/for-ever", lambda: len(fake.asked))


async def test_nothing_of_ours_goes_along_and_nothing_is_kept(page: Site, fetches: PublicWeb) -> None:
    page.redirect("/", "/next")
    page.text("/next", "hello")
    for _ in range(2):
        await fetches.fetch(page.url(), may_visit=anywhere)
    assert len(page.asked) == len(page.peers) == 4, "a connection for each request"
    for request in page.asked:
        assert not {"Cookie", "Referer", "Authorization", "From", "X-Forwarded-For"} & set(request.headers)
        assert request.headers["User-Agent"] == USER_AGENT
        assert request.headers["Host"] == f"site.example:{page.port}"
        assert request.headers["Connection"] == "close"


async def test_what_is_sent_by_grant_arrives(page: Site, fetches: PublicWeb) -> None:
    page.text("/", '{"ok": true}', content_type="application/json")
    got = await fetches.fetch(
        page.url(), may_visit=anywhere, method="POST", body=b'{"a": 1}', media_type="application/json"
    )
    assert (page.asked[0].method, page.asked[0].content_type, page.bodies) == (
        "POST",
        "application/json",
        [b'{"a": 1}'],
    )
    assert (got.media_type, got.data) == ("application/json", b'{"ok": true}')


async def test_a_charset_is_told_and_a_status_is_no_failure(page: Site, fetches: PublicWeb) -> None:
    page.gives("/", "grün".encode("latin-1"), headers={"Content-Type": 'Text/HTML; Charset="ISO-8859-1"'}, status=404)
    got = await fetches.fetch(page.url(), may_visit=anywhere)
    assert (got.status, got.media_type, got.charset, got.data) == (404, "text/html", "iso-8859-1", b"gr\xfcn")


@pytest.mark.parametrize(
    "kind",
    [
        "image/png",
        "application/zip",
        "video/mp4",
        "multipart/mixed",
        "nonsense",
        "audio/mpeg",
    ],
)
async def test_only_texts_pages_and_documents_are_read(kind: str, page: Site, fetches: PublicWeb) -> None:
    page.gives("/", b"x", headers={"Content-Type": kind})
    with pytest.raises(Refused, match="not a text"):
        await fetches.fetch(page.url(), may_visit=anywhere)


def _raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


@pytest.mark.parametrize(
    ("coding", "pack"),
    [("gzip", gzip.compress), ("x-gzip", gzip.compress), ("deflate", zlib.compress), ("deflate", _raw_deflate)],
)
async def test_packed_answers_are_unpacked(coding: str, pack: Any, page: Site, fetches: PublicWeb) -> None:
    text = b"a page that says something, " * 4000
    page.gives("/", pack(text), headers={"Content-Encoding": coding, "Content-Type": "text/plain"})
    assert (await fetches.fetch(page.url(), may_visit=anywhere)).data == text


async def test_gzip_files_one_after_the_other_are_one_text(page: Site, fetches: PublicWeb) -> None:
    body = gzip.compress(b"one, ") + gzip.compress(b"two") + b"\x00 and what is no gzip"
    page.gives("/", body, headers={"Content-Encoding": "gzip", "Content-Type": "text/plain"})
    assert (await fetches.fetch(page.url(), may_visit=anywhere)).data == b"one, two"


@pytest.mark.parametrize(
    ("coding", "pack"),
    [
        ("gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", _raw_deflate),
        ("gzip, gzip", lambda data: gzip.compress(gzip.compress(data))),
        ("deflate, gzip", lambda data: gzip.compress(zlib.compress(data))),
        ("identity, gzip", gzip.compress),
        ("br", lambda _: b"\x8b\x03\x80hello\x03"),
        ("zstd", lambda _: b"\x28\xb5\x2f\xfd\x04\x00"),
        ("compress", lambda _: b"\x1f\x9d\x90"),
        ("gzip, br", lambda _: b"\x8b\x03\x80hello\x03"),
        ("gzip", lambda _: b"this is not gzip"),
        ("gzip", lambda data: b"".join([gzip.compress(data[: 1024 * 1024])] * 60)),
    ],
)
async def test_a_bomb_does_not_go_off(coding: str, pack: Any, page: Site, fetches: PublicWeb) -> None:
    body = await asyncio.to_thread(pack, bytes(ZEROS))
    page.gives("/", body, headers={"Content-Encoding": coding, "Content-Type": "text/plain"})
    tracemalloc.start()
    try:
        with pytest.raises(Refused):
            await fetches.fetch(page.url(), may_visit=anywhere)
        assert tracemalloc.get_traced_memory()[1] < 6 * LARGEST
    finally:
        tracemalloc.stop()


async def test_an_endless_answer_is_cut(page: Site, fetches: PublicWeb) -> None:
    sent = 0

    async def endless(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse(headers={"Content-Type": "text/plain"})
        await response.prepare(request)
        while True:
            await response.write(b"x" * 65_536)
            sent += 65_536

    page.answers["/"] = endless
    with pytest.raises(Refused, match="larger than 5,120 KiB"):
        await fetches.fetch(page.url(), may_visit=anywhere)
    assert sent < 10 * LARGEST


@pytest.mark.parametrize("part", ["head", "body", "nothing"])
async def test_a_slow_drip_takes_no_longer_than_any_other(part: str) -> None:
    gone = asyncio.Event()

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if part == "body":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
        elif part == "head":
            writer.write(b"HTTP/1.1 200 OK\r\nX: ")
        try:
            while not reader.at_eof():
                writer.write(b"" if part == "nothing" else b"x")
                await writer.drain()
                await asyncio.sleep(0.02)
        except ConnectionError:
            pass
        gone.set()
        writer.close()

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    page = Site(server.sockets[0].getsockname()[1])
    began = time.monotonic()
    with pytest.raises(Refused, match=r"longer than 0\.4 seconds"):
        await client(page, Names(), seconds=0.4).fetch(page.url(), may_visit=anywhere)
    assert time.monotonic() - began < 3
    await asyncio.wait_for(gone.wait(), 5)
    server.close()
    await server.wait_closed()


@pytest.mark.parametrize(
    "answer",
    [
        b"", b"hello\r\n", b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 10\r\n\r\nhi",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\nContent-Type: text/plain\r\n\r\nhi!",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: text/plain\r\n\r\nzz\r\nhi",
        b"HTTP/1.1 200 OK\r\n" + b"X-Long: " + b"x" * 300_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nBroken\x00Header: 1\r\n\r\n",
    ],
)  # fmt: skip
async def test_what_is_no_http_is_refused_in_our_words(answer: bytes) -> None:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(speak, "127.0.0.1", 0)
    page = Site(server.sockets[0].getsockname()[1])
    with pytest.raises(Refused, match=r"^The connection broke\.$"):
        await client(page, Names(), seconds=3).fetch(page.url(), may_visit=anywhere)
    server.close()
    await server.wait_closed()


async def test_nobody_there_and_nobody_of_that_name_is_said_alike(page: Site) -> None:
    names = Names()
    gone = Site(1)
    for web_, url in ((client(gone, names), gone.url()), (PublicWeb(resolve=names), "https://nobody.example/")):
        with pytest.raises(Refused, match="no way to connect"):
            await web_.fetch(url, may_visit=anywhere)


def _certificate(host: str, folder: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    path = folder / "certificate.pem"
    plain = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + pem)
    return path


async def test_who_answers_by_https_must_be_who_was_asked(tmp_path: Path) -> None:
    path = _certificate("site.example", tmp_path)
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(path)
    trusted = ssl.create_default_context(cafile=str(path))
    async with site(tls=served) as page:
        page.text("/", "hello")
        web_ = client(page, Names(), tls=trusted)
        secure = page.url().replace("http://", "https://")
        assert (await web_.fetch(secure, may_visit=anywhere)).data == b"hello"
        with pytest.raises(Refused, match="no way to connect"):
            await web_.fetch(secure.replace("site.example", "other.example"), may_visit=anywhere)
        with pytest.raises(Refused, match="no way to connect"):
            await client(page, Names()).fetch(secure, may_visit=anywhere)

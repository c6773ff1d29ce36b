"""Documents as people send them, and as people who mean harm make them."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import sys
import time
import zipfile
import zlib
from pathlib import Path
from typing import ClassVar

import pypdf
import pytest

from adapters.tools.documents.reader import BYTES, Documents
from adapters.tools.sandbox.cell import landlock
from app.ports.documents import DocumentKind, DocumentReader, Unreadable
from tests.adapters.tools.documents import samples
from tests.conformance.document_reader import DocumentReaderSuite

OFFICE = [DocumentKind.DOCX, DocumentKind.XLSX, DocumentKind.PPTX]
BODIES = {
    DocumentKind.DOCX: "word__document_xml",
    DocumentKind.XLSX: "xl__worksheets__sheet1_xml",
    DocumentKind.PPTX: "ppt__slides__slide1_xml",
}
LAUGHS = b"""<?xml version="1.0"?><!DOCTYPE a [<!ENTITY l0 "ha">%s]><a>&l9;</a>""" % b"".join(
    b'<!ENTITY l%d "%s">' % (at, b"&l%d;" % (at - 1) * 10) for at in range(1, 10)
)


class TestDocuments(DocumentReaderSuite):
    good: ClassVar = {
        **samples.GOOD,
        DocumentKind.XLSX: samples.sheet(("when",), ("Friday it is.",)),
        DocumentKind.HTML: samples.page("Friday it is."),
    }
    words = "Friday it is."

    @pytest.fixture
    def reader(self) -> DocumentReader:
        return Documents()


async def text(kind: DocumentKind, data: bytes, *, limit: int = 100_000, url: str = "") -> str:
    return (await Documents().read(kind, data, limit=limit, url=url)).text


async def why_not(kind: DocumentKind, data: bytes, *, seconds: float = 30.0) -> str:
    began = time.monotonic()
    with pytest.raises(Unreadable) as refused:
        await Documents(seconds=seconds).read(kind, data, limit=100_000)
    assert time.monotonic() - began < 60
    return str(refused.value)


async def test_pages_of_a_pdf_are_told_apart() -> None:
    told = await text(DocumentKind.PDF, samples.pdf("One.", "", "Three."))
    assert told.split("\n") == ["[Page 1]", "One.", "", "[Page 3]", "Three."]


async def test_a_title_is_told() -> None:
    reader = Documents()
    assert (await reader.read(DocumentKind.DOCX, samples.word(), limit=1000)).title == "The plan"
    assert (await reader.read(DocumentKind.PDF, samples.pdf("x", title="A paper"), limit=1000)).title == "A paper"
    assert (await reader.read(DocumentKind.HTML, samples.page(), limit=1000)).title in ("News", "Big")


async def test_headings_lists_and_tables_of_a_letter_are_markdown_in_their_order() -> None:
    told = await text(DocumentKind.DOCX, samples.word())
    assert told.splitlines() == ["# Plan", "Friday it is.", "- first", "| who | what |", "| Ann | a\\|b |"]


async def test_a_workbook_is_its_values_sheet_by_sheet() -> None:
    told = await text(DocumentKind.XLSX, samples.sheet())
    assert told.splitlines() == ["## Sheet: Numbers", "name,amount", "Ann,1.5", '"Ben, Jr.",2']


async def test_slides_have_numbers_titles_and_notes() -> None:
    told = await text(DocumentKind.PPTX, samples.slides("One\nTwo"))
    assert told.splitlines() == ["## Slide 1: Hello", "- One", "- Two", "Notes: Speak slowly."]


async def test_of_a_web_page_the_story_is_told_and_the_menu_is_not() -> None:
    told = await text(DocumentKind.HTML, samples.page(), url="https://news.example/today")
    assert "people talked about it" in told
    assert "Menu entry" not in told


async def test_a_page_without_a_story_is_told_whole_without_its_scripts() -> None:
    told = await text(DocumentKind.HTML, b"<html><body><script>let a</script><p>Closed &amp; gone</p></body></html>")
    assert told == "Closed & gone"


async def test_a_pdf_that_opens_without_a_password_is_read_and_another_is_not() -> None:
    locked = samples.pdf("Friday it is.", password="hunter2")
    assert await why_not(DocumentKind.PDF, locked) == "it is protected by a password"
    open_to_read = pypdf.PdfWriter(clone_from=io.BytesIO(samples.pdf("Friday it is.")))
    open_to_read.encrypt("", owner_password="hunter2", algorithm="AES-256")
    out = io.BytesIO()
    open_to_read.write(out)
    assert "Friday it is." in await text(DocumentKind.PDF, out.getvalue())


async def test_a_scan_is_said_to_have_no_text() -> None:
    assert "no text" in await why_not(DocumentKind.PDF, samples.pdf("", ""))


@pytest.mark.parametrize("kind", [DocumentKind.PDF, *OFFICE])
async def test_a_login_page_is_no_document(kind: DocumentKind) -> None:
    assert "not" in await why_not(kind, b"<!DOCTYPE html><html><body>Sign in</body></html>")


@pytest.mark.parametrize("kind", OFFICE)
async def test_one_office_file_is_not_taken_for_another(kind: DocumentKind) -> None:
    other = samples.GOOD[OFFICE[OFFICE.index(kind) - 1]]
    assert await why_not(kind, other) == "it is not what its name says"


@pytest.mark.parametrize("kind", OFFICE)
async def test_old_and_locked_office_files_are_told_apart(kind: DocumentKind) -> None:
    old = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)
    assert "before 2007" in await why_not(kind, old)
    assert "password" in await why_not(kind, old + "EncryptedPackage".encode("utf-16-le"))


@pytest.mark.parametrize("kind", OFFICE)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
async def test_entities_that_would_grow_without_end_are_not_opened(kind: DocumentKind, encoding: str) -> None:
    bomb = samples.repacked(samples.GOOD[kind], **{BODIES[kind]: LAUGHS.decode().encode(encoding)})
    assert "definitions" in await why_not(kind, bomb)


async def test_an_entity_cannot_fetch_a_file_of_the_machine() -> None:
    secret = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>'
    asked = samples.repacked(samples.word(), word__document_xml=secret)
    assert "definitions" in await why_not(DocumentKind.DOCX, asked)


@pytest.mark.parametrize("kind", OFFICE)
async def test_a_zip_that_grows_a_thousandfold_is_not_unpacked(kind: DocumentKind) -> None:
    bomb = samples.repacked(samples.GOOD[kind], media__big_bin=bytes(130_000_000))
    assert len(bomb) < 1_000_000
    assert "larger unpacked" in await why_not(kind, bomb)


async def test_a_zip_that_lies_about_its_size_is_broken() -> None:
    honest = io.BytesIO()
    with zipfile.ZipFile(honest, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("word/document.xml", b" " * 5_000_000)
    size = (5_000_000).to_bytes(4, "little")
    assert "broken" in await why_not(DocumentKind.DOCX, honest.getvalue().replace(size, (50).to_bytes(4, "little")))


async def test_a_stream_that_unpacks_to_gigabytes_ends_at_a_limit() -> None:
    flat = zlib.compress(zlib.compress(b" " * 1_500_000_000, 9), 9)
    whole = b"/Filter [/FlateDecode /FlateDecode] /Length %d >>\nstream\n%s" % (len(flat), flat)
    bomb = samples.pdf("").replace(b"/Length 0 >>\nstream\n", whole)
    assert await why_not(DocumentKind.PDF, bomb)


async def test_pages_without_end_are_not_counted_for_ever() -> None:
    circle = samples.pdf("x").replace(b"/Kids [4 0 R]", b"/Kids [2 0 R]")
    assert await why_not(DocumentKind.PDF, circle)
    assert "2,000 pages" in await why_not(DocumentKind.PDF, samples.pdf(*["x"] * 2_001))


async def test_a_sheet_that_claims_to_be_endless_is_as_long_as_it_is() -> None:
    body = (
        b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><dimension ref="A1:XFD1048576"/>'
    )
    body += b'<sheetData><row r="1"><c r="A1"><v>1</v></c></row><row r="900000"><c r="A900000"><v>2</v></c></row></sheetData></worksheet>'
    told = await text(DocumentKind.XLSX, samples.repacked(samples.sheet(), xl__worksheets__sheet1_xml=body))
    assert told.splitlines() == ["## Sheet: Numbers", "1", "2"]


async def test_a_page_that_is_nested_without_end_does_no_harm() -> None:
    reader = Documents()
    with contextlib.suppress(Unreadable):
        await reader.read(DocumentKind.HTML, b"<div>" * 200_000 + b"deep", limit=1000)
    assert "people talked" in (await reader.read(DocumentKind.HTML, samples.page(), limit=1000)).text


async def test_what_takes_too_long_is_ended_from_outside() -> None:
    assert "too long" in await why_not(DocumentKind.DOCX, samples.word(), seconds=0.01)


async def test_what_is_larger_than_anything_is_not_even_looked_at() -> None:
    assert "larger than" in await why_not(DocumentKind.PDF, bytes(BYTES + 1))


class Broken(Documents):
    """As if a document had taken its library over: it tries what it can, and tells what worked."""

    def _command(self, result: int) -> list[str]:
        *command, start = super()._command(result)
        return [*command, f"{_TRIES}\n{start.replace('main.start', 'take_over(); main.start')}"]


_TRIES = """
import os, socket, sys
def tries(data, text):
    from worker.texts import NotRead
    worked = []
    for name, attempt in {
        "read": lambda: open("/etc/passwd").read(),
        "write": lambda: open("/tmp/latchkey-was-here", "w"),
        "connect": lambda: socket.create_connection(("127.0.0.1", 9), 1),
        "start": lambda: os.fork() or os._exit(0),
        "signal": lambda: os.kill(os.getppid(), 0),
        "eat": lambda: bytearray(2 << 30),
    }.items():
        try:
            attempt()
        except ConnectionRefusedError:
            worked.append(name)
        except (OSError, MemoryError):
            pass
        else:
            worked.append(name)
    raise NotRead("worked: " + " ".join([*worked, *os.environ]))
def take_over():
    from worker import office
    office.docx = tries
"""


@pytest.mark.skipif(sys.platform != "linux" or not landlock.version(), reason="this kernel has no Landlock")
async def test_a_document_that_takes_its_library_over_reaches_nothing() -> None:
    with pytest.raises(Unreadable) as told:
        await Broken().read(DocumentKind.DOCX, samples.word(), limit=1000)
    assert str(told.value).startswith("worked: ")
    found = set(str(told.value).removeprefix("worked: ").split())
    signals = {"signal"} if landlock.version() < 6 else set[str]()
    assert found <= {"LC_CTYPE", "start"} | signals, found
    assert "start" not in found or os.geteuid() == 0, "only root's processes are not counted"


async def test_nothing_is_left_running() -> None:
    reader = Documents()
    task = asyncio.create_task(reader.read(DocumentKind.DOCX, samples.word(), limit=1000))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert "adapters/tools/documents" not in _commands()
    await reader.aclose()


def _commands() -> str:
    """Of all that this process started and that still runs."""
    children = " ".join(path.read_text() for path in Path("/proc/self/task").glob("*/children")).split()
    return "\n".join(Path(f"/proc/{child}/cmdline").read_text() for child in children)

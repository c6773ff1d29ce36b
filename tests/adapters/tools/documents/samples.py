"""Small documents, made by the libraries of their kinds (and PDFs by hand: the library that reads them writes no text)."""

from __future__ import annotations

import io
import zipfile

import docx
import openpyxl  # type: ignore[import-untyped]
import pptx
import pypdf

from app.ports.documents import DocumentKind


def pdf(*pages: str, password: str = "", title: str = "") -> bytes:
    """One line of text a page; an empty one is a page without text."""
    kids = " ".join(f"{4 + 2 * at} 0 R" for at in range(len(pages)))
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for at, words in enumerate(pages):
        drawn = f"BT /F1 12 Tf 72 720 Td ({words}) Tj ET" if words else ""
        page = f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {5 + 2 * at} 0 R"
        objects.append(f"{page} /Resources << /Font << /F1 3 0 R >> >> >>")
        objects.append(f"<< /Length {len(drawn)} >>\nstream\n{drawn}\nendstream")
    written, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, start=1):
        places.append(len(written))
        written += f"{number} 0 obj\n{body}\nendobj\n".encode("latin-1")
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    size = len(objects) + 1
    end = f"xref\n0 {size}\n0000000000 65535 f \n{table}trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{len(written)}\n%%EOF\n"
    written += end.encode()
    return _finished(written, password, title) if password or title else written


def _finished(written: bytes, password: str, title: str) -> bytes:
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(written))
    if title:
        writer.add_metadata({"/Title": title})
    if password:
        writer.encrypt(password, algorithm="AES-256")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def word(words: str = "Friday it is.", *, title: str = "The plan") -> bytes:
    document = docx.Document()
    document.core_properties.title = title
    document.add_heading("Plan", 1)
    document.add_paragraph(words)
    document.add_paragraph("first", style="List Bullet")
    table = document.add_table(2, 2)
    table.cell(0, 0).text, table.cell(0, 1).text = "who", "what"
    table.cell(1, 0).text, table.cell(1, 1).text = "Ann", "a|b"
    return _saved(document)


def sheet(*rows: tuple[object, ...]) -> bytes:
    book = openpyxl.Workbook()
    book.active.title = "Numbers"
    for row in rows or (("name", "amount"), ("Ann", 1.5), ("Ben, Jr.", 2)):
        book.active.append(row)
    return _saved(book)


def slides(words: str = "One") -> bytes:
    show = pptx.Presentation()
    slide = show.slides.add_slide(show.slide_layouts[1])
    slide.shapes.title.text = "Hello"
    slide.placeholders[1].text = words
    slide.notes_slide.notes_text_frame.text = "Speak slowly."
    return _saved(show)


def page(words: str = "Something happened in town today, and people talked about it.") -> bytes:
    story = f"<p>{words} <a href='/more'>More of it</a> stands elsewhere.</p>" * 5
    menu = "<nav><ul><li>Menu entry</li></ul></nav>"
    return f"<html><head><title>News</title></head><body>{menu}<article><h1>Big</h1>{story}</article></body></html>".encode()


def repacked(data: bytes, **parts: bytes) -> bytes:
    """An office file with these parts in the place of its own; `__` stands for a slash, `_` for a dot."""
    out = io.BytesIO()
    new = {name.replace("__", "/").replace("_", "."): body for name, body in parts.items()}
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for entry in old.infolist():
            if entry.filename not in new:
                made.writestr(entry.filename, old.read(entry))
        for name, body in new.items():
            made.writestr(name, body)
    return out.getvalue()


def _saved(document: object) -> bytes:
    out = io.BytesIO()
    document.save(out)  # type: ignore[attr-defined]
    return out.getvalue()


GOOD = {
    DocumentKind.PDF: pdf("Friday it is."),
    DocumentKind.DOCX: word(),
    DocumentKind.XLSX: sheet(),
    DocumentKind.PPTX: slides("Friday it is."),
    DocumentKind.HTML: page(),
}
"""One of each kind."""

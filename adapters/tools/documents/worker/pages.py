"""Text of PDFs and web pages."""

from __future__ import annotations

import io
from typing import Any

from .texts import NotRead, Text, one_line

_MOST_PAGES = 2_000
_FIRST_BYTES = 1024
_TOO_DEEP = "it is built so deep that it can't be read"


def pdf(data: bytes, text: Text) -> str:
    """Page by page, each with its number; the title."""
    if b"%PDF-" not in data[:_FIRST_BYTES]:
        raise NotRead("it is not a PDF, whatever its name says")
    import pypdf
    from pypdf.errors import PyPdfError

    try:
        reader = pypdf.PdfReader(io.BytesIO(data))
        if reader.is_encrypted and not reader.decrypt(""):
            raise NotRead("it is protected by a password")
        pages = len(reader.pages)
    except PyPdfError:
        raise NotRead("it is a broken PDF") from None
    if pages > _MOST_PAGES:
        raise NotRead(f"it has more than {_MOST_PAGES:,} pages")
    found = False
    for number, page in enumerate(reader.pages, start=1):
        try:
            words = page.extract_text().strip()
        except RecursionError:
            raise NotRead(_TOO_DEEP) from None
        except (MemoryError, NotRead):
            raise
        except Exception:  # noqa: BLE001 - one page that its library can't take must not hide the others
            words = "(This page could not be read.)"
        if words:
            found = found or not words.startswith("(This page")
            text.add(f"\n[Page {number}]\n{words}")
    if not found:
        raise NotRead("there is no text in it, only pictures of pages" if pages else "it has no pages")
    return _title(reader)


def _title(reader: object) -> str:
    try:
        return one_line(getattr(getattr(reader, "metadata", None), "title", ""))
    except Exception:  # noqa: BLE001 - nothing depends on a title
        return ""


def _any(data: bytes) -> Any:
    from lxml import etree, html  # type: ignore[import-untyped]

    try:
        return html.document_fromstring(data.decode(errors="replace"))
    except (etree.LxmlError, ValueError):
        raise NotRead("it is not a web page") from None


def html(data: bytes, text: Text, url: str) -> str:
    """The main text of a page as Markdown; where none stands out, all that is written there. The title."""
    if b"\0" in data and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise NotRead("it is not a web page")
    import trafilatura
    from lxml import html as parser
    from trafilatura.metadata import extract_metadata

    tree = trafilatura.load_html(data)
    if tree is None:  # too short to be called a page
        tree = _any(data)
    title = one_line(tree.findtext(".//head/title"))
    try:
        title = one_line(extract_metadata(tree).title) or title
        words = trafilatura.extract(
            tree, url=url or None, output_format="markdown", include_comments=False, include_links=True
        )
        if not words:
            for odd in tree.xpath("//script | //style | //noscript | //template | //head"):
                odd.drop_tree() if isinstance(odd, parser.HtmlElement) else None
            words = "\n".join(line for part in tree.itertext() if (line := one_line(part)))
    except RecursionError:
        raise NotRead(_TOO_DEEP) from None
    if not words.strip():
        raise NotRead("there is no text on it")
    text.add(words)
    return title

"""Text of Word and PowerPoint files."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

from . import package
from .texts import Text, one_line, table_row

_MOST_SLIDES = 1_000
_DEEPEST = 8


def docx(data: bytes, text: Text) -> str:
    """Paragraphs and tables in their order; the title."""
    package.examine(data, "word/document.xml")
    import docx as library
    from docx.oxml.ns import qn
    from docx.table import Table

    document = library.Document(io.BytesIO(data))
    for block in document.iter_inner_content():
        if isinstance(block, Table):
            for row in block._tbl.tr_lst:  # noqa: SLF001 - the public way looks every cell up anew, which takes minutes
                cells = ["".join(t.text or "" for t in cell.iter(qn("w:t"))) for cell in row.tc_lst]
                text.add(table_row(cells))
            text.add("")
        else:
            style = block.style.name if block.style else None
            text.add(f"{_mark(style or '')}{block.text}")
    return one_line(document.core_properties.title)


def _mark(style: str) -> str:
    kind, _, level = style.partition(" ")
    if kind == "Heading" and level.isdigit():
        return f"\n{'#' * min(int(level), 6)} "
    if style == "Title":
        return "# "
    return "- " if style.startswith("List") else ""


def pptx(data: bytes, text: Text) -> str:
    """Slide by slide: what is written on it, in tables and in its notes; the title."""
    package.examine(data, "ppt/presentation.xml")
    import pptx as library

    show = library.Presentation(io.BytesIO(data))
    for number, slide in enumerate(show.slides, start=1):
        if number > _MOST_SLIDES:
            break
        heading = slide.shapes.title
        title = one_line(heading.text_frame.text) if heading is not None and heading.has_text_frame else ""
        text.add(f"\n## Slide {number}{': ' if title else ''}{title}")
        for shape in slide.shapes:
            if heading is None or shape.shape_id != heading.shape_id:
                for line in _written(shape, _DEEPEST):
                    text.add(line)
        notes = slide.notes_slide.notes_text_frame if slide.has_notes_slide else None
        if notes is not None and notes.text.strip():
            text.add(f"Notes: {notes.text}")
    return one_line(show.core_properties.title)


def _written(shape: Any, deepest: int) -> Iterator[str]:
    if deepest and hasattr(shape, "shapes"):  # a group
        for inner in shape.shapes:
            yield from _written(inner, deepest - 1)
    elif getattr(shape, "has_table", False):
        for row in shape.table.rows:
            yield table_row([cell.text for cell in row.cells])
    elif getattr(shape, "has_text_frame", False):
        for paragraph in shape.text_frame.paragraphs:
            words = "".join(run.text for run in paragraph.runs)
            if words.strip():
                yield f"{'  ' * paragraph.level}- {words}"

"""Text of Excel files: values as their program last saw them, sheet by sheet as CSV."""

from __future__ import annotations

import csv
import io
from datetime import date, datetime, time

from . import package
from .texts import Text, one_line

_MOST_SHEETS = 200
_MOST_COLUMNS = 500


def xlsx(data: bytes, text: Text) -> str:
    """Every sheet with its name; rows and columns without anything are left out at the edges. The title."""
    package.examine(data, "xl/workbook.xml")
    import openpyxl  # type: ignore[import-untyped]

    book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
    for sheet in book.worksheets[:_MOST_SHEETS]:
        sheet.reset_dimensions()  # what a file says of its size is not to be believed
        hidden = "" if sheet.sheet_state == "visible" else " (hidden)"
        text.add(f"\n## Sheet: {one_line(sheet.title)}{hidden}")
        for row in sheet.iter_rows(values_only=True):
            cells = [_shown(value) for value in row[:_MOST_COLUMNS]]
            while cells and not cells[-1]:
                cells.pop()
            if cells:
                text.add(_line(cells))
    return one_line(book.properties.title)


def _shown(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d}" if value.time() == time() else f"{value:%Y-%m-%d %H:%M:%S}"
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, float):
        return f"{value:.15g}"
    return str(value)


def _line(cells: list[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(cells)
    return line.getvalue()

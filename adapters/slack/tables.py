"""Tables → a table block where Slack takes one, else lines of text. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from adapters.slack.elements import WHEN, mrkdwn, plain
from adapters.slack.identity import Json
from adapters.slack.text import cut, escape
from app.domain.views import Bold, Channel, Code, Person, Rich, Span, Table, When

_MOST_ROWS, _LARGEST = 100, 9000
_LONGEST = 2900
_WIDEST = 40


def table(block: Table, *, ringing: bool) -> Json | None:
    """A table block, in which people and channels are shown as Slack does; None where it would be too large."""
    rows = [[(Bold(one),) for one in block.columns], *block.rows]
    if len(rows) > _MOST_ROWS or sum(len(plain(cell)) for row in rows for cell in row) > _LARGEST:
        return None
    heads = [{"type": "raw_text", "text": one or "–"} for one in block.columns]
    cells = [[_cell(cell, ringing=ringing) for cell in row] for row in block.rows]
    return {"type": "table", "rows": [heads, *cells]}


def in_words(block: Table, *, ringing: bool) -> Iterator[Json]:
    """The same as text: a line for each row where somebody is named in it, else in columns."""
    if not any(isinstance(span, Person | Channel) for row in block.rows for cell in row for span in cell):
        yield from aligned([list(block.columns), *([plain(cell) for cell in row] for row in block.rows)])
        return
    heads = escape(" · ".join(one for one in block.columns if one))
    lines = [" · ".join(filter(None, (mrkdwn(cell, ringing=ringing) for cell in row))) for row in block.rows]
    for chunk in _chunks([f"*{heads}*" if heads else "", *lines]):
        yield {"type": "section", "text": {"type": "mrkdwn", "text": "\n".join(chunk), "verbatim": True}}


def aligned(rows: list[list[str]]) -> Iterator[Json]:
    """Text in columns, in as many sections as it takes."""
    widths = [
        min(max((len(row[at]) for row in rows if at < len(row)), default=0), _WIDEST) for at in range(len(rows[0]))
    ]
    lines = [
        "  ".join(cut(cell, _WIDEST).ljust(width) for cell, width in zip(row, widths, strict=False)).rstrip()
        for row in rows
    ]
    for chunk in _chunks([escape(line) for line in lines]):
        text = "\n".join(chunk)
        yield {"type": "section", "text": {"type": "mrkdwn", "text": f"```\n{text}\n```", "verbatim": True}}


def _chunks(lines: Sequence[str]) -> Iterator[list[str]]:
    """So many lines together as one text takes."""
    chunk: list[str] = []
    for line in lines:
        if chunk and sum(len(one) + 1 for one in chunk) + len(line) > _LONGEST:
            yield chunk
            chunk = []
        chunk.append(line[:_LONGEST])
    yield chunk


def _cell(cell: Rich, *, ringing: bool) -> Json:
    if not any(isinstance(span, Person | Channel | When | Code | Bold) for span in cell):
        return {"type": "raw_text", "text": plain(cell) or "–"}
    made = [_element(span, ringing=ringing) for span in cell if plain((span,))]
    section = {"type": "rich_text_section", "elements": made}
    return {"type": "rich_text", "elements": [section]}


def _element(span: Span, *, ringing: bool) -> Json:
    match span:
        case Person() if not ringing:
            return {"type": "user", "user_id": span.user.id}
        case Channel():
            return {"type": "channel", "channel_id": span.id}
        case When():
            shown = "{date_short_pretty} {time}"
            return {
                "type": "date",
                "timestamp": int(span.at.timestamp()),
                "format": shown,
                "fallback": span.at.strftime(WHEN),
            }
        case Bold():
            return {"type": "text", "text": span.text, "style": {"bold": True}}
        case Code():
            return {"type": "text", "text": span.text, "style": {"code": True}}
        case _:
            return {"type": "text", "text": plain((span,))}

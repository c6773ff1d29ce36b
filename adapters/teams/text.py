"""Text on its way to Teams: made inert, and split without breaking. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from app.domain.spans import Span, spans

JOINER = "\u2060"
"""A word joiner: invisible, and enough to keep `<at>` from being a tag."""

_RINGS = re.compile(r"<(?=[a-z/!?@#])|@(?=(?:channel|here|everyone|team|all)\b)", re.IGNORECASE)
_RINGS_IN_CODE = re.compile(r"<(?=/?at\b)|@(?=(?:channel|here|everyone)\b)", re.IGNORECASE)
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]"
)
"""Controls, marks of direction and characters without a width; not the joiners that emoji and Persian are written with."""
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")
_DEFINITION = re.compile(r"^ {0,3}\[[^\]\n]+\]:")
_PAIRS = (("[", "]"), ("](", ")"), ("<", ">"))
_LONG_RUN = re.compile(r"`{65,}|~{65,}")
"""More than anybody needs, and too much to be repeated in every message that a fence goes on in."""
_LONGEST_OPENER = 200
"""Of a fence's opening line, to be repeated; of a longer one only the marks are."""
_HELD_AT_MOST = 400
"""Characters that wait for a link or a code span to be closed; a longer one is shown as it is."""


def size(text: str) -> int:
    """How much of a message's limit a text takes: Teams counts UTF-16."""
    return len(text.encode("utf-16-le", "surrogatepass"))


def inert(markdown: str) -> str:
    """A model's Markdown as it may be shown: nobody is rung, no tag is one, and a link is its label and its address as code.

    An image would be fetched by whoever opens the chat, and a link's label can lie about its address.
    """
    lines, fence = [], ""
    text = _LONG_RUN.sub(lambda run: run[0][:64], _UNSEEN.sub("", markdown))
    for line in text.splitlines(keepends=True):
        found = _FENCE.match(line)
        if fence:
            if found and found[1].startswith(fence) and not found[2].strip():
                fence = ""
            lines.append(_unring(line, _RINGS_IN_CODE))
        elif found and "`" not in found[2]:
            fence = found[1]
            lines.append(_unring(line, _RINGS_IN_CODE))
        else:
            lines.append(_inline(line))
    return "".join(lines)


def steady(markdown: str) -> str:
    """The beginning of an unfinished text up to which it will be shown in the same way, however it goes on."""
    head, newline, line = markdown.rpartition("\n")
    before = head + newline
    in_fence = bool(open_fence(before))
    at = len(line)
    while len(line) - at < _HELD_AT_MOST:
        at = line.rfind(" ", 0, at)
        if at < 0:
            return before if len(line) < _HELD_AT_MOST else markdown
        if in_fence or not _is_open(line, at + 1):
            return before + line[: at + 1]
    return markdown


def _is_open(line: str, end: int) -> bool:
    """Whether something that began in this part of the line may be closed only behind it."""
    unclosed = any(line.rfind(opening, 0, end) > line.rfind(closing, 0, end) for opening, closing in _PAIRS)
    return unclosed or line.count("`", 0, end) % 2 == 1


def _inline(text: str) -> str:
    if _DEFINITION.match(text):
        text = text.replace("[", "[" + JOINER, 1).replace("]:", "]" + JOINER + ":", 1)
    return "".join(_inert_piece(one) if isinstance(one, Span) else _unring(one) for one in _pieces(text))


def _pieces(text: str) -> Iterator[Span | str]:
    """The line's spans, and what is between them."""
    at = 0
    for span in spans(text):
        yield text[at : span.start]
        yield span
        at = span.end
    yield text[at:]


def _inert_piece(span: Span) -> str:
    if span.code:
        return _unring(span.code, _RINGS_IN_CODE)
    if span.url is not None:
        return _labelled(span.label, span.url)
    address = span.auto or span.bare
    end = address[len(address.rstrip(".,;:!?)]}'\"*_")) :] if span.bare else ""
    return _as_code(address.removesuffix(end) if end else address) + end


def _labelled(label: str, url: str) -> str:
    label = "".join(_inert_piece(one) if isinstance(one, Span) else one for one in _pieces(label))
    if not url:
        return _unring(label)
    return f"{_unring(label)} ({_as_code(url)})" if label and label.strip("`") != url else _as_code(url)


def _as_code(url: str) -> str:
    return f"`{url.replace('`', '%60')}`"


def _unring(text: str, rings: re.Pattern[str] = _RINGS) -> str:
    return rings.sub(lambda ring: ring[0] + JOINER, text)


def open_fence(markdown: str) -> str:
    """The line that opened the code block in which this text ends; empty when it ends in none."""
    opener = marker = ""
    for line in markdown.splitlines():
        fence = _FENCE.match(line)
        if not fence:
            continue
        if not opener and "`" not in fence[2]:
            opener, marker = line.strip(), fence[1]
            opener = opener if len(opener) <= _LONGEST_OPENER else marker
        elif opener and fence[1].startswith(marker) and not fence[2].strip():
            opener = ""
    return opener


def closed(markdown: str) -> str:
    """The text with its open code fence closed."""
    opener = open_fence(markdown)
    if not opener:
        return markdown
    marker = opener[: len(opener) - len(opener.lstrip(opener[0]))]
    return f"{markdown}{'' if markdown.endswith(chr(10)) else chr(10)}{marker}"


def split(markdown: str, room: int) -> list[str]:
    """The text in parts of at most `room` (see `size`); a code fence that is cut is closed, and opened again in the next part.

    The beginning of a longer text is split in the same way, save for the last part.
    """
    parts: list[str] = []
    rest, opener = markdown, ""
    while rest or not parts:
        prefix = f"{opener}\n" if opener else ""
        head, rest = _head_and_tail(rest, room - size(prefix) - max(16, min(130, room // 9)))
        part = prefix + head
        opener = open_fence(part) if rest else ""
        parts.append(closed(part) if rest else part)
    return parts


def _head_and_tail(text: str, room: int) -> tuple[str, str]:
    """Split at a blank line, a line's end or a space, as late as is good."""
    if size(text) <= room:
        return text, ""
    head = text.encode("utf-16-le", "surrogatepass")[: max(room // 2 * 2, 2)].decode("utf-16-le", errors="ignore")
    for mark, worth in (("\n\n", 0.5), ("\n", 0.3), (" ", 0.1)):
        at = head.rfind(mark)
        if at >= len(head) * worth and at >= 0:
            return text[: at + len(mark)], text[at + len(mark) :]
    return head, text[len(head) :]


def cut(text: str, longest: int) -> str:
    """The text, shortened visibly where it is too long."""
    return text if len(text) <= longest else text[: longest - 1] + "…"

"""Text on its way to Teams: made inert, and split without breaking. Pure."""

from __future__ import annotations

import re

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
_UNCLOSED = re.compile(r"\[[^\]]*$|\]\([^)]*$|<[^>]*$")
_INLINE = re.compile(
    r"""
      (?P<code>(?P<ticks>`+)(?!`).*?(?<!`)(?P=ticks)(?!`))
    | !?\[(?P<label>[^\]\n]*)\]\((?P<url>[^()\s]*(?:\([^()\s]*\)[^()\s]*)*)(?:\s+["'(][^\n]*?["')])?\)
    | <(?P<auto>(?:https?://|mailto:|www\.)[^>\s]+)>
    | (?P<bare>(?:https?://|www\.)[^\s<>`]+|(?:[a-z0-9-]{1,63}\.){1,40}[a-z]{2,63}/[^\s<>`]+)
    """,
    re.VERBOSE | re.IGNORECASE,
)
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
    for line in _UNSEEN.sub("", markdown).splitlines(keepends=True):
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
        shown = line[: at + 1]
        if in_fence or (shown.count("`") % 2 == 0 and not _UNCLOSED.search(shown)):
            return before + shown
    return markdown


def _inline(text: str) -> str:
    if _DEFINITION.match(text):
        text = text.replace("[", "[" + JOINER, 1).replace("]:", "]" + JOINER + ":", 1)
    pieces, at = [], 0
    for found in _INLINE.finditer(text):
        pieces += [_unring(text[at : found.start()]), _inert_piece(found)]
        at = found.end()
    return "".join([*pieces, _unring(text[at:])])


def _inert_piece(found: re.Match[str]) -> str:
    if found["code"]:
        return _unring(found["code"], _RINGS_IN_CODE)
    if found["url"] is not None:
        return _labelled(found["label"], found["url"])
    address = found["auto"] or found["bare"]
    end = address[len(address.rstrip(".,;:!?)]}'\"*_")) :] if found["bare"] else ""
    return _as_code(address.removesuffix(end) if end else address) + end


def _labelled(label: str, url: str) -> str:
    label = _INLINE.sub(_inert_piece, label)
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
        head, rest = _head_and_tail(rest, room - size(prefix) - 16)
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

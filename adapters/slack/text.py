"""Text on its way to Slack and back: made inert, split without breaking, and read from Slack's own markup. Pure."""

from __future__ import annotations

import re
from itertools import takewhile

from adapters.slack.fences import Fences, closed, reopening
from app.domain.spans import Span, spans

JOINER = "\u2060"
"""A word joiner: invisible, and enough to keep `<!channel>` from being one."""

_RINGS = re.compile(r"<(?=[!@#])|@(?=(?:channel|here|everyone)\b)", re.IGNORECASE)
_HALF_A_RING = re.compile(r"(?:<|@\w{0,8})$")
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]"
)
"""Controls, marks of direction and characters without a width; not the joiners that emoji and Persian are written with."""
_PREFIX = r"[ \t>]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)*"
_FENCE_ELSEWHERE = re.compile(rf"{_PREFIX}(?:`{{3,}}|~{{3,}})[\w+#-]*\s*")
"""A line that looks like a fence where we follow none (in a quotation): its marks pair with nothing that we write."""
_TO_BE_SEEN_WHOLE = re.compile(rf"{_PREFIX}(?:[`~|]|[-*+]?$|\d+[.)]?$)")
"""A line that may become one, or of which too little is known; or the row of a table, which is shown whole."""
_TICKS = re.compile(r"`+")
_LONG_RUN = re.compile(r"`{65,}|~{65,}")
"""More than anybody needs, and too much to be repeated in every message that a fence goes on in."""
_DEEPEST = 8
"""Backticks of code in which other backticks may still be code; nested deeper, they are marks like others."""
_HELD_AT_MOST = 400
"""Characters that wait for a link or a code span to be closed; a longer one is shown as it is."""


class Inert:
    """Makes a model's Markdown harmless while it streams: nobody is rung, no link is fetched for a preview.

    Streamed and edited messages have no `unfurl_links=false`, so a link becomes its label and its address as code. What `feed` has
    returned is never taken back; `flush` gives the rest.
    """

    def __init__(self) -> None:
        self._held = ""
        self._fences = Fences()
        self._line_so_far = ""
        self._is_code = self._is_kept = False
        self._last = ""  # the last character that was shown

    def feed(self, text: str) -> str:
        """More Markdown in, what can be shown of it out."""
        self._held += _UNSEEN.sub("", text)
        cut = _whole_until(self._held, in_fence=self._is_code, new_line=not self._line_so_far)
        ready, self._held = self._held[:cut], self._held[cut:]
        return self._made_inert(ready)

    def flush(self) -> str:
        """What was held back because more of it might have come."""
        ready, self._held = self._held, ""
        return self._made_inert(ready)

    def _made_inert(self, text: str) -> str:
        text = _LONG_RUN.sub(lambda run: run[0][:64], text)
        return "".join(self._piece(piece) for piece in re.findall(r"[^\n]*\n|[^\n]+", text))

    def _piece(self, piece: str) -> str:
        """A line, or what is known of one."""
        if self._line_so_far:
            shown = _unring(piece) if self._is_kept else _inline(piece, after=self._last)
        else:
            shown = self._begun(piece)
        self._line_so_far = "" if piece.endswith("\n") else self._line_so_far + piece
        self._last = shown[-1:] or self._last
        return shown

    def _begun(self, piece: str) -> str:
        """A line's first piece."""
        inside = bool(self._fences.opener)
        self._is_code = self._fences.line(piece if piece.endswith("\n") else piece + self._held)
        self._is_kept = self._is_code or _FENCE_ELSEWHERE.fullmatch(piece) is not None
        ended = self._fences.ended
        if self._is_code:
            code = self._fences.outdented(piece)
            piece = (
                code if inside and not ended else code.replace("|", "")
            )  # or it might be read as the head of a table
        return ended + (_unring(piece) if self._is_kept else _inline(piece, after=self._last))


def inert(markdown: str) -> str:
    """A whole answer made harmless."""
    one = Inert()
    return one.feed(markdown) + one.flush()


def _inline(text: str, *, after: str = "") -> str:
    """A line outside of fences, or a piece of one. Every backtick that is left pairs with its own: no other can open a link's code."""
    shown, at = after, 0
    found = list(spans(text, escapes=True))
    apart = text.lstrip().startswith("|") or any(
        not span.code or next(spans(span.body, escapes=True), None) for span in found
    )
    for span in found:
        shown += _plain(text[at : span.start])
        piece = _inert_piece(span, apart=apart)
        shown += JOINER + piece if piece.startswith("`") and shown.endswith(("`", "\\")) else piece
        at = span.end
    return (shown + _plain(text[at:]))[len(after) :]


def _inert_piece(span: Span, *, apart: bool) -> str:
    if span.code:
        return _code_span(span.ticks, span.body, apart=apart)
    if span.url is not None:
        return _labelled(span.label, span.url)
    if span.auto:
        return _labelled(span.name, span.auto)
    bare = span.bare
    end = "".join(takewhile(lambda c: c in ".,;:!?)]}'\"*_", reversed(bare)))[::-1]
    return _as_code(bare.removesuffix(end)) + end


def _code_span(ticks: str, body: str, *, apart: bool) -> str:
    """`apart`: a bar may begin another cell of a table, whatever the backticks say, so none is left inside."""
    if "`" in body and (len(ticks) > 2 or "```" in body or apart):
        mark = _plain(ticks)
        return f"{mark}{_inline(body if len(ticks) <= _DEEPEST else _plain(body))}{mark}"
    ticks = ticks if "`" in body else "`"
    return _unring("|".join(f"{ticks}{part}{ticks}" if part else "" for part in (body.split("|") if apart else [body])))


def _labelled(label: str, url: str) -> str:
    if not label or label.strip("`") == url:
        return _as_code(url) if url else label
    return f"{_inline(label)} ({_as_code(url)})"


def _as_code(url: str) -> str:
    return f"`{_unring(url.replace('`', '%60').replace('|', '%7C'))}`"


def _plain(text: str) -> str:
    return _unring(re.sub(r"\\?`", "ˋ", text).replace("](", f"]{JOINER}("))


def _unring(text: str) -> str:
    return _RINGS.sub(lambda ring: ring[0] + JOINER, text)


def _whole_until(text: str, *, in_fence: bool, new_line: bool) -> int:
    """How much of the text surely has no construct that only its continuation would complete."""
    line_start = text.rfind("\n") + 1
    line = text[line_start:]
    if (new_line or line_start) and _TO_BE_SEEN_WHOLE.match(line):
        return line_start
    cut = max(text.rfind(" "), text.rfind("\n"), text.rfind("\t")) + 1
    if in_fence and not line_start:
        return cut
    shown = text[line_start:cut]
    for opener in (_open_code(shown), _open_link(shown)):
        if opener >= 0:
            cut = min(cut, line_start + opener)
    return len(_HALF_A_RING.sub("", text[:cut] if len(text) - cut < _HELD_AT_MOST else text))


def _open_code(line: str) -> int:
    """Where a code span begins that is not closed in this line; -1 if there is none."""
    at = 0
    while run := _TICKS.search(line, at):
        end = line.find(run[0], run.end())
        if end < 0:
            return run.start()
        at = end + len(run[0])
    return -1


def _open_link(line: str) -> int:
    start = max(line.rfind("["), line.rfind("<"))
    if start < 0:
        return -1
    rest = line[start:]
    closed = re.match(r"\[[^\]\n]*\](?:\([^)\n]*\)|(?!\()[\s\S])|<[^>\n]*>|<\s", rest)
    return -1 if closed else start - (start > 0 and line[start - 1] == "!")


def head_and_tail(text: str, room: int) -> tuple[str, str]:
    """Split so that the head has at most `room` bytes: at a blank line, a line's end or a space, as late as is good."""
    if len(text.encode()) <= room:
        return text, ""
    head = text.encode()[: max(room, 0)].decode(errors="ignore")
    for mark, worth in (("\n\n", 0.5), ("\n", 0.3), (" ", 0.1)):
        at = head.rfind(mark)
        if at >= len(head) * worth and at >= 0:
            return text[: at + len(mark)], text[at + len(mark) :]
    return head, text[len(head) :]


def split(markdown: str, limit: int) -> list[str]:
    """The text in parts of at most `limit` bytes; a code fence that is cut is closed, and opened again in the next part; a table's head is repeated."""
    parts: list[str] = []
    rest, opener = markdown, ""
    while rest or not parts:
        prefix = f"{opener}\n" if opener else ""
        head, rest = head_and_tail(rest, max(limit - len(prefix.encode()) - max(8, min(65, limit // 9)), 4))
        part = prefix + head
        opener = reopening(part, rest)
        parts.append(closed(part) if rest else part)
    return parts


_MARKUP = re.compile(r"<([@#!]?)([^<>|]*)(?:\|([^<>]*))?>")


def unescape(text: str) -> str:
    """What a person wrote, out of Slack's markup: people stay `<@ID>`, channels become `#name`, links their address."""
    plain = _MARKUP.sub(_readable, text)
    return plain.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _readable(found: re.Match[str]) -> str:
    sigil, target, label = found[1], found[2], found[3]
    if sigil == "@":
        return f"<@{target}>"
    if sigil == "#":
        return f"#{label or target}"
    if sigil == "!":
        return label or f"@{target.partition('^')[0]}"
    address = target.removeprefix("mailto:")
    return address if not label or label in {target, address} else f"{label} ({address})"


def literal(text: str) -> str:
    """Text for a place where Slack reads no markup but mentions and links, such as the `text` beside blocks."""
    return _UNSEEN.sub("", text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def escape(text: str) -> str:
    """Text for mrkdwn that stays what it is: no mention, no link, no bold."""
    safe = literal(text).replace("*", "∗").replace("`", "ˋ").replace("~", "∼")
    return re.sub(r"(?<!\w)_|_(?!\w)", "ˍ", safe)


def cut(text: str, longest: int) -> str:
    """The text, shortened visibly where it is too long."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def title_of(text: str) -> str:
    """A few words for a list of conversations; without long ones, so that nothing pasted (a key, a link) becomes a title."""
    words = [word for word in text.split() if len(word) <= 20 and not word.startswith("<")]
    return cut(" ".join(words[:9]), 60)

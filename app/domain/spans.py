"""Where a line of Markdown has code, links and addresses; found in time that grows with the line, whatever somebody made it of. Pure."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

_TICKS = re.compile(r"`+")
_OPENERS = re.compile(r"!?\[|<(?=https?://|mailto:|www\.)", re.IGNORECASE)
_SCHEMES = re.compile(r"(?:https?://|www\.)(?=[^\s<>`])", re.IGNORECASE)
_HOSTS = re.compile(r"(?P<host>[a-z0-9.-]+)(?P<path>/(?=[^\s<>`]))?", re.IGNORECASE)
_TOP_LEVEL = re.compile(r"[a-z]{2,63}", re.IGNORECASE)
_AUTO = re.compile(r"<(?:https?://|mailto:|www\.)", re.IGNORECASE)
_URL = re.compile(r"\]\((?P<url>[^()\s]*(?:\([^()\s]*\)[^()\s]*)*)")
_TITLE = re.compile(r"\s+[\"'(]")
_END_OF_TITLE = re.compile(r"[\"')](?=\))")
_END_OF_AUTO, _END_OF_NAMED = re.compile(r"[>\s]"), re.compile(r"[>\s|]")
_END_OF_BARE = re.compile(r"[\s<>`]")

_LONGEST_LABEL, _MOST_LABELS = 63, 40


@dataclass(frozen=True, slots=True)
class Span:
    """One of: `code` (with its `ticks` and `body`), a link (`label` and `url`, which may be empty), an address in angle brackets (`auto`, and
    perhaps its `name`), an address as it is (`bare`).
    """

    start: int
    end: int
    code: str = ""
    ticks: str = ""
    body: str = ""
    label: str = ""
    url: str | None = None
    auto: str = ""
    name: str = ""
    bare: str = ""


def spans(line: str, *, escapes: bool = False) -> Iterator[Span]:
    """The spans of one line, in order; none is inside of another.

    With `escapes` a backslash before backticks keeps them from opening code, a run of them opens it whole or not at all, and `<address|name>`
    has a name.
    """
    return _Line(line, escapes=escapes).spans()


class _Line:
    """What is looked up again and again is looked for once: the same closing mark may be asked for by each of many opening ones."""

    def __init__(self, text: str, *, escapes: bool) -> None:
        self._text = text
        self._escapes = escapes
        self._run_end: dict[int, int] = {}
        self._runs: dict[int, list[int]] = defaultdict(list)
        for run in _TICKS.finditer(text):
            self._runs[len(run[0])].append(run.start())
            self._run_end.update(dict.fromkeys(range(run.start(), run.end()), run.end()))
        self._positions: dict[re.Pattern[str] | str, list[int]] = {}
        self._targets: dict[int, tuple[str, int] | None] = {}

    def spans(self) -> Iterator[Span]:
        text, at = self._text, 0
        bare = {found.start() for found in _SCHEMES.finditer(text)} | set(_hosts(text))
        openers = {found.start() for found in _OPENERS.finditer(text)}
        for start in sorted(bare | openers | self._run_end.keys()):
            if start < at:
                continue
            found = self._bare(start) if start in bare else self._opened(start)
            if found:
                yield found
                at = found.end

    def _opened(self, start: int) -> Span | None:
        match self._text[start]:
            case "`":
                return self._code(start)
            case "<":
                return self._auto(start)
        return self._link(start)

    def _code(self, start: int) -> Span | None:
        text, end = self._text, self._run_end[start]
        if self._escapes and start and text[start - 1] in "`\\":
            return None
        same = self._runs.get(end - start, [])
        later = bisect_left(same, end)
        if later == len(same):
            return None
        close = same[later]
        until = close + end - start
        return Span(start, until, code=text[start:until], ticks=text[start:end], body=text[end:close])

    def _link(self, start: int) -> Span | None:
        opened = self._text.index("[", start) + 1
        closed = self._next("]", opened)
        if closed < 0:
            return None
        if closed not in self._targets:
            self._targets[closed] = self._target(closed)
        target = self._targets[closed]
        return target and Span(start, target[1], label=self._text[opened:closed], url=target[0])

    def _target(self, closed: int) -> tuple[str, int] | None:
        """An address in parentheses, and where it ends."""
        found = _URL.match(self._text, closed)
        if not found:
            return None
        if self._text.startswith(")", found.end()):
            return found["url"], found.end() + 1
        title = _TITLE.match(self._text, found.end())
        end = self._next(_END_OF_TITLE, title.end()) if title else -1
        return (found["url"], end + 2) if end >= 0 else None

    def _auto(self, start: int) -> Span | None:
        text, begun = self._text, _AUTO.match(self._text, start)
        if not begun:
            return None
        end = self._next(_END_OF_NAMED if self._escapes else _END_OF_AUTO, begun.end())
        if end <= begun.end() or text[end].isspace():
            return None
        last = end if text[end] == ">" else self._next(">", end)
        return Span(start, last + 1, auto=text[start + 1 : end], name=text[end + 1 : last]) if last >= 0 else None

    def _bare(self, start: int) -> Span:
        end = self._next(_END_OF_BARE, start)
        end = end if end >= 0 else len(self._text)
        return Span(start, end, bare=self._text[start:end])

    def _next(self, mark: re.Pattern[str] | str, at: int) -> int:
        """Where the mark stands next, from `at` on; -1 if nowhere."""
        if mark not in self._positions:
            pattern = re.escape(mark) if isinstance(mark, str) else mark
            self._positions[mark] = [found.start() for found in re.finditer(pattern, self._text)]
        known = self._positions[mark]
        later = bisect_left(known, at)
        return known[later] if later < len(known) else -1


def _hosts(text: str) -> Iterator[int]:
    """Where addresses without a scheme begin: names with dots, up to a slash with something behind it."""
    for found in _HOSTS.finditer(text):
        *labels, last = found["host"].rsplit(".", _MOST_LABELS)
        if not found["path"] or not labels or not _TOP_LEVEL.fullmatch(last):
            continue
        begun = start = found.end("host") - len(last)
        for label in (dotted.rpartition(".")[2] for dotted in reversed(labels)):
            if not label:
                break
            start -= 1 + min(len(label), _LONGEST_LABEL)
            if len(label) > _LONGEST_LABEL:
                break
        if start < begun:
            yield start

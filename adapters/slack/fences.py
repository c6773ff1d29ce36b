"""Code fences of Markdown, followed line by line, those inside of list items too. Pure."""

from __future__ import annotations

import re
from itertools import takewhile

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")
_ITEM = re.compile(r" {0,3}(?:[-*+]|(?P<number>\d{1,9})[.)])(?: {1,4}(?=\S)|$)")

_RULE_OF_TABLE = re.compile(r"\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?")
_LONGEST_HEAD = 800
_LONGEST_OPENER = 200
"""Of a fence's opening line, to be repeated; of a longer one only the marks are."""


class Fences:
    """Tells which lines are code, and shows fences in list items without their indentation: so they are fences to whoever reads on,
    in another message too. `opener` is the line that opened the fence now open; empty if none is.
    `ended` closes a fence that, with the line just read, ended because its list item did.
    """

    def __init__(self) -> None:
        self.opener = ""
        self.ended = ""
        self._marker = ""
        self._margin = 0  # how much further than the list item's text an opening or closing line begins
        self._items: list[int] = []  # where the text of the list items begins that we are inside of
        self._in_paragraph = False

    def line(self, line: str) -> bool:
        """Whether this line opens, closes or is inside a fence. Every line is to be shown once, in order."""
        self.ended, self._margin = "", 0
        body = line.expandtabs(4).rstrip()
        inset = len(body) - len(body.lstrip(" "))
        if self.opener and (not body or inset >= self._inset):
            found = _FENCE.match(body[self._inset :])
            if found and found[1].startswith(self._marker) and not found[2].strip():
                self.opener, self._margin = "", found.start(1)
            return True
        if self.opener:  # less indented than the list item that the fence stands in: both have ended
            self.opener, self.ended = "", f"{self._marker}\n"
        return self._opens(body, inset) if body else self._blank()

    def outdented(self, line: str) -> str:
        """A line that is code (or the beginning of one), where it stands outside of the list item that it was in."""
        margin = len(line) - len(line.lstrip(" \t"))
        line = line[:margin].expandtabs(4) + line[margin:]
        item, code = line[: self._inset].rstrip(" "), line[self._inset :]
        code = code[min(self._margin, len(code) - len(code.lstrip(" "))) :]
        return f"{item}\n{code}" if item.strip() else code

    @property
    def _inset(self) -> int:
        return self._items[-1] if self._items else 0

    def _blank(self) -> bool:
        self._in_paragraph = False
        return False

    def _opens(self, body: str, inset: int) -> bool:
        while self._items and inset < self._items[-1]:
            self._items.pop()
        at = self._inset
        while item := _ITEM.match(body, at):
            empty = item.end() == len(body)
            if (empty or item["number"] not in {None, "1"}) and self._in_paragraph and not self._items:
                break  # neither an empty item nor a number other than 1 interrupts a paragraph
            at = item.end() + empty
            self._items.append(at)
        fence = _FENCE.match(body[at:])
        self._in_paragraph = not fence
        if not fence or (fence[1][0] == "`" and "`" in fence[2]):
            return False
        said = body[at:].strip()
        self.opener, self._marker = said if len(said) <= _LONGEST_OPENER else fence[1], fence[1]
        self._margin = fence.start(1)
        return True


def open_fence(markdown: str) -> str:
    """The opening line of a code fence that this text leaves open; empty if it leaves none."""
    fences = Fences()
    for line in markdown.split("\n"):
        fences.line(line)
    return fences.opener


def closed(markdown: str) -> str:
    """The text with its open code fence closed."""
    opener = open_fence(markdown)
    if not opener:
        return markdown
    marker = opener[: len(opener) - len(opener.lstrip(opener[0]))]
    return f"{markdown}{'' if markdown.endswith(chr(10)) else chr(10)}{marker}"


def reopening(text: str, rest: str) -> str:
    """What the next message is to begin with, for `rest` to mean what it meant after `text`: a fence's opening line, or a table's head."""
    opener = open_fence(text)
    if opener or not text.endswith("\n") or not _is_row(rest):
        return opener
    rows = list(takewhile(_is_row, reversed(text[:-1].split("\n"))))
    head = "\n".join(reversed(rows[-2:]))
    is_table = len(rows) > 1 and _RULE_OF_TABLE.fullmatch(rows[-2].strip())
    return head if is_table and len(head) <= _LONGEST_HEAD else ""


def _is_row(line: str) -> bool:
    return line.lstrip(" ").startswith("|")

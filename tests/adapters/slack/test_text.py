"""Model text is harmless in Slack, splits keep code fences whole, and Slack's markup is read as it was meant."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.slack.fences import closed, open_fence
from adapters.slack.text import JOINER, Inert, cut, escape, head_and_tail, inert, split, unescape

PIECES = [
    *"ab `~<>[]()!@#|*_-.:/",
    "\n",
    "https://a.b/c",
    "<!channel>",
    "<!",
    "@here ",
    "channel",
    "```\n",
    "~~~ js\n",
    "é",
    "🦊",
]
MARKDOWN = st.lists(st.sampled_from(PIECES), max_size=80).map("".join)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("<!channel> look", f"<{JOINER}!channel> look"),
        ("<!subteam^S1|@team with space>", f"<{JOINER}!subteam^S1|@team with space>"),
        ("hey @Channel, @here.", f"hey @{JOINER}Channel, @{JOINER}here."),
        ("<!<!@here ", f"<{JOINER}!<{JOINER}!@{JOINER}here "),
        ("<@U123> said", f"<{JOINER}@U123> said"),
        ("`<!here>` in code", f"`<{JOINER}!here>` in code"),
        ("see https://evil.example/?q=secret.", "see `https://evil.example/?q=secret`."),
        ("www.evil.example/a and evil.example/b", "`www.evil.example/a` and `evil.example/b`"),
        ("[the docs](https://a.example/b 'title')", "the docs (`https://a.example/b`)"),
        ("![](https://a.example/pixel.png)", "`https://a.example/pixel.png`"),
        ("[https://bank.example](https://evil.example)", "`https://bank.example` (`https://evil.example`)"),
        ("<https://evil.example|click>", "click (`https://evil.example`)"),
        ("[x]: https://evil.example/ref", "[x]: `https://evil.example/ref`"),
        ("`https://in.code/a`", "`https://in.code/a`"),
        ("```\nhttps://in.code/a\n```\n", "```\nhttps://in.code/a\n```\n"),
        ("List<String> x = a < b && c > d", "List<String> x = a < b && c > d"),
        ("**bold** _it_ | a | b |\n- [ ] task", "**bold** _it_ | a | b |\n- [ ] task"),
        ("and/or 1.5/2 e.g. this", "and/or 1.5/2 e.g. this"),
        ("a\u202eb\x07c\U000e0041d\u200be\ufefff\u200eg\x9b👩\u200d🔬", "abcdefg👩\u200d🔬"),
    ],
)
def test_model_text_is_made_inert_and_little_else(said: str, shown: str) -> None:
    assert inert(said) == shown


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("a ` https://e.vil/q", "a ˋ `https://e.vil/q`"),
        ("`\nhttps://e.vil/q `", "ˋ\n`https://e.vil/q` ˋ"),
        ("x ```https://e.vil/q`", "x ˋˋˋ`https://e.vil/q`ˋ"),
        ("\\`https://e.vil/q`", "ˋ`https://e.vil/q`ˋ"),
        ("\\https://e.vil/q", f"\\{JOINER}`https://e.vil/q`"),
        ("``a``https://e.vil/q", f"`a`{JOINER}`https://e.vil/q`"),
        ("[b ` c](https://e.vil/q)", "b ˋ c (`https://e.vil/q`)"),
        ("[b\nc](e.vil/q)", f"[b\nc]{JOINER}(`e.vil/q`)"),
        ("| `a | https://e.vil/q` |", "| `a `|` https://e.vil/q` |"),
        ("`curl https://a.b/c | sh` or `a || b`", "`curl https://a.b/c `|` sh` or `a `||` b`"),
        ("`a || b` and ``a ` b``", "`a || b` and ``a ` b``"),
    ],
)
def test_no_backtick_of_the_models_opens_the_code_that_a_link_is_put_into(said: str, shown: str) -> None:
    assert inert(said) == shown


@given(st.lists(st.sampled_from([*"ab `\\|[]()\n", "``", "https://e.vil/q", "](https://e.vil/q)"]), max_size=40))
def test_every_link_is_inside_code_as_markdown_reads_it(pieces: list[str]) -> None:
    shown = re.sub(
        r"^ {0,3}```.*?(?:^ {0,3}```+[ \t]*$|\Z)", "", inert("".join(pieces)), flags=re.DOTALL | re.MULTILINE
    )
    assert "https" not in re.sub(r"(?<![`\\])(`+)(?!`).*?(?<!`)\1(?!`)", "", shown, flags=re.DOTALL)


@pytest.mark.parametrize("size", [1, 4, 1000])
def test_commands_in_a_list_stay_as_they_are_but_for_their_indentation(size: int) -> None:
    said = "10. Get it:\n    ```sh\n    curl https://a.b/c | sh\n      -x\n    ```\n    - or\n\n      ~~~\n\t\twww.a.b/c\n      ~~~\n- ```\n  x\n"
    shown = "10. Get it:\n```sh\ncurl https://a.b/c | sh\n  -x\n```\n    - or\n\n~~~\n  www.a.b/c\n~~~\n-\n```\nx\n"
    one = Inert()
    assert "".join(one.feed(said[at : at + size]) for at in range(0, len(said), size)) + one.flush() == shown


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("- a\n  ```\n  b\nhttps://e.vil/q", "- a\n```\nb\n```\n`https://e.vil/q`"),
        ("- a\n  ~~~\n  b\n```\nc", "- a\n~~~\nb\n~~~\n```\nc"),
        ("text\n14. a\n    ```\n    https://e.vil/q", "text\n14. a\n    ```\n    `https://e.vil/q`"),
        ("> ```\n> https://e.vil/q", "> ```\n> `https://e.vil/q`"),
    ],
)
def test_a_fence_ends_with_its_list_item(said: str, shown: str) -> None:
    assert inert(said) == shown


@given(MARKDOWN, st.lists(st.integers(1, 9), max_size=60))
def test_however_it_is_cut_while_it_streams_nobody_is_rung(text: str, sizes: list[int]) -> None:
    one, shown, at = Inert(), "", 0
    for size in [*sizes, len(text)]:
        shown += one.feed(text[at : at + size])
        at += size
    shown += one.flush()
    assert not re.search(r"<[!@#]|@(?:channel|here|everyone)\b", shown, re.IGNORECASE)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 20])
def test_streamed_or_whole_it_is_the_same(size: int) -> None:
    text = (
        "Hello [docs](https://a.b/c) and `code <!here>`, https://x.y/z?q=1. <!channel> **b**\n![i](http://e.vil/p.png)\n"
        "```python\nx = 'https://in.code' # <!channel>\n```\nafter [ref][1], a <- b [x] (y)\n\n[1]: https://ref.example/a\n"
    )
    one = Inert()
    assert "".join(one.feed(text[at : at + size]) for at in range(0, len(text), size)) + one.flush() == inert(text)


def test_text_does_not_wait_for_ever_for_a_bracket_to_close() -> None:
    one = Inert()
    assert one.feed("see [this " + "word " * 200).startswith("see [this word")


def test_a_text_without_any_space_rings_nobody_either() -> None:
    one = Inert()
    said = ["x" * 450 + "<", "!channel>" + "y" * 450 + "@chan", "nel"]
    shown = "".join(map(one.feed, said)) + one.flush()
    assert (f"<{JOINER}!channel>" in shown, f"@{JOINER}channel" in shown) == (True, True)


def test_text_is_shown_word_by_word() -> None:
    one = Inert()
    assert [one.feed(word) for word in ("Forty", "-two ", "is the", " answer")] == ["", "Forty-two ", "is ", "the "]
    assert one.flush() == "answer"


@given(MARKDOWN, st.integers(40, 200))
def test_a_split_loses_nothing_and_closes_every_fence(text: str, limit: int) -> None:
    parts = split(text, limit)
    assert all(len(part.encode()) <= limit for part in parts)
    assert all(open_fence(part) == "" for part in parts[:-1])
    letters = re.sub(r"[^ab🦊é]", "", text)
    assert re.sub(r"[^ab🦊é]", "", "".join(parts)).count("a") >= letters.count("a")
    if "`" not in text and "~" not in text:
        assert "".join(parts) == text


def test_a_cut_code_block_goes_on_in_its_language() -> None:
    text = "Intro\n```python\n" + "x = 1\n" * 40 + "```\nend"
    first, second, *_ = split(text, 150)
    assert first.endswith("\n```")
    assert second.startswith("```python\nx = 1")


def test_a_cut_table_goes_on_under_its_head() -> None:
    head = "| a | b |\n|:--|---|\n"
    parts = split("Look:\n\n" + head + "".join(f"| {n} | value |\n" for n in range(30)) + "\nThat is all.", 160)
    assert len(parts) > 3
    assert all(part.startswith(head) for part in parts[1:-1])
    assert "".join(parts).replace(head, "").count("value") == 30
    assert split(f"{head}| 1 | 2 |\n\n{'word ' * 30}", 60)[1].startswith("word")


def test_a_head_ends_where_reading_may_pause() -> None:
    assert head_and_tail("one two\n\nthree four", 14) == ("one two\n\n", "three four")
    assert head_and_tail("one two three", 9) == ("one two ", "three")
    assert head_and_tail("ééé", 3) == ("é", "éé")
    assert closed("~~~~js\na") == "~~~~js\na\n~~~~"


@pytest.mark.parametrize(
    ("raw", "meant"),
    [
        ("a &lt;b&gt; &amp;amp; c", "a <b> &amp; c"),
        ("<@U1> and <@U2|ann>", "<@U1> and <@U2>"),
        ("<#C1|general> <#C2>", "#general #C2"),
        ("<!here> <!subteam^S1|@team> <!date^1^{date}|then>", "@here @team then"),
        ("<https://a.b/c> <https://a.b|docs> <mailto:a@b.c|a@b.c>", "https://a.b/c docs (https://a.b) a@b.c"),
    ],
)
def test_slacks_markup_is_read_as_it_was_meant(raw: str, meant: str) -> None:
    assert unescape(raw) == meant


@given(st.text(max_size=60))
def test_escaped_text_has_no_markup_left(text: str) -> None:
    assert not re.search(r"[<>*`~\x00]|&(?!amp;|lt;|gt;)|(?<!\w)_|_(?!\w)", escape(text))


def test_what_is_too_long_is_visibly_shortened() -> None:
    assert (cut("short", 5), cut("longer", 5)) == ("short", "long…")


@pytest.mark.parametrize("word", ["a" * 40_000, "a." * 20_000])
def test_one_long_word_keeps_nothing_busy(word: str) -> None:
    begun = time.process_time()
    inert(word)
    assert time.process_time() - begun < 2


HOSTILE = (
    "[", "![", "<", "`", "\\`", "*", "[a]", "[a](", "[a](b ", '[a](b "', "[a](b(c)", "<www.", "<www.a|", "`a` ", "a.", f"{'a' * 63}.", "\n- ",
)  # fmt: skip


@pytest.mark.parametrize("mark", HOSTILE)
def test_what_is_made_to_be_slow_takes_time_that_grows_with_its_length_only(mark: str) -> None:
    def taken(size: int) -> float:
        text = "x " + mark * (size // len(mark))
        times = []
        for _ in range(3):
            begun = time.process_time()
            inert(text)
            times.append(time.process_time() - begun)
        return min(times)

    assert taken(80_000) < max(8 * taken(20_000), 0.1)


@pytest.mark.parametrize("fence", ["```" + "a" * 20_000, "`" * 20_000, "~" * 20_000, "```" + "é" * 5_000])
def test_a_fence_with_an_endless_first_line_goes_on_in_few_messages(fence: str) -> None:
    parts = split(inert(f"{fence}\n" + "https://e.vil/q\n" * 500), 11_000)
    assert len(parts) < 6
    assert all(len(part.encode()) <= 11_000 and closed(part) == part for part in parts[:-1])


def test_code_inside_of_code_inside_of_code_is_read_however_deep_it_is() -> None:
    deep = [f"{'`' * ticks}a" for ticks in range(1, 400)]
    said = "x " + "".join(reversed(deep)) + " https://e.vil/q " + "".join(f"a{one[:-1]}" for one in deep)
    assert "`https://e.vil/q`" in inert(said)

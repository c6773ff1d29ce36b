"""What a model wrote is shown as it is, and does nothing."""

from __future__ import annotations

import time

import pytest

from adapters.teams.text import closed, inert, size, split, steady

ANSWER = (
    "See ![x](http://a.b/c) and [ok](https://e.vil/x), or https://a.b/c. `@channel`\n<at>Ann</at> <b>bold</b>\n"
    "[r]: https://x.y/z\n\n```html\n<div> <at>x\n```\nThe `end` of *it*.\n"
)


def test_nobody_is_rung_and_no_tag_is_one() -> None:
    text = inert("<at>Ann</at>, @channel, <!here> and <script>")
    assert not any(ring in text for ring in ("<at", "</at", "@channel", "<!", "<script"))


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("[bank](https://e.vil/x)", "bank (`https://e.vil/x`)"),
        ("![a](https://e.vil/x?q=secret)", "a (`https://e.vil/x?q=secret`)"),
        ("Look: https://a.b/c.", "Look: `https://a.b/c`."),
        ("<https://a.b/c>", "`https://a.b/c`"),
        ("[https://a.b](https://a.b)", "`https://a.b`"),
        ("`[a](b)` stays code", "`[a](b)` stays code"),
    ],
)
def test_a_link_is_its_label_and_its_address(written: str, shown: str) -> None:
    assert inert(written) == shown


def test_a_link_by_reference_is_none() -> None:
    assert inert("[r]: https://x.y/z") != "[r]: https://x.y/z"
    assert "`https://x.y/z`" in inert("[r]: https://x.y/z")


def test_code_is_left_alone() -> None:
    code = "```html\n<div>@everyone-else</div>\nhttps://a.b/c\n```\n"
    assert inert(code) == code.replace("@everyone", "@\u2060everyone")


def test_what_cannot_be_seen_is_taken_out() -> None:
    assert inert("a\u202eb\U000e0041c\x00d") == "abcd"


def test_what_is_shown_of_an_unfinished_text_never_changes() -> None:
    for at in range(len(ANSWER)):
        assert ANSWER.startswith(steady(ANSWER[:at]))
        assert inert(ANSWER).startswith(inert(steady(ANSWER[:at])))


def test_a_long_word_is_not_waited_for() -> None:
    assert steady("x" * 900) == "x" * 900


def test_no_part_is_larger_than_its_room_and_nothing_is_lost() -> None:
    text = "Intro\n\n```python\n" + "".join(f"line_{n} = '😀'\n" for n in range(900)) + "```\n\nThe end."
    parts = split(text, 4_000)
    assert all(size(part) <= 4_000 for part in parts)
    assert all(part.count("```") % 2 == 0 for part in parts)
    assert [sum(f"line_{n} " in part for part in parts) for n in range(900)] == [1] * 900


def test_the_beginning_of_a_longer_text_is_split_in_the_same_way() -> None:
    text = "\n\n".join(f"Paragraph {n} " + "word " * 40 for n in range(60))
    whole = split(text, 3_000)
    for at in (2_000, 5_000, 9_000):
        parts = split(text[:at], 3_000)
        assert parts[:-1] == whole[: len(parts) - 1]


def test_an_open_code_block_is_closed() -> None:
    assert closed("a\n```py\nb") == "a\n```py\nb\n```"
    assert closed("a\n~~~\nb\n~~~\n") == "a\n~~~\nb\n~~~\n"


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
            inert(steady(text))
            times.append(time.process_time() - begun)
        return min(times)

    assert taken(80_000) < max(8 * taken(20_000), 0.1)


@pytest.mark.parametrize("fence", ["```" + "a" * 20_000, "`" * 20_000, "~" * 20_000, "```" + "é" * 5_000])
def test_a_fence_with_an_endless_first_line_goes_on_in_few_messages(fence: str) -> None:
    parts = split(inert(f"{fence}\n" + "https://e.vil/q\n" * 500), 11_000)
    assert len(parts) < 8
    assert all(size(part) <= 11_000 and closed(part) == part for part in parts[:-1])

"""Which price counts, and the most that a call may cost."""

from __future__ import annotations

import time
import zlib
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from adapters.models.prices import ListPrices
from app.domain.agent import Effort
from app.domain.keys import ModelChoice
from app.domain.money import TokenPrices
from app.domain.run import (
    DocumentPart,
    ImagePart,
    ModelMessage,
    ModelRequest,
    Part,
    Role,
    TextPart,
    ToolResult,
    ToolSpec,
    Usage,
)
from app.services import worst_case
from app.services.pricing import Pricing, cost

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
PRICING = Pricing(ListPrices())
OWN = {"claude-opus-5-5": TokenPrices(Decimal(1), Decimal(2))}
MILLION = 1_000_000
CHOICE = ModelChoice("anthropic", "claude-opus-5-5", "key_1")


def test_a_workspaces_own_price_counts_before_the_list() -> None:
    usage = Usage(input_tokens=MILLION, output_tokens=MILLION)
    assert PRICING.cost(OWN, "anthropic", ("claude-opus-5-5",), usage, NOW) == Decimal(3)
    assert PRICING.cost({}, "anthropic", ("claude-opus-5-5",), usage, NOW) == Decimal(24)


def test_an_alias_is_priced_by_the_model_that_answered_else_as_itself() -> None:
    usage = Usage(input_tokens=MILLION)
    assert PRICING.cost({}, "anthropic", ("claude-opus-5-5", "best"), usage, NOW) == Decimal(4)
    assert PRICING.cost({}, "anthropic", ("opus-of-tomorrow", "claude-opus-5-5"), usage, NOW) == Decimal(4)
    assert PRICING.cost({}, "anthropic", ("opus-of-tomorrow", "best"), usage, NOW) is None


def test_own_prices_of_cached_tokens_count_where_they_were_entered() -> None:
    prices = TokenPrices(Decimal(10), Decimal(0), cached_read=Decimal(1), cached_write=Decimal(12))
    usage = Usage(input_tokens=MILLION, cached_read=MILLION // 4, cached_write=MILLION // 4)
    assert cost(prices, usage) == Decimal("8.25")
    assert cost(TokenPrices(Decimal(10), Decimal(0)), usage) == Decimal(10)


def test_the_most_is_what_it_costs_when_all_is_written_to_the_cache_if_that_is_dearer() -> None:
    usage = Usage(input_tokens=MILLION)
    assert PRICING.most({}, "anthropic", "claude-opus-5-5", usage, NOW) == Decimal(5)
    assert PRICING.most(OWN, "anthropic", "claude-opus-5-5", usage, NOW) == Decimal(1)
    assert PRICING.most({}, "anthropic", "nobody-knows", usage, NOW) is None
    dear = {"m": TokenPrices(Decimal(0), Decimal(2), cached_read=Decimal(3))}
    assert PRICING.most(dear, "anthropic", "m", usage, NOW) == Decimal(3), "an admin may have entered anything"


def asked(*parts: Part, **more: object) -> ModelRequest:
    return ModelRequest("m", "Be brief.", (ModelMessage(Role.USER, parts),), max_output_tokens=1000, **more)  # type: ignore[arg-type]


def test_more_is_set_aside_for_a_call_than_any_language_takes() -> None:
    text = "Grüße, 你好, привет и ещё раз 🦊 " * 50
    most = worst_case.most(asked(TextPart(text)), CHOICE)
    assert most.input_tokens >= len(text), "no model makes more tokens than there are letters, of such words"
    assert most.output_tokens == 1000


def test_pictures_pages_tools_thinking_and_searches_are_reckoned_with() -> None:
    bare = worst_case.most(asked(TextPart("Well?")), CHOICE)
    picture = worst_case.most(asked(TextPart("Well?"), ImagePart("image/png", b"x")), CHOICE)
    pdf = worst_case.most(
        asked(TextPart("Well?"), DocumentPart("a.pdf", b"/Type /Page " * 3 + b"/Type /Pages")), CHOICE
    )
    tool = ToolSpec("t", "d" * 400, {"type": "object"})
    assert picture.input_tokens == bare.input_tokens + worst_case.PICTURE
    assert pdf.input_tokens == bare.input_tokens + 3 * worst_case.PAGE
    assert worst_case.most(asked(TextPart("Well?"), tools=(tool,)), CHOICE).input_tokens >= bare.input_tokens + 200
    assert worst_case.most(asked(TextPart("Well?"), effort=Effort.HIGH), CHOICE).output_tokens > 20_000
    searched = worst_case.most(asked(TextPart("Well?"), web_search=2), CHOICE)
    assert (searched.searches, searched.input_tokens) == (2, 3 * bare.input_tokens + 3 * worst_case.FOUND), (
        "what the first one found is read twice"
    )


def test_of_numbers_and_signs_each_may_be_a_token() -> None:
    bare = worst_case.most(asked(TextPart("")), CHOICE).input_tokens
    for text in ("0123456789" * 100, '{"a":1,"b":2}' * 80, "a\nb\n" * 250):
        told = worst_case.most(asked(TextPart(text)), CHOICE).input_tokens - bare
        assert told >= len(text) * 3 / 4, text[:10]
        assert worst_case.most(asked(ToolResult("call_1", text)), CHOICE).input_tokens >= bare + told - 4
    assert worst_case.most(asked(TextPart("word " * 200)), CHOICE).input_tokens - bare == 500


def pdf_of(objects: bytes) -> DocumentPart:
    packed = b"1 0 obj << /Type /ObjStm /N 9 /First 40 /Filter /FlateDecode >> stream\n%b\nendstream endobj"
    return DocumentPart("a.pdf", b"%PDF-1.7\n" + packed % objects)


def test_pages_of_a_pdf_are_counted_where_they_are_packed_and_guessed_at_where_they_are_shut() -> None:
    bare = worst_case.most(asked(), CHOICE).input_tokens

    def pages(part: DocumentPart) -> int:
        return (worst_case.most(asked(part), CHOICE).input_tokens - bare) // worst_case.PAGE

    assert pages(pdf_of(zlib.compress(b"<< /Type /Page /Parent 2 0 R >> " * 40))) == 40
    assert pages(pdf_of(b"\x8f" * 60_000)) == 20
    assert pages(pdf_of(zlib.compress(b" " * (2 * worst_case.MOST_INFLATED)))) >= 1
    assert pages(DocumentPart("a.pdf", b"/Type /ObjStm stream " * 3)) == 1


@pytest.mark.parametrize(
    "data",
    [
        b"/Type/ObjStm" * 700_000,
        b"/Type/ObjStm stream" * 400_000,
        b"/Type/ObjStm stream" * 400_000 + b"endstream",
        b"/Type/ObjStm stream endstream" * 300_000,
        b"/Type" + b" " * 8_000_000,
    ],
)
def test_a_pdf_that_was_made_to_keep_us_busy_does_not(data: bytes) -> None:
    began = time.process_time()
    worst_case.most(asked(DocumentPart("a.pdf", data)), CHOICE)
    assert time.process_time() - began < 1


def test_nothing_that_a_model_cannot_take_or_say_is_set_aside() -> None:
    small = ModelChoice("anthropic", "m", "key_1", context_window=1000, max_output=300)
    most = worst_case.most(asked(TextPart("x" * 100_000)), small)
    assert (most.input_tokens, most.output_tokens) == (1000, 300)


def test_of_a_call_that_was_cut_what_was_heard_counts_and_all_of_the_question() -> None:
    most = Usage(5000, 1000, searches=3)
    assert worst_case.cut(most, 101) == Usage(5000, 51)
    assert worst_case.cut(most, 10**6) == Usage(5000, 1000)

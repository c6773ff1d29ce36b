"""What every DocumentReader promises."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import pytest

from app.ports.documents import DocumentKind, DocumentReader, Unreadable


class DocumentReaderSuite:
    """Bind with a fixture `reader`; `good` has a document of each kind, all with the same `words` in them."""

    good: ClassVar[Mapping[DocumentKind, bytes]]
    words: ClassVar[str]

    @pytest.fixture
    def reader(self) -> DocumentReader:
        """The reader under test."""
        raise NotImplementedError

    @pytest.mark.parametrize("kind", DocumentKind)
    async def test_it_reads_what_stands_in_a_document(self, reader: DocumentReader, kind: DocumentKind) -> None:
        found = await reader.read(kind, self.good[kind], limit=10_000)
        assert self.words in found.text
        assert not found.cut

    @pytest.mark.parametrize("kind", DocumentKind)
    async def test_it_hands_out_no_more_than_was_asked_for_and_says_so(
        self, reader: DocumentReader, kind: DocumentKind
    ) -> None:
        found = await reader.read(kind, self.good[kind], limit=5)
        assert len(found.text) <= 5
        assert found.cut

    @pytest.mark.parametrize("kind", DocumentKind)
    @pytest.mark.parametrize("data", [b"", b"\x00\x01\x02" * 500], ids=["nothing", "noise"])
    async def test_what_is_no_document_is_refused_in_words_that_end_a_sentence(
        self, reader: DocumentReader, kind: DocumentKind, data: bytes
    ) -> None:
        with pytest.raises(Unreadable) as refused:
            await reader.read(kind, data, limit=100)
        words = str(refused.value)
        assert words
        assert words[0].islower()
        assert not words.endswith(".")

    async def test_it_goes_on_reading_after_what_it_could_not_read(self, reader: DocumentReader) -> None:
        with pytest.raises(Unreadable):
            await reader.read(DocumentKind.PDF, b"%PDF-1.4 and nothing else", limit=100)
        assert self.words in (await reader.read(DocumentKind.PDF, self.good[DocumentKind.PDF], limit=1000)).text

"""What every KeyWrapper promises."""

from __future__ import annotations

import os

import pytest

from app.errors import WontOpen
from app.ports.keys import KeyWrapper

CONTEXT = {"purpose": "data-key", "workspace": "slack:T1", "dek": "d1"}


class KeyWrapperSuite:
    """Bind with fixtures `wrapper` and `stranger`, which holds another key."""

    @pytest.fixture
    def wrapper(self) -> KeyWrapper:
        """The wrapper under test."""
        raise NotImplementedError

    @pytest.fixture
    def stranger(self) -> KeyWrapper:
        """The same kind, under another key."""
        raise NotImplementedError

    async def test_what_was_wrapped_comes_back(self, wrapper: KeyWrapper) -> None:
        data_key = os.urandom(32)
        assert await wrapper.unwrap(await wrapper.wrap(data_key, CONTEXT), CONTEXT) == data_key

    async def test_the_same_key_is_never_wrapped_the_same_way(self, wrapper: KeyWrapper) -> None:
        data_key = os.urandom(32)
        assert await wrapper.wrap(data_key, CONTEXT) != await wrapper.wrap(data_key, CONTEXT)

    async def test_the_wrapped_key_does_not_show_the_key(self, wrapper: KeyWrapper) -> None:
        data_key = os.urandom(32)
        assert data_key not in await wrapper.wrap(data_key, CONTEXT)

    @pytest.mark.parametrize(
        "other",
        [
            {**CONTEXT, "workspace": "slack:T2"},
            {**CONTEXT, "dek": "d2"},
            {**CONTEXT, "extra": ""},
            {"purpose": "data-key"},
            {},
        ],
    )
    async def test_it_does_not_unwrap_in_another_context(self, wrapper: KeyWrapper, other: dict[str, str]) -> None:
        wrapped = await wrapper.wrap(os.urandom(32), CONTEXT)
        with pytest.raises(WontOpen):
            await wrapper.unwrap(wrapped, other)

    async def test_another_key_does_not_unwrap_it(self, wrapper: KeyWrapper, stranger: KeyWrapper) -> None:
        wrapped = await wrapper.wrap(os.urandom(32), CONTEXT)
        assert stranger.id != wrapper.id
        with pytest.raises(WontOpen):
            await stranger.unwrap(wrapped, CONTEXT)

    async def test_a_damaged_wrapping_does_not_unwrap(self, wrapper: KeyWrapper) -> None:
        wrapped = await wrapper.wrap(os.urandom(32), CONTEXT)
        for damaged in (wrapped[:-1], wrapped[:10], b"", wrapped[:-1] + bytes([wrapped[-1] ^ 1]), b"x" + wrapped[1:]):
            with pytest.raises(WontOpen):
                await wrapper.unwrap(damaged, CONTEXT)

    async def test_only_keys_of_32_bytes_are_wrapped(self, wrapper: KeyWrapper) -> None:
        for wrong in (b"", b"short", os.urandom(33)):
            with pytest.raises(ValueError, match="32 bytes"):
                await wrapper.wrap(wrong, CONTEXT)

"""What the renderers are shown leaves nothing out."""

from __future__ import annotations

import typing

from app.domain.chat import UserRef
from app.domain.views import Block
from tests.conformance import screens


def test_every_kind_of_block_is_here() -> None:
    shown = (*screens.blocks("a word", UserRef("slack:T1", "U1"), "C1"), *screens.inputs("C1"))
    assert {type(block) for block in shown} == set(typing.get_args(Block))

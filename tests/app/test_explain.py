"""Explanations: what is to be typed is shown as such, whatever else went wrong."""

from __future__ import annotations

import pytest

from app.domain.views import Code, Note, Notice, View
from app.errors import ContextTooLong, ModelGone, NoKey
from app.services import explain
from app.services.intake import TYPED_KEY
from tests.app.bench import words


def typed(view: View) -> list[str]:
    texts = [block.text for block in view.blocks if isinstance(block, Note | Notice)]
    return [span.text for text in texts for span in text if isinstance(span, Code)]


@pytest.mark.parametrize(
    ("view", "says"),
    [
        (explain.failure(NoKey.__name__, "run", message="An admin can set one with `/byok setkey`."), "/byok setkey"),
        (explain.failure(ModelGone.__name__, "run"), "/byok model"),
        (explain.failure(ContextTooLong.__name__, "run"), "forget"),
        (explain.refusal("Type `/byok agents`."), "/byok agents"),
        (TYPED_KEY, "/byok setkey"),
    ],
)
def test_what_is_to_be_typed_stands_out(view: View, says: str) -> None:
    assert typed(view) == [says]
    assert "`" not in words(view)

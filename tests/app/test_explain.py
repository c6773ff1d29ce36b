"""Whatever a provider does has an explanation of its own, in words that people know."""

from __future__ import annotations

import pytest

from app.domain.views import Buttons
from app.errors import PROVIDER_ERRORS, NoKey
from app.services import explain
from tests.app.bench import words

OWN = explain.failure(explain.INTERRUPTED, "run")


@pytest.mark.parametrize("code", [*PROVIDER_ERRORS, explain.UNREADABLE, explain.WORDLESS, explain.DECLINED])
def test_every_failure_is_told_by_its_own_cause_and_can_be_tried_again(code: str) -> None:
    view = explain.failure(code, "run_1")
    assert words(view) != words(OWN)
    assert code not in words(view), "codes are for logs"
    assert [b.value for block in view.blocks if isinstance(block, Buttons) for b in block.buttons] == ["run_1"]


def test_an_unknown_code_is_latchkeys_own_fault() -> None:
    assert words(explain.failure("SomethingNew", "run")) == words(OWN)


@pytest.mark.parametrize(
    ("seconds", "says"),
    [
        (1, "1 second"),
        (0.2, "1 second"),
        (30, "30 seconds"),
        (150, "3 minutes"),
        (5000, "84 minutes"),
        (9000, "3 hours"),
    ],
)
def test_patience_is_told_in_round_numbers(seconds: float, says: str) -> None:
    assert f"wait {says}. " in words(explain.failure("RateLimited", "run", retry_after=seconds))


def test_a_missing_key_leads_admins_to_the_form_and_others_to_an_admin() -> None:
    assert "Ask an admin" in words(explain.failure(NoKey.__name__, "run", message="No key yet."))
    assert "Set a key" in words(explain.failure(NoKey.__name__, "run", message="No key yet.", to_admin=True))

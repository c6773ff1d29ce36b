"""A Secret hides itself, and the places that reveal one are few and known."""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path

import pytest

from app.domain.secrets import Secret

VALUE = "sk-test-" + "a1b2" * 8


def test_a_secret_shows_itself_only_when_asked_by_name() -> None:
    assert Secret(VALUE).reveal() == VALUE


@pytest.mark.parametrize("show", [str, repr, "{}".format, "{!r:>40}".format, lambda secret: f"{secret}", "%s".__mod__])
def test_no_text_form_shows_it(show: object) -> None:
    assert callable(show)
    assert VALUE not in show(Secret(VALUE))


@pytest.mark.parametrize("take", [pickle.dumps, copy.copy, copy.deepcopy, json.dumps, list, len, hash, vars, dict])
def test_nothing_takes_it_apart(take: object) -> None:
    assert callable(take)
    with pytest.raises(TypeError) as caught:
        take(Secret(VALUE))
    assert VALUE not in str(caught.value)


def test_equality_is_by_value() -> None:
    assert Secret(VALUE) == Secret(VALUE)
    assert Secret(VALUE) != Secret(VALUE + "x")
    assert Secret(VALUE) != VALUE


def test_an_empty_secret_is_none() -> None:
    with pytest.raises(ValueError, match="not empty"):
        Secret("")


def test_the_last_four_are_shown_of_long_secrets_only() -> None:
    assert Secret(VALUE).last_four() == VALUE[-4:]
    assert not Secret("a-short-secret").last_four()


REVEALED_IN = {
    "adapters/kms/local.py",  # the master key from the environment
    "adapters/models/anthropic.py",  # to spend it
    "adapters/models/openai_client.py",
    "adapters/slack/files.py",  # the bot's token, to Slack's own hosts
    "adapters/slack/health.py",
    "adapters/slack/signature.py",
    "adapters/slack/socket_mode.py",
    "adapters/slack/web_api.py",
    "adapters/teams/connector.py",  # the bot's token, to the connector
    "adapters/teams/files.py",  # the same, for pictures that lie there
    "adapters/tools/mcp/oauth.py",  # what a sign-in is gone on with, and renewed by
    "adapters/tools/mcp/sign_in.py",  # the token in what was kept of a sign-in
    "adapters/tools/mcp/told.py",  # to take it out of what a server says back
    "adapters/tools/mcp/transport.py",  # to spend it, at its origin
    "adapters/teams/tokens.py",  # the bot's password, to Microsoft's login
    "app/database.py",  # the database's address, to its driver
    "app/telemetry/scrub.py",  # to know what to mask
    "app/vault.py",  # to seal it
}
"""Where `.reveal(` may be called: a new place is a decision, made here."""


def test_secrets_are_revealed_in_known_places_only() -> None:
    root = Path(__file__).parents[2]
    found = {
        str(path.relative_to(root))
        for part in ("app", "adapters", "agents")
        for path in (root / part).rglob("*.py")
        if ".reveal(" in path.read_text() and path.name != "secrets.py"
    }
    assert found == REVEALED_IN

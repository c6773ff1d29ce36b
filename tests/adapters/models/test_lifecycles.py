"""How long a model will be there, as its provider's listing tells: with a date where one is planned."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from adapters.models.anthropic import Anthropic
from adapters.models.anthropic_abilities import info
from adapters.models.compatible import Compatible
from adapters.models.http import ModelHttp
from adapters.models.openai import OpenAI
from app.domain.keys import ProviderCredential
from app.domain.run import ModelInfo
from app.domain.secrets import Secret
from app.ports.providers import ModelProvider
from tests.fakes.model_server import ModelServer

KEY = "sk-test-lifecycle-0001"


async def listed(server: ModelServer, provider: str) -> dict[str, ModelInfo]:
    http = ModelHttp(private_hosts=frozenset({server.url.removeprefix("http://")}))
    providers: dict[str, ModelProvider] = {
        "anthropic": Anthropic(http, base_url=server.url),
        "openai": OpenAI(http, base_url=f"{server.url}/v1"),
        "compatible": Compatible(http),
    }
    made = providers[provider]
    base_url = f"{server.url}/v1" if provider == "compatible" else ""
    try:
        return {model.id: model for model in await made.models(ProviderCredential(Secret(KEY), base_url))}
    finally:
        await http.aclose()


async def test_anthropics_listing_tells_the_day() -> None:
    async with ModelServer(keys={KEY}) as server:
        for row in server.anthropic_models:
            if row["id"] == "claude-opus-4-8":
                row |= {"retires_at": "2026-12-24T00:00:00Z", "deprecated_at": "2026-09-01T00:00:00Z"}
        models = await listed(server, "anthropic")
    old, new = models["claude-opus-4-8"], models["claude-opus-5-5"]
    assert (old.lifecycle, old.retires_on) == ("deprecated", "2026-12-24")
    assert (new.lifecycle, new.retires_on) == ("active", "")


async def test_openais_listing_tells_the_day() -> None:
    async with ModelServer(keys={KEY}) as server:
        server.about = {"gpt-4o": {"shutdown_date": "2027-01-14"}, "gpt-5.5": {"shutdown_date": None}}
        models = await listed(server, "openai")
    assert (models["gpt-4o"].lifecycle, models["gpt-4o"].retires_on) == ("deprecated", "2027-01-14")
    assert (models["gpt-5.5"].lifecycle, models["gpt-5.5"].retires_on) == ("active", "")


async def test_what_openais_listing_does_not_tell_of_a_models_abilities_its_family_does() -> None:
    async with ModelServer(keys={KEY}) as server:
        models = await listed(server, "openai")
    assert (models["gpt-5.4"].images, models["gpt-5.4"].tools) == (True, True)
    assert (models["chatgpt-4o-latest"].images, models["chatgpt-4o-latest"].tools) == (None, None)


async def test_other_servers_tell_it_in_their_own_words() -> None:
    async with ModelServer(keys={KEY}) as server:
        server.models = ["mistral-large-2411", "some/model", "odd", "fine"]
        server.about = {
            "mistral-large-2411": {
                "deprecation": "2026-11-30T12:00:00Z",
                "deprecation_replacement_model": "fine",
            },
            "some/model": {"expiration_date": "2026-11-08"},
            "odd": {"expiration_date": "soon", "deprecation": 5, "deprecation_replacement_model": 7},
        }
        models = await listed(server, "compatible")
    told = {model.id: (model.lifecycle, model.retires_on, model.replacement) for model in models.values()}
    assert told == {
        "mistral-large-2411": ("deprecated", "2026-11-30", "fine"),
        "some/model": ("deprecated", "2026-11-08", ""),
        "odd": ("active", "", ""),
        "fine": ("active", "", ""),
    }


@pytest.mark.parametrize(
    ("model", "expected"),
    [("claude-opus-4-20250514", ("deprecated", "2026-06-15")), ("claude-of-tomorrow", ("active", ""))],
)
def test_where_a_gateways_listing_says_nothing_the_sdks_own_table_does(model: str, expected: tuple[str, str]) -> None:
    row = SimpleNamespace(id=model, display_name=model, capabilities=None, max_input_tokens=None, max_tokens=None)
    found = info(row)
    assert (found.lifecycle, found.retires_on) == expected

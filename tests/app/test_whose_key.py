"""Whose key pays, through the real providers to vendors on loopback: the workspace's own, or nobody's."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from adapters.models.anthropic import Anthropic
from adapters.models.compatible import Compatible
from adapters.models.http import ModelHttp
from adapters.models.openai import OpenAI
from app.domain.chat import MemberKind, UserRef
from app.domain.events import Close, FieldErrors, Submission
from app.domain.keys import ModelChoice
from app.domain.secrets import Secret
from app.domain.spend import Account
from app.errors import NoKey
from app.services.desks.keys import KeyDesk
from app.services.key_ring import KeyRing
from app.services.keys import Keys
from app.services.notices import Notices
from tests.app.bench import ADMIN, BAD, GOOD, OTHER, WORKSPACE, Bench, question, words
from tests.fakes.model_server import ModelServer

HOST = "sk-test-host-9999-zzzz"
ELSEWHERE = UserRef("slack:T2", "U1ADMIN")


@pytest.fixture
async def vendor(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ModelServer]:
    """Takes the host's own key too, so that a call with it would succeed. The host has it everywhere that SDKs look."""
    async with ModelServer(keys={GOOD, OTHER, HOST}) as server:
        for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "OPENAI_API_KEY", "OPENAI_ADMIN_KEY"):
            monkeypatch.setenv(name, HOST)
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
        yield server


@pytest.fixture
async def keys(bench: Bench, vendor: ModelServer) -> AsyncIterator[Keys]:
    http = ModelHttp(private_hosts=[vendor.url.removeprefix("http://")])
    await http.warm_up()  # as the service does; a key is given 1.8 s, and loading takes as long on a busy machine
    real = (Anthropic(http, base_url=vendor.url), OpenAI(http, base_url=f"{vendor.url}/v1"), Compatible(http))
    yield Keys(
        bench.database,
        ring=KeyRing(bench.database, bench.vault, {provider.name: provider for provider in real}),
        meter=bench.meter,
        notices=Notices({bench.platform.name: bench.platform}, bench.access),
        background=bench.background,
        clock=bench.clock,
    )
    await bench.settled()
    await http.aclose()


def filled_in(provider: str, key: str, *, by: UserRef = ADMIN, base_url: str = "") -> Submission:
    return Submission(by, "key_set", {"provider": provider, "base_url": base_url}, {"key": Secret(key)})


async def answer(keys: Keys, choice: ModelChoice, workspace: str = WORKSPACE) -> None:
    client = keys.client(choice, Account(workspace, "run-1", asker="U1"))
    assert [event async for event in client.stream(question(choice.model))]


@pytest.mark.parametrize("provider", ["anthropic", "openai", "compatible"])
async def test_with_the_hosts_keys_in_the_environment_and_none_of_the_workspaces_no_request_leaves(
    bench: Bench, keys: Keys, vendor: ModelServer, provider: str
) -> None:
    agent = await bench.agents.set_model(WORKSPACE, (await bench.agent()).id, ADMIN, provider=provider, model="m-1")
    with pytest.raises(NoKey):
        await keys.resolve(agent)
    for key_id in ("", "key_of_nobody"):
        with pytest.raises(NoKey):
            await answer(keys, ModelChoice(provider, "m-1", key_id))
    assert vendor.calls == []
    assert vendor.listings == []


async def test_each_workspace_pays_with_its_own_key(bench: Bench, keys: Keys, vendor: ModelServer) -> None:
    bench.platform.people[ELSEWHERE] = MemberKind.ADMIN
    await bench.workspaces.ensure(ELSEWHERE.workspace)
    desk = KeyDesk(keys, bench.agents)
    for by, key in ((ADMIN, GOOD), (ELSEWHERE, OTHER)):
        outcome = await desk.set(filled_in("anthropic", key, by=by))
        assert isinstance(outcome, Close)
        assert "accepts it" in words(outcome.then)
    for by in (ADMIN, ELSEWHERE, ADMIN):
        agent = next(agent for agent in await bench.agents.all(by.workspace) if agent.is_default)
        await answer(keys, await keys.resolve(agent), by.workspace)
    assert [call.key for call in vendor.calls] == [GOOD, OTHER, GOOD]


@pytest.mark.parametrize("provider", ["anthropic", "openai", "compatible"])
async def test_a_key_is_checked_with_its_vendor_for_nothing_before_it_is_kept(
    bench: Bench, keys: Keys, vendor: ModelServer, provider: str
) -> None:
    desk, url = KeyDesk(keys, bench.agents), f"{vendor.url}/v1"
    refused = await desk.set(filled_in(provider, BAD, base_url=url))
    assert isinstance(refused, FieldErrors)
    assert list(refused.errors) == ["key"]
    kept = await desk.set(filled_in(provider, GOOD, base_url=url))
    assert isinstance(kept, Close)
    assert vendor.calls == []
    [key] = await keys.all(WORKSPACE)
    assert (key.provider, key.status, key.is_default) == (provider, "verified", True)


async def test_a_private_address_is_refused_beside_its_field(bench: Bench, keys: Keys, vendor: ModelServer) -> None:
    desk = KeyDesk(keys, bench.agents)
    for url in ("http://127.0.0.1:1/v1", "https://169.254.169.254/v1", "https://10.0.0.1", "ftp://models.example"):
        outcome = await desk.set(filled_in("compatible", GOOD, base_url=url))
        assert isinstance(outcome, FieldErrors)
        assert list(outcome.errors) == ["base_url"]
    assert await keys.all(WORKSPACE) == ()


async def test_a_rotated_key_takes_over_and_a_revoked_one_is_used_by_nobody(
    bench: Bench, keys: Keys, vendor: ModelServer
) -> None:
    desk = KeyDesk(keys, bench.agents)
    await desk.set(filled_in("openai", GOOD))
    choice = await keys.resolve(await bench.agent())
    await desk.set(filled_in("openai", OTHER))
    await answer(keys, choice)
    [key] = await keys.all(WORKSPACE)
    await desk.revoke(WORKSPACE, ADMIN, key.id)
    with pytest.raises(NoKey):
        await answer(keys, choice)
    assert [call.key for call in vendor.calls] == [OTHER]

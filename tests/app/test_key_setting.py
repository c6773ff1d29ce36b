"""Setting and revoking keys: checked with the provider first, sealed, one per label, never shown again."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text

from app.domain.keys import KeyStatus
from app.errors import BadInput, NoCredit, NoKey, NotPermitted, ProviderError, TimedOut, Unreachable
from tests.app.bench import ADMIN, BAD, GOOD, OTHER, WORKSPACE, Bench
from tests.app.engines import until


async def test_a_key_that_the_provider_accepts_is_verified_and_the_default(bench: Bench) -> None:
    kept = await bench.set_key()
    assert (kept.key.status, kept.key.is_default, kept.key.label, kept.error) == (
        KeyStatus.VERIFIED,
        True,
        "main",
        None,
    )
    assert (kept.key.last_four, kept.key.set_by) == ("abcd", ADMIN.id)
    assert await bench.keys.all(WORKSPACE) == (kept.key,)


async def test_a_refused_key_is_an_error_on_its_field_and_is_not_kept(bench: Bench) -> None:
    with pytest.raises(BadInput) as refused:
        await bench.set_key(BAD)
    assert refused.value.field == "key"
    assert BAD not in refused.value.message
    assert await bench.keys.all(WORKSPACE) == ()
    assert (await bench.actions())[-1] == "key.turned_down"


@pytest.mark.parametrize("failure", [Unreachable(), TimedOut(), ProviderError()])
async def test_a_provider_that_cannot_tell_leaves_the_key_unverified(bench: Bench, failure: ProviderError) -> None:
    bench.anthropic.failure = failure
    kept = await bench.set_key()
    assert (kept.key.status, kept.error) == (KeyStatus.UNVERIFIED, failure)


async def test_a_slow_provider_costs_no_more_than_the_time_there_is(bench: Bench) -> None:
    bench.anthropic.pause = 30
    started = asyncio.get_running_loop().time()
    kept = await bench.set_key(seconds=0.1)
    assert asyncio.get_running_loop().time() - started < 1
    assert kept.key.status is KeyStatus.UNVERIFIED


async def test_a_key_without_credit_is_kept_and_known_as_such(bench: Bench) -> None:
    bench.anthropic.failure = NoCredit()
    assert (await bench.set_key()).key.status is KeyStatus.NO_CREDIT


async def test_a_key_that_may_not_list_models_is_recognised_all_the_same(bench: Bench) -> None:
    bench.anthropic.failure = NotPermitted()
    assert (await bench.set_key()).key.status is KeyStatus.VERIFIED


async def test_a_provider_has_several_keys_and_one_default(bench: Bench) -> None:
    await bench.set_key()
    second = await bench.set_key(OTHER, label="team")
    assert not second.key.is_default
    await bench.keys.setting.make_default(WORKSPACE, second.key.id, ADMIN)
    assert {key.label: key.is_default for key in await bench.keys.all(WORKSPACE)} == {"main": False, "team": True}


async def test_every_provider_has_a_default_of_its_own(bench: Bench) -> None:
    await bench.set_key()
    await bench.set_key(OTHER, provider="openai")
    assert [key.is_default for key in await bench.keys.all(WORKSPACE)] == [True, True]


async def test_the_same_label_takes_the_old_keys_place_and_shreds_it(bench: Bench) -> None:
    first = await bench.set_key()
    sealed = await _sealed(bench)
    second = await bench.set_key(OTHER)
    assert second.replaced
    assert (second.key.id, second.key.version, second.key.is_default) == (first.key.id, 2, True)
    assert sealed[0] not in await _sealed(bench)
    assert len(await bench.keys.all(WORKSPACE)) == 1
    assert "key.replaced" in await bench.actions()


async def test_a_failed_replacement_leaves_the_old_key_in_place(bench: Bench) -> None:
    first = await bench.set_key()
    with pytest.raises(BadInput):
        await bench.set_key(BAD)
    assert await bench.keys.all(WORKSPACE) == (first.key,)


async def test_the_same_key_twice_under_two_labels_is_pointed_out(bench: Bench) -> None:
    await bench.set_key()
    with pytest.raises(BadInput, match="here already, as main"):
        await bench.set_key(label="again")


async def test_two_admins_setting_one_label_at_once_leave_one_whole_key(bench: Bench) -> None:
    results = await asyncio.gather(bench.set_key(GOOD), bench.set_key(OTHER), return_exceptions=True)
    assert not [result for result in results if isinstance(result, BaseException)]
    [key] = await bench.keys.all(WORKSPACE)
    assert key.version == 2
    await bench.keys.checks.check(WORKSPACE, key.id, ADMIN.id)
    assert bench.anthropic.keys_used("verify")[-1][-4:] == key.last_four


async def test_revoking_shreds_at_once_and_says_which_agents_are_affected(bench: Bench) -> None:
    kept = await bench.set_key()
    revoked = await bench.keys.setting.revoke(WORKSPACE, kept.key.id, ADMIN)
    assert [agent.name for agent in revoked.agents] == ["assistant"]
    assert await _sealed(bench) == [None]
    assert await bench.keys.all(WORKSPACE) == ()
    with pytest.raises(NoKey):
        await bench.keys.setting.revoke(WORKSPACE, kept.key.id, ADMIN)


async def test_nothing_steps_in_for_a_revoked_default_by_itself(bench: Bench) -> None:
    kept = await bench.set_key()
    await bench.set_key(OTHER, label="team")
    revoked = await bench.keys.setting.revoke(WORKSPACE, kept.key.id, ADMIN)
    assert [key.label for key in revoked.others] == ["team"]
    with pytest.raises(NoKey):
        await bench.keys.resolve(await bench.agent())


async def test_a_label_can_be_used_again_after_its_key_was_revoked(bench: Bench) -> None:
    kept = await bench.set_key()
    await bench.keys.setting.revoke(WORKSPACE, kept.key.id, ADMIN)
    again = await bench.set_key(OTHER)
    assert (again.key.version, again.replaced, again.key.is_default) == (2, False, True)


async def test_a_base_url_is_for_compatible_servers_and_needed_there(bench: Bench) -> None:
    with pytest.raises(BadInput) as missing:
        await bench.set_key(provider="compatible")
    assert missing.value.field == "base_url"
    with pytest.raises(BadInput) as refused:
        await bench.set_key(provider="compatible", base_url="http://10.0.0.1/v1")
    assert refused.value.field == "base_url"
    kept = await bench.set_key("ollama", provider="compatible", base_url="https://models.example/v1")
    assert kept.key.base_url == "https://models.example/v1"
    assert (await bench.set_key(base_url="https://models.example")).key.base_url == ""


@pytest.mark.parametrize("origin", ["https://evil.example", "https://models.example"])
async def test_a_row_pointed_at_another_server_does_not_open(bench: Bench, origin: str) -> None:
    kept = await bench.set_key("ollama", provider="compatible", base_url="https://models.example/v1")
    async with bench.database.begin() as uow:
        await uow.connection.execute(
            text("UPDATE provider_keys SET base_url='https://evil.example/v1', origin=:origin"), {"origin": origin}
        )
    bench.compatible.calls.clear()
    with pytest.raises(NoKey, match="can't be opened"):
        await bench.keys.checks.check(WORKSPACE, kept.key.id, ADMIN.id)
    assert bench.compatible.calls == []


async def test_a_key_whose_server_is_not_allowed_any_more_goes_nowhere(bench: Bench) -> None:
    kept = await bench.set_key("ollama", provider="compatible", base_url="https://models.example/v1")
    async with bench.database.begin() as uow:
        await uow.connection.execute(text("UPDATE provider_keys SET base_url='http://models.example/v1'"))
    with pytest.raises(NoKey, match=r"may not be used any more\. The base URL must begin with https"):
        await bench.keys.ring.use(WORKSPACE, kept.key.id, actor=ADMIN.id, details={})


@pytest.mark.parametrize(
    ("secret", "provider", "said"),
    [
        ("short", "anthropic", "not a whole key"),
        ("two words-and-more-of-it", "anthropic", "not a whole key"),
        ("sk-" + "ant-abcdefgh1234", "openai", "Choose Anthropic"),
        ("sk-proj-abcdefgh1234", "anthropic", "Choose OpenAI"),
        ("gsk_abcdefgh1234", "openai", "another provider"),
        ("xo" + "xb-abcdefgh1234", "compatible", "token of a Slack app"),
        ("   ", "anthropic", "Paste the key"),
    ],
)
async def test_what_cannot_be_the_providers_key_is_refused_before_anybody_is_asked(
    bench: Bench, secret: str, provider: str, said: str
) -> None:
    with pytest.raises(BadInput, match=said) as refused:
        await bench.set_key(secret, provider=provider, base_url="https://models.example")
    assert refused.value.field == "key"
    assert bench.anthropic.calls == bench.openai.calls == bench.compatible.calls == []


async def test_what_a_paste_brings_along_is_left_out(bench: Bench) -> None:
    await bench.set_key(f" \u201c{GOOD}\u201d\n".replace("\u201c", '"').replace("\u201d", '"'))
    assert bench.anthropic.keys_used("verify") == [GOOD]


async def test_a_key_in_the_label_is_refused(bench: Bench) -> None:
    with pytest.raises(BadInput) as refused:
        await bench.set_key(label=f"mine {GOOD}")
    assert refused.value.field == "label"


async def test_a_key_in_the_base_url_is_refused(bench: Bench) -> None:
    with pytest.raises(BadInput) as refused:
        await bench.set_key("ollama", provider="compatible", base_url=f"https://models.example/{GOOD}")
    assert refused.value.field == "base_url"


async def test_the_offline_model_takes_no_key(demo: Bench) -> None:
    with pytest.raises(BadInput):
        await demo.set_key(provider="offline")


async def test_the_trail_tells_of_keys_without_telling_them(bench: Bench) -> None:
    kept = await bench.set_key()
    await bench.set_key(OTHER)
    await bench.keys.setting.make_default(WORKSPACE, kept.key.id, ADMIN)
    await bench.keys.setting.revoke(WORKSPACE, kept.key.id, ADMIN)
    told = [entry for entry in await bench.audited() if entry.action.startswith("key.") and entry.actor == ADMIN.id]
    assert [entry.action for entry in told] == ["key.set", "key.replaced", "key.made_default", "key.revoked"]
    assert {entry.object for entry in told} == {kept.key.id}
    assert GOOD not in repr(told)
    assert "abcd" not in repr(told)


async def test_a_key_that_is_being_tried_while_the_app_is_removed_is_not_kept(bench: Bench) -> None:
    bench.anthropic.pause = 0.3
    setting = asyncio.create_task(bench.set_key())
    await until(lambda: bool(bench.anthropic.calls))
    await bench.workspaces.removed(WORKSPACE)
    with pytest.raises(BadInput, match="removed"):
        await setting
    assert await _sealed(bench) == []
    await bench.workspaces.ensure(WORKSPACE)
    bench.anthropic.pause = 0
    assert (await bench.set_key()).key.status is KeyStatus.VERIFIED


async def _sealed(bench: Bench) -> list[bytes | None]:
    async with bench.database.read() as uow:
        return list((await uow.connection.execute(text("SELECT sealed FROM provider_keys"))).scalars())

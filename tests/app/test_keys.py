"""Keys at work: one answer to which key pays, every use written down, nothing ever stepping in."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from app.domain.agent import AgentSpec
from app.domain.keys import KeyStatus, ModelChoice
from app.domain.spend import Account
from app.errors import KeyRejected, NoCredit, NoKey, NoModel, RateLimited, Unreachable
from app.services.agent_drafts import AgentDraft
from app.services.keys import Keys
from app.services.notices import Notices
from app.services.workspaces import WorkspaceSettings
from tests.app.bench import ADMIN, BAD, GOOD, MEMBER, OPERATOR, OTHER, WORKSPACE, Bench, question, words
from tests.fakes.provider import models


async def writer(bench: Bench, **settings: str) -> AgentSpec:
    return await bench.agents.create(WORKSPACE, AgentDraft("writer", **settings), ADMIN)  # type: ignore[arg-type]


def restarted(bench: Bench) -> Keys:
    """What another process knows: nothing but what is in the database."""
    notices = Notices({bench.platform.name: bench.platform}, bench.access)
    return Keys(
        bench.database,
        ring=bench.ring,
        meter=bench.meter,
        notices=notices,
        background=bench.background,
        clock=bench.clock,
    )


async def test_without_a_key_nobody_is_asked_and_the_person_is_told(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", GOOD)
    monkeypatch.setenv("OPENAI_API_KEY", GOOD)
    with pytest.raises(NoKey, match="/byok setkey"):
        await bench.keys.resolve(await bench.agent())
    with pytest.raises(NoKey):
        await bench.ask(ModelChoice("anthropic", "claude-fine", ""))
    with pytest.raises(NoKey):
        await bench.ask(ModelChoice("anthropic", "claude-fine", "key_of_nobody"))
    assert bench.anthropic.calls == bench.openai.calls == []


async def test_an_agent_without_a_model_gets_the_default_keys_best_one(bench: Bench) -> None:
    await bench.set_key()
    unset = replace(await writer(bench), provider="", model="")
    choice = await bench.keys.resolve(unset)
    assert (choice.provider, choice.model, choice.context_window) == ("anthropic", "claude-fine", 200_000)
    assert choice.key_id == (await bench.key()).id


async def test_what_a_model_takes_is_told_as_its_provider_lists_it(bench: Bench) -> None:
    listed = bench.anthropic.listed
    bench.anthropic.listed = (replace(listed[0], images=False, documents=True, web_search=True), *listed[1:])
    await bench.set_key()
    agent = await writer(bench, provider="anthropic", model="claude-fine")
    choice = await bench.keys.resolve(agent)
    assert (choice.images, choice.documents, choice.web_search) == (False, True, True)
    unknown = await bench.keys.resolve(replace(agent, model="claude-unheard-of"))
    assert (unknown.images, unknown.documents, unknown.web_search, unknown.context_window) == (None, None, None, 0)


async def test_right_after_a_start_a_models_size_is_waited_for(bench: Bench) -> None:
    await bench.set_key()
    agent = await writer(bench, provider="anthropic", model="claude-old")
    assert (await restarted(bench).resolve(agent)).context_window == 200_000


async def test_a_provider_that_is_slow_to_list_its_models_holds_a_question_up_for_a_second_at_most(
    bench: Bench,
) -> None:
    await bench.set_key()
    agent = await writer(bench, provider="anthropic", model="claude-old")
    keys = restarted(bench)
    bench.anthropic.pause = 5
    async with asyncio.timeout(3):
        assert (await keys.resolve(agent)).context_window == 0


async def test_a_provider_that_cannot_list_its_models_is_asked_all_the_same(bench: Bench) -> None:
    await bench.set_key()
    agent = await writer(bench, provider="anthropic", model="claude-old")
    bench.anthropic.failure = Unreachable()
    assert (await restarted(bench).resolve(agent)).context_window == 0


async def test_the_longest_known_providers_key_pays_for_agents_without_one(bench: Bench) -> None:
    await bench.set_key(provider="openai")
    bench.clock.forward(seconds=1)
    await bench.set_key(OTHER)
    assert (await bench.keys.resolve(await writer(bench))).provider == "openai"


async def test_an_agents_own_model_and_key_are_used(bench: Bench) -> None:
    await bench.set_key()
    team = (await bench.set_key(OTHER, label="team")).key
    agent = await writer(bench, provider="anthropic", model="claude-old", key_id=team.id)
    choice = await bench.keys.resolve(agent)
    assert (choice.model, choice.key_id, choice.fingerprint) == ("claude-old", team.id, team.fingerprint)
    await bench.ask(choice)
    assert bench.anthropic.keys_used() == [OTHER]


async def test_another_providers_key_never_steps_in(bench: Bench) -> None:
    await bench.set_key(provider="openai")
    agent = await writer(bench, provider="anthropic", model="claude-fine")
    with pytest.raises(NoKey, match="no default key for Anthropic"):
        await bench.keys.resolve(agent)


async def test_a_revoked_named_key_is_not_replaced_by_the_default(bench: Bench) -> None:
    await bench.set_key()
    team = (await bench.set_key(OTHER, label="team")).key
    agent = await writer(bench, provider="anthropic", model="claude-fine", key_id=team.id)
    await bench.keys.setting.revoke(WORKSPACE, team.id, ADMIN)
    with pytest.raises(NoKey, match="was revoked"):
        await bench.keys.resolve(agent)


async def test_a_refused_key_stops_its_agents_and_no_other_steps_in(bench: Bench) -> None:
    await bench.set_key()
    await bench.set_key(OTHER, label="team")
    bench.anthropic.keys = {OTHER}
    choice = await bench.keys.resolve(await bench.agent())
    with pytest.raises(KeyRejected):
        await bench.ask(choice)
    with pytest.raises(KeyRejected, match="refuses the key"):
        await bench.keys.resolve(await bench.agent())
    assert OTHER not in bench.anthropic.keys_used()


async def test_unknown_families_are_not_guessed_and_the_admin_is_asked_once(bench: Bench) -> None:
    await bench.set_key("ollama", provider="compatible", base_url="https://models.example/v1")
    for _ in range(2):
        with pytest.raises(NoModel):
            await bench.keys.resolve(await bench.agent())
    await bench.settled()
    [asked] = bench.platform.told(ADMIN)
    assert "Which one should it use?" in words(asked)


async def test_a_listing_that_fails_says_so_and_chooses_nothing(bench: Bench) -> None:
    bench.anthropic.failure = Unreachable()
    await bench.set_key()
    with pytest.raises(Unreachable):
        await bench.keys.resolve(await bench.agent())


async def test_every_call_is_written_down_with_its_run_and_model(bench: Bench) -> None:
    await bench.set_key()
    choice = await bench.keys.resolve(await bench.agent())
    await bench.ask(choice)
    await bench.ask(choice)
    uses = [e for e in await bench.audited() if e.action == "key.used" and e.details["purpose"] == "answer"]
    assert [(e.actor, e.object, e.details["run"], e.details["model"]) for e in uses] == [
        (MEMBER.id, choice.key_id, "run-1", "claude-fine")
    ] * 2
    assert GOOD not in repr(uses)


async def test_what_cannot_be_written_down_is_not_done(bench: Bench) -> None:
    kept = (await bench.set_key()).key
    choice = await bench.keys.resolve(await bench.agent())
    async with bench.database.begin() as uow:
        await uow.connection.exec_driver_sql("ALTER TABLE audit RENAME TO elsewhere")
    for act in (
        bench.ask(choice),
        bench.keys.setting.revoke(WORKSPACE, kept.id, ADMIN),
        bench.agents.pause(WORKSPACE, (await bench.agent()).id, ADMIN, paused=True),
        bench.access.add_admin(MEMBER, ADMIN),
        bench.workspaces.change(WORKSPACE, WorkspaceSettings(footer=False), ADMIN),
    ):
        with pytest.raises(Exception, match="no such table"):
            await act
    assert bench.anthropic.keys_used() == []
    assert await bench.keys.all(WORKSPACE) == (kept,)
    assert not (await bench.agent()).paused
    assert not await bench.access.is_admin(MEMBER)
    assert (await bench.workspaces.settings(WORKSPACE)).footer


async def test_a_key_revoked_during_a_run_stops_it_at_its_next_call(bench: Bench) -> None:
    await bench.set_key()
    choice = await bench.keys.resolve(await bench.agent())
    client = bench.keys.client(choice, Account(WORKSPACE, "run-1", asker=MEMBER.id))
    assert [event async for event in client.stream(question("claude-fine"))]
    await bench.keys.setting.revoke(WORKSPACE, choice.key_id, ADMIN)
    with pytest.raises(NoKey):
        assert not [event async for event in client.stream(question("claude-fine"))]
    assert len(bench.anthropic.keys_used()) == 1


async def test_a_replaced_key_is_used_from_the_next_call_on(bench: Bench) -> None:
    await bench.set_key()
    choice = await bench.keys.resolve(await bench.agent())
    await bench.set_key(OTHER)
    await bench.ask(choice)
    assert bench.anthropic.keys_used() == [OTHER]


async def test_another_workspaces_key_does_not_open(bench: Bench) -> None:
    await bench.set_key()
    choice = await bench.keys.resolve(await bench.agent())
    await bench.workspaces.ensure("slack:T2")
    client = bench.keys.client(choice, Account("slack:T2", "run-2", asker="U9"))
    with pytest.raises(NoKey):
        assert not [event async for event in client.stream(question())]
    assert bench.anthropic.keys_used() == []


async def test_a_key_refused_in_use_is_marked_and_its_admins_are_told_once(bench: Bench) -> None:
    kept = await bench.set_key()
    choice = await bench.keys.resolve(await bench.agent())
    bench.anthropic.keys = set()
    for _ in range(2):
        with pytest.raises((KeyRejected, NoKey)):
            await bench.ask(choice)
    await bench.settled()
    assert (await bench.keys.get(WORKSPACE, kept.key.id)).status is KeyStatus.REFUSED
    assert "refuses" in words(bench.platform.told(ADMIN))
    assert [len(bench.platform.told(user)) for user in (ADMIN, OPERATOR, MEMBER)] == [1, 1, 0]


async def test_a_refusal_of_the_old_key_does_not_mark_the_new_one(bench: Bench) -> None:
    await bench.set_key()
    key, _ = await bench.ring.use(WORKSPACE, (await bench.key()).id, actor="latchkey", details={})
    await bench.set_key(OTHER)
    await bench.keys.checks.failed(key, KeyRejected())
    assert (await bench.key()).status is KeyStatus.VERIFIED


async def test_credit_that_runs_out_is_noted_and_so_is_its_return(bench: Bench) -> None:
    await bench.set_key()
    choice = await bench.keys.resolve(await bench.agent())
    bench.anthropic.failure = NoCredit()
    with pytest.raises(NoCredit):
        await bench.ask(choice)
    assert (await bench.key()).status is KeyStatus.NO_CREDIT
    bench.anthropic.failure = None
    await bench.ask(choice)
    assert (await bench.key()).status is KeyStatus.VERIFIED


async def test_other_failures_say_nothing_about_the_key(bench: Bench) -> None:
    await bench.set_key()
    choice = await bench.keys.resolve(await bench.agent())
    bench.anthropic.failure = RateLimited(retry_after=3)
    with pytest.raises(RateLimited):
        await bench.ask(choice)
    assert (await bench.key()).status is KeyStatus.VERIFIED


async def test_closing_an_answer_early_closes_the_providers_stream(bench: Bench) -> None:
    await bench.set_key()
    choice = await bench.keys.resolve(await bench.agent())
    stream = bench.keys.client(choice, Account(WORKSPACE, "r", asker=MEMBER.id)).stream(question("claude-fine"))
    await anext(stream)
    await stream.aclose()  # type: ignore[attr-defined]
    assert bench.anthropic.closed == 1


async def test_lists_are_fetched_once_in_minutes_and_written_down(bench: Bench) -> None:
    key = (await bench.set_key()).key
    await bench.settled()
    bench.anthropic.calls.clear()
    await bench.keys.models.of(key)
    assert bench.anthropic.calls == []
    bench.clock.forward(minutes=11)
    bench.anthropic.listed = models("claude-newer")
    assert [model.id for model in await bench.keys.models.of(key)] == ["claude-newer"]
    assert [e.details["purpose"] for e in await bench.audited() if e.action == "key.used"][-1] == "models"


async def test_in_the_demo_agents_without_a_key_answer_offline(demo: Bench) -> None:
    choice = await demo.keys.resolve(await demo.agent())
    assert (choice.provider, choice.model, choice.key_id) == ("offline", "offline", "")
    assert await demo.ask(choice)
    assert demo.offline.keys_used() == [""]


async def test_outside_the_demo_the_offline_model_answers_for_nobody(bench: Bench) -> None:
    agent = replace(await bench.agent(), provider="offline", model="offline")
    with pytest.raises(NoKey):
        await bench.keys.resolve(agent)
    with pytest.raises(NoKey):
        await bench.ask(ModelChoice("offline", "offline", ""))


async def test_the_first_key_that_works_takes_on_the_agents_that_had_none(demo: Bench) -> None:
    await demo.agents.create(WORKSPACE, AgentDraft("settled", provider="openai", model="gpt-fine"), ADMIN)
    await demo.agents.create(WORKSPACE, AgentDraft("playing", provider="offline", model="offline"), ADMIN)
    kept = await demo.set_key()
    assert {(agent.name, agent.provider, agent.model) for agent in kept.moved} == {
        ("assistant", "anthropic", "claude-fine"),
        ("playing", "anthropic", "claude-fine"),
    }
    assert (await demo.agent("settled")).provider == "openai"
    assert (await demo.set_key(OTHER, provider="openai")).moved == ()
    choice = await demo.keys.resolve(await demo.agent())
    await demo.ask(choice)
    assert demo.anthropic.keys_used() == [GOOD]


async def test_a_revoked_key_does_not_bring_the_offline_model_back(demo: Bench) -> None:
    kept = await demo.set_key()
    await demo.keys.setting.revoke(WORKSPACE, kept.key.id, ADMIN)
    with pytest.raises(NoKey):
        await demo.keys.resolve(await demo.agent())


async def test_an_unverified_key_does_not_move_anybody_yet(demo: Bench) -> None:
    demo.anthropic.failure = Unreachable()
    assert (await demo.set_key(BAD)).moved == ()
    assert (await demo.keys.resolve(await demo.agent())).provider == "offline"

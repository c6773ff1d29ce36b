"""Buttons, selects and forms: checked at the moment of the act, by who acts and by what is really there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from app.domain.chat import MemberKind, MessageRef, UserRef
from app.domain.events import Action, Close, FieldErrors, Nothing, Open, OptionQuery, Private, Replace
from app.domain.keys import KeyStatus
from app.domain.views import SecretInput, SelectInput, TextInput
from app.errors import Unreachable
from app.services.agent_drafts import AgentDraft
from app.services.workspaces import WorkspaceSettings
from tests.app.bench import ADMIN, BAD, GOOD, MEMBER, OTHER, WORKSPACE, Bench, words
from tests.fakes.provider import models

STRANGER = UserRef("slack:T2", "U9")
MESSAGE = MessageRef(WORKSPACE, "C1", "1.0")
KEY = {"provider": "anthropic", "label": ""}
AGENT = {
    "name": "Writer", "emoji": "🦊", "description": "Writes.", "instructions": "Write.", "model": "auto", "effort": "none",
    "max_output_tokens": "2000", "channels": "C1 C2", "share_names": "",
}  # fmt: skip


async def test_a_good_key_closes_the_form_with_a_private_confirmation(bench: Bench) -> None:
    outcome = await bench.sent("key_set", KEY, key=GOOD)
    assert isinstance(outcome, Close)
    told = words(outcome.then)
    assert "Anthropic accepts it" in told
    assert "assistant now answers with Anthropic, on claude-fine" in told
    assert GOOD not in repr(outcome)
    assert (await bench.key()).status is KeyStatus.VERIFIED


async def test_a_refused_key_is_an_error_on_the_field(bench: Bench) -> None:
    outcome = await bench.sent("key_set", KEY, key=BAD)
    assert isinstance(outcome, FieldErrors)
    assert list(outcome.errors) == ["key"]
    assert "Anthropic refused this key" in outcome.errors["key"]


async def test_a_provider_that_is_away_leaves_the_key_unverified_and_says_what_follows(bench: Bench) -> None:
    bench.anthropic.failure = Unreachable()
    outcome = await bench.sent("key_set", KEY, key=GOOD)
    assert isinstance(outcome, Close)
    assert "checked again by itself, and you will be told" in words(outcome.then)


@pytest.mark.parametrize(
    ("values", "key", "field"),
    [
        (KEY, "", "key"),
        ({"provider": "", "label": ""}, GOOD, "provider"),
        ({"provider": "offline", "label": ""}, GOOD, "provider"),
        ({"provider": "compatible", "label": "", "base_url": ""}, GOOD, "base_url"),
        ({"provider": "compatible", "label": ""}, GOOD, "key"),
        (KEY | {"label": "x" * 41}, GOOD, "label"),
    ],
)
async def test_each_error_stands_beside_a_field_that_the_form_has(
    bench: Bench, values: dict[str, str], key: str, field: str
) -> None:
    outcome = await bench.sent("key_set", values, key=key)
    assert isinstance(outcome, FieldErrors)
    assert list(outcome.errors) == [field]


async def test_who_sends_a_form_is_checked_when_it_arrives(bench: Bench) -> None:
    form = await bench.pressed("key_add")
    assert isinstance(form, Open)
    del bench.platform.people[ADMIN]
    outcome = await bench.sent("key_set", KEY, key=GOOD)
    assert isinstance(outcome, Close)
    assert "Latchkey's admins" in words(outcome.then)
    assert await bench.keys.all(WORKSPACE) == ()
    assert bench.anthropic.calls == []


FORMS = [
    "key_set", "key_replace_with", "key_details", "agent_save", "channel_save", "settings_save", "grant_save", "template_save",
    "key_rotate_with", "model_try_ask", "stand_ins_save", "limit_save", "limit_change", "limit_raise_save",
]  # fmt: skip
ACTIONS = [
    "key_add", "key_test", "key_replace", "key_details", "key_revoke", "key_default", "agent_new", "agent_edit", "agent_pause", "agent_resume",
    "agent_delete", "agent_default", "model", "channel_new", "channel_clear", "admin_remove", "settings_edit",
    "agent_tools", "grant_new", "grant_change", "grant_remove", "templates", "template_use",
    "model_change", "model_try", "model_keep", "model_pick", "stand_ins", "stand_ins_edit",
    "key_rotate", "key_rotate_undo", "key_rotate_drop", "key_rotate_anyway", "key_rotate_give_up",
    "limit_new", "limit_choose", "limit_edit", "limit_remove", "limit_list", "limit_grant", "limit_raise", "limit_refuse",
]  # fmt: skip


def test_every_action_and_form_is_tried_below(bench: Bench) -> None:
    assert set(bench.forms._acts) == set(ACTIONS)
    assert set(bench.forms._saves) == set(FORMS)


@pytest.mark.parametrize("form", FORMS)
async def test_no_form_is_taken_from_a_member(bench: Bench, form: str) -> None:
    before = await bench.audited()
    outcome = await bench.sent(form, KEY | AGENT, key=GOOD, by=MEMBER)
    assert isinstance(outcome, Close)
    assert "Latchkey's admins" in words(outcome.then)
    assert await bench.audited() == before


@pytest.mark.parametrize("action", ACTIONS)
async def test_no_button_acts_for_a_member(bench: Bench, action: str) -> None:
    key, agent = (await bench.set_key()).key, await bench.agent()
    before, kept = await bench.audited(), (await bench.keys.all(WORKSPACE), await bench.agents.all(WORKSPACE))
    for value in (key.id, agent.id, ""):
        outcome = await bench.pressed(action, value, by=MEMBER)
        assert isinstance(outcome, Private)
        assert "Latchkey's admins" in words(outcome.view)
    assert await bench.audited() == before
    assert (await bench.keys.all(WORKSPACE), await bench.agents.all(WORKSPACE)) == kept


@pytest.mark.parametrize(
    "action",
    [
        a
        for a in ACTIONS
        if a
        not in (
            "key_add",
            "agent_new",
            "channel_new",
            "channel_clear",
            "admin_remove",
            "settings_edit",
            "stand_ins",
            "limit_new",
            "limit_list",
        )
    ],
)
async def test_what_belongs_to_another_workspace_is_out_of_reach(bench: Bench, action: str) -> None:
    key, agent = (await bench.set_key()).key, await bench.agent()
    kept = await bench.keys.all(WORKSPACE), await bench.agents.all(WORKSPACE)
    await bench.workspaces.ensure(STRANGER.workspace)
    bench.platform.people[STRANGER] = MemberKind.ADMIN
    for value in (key.id, agent.id, "nonsense", ""):
        outcome = await bench.forms.action(Action(STRANGER, f"{action}:{agent.id}", value))
        assert isinstance(outcome, Private)
    assert (await bench.keys.all(WORKSPACE), await bench.agents.all(WORKSPACE)) == kept


async def test_what_is_unknown_does_nothing(bench: Bench) -> None:
    assert isinstance(await bench.pressed("of_another_version"), Nothing)
    assert isinstance(await bench.sent("of_another_version", {}), Close)


async def test_a_key_is_replaced_where_it_stands_whatever_the_form_claims(bench: Bench) -> None:
    kept = (await bench.set_key()).key
    form = await bench.pressed("key_replace", kept.id)
    assert isinstance(form, Open)
    assert [type(block) for block in form.view.blocks if hasattr(block, "id")] == [SecretInput, TextInput]
    assert form.view.context == kept.id
    outcome = await bench.sent("key_replace_with", {"provider": "openai", "label": "evil"}, key=OTHER, context=kept.id)
    assert isinstance(outcome, Close)
    assert "replaced; the old one is destroyed" in words(outcome.then)
    [key] = await bench.keys.all(WORKSPACE)
    assert (key.provider, key.label, key.version) == ("anthropic", "main", 2)


async def test_a_changed_base_url_asks_for_the_key_again(bench: Bench) -> None:
    kept = (await bench.set_key("ollama", provider="compatible", base_url="https://one.example/v1")).key
    form = await bench.pressed("key_replace", kept.id)
    assert isinstance(form, Open)
    secret, url, _ = (block for block in form.view.blocks if isinstance(block, SecretInput | TextInput))
    assert isinstance(secret, SecretInput)
    assert not secret.optional
    assert isinstance(url, TextInput)
    assert url.value == "https://one.example/v1"
    without = await bench.sent("key_replace_with", {"base_url": "https://two.example/v1"}, context=kept.id)
    assert isinstance(without, FieldErrors)
    assert (await bench.key("main", "compatible")).base_url == "https://one.example/v1"
    await bench.sent("key_replace_with", {"base_url": "https://two.example/v1"}, key="ollama", context=kept.id)
    assert (await bench.key("main", "compatible")).base_url == "https://two.example/v1"
    assert bench.compatible.calls[-1][2] == "https://two.example/v1"


async def test_a_test_by_button_tells_and_keeps_what_was_found(bench: Bench) -> None:
    kept = (await bench.set_key()).key
    bench.anthropic.keys = set()
    outcome = await bench.pressed("key_test", kept.id)
    assert isinstance(outcome, Private)
    assert "Refused" in words(outcome.view)
    assert "Refused" in words(bench.platform.home(ADMIN))


async def test_revoking_offers_what_could_take_its_place_and_takes_nothing(bench: Bench) -> None:
    kept = (await bench.set_key()).key
    team = (await bench.set_key(OTHER, label="team")).key
    outcome = await bench.pressed("key_revoke", kept.id, message=MESSAGE)
    assert isinstance(outcome, Replace)
    told = words(outcome.view)
    assert "assistant can't answer until there is a key again" in told
    assert "Use “team” instead" in told
    assert not (await bench.keys.get(WORKSPACE, team.id)).is_default
    await bench.pressed("key_default", team.id)
    assert (await bench.keys.resolve(await bench.agent())).key_id == team.id
    again = await bench.pressed("key_revoke", kept.id)
    assert isinstance(again, Private)
    assert "not there any more" in words(again.view)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "nonsense",
        "openai/gpt-fine",
        "anthropic@key_of_nobody/claude-fine",
        "anthropic/claude-none",
        "offline/offline",
        "evil/x",
    ],
)
async def test_a_model_that_was_not_offered_is_not_taken(bench: Bench, value: str) -> None:
    await bench.set_key()
    agent = await bench.agent()
    assert isinstance(await bench.pressed(f"model:{agent.id}", value), Private)
    assert await bench.agent() == agent


async def test_a_model_may_be_chosen_under_another_key(bench: Bench) -> None:
    await bench.set_key()
    team = (await bench.set_key(OTHER, label="team")).key
    agent = await bench.agent()
    await bench.pressed("model_change", f"{agent.id}|anthropic@{team.id}/claude-old")
    await bench.ask(await bench.keys.resolve(await bench.agent()))
    assert bench.anthropic.keys_used() == [OTHER]


async def test_any_number_of_models_can_be_searched(bench: Bench) -> None:
    bench.anthropic.listed = models(*(f"claude-{number:03d}" for number in range(300)))
    await bench.set_key()
    agent = await bench.agent()
    query = OptionQuery(ADMIN, f"model:{agent.id}", "CLAUDE 27")
    found = [option.value for option in await bench.forms.options(query)]
    assert "anthropic/claude-270" in found
    assert all("27" in value for value in found)
    assert len(await bench.forms.options(OptionQuery(ADMIN, "model", ""))) == 100
    assert await bench.forms.options(OptionQuery(MEMBER, "model", "")) == ()
    assert await bench.forms.options(OptionQuery(ADMIN, "other", "")) == ()


async def test_an_agent_is_made_and_edited_by_a_form(bench: Bench) -> None:
    made = await bench.sent("agent_save", AGENT)
    assert isinstance(made, Close)
    agent = await bench.agent("writer")
    assert (agent.emoji, agent.channels, agent.max_output_tokens, agent.provider) == ("🦊", ("C1", "C2"), 2000, "")
    form = await bench.pressed("agent_edit", agent.id)
    assert isinstance(form, Open)
    shown = {block.id: block.value for block in form.view.blocks if isinstance(block, TextInput)}
    assert (shown["name"], shown["instructions"]) == ("writer", "Write.")
    await bench.sent("agent_save", AGENT | {"name": "editor", "effort": "high", "share_names": "yes"}, context=agent.id)
    edited = await bench.agent("editor")
    assert (edited.id, edited.effort, edited.share_names, edited.grants) == (agent.id, "high", True, agent.grants)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "assistant"),
        ("name", "two words"),
        ("emoji", "fox"),
        ("max_output_tokens", "many"),
        ("max_output_tokens", "1"),
        ("max_output_tokens", "9" * 5000),
        ("effort", "huge"),
        ("model", "openai/gpt-fine"),
        ("model", "x"),
        ("description", "x" * 301),
    ],
)
async def test_what_is_wrong_with_an_agent_stands_beside_its_field(bench: Bench, field: str, value: str) -> None:
    outcome = await bench.sent("agent_save", AGENT | {field: value})
    assert isinstance(outcome, FieldErrors)
    assert list(outcome.errors) == [field]


async def test_an_agent_deleted_meanwhile_is_not_made_anew_by_its_form(bench: Bench) -> None:
    outcome = await bench.sent("agent_save", AGENT, context="agent_of_yesterday")
    assert isinstance(outcome, Close)
    assert "not there any more" in words(outcome.then)
    assert len(await bench.agents.all(WORKSPACE)) == 1


async def test_the_form_keeps_a_model_that_is_not_listed_any_more(bench: Bench) -> None:
    await bench.set_key()
    agent = await bench.agents.create(WORKSPACE, AgentDraft("writer", provider="anthropic", model="claude-gone"), ADMIN)
    form = await bench.pressed("agent_edit", agent.id)
    assert isinstance(form, Open)
    select = next(block for block in form.view.blocks if isinstance(block, SelectInput) and block.id == "model")
    assert select.selected == "anthropic/claude-gone"
    assert select.selected in {option.value for option in select.options}
    values = AGENT | {"model": select.selected, "description": "New."}
    assert isinstance(await bench.sent("agent_save", values, context=agent.id), Close)
    assert (await bench.agent("writer")).model == "claude-gone"


async def test_agents_are_paused_resumed_made_default_and_deleted(bench: Bench) -> None:
    agent = await bench.agents.create(WORKSPACE, AgentDraft("writer"), ADMIN)
    await bench.pressed("agent_pause", agent.id)
    assert (await bench.agent("writer")).paused
    refused = await bench.pressed("agent_default", agent.id)
    assert isinstance(refused, Private)
    await bench.pressed("agent_resume", agent.id)
    await bench.pressed("agent_default", agent.id)
    assert (await bench.agent("writer")).is_default
    assistant = await bench.agent()
    await bench.pressed("agent_delete", assistant.id)
    assert [a.name for a in await bench.agents.all(WORKSPACE)] == ["writer"]


async def test_an_error_beside_a_field_shows_no_marks(bench: Bench) -> None:
    outcome = await bench.sent("agent_save", AGENT | {"model": "openai/gpt-fine"})
    assert isinstance(outcome, FieldErrors)
    assert "Set one with /byok setkey openai." in outcome.errors["model"]


async def test_channels_get_an_agent_all_or_none(bench: Bench) -> None:
    agent = await bench.agent()
    async with bench.database.begin() as uow:
        await uow.agents.change(replace(agent, channels=("C1",)))
    before = await bench.actions()
    outcome = await bench.sent("channel_save", {"channels": "C1 C2", "agent": agent.id})
    assert isinstance(outcome, FieldErrors)
    assert "all of these channels" in outcome.errors["agent"]
    assert await bench.agents.channels(WORKSPACE) == {}
    assert await bench.actions() == before


async def test_channels_get_an_agent_and_give_it_back(bench: Bench) -> None:
    agent = await bench.agent()
    assert isinstance(await bench.pressed("channel_new"), Open)
    await bench.sent("channel_save", {"channels": "C1 C2", "agent": agent.id})
    assert await bench.agents.channels(WORKSPACE) == {"C1": agent.id, "C2": agent.id}
    await bench.pressed("channel_clear", "C1")
    assert await bench.agents.channels(WORKSPACE) == {"C2": agent.id}
    nothing = await bench.sent("channel_save", {"channels": "", "agent": agent.id})
    assert isinstance(nothing, FieldErrors)


async def test_settings_are_changed_by_a_form(bench: Bench) -> None:
    form = await bench.pressed("settings_edit")
    assert isinstance(form, Open)
    empty: dict[str, Any] = {block.id: "" for block in form.view.blocks if hasattr(block, "id")}
    values = empty | {"max_runs": "4", "memory_hours": "48", "time_zone": "europe/berlin"}
    for field, wrong in (
        ("max_runs", "0"),
        ("max_runs", ""),
        ("max_runs", "9" * 5000),
        ("memory_hours", "721"),
        ("memory_hours", "a day"),
        ("time_zone", "Mars/Olympus"),
        ("time_zone", ""),
    ):
        refused = await bench.sent("settings_save", values | {field: wrong})
        assert isinstance(refused, FieldErrors)
        assert list(refused.errors) == [field]
    await bench.sent("settings_save", values | {"answer_guests": "yes"})
    settings = await bench.workspaces.settings(WORKSPACE)
    assert settings == WorkspaceSettings(
        follow_ups=False, answer_guests=True, footer=False, max_runs=4, memory_hours=48, time_zone="Europe/Berlin"
    )


async def test_an_admin_is_removed_by_a_button(bench: Bench) -> None:
    await bench.access.add_admin(MEMBER, ADMIN)
    await bench.pressed("admin_remove", MEMBER.id)
    assert not await bench.access.is_admin(MEMBER)


async def test_everybody_is_offered_a_few_things_to_ask(bench: Bench) -> None:
    offered = await bench.forms.suggestions(MEMBER)
    assert 1 <= len(offered) <= 4

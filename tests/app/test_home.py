"""The home tab: a checklist until the first key, everything at a glance for admins, the way in for members."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from app.domain.chat import MemberKind
from app.domain.events import Close
from app.domain.views import Block, Button, Buttons, Row, Select, View
from app.errors import PlatformUnavailable
from app.services.agent_drafts import AgentDraft
from app.services.workspaces import WorkspaceSettings
from tests.app.bench import ADMIN, GOOD, MEMBER, OPERATOR, OTHER, WORKSPACE, Bench, words
from tests.fakes.provider import models


def controls(view: View) -> list[Button | Select]:
    found: list[Button | Select] = []
    for block in view.blocks:
        found += _controls(block)
    return found


def _controls(block: Block) -> list[Button | Select]:
    if isinstance(block, Buttons):
        return list(block.buttons)
    if isinstance(block, Row) and block.control:
        return [block.control]
    return []


async def test_a_checklist_stands_there_until_the_first_key_is_set(bench: Bench) -> None:
    before = await bench.home.view(ADMIN)
    assert "Three steps" in words(before)
    assert next(control.id for control in controls(before)) == "key_add"
    await bench.set_key()
    after = await bench.home.view(ADMIN)
    assert "Three steps" not in words(after)
    assert "Model keys" in words(after)


async def test_admins_see_keys_with_their_health_and_what_can_be_done(bench: Bench) -> None:
    await bench.set_key()
    team = (await bench.set_key(OTHER, label="team")).key
    view = await bench.home.view(ADMIN)
    told = words(view)
    assert "Anthropic · main · ••••abcd · default ✅ Works" in told
    assert GOOD not in repr(view)
    by_key = {c.id for c in controls(view) if isinstance(c, Button) and c.value == team.id}
    assert by_key == {"key_test", "key_replace", "key_rotate", "key_default", "key_details", "key_revoke"}
    revoke = next(c for c in controls(view) if isinstance(c, Button) and c.id == "key_revoke")
    assert revoke.confirm is not None
    assert "assistant can't answer without it" in revoke.confirm.text


async def test_admins_choose_models_from_any_number_in_groups_by_key(bench: Bench) -> None:
    bench.anthropic.listed = models(*(f"claude-{number:03d}" for number in range(250)))
    await bench.set_key()
    await bench.set_key(OTHER, label="team")
    await bench.set_key(provider="openai")
    agent = await bench.agent()
    [select] = [control for control in controls(await bench.home.view(ADMIN)) if isinstance(control, Select)]
    assert select.action_id == f"model:{agent.id}"
    assert select.selected == "anthropic/claude-000"
    groups = list(dict.fromkeys(option.group for option in select.options))
    assert groups == ["Automatic", "Anthropic", "Anthropic · team", "OpenAI"]
    assert len(select.options) == 1 + 250 + 250 + 1
    assert len({option.value for option in select.options}) == len(select.options)


async def test_what_an_agent_has_is_shown_even_if_nobody_lists_it(bench: Bench) -> None:
    agent = await bench.agent()
    await bench.agents.set_model(WORKSPACE, agent.id, ADMIN, provider="openai", model="gpt-of-old")
    [select] = [control for control in controls(await bench.home.view(ADMIN)) if isinstance(control, Select)]
    assert select.selected == "openai/gpt-of-old"
    assert select.selected in {option.value for option in select.options}


async def test_a_provider_that_does_not_answer_does_not_hold_the_home_up_for_long(bench: Bench) -> None:
    await bench.set_key()
    await bench.settled()
    bench.clock.forward(minutes=20)
    bench.anthropic.pause = 60
    view = await asyncio.wait_for(bench.home.view(ADMIN), 8)
    assert "Model keys" in words(view)
    await bench.background.drain(0)


async def test_agents_have_buttons_and_the_default_cannot_be_deleted(bench: Bench) -> None:
    writer = await bench.agents.create(WORKSPACE, AgentDraft("writer", emoji="🦊", channels=("C7",)), ADMIN)
    default = await bench.agent()
    found = controls(await bench.home.view(ADMIN))
    ids = {
        agent.name: {c.id for c in found if isinstance(c, Button) and c.value == agent.id}
        for agent in (writer, default)
    }
    assert ids["writer"] == {"agent_edit", "agent_tools", "agent_pause", "agent_default", "agent_delete"}
    assert ids["assistant"] == {"agent_edit", "agent_tools", "agent_pause"}
    assert "Only in C7" in words(await bench.home.view(ADMIN))
    assert "agent_new" in {control.id for control in found}


async def test_channels_settings_and_admins_are_there_to_be_changed(bench: Bench) -> None:
    await bench.agents.set_channel(WORKSPACE, "C7", (await bench.agent()).id, ADMIN)
    await bench.access.add_admin(MEMBER, ADMIN)
    view = await bench.home.view(ADMIN)
    told = words(view)
    for part in ("C7 : assistant", "Agents answer members", MEMBER.id, OPERATOR.id, "/byok admins add @person"):
        assert part in told
    assert {"channel_clear", "channel_new", "settings_edit", "admin_remove"} <= {
        control.id for control in controls(view)
    }


async def test_members_learn_who_answers_how_to_ask_and_what_happens_with_their_words(bench: Bench) -> None:
    await bench.set_key()
    lee = replace(MEMBER, id="U7LEE")
    bench.platform.people[lee] = MemberKind.MEMBER
    await bench.access.add_admin(lee, ADMIN)
    await bench.agents.create(WORKSPACE, AgentDraft("writer", "Writes well."), ADMIN)
    resting = await bench.agents.create(WORKSPACE, AgentDraft("resting"), ADMIN)
    await bench.agents.pause(WORKSPACE, resting.id, ADMIN, paused=True)
    view = await bench.home.view(MEMBER)
    told = words(view)
    for part in ("assistant", "Writes well.", "@Latchkey writer: …", "keeps no messages", "U7LEE", OPERATOR.id):
        assert part in told
    for part in ("resting", "••••", "claude", "Settings"):
        assert part not in told
    assert {control.id for control in controls(view)} == {"agent_can"}


async def test_members_are_told_when_every_agent_is_paused(bench: Bench) -> None:
    [agent] = await bench.agents.all(WORKSPACE)
    await bench.agents.pause(WORKSPACE, agent.id, ADMIN, paused=True)
    assert "every agent is paused" in words(await bench.home.view(MEMBER))


async def test_members_are_told_when_nobody_can_answer_yet(bench: Bench, demo: Bench) -> None:
    assert "no model key yet" in words(await bench.home.view(MEMBER))
    assert "no model key yet" not in words(await demo.home.view(MEMBER))


async def test_the_demo_says_that_the_offline_model_only_plays(demo: Bench) -> None:
    view = await demo.home.view(ADMIN)
    assert "offline demo model answers, which only plays" in words(view)
    [select] = [control for control in controls(view) if isinstance(control, Select)]
    assert "offline/offline" in {option.value for option in select.options}


async def test_a_workspace_of_many_still_fits_on_a_screen(bench: Bench) -> None:
    for number in range(19):
        secret = f"sk-test-many-{number:04d}-abcd"
        bench.anthropic.keys = None
        await bench.set_key(secret, label=f"key{number}")
    for number in range(45):
        await bench.agents.create(WORKSPACE, AgentDraft(f"agent{number}", channels=("C1",)), ADMIN)
    for number, key in enumerate((await bench.keys.all(WORKSPACE))[:12]):
        outcome = await bench.sent("key_rotate_with", {}, key=f"sk-test-next-{number:04d}-abcd", context=key.id)
        assert isinstance(outcome, Close)
    view = await bench.home.view(ADMIN)
    assert len(view.blocks) <= 100
    assert "the one before, is kept until" in words(view)
    assert "/byok agents" in words(view)
    assert len((await bench.home.view(MEMBER)).blocks) <= 100


async def test_where_latchkey_remembers_for_itself_the_home_says_so(bench: Bench) -> None:
    bench.platform.keeps_history = False
    await bench.home.publish(MEMBER)
    assert "kept encrypted for 24 hours" in words(bench.platform.home(MEMBER))
    assert "keeps no messages" not in words(bench.platform.home(MEMBER))


async def test_a_change_publishes_the_home_of_who_made_it_anew(bench: Bench) -> None:
    await bench.sent("settings_save", {"answer_guests": "yes", "max_runs": "8", "memory_hours": "24"})
    assert "guests" in words(bench.platform.home(ADMIN))
    assert MEMBER not in bench.platform.homes


async def test_where_homes_stand_unlooked_at_other_admins_are_changed_too(bench: Bench) -> None:
    await bench.typed(f"admins add <@{MEMBER.id}>")
    await bench.home.publish(MEMBER)
    bench.platform.tells_of_looks = False
    await bench.sent("settings_save", {"max_runs": "5", "memory_hours": "24"})
    assert "At most 5 answers" in words(bench.platform.home(MEMBER))
    bench.platform.tells_of_looks = True
    await bench.sent("settings_save", {"max_runs": "6", "memory_hours": "24"})
    assert "At most 5 answers" in words(bench.platform.home(MEMBER))


@pytest.mark.parametrize("by_button", [True, False])
async def test_who_is_an_admin_no_more_has_an_admins_home_no_more(bench: Bench, by_button: bool) -> None:
    await bench.typed(f"admins add <@{MEMBER.id}>")
    await bench.home.publish(MEMBER)
    bench.platform.tells_of_looks = False
    await (bench.pressed("admin_remove", MEMBER.id) if by_button else bench.typed(f"admins remove <@{MEMBER.id}>"))
    assert "Settings" not in words(bench.platform.home(MEMBER))


async def test_what_changes_while_a_home_is_made_is_in_the_last_one(bench: Bench) -> None:
    first = asyncio.create_task(bench.home.publish(ADMIN))
    await asyncio.sleep(0)
    await bench.workspaces.change(WORKSPACE, WorkspaceSettings(max_runs=5), ADMIN)
    await bench.home.publish(ADMIN)
    await first
    assert "At most 5 answers" in words(bench.platform.home(ADMIN))


async def test_a_platform_that_is_away_stops_nothing(bench: Bench) -> None:
    bench.platform.broken = PlatformUnavailable()
    await bench.home.publish(ADMIN)
    assert bench.platform.homes == {}

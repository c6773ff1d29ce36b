"""`/byok …`: read forgivingly, answered privately, changed by admins only, and no place for a key."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.domain.agent import AgentSpec
from app.domain.chat import MemberKind, UserRef
from app.domain.events import Open, Outcome, Private
from app.domain.keys import KeyStatus
from app.domain.views import Button, Buttons, SecretInput, SelectInput, TextInput, View
from app.errors import Unreachable
from app.services.agent_drafts import AgentDraft
from app.services.screens import agents as agent_screens
from app.services.workspaces import WorkspaceSettings
from tests.app.bench import ADMIN, GOOD, MEMBER, OPERATOR, OTHER, WORKSPACE, Bench, words

PLAIN = "7f3Kq9ZpX2mVt8RwL5sB"


def private(outcome: Outcome) -> str:
    assert isinstance(outcome, Private)
    return words(outcome.view)


def opened(outcome: Outcome) -> View:
    assert isinstance(outcome, Open)
    return outcome.view


def buttons(outcome: Outcome) -> Sequence[Button]:
    assert isinstance(outcome, Private)
    return [button for block in outcome.view.blocks if isinstance(block, Buttons) for button in block.buttons]


@pytest.mark.parametrize("text", ["help", "", "  HELP ", "/byok help", "`help`", "?"])
async def test_help_shows_what_there_is(bench: Bench, text: str) -> None:
    told = private(await bench.typed(text))
    assert all(
        f"/byok {name}" in told for name in ("setkey", "keys", "test", "revoke", "agents", "model", "admins", "audit")
    )
    members = private(await bench.typed(text, by=MEMBER))
    assert "/byok agents" in members
    assert "/byok revoke" not in members


@pytest.mark.parametrize(
    ("text", "said"),
    [("keyz", "Did you mean keys?"), ("frobnicate", "no command"), ("revokee", "Did you mean revoke?")],
)
async def test_an_unknown_command_says_what_was_understood_and_helps(bench: Bench, text: str, said: str) -> None:
    told = private(await bench.typed(text))
    assert said in told
    assert "/byok setkey" in told


@pytest.mark.parametrize("text", ["setkey", "set key", "Set-Key", "addkey", "/byok setkey", "  setkey  "])
async def test_setkey_opens_a_form_that_asks_for_a_provider_and_the_key(bench: Bench, text: str) -> None:
    form = opened(await bench.typed(text))
    provider, key, url, expiry, label = form.blocks
    assert isinstance(provider, SelectInput)
    assert [option.value for option in provider.options] == ["anthropic", "openai", "compatible"]
    assert isinstance(key, SecretInput)
    assert (key.id, key.label) == ("key", "API key")
    assert isinstance(url, TextInput)
    assert isinstance(expiry, TextInput)
    assert isinstance(label, TextInput)
    assert (url.optional, expiry.optional, label.optional) == (True, True, True)
    assert len(form.title) <= 24


async def test_setkey_with_a_provider_asks_for_a_base_url_only_where_one_is_needed(bench: Bench) -> None:
    ours = opened(await bench.typed("setkey Anthropic"))
    assert [block.id for block in ours.blocks if isinstance(block, TextInput)] == ["expires_on", "label"]
    assert next(block.selected for block in ours.blocks if isinstance(block, SelectInput)) == "anthropic"
    theirs = opened(await bench.typed("setkey compatible"))
    [url] = [block for block in theirs.blocks if isinstance(block, TextInput) and block.id == "base_url"]
    assert not url.optional


async def test_an_unknown_provider_is_answered_with_those_there_are(bench: Bench) -> None:
    assert "anthropic, openai, compatible" in private(await bench.typed("setkey mistral"))


@pytest.mark.parametrize(
    "text",
    [
        f"setkey {GOOD}", f"setkey anthropic {GOOD}", f"setkey anthropic {PLAIN}", "setkey anthropic hunter", f"set key openai {PLAIN}",
        GOOD, f"keys {GOOD}", f"model assistant {GOOD}", f"setkey {PLAIN}", f"test {GOOD}", f"admins add {GOOD}",
    ],
)  # fmt: skip
@pytest.mark.parametrize("by", [ADMIN, MEMBER])
async def test_a_key_typed_as_a_command_is_not_kept_or_repeated_and_its_owner_is_told(
    bench: Bench, text: str, by: UserRef
) -> None:
    told = private(await bench.typed(text, by=by))
    assert "revoke it at its provider" in told
    assert not any(secret in told for secret in (GOOD, PLAIN, "hunter"))
    assert await bench.keys.all(WORKSPACE) == ()
    assert bench.anthropic.calls == bench.openai.calls == []
    last = (await bench.audited())[-1]
    assert (last.action, last.actor) == ("key.typed", by.id)
    assert not any(secret in repr(last) for secret in (GOOD, PLAIN, "hunter"))


async def test_a_live_key_without_any_prefix_is_recognised_in_a_command(bench: Bench) -> None:
    await bench.set_key(PLAIN, provider="compatible", base_url="https://models.example")
    assert "revoke it at its provider" in private(await bench.typed(f"revoke {PLAIN}"))


@pytest.mark.parametrize(
    "text",
    [
        "setkey",
        "keys",
        "test",
        "revoke",
        "model assistant anthropic/claude-fine",
        "settings",
        "audit",
        "admins add <@U9>",
        "admins remove <@U9>",
    ],
)
async def test_others_get_a_polite_no_that_names_whom_to_ask(bench: Bench, text: str) -> None:
    await bench.set_key()
    before = await bench.audited()
    outcome = await bench.typed(text, by=MEMBER)
    told = private(outcome)
    assert "Latchkey's admins" in told
    assert OPERATOR.id in told
    assert "/byok admins add @you" in told
    assert await bench.audited() == before


async def test_keys_tells_everything_but_the_key(bench: Bench) -> None:
    assert "no model key" in private(await bench.typed("keys"))
    kept = (await bench.set_key()).key
    outcome = await bench.typed("keys")
    told = private(outcome)
    for fact in ("Anthropic", "main", "••••abcd", kept.fingerprint[:16], "Works", ADMIN.id, "assistant"):
        assert fact in told
    assert GOOD not in repr(outcome)
    assert kept.set_at.isoformat() in repr(outcome) or repr(kept.set_at) in repr(outcome)


async def test_many_keys_are_listed_briefly_and_one_in_full(bench: Bench) -> None:
    bench.anthropic.keys = None
    for number in range(12):
        await bench.set_key(f"sk-test-many-{number:04d}-abcd", label=f"key{number}")
    outcome = await bench.typed("keys")
    assert isinstance(outcome, Private)
    assert len(outcome.view.blocks) < 20
    assert "key11" in words(outcome.view)
    assert "Fingerprint" in private(await bench.typed("keys key11"))


async def test_test_asks_the_provider_about_all_or_one(bench: Bench) -> None:
    await bench.set_key()
    await bench.set_key(OTHER, label="team")
    bench.anthropic.keys = {OTHER}
    told = private(await bench.typed("test"))
    assert "Refused" in told
    assert "Works" in told
    assert "Refused" not in private(await bench.typed("test Team"))
    assert "There is anthropic/main, anthropic/team." in private(await bench.typed("test nothing"))


async def test_a_test_that_cannot_tell_says_so(bench: Bench) -> None:
    await bench.set_key()
    bench.anthropic.failure = Unreachable()
    assert "could not be reached" in private(await bench.typed("test main"))


async def test_revoke_asks_first_and_then_shreds(bench: Bench) -> None:
    kept = (await bench.set_key()).key
    outcome = await bench.typed("revoke main")
    assert "assistant can't answer without it" in private(outcome)
    [button] = buttons(outcome)
    assert await bench.keys.all(WORKSPACE) == (kept,)
    assert "is revoked and destroyed" in private(await bench.pressed(button.id, button.value))
    assert await bench.keys.all(WORKSPACE) == ()


async def test_revoke_asks_which_when_several_may_be_meant(bench: Bench) -> None:
    await bench.set_key()
    await bench.set_key(OTHER, provider="openai")
    told = private(await bench.typed("revoke main"))
    assert "/byok revoke openai/main" in told
    assert "openai" in private(await bench.typed("revoke openai/main")).casefold()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("model", "/byok model assistant"),
        ("model nobody anthropic/claude-fine", "There is no such agent. There is: assistant."),
        ("model assistant anthropic/claude-fyne", "claude-fine"),
        ("model assistant openai/gpt-fine", "/byok setkey openai"),
        ("model assistant offline/offline", "does not list that model"),
    ],
)  # fmt: skip
async def test_a_model_that_cannot_be_had_says_what_can(bench: Bench, text: str, said: str) -> None:
    await bench.set_key()
    before = await bench.agent()
    assert said in private(await bench.typed(text))
    assert await bench.agent() == before


async def test_a_gateways_model_names_may_have_slashes(bench: Bench) -> None:
    await bench.set_key("ollama", provider="compatible", base_url="https://models.example")
    bench.compatible.listed = ()
    bench.clock.forward(minutes=20)
    await bench.typed("model assistant compatible/meta-llama/llama-3")
    assert (await bench.agent()).model == "meta-llama/llama-3"


async def test_agents_are_shown_to_everybody_and_their_models_to_admins(bench: Bench) -> None:
    await bench.set_key()
    agent = await bench.agents.create(WORKSPACE, AgentDraft("writer", "Writes."), ADMIN)
    assert "claude-fine" in private(await bench.typed("agents"))
    told = private(await bench.typed("agents", by=MEMBER))
    assert "Writes." in told
    assert "claude-fine" not in told
    await bench.agents.pause(WORKSPACE, agent.id, ADMIN, paused=True)
    assert "writer" not in private(await bench.typed("agents", by=MEMBER))


async def test_admins_are_listed_added_and_removed(bench: Bench) -> None:
    assert "is an admin of Latchkey now" in private(await bench.typed(f"admins add <@{MEMBER.id}|kim>"))
    assert "already" in private(await bench.typed(f"admins add <@{MEMBER.id}>"))
    told = private(await bench.typed("admins", by=MEMBER))
    assert MEMBER.id in told
    assert OPERATOR.id in told
    assert "no admin of Latchkey any more" in private(await bench.typed(f"admins remove <@{MEMBER.id}>"))
    assert "Latchkey's admins" in private(await bench.typed("keys", by=MEMBER))
    assert "is an admin still" in private(await bench.typed(f"admins remove <@{ADMIN.id}>"))
    assert "Mention the person" in private(await bench.typed("admins add kim"))
    bench.platform.people[MEMBER] = MemberKind.GUEST
    assert "Only members" in private(await bench.typed(f"admins add <@{MEMBER.id}>"))


async def test_audit_shows_the_last_entries_to_admins(bench: Bench) -> None:
    await bench.set_key()
    await bench.typed(f"admins add <@{MEMBER.id}>")
    outcome = await bench.typed("audit")
    told = private(outcome)
    assert told.index("admin.added") < told.index("key.set")
    assert GOOD not in repr(outcome)


@pytest.mark.parametrize(
    ("keeps_history", "hours", "told"),
    [
        (True, 24, "Nothing is kept as memory"),
        (False, 48, "for 48 hours"),
        (False, 1, "for 1 hour,"),
        (False, 0, "turned memory off"),
    ],
)
async def test_anybody_is_told_plainly_what_is_remembered(
    bench: Bench, keeps_history: bool, hours: int, told: str
) -> None:
    bench.platform.keeps_history = keeps_history
    await bench.workspaces.change(WORKSPACE, WorkspaceSettings(memory_hours=hours), ADMIN)
    said = private(await bench.typed("privacy", by=MEMBER))
    assert told in said
    assert ("but for the memory below" in said) is (not keeps_history and hours > 0)


async def test_whoever_is_no_admin_is_told_who_is(bench: Bench) -> None:
    bench.platform.names_admins = False
    said = private(await bench.typed("keys", by=MEMBER))
    assert OPERATOR.id in said
    assert "installed" not in said  # where the operator names admins, installing makes nobody one
    assert "installed" not in private(await bench.typed("admins", by=MEMBER))


async def test_what_a_command_changes_shows_in_the_home_tab(bench: Bench) -> None:
    await bench.set_key()
    await bench.use_model("auto")
    await bench.typed("model assistant anthropic/claude-old")
    assert "claude-old" in repr(bench.platform.home(ADMIN))


async def test_a_status_found_by_a_test_is_kept(bench: Bench) -> None:
    kept = (await bench.set_key()).key
    bench.anthropic.keys = set()
    await bench.typed("test")
    assert (await bench.keys.get(WORKSPACE, kept.id)).status is KeyStatus.REFUSED


@given(text=st.text(max_size=80))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
async def test_any_text_is_answered(bench: Bench, text: str) -> None:
    assert isinstance(await bench.typed(text), Private | Open)


@pytest.mark.parametrize("count", [0, 1, 40, 41, 50])
def test_however_many_agents_there_are_one_message_holds_them(count: int) -> None:
    agents = [AgentSpec(f"a{n}", WORKSPACE, f"agent-{n}", "What it is for.", "") for n in range(count)]
    listed = agent_screens.listing(agents)
    assert len(listed.blocks) <= 45
    assert all(agent.name in words(listed) for agent in agents)

"""What agents may do, as admins set it: in plain words, by exact names, checked beside the field, and written down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from app.domain.chat import MessageRef, UserRef
from app.domain.events import Close, FieldErrors, Open, Private, Replace
from app.domain.grants import COLLEAGUES, Approval, GrantPlace, Invoker, Scope, ToolGrant, Where
from app.domain.tool_kinds import TOOL_KINDS
from app.domain.views import Button, Buttons, ChannelInput, Checkbox, Row, SelectInput, TextInput, View
from app.services import agent_files
from app.services.grant_forms import KEPT
from app.services.offers import Offer, of_kind
from app.services.screens.agent_tools import page
from app.services.screens.grant_words import whole
from app.services.templates import TEMPLATES
from tests.app.bench import ADMIN, MEMBER, Bench, words

MESSAGE = MessageRef("slack:T1", "C1", "1.0")
POSTING = {
    "channels": "C-SUPPORT", "approval": "always", "who": "members", "places": "inside", "place_channels": "", "per_run": "",
    "per_day": "5", "expires": "30", "pinned": "", "bot": "", "scheduled": "",
}  # fmt: skip
FETCHING = {
    **POSTING,
    "channels": "",
    "hosts": "docs.example.com",
    "sending": "read",
    "approval": "never",
    "expires": "never",
}


def buttons(view: View) -> list[Button]:
    """Every button of a screen."""
    rows = [block.control for block in view.blocks if isinstance(block, Row)]
    return [
        *(one for one in rows if isinstance(one, Button)),
        *(one for block in view.blocks if isinstance(block, Buttons) for one in block.buttons),
    ]


def filled(form: View) -> dict[str, str]:
    """What a form sends off when nothing in it was touched."""
    values: dict[str, str] = {}
    for block in form.blocks:
        match block:
            case TextInput():
                values[block.id] = block.value
            case SelectInput():
                assert block.selected in {option.value for option in block.options}
                values[block.id] = block.selected
            case Checkbox():
                values[block.id] = "yes" if block.checked else ""
            case ChannelInput():
                values[block.id] = " ".join(block.selected)
    return values


async def granted(bench: Bench, tool: str, values: Mapping[str, str]) -> Close:
    agent = await bench.agent()
    outcome = await bench.sent("grant_save", values, context=f"{agent.id}/{tool}")
    assert isinstance(outcome, Close), outcome
    return outcome


async def test_every_tool_there_is_stands_on_the_page_with_what_is_granted_in_plain_words(bench: Bench) -> None:
    await granted(bench, "post_message", POSTING)
    outcome = await bench.pressed("agent_tools", (await bench.agent()).id)
    assert isinstance(outcome, Private)
    told = words(outcome.view)
    until = bench.clock.now() + timedelta(days=30)
    assert f"May post to C-SUPPORT , when an admin or member asks , in this workspace ; asks before every post ; at most 5 a day ; until {until}"[:60] in told  # fmt: skip
    assert "at most 5 a day" in told
    assert "Not granted" in told
    assert "Run code" in told
    labels = [one.label for one in buttons(outcome.view)]
    assert labels.count("Take back") == 3
    assert labels.count("Grant") == 9


async def test_a_grant_is_made_of_what_was_chosen_and_is_written_down_without_its_content(bench: Bench) -> None:
    done = await granted(bench, "post_message", {**POSTING, "pinned": "channel = C-SUPPORT", "scheduled": "yes"})
    grant = (await bench.agent()).grants[-1]
    assert grant == ToolGrant(
        "post_message",
        {"channel": "C-SUPPORT"},
        Approval.ALWAYS,
        grant.id,
        Scope(channels=("C-SUPPORT",)),
        (GrantPlace(Where.INSIDE), GrantPlace(Where.DIRECT)),
        (*COLLEAGUES, Invoker.SCHEDULED),
        per_day=5,
        expires=grant.expires,
        granted_by=ADMIN.id,
    )
    assert grant.expires == (bench.clock.now() + timedelta(days=30)).replace(microsecond=0)
    assert "granted to assistant" in words(done.then)
    entry = (await bench.audited())[-1]
    assert (entry.action, entry.details["grants"]) == ("agent.changed", "+post_message")
    assert "C-SUPPORT" not in repr(entry.details)


@pytest.mark.parametrize(
    ("tool", "values", "field"),
    [
        ("post_message", {**POSTING, "channels": ""}, "channels"),
        ("post_message", {**POSTING, "per_day": "many"}, "per_day"),
        ("post_message", {**POSTING, "per_day": "-1"}, "per_day"),
        ("post_message", {**POSTING, "per_run": "99999"}, "per_run"),
        ("post_message", {**POSTING, "approval": "perhaps"}, "approval"),
        ("post_message", {**POSTING, "who": "nobody"}, "who"),
        ("post_message", {**POSTING, "who": "hackers"}, "who"),
        ("post_message", {**POSTING, "places": "channels"}, "place_channels"),
        ("post_message", {**POSTING, "place_channels": "C9"}, "places"),
        ("post_message", {**POSTING, "places": "moon"}, "places"),
        ("post_message", {**POSTING, "expires": "9999"}, "expires"),
        ("post_message", {**POSTING, "pinned": "channel"}, "pinned"),
        ("post_message", {**POSTING, "pinned": "text = sk-ant-" + "api03-" + "a" * 40}, "pinned"),
        ("http_fetch", {**FETCHING, "hosts": "*.example.com"}, "hosts"),
        ("http_fetch", {**FETCHING, "hosts": "https://example.com/secret/page"}, "hosts"),
        ("http_fetch", {**FETCHING, "sending": "PATCH"}, "sending"),
        ("ask_agent", {**POSTING, "agent": ""}, "agent"),
    ],
)  # fmt: skip
async def test_what_cant_be_granted_is_said_beside_its_field(
    bench: Bench, tool: str, values: Mapping[str, str], field: str
) -> None:
    before = await bench.agent()
    outcome = await bench.sent("grant_save", values, context=f"{before.id}/{tool}")
    assert isinstance(outcome, FieldErrors), outcome
    assert list(outcome.errors) == [field]
    assert await bench.agent() == before


async def test_a_pasted_address_is_its_host(bench: Bench) -> None:
    await granted(bench, "http_fetch", {**FETCHING, "hosts": "https://Docs.Example.com/\napi.example.com:8443"})
    assert (await bench.agent()).grants[-1].scope.hosts == ("docs.example.com", "api.example.com:8443")


ODD = ToolGrant(
    "http_fetch",
    {"url": "https://a.example\nb"},
    Approval.FIRST_TIME,
    scope=Scope(hosts=("a.example",), methods=("GET", "DELETE")),
    places=(GrantPlace(Where.DIRECT), GrantPlace(Where.CHANNEL, "C1")),
    invokers=(Invoker.OWNER, Invoker.BOT),
    per_run=3,
)


async def test_a_form_that_is_sent_off_untouched_changes_nothing_even_of_what_it_cant_say(bench: Bench) -> None:
    agent = await bench.agent()
    odd = replace(ODD, expires=bench.clock.now() + timedelta(days=3))
    await bench.agents.set_grants(agent.workspace, agent.id, ADMIN, lambda held: (*held, odd))
    before = await bench.agent()
    audited = len(await bench.audited())
    for grant in before.grants:
        opened = await bench.pressed("grant_change", f"{agent.id}/{grant.id}")
        assert isinstance(opened, Open)
        values = filled(opened.view)
        outcome = await bench.sent("grant_save", values, context=opened.view.context)
        assert isinstance(outcome, Close)
    assert values["who"] == values["places"] == values["sending"] == KEPT
    assert await bench.agent() == before
    assert len(await bench.audited()) == audited


async def test_what_was_changed_is_audited_by_the_names_of_its_parts(bench: Bench) -> None:
    await granted(bench, "post_message", POSTING)
    agent = await bench.agent()
    old = agent.grants[-1]
    await granted(bench, old.id, {**POSTING, "expires": KEPT, "per_day": "9", "approval": "first_time"})
    changed = (await bench.agent()).grants[-1]
    assert (changed.per_day, changed.expires) == (9, old.expires)
    assert changed.id != old.id  # what was agreed to before was agreed to for the other
    assert (await bench.audited())[-1].details["grants"] == "~post_message(approval,per_day)"


async def test_a_grant_is_taken_back_at_once_and_is_not_brought_back_by_an_old_form(bench: Bench) -> None:
    await granted(bench, "post_message", POSTING)
    agent = await bench.agent()
    grant = agent.grants[-1]
    outcome = await bench.pressed("grant_remove", f"{agent.id}/{grant.id}", message=MESSAGE)
    assert isinstance(outcome, Replace)
    assert "taken back" in words(outcome.view)
    assert grant not in (await bench.agent()).grants
    assert (await bench.audited())[-1].details["grants"] == "-post_message"
    late = await bench.sent("grant_save", POSTING, context=f"{agent.id}/{grant.id}")
    assert isinstance(late, Close)
    assert "not there any more" in words(late.then)
    assert grant.tool not in {one.tool for one in (await bench.agent()).grants}


@pytest.mark.parametrize("by", [MEMBER, UserRef("slack:T2", "U9")])
async def test_only_admins_of_the_workspace_grant(bench: Bench, by: UserRef) -> None:
    agent = await bench.agent()
    assert isinstance(await bench.sent("grant_save", POSTING, context=f"{agent.id}/post_message", by=by), Close)
    for act, value in (("agent_tools", agent.id), ("grant_new", f"{agent.id}/run_code"), ("grant_remove", f"{agent.id}/{agent.grants[0].id}"), ("templates", ""), ("template_use", "writer")):  # fmt: skip
        assert isinstance(await bench.pressed(act, value, by=by), Private)
    await bench.typed("grants assistant", by=by)
    assert await bench.agent() == agent


async def test_a_tool_that_nobody_offers_is_not_granted(bench: Bench) -> None:
    agent = await bench.agent()
    outcome = await bench.sent("grant_save", POSTING, context=f"{agent.id}/mcp-tracker-delete")
    assert isinstance(outcome, Close)
    assert "There is no such tool" in words(outcome.then)
    assert await bench.agent() == agent


@pytest.mark.parametrize("name", [one.id for one in TEMPLATES])
async def test_a_template_is_shown_whole_before_it_is_made_and_goes_through_a_file_and_back(
    bench: Bench, name: str
) -> None:
    opened = await bench.pressed("template_use", name)
    assert isinstance(opened, Open)
    assert "What it may do" in words(opened.view)
    values = filled(opened.view)
    for channels in ("reads", "posts"):
        if channels in values:
            values[channels] = "C-SUPPORT"
    made = await bench.sent("template_save", values, context=opened.view.context)
    assert isinstance(made, Close)
    assert f"{name} is ready" in words(made.then)
    agent = await bench.agent(name)
    template = next(one for one in TEMPLATES if one.id == name)
    assert {grant.tool for grant in agent.grants} == {"current_time", "thread_history", *(grant.tool for grant in template.tools)}  # fmt: skip
    again = agent_files.parse(agent_files.export([agent]))
    assert await bench.agents.keep_all(agent.workspace, again, ADMIN) == (0, 0)


async def test_a_templates_channels_are_named_by_people_and_without_any_nothing_is_granted_there(bench: Bench) -> None:
    opened = await bench.pressed("template_use", "triage")
    assert isinstance(opened, Open)
    await bench.sent("template_save", filled(opened.view), context="triage")
    assert {grant.tool for grant in (await bench.agent("triage")).grants} == {"current_time", "thread_history", "chat_search"}  # fmt: skip
    twice = await bench.sent("template_save", filled(opened.view), context="triage")
    assert isinstance(twice, FieldErrors)
    assert list(twice.errors) == ["name"]
    again = await bench.pressed("template_use", "triage")
    assert isinstance(again, Open)
    assert filled(again.view)["name"] == "triage2"


@pytest.mark.parametrize(
    ("grant", "told"),
    [
        (ToolGrant("current_time", invokers=tuple(Invoker)), "May look at the clock , whoever asks , in this workspace"),
        (ToolGrant("channel_history"), "May read no channel yet , as far as the asker can , when an admin or member asks , in this workspace"),
        (ToolGrant("web_search", invokers=(Invoker.SCHEDULED,), places=()), "May search the web, where its model can , on a schedule , nowhere"),
        (ToolGrant("recall", invokers=()), "May look up its notes , for nobody , in this workspace"),
        (ToolGrant("run_code", invokers=(Invoker.ADMIN, Invoker.GUEST, Invoker.SCHEDULED)), "May run Python, isolated and without network , when an admin or a guest asks or on a schedule , in this workspace"),
        (ToolGrant("mcp-tracker-find", places=(GrantPlace(Where.CHANNEL, "C1"),)), "May use mcp-tracker-find , when an admin or member asks , in C1"),
    ],
)  # fmt: skip
async def test_grants_are_told_in_plain_words(bench: Bench, grant: ToolGrant, told: str) -> None:
    assert words(whole(grant, {}, bench.clock.now())) == told


async def test_a_page_fits_a_message_however_much_is_granted_and_offered(bench: Bench) -> None:
    agent = await bench.agent()
    many = [ToolGrant("recall", id=f"grant_{at}", per_day=at) for at in range(60)]
    offers = [Offer(f"mcp-tracker-t{at}", f"t{at}", "", "tracker", "abc") for at in range(100)]
    view = page(replace(agent, grants=tuple(many)), [*map(of_kind, TOOL_KINDS), *offers], {}, bench.clock.now())
    assert len(view.blocks) <= 50
    assert "and 46 grants more" in words(view)
    assert "/byok grants assistant <tool>" in words(view)

"""What a call may do, tried out rule by rule: no store, no platform, no model."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.agent import AgentSpec
from app.domain.chat import ConversationRef, Place
from app.domain.grants import (
    EVERYWHERE,
    Approval,
    Denied,
    GrantPlace,
    Invoker,
    Scope,
    Taint,
    Target,
    ToolGrant,
    Traits,
    Where,
)
from app.domain.tool_kinds import BY_NAME
from app.ports.approvals import Approvers
from app.ports.platform import Readers
from app.services.grant_fit import Request, Situation, Uses
from app.services.policy import Allowed, Needs, Ruling, decide, listed, within

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
HERE = ConversationRef("slack:T1", "C1", "1.1")
SHARED = replace(HERE, shared=True)
DIRECT = ConversationRef("slack:T1", "D1", "1.1", Place.DIRECT)
BOTH = Taint(private=True, untrusted=True)
ALL, ANN = Readers(everybody=True), Readers(everybody=False, people=frozenset({"U1"}))
TWO = Readers(everybody=False, people=frozenset({"U1", "U2"}))
FETCH, POST = Traits(reads_untrusted=True, outward=True), Traits(outward=True)
READ, KEEP = Traits(reads_private=True, parallel=True), Traits(changes=True)
PAGE = Target("docs.example.com", "GET", "https://docs.example.com/a")


def agent(*grants: ToolGrant, paused: bool = False) -> AgentSpec:
    return AgentSpec("a1", "slack:T1", "helper", "", "", grants=grants, paused=paused)


def now(
    invoker: Invoker = Invoker.MEMBER, where: ConversationRef = HERE, taint: Taint | None = None, **more: object
) -> Situation:
    return replace(Situation(invoker, where, taint or Taint(), NOW), **more)  # type: ignore[arg-type]


def ruling(grant: ToolGrant, request: Request, situation: Situation | None = None) -> Ruling:
    return decide((agent(grant),), request, situation or now())[0]


def post(to: str = "C2", **readers: Readers) -> tuple[ToolGrant, Request, dict[str, Readers]]:
    return (
        ToolGrant("post_message", scope=Scope(channels=("C1", "C2"))),
        Request("post_message", POST, Target(channel=to)),
        readers,
    )


def fetch(url: str = PAGE.url, method: str = "GET", *, known: bool = False) -> Request:
    return Request("http_fetch", FETCH, Target(url.split("/")[2], method, url), known=known)


ARGUMENTS = st.dictionaries(
    st.sampled_from(["channel", "text", "url"]), st.text(max_size=5) | st.integers(), max_size=3
)
TARGETS = st.builds(
    Target,
    host=st.sampled_from(["", "docs.example.com", "evil.example"]),
    method=st.sampled_from(["", "GET", "POST"]),
    url=st.sampled_from(["", "https://docs.example.com/a"]),
    channel=st.sampled_from(["", "C1", "C2"]),
    agent=st.sampled_from(["", "a2"]),
)
TRAITS = st.builds(Traits, *[st.booleans()] * 6)
TAINTS = st.builds(Taint, st.booleans(), st.booleans(), st.lists(st.sampled_from(["C2", "C3"])).map(tuple))
REQUESTS = st.builds(
    Request, st.sampled_from([*BY_NAME, "mcp-a-b", "rm"]), TRAITS, TARGETS, ARGUMENTS, known=st.booleans()
)
SITUATIONS = st.builds(
    Situation, st.sampled_from(Invoker), st.sampled_from([HERE, SHARED, DIRECT]), TAINTS, st.just(NOW),
    readers=st.dictionaries(st.sampled_from(["C1", "C2", "C3"]), st.sampled_from([ALL, ANN, TWO])),
    remembered=st.sampled_from([frozenset(), frozenset({""})]),
)  # fmt: skip
GRANTS = st.builds(
    ToolGrant,
    tool=st.sampled_from([*BY_NAME, "mcp-a-b", "rm"]),
    approval=st.sampled_from(Approval),
    scope=st.builds(
        Scope,
        hosts=st.sampled_from([(), ("docs.example.com",)]),
        channels=st.sampled_from([(), ("C1",), ("C2",)]),
        agents=st.sampled_from([(), ("a2",)]),
        schema=st.sampled_from(["", "abc"]),
    ),
    places=st.lists(st.sampled_from(EVERYWHERE), max_size=3).map(tuple),
    invokers=st.lists(st.sampled_from(Invoker), max_size=4).map(tuple),
    expires=st.none() | st.sampled_from([NOW - timedelta(days=1), NOW + timedelta(days=1)]),
)


@given(st.lists(GRANTS, max_size=4), REQUESTS, SITUATIONS)
def test_no_grant_no_call(grants: list[ToolGrant], request: Request, situation: Situation) -> None:
    """Whatever is let through, be it after a person's consent, is what one of the grants says."""
    ruled, rests_on = decide((agent(*grants),), request, situation)
    if isinstance(ruled, Denied):
        return
    (grant,) = rests_on
    assert grant in grants
    assert grant.tool == request.tool
    assert request.tool != "rm"
    assert situation.invoker in grant.invokers
    assert grant.expires is None or grant.expires > NOW
    assert grant.places
    assert not (request.traits.changes and situation.taint.untrusted)
    if request.tool in {"post_message", "channel_history"}:
        assert request.target.channel in grant.scope.channels
    if request.tool == "ask_agent":
        assert request.target.agent in grant.scope.agents
    if isinstance(ruled, Allowed):
        first = grant.approval is Approval.FIRST_TIME and situation.remembered and situation.invoker.attended
        assert grant.approval is Approval.NEVER or first
        outward = request.traits.outward or request.tool == "http_fetch"
        assert not (outward and situation.taint.private and situation.taint.untrusted) or (
            request.tool == "http_fetch" and (request.known or request.target.host in grant.scope.hosts)
        )
    else:
        assert situation.invoker.attended, "nobody is asked where nobody is"


@given(st.lists(GRANTS, max_size=4), st.lists(GRANTS, max_size=4), REQUESTS, SITUATIONS)
def test_an_agent_that_acts_for_another_may_do_no_more_than_either(
    mine: list[ToolGrant], theirs: list[ToolGrant], request: Request, situation: Situation
) -> None:
    order = (Allowed, Needs, Denied)
    alone = [decide((agent(*grants),), request, situation)[0] for grants in (mine, theirs)]
    together = decide((agent(*mine), agent(*theirs)), request, situation)[0]
    assert order.index(type(together)) == max(order.index(type(each)) for each in alone)


@given(st.lists(GRANTS, max_size=4), REQUESTS, SITUATIONS)
def test_what_is_not_listed_could_not_be_called(
    grants: list[ToolGrant], request: Request, situation: Situation
) -> None:
    if not listed((agent(*grants),), request.tool, request.traits, situation):
        assert isinstance(decide((agent(*grants),), request, situation)[0], Denied)


def test_nobody_and_nothing_is_a_denial() -> None:
    clock = Request("current_time", Traits())
    for agents in (
        (),
        (None,),
        (agent(),),
        (agent(ToolGrant("current_time"), paused=True),),
        (agent(ToolGrant("current_time")), None),
    ):
        assert isinstance(decide(agents, clock, now())[0], Denied)
        assert not listed(agents, "current_time", Traits(), now())


@pytest.mark.parametrize(
    ("grant", "where", "there"),
    [
        (GrantPlace(Where.INSIDE), HERE, True),
        (GrantPlace(Where.INSIDE), DIRECT, True),
        (GrantPlace(Where.INSIDE), SHARED, False),
        (GrantPlace(Where.DIRECT), HERE, False),
        (GrantPlace(Where.DIRECT), DIRECT, True),
        (GrantPlace(Where.SHARED), SHARED, True),
        (GrantPlace(Where.SHARED), HERE, False),
        (GrantPlace(Where.CHANNEL, "C1"), SHARED, True),
        (GrantPlace(Where.CHANNEL, "C9"), HERE, False),
        (GrantPlace(Where.CHANNEL), HERE, False),
    ],
)
def test_a_grant_holds_where_it_says_and_nowhere_else(grant: GrantPlace, where: ConversationRef, there: bool) -> None:
    found = ruling(ToolGrant("current_time", places=(grant,)), Request("current_time", Traits()), now(where=where))
    assert isinstance(found, Allowed) is there


def test_each_class_of_people_needs_its_own_word() -> None:
    clock = Request("current_time", Traits())
    for invoker in Invoker:
        found = ruling(ToolGrant("current_time"), clock, now(invoker))
        assert isinstance(found, Allowed) is (invoker in (Invoker.OWNER, Invoker.ADMIN, Invoker.MEMBER))
        assert isinstance(ruling(ToolGrant("current_time", invokers=(invoker,)), clock, now(invoker)), Allowed)


def test_limits_and_expiry_end_a_grant() -> None:
    clock = Request("current_time", Traits())
    once, daily = ToolGrant("current_time", id="g", per_run=1), ToolGrant("current_time", id="g", per_day=5)
    assert isinstance(ruling(once, clock, now(uses={"g": Uses(0, 9)})), Allowed)
    assert ruling(once, clock, now(uses={"g": Uses(1, 1)})) == Denied("current_time may be used once for one answer.")
    assert ruling(daily, clock, now(uses={"g": Uses(1, 5)})) == Denied("current_time may be used 5 times a day.")
    assert isinstance(ruling(ToolGrant("current_time", expires=NOW), clock), Denied)


def test_pinned_arguments_must_be_exactly_these() -> None:
    grant = ToolGrant("http_fetch", {"url": PAGE.url, "limit": "5"}, scope=Scope(hosts=("docs.example.com",)))
    good = replace(fetch(), arguments={"url": PAGE.url, "limit": 5})
    assert isinstance(ruling(grant, good), Allowed)
    for wrong in ({}, {"url": PAGE.url}, {"url": f"{PAGE.url}/b", "limit": 5}, {"url": PAGE.url, "limit": True}):
        assert isinstance(ruling(grant, replace(good, arguments=wrong)), Denied)


def test_a_tool_of_others_must_be_what_was_granted() -> None:
    tool = Request("mcp-tickets-list", Traits(pin="abc"))
    assert isinstance(ruling(ToolGrant("mcp-tickets-list", scope=Scope(schema="abc")), tool), Allowed)
    assert isinstance(ruling(ToolGrant("mcp-tickets-list", scope=Scope(schema="old")), tool), Denied)
    assert isinstance(ruling(ToolGrant("mcp-tickets-list"), tool), Denied)
    assert isinstance(ruling(ToolGrant("mcp-tickets-list"), Request("mcp-tickets-list", Traits())), Denied)


def test_after_something_from_outside_nothing_is_changed_whoever_agrees() -> None:
    for approval in Approval:
        found = ruling(
            ToolGrant("remember", approval=approval), Request("remember", KEEP), now(taint=Taint(untrusted=True))
        )
        assert isinstance(found, Denied)
    assert not listed((agent(ToolGrant("remember")),), "remember", KEEP, now(taint=Taint(untrusted=True)))
    assert isinstance(ruling(ToolGrant("remember"), Request("remember", KEEP), now(taint=Taint(private=True))), Allowed)


def test_private_and_from_outside_together_let_nothing_out_without_a_person() -> None:
    grant = ToolGrant("mcp-a-b", scope=Scope(schema="abc"), invokers=tuple(Invoker))
    out = Request("mcp-a-b", replace(POST, pin="abc"))
    for taint in (Taint(), Taint(private=True), Taint(untrusted=True)):
        assert isinstance(ruling(grant, out, now(taint=taint)), Allowed)
    needs = ruling(grant, out, now(taint=BOTH))
    assert isinstance(needs, Needs)
    assert (needs.approvers, needs.may_remember) == (Approvers.ASKER, False)
    for nobody in (Invoker.SCHEDULED, Invoker.BOT):
        assert isinstance(ruling(grant, out, now(nobody, taint=BOTH)), Denied)
    for stranger in (Invoker.GUEST, Invoker.EXTERNAL):
        found = ruling(grant, out, now(stranger, taint=BOTH))
        assert isinstance(found, Needs)
        assert found.approvers is Approvers.ADMINS


def test_an_address_is_granted_named_or_agreed_to() -> None:
    nowhere, there = ToolGrant("http_fetch"), ToolGrant("http_fetch", scope=Scope(hosts=("docs.example.com",)))
    assert isinstance(ruling(there, fetch(), now(taint=BOTH)), Allowed)
    assert isinstance(ruling(nowhere, fetch(known=True), now(taint=BOTH)), Allowed)
    made_up = ruling(nowhere, fetch("https://evil.example/?q=secret"))
    assert isinstance(made_up, Needs)
    assert made_up.may_remember
    tainted = ruling(nowhere, fetch("https://evil.example/"), now(taint=Taint(untrusted=True)))
    assert isinstance(tainted, Needs)
    assert not tainted.may_remember
    spelled = ToolGrant("http_fetch", scope=Scope(hosts=("Docs.example.com:443",)))
    assert ruling(spelled, fetch("https://docs.example.com/")) == Allowed(spelled)
    for unusual in ("https://docs.example.com:8443/", "http://docs.example.com/", "http://docs.example.com:80/"):
        assert isinstance(ruling(there, fetch(unusual, known=True)), Denied), "other ports, and http, are to be granted"
    unattended = replace(nowhere, invokers=(Invoker.SCHEDULED,))
    assert isinstance(ruling(unattended, fetch("https://evil.example/"), now(Invoker.SCHEDULED)), Denied)
    assert isinstance(ruling(nowhere, Request("http_fetch", FETCH)), Denied), "no address, no call"


def test_other_methods_are_for_granted_hosts_that_name_them() -> None:
    grant = ToolGrant("http_fetch", scope=Scope(hosts=("docs.example.com",), methods=("GET", "POST")))
    assert isinstance(ruling(grant, fetch(method="POST")), Allowed)
    assert isinstance(ruling(grant, fetch(method="POST"), now(taint=BOTH)), Needs)
    assert isinstance(ruling(grant, fetch(method="DELETE")), Denied)
    assert isinstance(ruling(grant, fetch("https://evil.example/", "POST", known=True)), Denied)


def test_words_go_only_where_everybody_could_have_read_them() -> None:
    grant, request, readers = post(C1=ALL, C2=TWO, C3=ANN)
    assert isinstance(ruling(grant, request, now(readers=readers)), Allowed)
    secret = ruling(grant, request, now(readers=readers, taint=Taint(channels=("C3",))))
    assert isinstance(secret, Needs)
    assert (secret.approvers, secret.may_remember) == (Approvers.ADMINS, False)
    wide = ruling(grant, request, now(readers={"C1": TWO, "C2": ALL}))
    assert isinstance(wide, Needs), "what was said in this conversation itself is read there, too"
    assert wide.approvers is Approvers.ADMINS
    outside = {"C1": TWO, "C2": replace(ALL, shared=True)}
    assert isinstance(ruling(grant, request, now(readers=outside)), Denied)
    assert isinstance(ruling(grant, request, now(readers={"C2": ALL})), Needs), "doubt is no reader"
    for unknown in ({}, {"C1": ALL}, {"C1": ALL, "C2": Readers(everybody=False)}):
        assert isinstance(ruling(grant, request, now(readers=unknown)), Denied), "nobody agrees to what nobody knows"


def test_what_somebody_says_in_their_own_direct_chat_is_theirs_to_pass_on() -> None:
    grant, request, readers = post(D1=ANN, C2=ALL, C3=ANN)
    mine = ruling(grant, request, now(where=DIRECT, readers=readers))
    assert isinstance(mine, Needs)
    assert mine.approvers is Approvers.ASKER
    others = ruling(grant, request, now(where=DIRECT, readers=readers, taint=Taint(channels=("C3",))))
    assert isinstance(others, Needs)
    assert others.approvers is Approvers.ADMINS


def test_a_channel_is_read_out_only_to_those_who_can_read_it() -> None:
    grant = ToolGrant("channel_history", scope=Scope(channels=("C2",)), places=EVERYWHERE)
    request = Request("channel_history", READ, Target(channel="C2"))
    assert isinstance(ruling(grant, request, now(readers={"C1": TWO, "C2": ALL})), Allowed)
    assert isinstance(ruling(grant, request, now(where=DIRECT, readers={"D1": ANN, "C2": TWO})), Allowed)
    secret = ruling(grant, request, now(readers={"C1": ALL, "C2": ANN}))
    assert isinstance(secret, Needs)
    assert secret.approvers is Approvers.ASKER
    assert isinstance(ruling(grant, request, now(where=SHARED, readers={"C1": ALL, "C2": ALL})), Denied)


def test_consent_is_remembered_for_the_first_time_only_and_never_for_code() -> None:
    search = Request("chat_search", READ)
    first = ToolGrant("chat_search", approval=Approval.FIRST_TIME, id="g")
    assert isinstance(ruling(first, search), Needs)
    assert isinstance(ruling(first, search, now(remembered=frozenset({"g"}))), Allowed)
    nobody = now(Invoker.SCHEDULED, remembered=frozenset({"g"}))
    assert isinstance(ruling(replace(first, invokers=(Invoker.SCHEDULED,)), search, nobody), Denied), "as it is told"
    always = replace(first, approval=Approval.ALWAYS)
    assert isinstance(ruling(always, search, now(remembered=frozenset({"g"}))), Needs)
    code = Request("run_code", Traits(interpreter=True))
    grant = ToolGrant("run_code", approval=Approval.FIRST_TIME, id="g")
    found = ruling(grant, code, now(remembered=frozenset({"g"})))
    assert isinstance(found, Needs)
    assert not found.may_remember


def test_only_admins_agree_to_schedules() -> None:
    found = ruling(ToolGrant("propose_schedule", approval=Approval.ALWAYS), Request("propose_schedule", KEEP))
    assert isinstance(found, Needs)
    assert (found.approvers, found.may_remember) == (Approvers.ADMINS, False)


def test_the_grant_that_allows_most_counts() -> None:
    asks, allows = ToolGrant("chat_search", approval=Approval.ALWAYS), ToolGrant("chat_search", id="free")
    ruled, rests_on = decide((agent(asks, allows),), Request("chat_search", READ), now())
    assert (ruled, rests_on) == (Allowed(allows), (allows,))


def test_who_reads_along_is_told_without_guessing() -> None:
    nobody, outsiders = Readers(everybody=False), Readers(everybody=True, shared=True)
    assert within(ANN, TWO)
    assert within(TWO, ALL)
    assert within(ALL, ALL)
    for narrow, wide in (
        (TWO, ANN),
        (ALL, TWO),
        (nobody, ALL),
        (nobody, nobody),
        (ANN, nobody),
        (outsiders, ALL),
        (outsiders, outsiders),
    ):
        assert not within(narrow, wide)


def test_a_guest_in_an_open_channel_reads_no_other_by_that() -> None:
    guest = frozenset({"U9"})
    with_guest, beside = replace(ALL, guests=guest), replace(TWO, people=TWO.people | guest, guests=guest)
    assert within(ALL, with_guest)
    assert within(with_guest, with_guest)
    for narrow in (with_guest, beside):
        assert not within(narrow, ALL)
    assert not within(replace(ALL, guests=guest | {"U8"}), with_guest)
    grant, request, readers = post(C1=ALL, C2=with_guest)
    told = ruling(grant, request, now(readers=readers))
    assert isinstance(told, Needs)
    assert told.approvers is Approvers.ADMINS
    read = ToolGrant("channel_history", scope=Scope(channels=("C2",)))
    asked = Request("channel_history", READ, Target(channel="C2"))
    assert isinstance(ruling(read, asked, now(readers={"C1": with_guest, "C2": ALL})), Needs)

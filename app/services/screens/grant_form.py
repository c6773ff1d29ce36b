"""The form of one grant: everything is a choice or an exact name."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from app.domain.agent import AgentSpec
from app.domain.grants import Approval, Invoker, ToolGrant
from app.domain.tool_kinds import BY_NAME, ScopeKind
from app.domain.views import (
    Block,
    Bold,
    ChannelInput,
    Checkbox,
    Code,
    Note,
    Option,
    Rich,
    SelectInput,
    Text,
    TextInput,
    View,
    rich,
)
from app.services import grant_forms as forms
from app.services.grant_forms import CHANNELS, DAYS, KEPT, NEVER, NOBODY
from app.services.offers import Offer

FORM = "grant_save"

_APPROVALS = (
    Option(Approval.NEVER.value, "Nobody is asked"),
    Option(Approval.FIRST_TIME.value, "Ask the first time"),
    Option(Approval.ALWAYS.value, "Ask every time"),
)
_WHO = (
    Option("members", "Members and admins"),
    Option("admins", "Admins only"),
    Option("guests", "Members, admins and guests"),
    Option("everybody", "Everybody, also people from outside"),
    Option(NOBODY, "Nobody but what is ticked below"),
)
_PLACES = (
    Option("inside", "In this workspace"),
    Option("direct", "In direct messages only"),
    Option(CHANNELS, "In the channels below only"),
    Option("everywhere", "Everywhere, also in shared channels"),
)
_SENDING = (
    Option("read", "Read (GET)"),
    Option("send", "Read and send (GET, POST)"),
    Option("all", "Everything (GET, POST, PUT, PATCH, DELETE)"),
)
_AS_IT_IS = Option(KEPT, "As it is now")


def form(agent: AgentSpec, offer: Offer, grant: ToolGrant, others: Sequence[AgentSpec], now: datetime) -> View:
    """Make a grant, or change one (it has an id then)."""
    return View(
        title="Change a grant" if grant.id else "Grant a tool",
        id=FORM,
        submit="Save" if grant.id else "Grant",
        context=f"{agent.id}/{grant.id or offer.tool}",
        blocks=(
            Text(rich(Bold(agent.name), ": ", Bold(offer.title), *_of(offer), f" {offer.about}." if offer.about else ".")),
            *_scope(offer, grant, agent, others),
            SelectInput("approval", "Before it is used", _APPROVALS, grant.approval.value, _who_is_asked(offer)),
            SelectInput("who", "When it is asked by", _with_kept(_WHO, forms.who(grant)), forms.who(grant)),
            Checkbox(Invoker.BOT.value, "Also when another app asks", Invoker.BOT in grant.invokers),
            Checkbox(Invoker.SCHEDULED.value, "Also on a schedule", Invoker.SCHEDULED in grant.invokers, "Nobody is there to be asked then: what needs a yes is not done."),
            SelectInput("places", "Where", _with_kept(_PLACES, forms.places(grant)), forms.places(grant)),
            ChannelInput("place_channels", "These channels", forms.place_channels(grant) if forms.places(grant) == CHANNELS else (), "Where you chose “In the channels below only”."),
            TextInput("per_run", "At most so often for one answer", str(grant.per_run or ""), hint="Empty is no limit.", optional=True, max_length=5),
            TextInput("per_day", "At most so often a day", str(grant.per_day or ""), hint="Empty is no limit.", optional=True, max_length=5),
            SelectInput("expires", "Until when", _ends(grant, now), KEPT if grant.expires else NEVER),
            TextInput("pinned", "Only with these arguments", forms.pinned(grant), "name = value", "For those who know the tool: one a line, each must be exactly this. Empty allows any.", multiline=True, optional=True, max_length=3000),
        ),
    )  # fmt: skip


def _scope(offer: Offer, grant: ToolGrant, agent: AgentSpec, others: Sequence[AgentSpec]) -> tuple[Block, ...]:
    match offer.scope:
        case ScopeKind.CHANNELS:
            label = "Channels it may post to" if offer.tool == "post_message" else "Channels it may read"
            hint = "" if offer.tool == "post_message" else "Each only for people who can read it themselves."
            return (ChannelInput("channels", label, grant.scope.channels, hint, optional=False),)
        case ScopeKind.HOSTS:
            return (
                TextInput("hosts", "Sites it may always read", "\n".join(grant.scope.hosts), "docs.example.com", "Exact names, one a line. Pages that the asker names or a search finds need none.", multiline=True, optional=True, max_length=3000),
                SelectInput("sending", "What it may do there", _with_kept(_SENDING, forms.sending(grant)), forms.sending(grant)),
            )  # fmt: skip
        case ScopeKind.AGENTS:
            options = tuple(Option(one.id, f"{one.emoji} {one.name}".strip()) for one in others if one.id != agent.id)
            chosen = forms.agent(grant)
            if not options:
                return (Note(rich("There is no other agent yet. Make one first.")),)
            hint = "What it is asked is limited to what both may do."
            return (SelectInput("agent", "Agent it may ask", _with_kept(options, chosen), chosen, hint),)
        case ScopeKind.NONE:
            return ()


def _who_is_asked(offer: Offer) -> str:
    kind = BY_NAME.get(offer.tool)
    if kind and kind.admins:
        return "In the thread: an admin is asked for a yes."
    return "In the thread: whoever wrote, or an admin, is asked for a yes."


def _of(offer: Offer) -> Rich:
    return (" of ", Bold(offer.server), " (", Code(offer.tool), ")") if offer.server else ()


def _with_kept(options: tuple[Option, ...], chosen: str) -> tuple[Option, ...]:
    return (_AS_IT_IS, *options) if chosen == KEPT else options


def _ends(grant: ToolGrant, now: datetime) -> tuple[Option, ...]:
    ends = tuple(Option(str(days), f"For {days} day{'s' if days > 1 else ''} from now") for days in DAYS)
    if not grant.expires:
        return (Option(NEVER, "Until it is taken back"), *ends)
    over = "It ran out on" if grant.expires <= now else "As it is now: until"
    return (Option(KEPT, f"{over} {grant.expires:%-d %b %Y}"), Option(NEVER, "Until it is taken back"), *ends)

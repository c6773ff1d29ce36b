"""“What can this agent do here, for you”: in the words of its grants, and why what it can't do it can't."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from app.domain.agent import AgentSpec
from app.domain.chat import Place
from app.domain.grants import Approval, Denied, ToolGrant
from app.domain.tool_kinds import BY_NAME
from app.domain.views import (
    Block,
    Bold,
    Button,
    Heading,
    Level,
    Note,
    Notice,
    Rich,
    Row,
    Span,
    Text,
    View,
    rich,
)
from app.ports.approvals import Approvers
from app.services.outlook import Outlook
from app.services.policy import Allowed, Needs
from app.services.screens.agents import CAN, named
from app.services.screens.grant_words import how, what

MOST_SHOWN = 40
_CALLED = {
    "owner": "an owner",
    "admin": "an admin",
    "member": "a member",
    "guest": "a guest",
    "external": "somebody from outside",
    "bot": "an app",
    "scheduled": "a schedule",
}


def outlook(found: Outlook, agents: Mapping[str, str], now: datetime) -> View:
    """`/byok can <agent>`."""
    can: list[Span] = []
    not_now: list[Span] = []
    for tool, rulings in list(found.rulings.items())[:MOST_SHOWN]:
        for ruling in rulings:
            if isinstance(ruling, Allowed):
                can += ["\n" if can else "", "✅ ", *_told(ruling.grant, agents, now)]
            elif isinstance(ruling, Needs):
                who = "an admin" if ruling.approvers is Approvers.ADMINS else "you"
                can += ["\n" if can else "", "✋ ", *_told(ruling.grant, agents, now), f"; {who} will be asked"]
        reasons = [ruling.reason for ruling in rulings if isinstance(ruling, Denied)]
        if len(reasons) == len(rulings):
            title = BY_NAME[tool].title if tool in BY_NAME else tool
            not_now += ["\n" if not_now else "", "⛔ ", Bold(title), f": {' '.join(dict.fromkeys(reasons))}"]
    blocks: list[Block] = [Heading(f"What {found.agent.name} can do for you {_where(found)}")]
    if found.silent:
        blocks.append(Notice(rich(found.silent), Level.WARNING))
    nothing = "Nothing but answer from what is in the conversation."
    blocks.append(Text(tuple(can)) if can else Text(rich(nothing)))
    if not_now:
        blocks += [Text(rich(Bold("Not here, or not for you"))), Text(tuple(not_now))]
    if found.lacking:
        blocks.append(Note(rich(f"Never granted to it: {', '.join(found.lacking)}.")))
    return View(
        title="What it can do",
        blocks=(
            *blocks,
            Note(rich(f"You count as {_CALLED[found.invoker.value]} here. It can do no more than you may yourself, and less once it has read something from outside.")),
        ),
    )  # fmt: skip


def choose(agents: Sequence[AgentSpec]) -> View:
    """`/byok can`, without a name."""
    rows = [Row(named(agent), Button(CAN, "What can it do?", agent.id)) for agent in agents if not agent.paused]
    return View(title="What they can do", blocks=(Heading("What can they do here?"), *rows[:MOST_SHOWN]))


def _told(grant: ToolGrant, agents: Mapping[str, str], now: datetime) -> Rich:
    """Without whether somebody is asked, which stands beside it as it is here."""
    first, *rest = what(grant, agents)
    begins: Span = f"{first[:1].upper()}{first[1:]}" if isinstance(first, str) else first
    return (begins, *rest, *how(replace(grant, approval=Approval.NEVER), now))


def _where(found: Outlook) -> str:
    return "here" if found.where.place is Place.CHANNEL else "in a direct message"

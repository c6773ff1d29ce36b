"""What an agent may do, as admins read and change it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from app.domain.agent import AgentSpec
from app.domain.grants import ToolGrant
from app.domain.tool_kinds import ScopeKind
from app.domain.views import (
    Block,
    Bold,
    Button,
    Buttons,
    Code,
    Confirm,
    Divider,
    Level,
    Note,
    Notice,
    Rich,
    Row,
    Span,
    Style,
    Text,
    View,
    rich,
)
from app.services.offers import Offer
from app.services.screens.agents import CAN, TOOLS, named
from app.services.screens.grant_words import whole
from app.services.screens.people import actor
from app.services.screens.words import many

GRANT = "grant_new"
CHANGE = "grant_change"
REMOVE = "grant_remove"
PAGE = "agent_tools"
"""The context of what is shown here, wherever that is: what is done on it changes it in its place."""

MOST_BLOCKS = 45
MOST_GRANTS = 14
_ALWAYS_SO = (
    "Whatever stands here: what was read in a channel goes only where everybody could read it, and after something private and "
    "something from outside were read, nothing leaves without a person's yes."
)


def page(
    agent: AgentSpec,
    offers: Sequence[Offer],
    agents: Mapping[str, str],
    now: datetime,
    *,
    first: Block | None = None,
) -> View:
    """Every tool there is, with the agent's grants of it; `first` says what was done just now."""
    held = _held(agent, offers)
    blocks: list[Block] = [first] if first else []
    blocks.append(Row((Bold("Tools"), " of ", *named(agent)), Button(CAN, "What can it do for me?", agent.id)))
    if not agent.grants:
        blocks.append(Text(rich("It may use nothing: it answers from what is in the thread.")))
    shown = 0
    for offer, grants in held:
        for grant in grants:
            if shown < MOST_GRANTS:
                blocks += _grant(agent, offer, grant, agents, now)
            shown += 1
    if shown > MOST_GRANTS:
        blocks.append(_rest(shown - MOST_GRANTS, "grant", agent))
    free = [offer for offer in offers if offer.tool not in {one.tool for one, _ in held}]
    if free:
        blocks += [Divider(), Text(rich(Bold("Not granted"), ". Nothing of this is possible until you say so."))]
        room = MOST_BLOCKS - len(blocks) - 2
        blocks += [_free(agent, offer) for offer in free[:room]]
        if len(free) > room:
            blocks.append(_rest(len(free) - room, "tool", agent))
    return View(title="Tools", context=PAGE, blocks=(*blocks, Note(rich(_ALWAYS_SO))))


def one(agent: AgentSpec, offer: Offer, agents: Mapping[str, str], now: datetime) -> View:
    """One tool alone: all of its grants."""
    grants = [grant for grant in agent.grants if grant.tool == offer.tool]
    blocks: list[Block] = [Row((*named(agent), ": ", *_about(offer)), _add(agent, offer, "Grant"))]
    for grant in grants[: (MOST_BLOCKS - 1) // 2]:
        blocks += _grant(agent, offer, grant, agents, now)
    return View(title="Tools", context=PAGE, blocks=(*blocks, *([] if grants else [Text(rich("Not granted."))])))


def _held(agent: AgentSpec, offers: Sequence[Offer]) -> list[tuple[Offer, list[ToolGrant]]]:
    """The tools that it has grants of, in their order, and what is granted though it is not there any more."""
    known = {offer.tool: offer for offer in offers}
    by_tool: dict[str, list[ToolGrant]] = {tool: [] for tool in known}
    for grant in agent.grants:
        by_tool.setdefault(grant.tool, []).append(grant)
    gone = {tool: Offer(tool, tool, "is not there at the moment") for tool in by_tool if tool not in known}
    return [((known | gone)[tool], grants) for tool, grants in by_tool.items() if grants]


def _grant(
    agent: AgentSpec, offer: Offer, grant: ToolGrant, agents: Mapping[str, str], now: datetime
) -> tuple[Block, ...]:
    asks = f"{agent.name} then may not do this any more, from its next step on."
    sure = Confirm(f"Take back {offer.title[:40]}?", asks, "Take back")
    by: Rich = (" Granted by ", *actor(agent.workspace, grant.granted_by), ".") if grant.granted_by else ()
    text: list[Span] = [Bold(offer.title), "\n", *whole(grant, agents, now), "."]
    if grant.tool.startswith("mcp-"):
        changed = not offer.pin or grant.scope.schema != offer.pin
        text += (
            [" It is not what it was when it was granted, so it is off: change it to see it anew."] if changed else []
        )
    where = f"{agent.id}/{grant.id}"
    return (
        Text((*text, *by)),
        Buttons(
            (
                Button(CHANGE, "Change", where, opens=True),
                *([_add(agent, offer, "Add another")] if offer.scope is not ScopeKind.NONE else []),
                Button(REMOVE, "Take back", where, Style.DANGER, sure),
            )
        ),
    )


def _free(agent: AgentSpec, offer: Offer) -> Row:
    return Row(_about(offer), _add(agent, offer, "Grant"))


def _add(agent: AgentSpec, offer: Offer, label: str) -> Button:
    return Button(GRANT, label, f"{agent.id}/{offer.tool}", opens=True)


def _about(offer: Offer) -> Rich:
    if offer.server:
        return (Bold(offer.title), " of ", Bold(offer.server), " (", Code(offer.tool), ")")
    return (Bold(offer.title), f": {offer.about}" if offer.about else "")


def _rest(count: int, what: str, agent: AgentSpec) -> Note:
    return Note(rich(f"… and {many(count, what)} more: ", Code(f"/byok grants {agent.name} <tool>"), "."))


def taken_back(agent: AgentSpec, offer: Offer) -> Notice:
    """After a grant was taken back."""
    return Notice(rich(f"{offer.title}: taken back from ", Bold(agent.name), ". It counts at once."), Level.SUCCESS)


def kept(agent: AgentSpec, offer: Offer, agents: Mapping[str, str], now: datetime, *, new: bool) -> View:
    """After a grant was made or changed: what is granted of this tool now."""
    done = "granted to" if new else "changed for"
    blocks: list[Block] = [
        Notice(rich(f"{offer.title}: {done} ", Bold(agent.name), ". It counts at once."), Level.SUCCESS)
    ]
    for grant in [grant for grant in agent.grants if grant.tool == offer.tool][:MOST_GRANTS]:
        blocks += _grant(agent, offer, grant, agents, now)
    whole_page = Button(TOOLS, f"All tools of {agent.name}"[:70], agent.id)
    return View(title="Tools", context=PAGE, blocks=(*blocks, Buttons((whole_page,))))

"""The home tab: everything at a glance for admins, the way in for members."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from app.domain.agent import AgentSpec
from app.domain.chat import UserRef
from app.domain.keys import ProviderKey, SpareKey
from app.domain.views import (
    Block,
    Bold,
    Button,
    Buttons,
    Channel,
    Code,
    Divider,
    Heading,
    Level,
    Note,
    Notice,
    Option,
    Rich,
    Row,
    Style,
    Text,
    View,
    rich,
)
from app.services.screens import agents as agent_screens
from app.services.screens import keys as key_screens
from app.services.screens import people as people_screens
from app.services.screens import rotation as rotation_screens
from app.services.screens.words import agent_names, many, people
from app.services.workspaces import WorkspaceSettings
from app.store.workspaces import AddedAdmin

_GOES = "A question goes to the model provider of the agent that answers, with the thread around it, under this workspace's own key. "
_UNKEPT = "Latchkey keeps no messages and no answers: what an answer needs is held encrypted while it is made, and erased within a minute. "
_KEPT = "What agents were asked and answered is kept encrypted for {hours}, as the conversation's memory, and then destroyed. "
_UNNAMED = "The provider is not told people's names, unless an admin has set an agent to tell them."

MOST_WITH_BUTTONS = 10
MOST_AGENTS = 25
MOST_KEYS = 10
MOST_CHANNELS = 10
MOST_ADMINS = 10


@dataclass(frozen=True, slots=True)
class HomeState:
    """What the home tab tells of. Mappings are by agent or key id; `offline` are the agents that the offline model answers for."""

    workspace: str
    agents: tuple[AgentSpec, ...]
    keys: tuple[ProviderKey, ...]
    titles: Mapping[str, str]
    users: Mapping[str, tuple[AgentSpec, ...]]
    options: Mapping[str, tuple[Option, ...]]
    selected: Mapping[str, str]
    channels: Mapping[str, str]
    settings: WorkspaceSettings
    operators: tuple[UserRef, ...]
    added: tuple[AddedAdmin, ...]
    spares: Mapping[str, tuple[SpareKey, ...]] = field(default_factory=dict)  # what stands beside keys
    offline: tuple[AgentSpec, ...] = ()
    platforms_own: bool = True  # whether the platform itself has admins
    remembers: bool = False  # whether Latchkey itself remembers what was said, because the platform does not
    more: tuple[tuple[Block, ...], ...] = ()  # parts that others look after


def admin(state: HomeState) -> View:
    """For those who look after it."""
    parts = (
        _start(state),
        _keys(state),
        _agents(state),
        _channels(state),
        *state.more,
        _settings(state),
        _admins(state),
        (Note(rich(_data(state))),),
    )
    blocks: list[Block] = []
    for part in parts:
        if part:
            blocks += [*([Divider()] if blocks else []), *part]
    return View(blocks=tuple(blocks))


def member(state: HomeState) -> View:
    """For those who ask."""
    answering = [agent for agent in state.agents if not agent.paused]
    named = next((agent for agent in answering if not agent.is_default), None)
    examples = [
        rich("In a channel: ", Code("@Latchkey summarise this thread for someone who just joined")),
        rich("Privately: open the chat with Latchkey and just write."),
    ]
    if named:
        examples.insert(1, rich("One agent by name: ", Code(f"@Latchkey {named.name}: …")))
    blocks: list[Block] = [
        Heading("Hello! Agents answer here when you mention Latchkey."),
        *([] if state.keys or state.offline else [Notice(rich("There is no model key yet, so agents can't answer. An admin can set one."), Level.WARNING)]),
        Heading("Who answers"),
        *(_met(agent) for agent in answering[:MOST_AGENTS]),
        *([] if answering else [Text(rich("Nobody at the moment: every agent is paused. An admin can resume them."))]),
        Heading("How to ask"),
        *(Text(example) for example in examples),
    ]  # fmt: skip
    if state.settings.follow_ups:
        blocks.append(Note(rich("In a thread where an agent has answered, go on without a mention.")))
    for part in state.more:
        blocks += [Divider(), *part]
    blocks += [Divider(), Heading("What happens with your messages"), Text(rich(_data(state))), *_whom_to_ask(state)]
    return View(blocks=tuple(blocks))


def _start(state: HomeState) -> tuple[Block, ...]:
    """What is left to do until the first key is set."""
    if state.keys:
        return ()
    playing = (
        "Until then the offline demo model answers, which only plays."
        if state.offline
        else "Until then agents can't answer."
    )
    return (
        Heading("Three steps to the first answer"),
        Text(rich("✅ Latchkey is here, with an agent called ", Bold(state.agents[0].name if state.agents else "assistant"), ".")),
        Row(
            rich("⬜ ", Bold("Set a model key of yours."), f" It pays for the answers and is checked at once. {playing}"),
            Button(key_screens.ADD, "Add a key", style=Style.PRIMARY, opens=True),
        ),
        Text(rich("⬜ Invite Latchkey to a channel and ask: ", Code("@Latchkey what can you do?"))),
    )  # fmt: skip


def _keys(state: HomeState) -> tuple[Block, ...]:
    if not state.keys:
        return ()
    blocks: list[Block] = [
        Heading("Model keys"),
        Row(
            rich("They pay for the answers. There is nothing else to pay with."),
            Button(key_screens.ADD, "Add a key", opens=True),
        ),
    ]
    for key in state.keys[:MOST_KEYS]:
        users = state.users.get(key.id, ())
        blocks += [
            Text((*key_screens.summary(state.titles.get(key.provider, key.provider), key), *_pays_for(users))),
            key_screens.buttons(key, users),
            *rotation_screens.beside_in_a_line(key, state.spares.get(key.id, ())),
        ]
    if len(state.keys) > MOST_KEYS:
        blocks.append(_more(len(state.keys) - MOST_KEYS, "key", "/byok keys"))
    return tuple(blocks)


def _agents(state: HomeState) -> tuple[Block, ...]:
    """The model's select beside each; past a handful, what else can be done with an agent is in its form."""
    blocks: list[Block] = [
        Heading("Agents"),
        Text(agent_screens.how_to_name(state.agents)),
        Buttons(
            (Button(agent_screens.NEW, "New agent", opens=True), Button(agent_screens.TEMPLATES, "From a template"))
        ),
    ]
    if state.offline and state.keys:
        blocks.append(Note(rich("Some agents are on the offline demo model, which only plays.")))
    brief = len(state.agents) > MOST_WITH_BUTTONS
    for agent in state.agents[:MOST_AGENTS]:
        if brief:
            blocks.append(Row(_brief(agent), Button(agent_screens.EDIT, "Edit", agent.id, opens=True)))
        else:
            blocks += [
                agent_screens.row(agent, state.options[agent.id], state.selected[agent.id]),
                agent_screens.buttons(agent),
            ]
    if len(state.agents) > MOST_AGENTS:
        blocks.append(_more(len(state.agents) - MOST_AGENTS, "agent", "/byok agents"))
    return tuple(blocks)


def _channels(state: HomeState) -> tuple[Block, ...]:
    names = {agent.id: agent.name for agent in state.agents}
    set_there = [(channel, names[agent]) for channel, agent in state.channels.items() if agent in names]
    rows = [
        Row(rich(Channel(channel), ": ", Bold(name)), Button(agent_screens.CLEAR_CHANNEL, "Remove", channel))
        for channel, name in set_there[:MOST_CHANNELS]
    ]
    more = (_more(len(set_there) - MOST_CHANNELS, "channel"),) if len(set_there) > MOST_CHANNELS else ()
    default = state.agents[0].name if state.agents else "nobody"
    return (
        Heading("Who answers where"),
        Row(
            rich("Where no agent is named, ", Bold(default), " answers", ", except here:" if rows else " everywhere."),
            Button(agent_screens.SET_CHANNEL, "Choose for a channel", opens=True),
        ),
        *rows,
        *more,
    )


def _data(state: HomeState) -> str:
    """What becomes of what people write; `/byok privacy` says more."""
    hours = state.settings.memory_hours if state.remembers else 0
    return _GOES + (_KEPT.format(hours=many(hours, "hour")) if hours else _UNKEPT) + _UNNAMED


def _settings(state: HomeState) -> tuple[Block, ...]:
    return (
        Heading("Settings"),
        Row(
            people_screens.settings_summary(state.settings), Button(people_screens.EDIT_SETTINGS, "Change", opens=True)
        ),
    )


def _admins(state: HomeState) -> tuple[Block, ...]:
    rows = people_screens.admin_rows(
        state.operators,
        state.added[:MOST_ADMINS],
        state.workspace,
        may_change=True,
        platforms_own=state.platforms_own,
    )
    return (
        Heading("Admins"),
        *rows,
        *((_more(len(state.added) - MOST_ADMINS, "admin", "/byok admins"),) if len(state.added) > MOST_ADMINS else ()),
        Note(rich(Code("/byok admins add @person"), " adds somebody. ", Code("/byok audit"), " shows who did what.")),
    )


def _pays_for(users: Sequence[AgentSpec]) -> Rich:
    if not users:
        return rich("\nNo agent uses it")
    if len(users) > 3:
        return rich(f"\nPays for {many(len(users), 'agent')}")
    return rich("\nPays for ", *agent_names(users))


def _met(agent: AgentSpec) -> Row:
    about = f"\n{agent.description}" if agent.description else ""
    text = (*agent_screens.named(agent), " · answers by default" if agent.is_default else "", about)
    return Row(text, Button(agent_screens.CAN, "What can it do?", agent.id))


def _brief(agent: AgentSpec) -> Rich:
    marks = ", ".join(mark for mark, shown in (("default", agent.is_default), ("paused", agent.paused)) if shown)
    return (
        *agent_screens.named(agent),
        f" · {marks}" if marks else "",
        " · ",
        Code(agent.model) if agent.model else "automatic",
    )


def _whom_to_ask(state: HomeState) -> tuple[Block, ...]:
    named = tuple(dict.fromkeys((*state.operators, *(UserRef(state.workspace, admin.user) for admin in state.added))))
    also = (*people(named[:MOST_ADMINS]), " look" if len(named) > 1 else " looks") if named else ()
    words = (
        rich(*also, " after keys and agents here, and so do this workspace's own admins.")
        if named
        else rich("This workspace's admins look after keys and agents.")
    )
    return (Heading("Whom to ask"), Text(words))


def _more(count: int, what: str, command: str = "") -> Note:
    return Note(rich(f"… and {many(count, what)} more", *((": ", Code(command)) if command else ()), "."))

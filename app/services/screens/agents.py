"""Agents, as admins make them and as members meet them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.domain.agent import AgentSpec, Effort
from app.domain.views import (
    Bold,
    Button,
    Buttons,
    Channel,
    ChannelInput,
    Checkbox,
    Code,
    Confirm,
    Heading,
    Level,
    Note,
    Option,
    Rich,
    Row,
    Select,
    SelectInput,
    Span,
    Style,
    Text,
    TextInput,
    View,
    rich,
)
from app.services import dollars
from app.services.screens.words import enumerated, notice

NEW = "agent_new"
EDIT = "agent_edit"
TOOLS = "agent_tools"
CAN = "agent_can"
TEMPLATES = "templates"
PAUSE = "agent_pause"
RESUME = "agent_resume"
DELETE = "agent_delete"
MAKE_DEFAULT = "agent_default"
MODEL = "model"
SET_CHANNEL = "channel_new"
CLEAR_CHANNEL = "channel_clear"
FORM = "agent_save"
CHANNEL_FORM = "channel_save"

NO_EFFORT = "none"
MOST_TEXTS = 40


def named(agent: AgentSpec) -> Rich:
    """`🦊 writer`."""
    return rich(f"{agent.emoji} " if agent.emoji else "", Bold(agent.name))


def row(agent: AgentSpec, options: Sequence[Option], selected: str) -> Row:
    """An agent and the select of its model."""
    marks = [mark for mark, shown in (("default", agent.is_default), ("paused", agent.paused)) if shown]
    about = f"\n{agent.description}" if agent.description else ""
    where: Rich = (
        ("\nOnly in ", *enumerated([Channel(channel) for channel in agent.channels])) if agent.channels else ()
    )
    text = (*named(agent), f" · {', '.join(marks)}" if marks else "", about, *where)
    return Row(text, model_select(agent, options, selected))


def model_select(agent: AgentSpec, options: Sequence[Option], selected: str) -> Select:
    """Changes an agent's model at once."""
    return Select(MODEL, f"Model of {agent.name}", tuple(options), selected, key=agent.id, placeholder="Choose a model")


def buttons(agent: AgentSpec) -> Buttons:
    """What can be done with an agent."""
    paused = Button(RESUME, "Resume", agent.id) if agent.paused else Button(PAUSE, "Pause", agent.id)
    sure = Confirm(
        f"Delete {agent.name}?", "Its instructions and settings are gone for good. Threads stay as they are.", "Delete"
    )
    others = (Button(MAKE_DEFAULT, "Make default", agent.id), Button(DELETE, "Delete", agent.id, Style.DANGER, sure))
    first = (Button(EDIT, "Edit", agent.id, opens=True), Button(TOOLS, "Tools", agent.id), paused)
    return Buttons((*first, *(() if agent.is_default else others)))


def listing(agents: Sequence[AgentSpec], *, paid_by: Mapping[str, str] | None = None) -> View:
    """`/byok agents`; admins also see on what each agent thinks (`paid_by`: the key, by the agent's id; none where it is offline)."""
    lines: list[Text] = []
    for agent in agents:
        marks = [mark for mark, shown in (("default", agent.is_default), ("paused", agent.paused)) if shown]
        text: list[Span] = [*named(agent), f" · {', '.join(marks)}" if marks else ""]
        text.append(f"\n{agent.description}" if agent.description else "")
        if paid_by is not None:
            text += ["\nAnswers with ", *_on(agent, paid_by.get(agent.id, ""))]
        lines.append(Text(tuple(text)))
    return View(blocks=(Heading("Agents"), *_together(lines), Note(how_to_name(agents))), title="Agents")


def _on(agent: AgentSpec, paid_by: str) -> Rich:
    if not paid_by:
        return rich("the offline demo model, which needs no key")
    return rich(Code(agent.model) if agent.model else "the best model there is", f", {paid_by}")


def _together(lines: Sequence[Text]) -> tuple[Text, ...]:
    """As many blocks as a message takes, however many agents there are."""
    each = -(-len(lines) // MOST_TEXTS)
    return tuple(
        Text(tuple(span for line in lines[at : at + each] for span in (*line.text, "\n\n"))[:-1])
        for at in range(0, len(lines), each or 1)
    )


def how_to_name(agents: Sequence[AgentSpec]) -> Rich:
    """How a person picks an agent."""
    other = next((agent for agent in agents if not agent.is_default and not agent.paused), None)
    if other is None:
        return rich("Mention Latchkey in a channel, or write to it directly.")
    return rich(
        "Mention Latchkey and begin with an agent's name and a colon, such as ",
        Code(f"{other.name}: …"),
        ". Without one the default answers.",
    )


def form(
    agent: AgentSpec | None, options: Sequence[Option], selected: str, *, efforts: Sequence[Effort] = tuple(Effort)
) -> View:
    """Make or edit an agent. `efforts` are those that its model can be told; none where it knows no such thing."""
    shown = agent or AgentSpec("", "", "", "", "")
    offered = dict.fromkeys([*efforts, *([shown.effort] if shown.effort and efforts else [])])
    levels = (
        Option(NO_EFFORT, "The model's own"),
        *(Option(effort.value, effort.value.capitalize()) for effort in offered),
    )
    now = shown.effort.value if shown.effort else NO_EFFORT
    effort = (SelectInput("effort", "Effort", levels, now, "How hard to think before it answers."),) if efforts else ()
    return View(
        title="Edit agent" if agent else "New agent",
        id=FORM,
        submit="Save",
        context=shown.id,
        blocks=(
            TextInput("name", "Name", shown.name, "writer", "One word in small letters; people type it after the mention.", max_length=32),
            TextInput("emoji", "Icon", shown.emoji, "🦊", "One emoji. Answers carry it where the platform allows.", max_length=16),
            TextInput("description", "What it is for", shown.description, "Drafts and shortens texts.", "Everybody sees this.", optional=True, max_length=300),
            TextInput("instructions", "Instructions", shown.instructions, "You are …", "How it should work and answer. Sent with every question.", multiline=True, optional=True, max_length=3000),
            SelectInput(MODEL, "Model", tuple(options), selected),
            *effort,
            TextInput("max_output_tokens", "Longest answer (tokens)", str(shown.max_output_tokens), hint="4096 is about six pages.", max_length=6),
            TextInput("run_tokens", "Most tokens of one answer", str(shown.run_tokens or ""), hint="All its steps together. Leave empty for no limit.", optional=True, max_length=9),
            TextInput("run_cost", "Most dollars of one answer", dollars.plain(shown.run_cost) if shown.run_cost else "", hint="Leave empty for no limit.", optional=True, max_length=12),
            TextInput("run_seconds", "Most seconds of work on one answer", str(shown.run_seconds or ""), hint="Waiting for a person does not count. Leave empty for no limit.", optional=True, max_length=6),
            ChannelInput("channels", "Only in these channels", shown.channels, "Leave empty to let it answer everywhere."),
            Checkbox("share_names", "Tell the provider people's names", shown.share_names, "Otherwise it reads of “Person 1” and “Person 2”."),
        ),
    )  # fmt: skip


def saved(agent: AgentSpec, *, new: bool) -> View:
    """After an agent was made or changed."""
    done = "is ready" if new else "is saved"
    example = "" if agent.is_default else f" Ask it with @Latchkey {agent.name}: …"
    return notice(Level.SUCCESS, f"{agent.name} {done}.{example}")


def model_saved(agent: AgentSpec) -> View:
    """After a model was chosen by command."""
    on: Span = Code(agent.model) if agent.model else "the best model of the default key"
    return notice(Level.SUCCESS, Bold(agent.name), " now answers with ", on, ". Its next answer uses it.")


def channel_form(agents: Sequence[AgentSpec]) -> View:
    """Choose who answers by default in which channels."""
    options = tuple(Option(agent.id, f"{agent.emoji} {agent.name}".strip()) for agent in agents)
    return View(
        title="Agent of a channel",
        id=CHANNEL_FORM,
        submit="Save",
        blocks=(
            ChannelInput("channels", "Channels", optional=False),
            SelectInput(
                "agent", "Agent that answers there", options, hint="Unless another is named after the mention."
            ),
        ),
    )

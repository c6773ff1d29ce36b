"""Schedules, as admins see them, as a channel sees them begin, and as whoever set one up hears that it went wrong. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.domain.agent import AgentSpec
from app.domain.grants import Invoker
from app.domain.schedules import Schedule
from app.domain.tool_kinds import BY_NAME
from app.domain.views import (
    Block,
    Bold,
    Button,
    Buttons,
    Channel,
    ChannelInput,
    Code,
    Confirm,
    Heading,
    Level,
    Note,
    Notice,
    Option,
    Rich,
    Row,
    SelectInput,
    Style,
    Text,
    TextInput,
    View,
    When,
    rich,
)
from app.errors import NoAgent, NoKey, NoModel, NotAllowed, NotReachable, PlatformRateLimited, PlatformUnavailable
from app.services.schedules import LONGEST
from app.services.screens.words import marked, notice
from app.services.timing import CHOICES, CUSTOM, in_words

NEW = "schedule_new"
PAUSE = "schedule_pause"
RESUME = "schedule_resume"
DELETE = "schedule_delete"
FORM = "schedule_save"

MOST_SHOWN = 5
LONGEST_SHOWN = 150

_WENT_WRONG: Mapping[str, str] = {
    NotAllowed.__name__: "Whoever set it up is no admin any more, so it rests. Another admin can resume it, and answers for it then.",
    NotReachable.__name__: "The channel is not there any more, or you or Latchkey can't read or write there. It is tried again the next time.",
    PlatformUnavailable.__name__: "The chat could not be reached. It is tried again the next time.",
    PlatformRateLimited.__name__: "The chat takes no more messages at the moment. It is tried again the next time.",
    "Denied": "Latchkey's settings do not let agents answer there, or you. It is tried again the next time.",
    NoAgent.__name__: "Its agent is paused, or does not answer in that channel. It is tried again the next time.",
    NoKey.__name__: "This workspace has no model key that works for its agent. An admin sets one with `/byok setkey`.",
    NoModel.__name__: "Its agent has no model. An admin chooses one with `/byok model`.",
}


def listing(
    schedules: Sequence[Schedule], texts: Mapping[str, str], agents: Sequence[AgentSpec], *, most: int = 100
) -> tuple[Block, ...]:
    """Every schedule with what can be done with it; `texts` are what each is to do, by id."""
    names = {agent.id: agent for agent in agents}
    blocks: list[Block] = []
    for schedule in schedules[:most]:
        blocks += [
            Text(_about(schedule, texts.get(schedule.id, ""), names.get(schedule.agent_id))),
            _buttons(schedule, names.get(schedule.agent_id)),
        ]
    return tuple(blocks)


def section(schedules: Sequence[Schedule], texts: Mapping[str, str], agents: Sequence[AgentSpec]) -> tuple[Block, ...]:
    """In an admin's home tab."""
    more = len(schedules) - MOST_SHOWN
    return (
        Heading("Schedules"),
        Row(rich("What agents do regularly, without being asked."), Button(NEW, "New schedule", opens=True)),
        *listing(schedules, texts, agents, most=MOST_SHOWN),
        *((Note(rich(f"… and {more} more: ", Code("/byok schedules"), ".")),) if more > 0 else ()),
    )


def page(schedules: Sequence[Schedule], texts: Mapping[str, str], agents: Sequence[AgentSpec]) -> View:
    """`/byok schedules`."""
    shown = listing(schedules, texts, agents) or (Text(rich("There is none yet.")),)
    return View(
        title="Schedules",
        blocks=(Heading("Schedules"), *shown, Buttons((Button(NEW, "New schedule", style=Style.PRIMARY, opens=True),))),
    )


def form(agents: Sequence[AgentSpec], time_zone: str) -> View:
    """Set one up."""
    every = tuple(Option(key, label) for key, (label, _) in CHOICES.items())
    return View(
        title="New schedule",
        id=FORM,
        submit="Create",
        blocks=(
            SelectInput("agent", "Agent", tuple(Option(agent.id, agent.name) for agent in agents), _first(agents)),
            ChannelInput("channel", "Channel", hint="One, where the answer is posted.", optional=False),
            TextInput("text", "What is to be done", placeholder="Summarise what was said in #support since yesterday.", multiline=True, max_length=LONGEST),
            SelectInput("every", "When", (*every, Option(CUSTOM, "By a cron expression, below")), "weekdays"),
            TextInput("time", "At", "09:00", hint="A time of day, such as 09:00.", optional=True, max_length=5),
            TextInput("time_zone", "Time zone", time_zone, hint="Such as Europe/Berlin or America/New_York.", max_length=40),
            TextInput("cron", "Cron expression", hint="For experts: minute, hour, day of month, month, day of week. Such as 0 9 1 * *.", optional=True, max_length=100),
            Note(rich("It runs on your behalf for as long as you are an admin, and reads what you can read. A tool needs a grant for schedules; what would need somebody's consent is not done.")),
        ),
    )  # fmt: skip


def saved(schedule: Schedule, agent: AgentSpec | None) -> View:
    """After it was set up."""
    blocks: list[Block] = [Notice(rich("The schedule is set up", *_next(schedule), "."), Level.SUCCESS)]
    granted = [grant for grant in agent.grants if Invoker.SCHEDULED in grant.invokers] if agent else []
    if agent and len(granted) < len(agent.grants):
        left_out = {grant.tool for grant in agent.grants} - {grant.tool for grant in granted}
        names = sorted(BY_NAME[tool].title if tool in BY_NAME else tool for tool in left_out)
        if names:
            blocks.append(Note(rich(f"{agent.name} may not use these tools for schedules: {', '.join(names)}.")))
    return View(blocks=tuple(blocks))


def header(schedule: Schedule | None, text: str, *, by: str) -> View:
    """The message that a run begins its thread with. Nobody is notified: `by` is a name, no mention."""
    when = f" · {in_words(schedule.cron)} ({schedule.time_zone})" if schedule else ""
    return View(blocks=(Text(rich(Bold("Scheduled"), f"{when}\n{_cut(text)}")), Note(rich(f"Set up by {by}."))))


def failed(schedule: Schedule, agent: str, code: str) -> View:
    """Told once to whoever set it up, for as long as the reason stays the same."""
    why = _WENT_WRONG.get(code, "There was no whole answer; the thread in the channel says why, if it came so far.")
    what = rich("A schedule of ", Bold(agent or "an agent"), " in ", Channel(schedule.channel), " went wrong. ")
    rest = rich("") if schedule.paused else _next(schedule)
    return View(
        blocks=(
            Notice(rich(*what, *marked(why)), Level.WARNING),
            Note(rich(Code("/byok schedules"), " shows all of them", *rest, ".")),
        )
    )


def deleted() -> View:
    """After it was dropped."""
    return notice(Level.SUCCESS, "The schedule is deleted.")


def _about(schedule: Schedule, text: str, agent: AgentSpec | None) -> Rich:
    name = f"{agent.emoji} " if agent and agent.emoji else ""
    state: Rich = (" · paused",) if schedule.paused else _next(schedule)
    wrong = " · last time it went wrong" if schedule.last_outcome else ""
    return rich(
        name, Bold(agent.name if agent else "?"), " in ", Channel(schedule.channel),
        f" · {in_words(schedule.cron)} ({schedule.time_zone})", *state, wrong, f"\n{_cut(text)}",
    )  # fmt: skip


def _next(schedule: Schedule) -> Rich:
    return rich(" · next ", When(schedule.next_at)) if schedule.next_at else ()


def _buttons(schedule: Schedule, agent: AgentSpec | None) -> Buttons:
    pause = Button(RESUME, "Resume", schedule.id) if schedule.paused else Button(PAUSE, "Pause", schedule.id)
    sure = Confirm("Delete this schedule?", f"{agent.name if agent else 'The agent'} does it no more.", "Delete")
    return Buttons((pause, Button(DELETE, "Delete", schedule.id, Style.DANGER, sure)))


def _first(agents: Sequence[AgentSpec]) -> str:
    return agents[0].id if agents else ""


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_SHOWN else f"{line[: LONGEST_SHOWN - 1]}…"

"""Stand-ins: which models may answer for an agent while its own model's provider is away. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.domain.agent import AgentSpec
from app.domain.views import (
    Block,
    Bold,
    Button,
    Buttons,
    Code,
    Heading,
    Level,
    Note,
    Notice,
    Option,
    Rich,
    Row,
    SelectInput,
    Text,
    View,
    rich,
)
from app.services.screens.agents import named

PAGE = "stand_ins"
EDIT = "stand_ins_edit"
FORM = "stand_ins_save"
FIELDS = ("first", "second", "third")
SELECTS = tuple(f"stand_in_{place}" for place in FIELDS)
"""The ids of the form's selects."""

NOBODY = Option("none", "Nobody")
MOST_SHOWN = 25

WHEN = "Only while the model's provider is overloaded, can't be reached, or limits how fast its key may be used; paid by your own key of the other one. The answer says who stood in."


def button(agent: AgentSpec, label: str = "Stand-ins") -> Button:
    """Opens an agent's form."""
    return Button(EDIT, label, agent.id, opens=True)


def section(agents: Sequence[AgentSpec]) -> tuple[Block, ...]:
    """In an admin's home tab."""
    chains = [line for agent in agents if agent.fallbacks for line in ("\n", *_chain(agent))][1:]
    return (
        Heading("When a provider is away"),
        Row(
            rich("Nobody stands in for an agent's model, unless you allow it."),
            Button(PAGE, "Choose stand-ins"),
        ),
        *((Text(tuple(chains)),) if chains else ()),
    )


def page(agents: Sequence[AgentSpec]) -> View:
    """`/byok fallback`."""
    rows = [Row(_chain(agent), button(agent, "Change")) for agent in agents[:MOST_SHOWN]]
    return View(title="Stand-ins", blocks=(Heading("When a provider is away"), Note(rich(WHEN)), *rows))


def form(agent: AgentSpec, options: Sequence[Option], selected: Sequence[str]) -> View:
    """An agent's chain, in order."""
    chosen = [*selected, *([NOBODY.value] * len(FIELDS))]
    labels = ("First", "Then", "Then")
    selects = [
        SelectInput(name, label, tuple(options), value)
        for name, label, value in zip(SELECTS, labels, chosen, strict=False)
    ]
    return View(
        title="Stand-ins",
        id=FORM,
        submit="Save",
        context=agent.id,
        blocks=(
            Text(rich("Who answers for ", *named(agent), " when its own model can't?")),
            *selects,
            Note(rich(WHEN)),
        ),
    )


def offered(models: Sequence[Option], current: Mapping[str, str]) -> tuple[Option, ...]:
    """Nobody, or one of these models; what stands there now too, even if nobody lists it (`current`: labels by value)."""
    known = {option.value for option in models}
    gone = [Option(value, f"{label} (now)", "Now") for value, label in current.items() if value not in known]
    return (NOBODY, *gone, *models)


def saved(agent: AgentSpec) -> View:
    """After the form was sent."""
    return View(
        blocks=(Notice(_chain(agent), Level.SUCCESS), Buttons((button(agent, "Change"),))),
    )


def _chain(agent: AgentSpec) -> Rich:
    if not agent.fallbacks:
        return rich(*named(agent), ": nobody stands in")
    parts: list[str | Code] = []
    for at, one in enumerate(agent.fallbacks):
        parts += [", then " if at else "", Code(one.model)]
    return rich(*named(agent), ": ", *parts, " may stand in for ", _own(agent))


def _own(agent: AgentSpec) -> Code | Bold:
    return Code(agent.model) if agent.model else Bold("its model")

"""What admins are told of a key that they did not ask about: it died, it works again, it is about to expire. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from app.domain.agent import AgentSpec
from app.domain.keys import KeyStatus, ProviderKey
from app.domain.views import (
    Block,
    Bold,
    Button,
    Buttons,
    Fields,
    Level,
    Note,
    Notice,
    Rich,
    Style,
    Text,
    View,
    When,
    rich,
)
from app.services.screens.keys import REPLACE, TEST, adopted
from app.services.screens.rotation import ROTATE
from app.services.screens.words import agent_names, many, shown


def works(title: str, key: ProviderKey, moved: Sequence[AgentSpec], waiting: int) -> View:
    """It was not known to work, and does."""
    name = f"{title} key “{key.label}” ({shown(key)})"
    return View(
        blocks=(
            Notice(rich(f"The {name} works: {title} accepts it now."), Level.SUCCESS),
            *adopted(title, moved),
            *asked_again(waiting),
        )
    )


def dead(title: str, key: ProviderKey, agents: Sequence[AgentSpec], waiting: int, at: datetime) -> View:
    """It does not work any more: what failed, when, whom that stops, and what to do."""
    name = f"{title} key “{key.label}” ({shown(key)})"
    facts: list[tuple[str, Rich]] = [
        ("Found out", rich(When(at))),
        ("Agents stopped", agent_names(agents) or rich("none")),
        ("Questions waiting", rich(_waiting(waiting))),
    ]
    if key.status is KeyStatus.NO_CREDIT:
        text = f"{title} says that the account behind the {name} has no credit left. Agents that use it can't answer until it is topped up."
        after = f"{title} tells at no cost whether the key is right, not whether there is credit: once you have topped it up, press Test again."
        first = Button(TEST, "Test again", key.id, Style.PRIMARY)
        rest = Button(REPLACE, "Replace key", key.id, opens=True)
        level = Level.WARNING
    else:
        text = f"{title} refuses the {name}. Agents that use it can't answer until it is replaced."
        after = "It was revoked, disabled or mistyped. A key that replaces it is checked at once; runs use it from their next call on."
        first = Button(REPLACE, "Replace key", key.id, Style.PRIMARY, opens=True)
        rest = Button(TEST, "Test again", key.id)
        level = Level.ERROR
    return View(
        blocks=(Notice(rich(text), level), Fields(tuple(facts)), Buttons((first, rest)), Note(rich(after)))
    )  # fmt: skip


def expiring(title: str, key: ProviderKey, agents: Sequence[AgentSpec], day: date, left: int) -> View:
    """An admin noted that it ends, and that day is near."""
    name = f"{title} key “{key.label}” ({shown(key)})"
    when = f"in {many(left, 'day')}" if left > 1 else "tomorrow" if left == 1 else "today"
    text = f"The {name} expires {when}, on {day:%Y-%m-%d}." if left >= 0 else f"The {name} expired on {day:%Y-%m-%d}."
    blocks: list[Block] = [Notice(rich(text), Level.WARNING)]
    if agents:
        blocks.append(Text(rich(*agent_names(agents), f" answer{'s' if len(agents) == 1 else ''} with it.")))
    return View(
        blocks=(
            *blocks,
            Buttons(
                (
                    Button(ROTATE, "Rotate", key.id, Style.PRIMARY, opens=True),
                    Button(REPLACE, "Replace key", key.id, opens=True),
                )
            ),
            Note(rich(f"The day is what an admin noted here. It stops nothing by itself: whether the key works is {title}'s to say.")),
        )
    )  # fmt: skip


def asked_again(waiting: int) -> tuple[Block, ...]:
    """What a key that works sets free."""
    if not waiting:
        return ()
    return (Text(rich(Bold(many(waiting, "question")), " that waited for it ", "is" if waiting == 1 else "are", " asked again now.")),)  # fmt: skip


def _waiting(waiting: int) -> str:
    if not waiting:
        return "none yet; those that come are asked again by themselves once it works, for up to a day"
    return f"{waiting}; asked again by {'itself' if waiting == 1 else 'themselves'} once it works, for up to a day"

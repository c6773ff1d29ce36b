"""Who and what there is in the playground: a small company, fixed, so that two starts look the same."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from app.domain.chat import MemberKind, UserRef

NAME = "playground"
WORKSPACE = f"{NAME}:fernwood"
WORKSPACE_NAME = "Fernwood"
APP_ID = "LATCHKEY"
APP_NAME = "Latchkey"
APP_EMOJI = "🔑"
COMMAND = "/byok"


@dataclass(frozen=True, slots=True)
class Resident:
    """A person one can be in the playground."""

    id: str
    name: str
    role: str
    kind: MemberKind
    tint: int

    @property
    def ref(self) -> UserRef:
        """How the rest of the service names this person."""
        return UserRef(WORKSPACE, self.id)


ADA = Resident("U-ADA", "Ada", "Admin", MemberKind.ADMIN, 0)
MAX = Resident("U-MAX", "Max", "Member", MemberKind.MEMBER, 1)
RESIDENTS = (ADA, MAX)


@dataclass(frozen=True, slots=True)
class Room:
    """A channel, private to the people in `only` if there are any, or somebody's own chat with the app (then `of` is that person's id)."""

    id: str
    name: str
    topic: str
    of: str = ""
    only: tuple[str, ...] = ()

    def open_to(self, person: str) -> bool:
        """Whether a person sees it."""
        return self.of in {"", person} and (not self.only or person in self.only)


ROOMS = (
    Room("C-GENERAL", "general", "For the whole company"),
    Room("C-PRODUCT", "product", "What we build next, and why"),
    Room("C-SUPPORT", "support", "Questions from customers"),
    Room("C-RANDOM", "random", "Everything else"),
    Room("C-BOARD", "board", "Private: who is not here must not read it", only=(ADA.id,)),
    *(Room(f"D-{one.id}", APP_NAME, "Only you and the app", of=one.id) for one in RESIDENTS),
)


@dataclass(frozen=True, slots=True)
class CommandHint:
    """What the composer offers after a slash; `usage` is what still has to be typed."""

    text: str
    usage: str
    about: str


COMMANDS = (
    CommandHint(f"{COMMAND} help", "", "What can be typed here"),
    CommandHint(f"{COMMAND} setkey", "[provider]", "Set or replace a model key, in a form"),
    CommandHint(f"{COMMAND} keys", "[label]", "See keys, how they are and who uses them"),
    CommandHint(f"{COMMAND} test", "[label]", "Ask the provider whether a key works"),
    CommandHint(f"{COMMAND} rotate", "[undo] [label]", "Let the next key take over, or undo that"),
    CommandHint(f"{COMMAND} revoke", "[label]", "Destroy a key here"),
    CommandHint(f"{COMMAND} agents", "", "See the agents"),
    CommandHint(f"{COMMAND} model", "<agent> <provider>/<model>", "Choose an agent's model"),
    CommandHint(f"{COMMAND} fallback", "[agent]", "Say which models may stand in while a provider is away"),
    CommandHint(f"{COMMAND} prompt", "<agent>", "See what an agent's model is told"),
    CommandHint(f"{COMMAND} can", "[agent]", "See what an agent can do for you, here"),
    CommandHint(f"{COMMAND} grants", "<agent> [tool]", "See or change what an agent may do"),
    CommandHint(f"{COMMAND} templates", "", "See agents to begin with, and make one"),
    CommandHint(f"{COMMAND} tools", "[server]", "See servers of tools, and switch tools on or off"),
    CommandHint(f"{COMMAND} budget", "[who] [day|month] [dollars]", "See what may be spent, and set limits"),
    CommandHint(f"{COMMAND} admins", "[add|remove @person]", "See or change who may change things"),
    CommandHint(f"{COMMAND} schedules", "", "See or change what agents do regularly"),
    CommandHint(f"{COMMAND} notes", "[agent]", "See or delete what agents remember"),
    CommandHint(f"{COMMAND} settings", "", "Change who is answered, and where"),
    CommandHint(f"{COMMAND} usage", "[today|7d|30d|month] [by agent|user|channel|model|key]", "See what was spent"),
    CommandHint(f"{COMMAND} receipts", "", "See the newest calls of models, and what each cost"),
    CommandHint(f"{COMMAND} prices", "", "See what models cost, and enter prices of your own"),
    CommandHint(f"{COMMAND} audit", "", "See who did what last"),
    CommandHint(f"{COMMAND} privacy", "", "See what happens with what is said"),
)


@dataclass(frozen=True, slots=True)
class Seed:
    """A message that is there at the start; `replies_to` counts seeds from 0."""

    by: Resident
    room: str
    ago: timedelta
    text: str
    replies_to: int | None = None


SEEDS = (
    Seed(MAX, "C-GENERAL", timedelta(minutes=52), "Morning! The office plants have survived the weekend. 🌿"),
    Seed(
        ADA,
        "C-PRODUCT",
        timedelta(minutes=64),
        "Plan for the week: finish the import, then exports. The launch stays on the 9th. 🚀",
    ),
    Seed(
        MAX,
        "C-PRODUCT",
        timedelta(minutes=38),
        "Beta feedback is in: **14 teams** tried the import. Eleven finished it, three gave up at the column mapping.",
    ),
    Seed(ADA, "C-PRODUCT", timedelta(minutes=31), "Do we know what the three had in common?", replies_to=2),
    Seed(
        MAX,
        "C-PRODUCT",
        timedelta(minutes=29),
        "All three had more than 40 columns. The mapping screen shows ten at a time, so they lost their place.",
        replies_to=2,
    ),
    Seed(
        ADA,
        "C-PRODUCT",
        timedelta(minutes=24),
        "Then let us show all columns at once and guess the obvious ones. I would like that before the launch on the 9th.",
        replies_to=2,
    ),
    Seed(
        ADA,
        "C-SUPPORT",
        timedelta(minutes=15),
        "A customer asks whether exports keep their time zone. Has anybody answered that before?",
    ),
)

"""Admins, settings, the audit trail, and help."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.domain.audit import AuditEntry
from app.domain.chat import UserRef
from app.domain.views import (
    Block,
    Bold,
    Button,
    Channel,
    Checkbox,
    Code,
    Heading,
    Level,
    Note,
    Person,
    Rich,
    Row,
    Span,
    Style,
    Table,
    Text,
    TextInput,
    View,
    When,
    rich,
)
from app.services.screens.words import enumerated, many, notice, people
from app.services.workspaces import ITSELF, MOST_HOURS, MOST_RUNS, WorkspaceSettings
from app.store.workspaces import AddedAdmin

REMOVE_ADMIN = "admin_remove"
EDIT_SETTINGS = "settings_edit"
SETTINGS_FORM = "settings_save"
OPERATOR = "operator"

PLATFORMS_OWN = "Admins and owners of this workspace may change everything here. "
NAMED_ONLY = "Whoever installed Latchkey first, and everybody whom they add, may change everything here. "
NOBODY = (
    "Nobody is an admin of Latchkey here yet, so nothing was changed. The next member who adds the app to a chat or team becomes "
    "the first one: remove it from your chat with it and add it again, or ask whoever runs Latchkey to name admins."
)

COMMANDS = (
    ("setkey", "[provider]", "Set or replace a model key, in a form", True),
    ("keys", "[label]", "See keys, how they are and who uses them", True),
    ("test", "[label]", "Ask the provider whether a key works", True),
    ("rotate", "[undo] [label]", "Let the next key take over, or undo that", True),
    ("revoke", "[label]", "Destroy a key here", True),
    ("agents", "", "See the agents", False),
    ("model", "<agent> <provider>/<model>", "Choose an agent's model", True),
    ("fallback", "[agent]", "Say which models may stand in while a provider is away", True),
    ("prompt", "<agent>", "See what an agent's model is told", True),
    ("can", "[agent]", "See what an agent can do for you, here", False),
    ("grants", "<agent> [tool]", "See or change what an agent may do", True),
    ("templates", "", "See agents to begin with, and make one", True),
    ("tools", "[server]", "See servers of tools, and switch tools on or off", True),
    ("budget", "[who] [day|month] [dollars]", "See what may be spent, and set limits", False),
    ("admins", "[add|remove @person]", "See or change who may change things", False),
    ("schedules", "", "See or change what agents do regularly", True),
    ("notes", "[agent]", "See or delete what agents remember", False),
    ("settings", "", "Change who is answered, and where", True),
    ("usage", "[today|7d|30d|month] [by agent|user|channel|model|key]", "See what was spent", False),
    ("receipts", "", "See the newest calls of models, and what each cost", False),
    ("prices", "", "See what models cost, and enter prices of your own", True),
    ("audit", "", "See who did what last", True),
    ("privacy", "", "See what becomes of what you write", False),
    ("help", "", "See this", False),
)


def help_text(*, admin: bool, understood: str = "") -> View:
    """`/byok help`. `understood` says what was made of a command that is none."""
    first: tuple[Block, ...] = (Text(rich(understood)),) if understood else ()
    shown = [command for command in COMMANDS if admin or not command[3]]
    lines: list[Span] = []
    for name, arguments, about, _ in shown:
        lines += [Code(f"/byok {name} {arguments}".strip()), f"  {about}\n"]
    last = "All of it is also in Latchkey's home." if admin else "Keys and agents are looked after by the admins."
    return View(blocks=(*first, Heading("Latchkey commands"), Text(tuple(lines)), Note(rich(last))), title="Help")


def not_allowed(named: Sequence[UserRef], *, platforms_own: bool = True) -> View:
    """A polite no that says whom to ask, or how somebody becomes the first."""
    if not named and not platforms_own:
        return notice(Level.WARNING, NOBODY)
    return View(
        blocks=(
            Text(rich("That is for Latchkey's admins, so nothing was changed. ")),
            Note(
                rich(
                    PLATFORMS_OWN if platforms_own else "",
                    *(
                        (*people(named[:10]), " may too. " if platforms_own else " may change everything here. ")
                        if named
                        else ()
                    ),
                    "One of them can make you an admin with ",
                    Code("/byok admins add @you"),
                    ".",
                )
            ),
        )
    )


def admins(
    operators: Sequence[UserRef],
    added: Sequence[AddedAdmin],
    workspace: str,
    *,
    may_change: bool,
    platforms_own: bool = True,
) -> View:
    """`/byok admins`."""
    blocks: list[Block] = [
        Heading("Admins of Latchkey"),
        *admin_rows(operators, added, workspace, may_change=may_change, platforms_own=platforms_own),
    ]
    if may_change:
        blocks.append(Note(rich(Code("/byok admins add @person"), " adds somebody.")))
    return View(blocks=tuple(blocks), title="Admins")


def admin_rows(
    operators: Sequence[UserRef],
    added: Sequence[AddedAdmin],
    workspace: str,
    *,
    may_change: bool,
    platforms_own: bool = True,
) -> tuple[Block, ...]:
    """Who may change things, and why."""
    rows: list[Block] = []
    if platforms_own or not operators:  # where the operator names admins, nobody becomes one by installing
        rows.append(Text(rich((PLATFORMS_OWN if platforms_own else NAMED_ONLY).strip())))
    if operators:
        rows.append(Text((*people(operators), ", named by whoever runs Latchkey.")))
    for admin in added:
        user = UserRef(workspace, admin.user)
        how = (
            rich(", who installed Latchkey, since ")
            if admin.added_by == admin.user
            else rich(", added by ", *actor(workspace, admin.added_by), " on ")
        )
        text = rich(Person(user), *how, When(admin.added_at))
        rows.append(Row(text, Button(REMOVE_ADMIN, "Remove", admin.user, Style.DANGER)) if may_change else Text(text))
    return tuple(rows)


def admin_added(user: UserRef, *, before: bool) -> View:
    """After `/byok admins add`."""
    return notice(Level.SUCCESS, Person(user), " is an admin already." if before else " is an admin of Latchkey now.")


def admin_removed(user: UserRef, *, still: bool, was: bool) -> View:
    """After somebody was removed; `still` an admin if the platform or the operator says so."""
    if still:
        return notice(
            Level.WARNING, Person(user), " is an admin still: the workspace itself, or whoever runs Latchkey, says so."
        )
    return notice(Level.SUCCESS, Person(user), " is no admin of Latchkey any more." if was else " was not an admin.")


def audit(entries: Sequence[AuditEntry], names: Mapping[str, str]) -> View:
    """`/byok audit`: newest first. `names` has what people call agents and keys, by id."""
    rows = tuple(
        (
            rich(When(entry.at)) if entry.at else (),
            actor(entry.workspace, entry.actor),
            rich(Code(entry.action)),
            _object(entry, names),
            rich(", ".join(f"{name} {value}" for name, value in entry.details.items() if name in ("provider", "model", "purpose", "status", "grants", "fallbacks", "tool", "scope", "period", "amount"))),
        )
        for entry in entries
    )  # fmt: skip
    return View(
        blocks=(
            Heading("What happened last"),
            Table(("When", "Who", "What", "Which", "About"), rows),
            Note(rich("Ids only: no content and no keys are ever written here.")),
        ),
        title="Audit trail",
    )


def actor(workspace: str, name: str) -> Rich:
    """Who did something: a person, the operator at the command line, or Latchkey by itself."""
    return (
        rich("Latchkey" if name == ITSELF else "the operator")
        if name in (ITSELF, OPERATOR)
        else rich(Person(UserRef(workspace, name)))
    )


def _object(entry: AuditEntry, names: Mapping[str, str]) -> Rich:
    if entry.action.startswith("admin."):
        return actor(entry.workspace, entry.object)
    if entry.action.startswith("channel."):
        return rich(Channel(entry.object))
    return rich(names.get(entry.object) or Code(entry.object))


def settings_form(settings: WorkspaceSettings) -> View:
    """Change who is answered, and where."""
    return View(
        title="Settings",
        id=SETTINGS_FORM,
        submit="Save",
        blocks=(
            Checkbox("follow_ups", "Answer follow-ups", settings.follow_ups, "In a thread where an agent answers, no further mention is needed."),
            Checkbox("answer_guests", "Answer guests", settings.answer_guests),
            Checkbox("answer_bots", "Answer other apps", settings.answer_bots),
            Checkbox("answer_shared", "Answer in shared channels", settings.answer_shared, "Channels shared with other organisations: they read the answers."),
            Checkbox("answer_external", "Answer other organisations' people", settings.answer_external, "In shared channels. Your keys pay for it."),
            Checkbox("footer", "Show agent and model under answers", settings.footer),
            Checkbox("footer_cost", "Show tokens and cost there, too", settings.footer_cost),
            TextInput("max_runs", "Answers at a time", str(settings.max_runs), hint=f"From 1 to {MOST_RUNS}; further questions wait their turn.", max_length=3),
            TextInput("memory_hours", "Hours to remember", str(settings.memory_hours), hint=f"Where the chat keeps no history that Latchkey may read (Teams), it keeps what was asked and answered, sealed, for so long. 0 to {MOST_HOURS}; 0 is not at all.", max_length=3),
            TextInput("time_zone", "Time zone", settings.time_zone, hint="When a day or a month begins for limits and sums of what is spent. Such as Europe/Berlin, America/New_York or UTC.", max_length=40),
        ),
    )  # fmt: skip


def settings_summary(settings: WorkspaceSettings) -> Rich:
    """What is set, in a sentence."""
    who: list[Span] = ["members"]
    who += [name for name, on in (("guests", settings.answer_guests), ("other apps", settings.answer_bots)) if on]
    if settings.answer_external:
        where = " also in shared channels, other organisations' people included"
    elif settings.answer_shared:
        where = " also in channels shared with other organisations"
    else:
        where = " not in channels shared with other organisations"
    follow = "Follow-ups in a thread need no mention." if settings.follow_ups else "Every question needs a mention."
    return rich(
        "Agents answer ",
        *enumerated([Bold(str(name)) for name in who]),
        f",{where}. {follow} At most {settings.max_runs} answers at a time. Days are those of {settings.time_zone}.",
    )


def privacy(settings: WorkspaceSettings, *, remembers: bool) -> View:
    """`/byok privacy`: what becomes of what people write, in plain words."""
    if not remembers:
        memory = rich(
            "Nothing is kept as memory. When an agent is asked, Latchkey reads the conversation as the chat has it, and keeps "
            "none of it afterwards."
        )
    elif settings.memory_hours:
        memory = rich(
            "The chat keeps no history that Latchkey may read. So it keeps what agents were asked and what they answered, "
            f"encrypted, for {many(settings.memory_hours, 'hour')}, and then destroys it. It is used for nothing but the context of "
            "the same conversation. Write ",
            Code("forget"),
            " to an agent to destroy a conversation's at once; removing the app from a chat or team destroys what was said there, "
            "and editing or deleting a question destroys that question. An admin can change how long that is, down to not at all.",
        )
    else:
        memory = rich(
            "The admins have turned memory off: agents know nothing of what was said before, and nothing is kept."
        )
    return View(
        title="Privacy",
        blocks=(
            Heading("What becomes of what you write"),
            Text(rich(Bold("Who sees it. "), "Only what is written to an agent, and what was said before in that conversation, goes to the model provider that your admins chose, under your organisation's own key. While that one is away, another that they allowed may be asked instead; the answer says so.")),
            Text(rich(Bold("What agents look up. "), "An agent that your admins let read other channels or search reads them as far as the person who asks can, at that moment, and tells what everybody in the conversation could read, or what was agreed to there. What it finds goes to the provider too; it is kept encrypted until the answer is there, and erased within a minute after.")),
            Text(rich(Bold("While it is answered. "), "Your message is kept encrypted until it is answered, and erased within a minute after", ", but for the memory below." if remembers and settings.memory_hours else ".")),
            Text(rich(Bold("Memory. "), *memory)),
            Text(rich(Bold("Notes and schedules. "), "An agent that your admins let remember keeps short notes, encrypted, until somebody deletes them: ", Code("/byok notes"), " shows those that were kept for you, and admins all of them. A note is told only where everybody could have read what it was made of. What a schedule is to do is kept encrypted, too.")),
            Text(rich(Bold("What stays. "), "Ids and numbers: who asked when, which agent, model and key answered, how many tokens it took. No text.")),
            Note(rich("Keys are encrypted, are never shown again, and never reach an agent or another workspace.")),
        ),
    )  # fmt: skip


def settings_saved(changed: Sequence[str]) -> View:
    """After the settings form."""
    return notice(Level.SUCCESS, "The settings are saved." if changed else "Nothing was changed.")

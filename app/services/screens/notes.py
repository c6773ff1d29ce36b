"""What agents remember, as people see it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.domain.chat import UserRef
from app.domain.notes import Note as Kept
from app.domain.views import (
    Block,
    Bold,
    Button,
    Code,
    Confirm,
    Heading,
    Note,
    Person,
    Row,
    Style,
    Text,
    View,
    When,
    rich,
)

SHOW = "notes_show"
DELETE = "note_delete"
MOST_SHOWN = 25


def page(notes: Sequence[Kept], names: Mapping[str, str], *, admin: bool) -> View:
    """`/byok notes`: newest first. `names` are the agents'."""
    rows: list[Block] = []
    for note in notes[:MOST_SHOWN]:
        record = note.record
        text = rich(
            Bold(names.get(record.agent_id, "?")), f": {note.content.text}\nKept for ",
            Person(UserRef(record.workspace, record.kept_by)), " on ", When(record.kept_at),
        )  # fmt: skip
        sure = Confirm("Delete this note?", "The agent forgets it for good.", "Delete")
        rows.append(Row(text, Button(DELETE, "Delete", record.id, Style.DANGER, sure)))
    whose = (
        "All that agents remember." if admin else "What agents remember of what you asked them; admins see all notes."
    )
    more = len(notes) - MOST_SHOWN
    return View(
        title="Notes",
        blocks=(
            Heading("Notes of agents"),
            *(rows or [Text(rich("There are none."))]),
            *((Note(rich(f"… and {more} more. ", Code("/byok notes <agent>"), " shows those of one agent.")),) if more > 0 else ()),
            Note(rich(f"{whose} A note is told only where everybody could have read what it was made of.")),
        ),
    )  # fmt: skip


def section(count: int) -> tuple[Block, ...]:
    """In the home tab."""
    told = f"Agents remember {count} {'thing' if count == 1 else 'things'}."
    return (Heading("Notes of agents"), Row(rich(told), Button(SHOW, "Look")))

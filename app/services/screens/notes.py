"""What agents remember, as people see it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.domain.chat import UserRef
from app.domain.notes import Note as Kept
from app.domain.views import (
    Block,
    Bold,
    Button,
    Buttons,
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
MOST_SHOWN = 10
"""At once: a card of Teams bears no more of the longest."""


def page(
    notes: Sequence[Kept], names: Mapping[str, str], *, admin: bool, agent: str = "", start: int = 0, more: int = 0
) -> View:
    """`/byok notes`: newest first, after the first `start`; there are so many `more` (of one `agent`, if named). `names` are the agents'."""
    rows: list[Block] = []
    for note in notes:
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
    turns = [Button(SHOW, "Newer", f"{agent}/{max(start - MOST_SHOWN, 0)}")] if start else []
    turns += [Button(SHOW, f"Older ({more})", f"{agent}/{start + len(notes)}")] if more else []
    return View(
        title="Notes",
        blocks=(
            Heading("Notes of agents"),
            *(rows or [Text(rich("There are none."))]),
            *((Buttons(tuple(turns)),) if turns else ()),
            Note(rich(f"{whose} A note is told only where everybody could have read what it was made of.")),
        ),
    )  # fmt: skip


def section(count: int) -> tuple[Block, ...]:
    """In the home tab."""
    told = f"Agents remember {count} {'thing' if count == 1 else 'things'}."
    return (Heading("Notes of agents"), Row(rich(told), Button(SHOW, "Look")))

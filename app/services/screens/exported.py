"""What somebody is told of an export. Pure."""

from __future__ import annotations

from app.domain.views import Code, Level, Notice, Text, View, rich
from app.services.exports import Span
from app.services.screens.words import marked, notice

COMING = View(blocks=(Notice(rich("The file is being made. It comes to your own chat with Latchkey."), Level.INFO),))
"""After the button: the file follows by itself."""


def handed(span: Span) -> View:
    """Beside the file."""
    whose = "The receipts of what you asked" if span.asker else "The workspace's receipts"
    return View(blocks=(Text(rich(f"{whose}, {span.first_day} to {span.last_day}, as CSV.")),))


def too_large(megabytes: int, workspace: str) -> View:
    """It is an operator's then."""
    return notice(
        Level.WARNING,
        f"That file would have more than {megabytes} MB, which is too much for the chat. Choose a shorter time, or ask whoever runs Latchkey for it: ",
        Code(f"latchkey usage export --workspace {workspace}"),
        ".",
    )


def not_sent(why: str) -> View:
    """The chat did not take it."""
    return notice(Level.WARNING, "The file could not be sent to you. ", *marked(why))

"""The last line under an answer: who gave it and, where the workspace wants that, what it took. Pure."""

from __future__ import annotations

from app.domain.spend import Paid
from app.domain.views import Note, rich
from app.services import dollars
from app.services.workspaces import WorkspaceSettings


def footer(settings: WorkspaceSettings, agent: str, model: str, paid: Paid) -> tuple[Note, ...]:
    """As far as the workspace wants one."""
    said = [agent, model] if settings.footer else []
    if settings.footer_cost and paid.calls:
        said += [f"{paid.usage.input_tokens + paid.usage.output_tokens:,} tokens", dollars.shown(paid.cost)]
    return (Note(rich(" · ".join(said))),) if said else ()

"""What Anthropic's listing tells of a model, and how a model is asked for an effort; pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from adapters.models.anthropic_wire import NAME
from app.domain.agent import Effort
from app.domain.run import ModelInfo, ModelRequest, OpaquePart, Role, ToolCall

BUDGETS = {Effort.LOW: 2_048, Effort.MEDIUM: 8_192, Effort.HIGH: 24_576}
"""Tokens for thinking, of models that can be told nothing but that. They come on top of the longest answer."""

SMALLEST_BUDGET = 1_024  # the API refuses less


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a request must know of a model; the same under every key."""

    efforts: frozenset[str]
    adaptive_thinking: bool
    budgets: bool
    max_output: int

    @property
    def told(self) -> tuple[str, ...]:
        """The efforts that make a difference."""
        return tuple(level for level in Effort if self.budgets or level in self.efforts)


def abilities(row: Any) -> Abilities:
    """Of a model as it is listed."""
    capabilities = _capabilities(row)
    effort = capabilities.get("effort") or {}
    types = (capabilities.get("thinking") or {}).get("types") or {}
    efforts = frozenset(level for level in Effort if _supported(effort, level))
    adaptive = bool(_supported(types, "adaptive"))
    budgets = not efforts and not adaptive and bool(_supported(types, "enabled"))
    return Abilities(efforts, adaptive, budgets, row.max_tokens or 0)


def limited(request: ModelRequest, known: Abilities | None) -> dict[str, Any]:
    """How long the answer may be, and how much is to be thought, as far as this model can be told."""
    most = (known.max_output if known else 0) or request.max_output_tokens
    asked: dict[str, Any] = {"max_tokens": min(request.max_output_tokens, most)}
    if request.effort is None or known is None:
        return asked
    if request.effort.value in known.efforts:
        asked["output_config"] = {"effort": request.effort.value}
    if known.adaptive_thinking:
        asked["thinking"] = {"type": "adaptive"}
    if known.budgets and not _goes_on_without_thinking(request):
        longest = min(request.max_output_tokens + BUDGETS[request.effort], known.max_output or most)
        budget = min(BUDGETS[request.effort], longest - min(request.max_output_tokens, longest // 2))
        if budget >= SMALLEST_BUDGET:
            asked |= {"max_tokens": longest, "thinking": {"type": "enabled", "budget_tokens": budget}}
    return asked


def _goes_on_without_thinking(request: ModelRequest) -> bool:
    """Whether tools were called last by a turn that has no thinking in it, as another model's has none here: the API then takes no budget for any."""
    said = next((message for message in reversed(request.messages) if message.role is Role.ASSISTANT), None)
    if said is None or not any(isinstance(part, ToolCall) for part in said.parts):
        return False
    thoughts = (part.data.get("type") for part in said.parts if isinstance(part, OpaquePart) and part.provider == NAME)
    return not any(kind in ("thinking", "redacted_thinking") for kind in thoughts)


def info(row: Any) -> ModelInfo:
    """A model as it is listed, in our words."""
    capabilities = _capabilities(row)
    created = getattr(row, "created_at", None)
    lifecycle, retires_on = _lifecycle(row)
    return ModelInfo(
        id=row.id,
        name=row.display_name or row.id,
        context_window=row.max_input_tokens or 0,
        max_output=row.max_tokens or 0,
        lifecycle=lifecycle,
        retires_on=retires_on,
        tools=True,  # every model of the Messages API takes tools
        images=_supported(capabilities, "image_input"),
        documents=_supported(capabilities, "pdf_input"),
        web_search=_supported(capabilities.get("server_tools") or {}, "web_search"),
        efforts=abilities(row).told if capabilities else None,
        created=int(created.timestamp()) if created else 0,
    )


def _lifecycle(row: Any) -> tuple[str, str]:
    """What the listing says. Of a gateway's that says nothing of it, what the SDK knew at its release."""
    told = getattr(row, "lifecycle", None)
    if not told:
        ends = _ends(row.id)
        return ("deprecated" if ends else "active"), ends
    retires = getattr(row, "retires_at", None)
    return told, retires.date().isoformat() if retires else ""


def _ends(model: str) -> str:
    """The end of a model's life by the table that came with the SDK (`June 15th, 2026`); empty for what is not in it."""
    from anthropic.resources.messages.messages import DEPRECATED_MODELS

    day = re.sub(r"(?<=\d)(st|nd|rd|th)", "", DEPRECATED_MODELS.get(model, ""))
    try:
        return datetime.strptime(day, "%B %d, %Y").replace(tzinfo=UTC).date().isoformat() if day else ""
    except ValueError:
        return ""


def _capabilities(row: Any) -> dict[str, Any]:
    return row.capabilities.to_dict() if row.capabilities else {}


def _supported(told: dict[str, Any], name: str) -> bool | None:
    found: bool | None = (told.get(name) or {}).get("supported")
    return found

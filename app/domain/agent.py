"""What an agent is, and what it may do."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from app.domain.chat import Persona
from app.domain.grants import ToolGrant
from app.domain.money import ZERO

AGENT_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
"""Names are typed after a mention, so they are one lower-case word."""


class Effort(StrEnum):
    """How hard the model should think, where it can be told."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


@dataclass(frozen=True, slots=True)
class Fallback:
    """Who stands in when an agent's model can't answer at the moment: a model, and the workspace's own key that pays (empty: its provider's default)."""

    provider: str
    model: str
    key_id: str = ""


@dataclass(frozen=True, slots=True)
class AgentSpec:
    """An agent as its admins configured it. It never holds a key: `key_id` names one, empty means the default of its provider.

    `provider` and `model` may be empty: then the workspace's default key decides.
    """

    id: str
    workspace: str
    name: str
    description: str
    instructions: str
    emoji: str = "🔑"
    provider: str = ""
    model: str = ""
    key_id: str = ""
    effort: Effort | None = None
    max_output_tokens: int = 4096
    max_steps: int = 8
    channels: tuple[str, ...] = ()  # where it may answer; empty = everywhere
    grants: tuple[ToolGrant, ...] = ()
    share_names: bool = False  # whether people's names go to the provider
    paused: bool = False
    is_default: bool = False
    fallbacks: tuple[Fallback, ...] = ()  # in this order; none unless an admin allowed them
    run_tokens: int = 0  # of one answer, at most; 0: no limit
    run_cost: Decimal = ZERO
    run_seconds: int = 0

    @property
    def persona(self) -> Persona:
        """The name and icon it answers under."""
        return Persona(self.name, self.emoji)

"""What an agent is, and what it may do."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from app.domain.chat import Persona

AGENT_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
"""Names are typed after a mention, so they are one lower-case word."""


class Effort(StrEnum):
    """How hard the model should think, where it can be told."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Approval(StrEnum):
    """When a person must agree to a tool call."""

    NEVER = "never"
    FIRST_TIME = "first_time"
    ALWAYS = "always"


@dataclass(frozen=True, slots=True)
class ToolGrant:
    """One tool that an agent may use. `pinned` arguments must be exactly these when the tool is called."""

    tool: str
    pinned: Mapping[str, str] = field(default_factory=dict)
    approval: Approval = Approval.NEVER


@dataclass(frozen=True, slots=True)
class Granted:
    """Allowed."""


@dataclass(frozen=True, slots=True)
class Denied:
    """Not allowed, and why, in words that may be shown."""

    reason: str


Decision = Granted | Denied


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

    @property
    def persona(self) -> Persona:
        """The name and icon it answers under."""
        return Persona(self.name, self.emoji)

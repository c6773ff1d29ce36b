"""What an admin says of an agent, checked before anything is made of it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from app.domain.agent import AGENT_NAME, AgentSpec, Effort, Fallback
from app.domain.grants import ToolGrant
from app.domain.key_shapes import KEY_LIKE
from app.domain.money import ZERO
from app.domain.tool_kinds import new_grant
from app.errors import BadInput
from app.services.grant_drafts import check_grants

RESERVED = frozenset({"byok", "forget", "help", "latchkey", "stop"})
"""Words that mean something else when they stand after a mention."""

LONGEST_DESCRIPTION = 300
LONGEST_INSTRUCTIONS = 3000
LONGEST_MODEL = 200
MOST_CHANNELS = 100
MOST_FALLBACKS = 3
FEWEST_TOKENS, MOST_TOKENS = 256, 64_000
FIRST_MAX_STEPS, MOST_STEPS = 8, 20
FEWEST_RUN_TOKENS, MOST_RUN_TOKENS = 1_000, 100_000_000
FEWEST_SECONDS, MOST_SECONDS = 5, 86_400

_JOINS = re.compile("[\u200d\ufe0e\ufe0f\u20e3\U000e0020-\U000e007f]")
"""What makes one emoji of several signs."""

FIRST_GRANTS = (new_grant("current_time"), new_grant("thread_history"))
"""What every agent may use: it reads nothing but the clock and its own thread."""


@dataclass(frozen=True, slots=True)
class AgentDraft:
    """An agent as an admin or a file describes it. Making one raises BadInput with the field that can't be used."""

    name: str
    description: str = ""
    instructions: str = ""
    emoji: str = "🔑"
    provider: str = ""
    model: str = ""
    key_id: str = ""
    effort: Effort | None = None
    max_output_tokens: int = 4096
    max_steps: int = FIRST_MAX_STEPS
    channels: tuple[str, ...] = ()
    grants: tuple[ToolGrant, ...] = FIRST_GRANTS
    share_names: bool = False
    fallbacks: tuple[Fallback, ...] = ()
    run_tokens: int = 0
    run_cost: Decimal = ZERO
    run_seconds: int = 0

    def __post_init__(self) -> None:
        _check_name(self.name)
        _check_text("description", self.description, LONGEST_DESCRIPTION)
        _check_text("instructions", self.instructions, LONGEST_INSTRUCTIONS)
        _check_emoji(self.emoji)
        check_model(self.provider, self.model)
        check_channels(self.channels)
        check_fallbacks(self.fallbacks)
        check_grants(self.grants)
        _check_range("max_output_tokens", self.max_output_tokens, FEWEST_TOKENS, MOST_TOKENS)
        _check_range("max_steps", self.max_steps, 1, MOST_STEPS)
        if self.run_tokens:
            _check_range("run_tokens", self.run_tokens, FEWEST_RUN_TOKENS, MOST_RUN_TOKENS)
        if self.run_seconds:
            _check_range("run_seconds", self.run_seconds, FEWEST_SECONDS, MOST_SECONDS)

    def as_agent(self, agent_id: str, workspace: str, *, is_default: bool) -> AgentSpec:
        """A new agent."""
        return self.applied_to(AgentSpec(agent_id, workspace, self.name, "", "", is_default=is_default))

    def applied_to(self, agent: AgentSpec) -> AgentSpec:
        """The agent as this draft has it; whether it rests and whether it is the default stays as it is."""
        return replace(
            agent,
            name=self.name,
            description=self.description,
            instructions=self.instructions,
            emoji=self.emoji,
            provider=self.provider,
            model=self.model,
            key_id=self.key_id,
            effort=self.effort,
            max_output_tokens=self.max_output_tokens,
            max_steps=self.max_steps,
            channels=self.channels,
            grants=self.grants,
            share_names=self.share_names,
            fallbacks=self.fallbacks,
            run_tokens=self.run_tokens,
            run_cost=self.run_cost,
            run_seconds=self.run_seconds,
        )


def check_fallbacks(fallbacks: Sequence[Fallback]) -> None:
    """Raises BadInput for what can't be a chain of stand-ins."""
    if len(fallbacks) > MOST_FALLBACKS:
        raise BadInput(f"At most {MOST_FALLBACKS} models may stand in.", field="fallbacks")
    for one in fallbacks:
        if not (one.provider and one.model):
            raise BadInput("Name each stand-in as provider/model.", field="fallbacks")
        check_model(one.provider, one.model)
    if len(set(fallbacks)) < len(fallbacks):
        raise BadInput("Choose each stand-in once.", field="fallbacks")


def check_model(provider: str, model: str) -> None:
    """Raises BadInput for what can't be a model's name, or has no provider."""
    if model and not provider:
        raise BadInput("Choose the model's provider too.", field="model")
    if len(provider) > 32 or len(model) > LONGEST_MODEL or not (provider + model).isprintable():
        raise BadInput(f"A model's name has at most {LONGEST_MODEL} characters, on one line.", field="model")


def check_channels(channels: Sequence[str]) -> None:
    """Raises BadInput for what can't be channels."""
    if len(channels) > MOST_CHANNELS or any(len(channel) > 200 or not channel.isprintable() for channel in channels):
        raise BadInput(f"Choose at most {MOST_CHANNELS} channels.", field="channels")


def _check_name(name: str) -> None:
    if not AGENT_NAME.fullmatch(name):
        raise BadInput(
            "One word of small letters, digits, - and _ (at most 32): people type it after the mention.", field="name"
        )
    if name in RESERVED:
        raise BadInput("That word means something else after a mention. Choose another name.", field="name")


def _check_emoji(emoji: str) -> None:
    pictures = [character for character in emoji if not _JOINS.fullmatch(character)]
    keycap = emoji.endswith("\u20e3") and "".join(pictures) in tuple("0123456789#*")
    if len(emoji) > 16 or (emoji and not pictures) or not (keycap or all(map(_is_picture, pictures))):
        raise BadInput("Paste one emoji, such as 🦊.", field="emoji")


def _is_picture(character: str) -> bool:
    """Nothing invisible, no letters, and nothing that turns the text around it; emoji of tomorrow have their place already."""
    known = not character.isascii() and unicodedata.category(character) in ("So", "Sm")
    return known or "\U0001f000" <= character <= "\U0001fbff"


def _check_text(field: str, text: str, most: int) -> None:
    if len(text) > most:
        raise BadInput(f"At most {most} characters.", field=field)
    if "\x00" in text:
        raise BadInput("There is something in this that can't be kept. Paste it as plain text.", field=field)
    if KEY_LIKE.search(text):
        raise BadInput(
            "There is what looks like a key in this. It would be sent with every question: take it out, and revoke it.",
            field=field,
        )


def _check_range(field: str, number: int, least: int, most: int) -> None:
    if not least <= number <= most:
        raise BadInput(f"Choose a number from {least} to {most}.", field=field)

"""What an agent's model is told before anything is said: shown to admins, part by part."""

from __future__ import annotations

from collections.abc import Mapping

from app.domain.chat import ConversationRef, UserRef
from app.domain.events import Outcome, Private
from app.errors import BadInput
from app.ports.agents import SystemPrompt
from app.services.agents import Agents
from app.services.commands import Run
from app.services.screens import prompts as screens


class PromptDesk:
    """See MoreCommands."""

    def __init__(self, agents: Agents, prompt: SystemPrompt) -> None:
        self._agents = agents
        self._prompt = prompt
        self.for_all: Mapping[str, Run] = {}
        self.for_admins: Mapping[str, Run] = {"prompt": self._shown}

    async def _shown(self, user: UserRef, rest: str) -> Outcome:
        if not rest:
            raise BadInput("Say whose, such as `/byok prompt assistant`; `/byok agents` lists them.")
        agent = await self._agents.named(user.workspace, rest)
        return Private(screens.prompt(agent, self._prompt(agent, ConversationRef(user.workspace, "", ""))))

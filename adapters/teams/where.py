"""Where in Teams something is said: what the connector needs to write there, and how it travels in hints and references."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from app.domain.chat import ConversationRef

PLATFORM = "teams"
THREAD = ";messageid="


@dataclass(frozen=True, slots=True)
class Where:
    """A conversation as the connector knows it. `conversation` is the full id: in a channel's thread it ends in `;messageid=<root>`."""

    service_url: str
    conversation: str
    bot_id: str
    tenant: str

    @property
    def workspace(self) -> str:
        """The workspace that this is in."""
        return f"{PLATFORM}:{self.tenant}"

    def in_thread(self, conversation: ConversationRef) -> Where:
        """The same service, at this conversation's thread."""
        return replace(self, conversation=full_id(conversation), tenant=tenant_of(conversation.workspace))

    def hints(self) -> dict[str, str]:
        """As ids and a URL, for a Mention's hints and for the table of references."""
        return {"service": self.service_url, "conversation": self.conversation, "bot": self.bot_id}

    @classmethod
    def load(cls, workspace: str, hints: Mapping[str, str]) -> Where | None:
        """Out of hints or a reference; None when something is missing."""
        service, conversation, bot = (hints.get(name, "") for name in ("service", "conversation", "bot"))
        return cls(service, conversation, bot, tenant_of(workspace)) if service and conversation and bot else None


def tenant_of(workspace: str) -> str:
    """The tenant id in a workspace's id."""
    return workspace.partition(":")[2]


def split(conversation_id: str) -> tuple[str, str]:
    """A conversation id → the chat or channel, and the root message of the thread (empty where there is none)."""
    channel, _, root = conversation_id.partition(THREAD)
    return channel, root


def full_id(conversation: ConversationRef) -> str:
    """The conversation id that reaches this thread."""
    flat = conversation.thread in {"", conversation.channel}
    return conversation.channel if flat else f"{conversation.channel}{THREAD}{conversation.thread}"

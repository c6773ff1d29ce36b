"""The tools that need the chat platform, made where it is able to do what they need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.ports.agents import RunFacts, Tool
from app.ports.platform import Ability, ChatPlatform
from app.services.tools.channel_history import NAME as CHANNEL_HISTORY
from app.services.tools.channel_history import ChannelHistory
from app.services.tools.chat_search import ChatSearch
from app.services.tools.places import Places
from app.services.tools.post_message import NAME as POST_MESSAGE
from app.services.tools.post_message import PostMessage
from app.services.tools.told import Redact, Teller


class ChatTools:
    """See ToolSource. Each acts for the asker and for nobody else; `redact` takes keys out of what people wrote."""

    def __init__(self, platforms: Mapping[str, ChatPlatform], redact: Redact) -> None:
        self._platforms = platforms
        self._redact = redact

    async def tools(self, facts: RunFacts) -> Sequence[Tool]:
        """See ToolSource."""
        platform = self._platforms.get(facts.workspace.partition(":")[0])
        if platform is None:
            return ()
        teller, made = Teller(facts, platform, self._redact), list[Tool]()
        if Ability.CHANNEL_HISTORY in platform.abilities:
            places = await Places.of(facts, platform, CHANNEL_HISTORY)
            made.append(ChannelHistory(facts, platform, places, teller))
        if Ability.SEARCH in platform.abilities:
            made.append(ChatSearch(facts, platform, teller))
        if Ability.POST in platform.abilities:
            made.append(PostMessage(facts, platform, await Places.of(facts, platform, POST_MESSAGE), self._redact))
        return made

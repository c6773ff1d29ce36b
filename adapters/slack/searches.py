"""Search in Slack on behalf of somebody who has just written to the app. What is found is used at once and kept nowhere."""

from __future__ import annotations

from adapters.slack.channels import Channels
from adapters.slack.identity import Identity, Json, items, obj, string
from adapters.slack.installations import Installations
from adapters.slack.parse import LEAVE, moment, without_mention
from adapters.slack.web_api import SlackRefused, WebApi
from app.domain.chat import Hints, HistoryMessage, UserRef
from app.errors import NotReachable
from app.ports.platform import ChannelInfo, FoundMessage

_MOST = 20
_NO_TOKEN = "Slack lets the app search only for somebody who has just written to it. Ask again in a new message."  # noqa: S105 - words
_REASONS = {
    "feature_not_enabled": "Slack's search for apps is not enabled in this workspace.",
    "unknown_method": "This Slack has no search for apps.",
    "method_deprecated": "This Slack has no search for apps any more.",
    "invalid_action_token": _NO_TOKEN,
    "missing_action_token": _NO_TOKEN,
    "action_token_expired": _NO_TOKEN,
    "missing_scope": "The app was installed without the right to search. An admin has to install it again.",
    "query_too_long": "That is too long to search for.",
    "access_denied": "Slack does not let the app search here.",
}


class Searches:
    """Slack's Real-Time Search, with the token of the very message that asks: in open channels, as far as the asker can read them."""

    def __init__(self, web: WebApi, installations: Installations, channels: Channels) -> None:
        self._web = web
        self._installations = installations
        self._channels = channels

    async def find(self, asker: UserRef, query: str, hints: Hints, limit: int) -> tuple[FoundMessage, ...]:
        """What matches and the asker may read, the best first; raises NotReachable with the reason in plain words."""
        token = hints.get(LEAVE, "")
        if not token:
            raise NotReachable(_NO_TOKEN)
        here = await self._installations.of(asker.workspace)
        args: Json = {"query": query, "action_token": token, "limit": max(1, min(limit, _MOST))}
        args |= {"content_types": ["messages"], "channel_types": ["public_channel"]}
        try:
            answer = await self._web.call(here.token, "assistant.search.context", args)
        except SlackRefused as error:
            raise NotReachable(_REASONS.get(error.error, f"Slack refused the search ({error.error}).")) from None
        found: list[FoundMessage] = []
        seen: dict[str, ChannelInfo | None] = {}
        for entry in (obj(one) for one in items(obj(answer.get("results")).get("messages"))):
            channel = string(entry.get("channel_id"))
            if channel not in seen:
                seen[channel] = await self._channels.find(asker, channel)
            info, message = seen[channel], _message(entry, here.me)
            if info is not None and message is not None:
                found.append(FoundMessage(info, message, string(entry.get("permalink"))))
        return tuple(found[:limit])


def _message(entry: Json, me: Identity) -> HistoryMessage | None:
    ts, author = string(entry.get("message_ts")), string(entry.get("author_user_id"))
    at = moment(ts)
    if at is None:
        return None
    ours = author == me.bot_user
    text = without_mention(string(entry.get("content")), me)
    name = string(entry.get("author_name"))
    return HistoryMessage(ts, text, None if ours or not author else me.user(author), ours, at, author_name=name)

"""Where people and workspaces can be written to unasked: kept through a port, refreshed by whatever arrives."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping

from adapters.teams.where import Where, split
from app.domain.chat import ConversationRef, Place, UserRef
from app.errors import NotReachable
from app.ports.references import ConversationReferences

_SERVICE, _SITE = "service", "site:"
_MOST = 10_000


class Addresses:
    """What is the same as last time is not written again. Holds ids and service URLs of verified requests, nothing else."""

    def __init__(self, references: ConversationReferences) -> None:
        self._references = references
        self._kept: OrderedDict[tuple[str, str], Mapping[str, str]] = OrderedDict()

    async def saw(self, place: Where, user: UserRef, account: str, kind: Place) -> None:
        """A verified request came from somebody somewhere. `account` is their `29:` id."""
        service = {"service": place.service_url, "bot": place.bot_id}
        await self._keep(place.workspace, _SERVICE, service)
        if not user.id:
            return
        known = await self._find(place.workspace, f"user:{user.id}") or {}
        there = {"personal": split(place.conversation)[0]} if kind is Place.DIRECT else {}
        seen = {"seen": known.get("seen") or split(place.conversation)[0]}
        await self._keep(place.workspace, f"user:{user.id}", {**known, **seen, "account": account, **there})

    async def keep_personal(self, workspace: str, user: str, conversation: str) -> None:
        """The one-to-one chat with somebody was made."""
        known = await self._find(workspace, f"user:{user}") or {}
        await self._keep(workspace, f"user:{user}", {**known, "personal": conversation})

    async def personal(self, workspace: str, user: str) -> Where | None:
        """The one-to-one chat with somebody, where it is known."""
        return await self._where(workspace, (await self._find(workspace, f"user:{user}") or {}).get("personal", ""))

    async def somewhere(self, workspace: str, user: str) -> Where | None:
        """A conversation in which somebody is or was a member."""
        known = await self._find(workspace, f"user:{user}") or {}
        return await self._where(workspace, known.get("personal") or known.get("seen", ""))

    async def account(self, workspace: str, user: str) -> str:
        """The id by which the connector knows somebody; the directory's, where they were never seen."""
        return (await self._find(workspace, f"user:{user}") or {}).get("account", "") or user

    async def service(self, workspace: str) -> Where | None:
        """The connector of a workspace, with no conversation in it; None where nothing ever came from."""
        found = await self._find(workspace, _SERVICE)
        return Where.load(workspace, {**found, "conversation": workspace}) if found else None

    async def at(self, conversation: ConversationRef, hints: Mapping[str, str]) -> Where:
        """How to write into a conversation: by the hints of its mention, else by what is known of its workspace."""
        place = Where.load(conversation.workspace, hints) or await self.service(conversation.workspace)
        if place is None:
            raise NotReachable("Teams has not told where this workspace is")
        return place.in_thread(conversation)

    async def entered(self, workspace: str, site: str) -> bool:
        """The app is in a chat or a team; whether that is news."""
        key = f"{_SITE}{site}"
        if await self._find(workspace, key) is not None:
            return False
        await self._keep(workspace, key, {"in": "1"})
        return True

    async def heard_in(self, workspace: str, site: str, channel: str) -> None:
        """Somebody wrote to the app there, so it is in that chat or team, whether or not we were told when it came."""
        await self.entered(workspace, site)
        if channel != site:
            await self._keep(workspace, f"{_channels(site)}{channel}", {"in": "1"})

    async def channels(self, workspace: str, site: str) -> frozenset[str]:
        """Everywhere in a chat or a team that somebody wrote to the app."""
        inside = _channels(site)
        return frozenset({site, *(key.removeprefix(inside) for key in await self._references.keys(workspace, inside))})

    async def left(self, workspace: str, site: str) -> bool:
        """The app was removed from a chat or a team; whether that was the last one in its workspace."""
        for key in (*await self._references.keys(workspace, _channels(site)), f"{_SITE}{site}"):
            self._kept.pop((workspace, key), None)
            await self._references.forget(workspace, key)
        return not await self._references.keys(workspace, _SITE)

    def forget(self, workspace: str) -> None:
        """The workspace is gone; its rows are somebody else's to erase."""
        for key in [key for key in self._kept if key[0] == workspace]:
            del self._kept[key]

    async def _where(self, workspace: str, conversation: str) -> Where | None:
        service = await self._find(workspace, _SERVICE)
        return Where.load(workspace, {**service, "conversation": conversation}) if service and conversation else None

    async def _find(self, workspace: str, key: str) -> Mapping[str, str] | None:
        kept = self._kept.get((workspace, key))
        if kept is None:
            kept = await self._references.find(workspace, key)
            if kept is not None:
                self._remember(workspace, key, kept)
        return kept

    async def _keep(self, workspace: str, key: str, values: Mapping[str, str]) -> None:
        if self._kept.get((workspace, key)) != values:
            await self._references.save(workspace, key, values)
            self._remember(workspace, key, values)

    def _remember(self, workspace: str, key: str, values: Mapping[str, str]) -> None:
        self._kept[workspace, key] = values
        self._kept.move_to_end((workspace, key))
        while len(self._kept) > _MOST:
            self._kept.popitem(last=False)


def _channels(site: str) -> str:
    return f"channel:{site} "

"""Where people and workspaces can be written to unasked: kept through a port, refreshed by whatever arrives."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping

from adapters.teams.where import Where, split
from app.domain.chat import ConversationRef, Place, UserRef
from app.errors import NotReachable
from app.ports.references import ConversationReferences

_SERVICE = "service"
_MINUTES = 300.0
_MOST = 10_000


class Addresses:
    """What is the same as last time is not written again, for minutes at least: another process may have changed or erased it.

    Holds ids and service URLs of verified requests, nothing else.
    """

    def __init__(self, references: ConversationReferences, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._references = references
        self._now = monotonic
        self._kept: OrderedDict[tuple[str, str], tuple[float, Mapping[str, str]]] = OrderedDict()

    async def saw(self, place: Where, user: UserRef, account: str, kind: Place) -> None:
        """A verified request came from somebody somewhere. `account` is their `29:` id."""
        service = {"service": place.service_url, "bot": place.bot_id}
        await self._keep(place.workspace, _SERVICE, service)
        if not user.id:
            return
        here, key = split(place.conversation)[0], f"user:{user.id}"
        lately = self._fresh(place.workspace, key) is not None
        known = await self._find(place.workspace, key) or {}
        seen = (known.get("seen") if lately else "") or here
        there = {"personal": here} if kind is Place.DIRECT else {}
        await self._keep(place.workspace, key, {**known, "seen": seen, "account": account, **there})
        if account and account != user.id:
            await self._keep(place.workspace, f"account:{account}", {"user": user.id})

    async def keep_personal(self, workspace: str, user: str, conversation: str) -> None:
        """The one-to-one chat with somebody was made."""
        known = await self._find(workspace, f"user:{user}") or {}
        await self._keep(workspace, f"user:{user}", {**known, "personal": conversation})

    async def personal(self, workspace: str, user: str) -> Where | None:
        """The one-to-one chat with somebody, where it is known."""
        return await self._where(workspace, (await self._find(workspace, f"user:{user}") or {}).get("personal", ""))

    async def known_in(self, workspace: str, user: str) -> tuple[Where, ...]:
        """Conversations in which somebody is or was a member."""
        known = await self._find(workspace, f"user:{user}") or {}
        found = [await self._where(workspace, known.get(name, "")) for name in ("seen", "personal")]
        return tuple(dict.fromkeys(place for place in found if place))

    async def person(self, workspace: str, account: str) -> str:
        """The directory's id of somebody whom the connector calls so; empty where they were never seen."""
        return (await self._find(workspace, f"account:{account}") or {}).get("user", "")

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

    def forget(self, workspace: str) -> None:
        """The workspace is gone; its rows are somebody else's to erase."""
        for key in [key for key in self._kept if key[0] == workspace]:
            del self._kept[key]

    async def _where(self, workspace: str, conversation: str) -> Where | None:
        service = await self._find(workspace, _SERVICE)
        return Where.load(workspace, {**service, "conversation": conversation}) if service and conversation else None

    async def _find(self, workspace: str, key: str) -> Mapping[str, str] | None:
        kept = self._fresh(workspace, key)
        if kept is None:
            kept = await self._references.find(workspace, key)
            if kept is not None:
                self._remember(workspace, key, kept)
        return kept

    async def _keep(self, workspace: str, key: str, values: Mapping[str, str]) -> None:
        if self._fresh(workspace, key) != values:
            await self._references.save(workspace, key, values)
            self._remember(workspace, key, values)

    def _fresh(self, workspace: str, key: str) -> Mapping[str, str] | None:
        until, values = self._kept.get((workspace, key), (0.0, None))
        return values if until > self._now() else None

    def _remember(self, workspace: str, key: str, values: Mapping[str, str]) -> None:
        self._kept[workspace, key] = (self._now() + _MINUTES, values)
        self._kept.move_to_end((workspace, key))
        while len(self._kept) > _MOST:
            self._kept.popitem(last=False)

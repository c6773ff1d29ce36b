"""Who or what spent: names for ids, as far as whoever looks may know them."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.domain.agent import AgentSpec
from app.domain.chat import UserRef
from app.domain.keys import KeyStatus
from app.domain.spend import Kind
from app.domain.views import Channel, Code, Person, Rich, rich
from app.errors import PlatformError
from app.ports.platform import ChatPlatform
from app.services.key_ring import KeyRing
from app.services.screens.words import shown
from app.store.keys import StoredKey
from app.store.unit_of_work import Database

PATIENCE = 0.8
"""Seconds for what a chat calls people and channels; whoever is not named by then stands there by their id."""

DELETED = "deleted agent"
ELSEWHERE = "a chat or channel that you can't see"
_NONE = {
    Kind.AGENT: "no agent",
    Kind.USER: "nobody",
    Kind.CHANNEL: "no channel",
    Kind.MODEL: "no model",
    Kind.KEY: "no key",
}


@dataclass(frozen=True, slots=True)
class Named:
    """One of them: on a screen, and where only letters can stand."""

    shown: Rich
    text: str

    @classmethod
    def plain(cls, text: str) -> Named:
        """The same in both."""
        return cls(rich(text), text)


class Spenders:
    """Looks names up; those of people and channels at the chat."""

    def __init__(self, database: Database, platforms: Mapping[str, ChatPlatform], ring: KeyRing) -> None:
        self._database = database
        self._platforms = platforms
        self._ring = ring

    async def named(self, user: UserRef, kind: Kind, subjects: Iterable[str]) -> Mapping[str, Named]:
        """Names of these subjects of a kind, for this person to read; the empty one, too."""
        ids = [one for one in dict.fromkeys(subjects) if one]
        return {**await self._named(user, kind, ids), "": Named.plain(_NONE.get(kind, ""))}

    async def _named(self, user: UserRef, kind: Kind, ids: Sequence[str]) -> Mapping[str, Named]:
        match kind:
            case Kind.AGENT:
                return await self._agents(user.workspace, ids)
            case Kind.KEY:
                return await self._keys(user.workspace, ids)
            case Kind.USER:
                return await self._people(user.workspace, ids)
            case Kind.CHANNEL:
                shown = {one: Named(rich(Channel(one)), one) for one in ids}
                return await _in_time([self._channel(user, one) for one in ids], ids, shown)
            case _:
                return {one: Named(rich(Code(_model(one))), _model(one)) for one in ids}

    async def _agents(self, workspace: str, ids: Sequence[str]) -> Mapping[str, Named]:
        """One that is gone is called so, with enough of its id to tell it from others."""
        async with self._database.read() as uow:
            known = {agent.id: agent for agent in await uow.agents.all(workspace)}
        return {one: _agent(known.get(one), one) for one in ids}

    async def _keys(self, workspace: str, ids: Sequence[str]) -> Mapping[str, Named]:
        async with self._database.read() as uow:
            stored = [await uow.keys.get(workspace, one) for one in ids]
        return {one: Named.plain(self._key(key)) for one, key in zip(ids, stored, strict=True)}

    def _key(self, stored: StoredKey | None) -> str:
        if stored is None:
            return "a key that is gone"
        key = stored.key
        revoked = ", revoked" if key.status is KeyStatus.REVOKED else ""
        return f"{self._ring.title(key.provider)} {key.label} {shown(key)}{revoked}"

    async def _people(self, workspace: str, ids: Sequence[str]) -> Mapping[str, Named]:
        whom = [UserRef(workspace, one) for one in ids]
        return await _in_time(
            [self._person(one) for one in whom], ids, {one.id: Named(rich(Person(one)), one.id) for one in whom}
        )

    async def _person(self, whom: UserRef) -> Named:
        platform = self._platforms[whom.workspace.partition(":")[0]]
        return Named(rich(Person(whom)), await platform.display_name(whom))

    async def _channel(self, user: UserRef, channel: str) -> Named:
        """A channel is named to whoever can read it; direct chats, and what they can't read, to nobody."""
        found = await self._platforms[user.workspace.partition(":")[0]].find_channel(user, channel)
        if found is None:
            return Named(rich(f"{ELSEWHERE} ({channel[-4:]})"), f"private {channel[-4:]}")
        return Named(rich(Channel(channel)), f"#{found.name or channel}")


async def _in_time(
    asked: Sequence[Coroutine[Any, Any, Named]], ids: Sequence[str], unknown: Mapping[str, Named]
) -> Mapping[str, Named]:
    """What the chat tells in time."""
    if not ids:
        return {}
    tasks = [asyncio.create_task(one) for one in asked]
    _, late = await asyncio.wait(tasks, timeout=PATIENCE)
    for task in late:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    told: dict[str, Named] = {}
    for one, task in zip(ids, tasks, strict=True):
        if task.cancelled() or isinstance(task.exception(), PlatformError):
            told[one] = unknown[one]
        else:
            told[one] = task.result()
    return told


def _agent(agent: AgentSpec | None, name: str) -> Named:
    if agent is None:
        return Named.plain(f"{DELETED} {name[-4:]}")
    return Named(rich(f"{agent.emoji} {agent.name}".strip()), agent.name)  # a picture of letters knows no emoji


def _model(subject: str) -> str:
    """Without its provider, which a model's name tells in most cases."""
    return subject.partition("/")[2] or subject

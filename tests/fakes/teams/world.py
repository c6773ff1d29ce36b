"""Who and what there is in the fake tenant: people, a team with a channel, a group chat, one-to-one chats, and what the bot posted."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.teams.identity import APP_ID, TENANT

Json = dict[str, Any]

BOT = {"id": f"28:{APP_ID}", "name": "Latchkey"}
CHANNEL = "19:general@thread.tacv2"
GROUP = "19:group@thread.v2"


@dataclass
class Member:
    """A person. `id` is what the bot knows them by, `oid` the directory's id."""

    name: str
    oid: str
    role: str = "user"
    tenant: str = TENANT

    @property
    def id(self) -> str:
        return f"29:{self.oid}"

    def sender(self) -> Json:
        return {"id": self.id, "name": self.name, "aadObjectId": self.oid}

    def described(self) -> Json:
        named = {"name": self.name, "givenName": self.name, "userPrincipalName": f"{self.name.lower()}@example.com"}
        return {"id": self.id, "aadObjectId": self.oid, "tenantId": self.tenant, "userRole": self.role, **named}


@dataclass
class Chat:
    """A conversation: `kind` is its conversationType. A team's first channel has no name and every member of the team in it. `shown` are the bot's messages by id, as they stand now."""

    id: str
    kind: str
    members: list[Member]
    shown: dict[str, Json] = field(default_factory=dict)
    targeted: dict[str, Json] = field(default_factory=dict)
    typing: list[Json] = field(default_factory=list)
    bot_in: bool = True
    name: str = ""

    def described(self) -> Json:
        """What a list of a team's channels tells."""
        return {"id": self.id, "name": self.name or None, "type": "standard" if not self.name else "private"}


class World:
    """Ids are made as Teams makes them: message ids are milliseconds, ever increasing."""

    def __init__(self) -> None:
        self.ann = Member("Ann", "aaaaaaaa-0000-4000-8000-000000000001")
        self.bob = Member("Bob", "bbbbbbbb-0000-4000-8000-000000000002")
        self.gus = Member("Gus", "cccccccc-0000-4000-8000-000000000003", role="guest")
        self.eve = Member("Eve", "dddddddd-0000-4000-8000-000000000004", tenant="another-tenant")
        self.people = [self.ann, self.bob, self.gus, self.eve]
        self.chats = {
            CHANNEL: Chat(CHANNEL, "channel", list(self.people)),
            GROUP: Chat(GROUP, "groupChat", [self.ann, self.bob]),
        }
        self._ids = itertools.count(int(time.time() * 1000))

    def channel(self, name: str, members: list[Member]) -> Chat:
        """Another channel of the team, with these members."""
        chat_id = f"19:{name}{len(self.chats)}@thread.tacv2"
        self.chats[chat_id] = Chat(chat_id, "channel", members, name=name)
        return self.chats[chat_id]

    def new_id(self) -> str:
        return str(next(self._ids))

    def person(self, either_id: str) -> Member | None:
        return next((one for one in self.people if either_id in {one.id, one.oid}), None)

    def personal(self, member: Member) -> Chat:
        """The one-to-one chat with somebody, made if there is none."""
        chat_id = f"a:1chat-with-{member.oid}"
        return self.chats.setdefault(chat_id, Chat(chat_id, "personal", [member]))

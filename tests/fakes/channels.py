"""Channels in memory, for the platform in memory: who is in them, and who may read them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from app.domain.chat import MemberKind, UserRef
from app.ports.platform import ChannelInfo, Readers

INSIDERS = (MemberKind.OWNER, MemberKind.ADMIN, MemberKind.MEMBER)


@dataclass
class FakeChannels:
    """By id. A channel with `people` (ids) is private to them; one without is open to the workspace's members."""

    all: dict[str, ChannelInfo] = field(default_factory=dict)
    people: dict[str, frozenset[str]] = field(default_factory=dict)
    guests: dict[str, frozenset[str]] = field(default_factory=dict)

    def add(
        self, channel: str, name: str, *, only: Iterable[UserRef] | None = None, shared: bool = False,
        guests: Iterable[UserRef] = (),
    ) -> ChannelInfo:  # fmt: skip
        self.all[channel] = ChannelInfo(channel, name, open=only is None, shared=shared)
        self.guests[channel] = frozenset(user.id for user in guests)
        if only is not None:
            self.people[channel] = frozenset(user.id for user in only)
        return self.all[channel]

    def find(self, asker: UserRef, name: str, kind: MemberKind) -> ChannelInfo | None:
        wanted = name.removeprefix("#")
        for info in self.all.values():
            if wanted in {info.id, info.name}:
                may = kind in INSIDERS if info.open else asker.id in self.people[info.id]
                return info if may else None
        return None

    def readers(self, channel: str) -> Readers:
        info = self.all.get(channel)
        if info is None:
            return Readers(False)
        return Readers(info.open, self.people.get(channel, frozenset()), info.shared, self.guests[channel])

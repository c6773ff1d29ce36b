"""Receipts in pages: the newest calls of models, for whoever may see them. Admins see all, everybody else those that they caused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from app.domain.chat import UserRef
from app.domain.spend import Kind, Receipt
from app.services.spenders import Named, Spenders
from app.store.receipts import Mark
from app.store.unit_of_work import Database

MOST_SHOWN = 10
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Turn:
    """Where to look: on from a mark, to what is older or newer; without a mark at the newest."""

    mark: Mark | None = None
    newer: bool = False

    @property
    def value(self) -> str:
        """As a button carries it."""
        if self.mark is None:
            return ""
        return f"{'newer' if self.newer else 'older'}/{(self.mark.at - _EPOCH) // _MICROSECOND}/{self.mark.id}"

    @classmethod
    def of(cls, value: str) -> Turn:
        """A button's value again; what is none leads to the newest."""
        way, _, place = value.partition("/")
        since, _, name = place.partition("/")
        if way not in {"newer", "older"} or not (since.isascii() and since.isdecimal()) or len(since) > 17 or not name:
            return cls()
        return cls(Mark(_EPOCH + int(since) * _MICROSECOND, name), way == "newer")


@dataclass(frozen=True, slots=True)
class Page:
    """Receipts, newest first. `agents` and `keys` are names by id; the turns are None where there is nothing more that way."""

    receipts: tuple[Receipt, ...]
    own: bool
    agents: Mapping[str, Named]
    keys: Mapping[str, Named]
    newer: Turn | None
    older: Turn | None


class Receipts:
    """Reads pages by where they begin, so that the thousandth costs what the first does."""

    def __init__(self, database: Database, spenders: Spenders) -> None:
        self._database = database
        self._spenders = spenders

    async def page(self, user: UserRef, turn: Turn, *, admin: bool) -> Page:
        """The page that a turn leads to; the newest where there is none any more."""
        asker = "" if admin else user.id
        async with self._database.read() as uow:
            if turn.mark and turn.newer:
                found = await uow.receipts.next_newer(user.workspace, MOST_SHOWN + 1, turn.mark, asker=asker)
                more_newer, more_older = len(found) > MOST_SHOWN, True
                found = found[-MOST_SHOWN:]
            else:
                found = await uow.receipts.newest(user.workspace, MOST_SHOWN + 1, asker=asker, before=turn.mark)
                more_newer, more_older = turn.mark is not None, len(found) > MOST_SHOWN
                found = found[:MOST_SHOWN]
        if turn.mark and (not found or (turn.newer and not more_newer)):
            return await self.page(
                user, Turn(), admin=admin
            )  # a whole page of what is newest, which may be newer still
        names = self._spenders
        return Page(
            found,
            not admin,
            await names.named(user, Kind.AGENT, (one.agent_id for one in found)),
            await names.named(user, Kind.KEY, (one.key_id for one in found)),
            Turn(_mark(found[0]), newer=True) if more_newer else None,
            Turn(_mark(found[-1])) if found and more_older else None,
        )


def _mark(receipt: Receipt) -> Mark:
    return Mark(receipt.at, receipt.id)

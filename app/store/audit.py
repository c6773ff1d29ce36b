"""The audit trail: append-only rows in a hash chain per workspace (SECURITY §6).

    hash = SHA-256(0x01 ‖ previous ‖ seq as 8 bytes ‖ body)        previous of the first row = SHA-256(workspace id)

`body` is the canonical JSON that was hashed; the other columns repeat parts of it, for looking things up.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.audit import AuditEntry
from app.ports.clock import Clock
from app.store import tables

MAX_BODY = 8192

# Made once, see app.store.agents.
_LAST = (
    select(tables.audit.c.seq, tables.audit.c.hash)
    .where(tables.audit.c.workspace == bindparam("workspace"))
    .order_by(tables.audit.c.seq.desc())
    .limit(1)
)
_ADD = insert(tables.audit)


@dataclass(frozen=True, slots=True)
class BrokenChain:
    """Where a workspace's trail stops being what was written."""

    workspace: str
    seq: int
    reason: str


class AuditTrail:
    """Appends within the transaction of what it tells about; reads; verifies."""

    def __init__(self, connection: AsyncConnection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock

    async def append(self, entry: AuditEntry) -> None:
        """Write one row; its moment and number are given here, whatever the entry says."""
        await self._one_writer(entry.workspace)
        last = (await self._connection.execute(_LAST, {"workspace": entry.workspace})).first()
        seq, previous = (last.seq + 1, bytes(last.hash)) if last else (1, _genesis(entry.workspace))
        at = self._clock.now()
        body = _body(entry, seq, at)
        await self._connection.execute(
            _ADD,
            {
                "workspace": entry.workspace,
                "seq": seq,
                "at": at,
                "actor": entry.actor,
                "action": entry.action,
                "object": entry.object,
                "body": body,
                "previous": previous,
                "hash": _hash(previous, seq, body),
            },
        )

    async def last(self, workspace: str, limit: int) -> tuple[AuditEntry, ...]:
        """The newest entries of a workspace, newest first."""
        rows = await self._connection.execute(
            select(tables.audit)
            .where(tables.audit.c.workspace == workspace)
            .order_by(tables.audit.c.seq.desc())
            .limit(limit)
        )
        return tuple(_entry(row) for row in rows)

    async def workspaces(self) -> tuple[str, ...]:
        """Whose trails there are."""
        found = await self._connection.execute(
            select(tables.audit.c.workspace).distinct().order_by(tables.audit.c.workspace)
        )
        return tuple(found.scalars())

    async def verify(self, workspace: str) -> BrokenChain | None:
        """None if the trail is what was written: nothing edited, dropped in the middle, reordered or spliced in from elsewhere.

        Rows cut off at the end, or a trail written anew as a whole, show only against a head noted elsewhere.
        """
        rows = select(tables.audit).where(tables.audit.c.workspace == workspace).order_by(tables.audit.c.seq)
        async with self._connection.stream(rows) as found:
            previous, expected = _genesis(workspace), 1
            async for row in found:
                if reason := _what_is_wrong(row, expected, previous):
                    return BrokenChain(workspace, expected, reason)
                previous, expected = bytes(row.hash), expected + 1
        return None

    async def _one_writer(self, workspace: str) -> None:
        """Two transactions must not both follow the same row. SQLite has one writer anyway."""
        if self._connection.dialect.name == "postgresql":
            key = int.from_bytes(hashlib.sha256(b"audit:" + workspace.encode()).digest()[:8], signed=True)
            await self._connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})


def _genesis(workspace: str) -> bytes:
    return hashlib.sha256(workspace.encode()).digest()


def _raw(value: object) -> bytes:
    """The bytes of a column, of whatever type somebody made it (SQLite lets them)."""
    return bytes(value) if isinstance(value, bytes | memoryview) else repr(value).encode()


def _hash(previous: bytes, seq: int, body: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + previous + seq.to_bytes(8) + body).digest()


def _facts(row: Row[Any] | AuditEntry, seq: int, at: datetime) -> dict[str, Any]:
    return {
        "action": row.action,
        "actor": row.actor,
        "at": at.isoformat(),
        "object": row.object,
        "seq": seq,
        "workspace": row.workspace,
    }


def _body(entry: AuditEntry, seq: int, at: datetime) -> bytes:
    facts = _facts(entry, seq, at)
    body = json.dumps(
        {**facts, "details": dict(entry.details)}, sort_keys=True, separators=(",", ":"), ensure_ascii=False
    ).encode()
    if len(body) > MAX_BODY:
        message = "an audit entry is larger than a trail may hold"
        raise ValueError(message)
    return body


def _details(row: Row[Any]) -> Mapping[str, str]:
    details: Mapping[str, str] = json.loads(bytes(row.body))["details"]
    return details


def _what_is_wrong(row: Row[Any], seq: int, previous: bytes) -> str:
    body = _raw(row.body)
    if row.seq != seq:
        return "this row is missing"
    if _raw(row.previous) != previous or _raw(row.hash) != _hash(previous, seq, body):
        return "this row is not the one that was written here"
    return "" if _tells_the_same(row) else "this row's columns do not say what was hashed"


def _tells_the_same(row: Row[Any]) -> bool:
    told = json.loads(bytes(row.body))
    told.pop("details")
    return bool(told == _facts(row, row.seq, row.at))


def _entry(row: Row[Any]) -> AuditEntry:
    return AuditEntry(row.workspace, row.actor, row.action, row.object, _details(row), row.at, row.seq)

"""Ten million receipts, made by the database itself: 200 people, 20 agents, 100 channels, 15 models, 5 keys, 400 days; a tenth is one workspace's."""

from __future__ import annotations

import contextlib
import sqlite3
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import psycopg
from sqlalchemy.engine.url import URL

from app.domain.spend import Kind

ALL, WORKSPACES, DAYS = 10_000_000, 10, 400
AGENT, PERSON, CHANNEL = "agent_bench_", "UBENCH", "CBENCH"
_COUNTED = "input_tokens, output_tokens, cached_read, cached_write, reasoning, searches"


@dataclass(frozen=True, slots=True)
class Dialect:
    """What SQLite and PostgreSQL write differently."""

    numbers: str  # of receipts, from 1 on
    moment: str
    day: str
    no: str
    fence: str  # keeps a number from being made anew wherever it is used
    speed: tuple[str, ...]
    indexes: str  # names and how they are made
    after: tuple[str, ...] = ()


SQLITE = Dialect(
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})",
    "strftime('%Y-%m-%d %H:%M:%f', {begin} + i * {step}, 'unixepoch') || '000'",
    "substr(at, 1, 10)",
    "0",
    "LIMIT -1 OFFSET 0",
    (
        "PRAGMA journal_mode=OFF", "PRAGMA synchronous=OFF", "PRAGMA cache_size=-1000000", "PRAGMA threads=2",
        "PRAGMA locking_mode=EXCLUSIVE",
    ),
    "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'receipts' AND sql IS NOT NULL",
)  # fmt: skip
POSTGRES = Dialect(
    "WITH n AS (SELECT i FROM generate_series(1, {rows}::bigint) AS i)",
    "to_timestamp({begin}::double precision + i * {step}::double precision)",
    "to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD')",
    "false",
    "OFFSET 0",
    (
        "SET maintenance_work_mem = '512MB'", "SET work_mem = '256MB'",
        "ALTER TABLE receipts SET UNLOGGED", "ALTER TABLE spend_days SET UNLOGGED",
    ),
    "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'receipts' AND indexname LIKE 'ix%'",
    ("ANALYZE receipts", "ANALYZE spend_days"),  # as it does by itself
)  # fmt: skip

_SUBJECTS = {
    Kind.ALL: "''",
    Kind.AGENT: "agent_id",
    Kind.USER: "asker",
    Kind.CHANNEL: "channel",
    Kind.MODEL: "provider || '/' || model",
    Kind.KEY: "key_id",
    Kind.ASKED: "asker || '/' || agent_id",
}


def seed(url: URL, workspace: str, until: datetime, *, rows: int = ALL) -> None:
    """Fill receipts and their sums in a database that nobody has open, and make the indexes as they were."""
    sqlite = url.get_backend_name() == "sqlite"
    dialect = SQLITE if sqlite else POSTGRES
    begin = (until - timedelta(days=DAYS)).timestamp()
    with contextlib.closing(_opened(url)) as connection:

        def run(*statements: str) -> None:
            for statement in statements:
                connection.execute(statement)

        run(*dialect.speed)
        indexes = connection.execute(dialect.indexes).fetchall()
        run(*(f"DROP INDEX {name}" for name, _ in indexes))
        run(_receipts(dialect, workspace, rows, begin), *(made for _, made in indexes))
        run(*(_sums(dialect, kind, subject, workspace) for kind, subject in _SUBJECTS.items()))
        run(*(_copy(f"slack:OTHER{number}", workspace) for number in range(1, WORKSPACES)), *dialect.after)


def _opened(url: URL) -> Any:
    if url.get_backend_name() == "sqlite":
        return sqlite3.connect(url.database or "", isolation_level=None)
    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    return psycopg.connect(plain, autocommit=True)


def _part(prime: int, most: int) -> str:
    """A number from 0 to below `most`, the small ones much more often."""
    chance = f"(CAST(i * {prime} % 1000003 AS double precision) / 1000003)"
    return f"CAST(abs({most} * {chance} * {chance} - 0.5) AS integer)"


def _receipts(dialect: Dialect, workspace: str, rows: int, begin: float) -> str:
    place = {"rows": rows, "begin": begin, "step": DAYS * 86_400 / rows}
    spread = ", ".join(
        f"{_part(prime, most)} AS {name}"
        for name, prime, most in (("who", 7919, 200), ("agent", 104729, 20), ("place", 15485863, 100), ("kind", 32452843, 15), ("size", 49979687, 9000))
    )  # fmt: skip
    return f"""
        INSERT INTO receipts (id, workspace, run_id, agent_id, conversation_id, channel, asker, purpose, key_id, fingerprint, provider, model,
            origin, {_COUNTED}, cost, estimated, instead_of, outcome, at)
        {dialect.numbers.format(**place)}
        SELECT 'call_' || (100000000 + i), CASE WHEN i % {WORKSPACES} = 0 THEN '{workspace}' ELSE 'slack:OTHER' || (i % {WORKSPACES}) END,
            'run_' || (100000000 + i / 3), '{AGENT}' || agent, 'conv_' || (i / 30), '{CHANNEL}' || place, '{PERSON}' || who, 'answer',
            'key_' || (kind % 5), 'print', CASE WHEN kind % 2 = 0 THEN 'anthropic' ELSE 'openai' END, 'model-' || kind,
            'https://models.example', 500 + size, size / 9, size / 2, size / 20, size / 30, 0,
            CASE WHEN kind = 14 THEN NULL ELSE (500 + size) * (kind + 1) * 300 END, {dialect.no}, '', '', {dialect.moment.format(**place)}
        FROM (SELECT i, {spread} FROM n {dialect.fence}) AS made
    """


def _sums(dialect: Dialect, kind: Kind, subject: str, workspace: str) -> str:
    summed = ", ".join(f"sum({name})" for name in _COUNTED.split(", "))
    return f"""
        INSERT INTO spend_days (workspace, kind, day, subject, calls, unpriced, cost, {_COUNTED})
        SELECT workspace, '{kind.value}', {dialect.day}, {subject}, count(*), count(*) - count(cost), coalesce(sum(cost), 0), {summed}
        FROM receipts WHERE workspace = '{workspace}' GROUP BY 1, 2, 3, 4
    """


def _copy(other: str, workspace: str) -> str:
    """Another workspace has spent the same."""
    rest = f"kind, day, subject, calls, unpriced, cost, {_COUNTED}"
    return f"INSERT INTO spend_days (workspace, {rest}) SELECT '{other}', {rest} FROM spend_days WHERE workspace = '{workspace}'"

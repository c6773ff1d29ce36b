"""A load client in a process of its own: signed Slack events, as fast as they are acknowledged or at an even rate.

`python -m bench.load --url … --secret … --roots FILE --seconds 5 [--rate 100]` prints a JSON object. The file has the ids of messages that are there:
with a rate each is mentioned once, without one they are threads, and mentions go to them by turns. At a rate, times count from the moment
at which the event was due, so that a slow answer cannot hide behind a client that waited for it.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import hmac
import itertools
import json
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

MENTION = "<@UBOT> "


@dataclass
class Figures:
    """How it went: milliseconds until the acknowledgement."""

    began: float = 0.0  # when the first was due, as time.time() has it
    sent: int = 0
    acknowledged: int = 0
    seconds: float = 0.0
    per_second: float = 0.0
    p50: float = 0.0
    p99: float = 0.0
    worst: float = 0.0
    statuses: dict[str, int] = field(default_factory=dict)


class Source(Protocol):
    """Where requests come from: each one as it goes over the wire to this host."""

    host: str
    port: int

    def next(self) -> bytes:
        """The next one."""


class Events:
    """Signed mentions, each another message; with `in_threads` in these threads by turns, else each is one of the roots itself."""

    def __init__(self, url: str, secret: str, roots: list[str], *, in_threads: bool, text: str) -> None:
        parts = urlsplit(url)
        self.host, self.port, self._path = parts.hostname or "", parts.port or 80, parts.path
        self._secret = secret.encode()
        self._text = text
        self._count = itertools.count(1)
        self._start = int(time.time())
        self._roots = roots
        self._in_threads = in_threads

    def _ts(self, number: int) -> str:
        return f"{self._start}.{number:06d}" if self._in_threads else self._roots[number - 1]

    def next(self) -> bytes:
        """The next one as it goes over the wire."""
        number = next(self._count)
        event = {
            "type": "app_mention",
            "user": "UMEMBER",
            "text": f"{MENTION}{self._text} {number}",
            "ts": self._ts(number),
            "channel": "CGENERAL",
            "event_ts": self._ts(number),
            "team": "T1",
        }
        if self._in_threads:
            event["thread_ts"] = self._roots[number % len(self._roots)]
        authorization = {"enterprise_id": None, "team_id": "T1", "user_id": "UBOT", "is_bot": True}
        body = json.dumps(
            {
                "type": "event_callback",
                "team_id": "T1",
                "api_app_id": "A0LATCHKEY",
                "event": event,
                "event_id": f"EvB{self._start}{number}",
                "event_time": int(time.time()),
                "authorizations": [authorization],
                "is_ext_shared_channel": False,
            }
        ).encode()
        stamp = str(int(time.time()))
        signature = hmac.new(self._secret, b"v0:" + stamp.encode() + b":" + body, hashlib.sha256).hexdigest()
        head = (
            f"POST {self._path} HTTP/1.1\r\nHost: {self.host}:{self.port}\r\nContent-Type: application/json\r\n"
            f"X-Slack-Request-Timestamp: {stamp}\r\nX-Slack-Signature: v0={signature}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


class Connection:
    """One kept-alive connection; hand-written, so that the client costs less than what it measures."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def send(self, request: bytes) -> int:
        """Send one and return the status of the answer."""
        self._writer.write(request)
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = next((line.split(":")[1] for line in head.splitlines() if line.startswith("content-length")), "0")
        await self._reader.readexactly(int(length))
        return int(head.split(" ", 2)[1])

    def close(self) -> None:
        """Hang up."""
        self._writer.close()


async def drive(events: Source, seconds: float, rate: float, connections: int) -> Figures:
    """Send for so long; at a rate if one is given, else as fast as each connection is answered."""
    open_ones = [Connection(*await asyncio.open_connection(events.host, events.port)) for _ in range(connections)]
    times: list[float] = []
    statuses: Counter[int] = Counter()
    began, begin = time.time(), time.perf_counter()

    async def one(connection: Connection, due: float) -> None:
        statuses[await connection.send(events.next())] += 1
        times.append(time.perf_counter() - due)

    async def as_fast_as_answered(connection: Connection) -> None:
        while (now := time.perf_counter()) < begin + seconds:
            await one(connection, now)

    async def at_a_rate() -> None:
        free: asyncio.Queue[Connection] = asyncio.Queue()
        for connection in open_ones:
            free.put_nowait(connection)

        async def when_free(due: float) -> None:
            connection = await free.get()
            await one(connection, due)
            free.put_nowait(connection)

        async with asyncio.TaskGroup() as group:
            for number in range(int(rate * seconds)):
                due = begin + number / rate
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                group.create_task(when_free(due))

    if rate:
        await at_a_rate()
    else:
        await asyncio.gather(*(as_fast_as_answered(connection) for connection in open_ones))
    spent = time.perf_counter() - begin
    for connection in open_ones:
        connection.close()
    return figures(times, statuses, began, spent)


def figures(times: list[float], statuses: Counter[int], began: float, spent: float) -> Figures:
    """Put what was measured together."""
    ordered = sorted(times)
    good = statuses[200]
    return Figures(
        began=began,
        sent=len(times),
        acknowledged=good,
        seconds=spent,
        per_second=good / spent,
        p50=quantile(ordered, 0.50) * 1000,
        p99=quantile(ordered, 0.99) * 1000,
        worst=ordered[-1] * 1000 if ordered else 0.0,
        statuses={str(status): count for status, count in statuses.items()},
    )


def quantile(ordered: list[float], part: float) -> float:
    """The value that this part of them does not exceed."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))] if ordered else 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description="Signed Slack events, many.")
    parser.add_argument("--url", required=True)
    parser.add_argument("--secret", required=True)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rate", type=float, default=0)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--roots", type=Path, required=True)
    parser.add_argument("--text", default="hello")
    told = parser.parse_args()
    roots = told.roots.read_text().split()
    events = Events(told.url, told.secret, roots, in_threads=not told.rate, text=told.text)
    json.dump(asdict(asyncio.run(drive(events, told.seconds, told.rate, told.connections))), sys.stdout)


if __name__ == "__main__":
    main()

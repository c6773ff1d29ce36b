"""The load client of bench/load.py with Teams' activities: mentions in the threads of a channel, under a genuine token."""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import sys
import time
from dataclasses import asdict
from datetime import UTC, datetime
from urllib.parse import urlsplit

from bench.load import drive


class Activities:
    """Like `template`, an activity of the fake's, each another message. `threads`: in so many by turns; 0: each begins its own."""

    def __init__(self, url: str, token: str, template: str, *, threads: int, text: str) -> None:
        parts = urlsplit(url)
        self.host, self.port, self._path = parts.hostname or "", parts.port or 80, parts.path
        self._token = token
        self._template = json.loads(template)
        self._count = itertools.count(1)
        self._start = int(time.time() * 1000)
        self._threads = threads
        self._text = text

    def next(self) -> bytes:
        """The next one as it goes over the wire."""
        number = next(self._count)
        message = str(self._start + number)
        root = str(self._start - 1000 - number % self._threads) if self._threads else message
        activity = self._template | {
            "id": message,
            "timestamp": datetime.now(UTC).isoformat(),
            "text": f"{self._template['text']} {self._text} {number}",
        }
        channel = self._template["conversation"]["id"].partition(";")[0]
        activity["conversation"] = self._template["conversation"] | {"id": f"{channel};messageid={root}"}
        body = json.dumps(activity).encode()
        head = (
            f"POST {self._path} HTTP/1.1\r\nHost: {self.host}:{self.port}\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {self._token}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Teams' activities, many. The token and the template come by standard input."
    )
    parser.add_argument("--url", required=True)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rate", type=float, default=0)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--text", default="hello")
    told = parser.parse_args()
    token, template = sys.stdin.readline().strip(), sys.stdin.readline()
    source = Activities(told.url, token, template, threads=told.threads, text=told.text)
    json.dump(asdict(asyncio.run(drive(source, told.seconds, told.rate, told.connections))), sys.stdout)


if __name__ == "__main__":
    main()

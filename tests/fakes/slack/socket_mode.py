"""The WebSocket end of Socket Mode: hello, envelopes, acknowledgements, disconnect."""

from __future__ import annotations

import asyncio
import itertools
import json
import uuid
from dataclasses import dataclass
from typing import Any

from aiohttp import WSMsgType, web

from tests.fakes.slack.world import Json


@dataclass
class Acknowledged:
    """An acknowledgement of an envelope, with the payload it carried (an answer to the person)."""

    payload: Any = None


class SocketMode:
    """Connections of the app; each envelope goes to one of them, in turn."""

    def __init__(self) -> None:
        self.connections: list[web.WebSocketResponse] = []
        self.envelopes: list[Json] = []
        self._waiting: dict[str, asyncio.Future[Acknowledged]] = {}
        self._tickets: set[str] = set()
        self._turn = itertools.count()

    def ticket(self) -> str:
        """A ticket for one connection."""
        ticket = uuid.uuid4().hex
        self._tickets.add(ticket)
        return ticket

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One connection, until it closes."""
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets:
            return web.Response(status=403)
        self._tickets.discard(ticket)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json({"type": "hello", "num_connections": len(self.connections) + 1})
        self.connections.append(socket)
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    self._acknowledge(json.loads(message.data))
        finally:
            self.connections.remove(socket)
        return socket

    async def send(
        self, kind: str, payload: Json, *, retry: tuple[int, str] | None, timeout: float
    ) -> Acknowledged | None:
        """Deliver one envelope and wait for its acknowledgement; None when none came in time."""
        envelope: Json = {"type": kind, "envelope_id": str(uuid.uuid4()), "payload": payload}
        envelope["accepts_response_payload"] = kind != "events_api"
        if retry is not None:
            envelope |= {"retry_attempt": retry[0], "retry_reason": retry[1]}
        self.envelopes.append(envelope)
        waiting = self._waiting[envelope["envelope_id"]] = asyncio.get_running_loop().create_future()
        try:
            await self.connections[next(self._turn) % len(self.connections)].send_json(envelope)
            return await asyncio.wait_for(waiting, timeout)
        except (TimeoutError, ConnectionError, IndexError, ZeroDivisionError):
            return None
        finally:
            self._waiting.pop(envelope["envelope_id"], None)

    async def refresh(self) -> None:
        """Ask every connection to come again, then close it, as Slack does every few hours."""
        for socket in list(self.connections):
            await socket.send_json({"type": "disconnect", "reason": "refresh_requested"})
            await socket.close()

    async def close(self) -> None:
        """Close all connections."""
        for socket in list(self.connections):
            await socket.close()

    def _acknowledge(self, message: Json) -> None:
        waiting = self._waiting.get(message.get("envelope_id", ""))
        if waiting is not None and not waiting.done():
            waiting.set_result(Acknowledged(message.get("payload")))

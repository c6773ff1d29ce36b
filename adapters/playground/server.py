"""The playground's routes: the page, its files, and one WebSocket for each window."""

from __future__ import annotations

import asyncio
import logging
import mimetypes
from pathlib import Path
from urllib.parse import quote

from aiohttp import WSMsgType, web

from adapters.playground import parse
from adapters.playground.deliver import Desk
from adapters.playground.guard import HEADERS, Guard, check_host
from adapters.playground.render import PICTURES
from adapters.playground.room import Rooms
from adapters.playground.windows import Window, Windows
from adapters.playground.world import ADA, WORKSPACE, WORKSPACE_NAME
from app.domain.views import Suggestion
from app.ports.inbound import Inbound

BASE = "/playground"
LARGEST_FRAME = 64 * 1024
LARGEST_FILE = 1024 * 1024
MOST_WINDOWS = 24
MOST_AT_ONCE = 16  # frames of one window in work
STATIC = Path(__file__).parent / "static"
REFUSED = "The playground is open to those who have its address: use the one that “latchkey demo” printed last."

_log = logging.getLogger(__name__)


class PlaygroundServer:
    """Serves the rooms to browsers on this machine. `routes` go to the service's own HTTP server; `close` ends all windows."""

    def __init__(self, rooms: Rooms, inbound: Inbound, token: str = "") -> None:
        self._guard = Guard(token)
        self._rooms = rooms
        self._inbound = inbound
        self._windows = Windows(rooms)
        self._desk = Desk(self._windows, inbound)
        self._files = {str(path.relative_to(STATIC)): path for path in STATIC.rglob("*") if path.is_file()}
        self._known = False

    def routes(self) -> list[web.RouteDef]:
        """What to serve."""
        return [
            web.get(BASE, self._page),
            web.get(f"{BASE}/", self._page),
            web.get(f"{BASE}/static/{{path:.+}}", self._static),
            web.get(f"{BASE}/session", self._session),
            web.get(f"{BASE}/socket", self._socket),
            web.post(f"{BASE}/files", self._upload),
            web.get(f"{BASE}/files/{{id}}", self._download),
        ]

    def address(self, host: str, port: int) -> str:
        """What to print: whoever opens it is let in. Raises SettingsError where others could reach it."""
        check_host(host)
        return f"http://{f'[{host}]' if ':' in host else host}:{port}{BASE}/?token={self._guard.token}"

    def close(self) -> None:
        """End all windows."""
        self._windows.close()

    async def _page(self, request: web.Request) -> web.StreamResponse:
        if refusal := self._guard.refuses(request):
            return _answer(403, refusal)
        if "token" in request.query:
            if not self._guard.has_token(request):
                return _answer(403, REFUSED)
            # The token leaves the address bar, and with it the history, at once.
            response = web.Response(status=303, headers={**HEADERS, "Location": f"{BASE}/"})
            self._guard.admit(request, response)
            return response
        if not self._guard.knows(request):
            return _answer(403, REFUSED)
        if request.path == BASE:
            return web.Response(status=303, headers={**HEADERS, "Location": f"{BASE}/"})
        return web.FileResponse(STATIC / "index.html", headers=HEADERS)

    async def _static(self, request: web.Request) -> web.StreamResponse:
        if refusal := self._refusal(request):
            return refusal
        path = self._files.get(request.match_info["path"])
        if path is None:
            return _answer(404, "There is no such file.")
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        return web.FileResponse(path, headers={**HEADERS, "Cache-Control": "no-cache", "Content-Type": kind})

    async def _session(self, request: web.Request) -> web.StreamResponse:
        return self._refusal(request) or web.Response(status=204, headers=HEADERS)

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        if refusal := self._refusal(request, wants_origin=True):
            return refusal
        data = await request.read()
        if len(data) > LARGEST_FILE:
            return _answer(413, "Files may have 1 MB here.")
        name = request.query.get("name", "")[:200].strip().replace("/", "_") or "file"
        kind = request.content_type[:100]
        file = self._rooms.keep_file(name, kind, data)
        return web.json_response({"id": file.id, "name": file.name, "size": file.size}, headers=HEADERS)

    async def _download(self, request: web.Request) -> web.StreamResponse:
        if refusal := self._refusal(request):
            return refusal
        file = self._rooms.file(request.match_info["id"])
        data = self._rooms.file_bytes(file.id) if file else None
        if file is None or data is None:
            return _answer(404, "That file is no longer there.")
        if file.media_type in PICTURES:
            return web.Response(body=data, headers=HEADERS, content_type=file.media_type)
        kept_as = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(file.name, safe='')}"}
        return web.Response(body=data, headers={**HEADERS, **kept_as}, content_type="application/octet-stream")

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        if refusal := self._refusal(request, wants_origin=True):
            return refusal
        if self._windows.count >= MOST_WINDOWS:
            return _answer(503, "Too many windows are open.")
        person = self._rooms.people.get(request.query.get("as", ""), ADA)
        socket = web.WebSocketResponse(max_msg_size=LARGEST_FRAME, heartbeat=20, compress=False)
        await socket.prepare(request)
        window = Window(person)
        await self._greet(window)
        writer = asyncio.create_task(_write(socket, window))
        try:
            await self._read(socket, window)
        finally:
            self._windows.leave(window)
            window.close()
            await writer
        return socket

    async def _greet(self, window: Window) -> None:
        if not self._known:
            await self._inbound.installed(WORKSPACE, WORKSPACE_NAME, ADA.ref)
            self._known = True
        await self._snapshot(window)
        self._windows.join(window)

    async def _snapshot(self, window: Window) -> None:
        prompts: tuple[Suggestion, ...] = ()
        try:
            prompts = await self._inbound.suggestions(window.person.ref)
        except Exception as error:  # noqa: BLE001 - a page without suggestions is better than none
            _log.warning("no suggestions for the playground: %s", type(error).__name__)
        window.send(self._windows.snapshot(window, prompts))

    async def _read(self, socket: web.WebSocketResponse, window: Window) -> None:
        async with asyncio.TaskGroup() as tasks:
            at_once = asyncio.Semaphore(MOST_AT_ONCE)
            async for message in socket:
                if message.type is not WSMsgType.TEXT:
                    break
                await at_once.acquire()
                # Frames begin in the order in which they came; a slow one (a key is tried out) does not hold up a stop.
                task = tasks.create_task(self._handle(window, message.data))
                task.add_done_callback(lambda _: at_once.release())

    async def _handle(self, window: Window, raw: str) -> None:
        number, status = 0, 200
        try:
            frame = parse.frame(raw)
            number = frame.number
            if frame.type == "resync":
                await self._snapshot(window)
            else:
                await self._desk.handle(window, frame)
        except parse.BadFrame:
            status = 400
        except Exception as error:  # noqa: BLE001 - one frame that fails does not end the window
            # The name alone: an exception's text may quote what somebody typed.
            _log.error("a frame of the playground could not be handled: %s", type(error).__name__)
            status = 500
            window.send({"t": "problem", "text": "Something went wrong on our side. Please try again."})
        window.send({"t": "done", "n": number, "status": status})

    def _refusal(self, request: web.Request, *, wants_origin: bool = False) -> web.Response | None:
        refusal = self._guard.refuses(request)
        if not refusal and wants_origin and "Origin" not in request.headers:
            refusal = "Origin is missing."
        if not refusal and not self._guard.knows(request):
            refusal = REFUSED
        return _answer(403, refusal) if refusal else None


async def _write(socket: web.WebSocketResponse, window: Window) -> None:
    try:
        while (text := await window.queue.get()) is not None:
            await socket.send_str(text)
        await socket.close()
    except ConnectionError:
        await socket.close()


def _answer(status: int, text: str) -> web.Response:
    return web.Response(status=status, text=f"{text}\n", headers=HEADERS)

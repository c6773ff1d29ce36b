"""A Slack on loopback: Web API, events, commands, modals, streaming, Socket Mode, and trouble on order.

    async with SlackServer(events_url="http://127.0.0.1:8080/slack/events") as slack:
        ts = await slack.say("CGENERAL", "UMEMBER", "<@UBOT> hello")
        answers = slack.replies("CGENERAL", ts)
        slack.fail("chat.update", status=429, retry_after=1)

As a process of its own: `python -m tests.fakes.slack_server --port 3300 --events-url http://…`, driven over `/_control/…`
(tests/fakes/slack/control.py): every act below by its name with its arguments as JSON.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from tests.fakes.slack.control import Control
from tests.fakes.slack.delivery import Deliveries, Delivery
from tests.fakes.slack.faults import Fault
from tests.fakes.slack.people import People
from tests.fakes.slack.screens import Screens
from tests.fakes.slack.socket_mode import SocketMode
from tests.fakes.slack.web_api import Call, WebApi
from tests.fakes.slack.world import APP_ID, File, Json, SlackError, World

BOT_TOKEN = "xo" + "xb-test-bot-token"
APP_TOKEN = "xa" + "pp-test-app-token"
SIGNING_SECRET = "test-signing-secret"


class SlackServer(People, Screens):
    """Slack for one test. Workspace `T1` has UADMIN, UMEMBER, UGUEST, USTRANGER (of T9), the bot UBOT, and channel CGENERAL.

    Parts, for what is not said here: `world` (people, channels), `api` (methods, `api.streams`, `api.faults`, `api.views`),
    `deliveries` (signatures, retries), `sockets` (Socket Mode).
    """

    app_id = APP_ID
    bot_token = BOT_TOKEN
    app_token = APP_TOKEN
    signing_secret = SIGNING_SECRET

    def __init__(self, *, events_url: str = "", port: int = 0) -> None:
        self._port = port
        self._runner: web.AppRunner | None = None
        self.base_url = ""
        self._begin(events_url)

    def _begin(self, events_url: str) -> None:
        self.world = World(self.bot_token)
        self.api = WebApi(self.world, self.app_token)
        self.sockets = SocketMode()
        self.deliveries = Deliveries(self.sockets, self.signing_secret, events_url)

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=8 * 2**20)
        app.add_routes(
            [
                web.route("*", "/api/{method}", self._method),
                web.get("/link", self._link),
                web.post("/response/{name}", self._response),
                web.post("/upload/{file}", self._upload),
                web.get("/files-pri/{file}/{name}", self._file),
                *Control(self).routes(),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        self.base_url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        self._tell_address()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.deliveries.close()
        await self.sockets.close()
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def api_url(self) -> str:
        """What LATCHKEY_SLACK_API_URL is set to."""
        return f"{self.base_url}/api/"

    def messages(self, channel: str) -> list[Json]:
        """All messages of a channel, oldest first, each with its `channel`."""
        found = sorted(self.world.channel(channel).messages.values(), key=lambda m: float(m["ts"]))
        return [self.message(channel, m["ts"]) for m in found]

    def replies(self, channel: str, root: str) -> list[Json]:
        """The bot's messages in a thread, oldest first."""
        return [m for m in self.messages(channel) if m.get("bot_id") and m.get("thread_ts") == root and m["ts"] != root]

    def message(self, channel: str, ts: str) -> Json:
        """One message, with its `channel`."""
        message = self.world.message(channel, ts)
        message["channel"] = channel
        return message

    def ephemerals(self, user: str = "") -> list[Json]:
        """What was shown to one person only: postEphemeral, command answers, response URLs."""
        return [e for e in self.api.chat.ephemerals if user in {"", e["user"]} and not e.get("deleted")]

    def home(self, user: str) -> Json | None:
        """What the person's Home tab shows."""
        return self.api.views.homes.get(user)

    def calls(self, method: str = "") -> list[Call]:
        """The journal of Web API calls, of one method or all."""
        return [call for call in self.api.journal if method in {"", call.method}]

    def pings(self) -> list[str]:
        """Texts of the bot in which `<!channel>`, `<!here>`, `<!everyone>` or a user group would ring."""
        loud = ("<!channel", "<!here", "<!everyone", "<!subteam")
        texts = [m for c in self.world.channels.values() for m in c.messages.values() if m.get("bot_id")]
        return [str(m) for m in [*texts, *self.ephemerals()] if any(word in str(m) for word in loud)]

    def fail(
        self,
        method: str,
        *,
        times: int = 1,
        status: int = 200,
        error: str = "",
        retry_after: float = 1,
        after: bool = False,
    ) -> None:
        """The next calls of a method get this: `status=429`, `status=500`, or `error="channel_not_found"`.

        With `after`, the call has its effect and only the answer is lost.
        """
        self.api.faults.order(method, Fault(times, status, error, retry_after, after))

    def configure(
        self,
        *,
        streaming: bool | None = None,
        streaming_error: str | None = None,
        stream_lifetime: float | None = None,
        stream_cap: int | None = None,
        rate_limits: bool | None = None,
        rate_window: float | None = None,
        retry_delays: list[float] | None = None,
        trigger_lifetime: float | None = None,
        events_url: str | None = None,
        delays: dict[str, float] | None = None,
        scopes: str | None = None,
    ) -> None:
        """Turn the switches; what is None stays. `delays` are seconds by method; `scopes` those of T1's token."""
        streams, faults = self.api.streams, self.api.faults
        streams.available = streams.available if streaming is None else streaming
        streams.missing_error = streaming_error or streams.missing_error
        streams.lifetime = streams.lifetime if stream_lifetime is None else stream_lifetime
        streams.cap = stream_cap or streams.cap
        faults.rate_limits = faults.rate_limits if rate_limits is None else rate_limits
        faults.rate_window = rate_window or faults.rate_window
        self.deliveries.retry_delays = self.deliveries.retry_delays if retry_delays is None else retry_delays
        self.api.views.trigger_lifetime = (
            self.api.views.trigger_lifetime if trigger_lifetime is None else trigger_lifetime
        )
        self.deliveries.events_url = self.deliveries.events_url if events_url is None else events_url
        self.world.workspaces["T1"].scopes = scopes or self.world.workspaces["T1"].scopes
        for method, seconds in (delays or {}).items():
            faults.delay(method, seconds)

    def add_file(self, name: str, mimetype: str, data: bytes) -> Json:
        """A file to hang on a message (`files=[…]` of `say`)."""
        file: File = self.api.lookup.add_file(name, mimetype, data)
        return file.as_json()

    async def send(self, body: str, headers: dict[str, str]) -> Delivery:
        """Post a raw body to the app: forged, stale, broken."""
        return await self.deliveries.post(body.encode(), headers)

    async def refresh_sockets(self) -> None:
        """Drop the Socket Mode connections as Slack does every few hours."""
        await self.sockets.refresh()

    async def until(self, condition: Callable[[], Any], *, seconds: float = 5) -> Any:
        """Wait until a condition holds; AssertionError when it never does. Returns what it returned."""
        deadline = asyncio.get_running_loop().time() + seconds
        while not (found := condition()):
            if asyncio.get_running_loop().time() > deadline:
                raise AssertionError("it did not happen in time")
            await asyncio.sleep(0.01)
        return found

    async def reset(self) -> None:
        """Begin anew: an empty workspace, no faults, an empty journal; the app's connections are dropped."""
        await self.deliveries.close()
        await self.sockets.close()
        self._begin(self.deliveries.events_url)
        self._tell_address()

    def _tell_address(self) -> None:
        self.api.lookup.base_url = self.api.views.base_url = self.base_url
        self.api.socket_url = lambda: f"{self.base_url.replace('http', 'ws', 1)}/link?ticket={self.sockets.ticket()}"

    async def _method(self, request: web.Request) -> web.Response:
        return await self.api.handle(request)

    async def _link(self, request: web.Request) -> web.StreamResponse:
        return await self.sockets.handle(request)

    async def _response(self, request: web.Request) -> web.Response:
        try:
            self.api.views.respond(request.match_info["name"], await request.json())
        except SlackError as error:
            return web.json_response(
                {"ok": False, "error": error.name}, status=404 if error.name.endswith("_url") else 400
            )
        return web.Response(text="ok")

    async def _upload(self, request: web.Request) -> web.Response:
        self.api.lookup.uploads[request.match_info["file"]] = await request.read()
        return web.Response(text="OK")

    async def _file(self, request: web.Request) -> web.Response:
        file = self.world.files.get(request.match_info["file"])
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if file is None or token not in {w.token for w in self.world.workspaces.values()}:
            return web.Response(text="<!DOCTYPE html><title>Sign in</title>", content_type="text/html")
        return web.Response(body=file.data, content_type=file.mimetype)


async def _serve(port: int, events_url: str) -> None:
    async with SlackServer(port=port, events_url=events_url) as slack:
        print(slack.base_url, flush=True)  # noqa: T201 - the parent process reads where to reach it
        await asyncio.Event().wait()


def main() -> None:
    """Run as a process of its own until it is ended."""
    parser = argparse.ArgumentParser(description="A Slack on loopback, for tests.")
    parser.add_argument("--port", type=int, default=0, help="0: the system chooses; the address is printed")
    parser.add_argument("--events-url", default="", help="where events, commands and interactions are posted")
    arguments = parser.parse_args()
    asyncio.run(_serve(arguments.port, arguments.events_url))


if __name__ == "__main__":
    main()

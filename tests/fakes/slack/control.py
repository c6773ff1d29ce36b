"""Driving the fake from another process: `POST /_control/<act>` with JSON arguments, `GET /_control/<thing>`."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from aiohttp import web

from tests.fakes.slack.delivery import Delivery
from tests.fakes.slack.world import Json, SlackError

if TYPE_CHECKING:
    from tests.fakes.slack_server import SlackServer

ACTS = (
    "say", "edit", "delete", "command", "open_home", "stop", "uninstall", "revoke_tokens", "submit", "fail", "configure",
    "reset", "refresh_sockets", "send",
)  # fmt: skip


class Control:
    """Calls the same methods that tests in the same process call."""

    def __init__(self, slack: SlackServer) -> None:
        self._slack = slack

    def routes(self) -> list[web.RouteDef]:
        """The control end points."""
        return [
            web.post("/_control/press", self._press),
            web.post("/_control/suggest", self._suggest),
            web.post("/_control/{act}", self._act),
            web.get("/_control/messages/{channel}", self._messages),
            web.get("/_control/direct/{user}", self._direct),
            web.get("/_control/home/{user}", self._home),
            web.get("/_control/modal/{user}", self._modal),
            web.get("/_control/{thing}", self._thing),
        ]

    async def _act(self, request: web.Request) -> web.Response:
        act = request.match_info["act"]
        if act not in ACTS:
            raise web.HTTPNotFound
        arguments: Json = await request.json() if request.can_read_body else {}
        try:
            result = getattr(self._slack, act)(**arguments)
            if hasattr(result, "__await__"):
                result = await result
        except (SlackError, LookupError, TypeError) as error:
            return web.json_response({"error": f"{type(error).__name__}: {error}"}, status=400)
        return web.json_response({"result": _plain(result)})

    async def _press(self, request: web.Request) -> web.Response:
        """`where` is `{"home": user}`, `{"modal": user}`, `{"ephemeral": index}` or `{"channel": …, "ts": …}`."""
        arguments: Json = await request.json()
        where = self._find(arguments.pop("where"))
        try:
            return web.json_response({"result": _plain(await self._slack.press(where=where, **arguments))})
        except LookupError as error:
            return web.json_response({"error": str(error)}, status=400)

    async def _suggest(self, request: web.Request) -> web.Response:
        arguments: Json = await request.json()
        view = self._find(arguments.pop("where"))
        return web.json_response({"result": await self._slack.suggest(view=view, **arguments)})

    async def _messages(self, request: web.Request) -> web.Response:
        return web.json_response(self._slack.messages(request.match_info["channel"]))

    async def _direct(self, request: web.Request) -> web.Response:
        return web.json_response({"channel": self._slack.world.direct(request.match_info["user"]).id})

    async def _home(self, request: web.Request) -> web.Response:
        return web.json_response(self._slack.home(request.match_info["user"]))

    async def _modal(self, request: web.Request) -> web.Response:
        return web.json_response(self._slack.modal(request.match_info["user"]))

    async def _thing(self, request: web.Request) -> web.Response:
        thing = request.match_info["thing"]
        if thing == "journal":
            return web.json_response([_plain(c) for c in self._slack.calls(request.query.get("method", ""))])
        if thing == "deliveries":
            return web.json_response([_plain(d) for d in self._slack.deliveries.log])
        if thing == "ephemerals":
            return web.json_response(self._slack.ephemerals())
        if thing == "state":
            chat = self._slack.api.chat
            sessions = {f"{channel}/{thread}": status for (channel, thread), status in chat.sessions.items()}
            sockets = len(self._slack.sockets.connections)
            return web.json_response({"sessions": sessions, "statuses": chat.statuses, "sockets": sockets})
        raise web.HTTPNotFound

    def _find(self, where: Json) -> Json:
        slack = self._slack
        if "ephemeral" in where:
            return slack.ephemerals()[where["ephemeral"]]
        if "channel" in where:
            return slack.message(where["channel"], where["ts"])
        found = slack.home(where["home"]) if "home" in where else slack.modal(where["modal"])
        if found is None:
            raise web.HTTPNotFound
        return found


def _plain(value: Any) -> Any:
    if isinstance(value, Delivery):
        return dataclasses.asdict(value) | {"ok": value.ok}
    return dataclasses.asdict(value) if dataclasses.is_dataclass(value) and not isinstance(value, type) else value

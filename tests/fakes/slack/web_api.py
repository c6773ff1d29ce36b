"""`POST /api/<method>`: who calls, what trouble was ordered, the method, and a journal of it all."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.fakes.slack.chat import Chat
from tests.fakes.slack.faults import Fault, Faults
from tests.fakes.slack.lookup import Lookup
from tests.fakes.slack.streams import Streams
from tests.fakes.slack.views import Views
from tests.fakes.slack.world import Json, SlackError, Workspace, World

Method = Callable[[Workspace, Json], Json]
_NESTED = {"blocks", "view", "chunks", "metadata", "prompts", "files", "attachments", "loading_messages"}


@dataclass
class Call:
    """One call of the Web API as it arrived, and how it ended (`error` is empty when it went well)."""

    method: str
    token: str
    args: Json
    team: str = ""
    status: int = 200
    error: str = ""
    at: float = field(default_factory=time.time)


class WebApi:
    """The methods by name. `journal` holds every call, refused ones too."""

    def __init__(self, world: World, app_token: str) -> None:
        self.world = world
        self.faults = Faults()
        self.streams = Streams(world)
        self.chat = Chat(world, self.streams)
        self.views = Views(world, ephemerals=self.chat.ephemerals)
        self.lookup = Lookup(world)
        self.journal: list[Call] = []
        self.socket_url: Callable[[], str] = lambda: ""
        self.methods = self._methods()
        self._app_token = app_token

    async def handle(self, request: web.Request) -> web.Response:
        """One call over HTTP."""
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        call = Call(request.match_info["method"], token, await _arguments(request))
        self.journal.append(call)
        delay = self.faults.delay_of(call.method)
        if delay:
            await asyncio.sleep(delay)
        fault = self.faults.due(call.method)
        if fault is not None and not fault.after:
            return self._trouble(call, fault)
        answer = self._answer(call)
        return self._trouble(call, fault) if fault is not None else answer

    def _answer(self, call: Call) -> web.Response:
        try:
            if call.method == "apps.connections.open":
                return self._connect(call)
            workspace = self.world.workspace_of_token(call.token or str(call.args.pop("token", "")))
            call.team = workspace.id
            wait = self.faults.over_tier(workspace.id, call.method)
            if wait is not None:
                return self._trouble(call, Fault(status=429, error="ratelimited", retry_after=wait))
            method = self.methods.get(call.method, _unknown)
            return web.json_response(
                {"ok": True} | method(workspace, call.args), headers={"X-OAuth-Scopes": workspace.scopes}
            )
        except SlackError as error:
            call.error = error.name
            return web.json_response({"ok": False, "error": error.name} | error.extra)

    def _connect(self, call: Call) -> web.Response:
        if call.token != self._app_token:
            raise SlackError("invalid_auth")
        return web.json_response({"ok": True, "url": self.socket_url()})

    def _trouble(self, call: Call, fault: Fault) -> web.Response:
        call.status, call.error = fault.status, fault.error or str(fault.status)
        if fault.status == 429:
            headers = {"Retry-After": str(max(0, round(fault.retry_after)))}
            return web.json_response({"ok": False, "error": "ratelimited"}, status=429, headers=headers)
        if fault.status != 200:
            return web.Response(status=fault.status, text="upstream trouble", content_type="text/html")
        return web.json_response({"ok": False, "error": fault.error})

    def _methods(self) -> dict[str, Method]:
        chat, look, views, streams = self.chat, self.lookup, self.views, self.streams
        return {
            "auth.test": look.auth_test,
            "users.info": look.users_info,
            "users.list": look.users,
            "bots.info": look.bots_info,
            "conversations.info": look.info,
            "conversations.open": look.open,
            "conversations.members": look.members,
            "conversations.list": look.channels,
            "conversations.replies": look.replies,
            "conversations.history": look.history,
            "files.info": look.file_info,
            "files.list": look.file_list,
            "files.delete": look.file_delete,
            "files.getUploadURLExternal": look.upload_url,
            "files.completeUploadExternal": look.complete_upload,
            "assistant.search.context": look.search,
            "chat.postMessage": chat.post_message,
            "chat.update": chat.update,
            "chat.delete": chat.delete,
            "chat.postEphemeral": chat.post_ephemeral,
            "chat.startStream": streams.start,
            "chat.appendStream": streams.append,
            "chat.stopStream": chat.stop_stream,
            "assistant.threads.setStatus": chat.set_status,
            "assistant.threads.setSuggestedPrompts": chat.set_prompts,
            "assistant.threads.setTitle": chat.set_title,
            "agents.sessions.setStatus": chat.session_status,
            "agents.sessions.rename": chat.session_rename,
            "views.open": views.open,
            "views.push": views.push,
            "views.update": views.update,
            "views.publish": views.publish,
        }


def _unknown(workspace: Workspace, args: Json) -> Json:
    raise SlackError("unknown_method")


async def _arguments(request: web.Request) -> Json:
    args: dict[str, Any] = dict(request.query)
    if request.content_type == "application/json":
        args |= json.loads(await request.text() or "{}")
    elif request.can_read_body:
        args |= {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
    for name in _NESTED & args.keys():
        if isinstance(args[name], str):
            args[name] = json.loads(args[name])
    return args

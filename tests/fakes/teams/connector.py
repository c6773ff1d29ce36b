"""The Bot Framework's connector: posts, updates and deletes in the fake world, with its refusals, faults on demand and published limits."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from aiohttp import web

from tests.fakes.teams.identity import Identity
from tests.fakes.teams.streams import Refused, Streams
from tests.fakes.teams.world import BOT, CHANNEL, Chat, World

Json = dict[str, Any]

PREFIX = "/emea"
LIMITS = ((7, 1.0), (8, 2.0), (60, 30.0), (1800, 3600.0))


@dataclass
class Call:
    """One request to the connector, as it came."""

    verb: str
    path: str
    conversation: str
    body: Json
    token: str
    targeted: bool
    at: float
    status: int = 0


@dataclass
class Fault:
    """What is answered instead, to the next `times` requests for which `when` holds. Status 0 hangs up; `done` carries it out all the same.

    `meanwhile` is called when that is done (or not), before the answer.
    """

    status: int
    times: int
    when: Callable[[Call], bool]
    text: str = ""
    code: str = "Fault"
    headers: dict[str, str] = field(default_factory=dict)
    done: bool = False
    meanwhile: Callable[[], None] | None = None


class ConnectorServer:
    """`calls` is the record. With `limited`, the published limits per conversation hold (429), and `over` counts what broke them."""

    def __init__(self, world: World, identity: Identity, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.world = world
        self.identity = identity
        self.calls: list[Call] = []
        self.faults: list[Fault] = []
        self.limited = False
        self.over = 0
        self.largest = 28 * 1024
        self.now = monotonic
        self._streams: dict[str, Streams] = {}
        self._times: dict[str, deque[float]] = defaultdict(lambda: deque(maxlen=1800))

    def streams(self, conversation: str) -> Streams:
        """The streams of a chat."""
        return self._streams.setdefault(conversation, Streams(self.now))

    def fail(
        self, status: int, *, times: int = 1, verb: str = "", when: Callable[[Call], bool] | None = None, **more: Any
    ) -> None:
        """Answer the next requests (with this verb, or for which `when` holds) like this; `more` as in Fault."""
        self.faults.append(Fault(status, times, when or (lambda call: verb in {"", call.verb}), **more))

    def of(self, verb: str = "", conversation: str = "") -> list[Call]:
        """The requests with this verb, in this conversation (threads included)."""
        return [c for c in self.calls if verb in {"", c.verb} and c.conversation.startswith(conversation)]

    def routes(self) -> list[web.RouteDef]:
        there = f"{PREFIX}/v3/conversations/{{conversation}}"
        return [
            web.post(f"{PREFIX}/v3/conversations", self._handle(self._create)),
            web.post(f"{there}/activities", self._handle(self._post)),
            web.post(f"{there}/activities/{{parent}}", self._handle(self._post)),  # as botbuilder replies
            web.put(f"{there}/activities/{{activity}}", self._handle(self._put)),
            web.delete(f"{there}/activities/{{activity}}", self._handle(self._delete)),
            web.get(f"{there}/members/{{member}}", self._handle(self._member)),
            web.get(f"{there}/pagedmembers", self._handle(self._members)),
            web.get(f"{PREFIX}/v3/teams/{{team}}/conversations", self._handle(self._channels)),
        ]

    def _handle(self, act: Callable[[web.Request, Call], web.Response]) -> Callable[[web.Request], Any]:
        async def handler(request: web.Request) -> web.StreamResponse:
            call = await self._recorded(request)
            try:
                fault = self._fault(call)
                if fault is not None and not fault.done:
                    return await self._faulty(request, fault, call)
                self._admit(call)
                answer = act(request, call)
                if fault is not None:
                    return await self._faulty(request, fault, call)
            except Refused as refused:
                headers = {"Retry-After": "1"} if refused.status == 429 else {}
                answer = _error(refused.status, refused.code, refused.text, headers)
            call.status = answer.status
            return answer

        return handler

    async def _recorded(self, request: web.Request) -> Call:
        raw = await request.read()
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        call = Call(
            request.method,
            request.path,
            unquote(request.match_info.get("conversation", "")),
            json.loads(raw) if raw else {},
            token if scheme == "Bearer" else "",
            request.query.get("isTargetedActivity") == "true",
            self.now(),
        )
        self.calls.append(call)
        return call

    def _fault(self, call: Call) -> Fault | None:
        found = next((fault for fault in self.faults if fault.times > 0 and fault.when(call)), None)
        if found is not None:
            found.times -= 1
        return found

    async def _faulty(self, request: web.Request, fault: Fault, call: Call) -> web.Response:
        call.status = fault.status
        if fault.meanwhile is not None:
            fault.meanwhile()
        if fault.status == 0:
            assert request.transport is not None
            request.transport.close()
            await asyncio.sleep(0)
            return web.Response(status=500)
        return _error(fault.status, fault.code, fault.text, fault.headers)

    def _admit(self, call: Call) -> None:
        if call.token not in self.identity.issued:
            raise Refused(401, "Unauthorized")
        if not self.limited or not call.conversation:
            return
        times = self._times[call.conversation.partition(";")[0]]
        if any(len(times) >= most and times[-most] > call.at - seconds for most, seconds in LIMITS):
            self.over += 1
            raise Refused(429, "TooManyRequests")
        times.append(call.at)

    def _chat(self, call: Call) -> Chat:
        chat = self.world.chats.get(call.conversation.partition(";")[0])
        if chat is None:
            raise Refused(404, "ConversationNotFound")
        if not chat.bot_in:
            raise Refused(403, "BotNotInConversationRoster", "The bot is not part of the conversation roster.")
        return chat

    def _create(self, _request: web.Request, call: Call) -> web.Response:
        members = call.body.get("members") or [{}]
        person = self.world.person(str(members[0].get("id")))
        if person is None or call.body.get("bot", {}).get("id") != BOT["id"] or not call.body.get("tenantId"):
            raise Refused(400, "BadSyntax")
        chat = self.world.personal(person)
        if not chat.bot_in:
            raise Refused(403, "BotNotInConversationRoster")
        return web.json_response({"id": chat.id}, status=201)

    def _post(self, _request: web.Request, call: Call) -> web.Response:
        chat, activity = self._chat(call), call.body
        self._weigh(activity)
        if call.targeted:
            return self._target(chat, call)
        info = next((e for e in activity.get("entities", []) if e.get("type") == "streaminfo"), None)
        if info is not None:
            return self._stream(chat, call, info)
        if activity.get("type") == "typing":
            chat.typing.append(activity)
            return web.Response(status=202)
        new_id = self.world.new_id()
        chat.shown[new_id] = activity | {"id": new_id, "conversation": {"id": call.conversation}}
        return web.json_response({"id": new_id}, status=201)

    def _stream(self, chat: Chat, call: Call, info: Json) -> web.Response:
        if chat.kind != "personal":
            raise Refused(403, "ContentStreamNotAllowed", "Content stream is not allowed")
        streams, text = self.streams(chat.id), str(call.body.get("text", ""))
        if call.body.get("type") == "message":
            stream = streams.final(info, text)
            chat.shown[stream.id] = call.body | {"id": stream.id, "conversation": {"id": call.conversation}}
            return web.json_response({"id": stream.id}, status=202)
        stream, begins = streams.chunk(info, text, self.world.new_id())
        if info["streamType"] == "streaming":
            chat.shown[stream.id] = call.body | {"id": stream.id, "conversation": {"id": call.conversation}}
        return web.json_response({"id": stream.id}, status=201) if begins else web.Response(status=202)

    def _target(self, chat: Chat, call: Call) -> web.Response:
        recipient = call.body.get("recipient") or {}
        if chat.kind == "personal" or recipient.get("isTargeted") is not True:
            raise Refused(400, "BadArgument", "targeted")
        if not any(recipient.get("id") in {one.id, one.oid} for one in chat.members):
            raise Refused(403, "ForbiddenOperationException", "not a member")
        new_id = self.world.new_id()
        chat.targeted[new_id] = call.body | {"id": new_id}
        return web.json_response({"id": new_id}, status=201)

    def _put(self, request: web.Request, call: Call) -> web.Response:
        chat, activity_id = self._chat(call), unquote(request.match_info["activity"])
        shelf = chat.targeted if call.targeted else chat.shown
        self._weigh(call.body)
        if len(call.body.get("attachments", [])) + bool(str(call.body.get("text", "")).strip()) > 1:
            raise Refused(400, "BadSyntax", "Activity resulted into multiple skype activities")
        if activity_id not in shelf:
            raise Refused(404, "ActivityNotFoundInConversation")
        there = shelf[activity_id].get("conversation") or {"id": call.conversation}
        shelf[activity_id] = call.body | {"id": activity_id, "conversation": there}
        return web.json_response({"id": activity_id})

    def _delete(self, request: web.Request, call: Call) -> web.Response:
        chat = self._chat(call)
        shelf = chat.targeted if call.targeted else chat.shown
        if shelf.pop(unquote(request.match_info["activity"]), None) is None:
            raise Refused(404, "ActivityNotFoundInConversation")
        return web.Response(status=200)

    def _member(self, request: web.Request, call: Call) -> web.Response:
        chat, wanted = self._chat(call), unquote(request.match_info["member"])
        found = next((one for one in chat.members if wanted in {one.id, one.oid}), None)
        if found is None:
            raise Refused(404, "MemberNotFoundInConversation")
        return web.json_response(found.described())

    def _members(self, request: web.Request, call: Call) -> web.Response:
        described = [one.described() for one in self._chat(call).members]
        at, size = int(request.query.get("continuationToken") or 0), int(request.query["pageSize"])
        more = {"continuationToken": str(at + size)} if at + size < len(described) else {}
        return web.json_response({"members": described[at : at + size], **more})

    def _channels(self, request: web.Request, _call: Call) -> web.Response:
        if unquote(request.match_info["team"]) != CHANNEL:
            raise Refused(404, "TeamNotFound")
        listed = [one.described() for one in self.world.chats.values() if one.kind == "channel"]
        return web.json_response({"conversations": listed})

    def _weigh(self, activity: Json) -> None:
        pictures = [one for one in activity.get("attachments", []) if _is_picture(one)]
        if any(len(one["contentUrl"]) > 1_400_000 for one in pictures):
            raise Refused(413, "MessageSizeTooBig")
        for one in activity.get("attachments", []):
            _look_at_pictures(one.get("content"))
        activity = activity | {"attachments": [one for one in activity.get("attachments", []) if one not in pictures]}
        if len(json.dumps(activity, ensure_ascii=False).encode()) > self.largest:
            raise Refused(413, "MessageSizeTooBig")


def _is_picture(attachment: Json) -> bool:
    return str(attachment.get("contentUrl", "")).startswith("data:image/")


def _look_at_pictures(card: Any) -> None:
    """Images of a card must be pictures that are there, with words for those who do not see them."""
    if isinstance(card, list):
        for one in card:
            _look_at_pictures(one)
    elif isinstance(card, dict):
        url = str(card.get("url", ""))
        if card.get("type") == "Image" and url.startswith("data:"):
            kind, _, data = url.removeprefix("data:").partition(";base64,")
            if (
                kind != "image/png"
                or not base64.b64decode(data, validate=True).startswith(b"\x89PNG")
                or not card["altText"]
            ):
                raise Refused(400, "BadSyntax", "Image")
        _look_at_pictures(list(card.values()))


def _error(status: int, code: str, text: str, headers: dict[str, str]) -> web.Response:
    return web.json_response({"error": {"code": code, "message": text}}, status=status, headers=headers)

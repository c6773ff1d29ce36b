"""Calls of the Bot Framework's connector: one session, one cached token, allow-listed hosts, errors in our words."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import quote

import aiohttp
from yarl import URL

from adapters.teams.addresses import Addresses
from adapters.teams.http import Http, at_most, parsed
from adapters.teams.payload import Json, items, obj, string
from adapters.teams.refusals import TeamsNotReachable, TeamsRefused, refusal
from adapters.teams.services import Services
from adapters.teams.tokens import BotToken
from adapters.teams.traffic import Traffic
from adapters.teams.where import Where, split
from app.domain.chat import ConversationRef
from app.domain.secrets import Secret
from app.errors import PlatformError, PlatformRateLimited, PlatformUnavailable

_PATIENCE = 120.0
_SOON = 4.0
_LONGEST_PAUSE = 15.0
_MOST = 4 * 2**20


class Connector:
    """The connector of every workspace: the service URL comes with each call, and is called only if its host is allowed.

    Keeps within Teams' limits. `patient` calls wait for room and sit out 429, 412, 502, 503 and 504 with back-off and jitter, two minutes
    at most; others raise PlatformRateLimited (with `retry_after`) or PlatformUnavailable at once, for what may be skipped (a chunk of a
    stream, typing). Refusals are TeamsRefused with a `reason`.
    """

    def __init__(
        self,
        http: Http,
        token: BotToken,
        services: Services,
        addresses: Addresses,
        *,
        traffic: Traffic | None = None,
        first_pause: float = 0.5,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._http = http
        self._token = token
        self._services = services
        self._addresses = addresses
        self._traffic = traffic or Traffic()
        self._first_pause = first_pause
        self._now = monotonic

    async def send(self, place: Where, activity: Json, *, targeted: bool = False, patient: bool = True) -> str:
        """Post an activity; its id (empty where Teams gives none, as for later chunks of a stream)."""
        path = f"v3/conversations/{quote(place.conversation, safe='')}/activities"
        answer = await self._call(_Call("POST", place, path, _as_bot(place, activity), targeted), patient=patient)
        return string(answer.get("id"))

    async def update(
        self, place: Where, activity_id: str, activity: Json, *, targeted: bool = False, patient: bool = True
    ) -> None:
        """Put this in the place of an activity of ours."""
        body = _as_bot(place, activity) | {"id": activity_id}
        await self._call(_Call("PUT", place, _path_of(place, activity_id), body, targeted), patient=patient)

    async def delete(self, place: Where, activity_id: str, *, targeted: bool = False) -> None:
        """Take back an activity of ours."""
        await self._call(_Call("DELETE", place, _path_of(place, activity_id), None, targeted), patient=True)

    async def personal(self, workspace: str, user: str) -> Where | None:
        """The one-to-one chat with a person (by our user id), made if need be; None when Teams does not give one."""
        known = await self._addresses.personal(workspace, user)
        service = await self._addresses.service(workspace)
        if known or service is None:
            return known
        body: Json = {
            "bot": {"id": service.bot_id},
            "members": [{"id": await self._addresses.account(workspace, user)}],
            "isGroup": False,
            "tenantId": service.tenant,
            "channelData": {"tenant": {"id": service.tenant}},
        }
        try:
            answer = await self._call(_Call("POST", service, "v3/conversations", body), patient=True)
        except TeamsRefused:
            return None
        made = string(answer.get("id"))
        if made:
            await self._addresses.keep_personal(workspace, user, made)
        return await self._addresses.personal(workspace, user)

    async def at(self, conversation: ConversationRef, hints: Mapping[str, str]) -> Where:
        """How to write into a conversation: by the hints of its mention, else by what is known of its workspace. Raises NotReachable."""
        return await self._addresses.at(conversation, hints)

    async def member(self, place: Where, user_id: str) -> Json:
        """What Teams tells about a member of a conversation (by the platform's `29:` id or the directory's); within seconds, or not."""
        path = f"v3/conversations/{quote(split(place.conversation)[0], safe='')}/members/{quote(user_id, safe='')}"
        try:
            async with asyncio.timeout(_SOON):
                return await self._call(_Call("GET", place, path), patient=True)
        except TimeoutError:
            raise PlatformUnavailable("GET: no answer in time") from None

    async def members(self, place: Where, *, most_pages: int) -> AsyncIterator[Json]:
        """Every member of a conversation. Raises PlatformError where there are more pages than that."""
        path, more = f"v3/conversations/{quote(split(place.conversation)[0], safe='')}/pagedmembers", ""
        for _ in range(most_pages):
            page = await self._call(_Call("GET", place, path, query=_page(more)), patient=True)
            for member in items(page.get("members")):
                yield obj(member)
            more = string(page.get("continuationToken"))
            if not more:
                return
        raise PlatformError("more members than can be read through")

    async def channels(self, service: Where, team: str) -> Json:
        """What Teams tells about a team's channels."""
        return await self._call(_Call("GET", service, f"v3/teams/{quote(team, safe='')}/conversations"), patient=True)

    async def _call(self, call: _Call, *, patient: bool) -> Json:
        if not self._services.allows(call.place.service_url):
            raise TeamsNotReachable(call.verb, 0, "not a service of Teams'")
        until, pause = self._now() + _PATIENCE, self._first_pause
        while True:
            try:
                await self._token.current()  # first, so that what is counted as sent now is sent now
                await self._room(call, patient=patient, until=until)
                return await self._once(call)
            except (PlatformRateLimited, PlatformUnavailable) as error:
                asked = error.retry_after or 0.0 if isinstance(error, PlatformRateLimited) else 0.0
                wait = max(asked, pause * random.uniform(0.5, 1.5))
                in_doubt = isinstance(error, _InDoubt) and call.verb == "POST"
                if not patient or in_doubt or self._now() + wait > until:
                    raise
            await asyncio.sleep(wait)
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _room(self, call: _Call, *, patient: bool, until: float) -> None:
        """Wait until one more request fits the limits, and count it."""
        tenant = call.place.tenant
        while wait := self._traffic.wait_for(tenant, call.share, spare=not patient):
            if not patient or self._now() + wait > until:
                raise PlatformRateLimited("our own share is used up", retry_after=wait)
            await asyncio.sleep(wait + random.uniform(0, 0.05))
        self._traffic.count(tenant, call.share)

    async def _once(self, call: _Call) -> Json:
        token = await self._token.current()
        answer = await self._request(call, token)
        if answer.status == HTTPStatus.UNAUTHORIZED:  # taken back before its time
            self._token.drop(token)
            answer = await self._request(call, await self._token.current())
        if answer.status < HTTPStatus.MULTIPLE_CHOICES:
            return answer.body
        trouble = refusal(call.verb, answer.status, answer.body, answer.retry_after)
        if isinstance(trouble, PlatformRateLimited):
            self._traffic.block(call.share, trouble.retry_after or 0.0)
        raise trouble

    async def _request(self, call: _Call, token: Secret) -> _Answer:
        headers = {"Authorization": f"Bearer {token.reveal()}"}
        try:
            async with self._http.session.request(
                call.verb, call.url, json=call.body, headers=headers, allow_redirects=False
            ) as answer:
                body = _object(await at_most(answer, _MOST))
                return _Answer(answer.status, body, answer.headers.get("Retry-After", ""))
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:  # nothing was sent
            raise PlatformUnavailable(f"{call.verb}: {type(error).__name__}") from None
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise _InDoubt(f"{call.verb}: {type(error).__name__}") from None


@dataclass(frozen=True, slots=True)
class _Call:
    verb: str
    place: Where
    path: str
    body: Json | None = None
    targeted: bool = False
    query: Mapping[str, str] = field(default_factory=dict)

    @property
    def share(self) -> str:
        """Out of whose limits it comes: a channel's threads share theirs; who is a member is counted by itself."""
        return f"{'members of ' if self.verb == 'GET' else ''}{split(self.place.conversation)[0]}"

    @property
    def url(self) -> URL:
        query = {**self.query, **({"isTargetedActivity": "true"} if self.targeted else {})}
        return URL(f"{self.place.service_url.rstrip('/')}/{self.path}", encoded=True).with_query(query or None)


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    body: Json
    retry_after: str


class _InDoubt(PlatformUnavailable):
    """Nobody knows whether a request was carried out: posting it again could say it twice."""


def _page(more: str) -> dict[str, str]:
    return {"pageSize": "500"} | ({"continuationToken": more} if more else {})


def _as_bot(place: Where, activity: Json) -> Json:
    return {"from": {"id": place.bot_id}, "conversation": {"id": place.conversation}, **activity}


def _path_of(place: Where, activity_id: str) -> str:
    return f"v3/conversations/{quote(place.conversation, safe='')}/activities/{quote(activity_id, safe='')}"


def _object(body: bytes) -> Json:
    """The object in an answer; a proxy's page, or anything else that says nothing, is an empty one."""
    try:
        return parsed(body)
    except ValueError:
        return {}

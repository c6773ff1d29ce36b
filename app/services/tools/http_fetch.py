"""Pages and documents of the web, read for an agent. Which addresses it may ask for is the policy's to say, at the first and at every redirect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from app.domain.grants import Target, Traits
from app.domain.run import Source, ToolResult, ToolSpec
from app.errors import BadInput
from app.ports.agents import RunFacts, Tool
from app.ports.documents import DocumentReader, Unreadable
from app.ports.web import Elsewhere, Fetched, Refused, Web, WebAddress
from app.services.tools.pages import LONGEST, Page, told
from app.services.tools.told import Redact

NAME = "http_fetch"
_READING = "GET"
_WRITING = ("POST", "PUT", "PATCH", "DELETE")
_LONGEST_URL = 2000
_LONGEST_BODY = 20_000
_DEEPEST = 1_000_000
KEY_INSIDE = "There is a key in what would be sent. Keys are sent nowhere."


class ReachesHosts(Protocol):
    """What is needed of `app.services.permissions`."""

    async def hosts(self, facts: RunFacts, tool: str) -> frozenset[str]:
        """The hosts that a grant names, where nobody need agree, at this moment."""


@dataclass(frozen=True, slots=True)
class _Asked:
    address: WebAddress
    method: str
    body: str
    start: int


class HttpFetch:
    """Keeps to the address that was decided on: a redirect is followed within its site and to hosts that are granted, and nowhere else."""

    def __init__(
        self, facts: RunFacts, web: Web, reader: DocumentReader, permissions: ReachesHosts, redact: Redact
    ) -> None:
        granted = {method for grant in facts.agent.grants if grant.tool == NAME for method in grant.scope.methods}
        methods = [method for method in _WRITING if method in granted]
        self.spec = _spec(methods)
        self.traits = Traits(reads_untrusted=True, outward=True, parallel=not methods)
        self._facts = facts
        self._web = web
        self._reader = reader
        self._permissions = permissions
        self._redact = redact

    def target(self, arguments: Mapping[str, Any]) -> Target:
        """See Tool."""
        asked = self._arguments(arguments)
        return Target(host=asked.address.host, method=asked.method, url=asked.address.url)

    async def call(self, call_id: str, arguments: Mapping[str, Any]) -> ToolResult:
        """See Tool."""
        try:
            asked = self._arguments(arguments)
        except BadInput as error:
            return ToolResult(call_id, error.message, is_error=True)
        sent = f"{asked.address.url}\n{asked.body}"
        if await self._redact(self._facts.workspace, sent) != sent:
            return ToolResult(call_id, KEY_INSIDE, is_error=True)
        try:
            fetched = await self._fetch(asked)
            page = await told(fetched, self._reader, start=asked.start)
        except Elsewhere as elsewhere:
            return ToolResult(call_id, _elsewhere(asked.address, elsewhere.url), is_error=True)
        except Refused as refused:
            return ToolResult(call_id, f"{asked.address.host} was not read. {refused}", is_error=True)
        except Unreadable as error:
            return ToolResult(call_id, f"What {asked.address.host} sent can't be read: {error}.", is_error=True)
        return await self._result(call_id, fetched, page)

    async def _fetch(self, asked: _Asked) -> Fetched:
        granted = await self._permissions.hosts(self._facts, NAME)

        def may_visit(address: WebAddress) -> bool:
            return address == asked.address or address.host in granted or _same_site(asked.address.host, address.host)

        return await self._web.fetch(
            asked.address.url,
            may_visit=may_visit,
            method=asked.method,
            body=asked.body.encode(),
            media_type=_media_type(asked.body),
        )

    async def _result(self, call_id: str, fetched: Fetched, page: Page) -> ToolResult:
        well = 200 <= fetched.status < 300
        sources = (Source(page.title, fetched.url),) if well else ()
        text = await self._redact(self._facts.workspace, page.told)
        return ToolResult(call_id, text, is_error=not well, sources=sources)

    def _arguments(self, arguments: Mapping[str, Any]) -> _Asked:
        url, method = arguments.get("url"), arguments.get("method", _READING)
        body, start = arguments.get("body", ""), arguments.get("start", 0)
        if set(arguments) - {"url", "method", "body", "start"} or not isinstance(url, str) or len(url) > _LONGEST_URL:
            raise BadInput("http_fetch takes url, a whole address that begins with https://.", field="url")
        if method not in (_READING, *_WRITING):
            raise BadInput(f"method is one of {', '.join((_READING, *_WRITING))}.", field="method")
        if not isinstance(body, str) or len(body) > _LONGEST_BODY or (body and method == _READING):
            raise BadInput(
                f"body is a text of at most {_LONGEST_BODY:,} characters, for other methods than GET.", field="body"
            )
        if not isinstance(start, int) or isinstance(start, bool) or not 0 <= start <= _DEEPEST:
            raise BadInput(f"start is a number from 0 to {_DEEPEST:,}.", field="start")
        try:
            return _Asked(self._web.address(url.strip()), method, body, start)
        except Refused as refused:
            raise BadInput(str(refused), field="url") from None


class WebTools:
    """See ToolSource. `redact` takes keys out of what was read, and finds them in what would be sent."""

    def __init__(self, web: Web, reader: DocumentReader, permissions: ReachesHosts, redact: Redact) -> None:
        self._web = web
        self._reader = reader
        self._permissions = permissions
        self._redact = redact

    async def tools(self, facts: RunFacts) -> Sequence[Tool]:
        """See ToolSource."""
        return (HttpFetch(facts, self._web, self._reader, self._permissions, self._redact),)


def _spec(methods: Sequence[str]) -> ToolSpec:
    properties: dict[str, Any] = {
        "url": {"type": "string", "maxLength": _LONGEST_URL, "description": "The whole address, with https://."},
        "start": {"type": "integer", "minimum": 0, "description": "Where to read on in a long text, in characters."},
    }
    if methods:
        properties |= {
            "method": {"type": "string", "enum": [_READING, *methods], "description": "GET if left out."},
            "body": {"type": "string", "maxLength": _LONGEST_BODY, "description": "JSON or plain text to send."},
        }
    return ToolSpec(
        name=NAME,
        description=(
            "Reads a web page, a PDF, an Office document, plain text or JSON at a public https address, as text of "
            f"at most {LONGEST:,} characters at a time. Use addresses exactly as the person or a search gave them: "
            "others may be refused."
        ),
        parameters={"type": "object", "properties": properties, "required": ["url"], "additionalProperties": False},
    )


def _media_type(body: str) -> str:
    return "application/json" if body.lstrip()[:1] in ("{", "[") else "text/plain; charset=utf-8"


def _same_site(asked: str, next_host: str) -> bool:
    """The same host by https, with or without `www.`; coming from plain http it may change to https, never back."""
    return _bare(asked.removesuffix(":80")) == _bare(next_host)


def _bare(host: str) -> str:
    return host.removeprefix("www.")


def _elsewhere(asked: WebAddress, url: str) -> str:
    return (
        f"{asked.host} sends on to an address of another site, which is not followed by itself: {url} "
        "If the answer needs it, ask for that address: the person may have to agree."
    )

"""Any server that speaks OpenAI's Chat Completions: OpenRouter, Groq, Mistral, Azure v1, Ollama, vLLM and many more."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from adapters.models import catalog, chat_wire
from adapters.models.errors import asked, renamed, streamed
from adapters.models.http import ModelHttp
from adapters.models.listing import model_info, rows_of
from adapters.models.openai_client import client_for, opened
from adapters.models.urls import workspace_url
from app.domain.keys import ProviderCredential
from app.domain.run import ModelEvent, ModelInfo, ModelRequest
from app.errors import BadInput, ModelGone, NoKey, NotPermitted, RequestRefused, Unreachable

if TYPE_CHECKING:
    from openai import AsyncOpenAI

_LISTING = 10.0  # seconds for the model list
_CHAT = "/chat/completions"
_NO_SUCH_MODEL = "latchkey-key-check"
_UNKNOWN = re.compile(
    r"unsupported|unrecogni[sz]ed|unknown|unexpected|not (supported|permitted|allowed)|extra|additional propert",
    re.IGNORECASE,
)
_AZURE = (".openai.azure.com", ".services.ai.azure.com", ".cognitiveservices.azure.com")
"""Servers that list every model there is, and answer under the names of deployments, which nobody lists."""

_REMEMBERED = 1000  # servers and models whose refusals are kept
_NOT_HERE = "Nothing at this base URL answers like a model server. Check its path: it often ends in /v1."


class Compatible:
    """Implements ModelProvider. The base URL comes with each key, and is judged at each use."""

    name = "compatible"
    title = "OpenAI-compatible server"
    wants_base_url = True

    def __init__(self, http: ModelHttp) -> None:
        self._http = http
        self._refused: dict[tuple[str, str], frozenset[str]] = {}

    async def stream(self, request: ModelRequest, *, key: ProviderCredential | None) -> AsyncIterator[ModelEvent]:
        """See ModelProvider. Usage is zero where the server tells none."""
        client, headers = await self._client(key)
        async for event in streamed(self._open(client, headers, request), chat_wire.read):
            yield event

    async def verify(self, key: ProviderCredential, *, timeout: float = 1.8) -> None:
        """See ModelProvider. The listing tells, unless it is missing or shown to anybody (as OpenRouter's is).

        Then one token is asked of a model that does not exist: a server that takes the key answers that there is none, at no cost. One that
        answers whatever model is named costs that one token.
        """
        client, headers = await self._client(key)
        await asked(self._verify(client, headers), timeout=timeout)

    async def try_model(self, key: ProviderCredential, model: str, *, timeout: float = 1.8) -> bool:
        """See ModelProvider. The listing tells, where there is one: whoever is asked for words is paid for them."""
        client, headers = await self._client(key)
        if client.base_url.host.endswith(_AZURE):
            return False
        try:
            rows = await asked(rows_of(client, headers), timeout=timeout)
        except (ModelGone, NotPermitted):  # no listing, or none for this key
            return False
        if rows and not any(row["id"] == model for row in rows):
            raise ModelGone
        return bool(rows)

    async def models(self, key: ProviderCredential | None) -> tuple[ModelInfo, ...]:
        """See ModelProvider."""
        client, headers = await self._client(key)
        if client.base_url.host.endswith(_AZURE):
            return ()
        try:
            rows = await asked(rows_of(client, headers), timeout=_LISTING)
        except ModelGone:
            return ()
        return catalog.ranked_others([model_info(row) for row in rows])

    def best(self, models: tuple[ModelInfo, ...]) -> ModelInfo | None:
        """See ModelProvider."""
        return catalog.best_other(models)

    def successor(self, model: str, models: tuple[ModelInfo, ...]) -> ModelInfo | None:
        """See ModelProvider."""
        return catalog.successor_other(model, models)

    def origin(self, base_url: str) -> str:
        """See ModelProvider."""
        return workspace_url(base_url, self._http.private_hosts).origin

    async def _client(self, key: ProviderCredential | None) -> tuple[AsyncOpenAI, dict[str, Any]]:
        if key is None:
            raise NoKey
        try:
            url = workspace_url(key.base_url, self._http.private_hosts)
        except BadInput as error:  # it was allowed when it was set
            raise Unreachable(error.message) from None
        return await client_for(key, str(url), self._http)

    async def _open(self, client: AsyncOpenAI, headers: dict[str, Any], request: ModelRequest) -> Any:
        """Ask, and ask again without what the server does not know; that is remembered for its next request."""
        import openai

        place = (str(client.base_url), request.model)
        while True:
            refused = self._refused.get(place, frozenset())
            parameters = chat_wire.parameters(request, refused)
            try:
                return await opened(client, _CHAT, headers, parameters)
            except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
                unknown = _unknown_parameters(error) & parameters.keys()
                if not unknown:
                    raise
                if len(self._refused) >= _REMEMBERED:
                    self._refused.clear()
                self._refused[place] = refused | unknown

    async def _verify(self, client: AsyncOpenAI, headers: dict[str, Any]) -> None:
        import openai

        with_key, without = await asyncio.gather(
            rows_of(client, headers),
            rows_of(client, headers | {"Authorization": openai.Omit()}),
            return_exceptions=True,
        )
        if isinstance(with_key, BaseException):
            failure = renamed(with_key) if isinstance(with_key, Exception) else None
            if not isinstance(failure, ModelGone):
                raise with_key
        elif isinstance(without, BaseException):
            return
        await self._ask_for_nothing(client, headers)

    async def _ask_for_nothing(self, client: AsyncOpenAI, headers: dict[str, Any]) -> None:
        question = {"role": "user", "content": "."}
        parameters = {"model": _NO_SUCH_MODEL, "messages": [question], "max_tokens": 1}
        try:
            await client.post(_CHAT, cast_to=object, body=parameters, options={"headers": headers})
        except Exception as error:
            failure = renamed(error)
            if isinstance(failure, ModelGone) and not isinstance(getattr(error, "body", None), dict):
                raise Unreachable(_NOT_HERE) from None
            if not isinstance(failure, ModelGone | RequestRefused):
                raise


def _unknown_parameters(error: Any) -> set[str]:
    """Which of the parameters that can be left out the server says that it does not know."""
    if not _UNKNOWN.search(str(error)):
        return set()
    named = {name for name in chat_wire.OPTIONAL if re.search(rf"\b{name}\b", str(error))}
    return {error.param} if error.param in named else named

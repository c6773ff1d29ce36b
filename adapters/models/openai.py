"""OpenAI's Responses API."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from adapters.models import catalog, responses_wire
from adapters.models.errors import asked, streamed
from adapters.models.http import ModelHttp
from adapters.models.listing import model_info, rows_of
from adapters.models.openai_client import client_for, opened
from adapters.models.urls import operator_url
from app.domain.agent import Effort
from app.domain.keys import ProviderCredential
from app.domain.run import ModelEvent, ModelInfo, ModelRequest
from app.errors import BadAnswer, BadInput

if TYPE_CHECKING:
    from openai import AsyncOpenAI

_BASE_URL = "https://api.openai.com/v1"
_LISTING = 10.0  # seconds for the model list
_NO_LOOKING = re.compile(r"missing scopes|api\.model\.read", re.IGNORECASE)


class OpenAI:
    """Implements ModelProvider. `base_url` is the operator's, for a gateway or a test; empty means OpenAI's own."""

    name = responses_wire.NAME
    title = "OpenAI"
    wants_base_url = False

    def __init__(self, http: ModelHttp, *, base_url: str = "") -> None:
        self._http = http
        self._by_operator = bool(base_url)
        self._base_url = operator_url(base_url or _BASE_URL)

    async def stream(self, request: ModelRequest, *, key: ProviderCredential | None) -> AsyncIterator[ModelEvent]:
        """See ModelProvider."""
        client, headers = await self._client(key)
        opening = opened(client, "/responses", headers, responses_wire.parameters(request))
        async for event in streamed(opening, responses_wire.read):
            yield event

    async def verify(self, key: ProviderCredential, *, timeout: float = 1.8) -> None:
        """See ModelProvider. Asks for the model list, which is free."""
        client, headers = await self._client(key)
        await asked(rows_of(client, headers), timeout=timeout)

    async def try_model(self, key: ProviderCredential, model: str, *, timeout: float = 1.8) -> bool:
        """See ModelProvider. Looks the model up, which is free; a key may be kept from looking, and use it all the same."""
        client, headers = await self._client(key)
        return await asked(_looked_up(client, headers, model), timeout=timeout)

    async def models(self, key: ProviderCredential | None) -> tuple[ModelInfo, ...]:
        """See ModelProvider."""
        client, headers = await self._client(key)
        rows = await asked(rows_of(client, headers), timeout=_LISTING)
        listed = [model_info(row) for row in rows]
        return catalog.ranked_gpt([_with_abilities(info) for info in listed])

    def best(self, models: tuple[ModelInfo, ...]) -> ModelInfo | None:
        """See ModelProvider."""
        return catalog.best_gpt(models)

    def successor(self, model: str, models: tuple[ModelInfo, ...]) -> ModelInfo | None:
        """See ModelProvider."""
        return catalog.successor_gpt(model, models)

    def origin(self, base_url: str) -> str:
        """See ModelProvider."""
        if base_url:
            raise BadInput(
                "OpenAI keys take no base URL. For another server choose the provider “compatible”.", field="base_url"
            )
        return self._base_url.origin

    async def _client(self, key: ProviderCredential | None) -> tuple[AsyncOpenAI, dict[str, Any]]:
        if key is not None:
            self.origin(key.base_url)
        return await client_for(key, str(self._base_url), self._http, chosen_by_operator=self._by_operator)


async def _looked_up(client: AsyncOpenAI, headers: dict[str, Any], model: str) -> bool:
    """Whether a model is found; False where this key may not look, or there is no such page."""
    import openai

    try:
        row = await client.get(f"/models/{quote(model, safe='')}", cast_to=object, options={"headers": headers})
    except openai.PermissionDeniedError as error:
        if _NO_LOOKING.search(str(error)):
            return False
        raise
    except openai.NotFoundError as error:
        if isinstance(error.body, dict) and "message" in error.body:
            raise
        return False
    if not (isinstance(row, dict) and row.get("id")):
        raise BadAnswer
    return True


def _with_abilities(info: ModelInfo) -> ModelInfo:
    """What the listing does not tell: it is told by the family. What reads PDFs sees pictures and calls tools, chat variants aside; of the others nobody says."""
    documents = catalog.reads_pdfs(info.id)
    return replace(
        info,
        context_window=info.context_window or catalog.window(info.id),
        images=documents or None,
        tools=(documents and "-chat" not in info.id) or None,
        documents=documents,
        web_search=catalog.searches(info.id),
        efforts=tuple(Effort) if catalog.reasons(info.id) else (),
    )

"""Anthropic's Messages API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from adapters.models import anthropic_wire, catalog
from adapters.models.anthropic_abilities import Abilities, abilities, info, limited
from adapters.models.errors import asked, streamed
from adapters.models.http import ModelHttp
from adapters.models.loading import ANTHROPIC, ANTHROPIC_MESSAGES, loaded
from adapters.models.urls import operator_url
from app.domain.keys import ProviderCredential
from app.domain.run import ModelEvent, ModelInfo, ModelRequest
from app.errors import BadAnswer, BadInput, ModelGone, NoKey, ProviderError

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic, AsyncStream

_ORIGIN = "https://api.anthropic.com"
_LISTING = 10.0  # seconds for all pages of the model list
_LOOKUP = 3.0  # seconds to ask what a model can do, before an answer


class Anthropic:
    """Implements ModelProvider. `base_url` is the operator's, for a gateway or a test; empty means Anthropic's own."""

    name = anthropic_wire.NAME
    title = "Anthropic"
    wants_base_url = False

    def __init__(self, http: ModelHttp, *, base_url: str = "") -> None:
        self._http = http
        self._base_url = operator_url(base_url) if base_url else None
        self._abilities: dict[str, Abilities] = {}

    async def stream(self, request: ModelRequest, *, key: ProviderCredential | None) -> AsyncIterator[ModelEvent]:
        """See ModelProvider."""
        client, headers = await self._client(key)
        parameters = anthropic_wire.parameters(request)
        known = self._abilities.get(request.model)
        if known is None and request.effort is not None:
            known = await self._look_up(client, headers, request.model)
        parameters |= limited(request, known)
        async for event in streamed(_open(client, headers, parameters), anthropic_wire.read):
            yield event

    async def verify(self, key: ProviderCredential, *, timeout: float = 1.8) -> None:
        """See ModelProvider. Asks for the model list, which is free."""
        client, headers = await self._client(key)
        await asked(_rows(client, headers, limit=1, pages=1), timeout=timeout)

    async def try_model(self, key: ProviderCredential, model: str, *, timeout: float = 1.8) -> bool:
        """See ModelProvider. Has the tokens of a word counted, which is free; a gateway may not know how."""
        client, headers = await self._client(key)
        return await asked(_counts(client, headers, model), timeout=timeout)

    async def models(self, key: ProviderCredential | None) -> tuple[ModelInfo, ...]:
        """See ModelProvider."""
        client, headers = await self._client(key)
        rows = await asked(_rows(client, headers, limit=1000, pages=10), timeout=_LISTING)
        if any(not getattr(row, "lifecycle", None) for row in rows):
            await loaded(ANTHROPIC_MESSAGES)  # where the SDK's own table of what ends is
        self._abilities |= {row.id: abilities(row) for row in rows}
        lines = {row.id: str(getattr(row, "line", None) or "") for row in rows}
        return catalog.ranked_claude([info(row) for row in rows], lines)

    def best(self, models: tuple[ModelInfo, ...]) -> ModelInfo | None:
        """See ModelProvider."""
        return catalog.best_claude(models)

    def successor(self, model: str, models: tuple[ModelInfo, ...]) -> ModelInfo | None:
        """See ModelProvider."""
        return catalog.successor_claude(model, models)

    def origin(self, base_url: str) -> str:
        """See ModelProvider."""
        if base_url:
            raise BadInput(
                "Anthropic keys take no base URL. For another server choose the provider “compatible”.",
                field="base_url",
            )
        return self._base_url.origin if self._base_url else _ORIGIN

    async def _client(self, key: ProviderCredential | None) -> tuple[AsyncAnthropic, dict[str, Any]]:
        """An SDK client for one request, and headers that stand above what the SDK reads from the environment."""
        if key is None:
            raise NoKey
        self.origin(key.base_url)
        await loaded(ANTHROPIC)
        import anthropic

        secret = key.secret.reveal()
        client = anthropic.AsyncAnthropic(
            api_key=secret,
            base_url=str(self._base_url or _ORIGIN),
            max_retries=0,
            open_telemetry=False,
            http_client=self._http.client(chosen_by_operator=self._base_url is not None),
        )
        headers: dict[str, Any] = {"Authorization": f"Bearer {secret}", "X-Api-Key": anthropic.Omit()}
        if self._base_url is not None:  # gateways may know the older way only
            headers |= {"X-Api-Key": secret, "anthropic-version": "2023-06-01"}
        return client, headers

    async def _look_up(self, client: AsyncAnthropic, headers: dict[str, Any], model: str) -> Abilities | None:
        """What a model can be told; None if nobody knows. Raises ModelGone."""
        try:
            row = await asked(client.models.retrieve(model, extra_headers=headers), timeout=_LOOKUP)
        except ModelGone:
            raise
        except ProviderError:
            return None
        self._abilities[model] = abilities(row)
        return self._abilities[model]


async def _open(client: AsyncAnthropic, headers: dict[str, Any], parameters: dict[str, Any]) -> AsyncStream[object]:
    """A stream of plain JSON objects: the SDK's own types cost more than they tell."""
    from anthropic import AsyncStream

    stream = AsyncStream[object]
    return await client.post(
        "/v1/messages", cast_to=object, body=parameters, options={"headers": headers}, stream=True, stream_cls=stream
    )


async def _counts(client: AsyncAnthropic, headers: dict[str, Any], model: str) -> bool:
    """Whether tokens are counted for a model; False where there is nobody who counts."""
    import anthropic

    body = {"model": model, "messages": [{"role": "user", "content": "."}]}
    try:
        counted = await client.post(
            "/v1/messages/count_tokens", cast_to=object, body=body, options={"headers": headers}
        )
    except anthropic.NotFoundError as error:
        if isinstance(error.body, dict) and "error" in error.body:
            raise
        return False
    if not (isinstance(counted, dict) and isinstance(counted.get("input_tokens"), int)):
        raise BadAnswer
    return True


async def _rows(client: AsyncAnthropic, headers: dict[str, Any], *, limit: int, pages: int) -> list[Any]:
    """The listing's rows. Raises what the SDK raises, and BadAnswer for what is no listing, such as a proxy's page with status 200."""
    rows: list[Any] = []
    page = await client.models.list(limit=limit, extra_headers=headers)
    for left in reversed(range(pages)):
        if not isinstance(getattr(page, "data", None), list):
            raise BadAnswer
        rows += page.data
        if not left or not page.has_next_page():
            break
        page = await page.get_next_page()
    return rows

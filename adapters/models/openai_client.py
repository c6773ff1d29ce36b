"""How both providers that speak OpenAI's language make an SDK client for one request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from adapters.models.http import ModelHttp
from adapters.models.loading import OPENAI, loaded
from app.domain.keys import ProviderCredential
from app.errors import NoKey

if TYPE_CHECKING:
    from openai import AsyncOpenAI, AsyncStream


async def client_for(
    key: ProviderCredential | None, base_url: str, http: ModelHttp, *, chosen_by_operator: bool = False
) -> tuple[AsyncOpenAI, dict[str, Any]]:
    """A client that lives for one request, and headers that stand above what the SDK reads from the environment. Refuses None."""
    if key is None:
        raise NoKey
    await loaded(OPENAI)
    import openai

    secret = key.secret.reveal()
    shared = http.client(chosen_by_operator=chosen_by_operator)
    client = openai.AsyncOpenAI(api_key=secret, base_url=base_url, max_retries=0, http_client=shared)
    return client, {"Authorization": f"Bearer {secret}", "X-Api-Key": openai.Omit()}


async def opened(
    client: AsyncOpenAI, path: str, headers: dict[str, Any], parameters: dict[str, Any]
) -> AsyncStream[object]:
    """A stream of plain JSON objects: building the SDK's types for the first event would stop the event loop for most of a second."""
    from openai import AsyncStream

    stream = AsyncStream[object]
    return await client.post(
        path, cast_to=object, body=parameters, options={"headers": headers}, stream=True, stream_cls=stream
    )

"""How both providers that speak OpenAI's language make an SDK client for one request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.domain.keys import ProviderCredential
from app.errors import NoKey

if TYPE_CHECKING:
    import httpx2
    from openai import AsyncOpenAI


def client_for(
    key: ProviderCredential | None, base_url: str, http: httpx2.AsyncClient
) -> tuple[AsyncOpenAI, dict[str, Any]]:
    """A client that lives for one request, and headers that stand above what the SDK reads from the environment. Refuses None."""
    import openai

    if key is None:
        raise NoKey
    secret = key.secret.reveal()
    client = openai.AsyncOpenAI(api_key=secret, base_url=base_url, max_retries=0, http_client=http)
    return client, {"Authorization": f"Bearer {secret}", "X-Api-Key": openai.Omit()}

"""What Latchkey asks of a model provider. Providers hold no key: it is an argument of each call."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from app.domain.keys import ProviderCredential
from app.domain.run import ModelEvent, ModelInfo, ModelRequest


class ModelProvider(Protocol):
    """One vendor's API. Raises ProviderError and its kin only, never with the provider's own text in them."""

    name: str
    """`anthropic`, `openai`, `compatible` or `offline`."""

    title: str
    """How people call it, such as `Anthropic`."""

    wants_base_url: bool
    """Whether a key of this provider comes with a base URL."""

    def stream(self, request: ModelRequest, *, key: ProviderCredential | None) -> AsyncIterator[ModelEvent]:
        """Ask, streaming: text as it comes, then exactly one ModelDone. Closing the iterator closes the connection.

        `key` is None for the offline model only; every other provider refuses None.
        """

    async def verify(self, key: ProviderCredential, *, timeout: float = 1.8) -> None:
        """Return if the provider takes the key. Costs no tokens where the provider lists models. Raises KeyRejected, or why it can't be told."""

    async def try_model(self, key: ProviderCredential, model: str, *, timeout: float = 1.8) -> bool:
        """Whether this key may use a model, asked at no cost: True if it may, False where no free call tells.

        Raises ModelGone or NotPermitted where it may not, KeyRejected, or why it can't be told.
        """

    async def models(self, key: ProviderCredential | None) -> tuple[ModelInfo, ...]:
        """What this key may chat with, best first; empty when the provider has no listing. Nothing that can't chat is in it."""

    def best(self, models: tuple[ModelInfo, ...]) -> ModelInfo | None:
        """The model to begin with, or None when none is known well enough to choose for somebody."""

    def successor(self, model: str, models: tuple[ModelInfo, ...]) -> ModelInfo | None:
        """Of these, the one to take in the place of a model that ends: of the same family and class of price. None where that is not plain."""

    def origin(self, base_url: str) -> str:
        """`scheme://host[:port]` that keys with this base URL are sent to. Raises BadInput, in the person's words, if it may not be used."""

"""A model provider in memory, for tests of services: which keys it takes, what it lists and how it fails are plain attributes.

The providers' own behaviour towards vendors is shown against `tests.fakes.model_server`; here only the port's promises to services count.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from app.domain.keys import ProviderCredential
from app.domain.run import (
    ModelDone,
    ModelEvent,
    ModelInfo,
    ModelMessage,
    ModelRequest,
    Part,
    Role,
    Stop,
    TextDelta,
    TextPart,
    ToolCall,
    ToolResult,
    Usage,
)
from app.errors import BadInput, KeyRejected, NoKey, ProviderError


@dataclass
class FakeProvider:
    """`keys` it accepts (None: any). `failure` is raised by every call while set; `pause` holds every call up so many seconds."""

    name: str
    title: str
    wants_base_url: bool = False
    keys: set[str] | None = None
    listed: tuple[ModelInfo, ...] = ()
    failure: ProviderError | None = None
    unlisted: ProviderError | None = None  # what asking for the list ends with
    denied: dict[tuple[str, str], ProviderError] = field(
        default_factory=dict
    )  # why a key (or "": any) may not use a model
    refusing: dict[str, ProviderError] = field(default_factory=dict)  # what calls under a key end with
    pause: float = 0
    gate: asyncio.Event | None = None  # what is asked while it is here is answered once it is set
    answer: str = "Here you are."
    calls: list[tuple[str, str, str]] = field(default_factory=list)  # what was asked, with which key, at which base URL
    asked: list[ModelRequest] = field(default_factory=list)
    closed: int = 0

    async def stream(self, request: ModelRequest, *, key: ProviderCredential | None) -> AsyncIterator[ModelEvent]:
        self.asked.append(request)
        await self._asked(f"stream {request.model}", key)
        if key and (refusal := self.refusing.get(key.secret.reveal())):
            raise refusal
        try:
            last = request.messages[-1].parts[-1]
            if request.tools and not isinstance(last, ToolResult):
                call = ToolCall("call-1", request.tools[0].name, {})
                yield _done(request, call, Stop.TOOL)
                return
            answer = last.content if isinstance(last, ToolResult) else self.answer
            for word in re.findall(r"\S+\s*", answer):
                yield TextDelta(word)
            yield _done(request, TextPart(answer), Stop.END)
        finally:
            self.closed += 1

    async def verify(self, key: ProviderCredential, *, timeout: float = 1.8) -> None:
        await self._asked("verify", key)

    async def try_model(self, key: ProviderCredential, model: str, *, timeout: float = 1.8) -> bool:
        await self._asked(f"try {model}", key)
        if (denied := self.denied.get((key.secret.reveal(), model)) or self.denied.get(("", model))) is not None:
            raise denied
        return any(info.id == model for info in self.listed)

    async def models(self, key: ProviderCredential | None) -> tuple[ModelInfo, ...]:
        await self._asked("models", key)
        if self.unlisted:
            raise self.unlisted
        return self.listed

    def best(self, models: tuple[ModelInfo, ...]) -> ModelInfo | None:
        return next((model for model in models if not model.id.startswith("unknown")), None)

    def successor(self, model: str, models: tuple[ModelInfo, ...]) -> ModelInfo | None:
        family = model.partition("-")[0]
        return next((m for m in models if m.id.startswith(family) and m.id != model and m.lifecycle == "active"), None)

    def origin(self, base_url: str) -> str:
        if base_url and not (self.wants_base_url and base_url.startswith("https://")):
            raise BadInput("The base URL must begin with https://.", field="base_url")
        if not self.wants_base_url:
            return f"https://{self.name}.example"
        return "/".join(base_url.split("/")[:3])

    def keys_used(self, what: str = "stream") -> list[str]:
        """Under which keys it was asked for something."""
        return [key for asked, key, _ in self.calls if asked.startswith(what)]

    async def _asked(self, what: str, key: ProviderCredential | None) -> None:
        if key is None and self.name != "offline":
            raise NoKey
        self.calls.append((what, key.secret.reveal() if key else "", key.base_url if key else ""))
        await asyncio.sleep(self.pause)
        if self.gate:
            await self.gate.wait()
        if self.failure:
            raise self.failure
        if key and self.keys is not None and key.secret.reveal() not in self.keys:
            raise KeyRejected


def _done(request: ModelRequest, part: Part, stop: Stop) -> ModelDone:
    return ModelDone(ModelMessage(Role.ASSISTANT, (part,)), stop, Usage(1, 1), request.model)


def models(*names: str) -> tuple[ModelInfo, ...]:
    """A listing, best first."""
    return tuple(ModelInfo(id=name, name=name.replace("-", " ").title(), context_window=200_000) for name in names)

"""aimock 1.43 (npm `@copilotkit/aimock`): model vendors' APIs, written by others.

What was learned by driving it:
- One port serves Anthropic Messages (`/v1/messages`), OpenAI Responses and Chat Completions. `GET /v1/models` lists, for all of them alike, the models
  that fixtures name, without `has_more` or `display_name`.
- A key that is not in `auth.apiKeys` gets 401, whether it comes as `x-api-key` or as a bearer; the control API under `/__aimock/` wants a key too.
- The journal shows headers with keys `[REDACTED]`: whose key was used is proved by which instance took the request. So each vendor gets
  an instance with a key list of its own.
- Journalled bodies are in Chat Completions' shape, whatever came: `model`, `messages` (the system prompt as the first), `stream`.
  Refused requests and the listing are not in it.
- A fixture matches when the newest user message contains `userMessage`; with `strict`, no match is an error instead of an answer.
- `streamingProfile {ttft, tps}` paces an answer (milliseconds, tokens per second); otherwise `latency` milliseconds between chunks.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import aiohttp

from tests.acceptance.process import Process

_PROGRAM = Path(__file__).parent / "node_modules/@copilotkit/aimock/dist/aimock-cli.js"

Fixture = dict[str, Any]


def answer(when: str, text: str, *, model: str = "", per_second: float = 0) -> Fixture:
    """To what contains `when`, answer this; only for one model, or slowly, if so said."""
    match = {"userMessage": when} | ({"model": model} if model else {})
    pace = {"streamingProfile": {"ttft": 100, "tps": per_second}} if per_second else {}
    return {"match": match, "response": {"content": text}, **pace}


def tool_call(when: str, name: str, arguments: dict[str, Any], then: str) -> list[Fixture]:
    """To what contains `when`, call a tool; after its result, answer `then`."""
    call = {"name": name, "arguments": json.dumps(arguments)}
    return [
        {"match": {"userMessage": when, "hasToolResult": True}, "response": {"content": then}},
        {"match": {"userMessage": when, "hasToolResult": False}, "response": {"toolCalls": [call]}},
    ]


class AiMock:
    """One vendor that takes exactly one key; an async context manager."""

    def __init__(self, folder: Path, name: str, key: str, fixtures: Sequence[Fixture]) -> None:
        self.key = key
        self.url = ""
        script, config = folder / f"{name}-fixtures.json", folder / f"{name}.json"
        script.write_text(json.dumps({"fixtures": list(fixtures)}))
        config.write_text(
            json.dumps(
                {
                    "host": "127.0.0.1",
                    "port": 0,
                    "auth": {"apiKeys": [key]},
                    "strict": True,
                    "llm": {"fixtures": str(script), "latency": 20, "chunkSize": 16, "logLevel": "warn"},
                }
            )
        )
        self._process = Process(["node", _PROGRAM, "--config", config], folder / f"{name}.log")

    async def __aenter__(self) -> Self:
        await self._process.start()
        self.url = await self._process.announces(r"listening on (http://\S+)")
        self._http = aiohttp.ClientSession(headers={"Authorization": f"Bearer {self.key}"})
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.close()
        await self._process.stop()

    async def add(self, *fixtures: Fixture) -> None:
        """Know more answers; earlier ones are tried first."""
        async with self._http.post(f"{self.url}/__aimock/fixtures", json={"fixtures": fixtures}) as response:
            assert response.status == 200, await response.text()

    async def calls(self, containing: str = "") -> list[dict[str, Any]]:
        """The bodies of the model calls that were taken (their key was right), oldest first."""
        async with self._http.get(f"{self.url}/__aimock/journal") as response:
            entries = await response.json()
        return [e["body"] for e in entries if containing in json.dumps(e["body"], ensure_ascii=False)]

"""A workspace at work: local-slack, two vendors, and Latchkey between them."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.acceptance.aimock import AiMock, Fixture, answer
from tests.acceptance.blocks import Json, words
from tests.acceptance.local_slack import ANA, BOT, GENERAL, LocalSlack
from tests.acceptance.process import free_port, until
from tests.acceptance.service import Service, slack_environment

ANTHROPIC_KEY, OPENAI_KEY = "sk-test-anthropic-good-1", "sk-test-openai-good-1"
SONNET, HAIKU, GPT = "claude-sonnet-5", "claude-haiku-5", "gpt-5.4"

SKY = "The sky is blue because air scatters blue light more than red."
SLOW = "one two three four five six seven eight nine ten " * 6 + "and forty"
FIXTURES = [
    answer("sky", SKY, model=SONNET),
    answer("sky", "Blue light is scattered most.", model=HAIKU),
    answer("slowly", SLOW, per_second=4),
    answer("", "A short answer."),
]


@dataclass(frozen=True, slots=True)
class Office:
    """All that takes part."""

    slack: LocalSlack
    anthropic: AiMock
    openai: AiMock
    service: Service

    async def mention(self, user: str, text: str, *, channel: str = GENERAL, thread: str = "") -> str:
        """A person mentions the app; the ts of the thread's root."""
        ts = await self.slack.say(channel, user, f"<@{BOT}> {text}", thread)
        return thread or ts

    async def answered(self, thread: str, text: str, *, channel: str = GENERAL, seconds: float = 15) -> str:
        """All that the app has said in the thread, as soon as this is in it."""

        def said() -> str:
            all_of_it = words(self.slack.answers(channel, thread))
            return all_of_it if text in all_of_it else ""

        return await until(said, f"{text!r} is said in the thread", seconds)

    async def set_key(self, provider: str, key: str) -> None:
        """Ana sets a key by the form; returns when it is confirmed to her."""
        before = len(self.slack.whispers(ANA))
        await self.slack.command(ANA, f"setkey {provider.lower()}")
        await until(lambda: self.slack.modal, "the key form opens")
        await self.slack.submit(ANA, {"API key": key})
        await until(lambda: self.slack.modal is None, "the key is taken")
        await until(lambda: provider in words(self.slack.whispers(ANA)[before:]), "the key is confirmed")

    async def use_model(self, model: str) -> None:
        """Ana gives the assistant a model by command (`provider/model`), having seen what is different."""
        name = model.partition("/")[2]
        before = len(self.slack.whispers(ANA))
        await self.slack.command(ANA, f"model assistant {model}")

        def told() -> list[Json]:
            return [whisper for whisper in self.slack.whispers(ANA)[before:] if name in str(whisper)]

        (shown, *_) = await until(told, "the command is answered")
        if "Keep as it is" in words([shown]):
            await self.slack.press(ANA, shown["blocks"], "Change", message=shown)
        await until(lambda: f"now answers with {name}" in words(told()).replace("`", ""), "it is changed")


@contextlib.asynccontextmanager
async def office_at(
    folder: Path, transport: str, fixtures: Sequence[Fixture] = FIXTURES, environment: Mapping[str, str] | None = None
) -> AsyncIterator[Office]:
    """An office that has just moved in: no key is set. `transport` is `http` or `socket`."""
    port = free_port()
    events_url = f"http://127.0.0.1:{port}/slack/events" if transport == "http" else ""
    gpt = [answer("", "GPT answers.", model=GPT)]
    async with (
        LocalSlack(folder, events_url) as slack,
        AiMock(folder, "anthropic", ANTHROPIC_KEY, fixtures) as anthropic,
        AiMock(folder, "openai", OPENAI_KEY, gpt) as openai,
    ):
        wiring = slack_environment(slack.api_url, socket=transport == "socket")
        wiring |= {"LATCHKEY_ANTHROPIC_BASE_URL": anthropic.url, "LATCHKEY_OPENAI_BASE_URL": f"{openai.url}/v1"}
        async with Service(folder, port, wiring | dict(environment or {})) as service:
            if transport == "socket":
                await slack.app_connected()
            yield Office(slack, anthropic, openai, service)

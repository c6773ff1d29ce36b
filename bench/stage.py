"""Where Latchkey is measured: `latchkey serve` in its own process between a Slack and a model vendor, both fakes in this one."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from bench.load import Figures
from tests.acceptance.blocks import field_named
from tests.acceptance.process import free_port, until
from tests.acceptance.service import Service
from tests.fakes.model_server import ModelServer
from tests.fakes.slack_server import SlackServer

KEY = "sk-test-bench"
THREADS = 8
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Stage:
    """All that takes part."""

    slack: SlackServer
    model: ModelServer
    service: Service

    @property
    def events_url(self) -> str:
        """Where Slack sends."""
        return f"{self.service.url}/slack/events"

    async def answered(self, mentions: int, seconds: float = 60) -> None:
        """Return when so many mentions have been answered by the model since the last `forget`."""

        def done() -> bool:
            return sum(call.finished for call in self.model.calls) >= mentions

        await until(done, f"the model has answered {mentions} times", seconds)

    def forget(self) -> None:
        """Begin to count anew."""
        self.model.reset()
        self.slack.api.journal.clear()


@contextlib.asynccontextmanager
async def stage_at(folder: Path, environment: dict[str, str] | None = None) -> AsyncIterator[Stage]:
    """A service that is ready, with a verified key."""
    port = free_port()
    async with (
        SlackServer(events_url=f"http://127.0.0.1:{port}/slack/events") as slack,
        ModelServer(keys={KEY}) as model,
        Service(folder, port, wiring(slack, model) | (environment or {})) as service,
    ):
        stage = Stage(slack, model, service)
        await _set_key(stage)
        yield stage


def wiring(slack: SlackServer, model: ModelServer) -> dict[str, str]:
    """The service's environment."""
    return {
        "LATCHKEY_LOG_LEVEL": "INFO",
        "LATCHKEY_DRAIN_SECONDS": "1",
        "LATCHKEY_SLACK_API_URL": slack.api_url,
        "SLACK_BOT_TOKEN": slack.bot_token,
        "SLACK_SIGNING_SECRET": slack.signing_secret,
        "LATCHKEY_ADMINS": "slack:T1/UADMIN",
        "LATCHKEY_ANTHROPIC_BASE_URL": model.url,
    }


async def _set_key(stage: Stage) -> None:
    slack = stage.slack
    await slack.command("CGENERAL", "UADMIN", "/byok", "setkey anthropic")
    form = await until(lambda: slack.modal("UADMIN"), "the key form opens")
    await slack.submit("UADMIN", {field_named(form, "API key")["block_id"]: KEY})
    await until(lambda: slack.modal("UADMIN") is None, "the key is taken")
    await slack.say("CGENERAL", "UMEMBER", "<@UBOT> warm up")
    await stage.answered(1)
    stage.forget()


async def loaded(slack: SlackServer, url: str, seconds: float, *, rate: float = 0, text: str = "hello") -> Figures:
    """The load client, in its own process: at a rate in threads of their own, else as fast as can be in eight."""
    count = int(rate * seconds) if rate else THREADS
    message = {"type": "message", "user": "UMEMBER", "team": "T1"}
    roots = [str(slack.world.post("CGENERAL", message | {"text": f"<@UBOT> {text} {at}"})["ts"]) for at in range(count)]
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("\n".join(roots))
        file.flush()
        arguments = ["--url", url, "--secret", slack.signing_secret, "--roots", file.name, "--text", text]
        arguments += ["--seconds", str(seconds), "--rate", str(rate)]
        client = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bench.load", *arguments, stdout=asyncio.subprocess.PIPE
        )
        printed, _ = await client.communicate()
    found: dict[str, Any] = json.loads(printed)
    return Figures(**found)


def memory_mb(pid: int) -> float:
    """What the process holds in memory now (RSS)."""
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def cpu_ms(pid: int) -> float:
    """Processor time that the process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * 1000 / _TICKS


class Stamps(tuple[str, ...]):
    """Chunks for a scripted answer. Each says when it is spoken: it is made `delay` seconds before it goes out."""

    __slots__ = ()

    @classmethod
    def of(cls, count: int, delay: float) -> Self:
        """So many words, each after so many seconds."""
        return cls((str(delay),) * count)

    def __iter__(self) -> Iterator[str]:
        return (f"t{time.time() + float(delay):.4f} " for delay in super().__iter__())

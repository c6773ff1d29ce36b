"""Every way in which a provider fails, made by the fake vendor and asked for in Slack: what the asker, the admin and the log get to see.

`docs/failures.md` is what a run of this saw; `python -m tests.acceptance.test_failure_classes` writes it anew.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.blocks import words
from tests.acceptance.local_slack import ANA, BOT, GENERAL, MAX, LocalSlack
from tests.acceptance.process import free_port, until
from tests.acceptance.service import Service, slack_environment
from tests.fakes.model_server import Fault, ModelServer

DOCUMENT = Path(__file__).parents[2] / "docs" / "failures.md"
KEY = "sk-test-failing-Qx7Lm2"
WORKING = re.compile(r"is (thinking|waiting|working|writing|summing)|…\s*$", re.MULTILINE)
_MOMENT = re.compile(r"<!date\^[^>]*>")
LONGEST = 150.0
"""Seconds: a provider that goes silent is given two minutes, one that asks for patience is asked four times."""

TOGETHER = {
    Fault.FORBIDDEN: "403",
    Fault.TOO_LARGE: "413",
    Fault.CONTEXT: "400: the prompt is too long",
    Fault.BAD_REQUEST: "400: anything else",
    Fault.SERVER_ERROR: "500",
    Fault.BAD_GATEWAY: "502 with a proxy's page",
    Fault.OVERLOADED: "529",
    Fault.STREAM_ERROR: "an error within the stream",
    Fault.STREAM_OVERLOADED: "“overloaded” within the stream",
    Fault.CUT: "the connection is cut",
    Fault.EOF: "the stream ends without its end",
    Fault.SILENCE: "it begins, then silence",
    Fault.DEAF: "no answer at all",
    Fault.GARBAGE: "garbage within the stream",
    Fault.HTML: "a page instead of a stream",
    Fault.REDIRECT: "a redirect elsewhere",
}
"""What one question runs into does not touch the next one's key."""

ONE_BY_ONE = {
    Fault.MODEL_GONE: "404: no such model",
    Fault.RATE_LIMITED: "429 with Retry-After",
    Fault.RATE_LIMITED_BARE: "429 without",
    Fault.STREAM_RATE_LIMITED: "“slow down” within the stream",
    Fault.NO_CREDIT: "402",
    Fault.QUOTA: "400: the credit balance is too low",
    Fault.UNAUTHORIZED: "401",
}
"""These are of the key, so every question under it feels them; or admins hear of them, and it is to be seen of which."""


TOLD = (Fault.MODEL_GONE, Fault.NO_CREDIT, Fault.UNAUTHORIZED)
"""Admins hear of these besides; of the second of two alike they have heard."""

RESTING = (Fault.RATE_LIMITED, Fault.RATE_LIMITED_BARE, Fault.STREAM_RATE_LIMITED)
"""These rest the key: the next question is answered all the same, when that is over."""


@dataclass
class Seen:
    """What one failure looked like from where people stand."""

    asker: str
    admin: list[str] = field(default_factory=list)
    log: list[str] = field(default_factory=list)


@dataclass
class Failing:
    """A workspace whose provider does what the question says."""

    slack: LocalSlack
    models: ModelServer
    service: Service

    async def set_key(self, key: str) -> None:
        """Ana sets a key, or puts it in the other's place, and is told that it works."""
        await self.slack.command(ANA, "setkey anthropic")
        await until(lambda: self.slack.modal, "the key form opens")
        await self.slack.submit(ANA, {"API key": key})
        await until(lambda: self.slack.modal is None, "the key is taken")
        await until(lambda: "accepts it" in " ".join(self._told()), "the key is confirmed", LONGEST)

    async def ask(self, fault: Fault) -> Seen:
        """Max asks; what there is to see once all is over."""
        told = self._told()
        thread = await self.slack.say(GENERAL, MAX, f"<@{BOT}> Please fail [[fault:{fault}]]")
        text = await until(lambda: self._explained(thread), f"{fault} is explained", LONGEST)
        run = await until(lambda: self._ended(thread), f"the run of {fault} ends", LONGEST)
        if fault in TOLD:
            await until(lambda: len(self._told()) > len(told), f"the admins are told of {fault}")
        return Seen(text, self._told()[len(told) :] if fault in ONE_BY_ONE else [], self._logged(run))

    async def is_answered(self) -> None:
        """Max asks for nothing odd, and gets it."""
        thread = await self.slack.say(GENERAL, MAX, f"<@{BOT}> Please answer")
        await until(lambda: "Please answer" in _shown(self.slack.answers(GENERAL, thread)), "he is answered", LONGEST)

    def _explained(self, thread: str) -> str:
        said = _shown(self.slack.answers(GENERAL, thread))
        return said if "Retry" in said else ""

    def _ended(self, thread: str) -> str:
        """The run that answered in this thread, as its button knows it."""
        found = re.findall(r'"value": "([\w-]+\.\d+)"', json.dumps(self.slack.answers(GENERAL, thread)))
        ended = [line for line in self._lines() if line.get("event") == "run ended"]
        return next((run for run in found if any(line["run"] == run for line in ended)), "")

    def _told(self) -> list[str]:
        """What Ana was told privately: whispers, and what is in her chat with the app."""
        direct = [m for channel, there in self.slack._messages.items() if channel.startswith("D") for m in there]
        return [_shown([message]) for message in [*self.slack.whispers(ANA), *direct] if message.get("bot_id")]

    def _logged(self, run: str) -> list[str]:
        """The lines about a run, without its ids."""
        kept = ("state", "error", "step", "calls")
        return [
            " ".join([f"{line['level']}: {line['event']}", *(f"{name}={line[name]}" for name in kept if name in line)])
            for line in self._lines()
            if line.get("run") == run and line["level"] != "debug"
        ]

    def _lines(self) -> list[dict[str, Any]]:
        found = []
        for line in self.service.process.printed.splitlines():
            with contextlib.suppress(ValueError):
                found.append(json.loads(line))
        return found


@contextlib.asynccontextmanager
async def failing(folder: Path) -> AsyncIterator[Failing]:
    """A workspace with a key that works, as long as the questions let it."""
    port = free_port()
    async with (
        ModelServer(keys={KEY}) as models,
        LocalSlack(folder, f"http://127.0.0.1:{port}/slack/events") as slack,
    ):
        models.redirect_to, models.silent_for = "http://127.0.0.1:9", 2 * LONGEST
        wiring = slack_environment(slack.api_url, socket=False) | {"LATCHKEY_ANTHROPIC_BASE_URL": models.url}
        async with Service(folder, port, wiring) as service:
            yield Failing(slack, models, service)


async def all_seen(folder: Path) -> dict[Fault, Seen]:
    """Each failure once: in one workspace those that leave the key alone, in another the others in turn."""
    together, in_turn = await asyncio.gather(
        _seen_together(_made(folder / "together")), _seen_in_turn(_made(folder / "in_turn"))
    )
    return together | in_turn


async def _seen_together(folder: Path) -> dict[Fault, Seen]:
    async with failing(folder) as office:
        await office.set_key(KEY)
        seen = await asyncio.gather(*(office.ask(fault) for fault in TOGETHER))
        assert KEY not in office.service.process.printed
        return dict(zip(TOGETHER, seen, strict=True))


async def _seen_in_turn(folder: Path) -> dict[Fault, Seen]:
    async with failing(folder) as office:
        await office.set_key(KEY)
        seen = {}
        for fault in ONE_BY_ONE:
            seen[fault] = await office.ask(fault)
            if fault in RESTING:
                await office.is_answered()
        assert KEY not in office.service.process.printed
        return seen


@pytest.mark.timeout(600)
async def test_every_failure_is_explained_and_none_repeats_the_provider(tmp_path: Path) -> None:
    seen = await all_seen(tmp_path)
    assert set(seen) == set(Fault)
    for fault, one in seen.items():
        said = "\n".join([one.asker, *one.admin, *one.log])
        for raw in ("You said '", "Incorrect API key", "nginx", "<html", "tools.0", "Internal error", "It broke", KEY):
            assert raw not in said, f"{fault} repeats the provider: {raw}"
        assert not WORKING.search(one.asker), f"{fault} is left at work: {one.asker}"
        assert any("run ended" in line and "error=" in line for line in one.log), f"the log does not name {fault}"
    for fault in set(ONE_BY_ONE) - set(TOLD):
        assert not seen[fault].admin, f"admins need not hear of {fault}"
    assert DOCUMENT.read_text() == document(seen), "run python -m tests.acceptance.test_failure_classes"


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def document(seen: dict[Fault, Seen]) -> str:
    """The table, as Markdown."""
    rows = [
        f"| {name} | {_cell(seen[fault].asker)} | {_cell(*seen[fault].admin)} | {_cell(*seen[fault].log)} |"
        for fault, name in (TOGETHER | ONE_BY_ONE).items()
    ]
    return (
        "# When a provider fails\n\n"
        "Each failure as the service met it in a run against a fake of the vendor (`tests/acceptance/test_failure_classes.py` "
        "sees that this stays true; `python -m tests.acceptance.test_failure_classes` writes it anew). The asker reads it in the "
        "thread, an admin privately. A provider's own text reaches nobody: it may quote the key.\n\n"
        "| What the provider does | The asker reads | The admins are told | The log says |\n|---|---|---|---|\n"
        + "\n".join(rows)
        + "\n"
    )


def _shown(messages: list[dict[str, Any]]) -> str:
    """What is written in messages, their plain text left out where blocks say it."""
    return "\n".join(words(message.get("blocks") or message.get("text", "")) for message in messages)


def _cell(*texts: str) -> str:
    lines = [_MOMENT.sub("a moment ago", line) for text in texts for line in text.splitlines() if line.strip()]
    return "<br>".join(line.replace("|", "\\|") for line in lines) or "nothing"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        DOCUMENT.write_text(document(asyncio.run(all_seen(Path(temporary)))))
    sys.stdout.write(f"{DOCUMENT} is written.\n")

"""Whatever arrives while Slack is being asked, nothing of an answer is lost or doubled, and answers share the minute."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import replace

import pytest

from adapters.slack.traffic import Limits
from tests.adapters.slack.test_reply import asked, begun, target
from tests.adapters.slack.wire import CHANNEL, FAST, slack_wire
from tests.conformance.chat_platform import Parts


@pytest.mark.parametrize("streaming", [True, False])
@pytest.mark.parametrize("seed", range(4))
async def test_what_is_appended_while_slack_is_asked_is_shown_once(seed: int, *, streaming: bool) -> None:
    chance = random.Random(seed)
    words = [f"w{n}\n" if chance.random() < 0.2 else f"w{n} " for n in range(400)]
    words[50], words[200], words[260] = "\n```python\n", "\n```\n", "\n\n"
    whole = "".join(words).strip()
    async with slack_wire(limits=replace(FAST, part_bytes=500, append_every=0.001, update_every=0.001)) as wire:
        methods = ("chat.startStream", "chat.appendStream", "chat.stopStream", "chat.update", "chat.postMessage")
        wire.slack.configure(streaming=streaming, delays=dict.fromkeys(methods, 0.005))
        event = await asked(wire)
        reply = await wire.platform.open_reply(target(event), Parts().save)
        for word in words:
            await reply.append(word)
            await asyncio.sleep(chance.choice((0, 0, 0.001, 0.003)))
        shown = " ".join(wire.answers(event.conversation)).split()
        seen = [word for word in shown if word.startswith("w")]
        await reply.finish(whole)
        said = " ".join(wire.answers(event.conversation)).split()
        assert [word for word in said if word.startswith("w")] == [
            word.strip() for word in words if word.startswith("w")
        ]
        assert seen == [word.strip() for word in words if word.startswith("w")][: len(seen)]


async def test_streams_of_a_workspace_share_its_minute() -> None:
    limits = Limits(append_every=0.01, appends=40, window=2.0)
    async with slack_wire(limits=limits) as wire:
        wire.slack.configure(rate_limits=True, rate_window=2.0)
        wire.slack.api.faults.tiers["chat.appendStream"] = 40
        events = [await asked(wire) for _ in range(4)]
        replies = [await begun(wire, event, f"Answer {n}: ") for n, event in enumerate(events)]
        end = time.monotonic() + 1.5
        said = [""] * 4
        while time.monotonic() < end:
            for n, reply in enumerate(replies):
                said[n] += "word "
                await reply.append("word ")
            await asyncio.sleep(0.02)
        calls = wire.slack.calls("chat.appendStream")
        shares = [
            sum(c.args["ts"] == m["ts"] for c in calls)
            for e in events
            for m in wire.slack.replies(CHANNEL, e.message_id)
        ]
        for n, reply in enumerate(replies):
            await reply.finish(f"Answer {n}: {said[n]}")
        assert not [c for c in calls if c.status == 429]
        assert min(shares) >= max(shares) * 0.6
        for n, event in enumerate(events):
            assert wire.answers(event.conversation)[0].count("word") == said[n].count("word")

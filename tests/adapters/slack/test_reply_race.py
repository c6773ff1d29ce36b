"""Whatever arrives while Slack is being asked, nothing of an answer is lost or doubled."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace

import pytest

from tests.adapters.slack.test_reply import asked, target
from tests.adapters.slack.wire import FAST, slack_wire
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

"""(b) How soon: from the mention to the provider, and from the provider's words to the chat, without limits and at Slack's."""

from __future__ import annotations

import asyncio
import json
import re
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from bench.load import quantile
from bench.report import Part, Row, under
from bench.stage import Stage, Stamps, stage_at
from tests.acceptance.process import until
from tests.fakes.model_server import Answer
from tests.fakes.slack_server import SlackServer

_STAMP = re.compile(r"t(\d{10}\.\d{4})")
_WRITES = {"chat.startStream", "chat.appendStream", "chat.stopStream", "chat.postMessage", "chat.update"}


@dataclass(frozen=True, slots=True)
class Shown:
    """Of one or more answers: seconds until the first words stood in the chat, and how far behind each word came."""

    first: float
    lags: tuple[float, ...]
    final: float

    @property
    def worst(self) -> float:
        """The word that waited longest."""
        return max(self.lags)


async def measure() -> list[Part]:
    """Each on a fresh service: what one part used up of the workspace's budget would be missing in the next."""
    parts = []
    for limited in (False, True):
        with tempfile.TemporaryDirectory() as folder:
            async with stage_at(Path(folder)) as stage:
                stage.slack.configure(rate_limits=limited)
                if not limited:
                    parts.append(await _to_the_chat(stage, "on a Slack without limits", (1, 2)))
                    parts.insert(0, await _to_the_provider(stage))
                else:
                    parts.append(await _to_the_chat(stage, "at Slack's published limits", (1, 2, 5)))
    return parts


async def _to_the_provider(stage: Stage, mentions: int = 100) -> Part:
    waits = []
    stage.forget()
    for number in range(mentions):
        sent = time.time()
        await stage.slack.say("CGENERAL", "UMEMBER", f"<@UBOT> question {number}", order=("app_mention",))
        await stage.answered(number + 1)
        waits.append(stage.model.calls[number].at - sent)
        await asyncio.sleep(0.05)  # what follows an answer (erasing, closing) is not part of the next one
    waits.sort()
    stage.forget()
    return Part(
        "From the mention to the provider",
        f"{mentions} mentions one after the other, each in a new thread: from before the event is sent until the request stands at the provider.",
        [
            under("p50", quantile(waits, 0.5) * 1000, "ms", 25, digits=1),
            under("p99", quantile(waits, 0.99) * 1000, "ms", digits=1),
        ],
    )


async def _to_the_chat(stage: Stage, limits: str, several: Iterable[int]) -> Part:
    rows = []
    for streams in several:
        shown = await _streamed(stage, streams)
        at_once = f"{streams} at once" if streams > 1 else "one answer"
        fits = (
            streams <= 2
        )  # beyond, a workspace's published budget is shared: intermediate text may lag, the end may not
        rows += [
            under(f"{at_once}: first words", shown.first * 1000, "ms", 400 if fits else None),
            under(f"{at_once}: furthest behind", shown.worst, "s", 1.5 if fits else None, digits=2),
            under(f"{at_once}: the end", shown.final, "s", digits=2),
            Row(f"{at_once}: words missing at the end", "0", "0", True),
        ]
    return Part(
        f"From the provider's words to the chat, {limits}",
        "200 words, 20 a second, each saying when it was spoken. First words: from the first word spoken until a call of Slack's API carries it. "
        "The end: from the last word spoken until the finished text.",
        rows,
    )


async def _streamed(stage: Stage, streams: int, words: int = 200, delay: float = 0.05) -> Shown:
    stage.forget()
    for at in range(streams):
        answer = Answer(delay=delay)
        answer.chunks = Stamps.of(words, delay)
        stage.model.script(answer, marker=f"answer{at};")
    roots = [
        await stage.slack.say("CGENERAL", "UMEMBER", f"<@UBOT> answer{at};", order=("app_mention",))
        for at in range(streams)
    ]
    await stage.answered(streams)

    def whole(root: str) -> bool:
        said = json.dumps(stage.slack.replies("CGENERAL", root))
        return len(set(_STAMP.findall(said))) == words

    await until(lambda: all(whole(root) for root in roots), "the whole text stands in the chat", 120)
    found = [_shown(stage.slack, root) for root in roots]
    lags = tuple(lag for one in found for lag in one.lags)
    return Shown(max(one.first for one in found), lags, max(one.final for one in found))


def _shown(slack: SlackServer, root: str) -> Shown:
    """What of one thread's answer came when; a word counts when first it is carried by a call that Slack took."""
    ours = {reply["ts"] for reply in slack.replies("CGENERAL", root)}
    came: dict[float, float] = {}
    for call in slack.calls():
        if call.error or call.method not in _WRITES:
            continue
        if call.args.get("thread_ts") == root or call.args.get("ts") in ours:
            for stamp in _STAMP.findall(json.dumps(call.args)):
                came.setdefault(float(stamp), call.at)
    spoken = sorted(came)
    lags = tuple(came[one] - one for one in spoken)
    return Shown(lags[0], lags, max(came.values()) - spoken[-1])

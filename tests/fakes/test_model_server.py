"""The fake as a process of its own, as the kill test and the benches use it."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
async def url() -> AsyncIterator[str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.fakes.model_server", "--key", "sk-test-1", stdout=asyncio.subprocess.PIPE, cwd=ROOT
    )
    assert process.stdout is not None
    yield (await process.stdout.readline()).decode().strip()
    process.terminate()
    await process.wait()


async def test_it_is_steered_and_asked_over_http(url: str) -> None:
    async with aiohttp.ClientSession(url, headers={"Authorization": "Bearer sk-test-1"}) as http:

        async def ask(text: str) -> str:
            body = {"model": "m", "stream": True, "messages": [{"role": "user", "content": text}]}
            async with http.post("/v1/chat/completions", json=body) as answer:
                return await answer.text()

        await http.post("/__control/script", json={"marker": "M-2", "answers": [{"chunks": ["scripted"]}]})
        assert "[[tool" not in await ask('M-1 [[tool:current_time {"time_zone": "UTC"}]]')
        assert "scripted" in await ask("M-2")
        assert "You said" in await ask("M-2")
        with pytest.raises(aiohttp.ClientError):
            await ask("M-3 [[fault:cut]]")
        async with http.get("/__control/counts", params={"pattern": "M-[0-9]"}) as counts:
            told = await counts.json()
        assert told["M-1"] == {"started": 1, "finished": 1}
        assert told["M-2"] == {"started": 2, "finished": 2}
        assert told["M-3"] == {"started": 1, "finished": 0}
        await http.post("/__control/keys", json=["sk-test-2"])
        assert "Incorrect API key" in await ask("M-4")
        await http.post("/__control/reset")
        async with http.get("/__control/calls") as calls:
            assert await calls.json() == []

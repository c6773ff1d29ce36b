"""What the providers cost before they are used."""

import json
import subprocess
import sys

HEAVY = ("anthropic", "openai", "httpx2", "httpcore2", "truststore", "pydantic")

SCRIPT = """
import json, sys
from adapters.models.anthropic import Anthropic
from adapters.models.compatible import Compatible
from adapters.models.http import ModelHttp
from adapters.models.offline import Offline
from adapters.models.openai import OpenAI
http = ModelHttp(private_hosts=["localhost:11434"])
made = [Anthropic(http), OpenAI(http), Compatible(http), Offline()]
assert Compatible(http).origin("http://localhost:11434/v1") == "http://localhost:11434"
print(json.dumps([name for name in sys.argv[1:] if name in sys.modules]))
"""


def test_making_the_providers_loads_no_sdk_and_no_http_client() -> None:
    ran = subprocess.run([sys.executable, "-c", SCRIPT, *HEAVY], capture_output=True, text=True, check=True)
    assert json.loads(ran.stdout) == []


WARM = """
import asyncio, sys, time
from adapters.models.anthropic import Anthropic
from adapters.models.http import ModelHttp
from adapters.models.openai import OpenAI
from app.domain.keys import ProviderCredential
from app.domain.secrets import Secret
from tests.fakes.model_server import ModelServer

async def main():
    async with ModelServer() as server:
        http = ModelHttp()
        await http.warm_up()
        key = ProviderCredential(Secret("sk-test-first-0001"))
        began = time.monotonic()
        await Anthropic(http, base_url=server.url).verify(key)
        await OpenAI(http, base_url=server.url + "/v1").verify(key)
        print(time.monotonic() - began)

asyncio.run(main())
"""


def test_the_first_key_need_not_wait_once_everything_was_warmed_up() -> None:
    ran = subprocess.run([sys.executable, "-c", WARM], capture_output=True, text=True, check=True)
    assert float(ran.stdout) < 1.0  # loading alone takes longer than that

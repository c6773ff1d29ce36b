"""A tenant at work: Agents Playground, Microsoft's login, a vendor, and Latchkey between them."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.acceptance.agents_playground import AgentsPlayground, Json, Shown, parts, words
from tests.acceptance.aimock import AiMock, Fixture, answer
from tests.acceptance.bot_framework import BotFramework
from tests.acceptance.office import ANTHROPIC_KEY, FIXTURES
from tests.acceptance.process import free_port
from tests.acceptance.service import Service
from tests.fakes.teams.identity import APP_ID, PASSWORD, TENANT

GENTLY = "It comes word by word, as somebody would say it who thinks while they speak, and it ends here."
TEAMS_FIXTURES = [answer("gently", GENTLY, per_second=2), *FIXTURES]


@dataclass(frozen=True, slots=True)
class TeamsOffice:
    """All that takes part."""

    teams: AgentsPlayground
    login: BotFramework
    anthropic: AiMock
    service: Service

    async def key_form(self) -> Json:
        """Alex asks for the key form and opens it; the dialog's answer."""
        await self.teams.say("byok setkey anthropic")
        return await self.teams.press(await self.teams.shown("Open"), "Open")

    async def send_form(self, task: Json, inputs: Json) -> Json:
        """Alex fills in an open dialog and sends it off; its answer."""
        submit = next(part for part in parts(task) if part.get("type") == "Action.Submit" and "data" in part)
        return await self.teams.fetch(form_values(task) | submit["data"] | inputs, name="task/submit")

    async def moves_in(self) -> None:
        """Alex installs the app, and is greeted."""
        await self.teams.installation("install")
        await self.teams.shown("Three steps to the first answer")

    async def set_key(self) -> Shown:
        """Alex installs the app and sets a good key; the home, on which it stands."""
        await self.moves_in()
        task = await self.send_form(await self.key_form(), {"secret:key": ANTHROPIC_KEY})
        assert "key" in " ".join(words(task)).casefold(), task
        return await self.teams.shown(f"••••{ANTHROPIC_KEY[-4:]}")


def form_values(task: Json) -> Json:
    """What stands in a dialog's inputs when nothing is touched."""
    return {part["id"]: part.get("value", "") for part in parts(task) if str(part.get("type", "")).startswith("Input.")}


@contextlib.asynccontextmanager
async def teams_office(
    folder: Path, fixtures: Sequence[Fixture] = TEAMS_FIXTURES, environment: Mapping[str, str] | None = None
) -> AsyncIterator[TeamsOffice]:
    """A tenant in which nobody has installed the app yet."""
    port = free_port()
    async with BotFramework() as login, AiMock(folder, "anthropic", ANTHROPIC_KEY, fixtures) as vendor:
        teams = AgentsPlayground(folder, login, f"http://127.0.0.1:{port}/api/messages")
        wiring = {
            "MICROSOFT_APP_ID": APP_ID,
            "MICROSOFT_APP_PASSWORD": PASSWORD,
            "MICROSOFT_APP_TENANT_ID": TENANT,
            "LATCHKEY_TEAMS_OPENID_URL": f"{login.url}/v1/.well-known/openidconfiguration",
            "LATCHKEY_TEAMS_LOGIN_URL": login.url,
            "LATCHKEY_TEAMS_SERVICE_HOSTS": f"127.0.0.1:{teams.port}",
            "LATCHKEY_ANTHROPIC_BASE_URL": vendor.url,
        }
        async with teams, Service(folder, port, wiring | dict(environment or {})) as service:
            yield TeamsOffice(teams, login, vendor, service)

"""The service between the fake Teams and a fake vendor: how it is wired, and how somebody sets the key."""

from __future__ import annotations

import asyncio

import aiohttp

from adapters.teams.handle import ACTION, COMMAND, OURS, VALUE
from tests.acceptance.process import until
from tests.fakes.model_server import ModelServer
from tests.fakes.teams.identity import APP_ID, PASSWORD, TENANT
from tests.fakes.teams.world import Chat, Json, Member
from tests.fakes.teams_server import Delivery, TeamsServer


def wiring(teams: TeamsServer, models: ModelServer) -> dict[str, str]:
    """The service's environment. Ann is an admin."""
    return {
        "LATCHKEY_LOG_LEVEL": "INFO",
        "MICROSOFT_APP_ID": APP_ID,
        "MICROSOFT_APP_PASSWORD": PASSWORD,
        "MICROSOFT_APP_TENANT_ID": TENANT,
        "LATCHKEY_TEAMS_OPENID_URL": teams.openid_url,
        "LATCHKEY_TEAMS_LOGIN_URL": teams.login_url,
        "LATCHKEY_TEAMS_SERVICE_HOSTS": teams.origin.removeprefix("http://"),
        "LATCHKEY_ADMINS": f"teams:{TENANT}/{teams.world.ann.oid}",
        "LATCHKEY_ANTHROPIC_BASE_URL": models.url,
    }


async def send_key(teams: TeamsServer, key: str) -> Delivery:
    """Ann opens the key form by its button in a channel, fills it in and sends it; the answer to that."""
    ann, pressed = teams.world.ann, {OURS: {ACTION: COMMAND, VALUE: "setkey anthropic"}}
    opened = await teams.invoke(ann, "task/fetch", {"data": pressed})
    card: Json = opened.body["task"]["value"]["card"]["content"]
    filled = {one["id"]: one.get("value", "") for one in card["body"] if str(one["type"]).startswith("Input.")}
    sent = filled | card["actions"][0]["data"] | {"secret:key": key}
    return await teams.invoke(ann, "task/submit", {"data": sent})


async def set_key(teams: TeamsServer, models: ModelServer, key: str) -> None:
    """The same with a good key; returns when a question has been answered with it."""
    await send_key(teams, key)
    await teams.say(teams.world.ann, "warm up")
    await until(lambda: any(call.finished for call in models.calls), "the model has answered")


async def bring(teams: TeamsServer, who: Member, text: str, where: Chat, *, thread: str = "") -> str:
    """Somebody says it, and Teams brings it again until it is taken; the message's id."""
    activity = teams.activity(who, where, thread, **teams.words(text, mention=where.kind != "personal"))
    while True:
        try:
            if (await teams.post(activity)).status == 200:
                return str(activity["id"])
        except aiohttp.ClientError:
            pass  # the process is dead just now
        await asyncio.sleep(0.3)

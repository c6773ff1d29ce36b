"""local-slack 0.1.8 (npm `local-slack-linux-x64`): a Slack workspace, written by others.

What was learned by driving it and by reading the program:
- `POST /_control/message` answers when the app has acknowledged: first the `message` event, then, if the app is mentioned, `app_mention` with the same ts.
  Events have no `team` and no `client_msg_id`; the envelope has `team_id` and `authorizations`.
- A slash command's answer in the acknowledgement becomes a message (`subtype: ephemeral`, `ephemeral_to`, if it says so); its `response_url` works the same way.
  Messages for one person stand among the channel's messages, and `conversations.replies` returns them too.
- Modals: one stack for everybody. `view_submit` fills inputs that it is not given with nulls; answers `errors`, `update`, `push` and `clear` work, any other closes all.
- `block_action` always says `container: message`, with an empty channel and no `view` when it came from the home tab, and its `state` is always empty.
- There is no `block_suggestion`: a select that asks the app for its options stays empty in the page.
- `channel_type` is `im` or `channel`, also for private ones. A direct chat is made by `conversations.open` or by writing to a user's id as the channel.
- The signature is right but requests are never repeated; an event that the app refuses is lost. Socket Mode waits 5 s for an acknowledgement.
- `chat.update` sets `text` and `blocks` to what it is given. `unknown_method` for streaming, assistant.* and agents.*.
- A file that is completed without a channel is shared nowhere, and `files.info` knows its type at once. `files.list` minds no `ts_to`. The page draws no
  `slack_file`.
- The WebSocket `/ui` tells all (`init`, then `message`, `message_update`, `message_delete`, `channel`, `view`, `view_errors`, `home`, `socket_status`).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from pathlib import Path
from typing import Any, Self

import aiohttp

from tests.acceptance.blocks import Json, action_of, filled
from tests.acceptance.process import Process, until

_PROGRAM = Path(__file__).parent / "node_modules/local-slack-linux-x64/bin/local-slack"

TEAM, BOT, APP = "T0ACME", "U0BOT", "A0LATCHKEY"
ANA, MAX = "U0ANA", "U0MAX"  # Ana is to be named in LATCHKEY_ADMINS: nobody is an admin here by themselves
GENERAL, RANDOM = "C0GENERAL", "C0RANDOM"
BOT_TOKEN, APP_TOKEN, SIGNING_SECRET = "xo" + "xb-local-slack", "xa" + "pp-local-slack", "local-signing-secret"


class LocalSlack:
    """The workspace; an async context manager. Delivers over HTTP if it is given a URL, else by Socket Mode.

    `edits` counts by message how often the app changed it.
    """

    def __init__(self, folder: Path, events_url: str = "") -> None:
        self.base_url = ""
        self.edits: dict[str, int] = {}
        self._messages: dict[str, list[Json]] = {}
        self._homes: dict[str, Json] = {}
        self._stack: list[Json] = []
        self._errors: Json = {}
        self._connected = False
        delivery = {"mode": "events", "requestUrl": events_url} if events_url else {"mode": "socket"}
        app = {"appId": APP, "botUserId": BOT, "botName": "Latchkey", **delivery}
        app |= {"botToken": BOT_TOKEN, "appToken": APP_TOKEN, "signingSecret": SIGNING_SECRET}
        channels = [{"id": GENERAL, "name": "general"}, {"id": RANDOM, "name": "random"}]
        config = folder / "local-slack.json"
        config.write_text(
            json.dumps(
                {
                    "workspace": {"name": "Acme", "domain": "acme", "teamId": TEAM},
                    "apps": [app],
                    "users": [
                        {"id": ANA, "name": "ana", "real_name": "Ana Admin"},
                        {"id": MAX, "name": "max", "real_name": "Max Member"},
                    ],
                    "channels": [channel | {"members": [ANA, MAX, BOT]} for channel in channels],
                }
            )
        )
        files = folder / "local-slack-files"
        self._process = Process(
            [_PROGRAM, "--config", config, "--port", "0", "--base-host", "127.0.0.1", "--files-dir", files],
            folder / "local-slack.log",
        )

    async def __aenter__(self) -> Self:
        await self._process.start()
        self.base_url = await self._process.announces(r"Web UI:\s+(http://\S+)")
        self._http = aiohttp.ClientSession()
        self._ui = await self._http.ws_connect(f"{self.base_url}/ui", max_msg_size=0)
        self._listening = asyncio.create_task(self._listen())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._listening.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._listening
        await self._ui.close()
        await self._http.close()
        await self._process.stop()

    @property
    def api_url(self) -> str:
        """What LATCHKEY_SLACK_API_URL is set to."""
        return f"{self.base_url}/api/"

    async def app_connected(self) -> None:
        """Return when the app has opened its Socket Mode connection."""
        await until(lambda: self._connected, "the app connects")

    async def say(self, channel: str, user: str, text: str, thread: str = "") -> str:
        """A person writes; the message's ts. Returns when the app has acknowledged the events."""
        body = {"channel": channel, "user": user, "text": text} | ({"thread_ts": thread} if thread else {})
        return str((await self._control("message", body))["message"]["ts"])

    async def delete(self, channel: str, user: str, ts: str) -> None:
        """A person deletes a message of theirs."""
        await self._control("delete-message", {"channel": channel, "user": user, "ts": ts})

    async def edit(self, channel: str, user: str, ts: str, text: str) -> None:
        """A person changes a message of theirs."""
        await self._control("edit-message", {"channel": channel, "user": user, "ts": ts, "text": text})

    async def command(self, user: str, text: str, channel: str = GENERAL) -> None:
        """A person types `/byok …`."""
        await self._control("command", {"channel": channel, "user": user, "command": "/byok", "text": text})

    async def direct(self, user: str) -> str:
        """The channel in which the person and the app talk alone."""
        headers = {"Authorization": f"Bearer {BOT_TOKEN}"}
        async with self._http.post(
            f"{self.api_url}conversations.open", json={"users": user}, headers=headers
        ) as answer:
            return str((await answer.json())["channel"]["id"])

    async def file(self, file: str) -> bytes:
        """What is in a file, as the app may fetch it."""
        headers = {"Authorization": f"Bearer {BOT_TOKEN}"}
        async with self._http.get(f"{self.api_url}files.info", params={"file": file}, headers=headers) as answer:
            url = (await answer.json())["file"]["url_private"]
        async with self._http.get(url, headers=headers) as answer:
            return await answer.read()

    async def open_home(self, user: str) -> Json:
        """A person opens the app's home tab: what it then shows, published anew."""
        self._homes.pop(user, None)
        await self._control("open-home", {"user": user})
        return await until(lambda: self._homes.get(user), "the home tab is published")

    def home(self, user: str) -> Json | None:
        """What the home tab shows."""
        return self._homes.get(user)

    @property
    def modal(self) -> Json | None:
        """The modal on top."""
        return self._stack[-1] if self._stack else None

    @property
    def errors(self) -> Json:
        """What is wrong with the last submission, by the id of the block."""
        return self._errors

    async def submit(self, user: str, values: dict[str, str]) -> None:
        """Fill in the modal's inputs, each found by its label, and send it off."""
        assert self.modal is not None, "no modal is open"
        self._errors = {}
        await self._ui.send_json({"t": "view_submit", "user": user, "values": filled(self.modal, values)})

    async def press(
        self, user: str, blocks: list[Json], label: str, option: str = "", message: Json | None = None
    ) -> None:
        """Press the button, or choose an option of the select, that is found by its label (see `blocks.action_of`)."""
        act = {"t": "block_action", "user": user, "appId": APP, "action": action_of(blocks, label, option)}
        if message is not None:
            act |= {"channel": message["channel"], "messageTs": message["ts"]}
        await self._ui.send_json(act)

    def messages(self, channel: str) -> list[Json]:
        """All that stands in a channel, oldest first, what one person alone sees included."""
        return self._messages.get(channel, [])

    def whispers(self, user: str) -> list[Json]:
        """What only this person sees, in any channel."""
        return [
            m for channel, stood in self._messages.items() if channel for m in stood if m.get("ephemeral_to") == user
        ]

    @property
    def beside_home(self) -> list[Json]:
        """What answered presses in a home tab."""
        return self.messages("")

    def answers(self, channel: str, thread: str) -> list[Json]:
        """What the app said to all in a thread."""
        return [
            message
            for message in self.messages(channel)
            if message.get("bot_id") and message.get("thread_ts") == thread and "ephemeral_to" not in message
        ]

    async def _control(self, act: str, body: Json) -> Json:
        async with self._http.post(f"{self.base_url}/_control/{act}", json=body) as response:
            found: Json = await response.json()
        assert found.get("ok"), found
        return found

    async def _listen(self) -> None:
        async for event in self._ui:
            self._learn(json.loads(event.data))

    def _learn(self, event: Any) -> None:
        match event["t"]:
            case "init":
                state = event["state"]
                self._messages, self._homes = state["messages"], {}
                self._stack, self._connected = state["modalStack"], any(app["connected"] for app in state["apps"])
            case "message":
                # What answers a press in a home tab stands in no channel here; Slack itself tells that it is a home, and a modal opens.
                self._messages.setdefault(event["message"].get("channel", ""), []).append(event["message"])
            case "message_update":
                changed = event["message"]
                stood = self._messages[changed.get("channel", "")]
                stood[:] = [changed if message["ts"] == changed["ts"] else message for message in stood]
                self.edits[changed["ts"]] = self.edits.get(changed["ts"], 0) + 1
            case "message_delete":
                stood = self._messages[event["channel"]]
                stood[:] = [message for message in stood if message["ts"] != event["ts"]]
            case "view":
                self._stack, self._errors = event["stack"], {}
            case "view_errors":
                self._errors = event["errors"]
            case "home":
                self._homes[event["user"]] = event["view"]
            case "socket_status":
                self._connected = event["connected"]
            case _:
                pass

"""What a person does in Slack, and what Slack sends to the app because of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from tests.fakes.slack.delivery import Deliveries, Delivery
from tests.fakes.slack.web_api import WebApi
from tests.fakes.slack.world import APP_ID, Json, Workspace, World


class People:
    """Acts as a person; every method ends when the app has answered the delivery (or has not, in time)."""

    world: World
    api: WebApi
    deliveries: Deliveries
    mention_order: Sequence[str] = ("message", "app_mention")

    async def say(
        self,
        channel: str,
        user: str,
        text: str,
        *,
        thread_ts: str | None = None,
        files: Sequence[Json] = (),
        order: Sequence[str] | None = None,
        **extra: Any,
    ) -> str:
        """Write a message; returns its ts. A mention of the bot arrives as `message` and as `app_mention`, in `order`."""
        workspace, place = self.world.team_of(channel), self.world.channel(channel)
        message: Json = {"type": "message", "user": user, "text": text, "team": workspace.id} | extra
        message |= {"thread_ts": thread_ts} if thread_ts else {}
        message |= {"files": list(files), "subtype": "file_share"} if files else {}
        ts = str(self.world.post(channel, message)["ts"])
        kinds = ["message"]
        if not place.is_im and f"<@{workspace.bot_user_id}>" in text:
            kinds = list(order or self.mention_order)
        for kind in kinds:
            event = message | {"type": kind, "channel": channel, "event_ts": ts}
            event |= {"action_token": f"act-{ts}"}
            event |= {"channel_type": place.type} if kind == "message" else {"subtype": None}
            if kind == "app_mention":
                event.pop("subtype")
            await self.event(event, workspace)
        return ts

    async def edit(self, channel: str, ts: str, text: str) -> Delivery:
        """Change a message: `message_changed`."""
        message = self.world.message(channel, ts)
        before = dict(message)
        message |= {"text": text, "edited": {"user": message["user"], "ts": self.world.new_ts()}}
        return await self._changed(
            channel, {"subtype": "message_changed", "message": dict(message), "previous_message": before}
        )

    async def delete(self, channel: str, ts: str) -> Delivery:
        """Remove a message: `message_deleted`."""
        before = self.world.channel(channel).messages.pop(ts)
        return await self._changed(
            channel, {"subtype": "message_deleted", "deleted_ts": ts, "previous_message": before}
        )

    async def open_home(self, user: str, *, tab: str = "home", team: str = "T1") -> Delivery:
        """Open the app's Home (or its Messages tab)."""
        channel = self.world.direct(user, team).id
        event: Json = {
            "type": "app_home_opened",
            "user": user,
            "channel": channel,
            "tab": tab,
            "event_ts": self.world.new_ts(),
        }
        event |= {"view": self.api.views.homes[user]} if tab == "home" and user in self.api.views.homes else {}
        return await self.event(event, self.world.workspaces[team])

    async def stop(self, channel: str, thread_ts: str, user: str) -> Delivery:
        """Press Slack's stop button: running streams end, then the app is told."""
        streams = self.api.streams.live_in(channel, thread_ts)
        for stream in streams:
            self.api.streams.end(stream, "stopped_by_user")
        event: Json = {"type": "agent_session_stopped", "channel": channel, "thread_ts": thread_ts, "user": user}
        event |= {"streaming_message_ts": [s.ts for s in streams], "event_ts": self.world.new_ts()}
        return await self.event(event, self.world.team_of(channel))

    async def uninstall(self, team: str = "T1") -> Delivery:
        """Remove the app from a workspace."""
        return await self.event({"type": "app_uninstalled"}, self.world.workspaces[team])

    async def revoke_tokens(self, *, bot: Sequence[str] = (), oauth: Sequence[str] = (), team: str = "T1") -> Delivery:
        """Slack took tokens back."""
        tokens = {"bot": list(bot), "oauth": list(oauth)}
        return await self.event({"type": "tokens_revoked", "tokens": tokens}, self.world.workspaces[team])

    async def command(self, channel: str, user: str, command: str, text: str = "", **extra: Any) -> Delivery:
        """Type a slash command; what the app answers in the response stands in the delivery's body."""
        workspace, place = self.world.team_of(channel), self.world.channel(channel)
        form = {
            "token": "legacy-verification",
            "team_id": workspace.id,
            "team_domain": "acme",
            "channel_id": channel,
            "channel_name": "directmessage" if place.is_im else place.name,
            "user_id": user,
            "user_name": str(self.world.users[user]["name"]),
            "command": command,
            "text": text,
            "api_app_id": APP_ID,
            "is_enterprise_install": "false",
            "response_url": self.api.views.new_response_url(channel, user),
            "trigger_id": self.api.views.new_trigger(user),
        } | extra
        delivery = await self.deliveries.bring("command", form)
        answer = delivery.json() if delivery.ok else {}
        text_only = delivery.body if delivery.ok and delivery.body and not answer else ""
        if answer.get("text") or answer.get("blocks") or text_only:
            shown = {"text": text_only} | answer
            self.api.chat.ephemerals.append({"channel": channel, "user": user, "thread_ts": None, "blocks": []} | shown)
        return delivery

    async def interact(self, payload: Json) -> Delivery:
        """Deliver an interaction payload exactly as given (unknown kinds, missing fields)."""
        return await self.deliveries.bring("interaction", payload)

    async def event(self, event: Json, workspace: Workspace, *, event_id: str = "") -> Delivery:
        """Deliver an event in its envelope."""
        envelope = self.envelope(event, workspace, event_id=event_id)
        return await self.deliveries.bring("event", envelope)

    async def redeliver(self, delivery: Delivery, number: int = 1, reason: str = "http_timeout") -> Delivery:
        """Bring the same event again, as Slack does when it saw no answer."""
        return await self.deliveries.bring(delivery.kind, delivery.payload, (number, reason))

    async def storm(self, event: Json, workspace: Workspace, times: int) -> list[Delivery]:
        """The same event several times at once."""
        envelope = self.envelope(event, workspace)
        return list(await asyncio.gather(*(self.deliveries.bring("event", envelope) for _ in range(times))))

    def envelope(self, event: Json, workspace: Workspace, *, event_id: str = "") -> Json:
        """What stands around an event."""
        shared = event.get("channel") in self.world.channels and self.world.channels[event["channel"]].is_ext_shared
        authorization = {
            "enterprise_id": workspace.enterprise_id,
            "team_id": workspace.id,
            "user_id": workspace.bot_user_id,
        }
        return {
            "token": "legacy-verification",
            "type": "event_callback",
            "team_id": workspace.id,
            "context_team_id": workspace.id,
            "api_app_id": APP_ID,
            "event": event,
            "event_id": event_id or self.world.new_id("Ev"),
            "event_time": int(time.time()),
            "authorizations": [authorization | {"is_bot": True, "is_enterprise_install": False}],
            "is_ext_shared_channel": shared,
        }

    async def _changed(self, channel: str, change: Json) -> Delivery:
        place = self.world.channel(channel)
        event = {
            "type": "message",
            "channel": channel,
            "channel_type": place.type,
            "hidden": True,
            "ts": self.world.new_ts(),
        }
        return await self.event(event | {"event_ts": event["ts"]} | change, self.world.team_of(channel))

"""What a person does on screens: buttons, selects, and submitting a modal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tests.fakes.slack.blocks import check_option
from tests.fakes.slack.delivery import Deliveries, Delivery
from tests.fakes.slack.web_api import WebApi
from tests.fakes.slack.world import APP_ID, Json, SlackError, Workspace, World

_STATE = (
    "value",
    "selected_option",
    "selected_options",
    "selected_user",
    "selected_channel",
    "selected_conversation",
    "selected_conversations",
)


class Screens:
    """Presses what is really shown: an element that is not there raises LookupError."""

    world: World
    api: WebApi
    deliveries: Deliveries

    async def press(
        self, user: str, action_id: str, *, where: Json, value: Any = None, block_id: str | None = None
    ) -> Delivery:
        """Use a button or select in `where`: a view, a message of `messages()`, or an entry of `ephemerals()`."""
        block, element = find_element(where, action_id, block_id, value)
        action: Json = {
            "type": element["type"],
            "action_id": action_id,
            "block_id": block.get("block_id", "b"),
            "action_ts": "1.0",
        }
        action |= _chosen(element, value)
        payload = self._interaction("block_actions", user, where) | {"actions": [action]}
        return await self.deliveries.bring("interaction", payload)

    async def suggest(
        self, user: str, action_id: str, typed: str, *, view: Json, block_id: str | None = None
    ) -> list[Json]:
        """Type into an external select; the options that the app offers, checked as Slack would."""
        block, _ = find_element(view, action_id, block_id, None)
        payload = self._interaction("block_suggestion", user, view)
        payload |= {"action_id": action_id, "block_id": block.get("block_id", "b"), "value": typed}
        answer = (await self.deliveries.bring("interaction", payload)).json()
        groups = answer.get("option_groups", [{"options": answer.get("options", [])}])
        options: list[Json] = [option for group in groups for option in group["options"]]
        faults = [fault for option in options for fault in check_option(option)]
        if len(options) > 100 or faults:
            raise SlackError("invalid_arguments", messages=faults or ["more than 100 options"])
        return options

    async def submit(self, user: str, values: Mapping[str, Any], *, view: Json | None = None) -> Delivery:
        """Submit the topmost modal with `{block_id: value}`; the app's response_action is applied to what is open."""
        view = view or self.modal(user)
        if view is None:
            raise LookupError(f"{user} has no modal open")
        view["state"] = {"values": _state_of(view, values)}
        workspace = self.world.workspaces[view["team_id"]]
        payload = self._interaction("view_submission", user, view) | {"view": view, "response_urls": []}
        delivery = await self.deliveries.bring("interaction", payload)
        if delivery.ok:
            self._apply(user, view, delivery.json(), workspace)
        return delivery

    def modal(self, user: str) -> Json | None:
        """The topmost modal of a person."""
        stack = self.api.views.stacks.get(user)
        return stack[-1] if stack else None

    def _interaction(self, kind: str, user: str, where: Json) -> Json:
        views = self.api.views
        payload: Json = {
            "type": kind,
            "api_app_id": APP_ID,
            "token": "legacy-verification",
            "trigger_id": views.new_trigger(user),
        }
        if "id" in where:
            workspace = self.world.workspaces[where["team_id"]]
            payload |= {"view": where, "container": {"type": "view", "view_id": where["id"]}}
        else:
            workspace = self.world.team_of(where["channel"])
            ephemeral = next((at for at, one in enumerate(self.api.chat.ephemerals) if one is where), -1)
            payload |= {"container": _container(where, ephemeral), "channel": {"id": where["channel"]}}
            payload |= {"response_url": views.new_response_url(where["channel"], user, where.get("ts", ""), ephemeral)}
            payload |= {"message": where} if ephemeral < 0 else {}
        payload["user"] = {"id": user, "team_id": self.world.users[user]["team_id"], "username": user.lower()}
        payload["team"] = {"id": workspace.id, "domain": "acme"}
        return payload | {"enterprise": None, "is_enterprise_install": False}

    def _apply(self, user: str, view: Json, answer: Json, workspace: Workspace) -> None:
        action = answer.get("response_action")
        if action == "errors":
            inputs = {b.get("block_id") for b in view["blocks"] if b["type"] == "input"}
            unknown = set(answer["errors"]) - inputs
            if unknown or not answer["errors"]:
                raise SlackError("invalid_arguments", messages=[f"errors for unknown inputs {sorted(unknown)}"])
            view["errors"] = answer["errors"]
        elif action == "update":
            self.api.views.close(user, view["id"])
            self.api.views.add(workspace, user, answer["view"])
        elif action == "push":
            self.api.views.add(workspace, user, answer["view"])
        else:
            self.api.views.close(user, view["id"], everything=action == "clear")


def find_element(where: Json, action_id: str, block_id: str | None, value: Any) -> tuple[Json, Json]:
    """The block and the element with this action id (and block id, and value when it is a button)."""
    for block, element in _elements(where.get("blocks", [])):
        if element.get("action_id") != action_id or block_id not in {None, block.get("block_id")}:
            continue
        if element["type"] == "button" and value is not None and element.get("value") != value:
            continue
        return block, element
    raise LookupError(f"no {action_id} here")


def _elements(blocks: list[Json]) -> Iterator[tuple[Json, Json]]:
    for block in blocks:
        for element in [*block.get("elements", []), block.get("accessory"), block.get("element")]:
            if isinstance(element, dict) and "type" in element:
                yield block, element
        yield from _elements(block.get("child_blocks", []))


def _chosen(element: Json, value: Any) -> Json:
    kind = element["type"]
    if kind == "button":
        return {"value": element["value"]} if "value" in element else {}
    if kind == "feedback_buttons":
        return {"value": value}
    if kind in {"static_select", "radio_buttons", "overflow"}:
        groups = element.get("option_groups") or [{"options": element.get("options", [])}]
        options = [o for group in groups for o in group["options"] if o["value"] == value]
        if not options:
            raise LookupError(f"no option {value}")
        return {"selected_option": options[0]}
    if kind == "external_select":
        return {"selected_option": {"text": {"type": "plain_text", "text": str(value)[:75]}, "value": value}}
    if kind == "checkboxes":
        return {"selected_options": [o for o in element["options"] if o["value"] in value]}
    if kind == "multi_conversations_select":
        return {"selected_conversations": list(value)}
    selected = {"users_select": "selected_user", "channels_select": "selected_channel"}
    return {selected.get(kind, "selected_conversation" if "conversations" in kind else "value"): value}


def _state_of(view: Json, values: Mapping[str, Any]) -> Json:
    state: Json = {}
    for block in view["blocks"]:
        if block["type"] != "input":
            continue
        element = block["element"]
        entry: Json = {"type": element["type"]}
        if block["block_id"] in values:
            chosen = _chosen(element, values[block["block_id"]])
        else:
            chosen = {"value": element.get("initial_value"), "selected_option": element.get("initial_option")}
            chosen |= {"selected_options": element.get("initial_options", [])}
        entry |= {name: chosen[name] for name in _STATE if name in chosen}
        state[block["block_id"]] = {element["action_id"]: entry}
    unknown = set(values) - set(state)
    if unknown:
        raise LookupError(f"no input {sorted(unknown)}")
    return state


def _container(where: Json, ephemeral: int) -> Json:
    container = {
        "type": "message",
        "message_ts": where.get("ts", ""),
        "channel_id": where["channel"],
        "is_ephemeral": ephemeral >= 0,
    }
    return container | ({"thread_ts": where["thread_ts"]} if where.get("thread_ts") else {})

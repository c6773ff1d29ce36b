"""Reading Block Kit as a person does: by what is written there, not by ids."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]


def words(thing: Any) -> str:
    """All that is written in blocks, a view or a message."""
    return "\n".join(_texts(thing))


def labels(view: Json) -> list[str]:
    """The labels of a modal's inputs."""
    return [block["label"]["text"] for block in view["blocks"] if block["type"] == "input"]


def field_named(view: Json, label: str) -> Json:
    """The input block with this label."""
    for block in view["blocks"]:
        if block["type"] == "input" and block["label"]["text"] == label:
            return dict(block)
    raise AssertionError(f"no input is labelled {label!r}; there are {labels(view)}")


def filled(view: Json, values: dict[str, str]) -> Json:
    """A modal's state when each labelled input has this value: text, or what the option chosen is called."""
    state: Json = {
        block["block_id"]: {block["element"]["action_id"]: _initial(block["element"])}
        for block in view["blocks"]
        if block["type"] == "input"
    }
    for label, value in values.items():
        block = field_named(view, label)
        element = block["element"]
        state[block["block_id"]] = {element["action_id"]: _chosen(element, value)}
    return state


def _chosen(element: Json, value: str) -> Json:
    if element["type"] == "plain_text_input":
        return {"type": element["type"], "value": value}
    if element["type"] == "checkboxes":
        return {"type": element["type"], "selected_options": [_option(element, value)] if value else []}
    return {"type": element["type"], "selected_option": _option(element, value)}


def action_of(blocks: list[Json], label: str, option: str = "") -> Json:
    """The action that the control so labelled causes.

    A button is found by its own text; a select by the text of the block that it stands in, which must contain the label.
    """
    for block, element in _controls(blocks):
        if option and _options(element) and label in words({**block, "accessory": None, "elements": None}):
            chosen = _option(element, option)
            return {**_named(block, element), "selected_option": chosen}
        if not option and element["type"] == "button" and element["text"]["text"] == label:
            return {**_named(block, element), "value": element.get("value"), "text": element["text"]}
    raise AssertionError(f"nothing is labelled {label!r} {option!r} in {words(blocks)}")


def _named(block: Json, element: Json) -> Json:
    return {"type": element["type"], "action_id": element["action_id"], "block_id": block.get("block_id", "")}


def _controls(blocks: list[Json]) -> Iterator[tuple[Json, Json]]:
    for block in blocks:
        if "accessory" in block:
            yield block, block["accessory"]
        for element in block.get("elements", []) if block["type"] == "actions" else []:
            yield block, element


def _options(element: Json) -> list[Json]:
    grouped = [option for group in element.get("option_groups", []) for option in group["options"]]
    return [*element.get("options", []), *grouped]


def _option(element: Json, wanted: str) -> Json:
    for option in _options(element):
        if wanted in (option["value"], option["text"]["text"]):
            return option
    raise AssertionError(f"no option {wanted!r} in {[option['text']['text'] for option in _options(element)]}")


def _initial(element: Json) -> Json:
    """What an input holds that nobody has touched."""
    if element["type"] == "plain_text_input":
        return {"type": element["type"], "value": element.get("initial_value")}
    if element["type"] == "checkboxes":
        return {"type": element["type"], "selected_options": element.get("initial_options", [])}
    if element["type"].startswith("multi_"):
        return {"type": element["type"], "selected_conversations": element.get("initial_conversations", [])}
    return {"type": element["type"], "selected_option": element.get("initial_option")}


def _texts(thing: Any) -> Iterator[str]:
    if isinstance(thing, list):
        for part in thing:
            yield from _texts(part)
    elif isinstance(thing, dict):
        for name, part in thing.items():
            if name == "text" and isinstance(part, str):
                yield part
            elif not isinstance(part, str):
                yield from _texts(part)

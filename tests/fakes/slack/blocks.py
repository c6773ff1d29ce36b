"""Block Kit as Slack would judge it: slack_sdk's models, and the limits that these leave out."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from slack_sdk.errors import SlackObjectFormationError
from slack_sdk.models.blocks import Block

from tests.fakes.slack.world import File, Json, SlackError

_EVERYWHERE = {
    "section",
    "divider",
    "image",
    "actions",
    "context",
    "header",
    "rich_text",
    "video",
    "table",
    "container",
}
ON_SURFACE = {
    "message": _EVERYWHERE
    | {
        "markdown",
        "context_actions",
        "file",
        "table",
        "container",
        "task_card",
        "plan",
        "data_table",
        "card",
        "carousel",
    },
    "modal": _EVERYWHERE | {"input", "alert"},
    "home": _EVERYWHERE | {"input"},
}
_FILE = re.compile(r"F[A-Z0-9]{8,}")
LONGEST = {"header": 150, "button": 75, "placeholder": 150, "label": 2000, "hint": 2000, "option": 75, "cell": 10_000}
MOST = {"actions": 25, "context": 10, "context_actions": 5}


def check_message(blocks: Any, *, most: int = 50) -> None:
    """Raise `invalid_blocks` with Slack-like reasons when a message may not carry these blocks."""
    _raise_if_any("invalid_blocks", _faults_of(blocks, "message", most))
    kinds = [b["type"] for b in blocks]
    if kinds.count("table") + kinds.count("data_table") > 1:
        raise SlackError("invalid_attachments", response_metadata={"messages": ["only one table per message"]})
    if sum(len(b.get("text", "")) for b in blocks if b["type"] == "markdown") > 12_000:
        raise SlackError("msg_blocks_too_long")


def check_pictures(blocks: Any, files: Mapping[str, File], error: str = "invalid_blocks") -> None:
    """Raise this error when a picture names a file that is not here, or that is not known to be a picture (yet)."""
    for at, block in enumerate(blocks):
        if block.get("type") == "image" and "slack_file" in block:
            named = block["slack_file"]
            file = files.get(str(named.get("id")))
            if set(named) != {"id"} or not _FILE.fullmatch(named["id"]) or file is None or not file.is_picture:
                fault = f"invalid slack file [json-pointer:/blocks/{at}/slack_file]"
                raise SlackError(error, errors=[fault], response_metadata={"messages": [f"[ERROR] {fault}"]})


def check_view(view: Any) -> None:
    """Raise `invalid_arguments` or `view_too_large` when a modal or Home may not look like this."""
    if not isinstance(view, dict) or view.get("type") not in {"modal", "home"}:
        raise SlackError("invalid_arguments", response_metadata={"messages": ["view.type must be modal or home"]})
    if len(json.dumps(view)) > 250_000:
        raise SlackError("view_too_large")
    faults = list(_faults_of(view.get("blocks"), view["type"], 100))
    if len(view.get("private_metadata", "")) > 3000:
        faults.append("private_metadata above 3000 characters")
    if len(view.get("callback_id", "")) > 255:
        faults.append("callback_id above 255 characters")
    if view["type"] == "modal":
        faults += _plain(view.get("title"), "title", 24)
        for word in ("submit", "close"):
            faults += _plain(view[word], word, 24) if word in view else []
        if "submit" not in view and any(b.get("type") == "input" for b in view.get("blocks", [])):
            faults.append("submit is required when an input block is used")
    elif {"title", "submit", "close"} & view.keys():
        faults.append("a home view has no title, submit or close")
    _raise_if_any("invalid_arguments", faults)


def _raise_if_any(error: str, faults: Iterable[str]) -> None:
    found = [f"[ERROR] {fault}" for fault in faults]
    if found:
        raise SlackError(error, response_metadata={"messages": found})


def _faults_of(blocks: Any, surface: str, most: int) -> Iterator[str]:
    if not isinstance(blocks, list) or not all(isinstance(b, dict) for b in blocks):
        yield "blocks must be a list of objects"
        return
    if len(blocks) > most:
        yield f"no more than {most} items allowed [blocks: {len(blocks)}]"
    ids = [b["block_id"] for b in blocks if "block_id" in b]
    if len(ids) != len(set(ids)):
        yield "block_id already exists"
    for at, block in enumerate(blocks):
        for fault in _faults_of_block(block, surface):
            yield f"{fault} [json-pointer:/blocks/{at}]"


def _faults_of_block(block: Json, surface: str) -> Iterator[str]:
    kind = block.get("type")
    if kind not in ON_SURFACE[surface]:
        yield f"unsupported type: {kind} on {surface}"
        return
    if kind != "data_table":
        yield from _sdk_faults(block)
    if len(str(block.get("block_id", ""))) > 255:
        yield "block_id above 255 characters"
    if kind in _OF_KIND:
        yield from _OF_KIND[kind](block)
    elements = [*block.get("elements", []), block.get("accessory"), block.get("element")]
    if kind in MOST and not 0 < len(block.get("elements", [])) <= MOST[kind]:
        yield f"{kind} needs 1 to {MOST[kind]} elements"
    actions = [e["action_id"] for e in elements if isinstance(e, dict) and "action_id" in e]
    if len(actions) != len(set(actions)):
        yield "action_id already exists in this block"
    for element in elements:
        if isinstance(element, dict) and kind != "rich_text":
            yield from _element(element, kind)


def _sdk_faults(block: Json) -> Iterator[str]:
    try:
        parsed = Block.parse(block)
        if parsed is None:
            yield f"unknown block {block.get('type')}"
        else:
            parsed.to_dict()
    except (SlackObjectFormationError, TypeError, ValueError, AttributeError) as error:
        yield str(error)


def _header(block: Json) -> Iterator[str]:
    yield from _plain(block.get("text"), "header", LONGEST["header"])


def _input(block: Json) -> Iterator[str]:
    yield from _plain(block.get("label"), "label", LONGEST["label"])
    yield from _plain(block["hint"], "hint", LONGEST["hint"]) if "hint" in block else ()


def _markdown(block: Json) -> Iterator[str]:
    if not block.get("text"):
        yield "markdown.text must be more than 0 characters"


def _section(block: Json) -> Iterator[str]:
    if "text" not in block and not block.get("fields"):
        yield "section needs text or fields"
    for text in [*([block["text"]] if "text" in block else []), *block.get("fields", [])]:
        yield from _text(text, "section", 3000 if text is block.get("text") else 2000)
    if len(block.get("fields", [])) > 10:
        yield "no more than 10 fields"


def _table(block: Json) -> Iterator[str]:
    rows = block.get("rows", [])
    if not 0 < len(rows) <= 100 or any(not 0 < len(row) <= 20 for row in rows):
        yield "a table has 1 to 100 rows of 1 to 20 cells"
    if len(json.dumps(rows)) > 40_000 or sum(len(c.get("text", "")) for r in rows for c in r) > LONGEST["cell"]:
        yield "table above 10000 characters"
    if any(c.get("type") not in {"raw_text", "raw_number", "rich_text"} for r in rows for c in r):
        yield "unknown cell type"
    if any(c.get("type") == "raw_text" and not c.get("text") for r in rows for c in r):
        yield "a raw_text cell must be more than 0 characters"


def _image(block: Json) -> Iterator[str]:
    if not 0 < len(block.get("alt_text", "")) <= 2000:
        yield "alt_text must be 1 to 2000 characters"
    if ("slack_file" in block) == ("image_url" in block):
        yield "an image is a file or has a URL"
    yield from _plain(block["title"], "title", 2000) if "title" in block else ()


_OF_KIND = {
    "image": _image,
    "header": _header,
    "section": _section,
    "input": _input,
    "markdown": _markdown,
    "table": _table,
}


def _element(element: Json, block: Any) -> Iterator[str]:
    kind = element.get("type", "")
    if len(str(element.get("action_id", ""))) > 255:
        yield "action_id above 255 characters"
    if "placeholder" in element:
        yield from _plain(element["placeholder"], "placeholder", LONGEST["placeholder"])
    if kind == "button":
        yield from _button(element)
    if kind in {"mrkdwn", "plain_text"} and block == "context":
        yield from _text(element, "context", 3000)
    if kind == "plain_text_input" and not 0 < element.get("max_length", 3000) <= 3000:
        yield "max_length must be 1 to 3000"
    if kind in {"radio_buttons", "checkboxes"} and not 0 < len(element.get("options", [])) <= 10:
        yield "1 to 10 options"
    if kind == "overflow" and not 0 < len(element.get("options", [])) <= 5:
        yield "1 to 5 options"
    if "select" in kind:
        yield from _select(element, kind)
    if "confirm" in element:
        yield from _confirm(element["confirm"])
    if block == "context_actions" and kind not in {"feedback_buttons", "icon_button"}:
        yield f"{kind} is not allowed in context_actions"


def _button(element: Json) -> Iterator[str]:
    yield from _plain(element.get("text"), "button", LONGEST["button"])
    if len(element.get("value", "")) > 2000 or len(element.get("url", "")) > 3000:
        yield "button value or url too long"
    if element.get("style") not in {None, "primary", "danger"}:
        yield "unknown button style"


def _select(element: Json, kind: str) -> Iterator[str]:
    groups = element.get("option_groups") or []
    options = [*element.get("options", []), *(o for g in groups for o in g.get("options", []))]
    if kind.endswith("static_select"):
        lists = [g.get("options", []) for g in groups] or [element.get("options", [])]
        if any(not 0 < len(one) <= 100 for one in lists) or len(groups) > 100:
            yield "options must have 1 to 100 items"
    for option in options:
        yield from check_option(option)
    first = element.get("initial_option")
    if first is not None:
        yield from check_option(first)
        if options and first not in options:
            yield "initial_option must exactly match one of the options"


def check_option(option: Json) -> Iterator[str]:
    """What is wrong with one option of a select."""
    yield from _text(option.get("text"), "option", LONGEST["option"])
    if not 0 < len(str(option.get("value", ""))) <= 150:
        yield "option.value must be 1 to 150 characters"


def _confirm(confirm: Json) -> Iterator[str]:
    yield from _plain(confirm.get("title"), "confirm.title", 100)
    yield from _text(confirm.get("text"), "confirm.text", 300)
    for word in ("confirm", "deny"):
        yield from _plain(confirm.get(word), f"confirm.{word}", 30)


def _plain(text: Any, what: str, longest: int) -> list[str]:
    wrong = _text(text, what, longest)
    return wrong or ([f"{what} must be plain_text"] if text.get("type") != "plain_text" else [])


def _text(text: Any, what: str, longest: int) -> list[str]:
    if not isinstance(text, dict) or text.get("type") not in {"plain_text", "mrkdwn"}:
        return [f"{what} needs a text object"]
    if not 0 < len(text.get("text", "")) <= longest:
        return [f"{what}: must be 1 to {longest} characters"]
    return []

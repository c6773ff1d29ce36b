"""Servers of tools by others (Model Context Protocol), as a workspace's admins know them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from app.domain.grants import Approval

PREFIX = "mcp-"
LONGEST_TOOL_NAME = 64
LARGEST_SHOWN = 16_000
"""Bytes, as `size_shown` counts them: a Teams card bears 24,000 in all."""

SERVER_NAME = re.compile(r"[a-z][a-z0-9]{0,23}")
"""One lower-case word, so that nothing in a tool's name is ambiguous."""

_SAID = ("type", "properties", "required", "title", "$schema")
_ODD = re.compile(r"[^A-Za-z0-9_-]")


class McpAuth(StrEnum):
    """How a server learns on whose behalf it is asked."""

    NONE = "none"
    BEARER = "bearer"  # a token that somebody pastes
    OAUTH = "oauth"  # somebody signs in


@dataclass(frozen=True, slots=True)
class McpServer:
    """A server that admins added. With `personal`, each person has a token of their own there, and agents act as whoever asks."""

    id: str
    workspace: str
    name: str
    url: str
    auth: McpAuth
    personal: bool
    paused: bool
    added_by: str
    added_at: datetime

    def person(self, user: str) -> str:
        """Whose token is used when this person asks: theirs, or (empty) the workspace's."""
        return user if self.personal and self.auth is not McpAuth.NONE else ""


@dataclass(frozen=True, slots=True)
class PinnedTool:
    """A tool as admins saw it: `hash` is the pin of just that. Once its server says otherwise it is `changed`, and off until they look."""

    server: str  # the server's id
    name: str
    description: str = field(repr=False)
    schema: Mapping[str, Any] = field(repr=False)
    hash: str
    title: str = field(default="", repr=False)
    enabled: bool = False
    changed: bool = False
    read_only: bool = False
    approval: Approval = Approval.ALWAYS

    @property
    def can_be_shown(self) -> bool:
        """Whether a person can be shown all of it: what nobody can look at is never switched on."""
        return size_shown(self.description) + size_shown(arguments(self.schema)) <= LARGEST_SHOWN

    @property
    def usable(self) -> bool:
        """Whether agents may be granted it, and use it."""
        return self.enabled and not self.changed


def pin(url: str, name: str, description: str, schema: Mapping[str, Any]) -> str:
    """SHA-256 of what a tool is said to be, and by whom: the same for the same words only."""
    told = json.dumps([url, name, description, schema], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()


def full_name(server: str, tool: str) -> str:
    """What a tool is called in grants and for models: `mcp-<server>-<tool>`, different for different tools, at most 64 characters."""
    plain = f"{PREFIX}{server}-{_ODD.sub('_', tool)}"
    if len(plain) <= LONGEST_TOOL_NAME and not _ODD.search(tool):
        return plain
    mark = hashlib.sha256(tool.encode()).hexdigest()[:6]
    return f"{plain[: LONGEST_TOOL_NAME - 7]}-{mark}"


def arguments(schema: Mapping[str, Any]) -> str:
    """What a tool takes, a line for each argument, and all that its schema says of it: something to read must not hide in a corner."""
    properties = schema.get("properties")
    named: Mapping[str, Any] = properties if isinstance(properties, Mapping) else {}
    required = schema.get("required")
    needed = required if isinstance(required, list) else []
    lines = [_argument(str(name), about, needed=name in needed) for name, about in named.items()]
    more = {name: value for name, value in schema.items() if name not in _SAID}
    more |= {"properties": properties} if properties is not None and not isinstance(properties, Mapping) else {}
    more |= {"required": required} if required is not None and not set(map(str, needed)) <= set(named) else {}
    lines += [json.dumps(more, ensure_ascii=False)] if more else []
    return "\n".join(lines) or "It takes no arguments."


def size_shown(text: str) -> int:
    """What showing a text exactly as it is costs, on the platform where that is dearest: each line, and each sign that could be markup."""
    lines, signs = text.count("\n") + 1, sum(not sign.isalnum() for sign in text)
    return len(json.dumps(text, ensure_ascii=False).encode("utf-8", "replace")) + 3 * signs + 200 * lines


def _argument(name: str, about: Any, *, needed: bool) -> str:
    if not isinstance(about, Mapping):
        return f"{name}: {json.dumps(about, ensure_ascii=False)}"
    kind, said = about.get("type"), about.get("description")
    more = {key: value for key, value in about.items() if key not in ("type", "description", "title")}
    more |= {"type": kind} if kind is not None and not isinstance(kind, str) else {}
    more |= {"description": said} if said is not None and not isinstance(said, str) else {}
    title = about.get("title")
    more |= {"title": title} if title and str(title).casefold() != name.replace("_", " ").casefold() else {}
    kinds = ", ".join(part for part in (kind if isinstance(kind, str) else "", "" if needed else "optional") if part)
    parts = [f"{name} ({kinds})" if kinds else name, " ".join(said.split()) if isinstance(said, str) else ""]
    return ": ".join(part for part in parts if part) + (f" {json.dumps(more, ensure_ascii=False)}" if more else "")

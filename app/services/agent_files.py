"""Agents as a YAML file, to keep in a repository or carry to another workspace. There is no key in it, nor an id of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import yaml

from app.domain.agent import AgentSpec, Effort, Fallback
from app.errors import BadInput
from app.services import dollars, grant_files
from app.services.agent_drafts import AgentDraft

HEAD = """\
# Agents of a Latchkey workspace: `latchkey agents import` makes those that are new and changes those of the same name.
# Keys are not in this file: each agent is paid for by the workspace that it is imported into.
"""
LONGEST_FILE = 1_000_000
MOST_SETTINGS = 100
T = TypeVar("T")

_TEXTS = ("name", "description", "instructions", "emoji", "provider", "model")
_NUMBERS = ("max_output_tokens", "max_steps")
_MOST = {"tokens": "run_tokens", "dollars": "run_cost", "seconds": "run_seconds"}
"""What one answer may take: by what it is called in a file."""


def export(agents: Sequence[AgentSpec]) -> str:
    """Agents as a file's text. Importing it where it came from changes nothing."""
    names = {agent.id: agent.name for agent in agents}
    content = {"version": 1, "agents": [_told(agent, names) for agent in agents]}
    return HEAD + yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


def parse(text: str) -> tuple[AgentDraft, ...]:
    """A file's agents. Raises BadInput that says where the file can't be used."""
    if len(text) > LONGEST_FILE:
        raise BadInput(f"The file has more than {LONGEST_FILE} characters.")
    try:
        content = yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, RecursionError, ValueError):  # ValueError: a date that is none
        raise BadInput("This is not a YAML file.") from None
    if not isinstance(content, dict) or content.get("version") != 1 or not isinstance(content.get("agents"), list):
        raise BadInput("The file must have `version: 1` and a list of `agents`.")
    drafts = tuple(_draft(item, at) for at, item in enumerate(content["agents"], start=1))
    names = [draft.name for draft in drafts]
    if len(set(names)) < len(names):
        raise BadInput("Two agents in the file have the same name.")
    return drafts


def _told(agent: AgentSpec, names: Mapping[str, str]) -> dict[str, Any]:
    told: dict[str, Any] = {name: getattr(agent, name) for name in _TEXTS}
    told |= {"effort": agent.effort.value if agent.effort else ""}
    told |= {name: getattr(agent, name) for name in _NUMBERS}
    told |= {"channels": list(agent.channels), "share_names": agent.share_names}
    most = {name: getattr(agent, field) for name, field in _MOST.items() if getattr(agent, field)}
    if most:
        told["most"] = {name: dollars.plain(value) if name == "dollars" else value for name, value in most.items()}
    if agent.fallbacks:
        told["fallbacks"] = [f"{one.provider}/{one.model}" for one in agent.fallbacks]
    told["tools"] = [grant_files.told(grant, names) for grant in agent.grants]
    return told


def _draft(item: Any, at: int) -> AgentDraft:
    if not isinstance(item, dict) or not isinstance(item.get("name"), str):
        raise BadInput(f"Agent {at} of the file has no name.")
    where = f"Agent {item['name'][:32]!r}"
    unknown = sorted(
        str(key)
        for key in set(item) - {*_TEXTS, *_NUMBERS, "effort", "channels", "share_names", "tools", "fallbacks", "most"}
    )
    if unknown:
        raise BadInput(f"{where}: there is no setting {unknown[0][:32]!r}.")
    try:
        return AgentDraft(**_settings(item))
    except BadInput as error:
        raise BadInput(f"{where}, {error.field or 'settings'}: {error.message}", field=error.field) from None


def _settings(item: Mapping[str, Any]) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    for names, kind in ((_TEXTS, str), (_NUMBERS, int), (("share_names",), bool)):
        settings |= {name: _of(kind, item[name], name) for name in names if name in item}
    if item.get("effort"):
        settings["effort"] = _effort(item["effort"])
    if "channels" in item:
        settings["channels"] = tuple(
            _of(str, channel, "channels") for channel in _of(list, item["channels"], "channels")
        )
    if "most" in item:
        settings |= _most(_of(dict, item["most"], "most"))
    if "fallbacks" in item:
        settings["fallbacks"] = tuple(_fallback(one) for one in _of(list, item["fallbacks"], "fallbacks"))
    if "tools" in item:
        settings["grants"] = tuple(grant_files.parse(grant) for grant in _of(list, item["tools"], "tools"))
    return settings


def _of(kind: type[T], value: Any, field: str) -> T:
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise BadInput("this is not of the right kind.", field=field)
    return value


def _most(item: Mapping[str, Any]) -> dict[str, Any]:
    unknown = sorted(str(key) for key in set(item) - _MOST.keys())
    if unknown:
        raise BadInput(f"there is no limit {unknown[0][:32]!r}; use {', '.join(_MOST)}.", field="most")
    return {
        _MOST[name]: dollars.parsed(str(value), field="most") if name == "dollars" else _of(int, value, "most")
        for name, value in item.items()
    }


def _fallback(value: Any) -> Fallback:
    """As `provider/model`; which key pays is not in a file."""
    provider, _, model = _of(str, value, "fallbacks").partition("/")
    return Fallback(provider, model)


def _effort(value: Any) -> Effort:
    try:
        return Effort(value)
    except ValueError:
        raise BadInput(f"use one of {', '.join(Effort)}.", field="effort") from None


class _Loader(yaml.SafeLoader):
    """Mappings that are merged into one another grow tenfold with each line; ours need not."""

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        super().flatten_mapping(node)
        if len(node.value) > MOST_SETTINGS:
            raise yaml.constructor.ConstructorError(None, None, "a mapping is too large", node.start_mark)


class _Dumper(yaml.SafeDumper):
    """Long texts as people write them, in literal blocks."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)

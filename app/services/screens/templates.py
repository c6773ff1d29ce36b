"""Agents to begin with, shown before they are made."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from app.domain.agent import AgentSpec
from app.domain.views import (
    Block,
    Bold,
    Button,
    ChannelInput,
    Code,
    Heading,
    Level,
    Note,
    Notice,
    Rich,
    Row,
    Span,
    Text,
    TextInput,
    View,
    rich,
)
from app.services.screens.grant_words import how, what
from app.services.templates import Template

USE = "template_use"
FORM = "template_save"
_LATER = ("channel_history", "post_message")


def listing(templates: Sequence[Template], now: datetime) -> View:
    """What there is, and what each may do."""
    rows = [
        Row(
            (f"{one.emoji} ", Bold(one.id), f": {one.description}\n", *_grants(one, now)),
            Button(USE, "Look at it", one.id, opens=True),
        )
        for one in templates
    ]
    return View(
        title="Templates",
        blocks=(Heading("Agents to begin with"), *rows, Note(rich("Nothing is made before you have seen all of it."))),
    )


def form(one: Template, name: str, now: datetime) -> View:
    """All of it, to be changed and then made."""
    inputs: list[Block] = [
        TextInput("name", "Name", name, hint="One word in small letters; people type it after the mention.", max_length=32),
        TextInput("instructions", "Instructions", one.instructions, multiline=True, max_length=3000),
    ]  # fmt: skip
    if one.reads:
        inputs.append(ChannelInput("reads", "Channels it may read", hint="Each only for people who can read it themselves. Without any it reads none."))  # fmt: skip
    if one.posts:
        inputs.append(ChannelInput("posts", "Channels it may post to", hint="Without any it posts nowhere."))
    return View(
        title="New agent",
        id=FORM,
        submit="Make it",
        context=one.id,
        blocks=(
            Text((f"{one.emoji} ", one.description)),
            *inputs,
            Text((Bold("What it may do"), "\n", *_lines(one, now))),
            Note(rich("Members and admins may ask it, in this workspace. All of this can be changed later.")),
        ),
    )


def _grants(one: Template, now: datetime) -> Rich:
    return _lines(one, now) if one.tools else ("Uses the clock and its thread, nothing else.",)


def _lines(one: Template, now: datetime) -> Rich:
    lines: list[Span] = []
    for grant in one.tools or one.grants():
        told: Rich = what(grant, {})
        if grant.tool in _LATER:
            told = ("post to channels that you name",) if grant.tool == "post_message" else ("read channels that you name, as far as the asker can",)  # fmt: skip
        lines += ["\n" if lines else "", "• May ", *told, *how(grant, now)]
    return tuple(lines)


def made(agent: AgentSpec) -> Notice:
    """After one was made."""
    return Notice(rich(Bold(agent.name), " is ready. Ask it with ", Code(f"@Latchkey {agent.name}: …")), Level.SUCCESS)

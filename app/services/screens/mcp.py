"""Servers of tools: the catalogue, a server's tools, a tool as its server describes it, and what people are told of all that.

Whatever a server says of itself is shown as it is, as code, and never among our own words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from app.domain.grants import Approval
from app.domain.mcp import McpAuth, McpServer, PinnedTool
from app.domain.views import (
    Block,
    Bold,
    Button,
    Buttons,
    Checkbox,
    Code,
    Confirm,
    Divider,
    Heading,
    Level,
    Link,
    Note,
    Notice,
    Option,
    Rich,
    Row,
    SecretInput,
    SelectInput,
    Style,
    Text,
    TextInput,
    View,
    rich,
)
from app.services.mcp.servers import Looked
from app.services.screens.words import many, notice

ADD = "mcp_add"
OPEN = "mcp_open"
LOOK = "mcp_look"
PAUSE = "mcp_pause"
RESUME = "mcp_resume"
REMOVE = "mcp_remove"
SIGN_IN = "mcp_sign_in"
SIGN_OUT = "mcp_sign_out"
NEW_TOKEN = "mcp_new_token"  # noqa: S105 - the id of a button
TOOL = "mcp_tool"
OWN_TOKEN = "mcp_own_token"  # noqa: S105 - the same
ADD_FORM = "mcp_add_form"
TOKEN_FORM = "mcp_token_form"  # noqa: S105 - the same
OWN_TOKEN_FORM = "mcp_own_token_form"  # noqa: S105 - the same

MOST_SHOWN = 40
_CARE = "Stored encrypted, sent to this server only, never shown again."
_AUTHS = (
    Option(McpAuth.OAUTH.value, "Somebody signs in there"),
    Option(McpAuth.BEARER.value, "A token"),
    Option(McpAuth.NONE.value, "Nothing: it is open to everybody"),
)


@dataclass(frozen=True, slots=True)
class Shelf:
    """A server as the catalogue shows it. `signed_in` counts the tokens that are kept for it."""

    server: McpServer
    tools: tuple[PinnedTool, ...]
    signed_in: int


def catalogue(shelves: Sequence[Shelf], *, may_sign_in: bool) -> View:
    """`/byok tools`: every server, or all of the only one."""
    if not shelves:
        return View(
            title="Tools",
            blocks=(
                Heading("Servers of tools"),
                Text(rich("There are none yet. Agents can use tools of others by the Model Context Protocol: an admin adds a server and switches its tools on, one by one.")),
                Buttons((Button(ADD, "Add a server", style=Style.PRIMARY, opens=True),)),
            ),
        )  # fmt: skip
    blocks: list[Block] = [
        Heading("Servers of tools"),
        Row(
            rich("What their tools say and answer is never trusted. A tool that changes is off until you look at it."),
            Button(ADD, "Add a server", opens=True),
        ),
    ]
    for shelf in shelves:
        blocks += [Divider(), *_head(shelf, may_sign_in=may_sign_in, opens=len(shelves) > 1)]
        if len(shelves) == 1:
            blocks += _tools(shelf)
    return View(title="Tools", blocks=tuple(blocks))


def server(shelf: Shelf, *, may_sign_in: bool, looked: Looked | None = None) -> View:
    """One server and all its tools; `looked` is what was found just now."""
    first = [_found(looked)] if looked else []
    return View(title="Tools", blocks=(*first, *_head(shelf, may_sign_in=may_sign_in, opens=False), *_tools(shelf)))


def section(shelves: Sequence[Shelf]) -> tuple[Block, ...]:
    """The part of an admin's home tab."""
    rows = [
        Row(
            (Bold(shelf.server.name), " · ", *_state(shelf)),
            Button(OPEN, "Tools", shelf.server.id, Style.PRIMARY if _changed(shelf) else Style.DEFAULT),
        )
        for shelf in shelves
    ]
    about = (
        "Agents can use tools of servers by others, as far as they are granted."
        if not rows
        else "Their tools are for agents that are granted them."
    )
    return (Heading("Servers of tools"), Row(rich(about), Button(ADD, "Add a server", opens=True)), *rows)


def add_form(*, may_sign_in: bool) -> View:
    """Add a server."""
    note = "" if may_sign_in else "Signing in needs LATCHKEY_PUBLIC_URL, which whoever runs Latchkey has not set yet."
    return View(
        title="Add a server",
        id=ADD_FORM,
        submit="Add",
        blocks=(
            TextInput("name", "Name", "", "tracker", "One short word. Its tools are called after it, and so are grants.", max_length=24),
            TextInput("url", "Address", "", "https://mcp.example.com/mcp", "Of its streamable HTTP endpoint.", max_length=500),
            SelectInput("auth", "What it wants to know", _AUTHS, McpAuth.OAUTH.value if may_sign_in else McpAuth.BEARER.value, note),
            SecretInput("token", "Token", f"Only where a token is wanted. {_CARE}", optional=True, max_length=4000),
            Checkbox("personal", "Each person has an account of their own there", hint="Agents then act there as whoever asks, and people are asked to sign in."),
            Note(rich("Its tools are off until you switch them on. What is asked of them goes to that server.")),
        ),
    )  # fmt: skip


def token_form(server: McpServer, *, own: bool) -> View:
    """Put a token in, or in the place of the one before."""
    return View(
        title="Set a token",
        id=OWN_TOKEN_FORM if own else TOKEN_FORM,
        submit="Save",
        context=server.id,
        blocks=(
            Text(rich(Bold(server.name), " · ", Code(_host(server)))),
            SecretInput("token", "Your token there" if own else "Token", _CARE, max_length=4000),
        ),
    )


def added(shelf: Shelf, looked: Looked, *, may_sign_in: bool) -> View:
    """After a server was added."""
    if looked.sign_in:
        name = shelf.server.name
        text = rich(
            Bold(name),
            " is here. ",
            "Sign in there next." if may_sign_in else "Nobody can sign in there yet: LATCHKEY_PUBLIC_URL is not set.",
        )
        return View(blocks=(Notice(text, Level.SUCCESS), *_head(shelf, may_sign_in=may_sign_in, opens=False)))  # fmt: skip
    return server(shelf, may_sign_in=may_sign_in, looked=looked)


def sign_in_link(server: McpServer, address: str, where: str) -> View:
    """Where to sign in, for one person alone."""
    what = (
        "Agents then act there as you, when you ask them."
        if server.personal
        else "Agents of this workspace then act there with your account."
    )
    return View(
        blocks=(
            Text(rich(Link(f"Sign in to {server.name} at {where}", address))),
            Note(rich(f"{what} The link is yours alone, works once, and for ten minutes.")),
        )
    )  # fmt: skip


def no_sign_in(server: McpServer, why: str) -> View:
    """Somebody should sign in, and can't."""
    return notice(Level.WARNING, f"{server.name} wants you to sign in. {why}")


def token_wanted(server: McpServer) -> View:
    """Somebody has no token of their own yet, or it is not taken any more."""
    return View(
        blocks=(
            Text(rich("To act for you, agents need your own token for ", Bold(server.name), ", at ", Code(_host(server)), ".")),
            Buttons((Button(OWN_TOKEN, "Set my token", server.id, Style.PRIMARY, opens=True),)),
            Note(rich(_CARE)),
        )
    )  # fmt: skip


def signed_in(server: McpServer, looked: Looked, *, admin: bool) -> View:
    """After a sign-in."""
    blocks: list[Block] = [Notice(rich("You are signed in to ", Bold(server.name), ". Ask again now."), Level.SUCCESS)]
    if not server.personal:
        blocks = [Notice(rich("The workspace is signed in to ", Bold(server.name), "."), Level.SUCCESS), _found(looked)]
    buttons = (Button(OPEN, "See its tools", server.id),) if admin else ()
    blocks.append(Buttons((*buttons, Button(SIGN_OUT, "Sign out", server.id))))
    return View(blocks=tuple(blocks))


def sign_in_ran_out(server: McpServer) -> View:
    """Told to admins: the workspace's token is not taken any more."""
    action = SIGN_IN if server.auth is McpAuth.OAUTH else NEW_TOKEN
    label = "Sign in again" if server.auth is McpAuth.OAUTH else "Set a token"
    return View(
        blocks=(
            Notice(rich(Bold(server.name), " does not take this workspace's token any more, so its tools rest."), Level.WARNING),
            Buttons((Button(action, label, server.id, Style.PRIMARY, opens=action == NEW_TOKEN),)),
        )
    )  # fmt: skip


def changed(server: McpServer, tools: Sequence[str]) -> View:
    """Told to admins: tools are not what they saw."""
    names = [Code(name) for name in tools[:10]]
    listed = tuple(span for at, name in enumerate(names) for span in ((", ", name) if at else (name,)))
    return View(
        blocks=(
            Notice(
                rich("Tools of ", Bold(server.name), " are not what an admin looked at: ", *listed, ". They are off until one looks again."),
                Level.WARNING,
            ),
            Buttons((Button(OPEN, "Look at them", server.id, Style.PRIMARY),)),
        )
    )  # fmt: skip


def removed(server: McpServer) -> View:
    """After a server was removed."""
    return notice(Level.SUCCESS, Bold(server.name), " is removed, and every token for it is destroyed here.")


def signed_out(server: McpServer) -> View:
    """After a token was destroyed."""
    return notice(Level.SUCCESS, "The token for ", Bold(server.name), " is destroyed here.")


def _head(shelf: Shelf, *, may_sign_in: bool, opens: bool) -> tuple[Block, ...]:
    server = shelf.server
    buttons: list[Button] = []
    if opens:
        buttons.append(Button(OPEN, "Tools", server.id, Style.PRIMARY if _changed(shelf) else Style.DEFAULT))
    if server.auth is McpAuth.OAUTH and may_sign_in:
        wants = not shelf.signed_in
        label = "Sign in" if wants or server.personal else "Sign in again"
        buttons.append(Button(SIGN_IN, label, server.id, Style.PRIMARY if wants else Style.DEFAULT))
    elif server.auth is McpAuth.BEARER:
        buttons.append(Button(NEW_TOKEN, "Set my token" if server.personal else "New token", server.id, opens=True))
    buttons += [
        Button(LOOK, "Look again", server.id),
        Button(RESUME, "Resume", server.id) if server.paused else Button(PAUSE, "Pause", server.id),
        Button(REMOVE, "Remove", server.id, Style.DANGER, Confirm("Remove this server?", f"Agents can't use the tools of {server.name} any more, and every token for it is destroyed here.", "Remove", "Keep it")),
    ]  # fmt: skip
    return (
        Text((Bold(server.name), " · ", Code(_host(server)), "\n", *_state(shelf))),
        Buttons(tuple(buttons[:5])),
    )


def _state(shelf: Shelf) -> Rich:
    server, on = shelf.server, sum(tool.usable for tool in shelf.tools)
    parts = [f"{on} of {many(len(shelf.tools), 'tool')} on" if shelf.tools else "no tools seen yet"]
    if server.paused:
        parts.insert(0, "paused")
    if number := _changed(shelf):
        parts.append(f"⚠️ {number} changed, off until you look")
    if server.auth is McpAuth.OAUTH or server.personal:
        who = f"{many(shelf.signed_in, 'person', 'people')} signed in" if server.personal else "signed in"
        parts.append(who if shelf.signed_in else "⚠️ nobody has signed in")
    return rich(" · ".join(parts))


def _tools(shelf: Shelf) -> tuple[Block, ...]:
    order = sorted(shelf.tools, key=lambda tool: (not tool.changed, not tool.enabled, tool.name))
    rows: list[Block] = [
        Row(
            (Bold(tool.name), f" · {_told(tool)}"),
            Button(TOOL, "Look" if tool.changed else "Change", f"{shelf.server.id}/{tool.name}", opens=True),
        )
        for tool in order[:MOST_SHOWN]
    ]
    if len(order) > MOST_SHOWN:
        rows.append(
            Note(rich(f"… and {many(len(order) - MOST_SHOWN, 'tool')} more, which are off or come later by name."))
        )
    return tuple(rows)


def _told(tool: PinnedTool) -> str:
    if tool.changed:
        return "⚠️ changed: off until you look"
    if not tool.enabled:
        return "off"
    consent = {
        Approval.ALWAYS: "asks every time",
        Approval.FIRST_TIME: "asks the first time",
        Approval.NEVER: "asks as grants say",
    }
    return f"✅ on · {'only reads' if tool.read_only else 'may change things'} · {consent[tool.approval]}"


def _found(looked: Looked) -> Block:
    if looked.trouble:
        return Notice(rich(f"It could not be looked at: {looked.trouble}."), Level.WARNING)
    parts = [
        f"{many(len(names), 'tool')} {word}"
        for names, word in ((looked.new, "new (off)"), (looked.changed, "changed (off now)"), (looked.gone, "gone"))
        if names
    ]
    return Note(rich(f"Looked at it just now: {', '.join(parts) or 'nothing has changed'}."))


def _changed(shelf: Shelf) -> int:
    return sum(tool.changed for tool in shelf.tools)


def _host(server: McpServer) -> str:
    return urlsplit(server.url).netloc

"""The open windows: what each is told, and the screens that were opened in them."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from adapters.playground import render
from adapters.playground.room import Change, Changed, Grew, HomeChanged, Post, Removed, Rooms
from adapters.playground.world import WORKSPACE_NAME, Resident
from app.domain.views import Suggestion, View

LONGEST_QUEUE = 2000
MOST_SCREENS = 200


@dataclass(frozen=True, slots=True)
class Screen:
    """A form or a private screen in a dialog: whose it is, and where it was asked for (channel and thread, or nowhere)."""

    key: str
    owner: str
    view: View
    channel: str = ""
    thread: str = ""
    above: str = ""  # the dialog that it was opened from


class Window:
    """One page that is open. It is one person's for as long as its connection lasts."""

    def __init__(self, person: Resident) -> None:
        self.person = person
        self.queue: asyncio.Queue[str | None] = asyncio.Queue(LONGEST_QUEUE)

    def send(self, event: render.Json) -> None:
        """Tell the page; one that does not keep up is let go, and comes back for everything."""
        try:
            self.queue.put_nowait(json.dumps(event))
        except asyncio.QueueFull:
            self.close()

    def close(self) -> None:
        """End the connection after what is queued, or at once when too much is."""
        if self.queue.full():
            while not self.queue.empty():
                self.queue.get_nowait()
        self.queue.put_nowait(None)


@dataclass(slots=True)
class Windows:
    """All windows; passes on what changes in the rooms to those who may see it."""

    rooms: Rooms
    _open: set[Window] = field(default_factory=set)
    _screens: OrderedDict[str, Screen] = field(default_factory=OrderedDict)

    def __post_init__(self) -> None:
        self.rooms.listeners.append(self._changed)

    def join(self, window: Window) -> None:
        """From now on tell this window what happens."""
        self._open.add(window)

    def leave(self, window: Window) -> None:
        """Tell it no more."""
        self._open.discard(window)

    def close(self) -> None:
        """Let go of all windows."""
        for window in list(self._open):
            window.close()

    @property
    def count(self) -> int:
        """How many are open."""
        return len(self._open)

    def open_screen(
        self, window: Window, view: View, channel: str = "", thread: str = "", *, above: Screen | None = None
    ) -> None:
        """Show a screen in a dialog of this window, `above` the one that it was opened from."""
        screen = Screen(secrets.token_hex(8), window.person.id, view, channel, thread, above.key if above else "")
        self._screens[screen.key] = screen
        while len(self._screens) > MOST_SCREENS:
            self._screens.popitem(last=False)
        window.send({"t": "open", "screen": screen.key, "view": render.view(view, self.names)})

    def replace_screen(self, window: Window, screen: Screen, view: View) -> None:
        """Show another screen in the same dialog."""
        self._screens[screen.key] = replace(screen, view=view)
        window.send({"t": "replace", "screen": screen.key, "view": render.view(view, self.names)})

    def close_screen(self, window: Window, screen: Screen) -> None:
        """Take a dialog away."""
        self._screens.pop(screen.key, None)
        window.send({"t": "close", "screen": screen.key})

    def close_beneath(self, window: Window, screen: Screen) -> None:
        """Take away the dialogs that led to this one: a form that was sent off has changed what they show."""
        while beneath := self._screens.get(screen.above):
            screen = beneath
            self.close_screen(window, beneath)

    def screen(self, key: str, owner: str) -> Screen | None:
        """A screen that is open for this person."""
        screen = self._screens.get(key)
        return screen if screen and screen.owner == owner else None

    @property
    def names(self) -> render.Names:
        """How people and channels are called."""
        return render.Names(self.rooms.person_name, self.rooms.channel_name, self.rooms.picture)

    def snapshot(self, window: Window, prompts: tuple[Suggestion, ...]) -> render.Json:
        """Everything that a window shows."""
        person, rooms = window.person, self.rooms
        home = rooms.homes.get(person.id)
        return {
            "t": "snapshot",
            "workspace": {"name": WORKSPACE_NAME},
            "app": render.APP,
            "me": render.person(person),
            "people": [render.person(one) for one in rooms.people.values()],
            "channels": [render.room(room) for room in rooms.channels.values() if room.open_to(person.id)],
            "commands": render.COMMAND_HINTS,
            "prompts": [render.suggestion(prompt) for prompt in prompts],
            "messages": [self._message(post, window) for post in rooms.seen_by(person.id)],
            "home": render.view(home, self.names) if home else None,
        }

    def _changed(self, change: Change) -> None:
        match change:
            case HomeChanged():
                view = render.view(self.rooms.homes[change.person], self.names)
                for window in list(self._open):
                    if window.person.id == change.person:
                        window.send({"t": "home", "view": view})
            case Grew():
                piece = {"t": "append", "id": change.post.id, "rev": change.post.rev, "text": change.text}
                for window in self._readers(change.post):
                    window.send(piece)
            case Changed():
                for window in self._readers(change.post):
                    window.send({"t": "message", "message": self._message(change.post, window)})
            case Removed():
                for window in self._readers(change.post):
                    window.send({"t": "removed", "id": change.post.id})

    def _readers(self, post: Post) -> Iterator[Window]:
        return (window for window in list(self._open) if self.rooms.shows(post, window.person.id))

    def _message(self, post: Post, window: Window) -> render.Json:
        return render.message(post, window.person.id, self.names, self.rooms.people.get(post.author))

"""What a person causes is told to Latchkey, and what Latchkey answers on the spot is shown where the person is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from adapters.playground import parse
from adapters.playground.room import Post, State
from adapters.playground.windows import Screen, Window, Windows
from adapters.playground.world import APP_ID, COMMAND
from app.domain.events import Action, Close, FieldErrors, Mention, Nothing, Open, Outcome, Private, Replace
from app.domain.views import View
from app.ports.inbound import Inbound

THUMBS = "feedback"


@dataclass(frozen=True, slots=True)
class Source:
    """Where something was done: on a message, in a dialog, on the home screen, or (a command) in a channel."""

    channel: str = ""
    thread: str = ""
    post: Post | None = None
    position: int = 0  # which of the message's views
    screen: Screen | None = None
    home: bool = False


class Desk:
    """Handles one frame after another; each method is a thing that a window can ask for. Raises BadFrame for what makes no sense."""

    def __init__(self, windows: Windows, inbound: Inbound) -> None:
        self._windows = windows
        self._rooms = windows.rooms
        self._inbound = inbound
        self._handlers: dict[str, Callable[[Window, parse.Frame], Awaitable[None]]] = {
            "message": self._message,
            "resend": self._resend,
            "edit": self._edit,
            "delete": self._delete,
            "command": self._command,
            "action": self._action,
            "submit": self._submit,
            "stop": self._stop,
            "dismiss": self._dismiss,
            "dismiss_screen": self._dismiss_screen,
            "home": self._home,
        }

    async def handle(self, window: Window, frame: parse.Frame) -> None:
        """Do what the frame asks for; frames of an unknown type are passed over."""
        handler = self._handlers.get(frame.type)
        if handler:
            await handler(window, frame)

    async def _message(self, window: Window, frame: parse.Frame) -> None:
        channel, thread = self._place(window, frame)
        text = frame.text_of("text", parse.LONGEST_TEXT).strip()
        files = tuple(file for one in frame.list_of("files") if (file := self._rooms.file(one)))
        if not text and not files:
            raise parse.BadFrame
        if files and parse.command(text, window.person.ref, self._rooms.channels[channel], self._rooms.people):
            window.send({"t": "problem", "text": "Commands do not use files: the attached ones were left out."})
            await self._command(window, frame)
            return
        post = self._rooms.add(channel, window.person.id, text, thread=thread)
        post.files = files
        self._rooms.tell(post)
        await self._send(post)

    async def _resend(self, window: Window, frame: parse.Frame) -> None:
        await self._send(self._own(window, frame))

    async def _send(self, post: Post) -> None:
        """Tell Latchkey of a message; one that it could not take says so, and can be sent again under the same event id."""
        mention = self._mention(post)
        if mention is None:
            return
        try:
            await self._inbound.mention(mention)
        except Exception:
            post.state = State.UNSENT
            self._rooms.tell(post)
            raise
        if post.state is State.UNSENT:
            post.state = State.DONE
            self._rooms.tell(post)

    def _mention(self, post: Post) -> Mention | None:
        room, author = self._rooms.channels[post.channel], self._rooms.people[post.author]
        return parse.said(post, room, self._rooms.conversation(post), author, self._rooms.people)

    async def _command(self, window: Window, frame: parse.Frame) -> None:
        channel, thread = self._place(window, frame)
        text = frame.text_of("text", parse.LONGEST_TEXT)
        command = parse.command(text, window.person.ref, self._rooms.channels[channel], self._rooms.people)
        if command is None:
            window.send({"t": "problem", "text": f"There is no such command here. Try {COMMAND} help."})
            return
        outcome = await self._inbound.command(command)
        await self._show(window, Source(channel, thread), outcome)

    async def _action(self, window: Window, frame: parse.Frame) -> None:
        source, screen = self._source(window, frame)
        action = screen and parse.action(frame, screen, window.person.ref)
        if not action:
            raise parse.BadFrame
        if post := source.post:
            action = replace(action, message=post.ref, conversation=self._rooms.conversation(post))
            self._mark(post, action, window)
        elif source.channel:
            thread = source.thread or action.view_id
            action = replace(action, conversation=self._rooms.conversation_at(source.channel, thread))
        outcome = await self._inbound.action(action)
        if action.action_id == THUMBS and isinstance(outcome, Private):
            return  # the pressed thumb says it already; a message in the thread would only be in the way
        await self._show(window, source, outcome)

    def _source(self, window: Window, frame: parse.Frame) -> tuple[Source, View | None]:
        """Where a control sits, and its screen as it was shown: what the page says of it is not believed."""
        if key := frame.text_of("screen"):
            screen = self._windows.screen(key, window.person.id)
            if screen is None:
                raise parse.BadFrame
            return Source(screen.channel, screen.thread, screen=screen), screen.view
        if frame.fields.get("home") is True:
            return Source(home=True), self._rooms.homes.get(window.person.id)
        post = self._visible(window, frame)
        for position, view in enumerate(post.views):
            if parse.action(frame, view, window.person.ref):
                return Source(post.channel, post.thread, post=post, position=position), view
        raise parse.BadFrame

    def _mark(self, post: Post, action: Action, window: Window) -> None:
        if action.action_id == THUMBS:
            post.thumbs[window.person.id] = action.value.partition(":")[0]
            self._rooms.tell(post)

    async def _submit(self, window: Window, frame: parse.Frame) -> None:
        screen = self._windows.screen(frame.text_of("screen"), window.person.id)
        if screen is None:
            window.send({"t": "problem", "text": "That form is no longer open."})
            window.send({"t": "close", "screen": frame.text_of("screen")})
            return
        sent = parse.submission(frame, screen.view, window.person.ref)
        if missing := parse.missing(sent, screen.view):
            window.send({"t": "errors", "screen": screen.key, "errors": missing})
            return
        outcome = await self._inbound.submission(sent)
        source = Source(screen.channel, screen.thread, screen=screen)
        if isinstance(outcome, Nothing):
            outcome = Close()
        elif isinstance(outcome, Private):
            outcome = Close(outcome.view)
        elif isinstance(outcome, Open):
            outcome = Replace(outcome.view)
        await self._show(window, source, outcome)

    async def _edit(self, window: Window, frame: parse.Frame) -> None:
        post = self._own(window, frame)
        text = frame.text_of("text", parse.LONGEST_TEXT).strip()
        if not text:
            raise parse.BadFrame
        post.text, post.edited = text, True
        self._rooms.tell(post)
        await self._inbound.message_edited(post.ref, window.person.ref)

    async def _delete(self, window: Window, frame: parse.Frame) -> None:
        post = self._own(window, frame)
        self._rooms.remove(post)
        await self._inbound.message_deleted(post.ref)

    async def _stop(self, window: Window, frame: parse.Frame) -> None:
        post = self._visible(window, frame)
        await self._inbound.stop_requested(self._rooms.conversation(post), window.person.ref)

    async def _dismiss(self, window: Window, frame: parse.Frame) -> None:
        post = self._visible(window, frame)
        if post.only == window.person.id:
            self._rooms.remove(post)

    async def _dismiss_screen(self, window: Window, frame: parse.Frame) -> None:
        if screen := self._windows.screen(frame.text_of("screen"), window.person.id):
            self._windows.close_screen(window, screen)

    async def _home(self, window: Window, frame: parse.Frame) -> None:
        await self._inbound.home_opened(window.person.ref)

    async def _show(self, window: Window, source: Source, outcome: Outcome) -> None:
        if view := _shown(outcome):
            await self._rooms.paint(view)
        match outcome:
            case Nothing():
                pass
            case Private():
                self._privately(window, source, outcome.view)
            case Open():
                self._windows.open_screen(window, outcome.view, source.channel, source.thread, above=source.screen)
            case Replace():
                self._replace(window, source, outcome.view)
            case FieldErrors():
                key = source.screen.key if source.screen else ""
                window.send({"t": "errors", "screen": key, "errors": dict(outcome.errors)})
            case Close():
                self._close(window, source, outcome.then)

    def _replace(self, window: Window, source: Source, view: View) -> None:
        if source.screen:
            self._windows.replace_screen(window, source.screen, view)
        elif source.home:
            self._rooms.set_home(window.person.id, view)
        elif post := source.post:
            post.views = (*post.views[: source.position], view, *post.views[source.position + 1 :])
            self._rooms.tell(post)
        else:
            self._privately(window, source, view)

    def _close(self, window: Window, source: Source, then: View | None) -> None:
        if source.screen:
            self._windows.close_beneath(window, source.screen)
        if source.screen and then and not source.channel:
            self._windows.replace_screen(window, source.screen, then)
            return
        if source.screen:
            self._windows.close_screen(window, source.screen)
        if then:
            self._privately(window, source, then)

    def _privately(self, window: Window, source: Source, view: View) -> None:
        """Beside what was done: in its channel where there is one, else in a dialog."""
        if not source.channel:
            self._windows.open_screen(window, view, above=source.screen)
            return
        post = self._rooms.add(source.channel, APP_ID, thread=source.thread)
        post.only, post.views = window.person.id, (view,)
        self._rooms.tell(post)

    def _place(self, window: Window, frame: parse.Frame) -> tuple[str, str]:
        room = self._rooms.channels.get(frame.text_of("channel"))
        if room is None or not room.open_to(window.person.id):
            raise parse.BadFrame
        thread = frame.text_of("thread")
        root = self._rooms.post(thread) if thread else None
        if thread and (root is None or root.thread or root.channel != room.id or root.only):
            raise parse.BadFrame
        return room.id, thread

    def _visible(self, window: Window, frame: parse.Frame) -> Post:
        post = self._rooms.post(frame.text_of("message"))
        if post is None or not self._rooms.shows(post, window.person.id):
            raise parse.BadFrame
        return post

    def _own(self, window: Window, frame: parse.Frame) -> Post:
        post = self._visible(window, frame)
        if post.author != window.person.id or post.state is State.DELETED:
            raise parse.BadFrame
        return post


def _shown(outcome: Outcome) -> View | None:
    match outcome:
        case Private() | Open() | Replace():
            return outcome.view
        case Close():
            return outcome.then
        case Nothing() | FieldErrors():
            return None

"""An Outcome → what Teams is told: in the answer to its invoke, or by a message that only one person sees."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

import structlog

from adapters.teams import render
from adapters.teams.cards import CARD_TYPE, attachment
from adapters.teams.handle import COMMAND, Consent, Handle, Way
from adapters.teams.home import Homes
from adapters.teams.payload import Json
from adapters.teams.text import cut
from adapters.teams.uploads import Uploads
from adapters.teams.where import Where
from adapters.teams.whispers import Whispers
from app.domain.chat import Place, UserRef
from app.domain.events import Close, FieldErrors, Nothing, Open, Outcome, Private, Replace
from app.domain.views import Level, Notice, Suggestion, View, rich
from app.errors import PlatformError

log = structlog.get_logger(__name__)

MESSAGE = "application/vnd.microsoft.activity.message"
_IN_TIME = 3.0
"""Seconds that an invoke's answer waits for something to be shown elsewhere; it is shown in any case."""

_GREETING = (
    "Hello! Ask me here, or mention me in a channel or group chat. Type “home” for keys, agents and settings, “byok help” for "
    "all commands."
)
_ELSEWHERE = "I could not answer that privately. Open the chat with me, and say it there."
_MOST_PROMPTS = 6
_HOME_FIRST = 4.0
"""Seconds that a greeting waits for the home above it."""


class Outcomes:
    """Delivers what Inbound answered. Trouble with it never undoes what was done: it is logged, and said where that helps."""

    def __init__(self, whispers: Whispers, homes: Homes, uploads: Uploads) -> None:
        self._whispers = whispers
        self._homes = homes
        self._uploads = uploads
        self._showing: set[asyncio.Task[bool]] = set()

    async def to_invoke(self, outcome: Outcome, at: Handle, form: View | None = None) -> Json:
        """See Answers."""
        match at.way:
            case Way.FETCH:
                return await self._in_dialog(outcome, at, form, done={"task": {"type": "message", "value": "Done."}})
            case Way.SUBMIT:
                return await self._in_dialog(outcome, at, form, done={})
            case Way.THUMB:
                return {}
            case Way.EXECUTE:
                return await self._on_card(outcome, at)
            case Way.MESSAGE:
                await self.to_message(outcome, at)
                return {}

    async def to_message(self, outcome: Outcome, at: Handle) -> None:
        """See Answers."""
        view = _shown(outcome)
        if view is None:
            return
        shown = self._offer(view, at) if isinstance(outcome, Open) else self._privately(at, view)
        if not await self._tried(shown) and not at.card and at.conversation.place is not Place.DIRECT:
            await self._tried(self._whispers.say(at.place, _ELSEWHERE, {}))  # which tells the others nothing

    async def welcome(self, at: Handle, account: str, prompts: tuple[Suggestion, ...]) -> None:
        """See Answers. Teams shows the prompts of a chat's newest message only."""
        await self._homes.awaited(at.user, seconds=_HOME_FIRST)
        actions = [{"type": "imBack", "title": one.title, "value": one.message} for one in prompts[:_MOST_PROMPTS]]
        suggested: Json = {"suggestedActions": {"to": [account], "actions": actions}} if actions else {}
        await self._tried(self._whispers.say(at.place, _GREETING, suggested))

    async def home_wanted(self, user: UserRef) -> None:
        """See Answers."""
        await self._tried(self._homes.take_back(user))

    async def file_answered(self, consent: Consent, user: UserRef, place: Where) -> None:
        """Put the file where the person wants it, and show it there."""
        await self._tried(self._uploads.answered(consent, user, place))

    async def drain(self, seconds: float) -> None:
        """Wait for what is still being shown."""
        if self._showing:
            await asyncio.wait(self._showing, timeout=seconds)

    async def _in_dialog(self, outcome: Outcome, at: Handle, form: View | None, *, done: Json) -> Json:
        match outcome:
            case Nothing():
                return done
            case FieldErrors():
                if form is None:
                    return {"task": {"type": "message", "value": cut(" ".join(outcome.errors.values()), 500)}}
                return await self._continue(render.filled(form, at.values), at, outcome)
            case Close(then=None):
                return {}
            case _:
                view = _shown(outcome)
                return await self._continue(view, at) if view else done

    async def _continue(self, view: View, at: Handle, errors: FieldErrors | None = None) -> Json:
        """The dialog shows this next."""
        names = await self._whispers.names((view,))
        shown = render.dialog(view, names, opener=at.opener, errors=errors.errors if errors else None)
        return {"task": {"type": "continue", "value": shown}}

    async def _on_card(self, outcome: Outcome, at: Handle) -> Json:
        match outcome:
            case Nothing():
                return _said("Done.")
            case FieldErrors():
                return _said(" ".join(outcome.errors.values()))
            case Replace():
                return await self._replaced(outcome.view, at)
            case Open():
                shown = await self._soon(self._offer(outcome.view, at))
                return _said("Press the button that you were just sent." if shown else "That could not be opened here.")
            case Private() | Close():
                view = _shown(outcome)
                if view is None or await self._soon(self._privately(at, view)):
                    return _said("Done.")
                return _said(render.summary(view, await self._whispers.names((view,))))  # only who pressed reads it

    async def _replaced(self, view: View, at: Handle) -> Json:
        """Only who pressed sees the answer's card. In their own chat the message itself changes too; in a channel it stays for the others."""
        if at.conversation.place is Place.DIRECT and at.card:
            await self._soon(self._whispers.put(at.place, at.card, view, home=at.home))
        card = render.message(view, await self._whispers.names((view,)), home=at.home)
        return {"statusCode": 200, "type": CARD_TYPE, "value": card}

    async def _offer(self, view: View, at: Handle) -> None:
        """A form cannot open by itself: show, privately, a button that opens it."""
        if not at.command:
            await self._privately(at, View(blocks=(Notice(rich("Please press the button again."), Level.INFO),)))
            return

        async def draw(_: int) -> Json:
            card = render.way_in(view, await self._whispers.names((view,)), "Open", COMMAND, at.command)
            return {"type": "message", "summary": view.title or "Latchkey", "attachments": [attachment(card)]}

        await self._whispers.deliver(at.user, draw, at.place, at.conversation.place)

    async def _privately(self, at: Handle, view: View) -> None:
        await self._whispers.show(at.user, view, at.place, at.conversation.place)

    async def _soon(self, work: Awaitable[object]) -> bool:
        """Begin it, and say whether it worked; what takes longer than an invoke's answer may goes on by itself."""
        task = asyncio.ensure_future(self._tried(work))
        self._showing.add(task)
        task.add_done_callback(self._showing.discard)
        await asyncio.wait([task], timeout=_IN_TIME)
        return not task.done() or task.result()

    async def _tried(self, act: Awaitable[object]) -> bool:
        try:
            await act
        except PlatformError as error:
            log.warning("teams did not show an outcome", reason=error.message)
            return False
        return True


def _shown(outcome: Outcome) -> View | None:
    """What an outcome has to say where it cannot be shown as what it is."""
    match outcome:
        case Private() | Replace() | Open():
            return outcome.view
        case Close():
            return outcome.then
        case FieldErrors():
            return View(blocks=tuple(Notice((text,), Level.ERROR) for text in outcome.errors.values()))
        case Nothing():
            return None


def _said(text: str) -> Json:
    return {"statusCode": 200, "type": MESSAGE, "value": cut(text, 1000)}

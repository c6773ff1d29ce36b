"""An Outcome → what Slack is told: in the answer to its request, by trigger, or by response URL."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

import structlog

from adapters.slack import render
from adapters.slack.identity import Json, obj, string
from adapters.slack.installations import Installation
from adapters.slack.interactions import Handle
from adapters.slack.pictures import Pictures
from adapters.slack.web_api import SlackRefused, WebApi
from app.domain.events import Close, FieldErrors, Nothing, Open, Outcome, Private, Replace
from app.domain.views import Level, Notice, Text, View
from app.errors import PlatformError

log = structlog.get_logger(__name__)

_IN_TIME = 2.5
"""Seconds that Slack has to open a form: its trigger dies after three."""

_NOT_OPENED = View(blocks=(Notice(("Slack did not open the form in time. Please try again.",), Level.WARNING),))
_DONE = View(title="Done", blocks=(Text(("Done. You can close this.",)),))

Whisper = Callable[[Handle, View], Awaitable[None]]


class Outcomes:
    """Delivers what Inbound answered. Trouble with it never undoes what was done: it is logged, and said privately where that helps."""

    def __init__(self, web: WebApi, whisper: Whisper, pictures: Pictures) -> None:
        self._web = web
        self._whisper = whisper
        self._pictures = pictures

    def takes_time(self, outcome: Outcome) -> bool:
        """Whether something has to be painted before this can be shown as it is meant to be: then it is for `later`."""
        return self._pictures.wanted(_shown(outcome))

    async def later(self, outcome: Outcome, at: Handle, here: Installation) -> None:
        """What a slash command says, after its answer."""
        if isinstance(outcome, Open):
            if not await self._tried(self._open(here, at, "views.open", outcome.view)):
                await self._tried(self._privately(at, _NOT_OPENED, here))
        elif view := _shown(outcome):
            await self._tried(self._privately(at, view, here))

    async def of_command(self, outcome: Outcome, at: Handle, here: Installation) -> Json:
        """The body of the answer to a slash command; empty when there is nothing to say."""
        if isinstance(outcome, Open):
            opened = await self._tried(self._open(here, at, "views.open", outcome.view))
            return {} if opened else _private(_NOT_OPENED)
        view = _shown(outcome)
        return _private(view) if view else {}

    async def of_submission(self, outcome: Outcome, at: Handle) -> tuple[Json, View | None]:
        """The body of the answer to a form, and what is to be shown privately once it is closed."""
        match outcome:
            case FieldErrors():
                return _errors(outcome, at), None
            case Replace():
                return {"response_action": "update", "view": render.modal(outcome.view, at.channel)}, None
            case Open():
                return {"response_action": "push", "view": render.modal(outcome.view, at.channel)}, None
            case Nothing():
                return {}, None
            case Private() | Close():
                return {"response_action": "clear"}, _shown(outcome)

    async def of_action(self, outcome: Outcome, at: Handle, here: Installation) -> None:
        """Answer a button or a select, in the way of the surface that it stands on."""
        if isinstance(outcome, Nothing):
            return
        deliver = {"home": self._on_home, "modal": self._in_modal}.get(at.surface, self._under_message)
        if not await self._tried(deliver(outcome, at, here)) and isinstance(outcome, Open):
            await self._tried(self._whisper(at, _NOT_OPENED))

    async def _on_home(self, outcome: Outcome, at: Handle, here: Installation) -> None:
        if isinstance(outcome, Replace):
            await self._publish(here, at, outcome.view)
        elif isinstance(outcome, Open):
            await self._open(here, at, "views.open", outcome.view)
        elif view := _shown(outcome):
            await self._open(here, at, "views.open", _to_read(view))

    async def _in_modal(self, outcome: Outcome, at: Handle, here: Installation) -> None:
        if isinstance(outcome, Replace | Close):
            view = outcome.view if isinstance(outcome, Replace) else _to_read(outcome.then or _DONE)
            await self._update(here, at, view)
            return
        view = outcome.view if isinstance(outcome, Open) else _to_read(_shown(outcome) or _DONE)
        try:
            await self._open(here, at, "views.push", view)
        except SlackRefused as error:
            if error.error != "push_limit_reached":
                raise
            await self._update(here, at, view)

    async def _under_message(self, outcome: Outcome, at: Handle, here: Installation) -> None:
        if isinstance(outcome, Open):
            await self._open(here, at, "views.open", outcome.view)
        elif isinstance(outcome, Replace):
            await self._respond(at, {"replace_original": True}, outcome.view, here, ringing=not at.ephemeral)
        else:
            if isinstance(outcome, Close) and at.ephemeral:
                await self._post(at, {"delete_original": True})
            if view := _shown(outcome):
                await self._privately(at, view, here)

    async def _publish(self, here: Installation, at: Handle, view: View) -> None:
        async def publish(pictures: render.Files) -> None:
            args: Json = {"user_id": at.user, "view": render.home(view, pictures=pictures)}
            await self._web.call(here.token, "views.publish", args)

        await self._pictures.show(here, view, publish)

    async def _privately(self, at: Handle, view: View, here: Installation) -> None:
        if not at.response_url:
            await self._whisper(at, view)
            return
        body: Json = {"response_type": "ephemeral", "replace_original": False}
        await self._respond(at, body | ({"thread_ts": at.thread} if at.thread else {}), view, here, ringing=False)

    async def _respond(self, at: Handle, body: Json, view: View, here: Installation, *, ringing: bool) -> None:
        async def respond(pictures: render.Files) -> None:
            await self._post(at, body | _content(view, ringing=ringing, pictures=pictures))

        await self._pictures.show(here, view, respond)

    async def _post(self, at: Handle, body: Json) -> None:
        if not self._trusted(at.response_url):
            raise PlatformError("response_url: not an address of Slack")
        await self._web.post(at.response_url, body)

    def _trusted(self, url: str) -> bool:
        """Slack's own host, or that of the configured API (a proxy, a test)."""
        target, api = urlsplit(url), urlsplit(self._web.base_url)
        return (target.scheme, target.netloc) in {("https", "hooks.slack.com"), (api.scheme, api.netloc)}

    async def _open(self, here: Installation, at: Handle, method: str, view: View) -> None:
        """At once, since the trigger dies; what is painted comes into it afterwards, if the person has not gone on meanwhile."""
        args = {"trigger_id": at.trigger, "view": render.modal(view, at.channel)}
        opened = obj((await self._web.call(here.token, method, args, timeout=_IN_TIME)).get("view"))
        if pictures := await self._pictures.of(here, view):
            shown: Json = {"view_id": string(opened.get("id")), "hash": string(opened.get("hash"))}
            with contextlib.suppress(PlatformError):
                drawn = render.modal(view, at.channel, pictures=pictures)
                await self._web.call(here.token, "views.update", shown | {"view": drawn})

    async def _update(self, here: Installation, at: Handle, view: View) -> None:
        async def update(pictures: render.Files) -> None:
            args: Json = {"view_id": at.view, "view": render.modal(view, at.channel, pictures=pictures)}
            try:
                await self._web.call(here.token, "views.update", args | {"hash": at.view_hash}, timeout=_IN_TIME)
            except SlackRefused as error:
                if error.error != "hash_conflict":
                    raise
                await self._web.call(here.token, "views.update", args, timeout=_IN_TIME)

        await self._pictures.show(here, view, update)

    async def _tried(self, act: Awaitable[None]) -> bool:
        try:
            await act
        except PlatformError as error:
            log.warning("slack did not show an outcome", reason=error.message)
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


def _to_read(view: View) -> View:
    """A screen without a button to send it: what is private on Home or in a form is a window of its own."""
    return View(blocks=view.blocks, title=view.title or "Latchkey", id=view.id, context=view.context)


def _private(view: View) -> Json:
    return {"response_type": "ephemeral"} | _content(view, ringing=False, pictures={})


def _content(view: View, *, ringing: bool, pictures: render.Files) -> Json:
    return {"text": render.summary(view), "blocks": render.message(view, ringing=ringing, pictures=pictures)}


def _errors(outcome: FieldErrors, at: Handle) -> Json:
    """Errors beside their fields; what names no field of this form stands beside the first."""
    errors: dict[str, str] = {}
    for name, text in outcome.errors.items():
        field = name if name in at.inputs else next(iter(at.inputs), "")
        errors[field] = f"{errors[field]} {text}" if field in errors else text
    return {"response_action": "errors", "errors": errors}

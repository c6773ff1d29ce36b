"""Cards and dialogs of ours → what was done with them. Pure; whatever arrives, nothing raises."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from adapters.teams.cards import channels_in, choice
from adapters.teams.handle import (
    ACTION,
    CHANNELS_PREFIX,
    COMMAND,
    CONTEXT,
    DATASET,
    FORM,
    HOME,
    INPUT,
    OPENER,
    OPENER_CONTEXT,
    OPENER_VALUE,
    OURS,
    SECRET_PREFIX,
    VALUE,
    Consent,
    Handle,
    Way,
)
from adapters.teams.parse import Ignored, Scene
from adapters.teams.payload import Json, obj, string
from app.domain.chat import MessageRef, Place
from app.domain.events import Action, Command, OptionQuery, Submission
from app.domain.secrets import Secret
from app.domain.views import Option

SEARCH, FILE = "application/search", "fileConsent/invoke"
INVOKES = (*(way.value for way in Way if way is not Way.MESSAGE), SEARCH, FILE)
"""The invokes that are understood; everything else is answered with an empty 200."""

_REACTIONS = {"like": "good", "dislike": "bad"}


@dataclass(frozen=True, slots=True)
class Interaction:
    """Something was done, and how to answer it."""

    done: Action | Submission | Command
    at: Handle


def invoke(activity: Json, at: Scene) -> Interaction | OptionQuery | Consent | Ignored:
    """What an invoke asks."""
    name, value = string(activity.get("name")), obj(activity.get("value"))
    match name:
        case Way.FETCH | Way.SUBMIT:
            return _of(activity, at, Way(name), obj(value.get("data")))
        case Way.EXECUTE:
            return _of(activity, at, Way.EXECUTE, obj(obj(value.get("action")).get("data")))
        case Way.THUMB:
            return _feedback(activity, at, value)
        case "application/search":
            return _query(value, at)
        case "fileConsent/invoke":
            return _consent(activity, value)
        case _:
            return Ignored("unknown invoke")


def message(activity: Json, at: Scene) -> Interaction | Ignored:
    """A button that sends a message with a value and no text."""
    return _of(activity, at, Way.MESSAGE, obj(activity.get("value")))


def _of(activity: Json, at: Scene, way: Way, data: Json) -> Interaction | Ignored:
    ours, card = obj(data.get(OURS)), string(activity.get("replyToId"))
    action, form, context = (string(ours.get(name)) for name in (ACTION, FORM, CONTEXT))
    values, secrets = _inputs(data)
    home = HOME in ours
    opener = {name: string(ours.get(name)) for name in (OPENER, OPENER_VALUE, OPENER_CONTEXT) if ours.get(name)}
    handle = replace(at.handle(way), card=card, home=home, values=values, opener=opener)
    if form and way is not Way.FETCH:
        return Interaction(Submission(at.user, form, values, secrets, context), handle)
    if not action or not at.account:
        return Ignored("nothing of ours was pressed")
    private = at.conversation.place is Place.DIRECT
    value = values.get(string(ours.get(INPUT)), "") if INPUT in ours else string(ours.get(VALUE))
    handle = replace(handle, opener={OPENER: action, OPENER_VALUE: value, OPENER_CONTEXT: context})
    if action == COMMAND:
        command = Command(at.user, value, at.conversation.channel, place_is_private=private)
        return Interaction(command, replace(handle, command=value))
    under_message = card and not home and way is not Way.SUBMIT  # neither the home nor a dialog is a message
    there = MessageRef(at.conversation.workspace, at.conversation.channel, card) if under_message else None
    done = Action(
        at.user, action, value, values, message=there, conversation=at.conversation, view_id=card, context=context
    )
    return Interaction(done, handle)


def opening(at: Handle) -> Action | Command | None:
    """What opened the dialog in which something was done; done once more, it gives the form anew, on whatever machine this arrives."""
    action, value, context = (at.opener.get(name, "") for name in (OPENER, OPENER_VALUE, OPENER_CONTEXT))
    if at.way is not Way.SUBMIT or not action:
        return None
    if action == COMMAND:
        private = at.conversation.place is Place.DIRECT
        return Command(at.user, value, at.conversation.channel, place_is_private=private)
    return Action(at.user, action, value, conversation=at.conversation, context=context)


def _inputs(data: Json) -> tuple[dict[str, str], dict[str, Secret]]:
    """What stands in the inputs; what was typed into a secret one is a Secret from here on."""
    values: dict[str, str] = {}
    secrets: dict[str, Secret] = {}
    for name, typed in data.items():
        if name in {OURS, "msteams"} or not isinstance(typed, str):
            continue
        if name.startswith(SECRET_PREFIX):
            if typed.strip():
                secrets[name.removeprefix(SECRET_PREFIX)] = Secret(typed.strip())
        elif name.startswith(CHANNELS_PREFIX):
            values[name.removeprefix(CHANNELS_PREFIX)] = " ".join(channels_in(typed))
        else:
            values[name] = typed
    return values, secrets


def _query(value: Json, at: Scene) -> OptionQuery | Ignored:
    """Somebody types into a choice with too many options to list."""
    ours, _, rest = string(value.get("dataset")).partition("|")
    name, _, context = rest.partition("|")
    if ours != DATASET or not name or not at.account:
        return Ignored("query of nothing")
    return OptionQuery(at.user, name, string(value.get("queryText")), context)


def _feedback(activity: Json, at: Scene, value: Json) -> Interaction | Ignored:
    """The thumbs under an answer. What was written beside them is not kept."""
    said, answer = obj(value.get("actionValue")), string(activity.get("replyToId"))
    thumb = _REACTIONS.get(string(said.get("reaction")))
    if value.get("actionName") != "feedback" or thumb is None or not answer:
        return Ignored("no feedback")
    there = MessageRef(at.conversation.workspace, at.conversation.channel, answer)
    done = Action(at.user, "feedback", f"{thumb}:", message=there, conversation=at.conversation)
    return Interaction(done, replace(at.handle(Way.THUMB), card=answer))


def _consent(activity: Json, value: Json) -> Consent | Ignored:
    """What somebody said to a file that was offered to them."""
    token, place = string(obj(value.get("context")).get(OURS)), obj(value.get("uploadInfo"))
    if not token:
        return Ignored("no file of ours")
    return Consent(
        token,
        agreed=value.get("action") == "accept",
        card=string(activity.get("replyToId")),
        url=string(place.get("uploadUrl")),
        shown_at=string(place.get("contentUrl")),
        unique=string(place.get("uniqueId")),
        kind=string(place.get("fileType")),
        name=string(place.get("name")),
    )


def found(options: Sequence[Option]) -> Json:
    """The answer to a query."""
    results = [choice(one) for one in options]
    return {"type": "application/vnd.microsoft.search.searchResponse", "statusCode": 200, "value": {"results": results}}

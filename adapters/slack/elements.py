"""Spans, buttons, selects and inputs → the small objects of Block Kit. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from adapters.slack.identity import Json
from adapters.slack.interactions import INPUT, SECRET
from adapters.slack.text import cut, escape
from app.domain.views import (
    Bold,
    Button,
    Channel,
    ChannelInput,
    Checkbox,
    Code,
    Confirm,
    Link,
    Option,
    Person,
    Rich,
    SecretInput,
    Select,
    SelectInput,
    Span,
    Style,
    TextInput,
    When,
)

MOST_OPTIONS = 100
"""Slack takes so many choices at once."""

MOST_LISTED = 50
"""Of more than so many we are asked while the person types: ten selects with all that Slack takes would make a home larger than its 250 kB."""

UNMASKED = "Slack can't hide what you type here."
WHEN = "%Y-%m-%d %H:%M UTC"
"""How a moment is written where Slack can't show it in the reader's own time."""


def plain(rich: Rich) -> str:
    """The text without any markup, for notifications and table cells."""
    return "".join(_plain_span(span) for span in rich)


def _plain_span(span: Span) -> str:
    match span:
        case str():
            return span
        case Bold() | Code() | Link():
            return span.text
        case Person():
            return span.user.id
        case Channel():
            return f"#{span.id}"
        case When():
            return span.at.strftime(WHEN)


def mrkdwn(rich: Rich, *, ringing: bool) -> str:
    """The text in Slack's markup. Where a person named in it would be notified (`ringing`), they are named by id only."""
    return "".join(_mrkdwn_span(span, ringing=ringing) for span in rich)


def _mrkdwn_span(span: Span, *, ringing: bool) -> str:
    match span:
        case str():
            return escape(span)
        case Bold():
            return f"*{escape(span.text).strip()}*" if span.text.strip() else ""
        case Code():
            return f"`{escape(span.text)}`" if span.text.strip() else ""
        case Link():
            return f"<{span.url.replace('|', '%7C').replace('>', '%3E').replace('&', '&amp;')}|{escape(span.text)}>"
        case Person():
            return f"`{escape(span.user.id)}`" if ringing else f"<@{span.user.id}>"
        case Channel():
            return f"<#{span.id}>"
        case When():
            return f"<!date^{int(span.at.timestamp())}^{{date_short_pretty}} {{time}}|{span.at.strftime(WHEN)}>"


def text_object(rich: Rich, longest: int, *, ringing: bool) -> Json:
    """A text object. Plain spans only become plain_text, in which nothing at all can be markup."""
    if all(isinstance(span, str) for span in rich):
        return label(plain(rich) or " ", longest)
    text = mrkdwn(rich, ringing=ringing)
    return {"type": "mrkdwn", "text": text, "verbatim": True} if len(text) <= longest else label(plain(rich), longest)


def label(text: str, longest: int) -> Json:
    """A plain_text object, never empty."""
    return {"type": "plain_text", "text": cut(text, longest) or " ", "emoji": True}


def button(one: Button, *, twin: int = 0) -> Json:
    """A button; the `twin`th of its id in one row gets an id of its own."""
    made: Json = {"type": "button", "action_id": f"{one.id}#{twin}" if twin else one.id, "text": label(one.label, 75)}
    made |= {"value": one.value[:2000]} if one.value else {}
    made |= {"style": one.style.value} if one.style is not Style.DEFAULT else {}
    return made | ({"confirm": _confirm(one.confirm)} if one.confirm else {})


def buttons(several: Sequence[Button]) -> list[Json]:
    """Buttons of one row."""
    ids = [one.id for one in several]
    return [button(one, twin=ids[:at].count(one.id)) for at, one in enumerate(several)]


def select(one: Select) -> Json:
    """A select that acts at once; of many options we are asked while the person types."""
    return _choice(one.options, one.selected, one.action_id, one.placeholder)


def input_element(one: TextInput | SecretInput | SelectInput | Checkbox | ChannelInput) -> Json:
    """What a person fills in."""
    match one:
        case TextInput():
            longest = min(one.max_length, 3000)
            made: Json = {"type": "plain_text_input", "action_id": INPUT, "max_length": longest}
            made |= {"multiline": True} if one.multiline else {}
            made |= {"initial_value": one.value[:longest]} if one.value else {}
            return made | ({"placeholder": label(one.placeholder, 150)} if one.placeholder else {})
        case SecretInput():
            return {"type": "plain_text_input", "action_id": SECRET, "max_length": min(one.max_length, 3000)}
        case SelectInput():
            return _choice(one.options, one.selected, INPUT, "Choose")
        case Checkbox():
            option = {"text": label("Yes", 75), "value": "yes"}
            made = {"type": "checkboxes", "action_id": INPUT, "options": [option]}
            return made | ({"initial_options": [option]} if one.checked else {})
        case ChannelInput():
            made = {"type": "multi_conversations_select", "action_id": INPUT}
            made |= {"filter": {"include": ["public", "private"], "exclude_bot_users": True}}
            return made | ({"initial_conversations": list(one.selected)} if one.selected else {})


def hint_of(one: TextInput | SecretInput | SelectInput | Checkbox | ChannelInput) -> str:
    """The small text under an input; under a secret it says that Slack masks nothing."""
    return " ".join(part for part in (one.hint, UNMASKED if isinstance(one, SecretInput) else "") if part)


def _choice(options: Sequence[Option], selected: str, action_id: str, placeholder: str) -> Json:
    made: Json = {"action_id": action_id, "placeholder": label(placeholder, 150)}
    chosen = next((option_object(o) for o in options if o.value == selected), None)
    made |= {"initial_option": chosen} if chosen and selected else {}
    if len(options) > MOST_LISTED:
        return {"type": "external_select", "min_query_length": 0} | made
    if any(o.group for o in options):
        return {"type": "static_select", "option_groups": groups_of(options)} | made
    return {"type": "static_select", "options": [option_object(o) for o in options]} | made


def option_object(one: Option) -> Json:
    """One choice."""
    return {"text": label(one.label, 75), "value": one.value[:150]}


def groups_of(options: Sequence[Option]) -> list[Json]:
    """Choices under the names of their groups, in order of first appearance."""
    groups: dict[str, list[Json]] = {}
    for one in options:
        groups.setdefault(one.group, []).append(option_object(one))
    return [{"label": label(name or "Other", 75), "options": members} for name, members in groups.items()]


def _confirm(one: Confirm) -> Json:
    return {
        "title": label(one.title, 100),
        "text": label(one.text, 300),
        "confirm": label(one.yes, 30),
        "deny": label(one.no, 30),
    }

"""What an admin fills in to set a key, checked before its provider is asked; pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date

from app.domain import key_shapes
from app.domain.secrets import Secret
from app.errors import BadInput
from app.ports.providers import ModelProvider

FIRST_LABEL = "main"
LONGEST_LABEL = 40
LONGEST_URL = 300
_LABEL = re.compile(r"[^\x00-\x1f<>`]+")

_MISTAKEN = (
    (key_shapes.CHAT_TOKEN, None, "This is a token of a Slack app, not a model key. Revoke it: it was just shown to another service."),
    (key_shapes.ANTHROPIC_ADMIN, None, "This is an admin key of Anthropic, which can't chat. Make an ordinary API key."),
    (key_shapes.OPENAI_ADMIN, None, "This is an admin key of OpenAI, which can't chat. Make an ordinary API key."),
    (key_shapes.ANTHROPIC, "openai", "This looks like a key of Anthropic. Choose Anthropic as the provider."),
    (key_shapes.OPENAI, "anthropic", "This looks like a key of OpenAI. Choose OpenAI as the provider."),
    (key_shapes.GATEWAY, "anthropic", "This looks like a key of another provider. Choose the compatible server."),
    (key_shapes.GATEWAY, "openai", "This looks like a key of another provider. Choose the compatible server."),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class KeyEntry:
    """A provider, the key, and under which label it is kept."""

    provider: str
    secret: Secret
    label: str = ""
    base_url: str = ""
    expires_on: date | None = None


def checked(entry: KeyEntry, provider: ModelProvider) -> tuple[KeyEntry, str]:
    """The entry as it is kept, and the origin that the key may be sent to. Raises BadInput naming the field."""
    entry = replace(
        entry,
        secret=_secret(entry.secret, entry.provider, takes_any=provider.wants_base_url),
        label=_label(entry.label),
        base_url=_base_url(entry.base_url, wanted=provider.wants_base_url),
    )
    try:
        return entry, provider.origin(entry.base_url)
    except BadInput as error:
        raise BadInput(error.message, field="base_url") from None


def _secret(secret: Secret, provider: str, *, takes_any: bool) -> Secret:
    try:
        secret = secret.trimmed()
    except ValueError:
        raise BadInput("Paste the key here.", field="key") from None
    shape = key_shapes.ANY_WORD if takes_any else key_shapes.PRINTABLE
    if not secret.matches(shape):
        raise BadInput("This is not a whole key: keys are one long word, without spaces or line breaks.", field="key")
    for shape, given_to, message in _MISTAKEN:
        if given_to in (None, provider) and secret.matches(shape):
            raise BadInput(message, field="key")
    return secret


def _label(typed: str) -> str:
    label = " ".join(typed.split()) or FIRST_LABEL
    if key_shapes.KEY_LIKE.search(label):
        raise BadInput(
            "This looks like a key. Labels are shown to people: paste the key above, and revoke it if it was sent.",
            field="label",
        )
    if len(label) > LONGEST_LABEL or not _LABEL.fullmatch(label):
        raise BadInput(f"At most {LONGEST_LABEL} characters, on one line.", field="label")
    return label


def _base_url(typed: str, *, wanted: bool) -> str:
    url = typed.strip()
    if not wanted:
        return ""
    if not url:
        raise BadInput(
            "A compatible server needs its base URL, such as https://openrouter.ai/api/v1.", field="base_url"
        )
    if len(url) > LONGEST_URL:
        raise BadInput(f"At most {LONGEST_URL} characters.", field="base_url")
    if key_shapes.KEY_LIKE.search(url):
        raise BadInput(
            "This looks like a key. The key goes into its own field; this one is shown to admins.", field="base_url"
        )
    return url

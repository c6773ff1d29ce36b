"""The form that a key enters by; the only way in."""

from __future__ import annotations

from collections.abc import Sequence

from app.domain.keys import ProviderKey
from app.domain.views import Block, Note, Option, SecretInput, SelectInput, Text, TextInput, View, rich
from app.ports.providers import ModelProvider
from app.services.screens.words import shown

FORM = "key_set"
REPLACE_FORM = "key_replace_with"
DETAILS_FORM = "key_details"

CARE = "Stored encrypted, sent to this provider only, never shown again. Each use of it goes into the audit trail."


def add(providers: Sequence[ModelProvider], chosen: str = "", label: str = "") -> View:
    """Set a key. With a provider chosen, a base URL is asked for where it needs one and nowhere else; else whoever chooses decides."""
    first = next((provider for provider in providers if provider.name == chosen), None)
    offered = [p for p in providers if first is None or p.wants_base_url == first.wants_base_url]
    options = tuple(Option(provider.name, provider.title) for provider in offered)
    server: tuple[Block, ...] = ()
    if first is None and any(provider.wants_base_url for provider in offered):
        server = (_base_url("For compatible servers only; leave it empty for the others.", optional=True),)
    elif first is not None and first.wants_base_url:
        server = (_base_url("Such as OpenRouter, Groq, Mistral, Azure or a server of your own.", optional=False),)
    return View(
        title="Set a model key",
        id=FORM,
        submit="Save",
        blocks=(
            SelectInput("provider", "Provider", options, first.name if first else ""),
            SecretInput("key", "API key", f"Checked with the provider now, at no cost. {CARE}"),
            *server,
            expiry(),
            TextInput("label", "Label", label, "main", "To tell keys apart. A key of the same label is replaced.", optional=True, max_length=40),
        ),
    )  # fmt: skip


def replace(key: ProviderKey, provider: ModelProvider) -> View:
    """Put a newer key in a key's place: provider and label stay, and a changed server is a reason to ask for the key again."""
    server: tuple[Block, ...] = ()
    if provider.wants_base_url:
        server = (
            _base_url(
                "The key is bound to its server: changing the server needs the key.", optional=False, value=key.base_url
            ),
        )
    return View(
        title="Replace a key",
        id=REPLACE_FORM,
        submit="Replace",
        context=key.id,
        blocks=(
            Text(rich(f"{provider.title} · {key.label} · {shown(key)}")),
            SecretInput("key", "API key", f"Checked with the provider now, at no cost. {CARE}"),
            *server,
            expiry(),
            Note(
                rich(
                    "Answers being made go on with the new key. The old one is destroyed here at once; Rotate keeps it for undoing."
                )
            ),
        ),
    )


def details(title: str, key: ProviderKey) -> View:
    """Note the day on which a key ends at its provider, or that it does not; and how often it may be used."""
    return View(
        title="Expiry and pace",
        id=DETAILS_FORM,
        submit="Save",
        context=key.id,
        blocks=(
            Text(rich(f"{title} · {key.label} · {shown(key)}")),
            expiry(f"{key.expires_on:%Y-%m-%d}" if key.expires_on else ""),
            Note(rich("You are warned 14, 7 and 1 days before, and on the day. It stops nothing here: that is the provider's to do.")),
            TextInput(
                "at_once", "Calls at a time", str(key.max_at_once or ""), "no limit",
                "Further questions wait for their turn, first come, first served.", optional=True, max_length=6,
            ),
            TextInput(
                "per_minute", "Calls a minute", str(key.max_per_minute or ""), "no limit",
                "An answer takes one call, and one more for each round of tools.", optional=True, max_length=6,
            ),
        ),
    )  # fmt: skip


def expiry(value: str = "") -> TextInput:
    """The field for it, on every form that a key enters by."""
    hint = "If it does, at the provider: you are warned before."
    return TextInput("expires_on", "Expires on", value, "2027-06-30", hint, optional=True, max_length=10)


def _base_url(hint: str, *, optional: bool, value: str = "") -> TextInput:
    return TextInput("base_url", "Base URL", value, "https://openrouter.ai/api/v1", hint, optional=optional)

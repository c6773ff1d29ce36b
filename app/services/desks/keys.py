"""Keys: shown, set, replaced, tested, revoked."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from app.domain.chat import UserRef
from app.domain.events import Close, Open, Outcome, Submission
from app.domain.keys import KeyStatus, ProviderKey
from app.domain.views import View
from app.errors import BadInput, NoKey
from app.services.agents import Agents
from app.services.key_caps import check
from app.services.key_checks import Checked
from app.services.key_entry import KeyEntry
from app.services.key_usage import agents_on
from app.services.keys import Keys
from app.services.screens import key_form, words
from app.services.screens import keys as screens
from app.services.screens.key_news import asked_again


class KeyDesk:
    """Every answer is a screen or a form; raises UserError in the admin's words."""

    def __init__(self, keys: Keys, agents: Agents) -> None:
        self._keys = keys
        self._agents = agents

    async def listing(self, workspace: str, wanted: Sequence[ProviderKey] | None = None) -> View:
        """These keys, or all of them, and who uses each."""
        keys, agents = await self._keys.all(workspace), await self._agents.all(workspace)
        titles = {key.provider: self._title(key) for key in keys}
        users = {key.id: agents_on(key, agents, keys) for key in keys}
        spares = await self._keys.rotation.spares(workspace)
        return screens.listing(keys if wanted is None else wanted, titles, users, spares)

    def form(self, provider: str = "") -> Open:
        """The form that sets a key."""
        return Open(key_form.add(self._keys.ring.providers, provider))

    async def replace_form(self, workspace: str, key_id: str) -> Open:
        """The form that puts a newer key in a key's place."""
        key = await self._keys.get(workspace, key_id)
        return Open(key_form.replace(key, self._keys.ring.provider(key.provider)))

    async def set(self, sent: Submission) -> Outcome:
        """A key was filled in: an error on its field, or kept."""
        return await self._set(sent, sent.values.get("provider", ""), sent.values.get("label", ""))

    async def replace(self, sent: Submission) -> Outcome:
        """A newer key was filled in. Which one it replaces is looked up, not believed."""
        key = await self._keys.get(sent.user.workspace, sent.context)
        return await self._set(sent, key.provider, key.label)

    async def details_form(self, workspace: str, key_id: str) -> Open:
        """The form that notes when a key ends, and how often it may be used."""
        key = await self._keys.get(workspace, key_id)
        return Open(key_form.details(self._title(key), key))

    async def save_details(self, sent: Submission) -> Outcome:
        """It was filled in."""
        workspace, key_id = sent.user.workspace, sent.context
        try:
            expires_on = words.day(sent.values.get("expires_on", ""), "expires_on")
            at_once, per_minute = (
                words.count(sent.values.get(field, ""), field) for field in ("at_once", "per_minute")
            )
            check(at_once, per_minute)  # all of it is kept, or none
            if (await self._keys.get(workspace, key_id)).expires_on != expires_on:
                await self._keys.expiry.note(workspace, key_id, expires_on, sent.user)
            await self._keys.caps.set(workspace, key_id, sent.user, at_once=at_once, per_minute=per_minute)
        except BadInput as error:
            return words.beside(error.field, error.message)
        key = await self._keys.get(workspace, key_id)
        return Close(screens.details_saved(self._title(key), key))

    async def test(self, workspace: str, by: UserRef, wanted: Sequence[ProviderKey]) -> View:
        """Ask the providers, all at once."""
        checked = await asyncio.gather(*(self._check(workspace, key, by) for key in wanted))
        found = [result for result in checked if result is not None]
        if not found:
            raise NoKey("That key is not there any more.")
        moved = tuple(agent for result in found for agent in result.moved)
        return screens.check_results([(self._title(r.key), r.key, _why(r)) for r in found], moved)

    async def ask_revoke(self, workspace: str, key: ProviderKey) -> View:
        """Asks before a key is revoked."""
        keys, agents = await self._keys.all(workspace), await self._agents.all(workspace)
        return screens.revoke_question(self._title(key), key, agents_on(key, agents, keys))

    async def revoke(self, workspace: str, by: UserRef, key_id: str) -> View:
        """Shred a key."""
        revoked = await self._keys.setting.revoke(workspace, key_id, by)
        return screens.revoked(self._title(revoked.key), revoked.key, revoked.agents, revoked.others)

    async def make_default(self, workspace: str, by: UserRef, key_id: str) -> View:
        """Let a key pay for its provider's agents that name none."""
        key = await self._keys.setting.make_default(workspace, key_id, by)
        return screens.now_default(self._title(key), key)

    async def get(self, workspace: str, key_id: str) -> ProviderKey:
        """One key. Raises NoKey."""
        return await self._keys.get(workspace, key_id)

    async def named(self, workspace: str, name: str) -> tuple[ProviderKey, ...]:
        """The keys that somebody may mean by a label, a provider, or `provider/label`; all of them by nothing. Raises NoKey if none."""
        keys = await self._keys.all(workspace)
        wanted = name.casefold()
        by_label = tuple(k for k in keys if wanted in (k.label.casefold(), f"{k.provider}/{k.label}".casefold()))
        found = keys if not wanted else by_label or tuple(k for k in keys if k.provider == wanted)
        if not keys:
            raise NoKey("There is no model key in this workspace yet. Set one with `/byok setkey`.")
        if not found:
            labels = ", ".join(f"{key.provider}/{key.label}" for key in keys)
            raise NoKey(f"There is no such key. There is {labels}.")
        return found

    def provider(self, name: str) -> str:
        """A provider's name, however it was typed; empty if there is none of it."""
        wanted = name.casefold()
        return next((p.name for p in self._keys.ring.providers if wanted in (p.name, p.title.casefold())), "")

    def providers(self) -> str:
        """The names of the providers, in words."""
        return ", ".join(provider.name for provider in self._keys.ring.providers)

    async def _check(self, workspace: str, key: ProviderKey, by: UserRef) -> Checked | None:
        try:
            return await self._keys.checks.check(workspace, key.id, by.id)
        except NoKey:
            return None  # revoked or replaced while it was asked about: not a key to tell of

    async def _set(self, sent: Submission, provider: str, label: str) -> Outcome:
        secret = sent.secrets.get("key")
        if secret is None:
            return words.beside("key", "Paste the key here.")
        try:
            expires_on = words.day(sent.values.get("expires_on", ""), "expires_on")
            entry = KeyEntry(provider, secret, label, sent.values.get("base_url", ""), expires_on)
            kept = await self._keys.setting.set(sent.user.workspace, entry, sent.user)
        except BadInput as error:
            return words.beside(_field(sent, error.field), error.message)
        why = kept.error.message if kept.error and kept.key.status is KeyStatus.UNVERIFIED else ""
        saved = screens.saved(self._title(kept.key), kept.key, kept.moved, replaced=kept.replaced, why=why)
        return Close(replace(saved, blocks=(*saved.blocks, *asked_again(kept.waiting))))

    def _title(self, key: ProviderKey) -> str:
        return self._keys.ring.title(key.provider)


def _field(sent: Submission, field: str) -> str:
    """A field of the form that was sent: an error beside a field that it lacks would not be seen."""
    return field if field in sent.values or field == "key" else "key"


def _why(checked: Checked) -> str:
    if checked.before is KeyStatus.NO_CREDIT and checked.key.status is KeyStatus.VERIFIED:
        return "Its provider knows the key. Whether there is credit again shows with the next answer: what waits is asked now."
    if checked.error is None or checked.key.status in (KeyStatus.REFUSED, KeyStatus.NO_CREDIT):
        return ""
    return words.undecided(checked.error.message)

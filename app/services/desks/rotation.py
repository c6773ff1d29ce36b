"""Rotating keys: begun in a form, settled or undone by buttons."""

from __future__ import annotations

from collections.abc import Mapping

from app.domain.chat import UserRef
from app.domain.events import Action, Close, Open, Outcome, Private, Replace, Submission
from app.domain.keys import ProviderKey, Which
from app.domain.views import View
from app.errors import BadInput, NoKey
from app.services.commands import Run
from app.services.desks.keys import KeyDesk
from app.services.forms import Act, Save
from app.services.keys import Keys
from app.services.rotation_outcomes import NOTHING_KEPT, SETTLED, NextKey, TurnedDown
from app.services.screens import rotation as screens
from app.services.screens.words import beside, day

UNDO = "undo"


class RotationDesk:
    """See MoreScreens and MoreCommands: all of it is an admin's. Raises UserError in the admin's words."""

    def __init__(self, keys: Keys, desk: KeyDesk) -> None:
        self._keys = keys
        self._desk = desk
        self.for_all: Mapping[str, Run] = {}
        self.for_admins: Mapping[str, Run] = {"rotate": self._command}
        self.open_acts: Mapping[str, Act] = {}
        self.acts: Mapping[str, Act] = {
            screens.ROTATE: self._open,
            screens.UNDO: self._undo,
            screens.DROP: self._drop,
            screens.ANYWAY: self._anyway,
            screens.GIVE_UP: self._give_up,
        }
        self.saves: Mapping[str, Save] = {screens.FORM: self._rotate}

    async def _command(self, user: UserRef, rest: str) -> Outcome:
        """`rotate [label]`, `rotate undo [label]`."""
        word, _, label = rest.partition(" ")
        undo = word.casefold() == UNDO
        keys = await self._desk.named(user.workspace, label if undo else rest)
        if undo:
            spares = await self._keys.rotation.spares(user.workspace)
            keys = tuple(k for k in keys if any(one.which is Which.PREVIOUS for one in spares.get(k.id, ())))
            if not keys:
                raise BadInput(NOTHING_KEPT)
        if len(keys) > 1:
            return Private(screens.choice([(self._title(key), key) for key in keys], undo=undo))
        if undo:
            return Private(await self._undone(user, keys[0].id))
        return await self._form(keys[0])

    async def _open(self, event: Action) -> Outcome:
        return await self._form(await self._keys.get(event.user.workspace, event.value))

    async def _form(self, key: ProviderKey) -> Open:
        uses = await self._keys.rotation.uses(key)
        kept = (await self._keys.rotation.spares(key.workspace)).get(key.id, ())
        return Open(screens.form(key, self._keys.ring.provider(key.provider), uses, kept))

    async def _rotate(self, sent: Submission) -> Outcome:
        secret = sent.secrets.get("key")
        if secret is None:
            return beside("key", "Paste the next key here.")
        values = sent.values
        try:
            entry = NextKey(
                secret,
                values.get("base_url", ""),
                expires_on=day(values.get("expires_on", ""), "expires_on"),
                hours=_hours(values.get("hours", "")),
            )
            came = await self._keys.rotating.rotate(sent.user.workspace, sent.context, entry, sent.user)
        except BadInput as error:
            return beside(error.field if error.field in values else "key", error.message)
        title = self._keys.ring.title(came.key.provider)
        if isinstance(came, TurnedDown):
            return beside(
                "key", f"{title} refused this key. Check that it is complete and active, then try again. Nothing changed."
            )  # fmt: skip
        return Close(screens.outcome(title, came))

    async def _undo(self, event: Action) -> Outcome:
        return _in_place(event, await self._undone(event.user, await self._meant(event)))

    async def _undone(self, user: UserRef, key_id: str) -> View:
        restored = await self._keys.rotation.undo(user.workspace, key_id, user)
        return screens.undone(self._title(restored.key), restored.key, restored.instead_of)

    async def _drop(self, event: Action) -> Outcome:
        key = await self._keys.get(event.user.workspace, await self._meant(event))
        gone = await self._keys.rotation.drop(event.user.workspace, key.id, event.user)
        return _in_place(event, screens.dropped(self._title(key), key.label, gone))

    async def _give_up(self, event: Action) -> Outcome:
        key = await self._keys.get(event.user.workspace, await self._meant(event))
        gone = await self._keys.rotation.give_up(event.user.workspace, key.id, event.user)
        return _in_place(event, screens.dropped(self._title(key), key.label, gone))

    async def _anyway(self, event: Action) -> Outcome:
        key_id = await self._meant(event)
        done = await self._keys.rotation.switch_anyway(event.user.workspace, key_id, event.user)
        return _in_place(event, screens.outcome(self._title(done.key), done))

    async def _meant(self, event: Action) -> str:
        """The key that a button is about. A message may be old: raises NoKey if what it tells of does not stand beside that key any more."""
        key_id, _, which = event.value.partition(":")
        spares = (await self._keys.rotation.spares(event.user.workspace)).get(key_id, ())
        if which and not any(screens.one_beside(one) == event.value for one in spares):
            raise NoKey(SETTLED)
        return key_id

    def _title(self, key: ProviderKey) -> str:
        return self._keys.ring.title(key.provider)


def _in_place(event: Action, view: View) -> Outcome:
    """Where the button sat under a message, what came of it stands there instead."""
    return Replace(view) if event.message else Private(view)


def _hours(typed: str) -> int:
    try:
        return int(typed.strip() or screens.DEFAULT_HOURS)
    except ValueError:
        raise BadInput("Enter a number of hours, such as 24.", field="hours") from None

"""`/byok …`: read forgivingly, answered privately. A key typed here is neither kept nor repeated."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import Protocol

from app.domain.audit import AuditEntry
from app.domain.chat import UserRef
from app.domain.events import Command, Outcome, Private, Replace
from app.domain.key_shapes import KEY_LIKE
from app.errors import BadInput, NotAllowed, UserError
from app.services.access import Access
from app.services.desks.agents import AgentDesk
from app.services.desks.keys import KeyDesk
from app.services.desks.people import PeopleDesk, mentioned
from app.services.home import Home
from app.services.keys import Keys
from app.services.screens import keys as key_screens
from app.services.screens import people as people_screens
from app.services.screens import words
from app.services.workspaces import Workspaces
from app.store.unit_of_work import Database

Run = Callable[[UserRef, str], Awaitable[Outcome]]
RunThere = Callable[[Command, str], Awaitable[Outcome]]
"""For everybody, and it matters where it was typed."""

_SPELLINGS = {
    "set-key": "setkey", "set_key": "setkey", "addkey": "setkey", "add-key": "setkey", "key": "keys", "check": "test",
    "delete": "revoke", "remove": "revoke", "agent": "agents", "models": "model", "fallbacks": "fallback", "standins": "fallback", "admin": "admins", "log": "audit",
    "grant": "grants", "template": "templates", "prompts": "prompt",
    "budgets": "budget", "limit": "budget", "limits": "budget",
    "home": "settings", "?": "help", "": "help", "-h": "help", "--help": "help",
}  # fmt: skip
_TWO_WORDS = re.compile(r"^(set|add|new)\s+key\b", re.IGNORECASE)
_ORDINARY = re.compile(r"[a-z]{1,20}(-[a-z]{1,20})?", re.IGNORECASE)


class MoreCommands(Protocol):
    """A desk that says itself which commands are its own."""

    for_all: Mapping[str, Run]
    for_admins: Mapping[str, Run]


class Commands:
    """One command, one private answer."""

    def __init__(
        self,
        database: Database,
        *,
        access: Access,
        workspaces: Workspaces,
        keys: Keys,
        key_desk: KeyDesk,
        agents: AgentDesk,
        people: PeopleDesk,
        home: Home,
        more: Sequence[MoreCommands] = (),
        there: Mapping[str, RunThere] | None = None,
    ) -> None:
        self._database = database
        self._access = access
        self._workspaces = workspaces
        self._all_keys = keys
        self._keys = key_desk
        self._agents = agents
        self._people = people
        self._home = home
        self._there = there or {}
        self._for_all: Mapping[str, Run] = {
            "help": self._help,
            "agents": self._list_agents,
            "admins": self._admins,
            "privacy": self._privacy,
            **{name: run for desk in more for name, run in desk.for_all.items()},
        }
        self._for_admins: Mapping[str, Run] = {
            "setkey": self._setkey,
            "keys": self._list_keys,
            "test": self._test,
            "revoke": self._revoke,
            "settings": self._settings,
            "audit": self._audit,
            **{name: run for desk in more for name, run in desk.for_admins.items()},
        }

    async def command(self, event: Command) -> Outcome:
        """Carry it out; a UserError becomes a private screen."""
        await self._workspaces.ensure(event.workspace)
        name, rest = _parsed(event.text)
        if await self._holds_key(event, name, rest):
            return await self._typed_key(event.user)
        try:
            return await self._run(event, name, rest)
        except NotAllowed:
            return Private(await self._people.not_allowed(event.workspace))
        except UserError as error:
            return Private(words.refused(error.message))

    async def _run(self, event: Command, name: str, rest: str) -> Outcome:
        user = event.user
        if there := self._there.get(name):
            return await there(event, rest)
        if run := self._for_all.get(name):
            return await run(user, rest)
        if run := self._for_admins.get(name):
            await self._access.require_admin(user)
            outcome = await run(user, rest)
            if isinstance(outcome, Replace):  # what stood there is not so any more
                self._home.refresh(user)
            return outcome
        understood = _understood(name, [*self._there, *self._for_all, *self._for_admins])
        return Private(people_screens.help_text(admin=await self._access.is_admin(user), understood=understood))

    async def _holds_key(self, event: Command, name: str, rest: str) -> bool:
        """Whether a key was typed: by its looks, or because it stands where only a key can be meant."""
        if name == "setkey" and rest:
            provider, *more = rest.split()
            if more or not (self._keys.provider(provider) or _ORDINARY.fullmatch(provider)):
                return True
        return bool(KEY_LIKE.search(event.text)) or await self._all_keys.leaked_in(event.workspace, event.text)

    async def _typed_key(self, user: UserRef) -> Outcome:
        async with self._database.begin() as uow:
            await uow.audit.append(AuditEntry(user.workspace, user.id, "key.typed", "command"))
        return Private(key_screens.typed_key(in_command=True))

    async def _help(self, user: UserRef, rest: str) -> Outcome:
        return Private(people_screens.help_text(admin=await self._access.is_admin(user)))

    async def _setkey(self, user: UserRef, rest: str) -> Outcome:
        provider = self._keys.provider(rest)
        if rest and not provider:
            raise BadInput(f"There is no such provider. There is {self._keys.providers()}.")
        return self._keys.form(provider)

    async def _list_keys(self, user: UserRef, rest: str) -> Outcome:
        wanted = await self._keys.named(user.workspace, rest) if rest else None
        return Private(await self._keys.listing(user.workspace, wanted))

    async def _test(self, user: UserRef, rest: str) -> Outcome:
        wanted = await self._keys.named(user.workspace, rest)
        view = await self._keys.test(user.workspace, user, wanted)
        self._home.refresh(user)
        return Private(view)

    async def _revoke(self, user: UserRef, rest: str) -> Outcome:
        wanted = await self._keys.named(user.workspace, rest)
        if len(wanted) > 1:
            names = ", ".join(f"`/byok revoke {key.provider}/{key.label}`" for key in wanted)
            raise BadInput(f"Which one? {names}")
        return Private(await self._keys.ask_revoke(user.workspace, wanted[0]))

    async def _list_agents(self, user: UserRef, rest: str) -> Outcome:
        return Private(await self._agents.listing(user.workspace, admin=await self._access.is_admin(user)))

    async def _admins(self, user: UserRef, rest: str) -> Outcome:
        verb, _, person = rest.partition(" ")
        if verb.casefold() in ("", "list"):
            return Private(await self._people.admins(user.workspace, may_change=await self._access.is_admin(user)))
        await self._access.require_admin(user)
        act = {"add": self._people.add_admin, "remove": self._people.remove_admin, "delete": self._people.remove_admin}
        if verb.casefold() not in act:
            raise BadInput("Type `/byok admins`, `/byok admins add @person` or `/byok admins remove @person`.")
        whom = mentioned(user.workspace, person, verb.casefold())
        view = await act[verb.casefold()](user, whom)
        self._home.refresh(user, about=whom)
        return Private(view)

    async def _privacy(self, user: UserRef, rest: str) -> Outcome:
        return Private(await self._people.privacy(user.workspace))

    async def _settings(self, user: UserRef, rest: str) -> Outcome:
        return await self._people.settings_form(user.workspace)

    async def _audit(self, user: UserRef, rest: str) -> Outcome:
        return Private(await self._people.audit(user.workspace))


def _parsed(text: str) -> tuple[str, str]:
    """The command's name and what follows it, whatever came with a paste."""
    text = " ".join(text.strip().strip("`").split()).removeprefix("/byok").strip()
    text = _TWO_WORDS.sub("setkey", text)
    name, _, rest = text.partition(" ")
    name = name.casefold()
    return _SPELLINGS.get(name, name), rest.strip()


def _understood(name: str, known: list[str]) -> str:
    """What was made of a word that is no command. It is repeated only if it can't be a secret."""
    if not _ORDINARY.fullmatch(name):
        return "That is not a command of Latchkey. These are:"
    near = get_close_matches(name, known, n=1, cutoff=0.5)
    meant = f" Did you mean {near[0]}?" if near else ""
    return f"There is no command “{name}”.{meant}"

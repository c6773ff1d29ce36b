"""The one place that opens provider keys: every use is written down, in the transaction that sees that the key may be used."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

import structlog

from app.domain.audit import AuditEntry
from app.domain.keys import ProviderCredential, ProviderKey
from app.domain.secrets import KeyContext, Secret
from app.errors import BadInput, NoKey, WontOpen
from app.ports.providers import ModelProvider
from app.ports.vault import SecretVault
from app.services.key_watch import KeyWatch
from app.store.keys import StoredKey
from app.store.unit_of_work import Database, UnitOfWork
from app.telemetry.scrub import scrub

log = structlog.get_logger(__name__)

OFFLINE = "offline"
PURPOSE = "provider-key"


class KeyRing:
    """Seals and opens keys, bound to their workspace, row, version, provider and the origin they may be sent to."""

    def __init__(self, database: Database, vault: SecretVault, providers: Mapping[str, ModelProvider]) -> None:
        self._database = database
        self._vault = vault
        self._providers = providers
        self._shut: set[tuple[str, int]] = set()
        self.watch = KeyWatch(database)

    @property
    def providers(self) -> tuple[ModelProvider, ...]:
        """Those that take keys, in the order that people are shown them."""
        return tuple(provider for provider in self._providers.values() if provider.name != OFFLINE)

    def provider(self, name: str) -> ModelProvider:
        """A provider that takes keys. Raises BadInput."""
        if name == OFFLINE or name not in self._providers:
            raise BadInput("Choose one of the providers.", field="provider")
        return self._providers[name]

    def offline(self) -> ModelProvider | None:
        """The model that needs no key, where there is one (the demo)."""
        return self._providers.get(OFFLINE)

    def title(self, name: str) -> str:
        """What people call a provider."""
        return self._providers[name].title if name in self._providers else name

    async def fingerprint(self, workspace: str, secret: Secret) -> str:
        """By which the same key is recognised within a workspace."""
        return await self._vault.fingerprint(workspace, secret)

    async def seal(self, key: ProviderKey, origin: str, secret: Secret) -> StoredKey:
        """A row for this version of a key."""
        scrub.remember(secret)
        self._shut.discard((key.id, key.version))
        stored = StoredKey(key, origin, None)
        return replace(stored, sealed=await self._vault.seal_secret(_context(stored), secret))

    async def use(
        self,
        workspace: str,
        key_id: str,
        *,
        actor: str,
        details: Mapping[str, str],
        refused_too: bool = False,
        also: Callable[[UnitOfWork, ProviderKey], Awaitable[None]] | None = None,
    ) -> tuple[ProviderKey, ProviderCredential]:
        """A key for one call, written down as `key.used`. Raises NoKey if it was revoked, or refused by its provider, meanwhile.

        What is `also` to be done before belongs to the same transaction; where that raises, the key is not used.
        """
        async with self._database.begin() as uow:
            stored = await uow.keys.get(workspace, key_id)
            if stored is None or stored.sealed is None or not (stored.key.live or refused_too):
                raise _no_key(
                    key_id,
                    "The key for this was revoked or is refused by its provider. An admin can set another with `/byok setkey`.",
                )
            key = stored.key
            if also:
                await also(uow, key)
            about = {"provider": key.provider, "fingerprint": key.fingerprint, "version": str(key.version), **details}
            await uow.audit.append(AuditEntry(workspace, actor, "key.used", key_id, about))
        return key, await self.open(stored)

    def opens(self, key: ProviderKey) -> bool:
        """Whether this version of a key can be opened, as far as this process has tried."""
        return (key.id, key.version) not in self._shut

    async def open(self, stored: StoredKey) -> ProviderCredential:
        """What is sealed in a row, for whoever has written down what for. Raises NoKey where it does not open, or may not be sent there."""
        key = stored.key
        if stored.sealed is None:
            raise _no_key(key.id, "That key is not there any more.")
        try:
            secret = await self._vault.open_secret(_context(self._where_it_goes(stored)), stored.sealed)
        except WontOpen:
            self._shut.add((key.id, key.version))
            log.error("a stored key does not open", workspace=key.workspace, key=key.id)  # noqa: TRY400 - the vault gives no cause
            raise _no_key(
                key.id, "The key for this can't be opened any more. An admin can set it again with `/byok setkey`."
            ) from None
        self._shut.discard((key.id, key.version))
        scrub.remember(secret)
        return ProviderCredential(secret, key.base_url)

    def _where_it_goes(self, stored: StoredKey) -> StoredKey:
        """With the origin of the address that will really be used: of that the row's own word is no proof. Raises NoKey."""
        if not stored.key.base_url:
            return stored  # the provider's own, whichever the operator says that is
        try:
            return replace(stored, origin=self.provider(stored.key.provider).origin(stored.key.base_url))
        except BadInput as error:
            self._shut.add((stored.key.id, stored.key.version))
            message = f"The server of this key may not be used any more. {error.message}"
            raise _no_key(stored.key.id, message) from None


def _no_key(key_id: str, message: str) -> NoKey:
    error = NoKey(message)
    error.waits_for = key_id
    return error


def _context(stored: StoredKey) -> KeyContext:
    key = stored.key
    return KeyContext(key.workspace, PURPOSE, key.id, key.version, key.provider, stored.origin)

"""Sealing secrets and content: a data key per workspace, a fresh key per record (SECURITY §4.1).

    master key (KeyWrapper) ── wraps ── data key of a workspace
        └─ HKDF-SHA512(data key, salt, "byk1|rec|" ‖ SHA-512(aad)) → encryption key ‖ commitment
              └─ AES-256-GCM
    blob = "byk1" ‖ alg ‖ salt 32 ‖ commitment 32 ‖ nonce 12 ‖ ciphertext and tag
    aad  = "byk1" ‖ alg ‖ canonical map of everything the record is bound to

Whatever is wrong with a record, the answer is the same WontOpen, without a cause: an attacker learns nothing from it.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from app.domain.data_keys import DATA_KEY_BYTES, canonical
from app.domain.secrets import KeyContext, SealedSecret, Secret
from app.errors import MasterKeyError, WontOpen
from app.ports.keys import KeyWrapper
from app.store.unit_of_work import Database

_MAGIC, _ALG = b"byk1", b"\x01"
_SALT, _COMMITMENT, _NONCE, _TAG = 32, 32, 12, 16
_HEAD = len(_MAGIC) + len(_ALG)
_SHORTEST = _HEAD + _SALT + _COMMITMENT + _NONCE + _TAG

FRESH_SECONDS = 1.0
"""So long a data key is used without a look whether it is there still: another process may have destroyed it."""

CACHE_SECONDS = 300.0
CACHE_ENTRIES = 1000

K = TypeVar("K")
V = TypeVar("V")


def seal(data_key: bytes, data_key_id: str, context: KeyContext, content: bytes) -> bytes:
    """Content as a `byk1` blob, never the same twice."""
    return _seal(data_key, _aad(data_key_id, context), content, os.urandom(_SALT), os.urandom(_NONCE))


def _seal(data_key: bytes, aad: bytes, content: bytes, salt: bytes, nonce: bytes) -> bytes:
    key, commitment = _derive(data_key, salt, aad)
    return _MAGIC + _ALG + salt + commitment + nonce + AESGCM(key).encrypt(nonce, content, aad)


def unseal(data_key: bytes, data_key_id: str, context: KeyContext, blob: bytes) -> bytes:
    """The content of a blob. Raises WontOpen for anything but the right key, context and bytes."""
    if len(blob) < _SHORTEST or not blob.startswith(_MAGIC + _ALG):
        raise WontOpen
    at = _HEAD
    salt, at = blob[at : at + _SALT], at + _SALT
    claimed, at = blob[at : at + _COMMITMENT], at + _COMMITMENT
    nonce, at = blob[at : at + _NONCE], at + _NONCE
    aad = _aad(data_key_id, context)
    key, commitment = _derive(data_key, salt, aad)
    if not hmac.compare_digest(claimed, commitment):
        raise WontOpen
    try:
        return AESGCM(key).decrypt(nonce, blob[at:], aad)
    except InvalidTag:
        raise WontOpen from None


def _aad(data_key_id: str, context: KeyContext) -> bytes:
    facts = {
        "v": "1",
        "purpose": context.purpose,
        "workspace": context.workspace,
        "provider": context.provider,
        "origin": context.origin,
        "secret": context.record,
        "version": str(context.version),
        "dek": data_key_id,
    }
    return _MAGIC + _ALG + canonical(facts)


def _derive(data_key: bytes, salt: bytes, aad: bytes) -> tuple[bytes, bytes]:
    info = b"byk1|rec|" + hashlib.sha512(aad).digest()
    material = HKDF(hashes.SHA512(), length=32 + _COMMITMENT, salt=salt, info=info).derive(data_key)
    return material[:32], material[32:]


_WRONG_KEY = (
    "The master key is not the one this database was sealed with (the database knows {known}, the key is {given}). "
    "Put the right key back: LATCHKEY_MASTER_KEY, LATCHKEY_MASTER_KEY_FILE, or master.key in the data directory. "
    "Without it nothing in the database opens; to begin anew, move the database away too."
)


def _wrap_context(workspace: str, data_key_id: str) -> dict[str, str]:
    return {"purpose": "data-key", "workspace": workspace, "dek": data_key_id}


class _Cache(Generic[K, V]):
    """Forgets after minutes, and the oldest first when full."""

    def __init__(self, tick: Callable[[], float]) -> None:
        self._tick = tick
        self._kept: OrderedDict[K, tuple[float, V]] = OrderedDict()

    def get(self, key: K) -> V | None:
        until, value = self._kept.get(key, (0.0, None))
        return value if self._tick() < until else None

    def put(self, key: K, value: V) -> None:
        self._kept[key] = (self._tick() + CACHE_SECONDS, value)
        self._kept.move_to_end(key)
        if len(self._kept) > CACHE_ENTRIES:
            self._kept.popitem(last=False)

    def forget(self, condition: Callable[[K], bool]) -> None:
        for key in [key for key in self._kept if condition(key)]:
            del self._kept[key]


@dataclass(slots=True)
class _Known:
    """A data key, and when it was last seen in the database."""

    data_key: bytes = field(repr=False)
    seen: float


class Vault:
    """Implements Sealer and SecretVault. Unwrapped data keys are remembered for minutes, so that a wrapper is seldom asked."""

    def __init__(self, database: Database, wrapper: KeyWrapper, *, tick: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._wrapper = wrapper
        self._data_keys = _Cache[tuple[str, str], _Known](tick)
        self._newest = _Cache[str, str](tick)
        self._tick = tick
        self._making: dict[str, asyncio.Lock] = {}

    async def check(self) -> None:
        """See that the master key belongs to this database, before anything is sealed or opened. Raises MasterKeyError.

        A database without any sealed check takes the key as its own.
        """
        async with self._database.read() as unit:
            checks = await unit.data_keys.checks()
        context = {"purpose": "key-check", "wrapper": self._wrapper.id}
        if blob := checks.get(self._wrapper.id):
            try:
                await self._wrapper.unwrap(blob, context)
            except WontOpen:
                raise MasterKeyError(_WRONG_KEY.format(known=self._wrapper.id, given=self._wrapper.id)) from None
        elif checks:
            raise MasterKeyError(_WRONG_KEY.format(known=", ".join(sorted(checks)), given=self._wrapper.id))
        else:
            blob = await self._wrapper.wrap(os.urandom(DATA_KEY_BYTES), context)
            async with self._database.begin() as unit:
                await unit.data_keys.add_check(self._wrapper.id, blob)

    async def seal(self, context: KeyContext, content: bytes) -> SealedSecret:
        """Seal content under the workspace's newest data key; its first use makes one."""
        data_key_id, data_key = await self._newest_key(context.workspace)
        return SealedSecret(data_key_id, seal(data_key, data_key_id, context, content))

    async def open(self, context: KeyContext, sealed: SealedSecret) -> bytes:
        """The content again, in the same context only."""
        data_key = await self._key(context.workspace, sealed.data_key)
        return unseal(data_key, sealed.data_key, context, sealed.blob)

    async def seal_secret(self, context: KeyContext, secret: Secret) -> SealedSecret:
        """Seal a secret, bound to its context."""
        return await self.seal(context, secret.reveal().encode())

    async def open_secret(self, context: KeyContext, sealed: SealedSecret) -> Secret:
        """The secret again, in the same context only."""
        return Secret((await self.open(context, sealed)).decode())

    async def fingerprint(self, workspace: str, secret: Secret) -> str:
        """32 hex digits, the same for the same secret within a workspace, telling nothing elsewhere."""
        _, data_key = await self._newest_key(workspace)
        key = HKDF(hashes.SHA512(), length=32, salt=None, info=b"byk1|fingerprint").derive(data_key)
        return hmac.new(key, secret.reveal().encode(), hashlib.sha256).hexdigest()[:32]

    async def shred(self, workspace: str) -> None:
        """Destroy the workspace's data keys, here and in the database."""
        async with self._making.setdefault(workspace, asyncio.Lock()):  # nobody remembers it anew meanwhile
            async with self._database.begin() as unit:
                await unit.data_keys.delete_all(workspace)
            self._forget(workspace)

    def _forget(self, workspace: str) -> None:
        self._newest.forget(lambda key: key == workspace)
        self._data_keys.forget(lambda key: key[0] == workspace)

    async def _newest_key(self, workspace: str) -> tuple[str, bytes]:
        async with self._making.setdefault(workspace, asyncio.Lock()):
            data_key_id = self._newest.get(workspace) or await self._find_or_make(workspace)
        try:
            return data_key_id, await self._key(workspace, data_key_id)
        except WontOpen:  # another process destroyed it, and the workspace may have begun anew since
            async with self._making.setdefault(workspace, asyncio.Lock()):
                data_key_id = await self._find_or_make(workspace)
            return data_key_id, await self._key(workspace, data_key_id)

    async def _find_or_make(self, workspace: str) -> str:
        async with self._database.read() as unit:
            found = await unit.data_keys.newest(workspace)
        if found is None:
            data_key_id, data_key = secrets.token_hex(16), os.urandom(DATA_KEY_BYTES)
            wrapped = await self._wrapper.wrap(data_key, _wrap_context(workspace, data_key_id))
            async with self._database.begin() as unit:
                found = await unit.data_keys.newest(workspace)  # another process may have been quicker
                if found is None:
                    await unit.data_keys.add(workspace, data_key_id, self._wrapper.id, wrapped)
                    found = (data_key_id, wrapped)
        self._newest.put(workspace, found[0])
        return found[0]

    async def _key(self, workspace: str, data_key_id: str) -> bytes:
        """The data key, asked for by the workspace it must belong to: a row moved elsewhere finds none."""
        place = (workspace, data_key_id)
        known, now = self._data_keys.get(place), self._tick()
        if known is not None and now - known.seen < FRESH_SECONDS:
            return known.data_key
        if known is not None:
            known.seen = now  # before the look, not after it: of many who come at once, one looks
        async with self._database.read() as unit:
            wrapped = await unit.data_keys.wrapped(workspace, data_key_id)
        if wrapped is None:
            if known is not None:
                self._forget(workspace)
            raise WontOpen
        if known is not None:
            return known.data_key
        data_key = await self._wrapper.unwrap(wrapped, _wrap_context(workspace, data_key_id))
        self._data_keys.put(place, _Known(data_key, now))
        return data_key

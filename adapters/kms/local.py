"""A master key in a file of this machine (or in the environment): fine for one node, with a backup kept apart from the database's."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from app.domain.data_keys import DATA_KEY_BYTES, bound, canonical, unbound
from app.domain.secrets import Secret
from app.errors import MasterKeyError, WontOpen

_MAGIC, _SALT, _NONCE = b"lkw1", 32, 12
_EXAMPLES = (bytes(DATA_KEY_BYTES), bytes(range(DATA_KEY_BYTES)))  # all zero; the one that stands in the guides
_HOW_TO_MAKE = "Make one with: python3 -c 'import base64, os; print(base64.b64encode(os.urandom(32)).decode())'"


class LocalKeyWrapper:
    """Wraps data keys with AES-256-GCM under a fresh key per wrapping, bound to the context."""

    def __init__(self, master_key: bytes) -> None:
        self._key = master_key
        self.id = "local:" + hashlib.sha256(b"latchkey master key id\x00" + master_key).hexdigest()[:8]

    async def wrap(self, data_key: bytes, context: Mapping[str, str]) -> bytes:
        """Wrap 32 bytes; never the same twice."""
        salt, nonce = os.urandom(_SALT), os.urandom(_NONCE)
        aad = _MAGIC + canonical(context)
        return _MAGIC + salt + nonce + self._cipher(salt).encrypt(nonce, bound(data_key, context), aad)

    async def unwrap(self, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        """The data key again, in the same context only."""
        magic, rest = wrapped[: len(_MAGIC)], wrapped[len(_MAGIC) :]
        salt, nonce, sealed = rest[:_SALT], rest[_SALT : _SALT + _NONCE], rest[_SALT + _NONCE :]
        if magic != _MAGIC or not sealed:
            raise WontOpen
        try:
            payload = self._cipher(salt).decrypt(nonce, sealed, _MAGIC + canonical(context))
        except InvalidTag:
            raise WontOpen from None
        data_key = unbound(payload, context)
        if data_key is None:
            raise WontOpen
        return data_key

    def _cipher(self, salt: bytes) -> AESGCM:
        return AESGCM(HKDF(hashes.SHA512(), length=32, salt=salt, info=b"lkw1|wrap").derive(self._key))


def decode(text: str, where: str) -> bytes:
    """A master key from its base64. Raises MasterKeyError, which names `where` and never shows the text."""
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        raise MasterKeyError(f"The master key in {where} is not base64. {_HOW_TO_MAKE}") from None
    if len(key) != DATA_KEY_BYTES:
        raise MasterKeyError(f"The master key in {where} has {len(key)} bytes instead of 32. {_HOW_TO_MAKE}")
    if key in _EXAMPLES:
        raise MasterKeyError(f"The master key in {where} is an example that everybody knows. {_HOW_TO_MAKE}")
    return key


def read(file: Path) -> bytes:
    """The master key of a file. Raises MasterKeyError when it is missing, open to all, or no key."""
    try:
        with file.open("rb") as opened:
            mode = os.fstat(opened.fileno()).st_mode
            text = opened.read(1024)
    except FileNotFoundError:
        raise MasterKeyError(f"There is no master key at {file}.") from None
    except OSError as error:
        raise MasterKeyError(f"The master key at {file} cannot be read: {error.strerror}.") from None
    if mode & 0o007:
        raise MasterKeyError(f"The master key at {file} is open to everybody on this machine. Run: chmod 600 {file}")
    return decode(text.decode("ascii", "replace"), str(file))


def make(file: Path) -> bytes:
    """A new master key in a file that only its owner reads; one that is there already is never replaced, but read."""
    key = os.urandom(DATA_KEY_BYTES)
    half_done = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(half_done, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.write(descriptor, base64.b64encode(key) + b"\n")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        try:
            file.hardlink_to(half_done)  # shows the whole file or nothing, and refuses to replace one
        finally:
            half_done.unlink()
    except FileExistsError:
        return read(file)
    except OSError as error:
        raise MasterKeyError(f"A master key could not be made at {file}: {error.strerror}.") from None
    directory = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
    return key


def load(text: Secret | None, file: Path | None, default: Path, *, may_make: bool) -> LocalKeyWrapper:
    """The master key of the environment, else of the named file, else of the data directory, made there at the first start.

    `may_make` is False once a database exists: a new key would open nothing in it.
    """
    if text is not None and file is not None:
        raise MasterKeyError("Set LATCHKEY_MASTER_KEY or LATCHKEY_MASTER_KEY_FILE, not both.")
    if text is not None:
        return LocalKeyWrapper(decode(text.reveal(), "LATCHKEY_MASTER_KEY"))
    if file is not None:
        return LocalKeyWrapper(read(file))
    if not default.exists() and not may_make:
        raise MasterKeyError(
            f"The master key {default} is missing, but its database exists. Put the file back from your backup, or set "
            "LATCHKEY_MASTER_KEY. Without it nothing in the database opens; to begin anew, move the database away too."
        )
    return LocalKeyWrapper(read(default) if default.exists() else make(default))

"""What the vault seals opens in its own place only, now and with every later version of the code."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text, update

from adapters.kms.local import LocalKeyWrapper
from app.domain.data_keys import canonical
from app.domain.secrets import KeyContext, SealedSecret, Secret
from app.errors import MasterKeyError, WontOpen
from app.store import tables
from app.store.unit_of_work import Database
from app.vault import CACHE_ENTRIES, CACHE_SECONDS, Vault, seal, unseal

VECTORS = json.loads((Path(__file__).parent / "byk1_vectors.json").read_text())
KEY = KeyContext("slack:T1", "provider-key", "k1", 1, "anthropic", "https://api.anthropic.com")
OTHERS = [
    dataclasses.replace(KEY, workspace="slack:T2"),
    dataclasses.replace(KEY, purpose="inbox"),
    dataclasses.replace(KEY, record="k2"),
    dataclasses.replace(KEY, version=2),
    dataclasses.replace(KEY, provider="openai"),
    dataclasses.replace(KEY, origin="https://evil.example"),
]


@pytest.fixture
def vault(database: Database) -> Vault:
    return Vault(database, LocalKeyWrapper(b"k" * 32))


class CountingWrapper:
    """A wrapper that counts how often it is asked."""

    def __init__(self) -> None:
        self._inner = LocalKeyWrapper(b"k" * 32)
        self.id = self._inner.id
        self.unwrapped = 0

    async def wrap(self, data_key: bytes, context: Mapping[str, str]) -> bytes:
        return await self._inner.wrap(data_key, context)

    async def unwrap(self, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        self.unwrapped += 1
        return await self._inner.unwrap(wrapped, context)


@pytest.mark.parametrize("vector", VECTORS["good"], ids=lambda vector: vector["data_key_id"])
def test_records_of_earlier_versions_open(vector: dict[str, Any]) -> None:
    opened = unseal(
        bytes.fromhex(vector["data_key"]),
        vector["data_key_id"],
        KeyContext(**vector["context"]),
        bytes.fromhex(vector["blob"]),
    )
    assert opened.hex() == vector["content"]


@pytest.mark.parametrize("vector", VECTORS["bad"], ids=lambda vector: vector["why"])
def test_bad_records_do_not_open_and_all_say_the_same(vector: dict[str, Any]) -> None:
    with pytest.raises(WontOpen) as caught:
        unseal(
            bytes.fromhex(vector["data_key"]),
            vector["data_key_id"],
            KeyContext(**vector["context"]),
            bytes.fromhex(vector["blob"]),
        )
    assert str(caught.value) == "A sealed record does not open here."
    assert caught.value.__cause__ is None


@given(content=st.binary(max_size=2000), flipped=st.integers(min_value=0), bit=st.integers(0, 7))
def test_one_flipped_bit_anywhere_closes_a_record(content: bytes, flipped: int, bit: int) -> None:
    data_key = os.urandom(32)
    blob = bytearray(seal(data_key, "d", KEY, content))
    assert unseal(data_key, "d", KEY, bytes(blob)) == content
    blob[flipped % len(blob)] ^= 1 << bit
    with pytest.raises(WontOpen):
        unseal(data_key, "d", KEY, bytes(blob))


@given(blob=st.binary(max_size=300))
def test_arbitrary_bytes_do_not_open(blob: bytes) -> None:
    for candidate in (blob, b"byk1\x01" + blob):
        with pytest.raises(WontOpen):
            unseal(b"k" * 32, "d", KEY, candidate)


maps = st.dictionaries(st.text(max_size=4), st.text(max_size=4), max_size=4)


@given(one=maps, other=maps)
def test_different_contexts_are_different_bytes(one: dict[str, str], other: dict[str, str]) -> None:
    assert (canonical(one) == canonical(other)) == (one == other)


async def test_a_secret_comes_back(vault: Vault) -> None:
    sealed = await vault.seal_secret(KEY, Secret("sk-test-1"))
    assert await vault.open_secret(KEY, sealed) == Secret("sk-test-1")
    assert b"sk-test-1" not in sealed.blob


@pytest.mark.parametrize("other", OTHERS)
async def test_a_record_moved_elsewhere_does_not_open(vault: Vault, other: KeyContext) -> None:
    sealed = await vault.seal(KEY, b"x")
    await vault.seal(other, b"so that the other workspace has a data key too")
    with pytest.raises(WontOpen):
        await vault.open(other, sealed)


async def test_a_data_key_row_moved_to_another_workspace_does_not_open(database: Database, vault: Vault) -> None:
    sealed = await vault.seal(KEY, b"x")
    async with database.begin() as unit:
        await unit.connection.execute(update(tables.data_keys).values(workspace="slack:T2"))
    fresh = Vault(database, LocalKeyWrapper(b"k" * 32))
    with pytest.raises(WontOpen):
        await fresh.open(dataclasses.replace(KEY, workspace="slack:T2"), sealed)


async def test_two_first_uses_at_once_make_one_data_key(any_database: Database) -> None:
    vault = Vault(any_database, LocalKeyWrapper(b"k" * 32))
    sealed = await asyncio.gather(*(vault.seal(KEY, b"x") for _ in range(20)))
    assert len({one.data_key for one in sealed}) == 1
    restarted = Vault(any_database, LocalKeyWrapper(b"k" * 32))
    assert (await restarted.seal(KEY, b"x")).data_key == sealed[0].data_key


async def test_a_shredded_workspace_opens_no_more(vault: Vault) -> None:
    sealed = await vault.seal(KEY, b"x")
    elsewhere = dataclasses.replace(KEY, workspace="slack:T2")
    kept = await vault.seal(elsewhere, b"y")
    await vault.shred(KEY.workspace)
    with pytest.raises(WontOpen):
        await vault.open(KEY, sealed)
    assert await vault.open(elsewhere, kept) == b"y"
    assert await vault.open(KEY, await vault.seal(KEY, b"anew")) == b"anew"


async def test_a_made_up_data_key_id_opens_nothing(vault: Vault) -> None:
    with pytest.raises(WontOpen):
        await vault.open(KEY, SealedSecret("no such", b"byk1"))


async def test_data_keys_are_remembered_for_minutes_only(database: Database) -> None:
    wrapper, now = CountingWrapper(), [0.0]
    vault = Vault(database, wrapper, tick=lambda: now[0])
    sealed = await vault.seal(KEY, b"x")
    for _ in range(5):
        await vault.open(KEY, sealed)
    assert wrapper.unwrapped == 1
    now[0] += CACHE_SECONDS
    await vault.open(KEY, sealed)
    assert wrapper.unwrapped == 2


def test_few_data_keys_are_remembered() -> None:
    assert CACHE_SECONDS <= 300
    assert CACHE_ENTRIES <= 1000


async def test_fingerprints_tell_secrets_apart_within_a_workspace_only(vault: Vault) -> None:
    one = await vault.fingerprint("slack:T1", Secret("sk-test-1"))
    assert one == await vault.fingerprint("slack:T1", Secret("sk-test-1"))
    assert one != await vault.fingerprint("slack:T1", Secret("sk-test-2"))
    assert one != await vault.fingerprint("slack:T2", Secret("sk-test-1"))
    assert len(one) == 32


async def test_the_right_master_key_passes_the_check_on_every_start(any_database: Database) -> None:
    for _ in range(2):
        await Vault(any_database, LocalKeyWrapper(b"k" * 32)).check()


async def test_another_master_key_stops_the_start_and_says_what_to_do(any_database: Database) -> None:
    right = LocalKeyWrapper(b"k" * 32)
    await Vault(any_database, right).check()
    with pytest.raises(MasterKeyError, match=r"right key back.*LATCHKEY_MASTER_KEY") as caught:
        await Vault(any_database, LocalKeyWrapper(b"w" * 32)).check()
    assert right.id in caught.value.message


async def test_a_forged_check_row_stops_the_start(database: Database) -> None:
    vault = Vault(database, LocalKeyWrapper(b"k" * 32))
    await vault.check()
    async with database.begin() as unit:
        await unit.connection.execute(text("UPDATE key_checks SET blob = x'00'"))
    with pytest.raises(MasterKeyError):
        await vault.check()


async def test_what_another_process_shredded_opens_no_more_a_second_later_and_a_new_beginning_seals_anew(
    any_database: Database,
) -> None:
    now = [0.0]
    here = Vault(any_database, LocalKeyWrapper(b"k" * 32), tick=lambda: now[0])
    there = Vault(any_database, LocalKeyWrapper(b"k" * 32))
    sealed = await here.seal(KEY, b"x")
    assert await here.open(KEY, sealed) == b"x"
    await there.shred(KEY.workspace)
    now[0] += 1.0
    with pytest.raises(WontOpen):
        await here.open(KEY, sealed)
    assert await there.open(KEY, await here.seal(KEY, b"anew")) == b"anew"
    await there.shred(KEY.workspace)
    now[0] += 1.0
    assert await there.open(KEY, await here.seal(KEY, b"again")) == b"again", "not under what was destroyed"

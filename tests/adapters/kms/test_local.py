"""The local master key: kept well, never made twice, never guessable."""

from __future__ import annotations

import base64
import os
import stat
from pathlib import Path

import pytest

from adapters.kms import local
from app.domain.secrets import Secret
from app.errors import MasterKeyError
from tests.conformance.key_wrapper import KeyWrapperSuite


class TestLocalKeyWrapper(KeyWrapperSuite):
    @pytest.fixture
    def wrapper(self) -> local.LocalKeyWrapper:
        return local.LocalKeyWrapper(b"k" * 32)

    @pytest.fixture
    def stranger(self) -> local.LocalKeyWrapper:
        return local.LocalKeyWrapper(b"s" * 32)


def encoded(key: bytes) -> str:
    return base64.b64encode(key).decode()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "master.key"


def test_the_first_start_makes_a_key_that_only_its_owner_reads(file: Path) -> None:
    first = local.load(None, None, file, may_make=True)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert local.load(None, None, file, may_make=False).id == first.id
    assert [path.name for path in file.parent.iterdir()] == ["master.key"]


def test_a_key_that_is_there_is_never_replaced(file: Path) -> None:
    assert local.make(file) == local.make(file)


def test_a_missing_key_beside_a_database_is_not_made_anew(file: Path) -> None:
    with pytest.raises(MasterKeyError, match=r"backup.*LATCHKEY_MASTER_KEY"):
        local.load(None, None, file, may_make=False)
    assert not file.exists()


def test_a_named_file_must_exist(file: Path) -> None:
    with pytest.raises(MasterKeyError, match="no master key at"):
        local.load(None, file, file.with_name("other"), may_make=True)


def test_a_key_open_to_everybody_is_refused(file: Path) -> None:
    local.make(file)
    file.chmod(0o644)
    with pytest.raises(MasterKeyError, match="chmod 600"):
        local.read(file)


def test_the_environment_gives_the_key_too(file: Path) -> None:
    key = os.urandom(32)
    file.write_text(encoded(key) + "\n")
    file.chmod(0o600)
    given = local.load(Secret(encoded(key)), None, file.with_name("x"), may_make=False)
    assert given.id == local.load(None, file, file.with_name("x"), may_make=False).id


def test_two_sources_are_one_too_many(file: Path) -> None:
    with pytest.raises(MasterKeyError, match="not both"):
        local.load(Secret(encoded(os.urandom(32))), file, file, may_make=True)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (encoded(bytes(32)), "example"),
        (encoded(bytes(range(32))), "example"),
        (encoded(b"short"), "5 bytes instead of 32"),
        (encoded(b"x" * 33), "33 bytes"),
        ("not base64 ✨", "not base64"),
        ("", "0 bytes"),
    ],
)
def test_a_weak_key_is_refused_without_being_shown(text: str, complaint: str) -> None:
    with pytest.raises(MasterKeyError, match=complaint) as caught:
        local.decode(text, "LATCHKEY_MASTER_KEY")
    assert not text or text not in str(caught.value)
    assert "LATCHKEY_MASTER_KEY" in str(caught.value)


def test_a_folder_that_cannot_be_written_to_is_told(tmp_path: Path) -> None:
    with pytest.raises(MasterKeyError, match="could not be made"):
        local.make(tmp_path / "missing" / "master.key")

"""A search that never finds anything would prove nothing."""

from __future__ import annotations

import base64
import gzip
from pathlib import Path

import pytest

from tests.acceptance.needles import found_in

SECRET = "canary-äöü/4471"  # with what encodings treat differently


@pytest.mark.parametrize("written", [
    SECRET.encode(), SECRET.encode("utf-16-le"), SECRET.encode("utf-16-be"), SECRET.encode().hex().encode(), SECRET.encode()[::-1],
    b"caNary", base64.b64encode(b"a" + SECRET.encode()), base64.b64encode(b"ab" + SECRET.encode() + b"tail"),
    base64.urlsafe_b64encode(b"abc" + SECRET.encode() + b"more"), gzip.compress(b"before " + SECRET.encode() + b" after"),
])  # fmt: skip
def test_what_is_hidden_is_found(tmp_path: Path, written: bytes) -> None:
    file = tmp_path / "rows.db"
    file.write_bytes(b"\x00" * 57 + written + b"\xff" * 91)
    assert bool(found_in(iter([file]), {"it": SECRET})) is (written != b"caNary")

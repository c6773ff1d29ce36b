"""Keys in places where they do not belong are recognised, by prefix or because they are this workspace's own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.key_shapes import KEY_LIKE, candidates
from app.services.key_leaks import REMOVED
from tests.app.bench import ADMIN, WORKSPACE, Bench

PLAIN = "7f3Kq9ZpX2mVt8RwL5sB"  # no vendor's prefix
BODY = "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"


@pytest.mark.parametrize(
    "key",
    [
        "sk-" + BODY, "sk-" + "ant-api" + BODY, "sk-proj-" + BODY, "sk-or-v1-" + BODY, "sk-test-good-0001-abcd",
        "gsk_" + BODY, "xai-" + BODY, "AIza" + BODY, "hf_" + BODY, "pplx-" + BODY, "nvapi-" + BODY, "csk-" + BODY,
        "fw_" + BODY, "r8_" + BODY, "AKIA" + "ABCDEFGH12345678", "ghp_" + BODY, "xox" + "b-1234567890-abc", "xapp-1-A1-" + BODY,
    ],
)  # fmt: skip
@pytest.mark.parametrize("around", ["{}", "my key is {}, thanks", "KEY={}", "`{}`", "(\n{}\n)"])
async def test_keys_with_a_vendors_prefix_are_recognised_anywhere(bench: Bench, key: str, around: str) -> None:
    text = around.format(key)
    assert await bench.keys.leaked_in(WORKSPACE, text)
    redacted = await bench.keys.redact(WORKSPACE, text)
    assert REMOVED in redacted
    assert key[8:] not in redacted


@pytest.mark.parametrize(
    "text",
    [
        "", "What does sk-learn do?", "risk-taking-is-part-of-the-business-in-2026", "the task-force-of-2026-and-more",
        "How does /byok setkey anthropic work?", "https://example.com/a/long/path-with-1234567890/and?more=of-it",
        "commit 5b2996d0f1a2b3c4d5e6f7a8b9c0d1e2f3a4b5c6", "sk-this-is-only-a-long-hyphenated-word",
    ],
)  # fmt: skip
async def test_ordinary_text_is_left_alone(bench: Bench, text: str) -> None:
    await bench.set_key()
    assert not await bench.keys.leaked_in(WORKSPACE, text)
    assert await bench.keys.redact(WORKSPACE, text) == text


@pytest.mark.parametrize("around", ["{}", "use {}.", 'KEY="{}"', "key:{}", "KEY={};", "Bearer {}\n"])
async def test_the_workspaces_own_live_keys_are_recognised_without_any_prefix(bench: Bench, around: str) -> None:
    text = around.format(PLAIN)
    assert not await bench.keys.leaked_in(WORKSPACE, text)
    kept = await bench.set_key(PLAIN, provider="compatible", base_url="https://models.example")
    assert await bench.keys.leaked_in(WORKSPACE, text)
    assert PLAIN not in await bench.keys.redact(WORKSPACE, text)
    assert not await bench.keys.leaked_in("slack:T2", text)
    await bench.keys.setting.revoke(WORKSPACE, kept.key.id, ADMIN)
    assert not await bench.keys.leaked_in(WORKSPACE, text)


async def test_what_stands_after_setkey_is_taken_for_a_key(bench: Bench) -> None:
    text = f"/byok setkey mistral {PLAIN}"
    assert await bench.keys.leaked_in(WORKSPACE, text)
    assert await bench.keys.redact(WORKSPACE, text) == f"/byok setkey mistral {REMOVED}"


async def test_a_long_text_is_searched_in_a_moment(bench: Bench) -> None:
    await bench.set_key(PLAIN, provider="compatible", base_url="https://models.example")
    text = " ".join(f"word-number-{number:06d}" for number in range(20_000))
    assert await bench.keys.redact(WORKSPACE, text) == text
    assert await bench.keys.redact(WORKSPACE, f"{text} {PLAIN}") == f"{text} {REMOVED}"


@given(st.text(max_size=200))
def test_any_text_can_be_searched(text: str) -> None:
    KEY_LIKE.search(text)
    assert all(len(candidate) >= 12 for candidate in candidates(text))

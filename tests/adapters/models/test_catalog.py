import pytest

from adapters.models import catalog
from app.domain.run import ModelInfo
from tests.fakes.model_wire import OPENAI_MODELS


def _ids(models: tuple[ModelInfo, ...]) -> list[str]:
    return [model.id for model in models]


def _infos(*ids: str, **more: str) -> list[ModelInfo]:
    return [ModelInfo(id=name, lifecycle=more.get(name.replace("-", "_"), "active")) for name in ids]


@pytest.mark.parametrize(
    "model",
    [
        "text-embedding-3-large", "mistral-embed", "nomic-embed-text:latest", "baai/bge-m3", "cohere/rerank-v4", "whisper-large-v3",
        "gpt-4o-transcribe", "gpt-4o-mini-tts", "tts-1-hd", "playai-tts", "gpt-4o-audio-preview", "gpt-realtime-2", "gpt-image-2",
        "dall-e-3", "chatgpt-image-latest", "google/gemini-3-flash-image", "imagen-4", "black-forest-labs/flux-2", "sora-2", "veo-3",
        "stable-diffusion-3.5", "omni-moderation-latest", "mistral-moderation-2411", "meta-llama/llama-guard-4-12b", "mistral-ocr-latest",
        "babbage-002", "davinci-002", "text-embedding-ada-002", "gpt-3.5-turbo-instruct", "computer-use-preview", "o4-mini-deep-research",
        "gpt-5.4-search-api", "voxtral-mini-transcribe", "distil-whisper-large-v3-en",
    ],
)  # fmt: skip
def test_what_does_not_answer_text_with_text_is_left_out(model: str) -> None:
    assert not catalog.can_chat(model)


@pytest.mark.parametrize(
    "model",
    [
        "gpt-6.2-sol", "gpt-4o", "o4-mini", "claude-sonnet-5-5", "llama-3.3-70b-versatile", "meta-llama/llama-4-maverick-17b-128e-instruct",
        "mistral-large-latest", "mixtral-8x22b-instruct", "qwen3:8b", "gemma3:27b", "deepseek-r1", "deepseek-chat", "codestral-latest",
        "gpt-5.3-codex", "pixtral-large-latest", "kimi-k2", "phi-4", "command-r-plus", "openai/gpt-oss-120b", "granite-4", "grok-5",
        "magistral-medium", "gemini-3-pro", "compound-beta", "llama-3.2-90b-vision-preview", "devstral-small", "smollm2:1.7b",
    ],
)  # fmt: skip
def test_what_chats_stays(model: str) -> None:
    assert catalog.can_chat(model)


def test_openai_is_ranked_by_version_then_variant_and_snapshots_come_after_their_alias() -> None:
    ranked = _ids(catalog.ranked_gpt(_infos(*OPENAI_MODELS)))
    assert ranked[:10] == [
        "gpt-6.2-sol",
        "gpt-6.1-terra",
        "gpt-6-luna",
        "gpt-5.5",
        "gpt-5.4",
        "gpt-5.4-mini",
        "gpt-5.4-nano",
        "gpt-5.4-2026-03-05",
        "gpt-5.3-codex",
        "gpt-4o",
    ]
    assert catalog.ranked_gpt(_infos("gpt-6-sol", "gpt-6-luna", "gpt-6-terra"))[0].id == "gpt-6-terra"


@pytest.mark.parametrize("ids", [["gpt-9000-omega"], ["gpt-5.3-codex"], ["gpt-6-sol-2026-01-01"], ["unheard-of"], []])
def test_nothing_is_chosen_for_somebody_from_families_that_are_not_known(ids: list[str]) -> None:
    assert catalog.best_gpt(catalog.ranked_gpt(_infos(*ids))) is None


def test_anthropics_newest_of_each_line_come_first_the_balanced_line_before_all() -> None:
    models = _infos(
        "claude-haiku-4-5", "claude-opus-5", "claude-opus-5-5", "claude-sonnet-5-5", "claude-sonnet-4-6", "claude-3-7-sonnet-20250219",
        "claude-mystery-9", "claude-opus-6", "claude-sonnet-3", claude_opus_6="deprecated", claude_sonnet_3="retired",
    )  # fmt: skip
    assert _ids(catalog.ranked_claude(models)) == [
        "claude-sonnet-5-5",
        "claude-opus-5-5",
        "claude-haiku-4-5",
        "claude-sonnet-4-6",
        "claude-3-7-sonnet-20250219",
        "claude-opus-5",
        "claude-mystery-9",
        "claude-opus-6",
    ]


def test_the_line_that_the_provider_names_counts_more_than_the_id() -> None:
    models = _infos("claude-opus-5", "claude-x-5")
    assert _ids(catalog.ranked_claude(models, {"claude-x-5": "sonnet"}))[0] == "claude-x-5"


def test_deprecated_and_unknown_models_are_not_begun_with() -> None:
    models = catalog.ranked_claude(_infos("claude-sonnet-5", "claude-mystery-9", claude_sonnet_5="deprecated"))
    assert catalog.best_claude(models) is None


def test_a_gateways_known_families_are_ranked_and_the_rest_stands_by_name() -> None:
    ids = (
        "z-ai/glm-6",
        "openai/gpt-5.4",
        "anthropic/claude-sonnet-5.5",
        "openai/gpt-6-sol",
        "anthropic/claude-opus-5.5:free",
    )
    models = catalog.ranked_others(_infos(*ids))
    assert _ids(models) == [
        "anthropic/claude-sonnet-5.5",
        "openai/gpt-6-sol",
        "openai/gpt-5.4",
        "anthropic/claude-opus-5.5:free",
        "z-ai/glm-6",
    ]
    best = catalog.best_other(models)
    assert best is not None
    assert best.id == "anthropic/claude-sonnet-5.5"


def test_the_only_model_of_a_server_is_begun_with_and_one_of_many_unknown_is_not() -> None:
    only = catalog.ranked_others(_infos("qwen3:8b", "nomic-embed-text"))
    assert catalog.best_other(only) == only[0]
    assert catalog.best_other(catalog.ranked_others(_infos("qwen3:8b", "gemma3"))) is None
    assert catalog.best_other(()) is None


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("o4-mini", True),
        ("gpt-5", True),
        ("gpt-6.2-sol", True),
        ("gpt-5.1-chat-latest", False),
        ("gpt-4.1", False),
        ("x", False),
    ],
)
def test_which_openai_models_reason(model: str, expected: bool) -> None:
    assert catalog.reasons(model) is expected


@pytest.mark.parametrize(
    ("model", "has"),
    [
        ("gpt-6.2-sol", True), ("gpt-5.4-mini", True), ("gpt-5.4-nano", True), ("gpt-4o", True), ("gpt-4o-mini", True), ("gpt-4.1", True),
        ("o3", True), ("o4-mini", True), ("gpt-4.1-nano", False), ("gpt-5.3-codex", False), ("gpt-4", False), ("gpt-4-turbo", False),
        ("o3-mini", False), ("o1", False), ("gpt-3.5-turbo", False), ("unheard-of", None),
    ],
)  # fmt: skip
def test_which_of_openais_families_have_its_search_is_known(model: str, has: bool | None) -> None:
    assert catalog.searches(model) is has


@pytest.mark.parametrize(
    ("model", "reads"),
    [
        ("gpt-6.2-sol", True), ("gpt-5.4-nano", True), ("gpt-5.1-chat-latest", True), ("gpt-4.1", True), ("gpt-4o-mini", True), ("o1", True),
        ("o4-mini", True), ("o3-mini", False), ("o1-mini", False), ("gpt-4", False), ("gpt-3.5-turbo", False), ("unheard-of", None),
    ],
)  # fmt: skip
def test_which_of_openais_families_read_pdfs_is_known(model: str, reads: bool | None) -> None:
    assert catalog.reads_pdfs(model) is reads


@pytest.mark.parametrize(
    ("model", "tokens"),
    [
        ("gpt-6.2-sol", 272_000), ("gpt-5.2-chat-latest", 128_000), ("gpt-4.1-mini", 1_000_000), ("gpt-4o-2024-08-06", 128_000),
        ("gpt-4-turbo", 128_000), ("gpt-4", 8_000), ("gpt-3.5-turbo", 16_000), ("o3", 200_000), ("o1-mini", 128_000), ("llama-4", 0),
    ],
)  # fmt: skip
def test_how_much_a_family_takes_in_is_known_where_its_vendor_lists_ids_only(model: str, tokens: int) -> None:
    assert catalog.window(model) == tokens


def test_openais_models_that_end_come_last_and_are_not_begun_with() -> None:
    ranked = catalog.ranked_gpt(_infos("gpt-5.5", "gpt-6", gpt_6="deprecated"))
    assert _ids(ranked) == ["gpt-5.5", "gpt-6"]
    assert catalog.best_gpt(tuple(_infos("gpt-6", gpt_6="deprecated"))) is None


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("claude-sonnet-4-20250514", "claude-sonnet-5-5"),
        ("claude-3-5-haiku-20241022", "claude-haiku-5-5"),
        ("claude-sonnet-5-5", None),
        ("claude-mystery-1", None),
        ("something-else", None),
    ],
)
def test_the_successor_of_a_claude_is_the_newest_of_its_line(model: str, expected: str | None) -> None:
    listed = _infos("claude-sonnet-5", "claude-sonnet-5-5", "claude-haiku-5-5", "claude-opus-6", "claude-mystery-2")
    found = catalog.successor_claude(model, listed)
    assert (found.id if found else None) == expected


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("gpt-5-mini", "gpt-6-mini"),
        ("gpt-5-mini-2025-08-07", "gpt-6-mini"),
        ("gpt-5", "gpt-5.5"),
        ("gpt-5.5", None),
        ("gpt-5-nano", None),
        ("ft:gpt-4o:acme", None),
    ],
)
def test_the_successor_of_a_gpt_is_the_newest_of_its_variant(model: str, expected: str | None) -> None:
    listed = _infos("gpt-6-mini", "gpt-6-mini-2026-08-07", "gpt-5-mini", "gpt-5.5", "gpt-7", gpt_7="deprecated")
    found = catalog.successor_gpt(model, listed)
    assert (found.id if found else None) == expected


def test_a_gateways_successor_is_what_it_says_itself_or_of_a_known_family() -> None:
    listed = [
        ModelInfo("mistral-large-2411", lifecycle="deprecated", replacement="mistral-medium-3"),
        *_infos("mistral-medium-3", "anthropic/claude-sonnet-5", "openai/gpt-6-mini"),
    ]
    told = {
        model: catalog.successor_other(model, listed)
        for model in ("mistral-large-2411", "anthropic/claude-sonnet-4", "openai/gpt-5-mini", "qwen3:8b")
    }
    assert {model: one.id if one else None for model, one in told.items()} == {
        "mistral-large-2411": "mistral-medium-3",
        "anthropic/claude-sonnet-4": "anthropic/claude-sonnet-5",
        "openai/gpt-5-mini": "openai/gpt-6-mini",
        "qwen3:8b": None,
    }

"""Which of a provider's models can chat, and which to begin with; pure. Lists always come from the provider: here are only rules about names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from app.domain.run import ModelInfo

_NO_CHAT = re.compile(
    r"""(^|[^a-z])(
        text-?embed\w*|embed\w*|bge|e5|gte|rerank\w*|retrieval      # vectors
        |audio|realtime|tts|whisper|transcri\w*|speech|voice|music|lyria|orpheus|playai
        |image\w*|imagen|dall-?e|flux|stable-?diffusion|sdxl|sora|veo|video
        |moderation\w*|guard|shieldgemma|safeguard
        |ocr|search-api|search-preview|computer-use|deep-research|live
        |babbage|davinci|curie|ada
    )([^a-z]|$)""",
    re.IGNORECASE | re.VERBOSE,
)
_COMPLETION_ONLY = re.compile(r"gpt-3\.5-turbo-instruct")
_DATED = re.compile(r"-\d{4}-\d{2}-\d{2}$|-\d{8}$")
_CLAUDE = re.compile(r"claude-(?:(?P<line>[a-z]+)-)?(?P<version>\d{1,2}(?:[-.]\d{1,2})?)(?:-(?P<old_line>[a-z]+))?")
_GPT = re.compile(r"(?:gpt-(?P<version>\d{1,2}(?:\.\d{1,2})?)(?P<old>o)?|o(?P<o>\d{1,2}))(?P<rest>(?:-[a-z]+)*)")

_CLAUDE_LINES = ("sonnet", "opus", "haiku", "fable", "mythos")
"""The balanced line first: it is what a workspace begins with, on its own money."""

_GPT_VARIANTS = ("-terra", "", "-sol", "-chat", "-luna", "-mini", "-codex", "-nano", "-pro")
"""The balanced one first, the dearest last."""

_Rank = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class _Family:
    name: str
    rank: _Rank
    """Lower is better, among families of the same kind."""


def can_chat(model: str) -> bool:
    """Whether a model of this id answers text with text: no embeddings, speech, pictures, moderation and the like."""
    return not _NO_CHAT.search(model) and not _COMPLETION_ONLY.fullmatch(model)


def reasons(model: str) -> bool:
    """Whether an OpenAI model takes a reasoning effort and returns reasoning items: o-series, GPT-5 and later, chat variants aside."""
    match = _GPT.match(model)
    if match is None or "-chat" in model:
        return False
    return match["o"] is not None or float(match["version"]) >= 5


def window(model: str) -> int:
    """How many tokens an OpenAI model takes in, as far as its family tells; 0 for names that nobody knows. The listing does not say."""
    match = _GPT.match(model)
    if match is None:
        return 0
    if match["o"] is not None:
        return 128_000 if model.startswith(("o1-mini", "o1-preview")) else 200_000
    version = float(match["version"])
    if version >= 5:
        return 128_000 if "-chat" in model else 272_000
    if version > 4:
        return 1_000_000
    if version == 4:
        return 128_000 if match["old"] or "-turbo" in model else 8_000
    return 16_000 if version == 3.5 else 0


def reads_pdfs(model: str) -> bool | None:
    """Whether an OpenAI model takes PDFs as they are: what sees pictures does, from GPT-4o and o1 on; None for names that nobody knows."""
    match = _GPT.match(model)
    if match is None:
        return None
    if match["o"] is not None:
        return "-mini" not in match["rest"] or int(match["o"]) >= 4
    version = float(match["version"])
    return version > 4 or (version == 4 and match["old"] is not None)


def searches(model: str) -> bool | None:
    """Whether an OpenAI model has the vendor's search of the web, from GPT-4o and o3 on; None for names that nobody knows."""
    match = _GPT.match(model)
    if match is None:
        return None
    if "codex" in match["rest"]:
        return False
    if match["o"] is not None:
        return int(match["o"]) >= (4 if "-mini" in match["rest"] else 3)
    version = float(match["version"])
    if version < 5 and "-nano" in match["rest"]:
        return False
    return version > 4 or (version == 4 and match["old"] is not None)


def ranked_claude(models: Iterable[ModelInfo], lines: dict[str, str] | None = None) -> tuple[ModelInfo, ...]:
    """Anthropic's models, best first: the newest of each line, then the older ones, deprecated ones last, retired ones not at all.

    `lines` has what the provider calls each model's line, by id; where it doesn't say, the id is read.
    """
    usable = [model for model in models if model.lifecycle != "retired" and can_chat(model.id)]
    families = {model.id: _claude(model, (lines or {}).get(model.id, "")) for model in usable}
    newest = _newest_of_each(usable, families)

    def order(model: ModelInfo) -> _Rank:
        family = families[model.id]
        last = (float(model.lifecycle != "active"), float(family is None), float(model.id not in newest))
        return (*last, *(family.rank if family else (-float(model.created),)))

    return tuple(sorted(usable, key=order))


def ranked_gpt(models: Iterable[ModelInfo]) -> tuple[ModelInfo, ...]:
    """OpenAI's models, best first: by version, then by variant; dated snapshots after their alias; unknown families later, what ends last."""
    usable = [model for model in models if can_chat(model.id)]

    def order(model: ModelInfo) -> _Rank:
        family, ends = _gpt(model), float(model.lifecycle != "active")
        return (ends, 0.0, *family.rank) if family else (ends, 1.0, -float(model.created))

    return tuple(sorted(usable, key=order))


def ranked_others(models: Iterable[ModelInfo]) -> tuple[ModelInfo, ...]:
    """A compatible server's models that can chat: known families first, the rest by name."""
    usable = [model for model in models if can_chat(model.id)]
    known = [*ranked_claude(_of_owner(usable, "anthropic")), *ranked_gpt(_of_owner(usable, "openai"))]
    names = {model.id for model in known}
    return (*known, *sorted((model for model in usable if model.id not in names), key=lambda model: model.id))


def best_claude(models: Sequence[ModelInfo]) -> ModelInfo | None:
    """The first of a ranked listing whose family is known and which is here to stay."""
    return next((model for model in models if model.lifecycle == "active" and _claude(model, "")), None)


def best_gpt(models: Sequence[ModelInfo]) -> ModelInfo | None:
    """The first of a ranked listing whose family and variant are known and which is here to stay; no snapshot, and nothing that is made for code only."""
    lasting = (model for model in models if model.lifecycle == "active")
    fit = (model for model in lasting if _gpt(model) and not _DATED.search(model.id) and "codex" not in model.id)
    return next(fit, None)


def best_other(models: Sequence[ModelInfo]) -> ModelInfo | None:
    """The only model of a server that has one; at a gateway, its best of a known family; else None: somebody who knows the server must choose."""
    if len(models) == 1:
        return models[0]
    return best_claude(_of_owner(models, "anthropic")) or best_gpt(_of_owner(models, "openai"))


def successor_claude(model: str, models: Sequence[ModelInfo]) -> ModelInfo | None:
    """The newest of the same line, which is of the same class of price; None where that is not plain."""
    family = _claude(ModelInfo(model), "")
    return _newer(model, family, [(one, _claude(one, "")) for one in models])


def successor_gpt(model: str, models: Sequence[ModelInfo]) -> ModelInfo | None:
    """The newest of the same variant, which is of the same class of price; None where that is not plain."""
    undated = [one for one in models if not _DATED.search(one.id)]
    return _newer(model, _gpt(ModelInfo(_DATED.sub("", model))), [(one, _gpt(one)) for one in undated])


def successor_other(model: str, models: Sequence[ModelInfo]) -> ModelInfo | None:
    """What the server itself says to take instead; at a gateway, the newest of a known family."""
    told = next((one.replacement for one in models if one.id == model), "")
    named = next((one for one in models if one.id == told and one.lifecycle == "active"), None)
    owner = model.partition("/")[0]
    if named or owner not in ("anthropic", "openai") or "/" not in model:
        return named
    return (successor_claude if owner == "anthropic" else successor_gpt)(model, _of_owner(models, owner))


def _newer(model: str, family: _Family | None, others: Sequence[tuple[ModelInfo, _Family | None]]) -> ModelInfo | None:
    if family is None:
        return None
    fit = [
        (other.rank, one.id, one)
        for one, other in others
        if other and other.name == family.name and one.lifecycle == "active" and one.id != model
    ]
    rank, _, best = min(fit, default=(None, "", None))
    return best if rank is not None and rank < family.rank else None


def _claude(model: ModelInfo, line: str) -> _Family | None:
    match = _CLAUDE.match(_bare(model.id))
    line = line or (match and (match["line"] or match["old_line"])) or ""
    if match is None or line not in _CLAUDE_LINES:
        return None
    version = tuple(-float(part) for part in re.split(r"[-.]", match["version"]))
    return _Family(line, (float(_CLAUDE_LINES.index(line)), *(*version, 0.0)[:2], -float(model.created)))


def _gpt(model: ModelInfo) -> _Family | None:
    name = _bare(model.id)
    dated = _DATED.search(name) is not None
    match = _GPT.fullmatch(_DATED.sub("", name))
    rest = match["rest"].removesuffix("-latest") if match else ""
    if match is None or rest not in _GPT_VARIANTS:
        return None
    version = float(match["version"] or 0) or (3.9 + float(match["o"]) / 100 if match["o"] else 0.0)  # before GPT-4
    return _Family(rest, (-version, float(dated), float(_GPT_VARIANTS.index(rest)), float(match["old"] is None)))


def _newest_of_each(models: Sequence[ModelInfo], families: dict[str, _Family | None]) -> set[str]:
    newest: dict[str, tuple[_Rank, str]] = {}
    for model in models:
        family = families[model.id]
        if family is not None and model.lifecycle == "active":
            here = (family.rank, model.id)
            newest[family.name] = min(newest.get(family.name, here), here)
    return {model for _, model in newest.values()}


def _of_owner(models: Iterable[ModelInfo], owner: str) -> list[ModelInfo]:
    """Models that a gateway lists as `owner/name`; plain names are somebody's own server, whose families nobody knows."""
    return [model for model in models if model.id.startswith(f"{owner}/") and ":" not in model.id]


def _bare(model: str) -> str:
    return model.rpartition("/")[2].lower()

"""Reading model lists in OpenAI's form, and the fields that other servers add to it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from app.domain.agent import Effort
from app.domain.run import ModelInfo
from app.errors import BadAnswer

if TYPE_CHECKING:
    from openai import AsyncOpenAI

Row = Mapping[str, Any]

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}(?!\d)")


async def rows_of(client: AsyncOpenAI, headers: dict[str, Any]) -> list[Row]:
    """The listing's rows. Raises what the SDK raises, and BadAnswer for what is no listing, such as a proxy's page with status 200."""
    page = await client.models.list(extra_headers=headers)
    data = getattr(page, "data", None)
    if not isinstance(data, list):
        raise BadAnswer
    return [row.to_dict() for row in data if isinstance(getattr(row, "id", None), str)]


def model_info(row: Row) -> ModelInfo:
    """What a row says, in the words of OpenAI, OpenRouter, Groq, Mistral, Together and vLLM."""
    name = row.get("name") or row.get("display_name")
    limits = row.get("top_provider") if isinstance(row.get("top_provider"), Mapping) else {}
    retires_on = _day(row, "shutdown_date", "expiration_date", "deprecation")  # of OpenAI, OpenRouter, Mistral
    replacement = row.get("deprecation_replacement_model")
    return ModelInfo(
        id=row["id"],
        name=name if isinstance(name, str) else row["id"],
        context_window=_number(row, "context_length", "context_window", "max_context_length", "max_model_len"),
        max_output=_number(limits or {}, "max_completion_tokens") or _number(row, "max_completion_tokens"),
        lifecycle="deprecated" if retires_on else "active",
        retires_on=retires_on,
        replacement=replacement if isinstance(replacement, str) else "",
        tools=_tools(row),
        images=_images(row),
        efforts=_efforts(row),
        created=_number(row, "created"),
    )


def _number(row: Row, *names: str) -> int:
    values = (row.get(name) for name in names)
    return next((int(value) for value in values if isinstance(value, int | float) and value > 0), 0)


def _day(row: Row, *names: str) -> str:
    """The first of these that begins with a date, as YYYY-MM-DD."""
    for name in names:
        value = row.get(name)
        if isinstance(value, str) and _DATE.match(value):
            return value[:10]
    return ""


def _tools(row: Row) -> bool | None:
    parameters = row.get("supported_parameters")
    if isinstance(parameters, list):
        return "tools" in parameters
    capabilities = row.get("capabilities")
    told = capabilities.get("function_calling") if isinstance(capabilities, Mapping) else None
    return told if isinstance(told, bool) else None


def _efforts(row: Row) -> tuple[str, ...] | None:
    parameters = row.get("supported_parameters")
    if not isinstance(parameters, list):
        return None
    return tuple(Effort) if {"reasoning", "reasoning_effort"} & {str(name) for name in parameters} else ()


def _images(row: Row) -> bool | None:
    architecture = row.get("architecture")
    modalities = architecture.get("input_modalities") if isinstance(architecture, Mapping) else None
    if isinstance(modalities, list):
        return "image" in modalities
    capabilities = row.get("capabilities")
    told = capabilities.get("vision") if isinstance(capabilities, Mapping) else None
    return told if isinstance(told, bool) else None

"""The wire formats of the fake model server: what each vendor's protocol looks like, as pure functions."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from typing import Any

Body = dict[str, Any]

ANTHROPIC = "anthropic"
RESPONSES = "responses"
CHAT = "chat"

EPOCH = 1_790_000_000


def _claude(model: str, name: str, line: str, day: str, **more: Any) -> Body:
    levels = {level: {"supported": True} for level in ("low", "medium", "high", "max")}
    features = {feature: {"supported": True} for feature in ("batch", "citations", "image_input", "pdf_input")}
    thinking = {"supported": True, "types": {"adaptive": {"supported": True}, "enabled": {"supported": True}}}
    served = {"supported": True, "web_search": {"supported": True}, "code_execution": {"supported": True}}
    capabilities = {**features, "thinking": thinking, "effort": {"supported": True, **levels}, "server_tools": served}
    known = {"max_input_tokens": 1_000_000, "max_tokens": 64_000, "lifecycle": "active", "capabilities": capabilities}
    return {
        "type": "model",
        "id": model,
        "display_name": name,
        "line": line,
        "created_at": f"{day}T00:00:00Z",
        **known,
        **more,
    }


ANTHROPIC_MODELS: list[Body] = [
    _claude("claude-haiku-5-5", "Claude Haiku 5.5", "haiku", "2026-09-01", max_input_tokens=200_000),
    _claude("claude-opus-5-5", "Claude Opus 5.5", "opus", "2026-09-20"),
    _claude("claude-sonnet-5-5", "Claude Sonnet 5.5", "sonnet", "2026-09-10"),
    _claude("claude-sonnet-5", "Claude Sonnet 5", "sonnet", "2026-03-10"),
    _claude("claude-opus-4-8", "Claude Opus 4.8", "opus", "2025-12-01", lifecycle="deprecated"),
    _claude("claude-sonnet-4", "Claude Sonnet 4", "sonnet", "2025-05-14", lifecycle="retired"),
    _claude("claude-mystery-1", "Claude Mystery 1", "mystery", "2026-10-01", capabilities=None, max_input_tokens=None),
]

OPENAI_MODELS: list[str] = [
    "gpt-6.1-terra", "gpt-6.2-sol", "gpt-6-luna", "gpt-5.5", "gpt-5.4", "gpt-5.4-mini", "gpt-5.4-nano", "gpt-4o", "o4-mini",
    "gpt-4o-audio-preview", "gpt-realtime-2", "gpt-image-2", "gpt-4o-transcribe", "gpt-4o-mini-tts", "tts-1-hd", "whisper-1",
    "dall-e-3", "sora-2", "text-embedding-3-large", "omni-moderation-latest", "babbage-002", "gpt-3.5-turbo-instruct",
    "computer-use-preview", "gpt-5.4-search-api", "gpt-5.3-codex", "gpt-5.4-2026-03-05", "chatgpt-4o-latest",
]  # fmt: skip


def anthropic_listing(models: list[Body], limit: int, after: str) -> Body:
    """One page of Anthropic's listing, as `GET /v1/models?limit&after_id` gives it."""
    ids = [model["id"] for model in models]
    start = ids.index(after) + 1 if after in ids else 0
    page = models[start : start + limit]
    last = page[-1]["id"] if page else None
    return {
        "data": page,
        "has_more": start + limit < len(models),
        "first_id": page[0]["id"] if page else None,
        "last_id": last,
    }


def openai_listing(models: Iterable[str], about: Mapping[str, Body] | None = None) -> Body:
    """OpenAI's listing: ids, and hardly anything else; `about` adds to a model's row."""
    rows = [
        {"id": model, "object": "model", "created": EPOCH + at, "owned_by": "system", **(about or {}).get(model, {})}
        for at, model in enumerate(models)
    ]
    return {"object": "list", "data": rows}


def _texts(content: Any) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "\n".join(part["text"] for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str))


def newest_user_text(body: Body) -> str:
    """What the person said last, in any of the three protocols; empty if nothing was said."""
    items: Any = body.get("messages", body.get("input", []))
    if isinstance(items, str):
        return items
    said = (
        _texts(item.get("content")) for item in reversed(items) if isinstance(item, dict) and item.get("role") == "user"
    )
    return next((text for text in said if text), "")


def pictures(body: Body) -> list[tuple[str, bytes]]:
    """Every picture and PDF that people sent, as media type and bytes, where it stands as the protocol wants it."""
    items: Any = body.get("messages", body.get("input", []))
    said = (item["content"] for item in items if item.get("role") == "user" and isinstance(item.get("content"), list))
    return [found for content in said for part in content if (found := _picture(part))]


def _picture(part: Any) -> tuple[str, bytes] | None:
    match part:
        case {"type": "image" | "document", "source": {"type": "base64", "media_type": kind, "data": data}}:
            return kind, base64.b64decode(data, validate=True)
        case (
            {"type": "input_image", "image_url": str(url)}
            | {"type": "image_url", "image_url": {"url": str(url)}}
            | {"type": "input_file", "filename": str(), "file_data": str(url)}
        ):
            head, _, data = url.partition(";base64,")
            return head.removeprefix("data:"), base64.b64decode(data, validate=True)
    return None


def answers_a_tool(body: Body) -> bool:
    """Whether the request brings back a tool's result, rather than something that a person said."""
    items = body.get("messages", body.get("input", []))
    last = items[-1] if isinstance(items, list) and items and isinstance(items[-1], dict) else {}
    if last.get("role") == "tool" or last.get("type") == "function_call_output":
        return True
    content = last.get("content")
    return isinstance(content, list) and any(
        isinstance(part, dict) and part.get("type") == "tool_result" for part in content
    )


def sse(data: Any, event: str = "") -> bytes:
    """One server-sent event."""
    head = f"event: {event}\n" if event else ""
    return f"{head}data: {data if isinstance(data, str) else json.dumps(data)}\n\n".encode()


def error_body(protocol: str, kind: str, message: str, code: str | None) -> Body:
    """An error in the vendor's own envelope. `kind` is Anthropic's or OpenAI's `type`, `code` is OpenAI's."""
    if protocol == ANTHROPIC:
        return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_fake"}
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def stream_error(protocol: str, kind: str, message: str) -> bytes:
    """An error inside a stream that began with status 200."""
    if protocol == ANTHROPIC:
        return sse(error_body(protocol, kind, message, None), "error")
    if protocol == RESPONSES:
        failure = {"code": kind, "message": message}
        failed = {
            "type": "response.failed",
            "sequence_number": 9,
            "response": {"id": "resp_fake", "status": "failed", "error": failure},
        }
        return sse(failed, "response.failed")
    return sse(error_body(protocol, kind, message, kind))

"""What a model wrote when it asked for a tool."""

from __future__ import annotations

import json

from app.domain.run import ToolCall


def tool_call(call_id: str, name: str, text: str, given: object = None) -> ToolCall:
    """A call with the arguments that a model wrote as JSON; what is no JSON object is malformed, to be told to the model."""
    try:
        arguments = json.loads(text) if text.strip() else given or {}
    except ValueError:
        return ToolCall(call_id, name, {}, malformed=True)
    if not isinstance(arguments, dict):
        return ToolCall(call_id, name, {}, malformed=True)
    return ToolCall(call_id, name, arguments)

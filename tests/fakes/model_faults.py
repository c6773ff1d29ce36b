"""What the fake model server can be told to do wrong, and how each vendor words it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tests.fakes.model_wire import ANTHROPIC


class Fault(StrEnum):
    """One way to fail. The first group answers with an error status, the second begins well, the third is not HTTP's fault at all."""

    UNAUTHORIZED = "unauthorized"
    NO_CREDIT = "no_credit"  # 402
    QUOTA = "quota"  # OpenAI's 429 with insufficient_quota; Anthropic's 400 about the credit balance
    FORBIDDEN = "forbidden"
    MODEL_GONE = "model_gone"
    TOO_LARGE = "too_large"  # 413
    CONTEXT = "context"  # 400: the prompt is too long
    BAD_REQUEST = "bad_request"
    RATE_LIMITED = "rate_limited"  # with Retry-After: 7
    RATE_LIMITED_BARE = "rate_limited_bare"  # without
    SERVER_ERROR = "server_error"
    OVERLOADED = "overloaded"  # Anthropic's 529, the others' 503

    STREAM_ERROR = "stream_error"  # an error event in a stream with status 200
    STREAM_OVERLOADED = "stream_overloaded"
    STREAM_RATE_LIMITED = "stream_rate_limited"
    CUT = "cut"  # the connection is reset in the middle
    EOF = "eof"  # the body ends properly, but without the end event
    SILENCE = "silence"  # begins, then says nothing for ModelServer.silent_for seconds
    GARBAGE = "garbage"  # an event that is no JSON

    DEAF = "deaf"  # takes the request and never answers
    HTML = "html"  # a proxy's page with status 200
    BAD_GATEWAY = "bad_gateway"  # a proxy's page with status 502
    REDIRECT = "redirect"  # 307 to ModelServer.redirect_to


IN_STREAM = frozenset(
    {
        Fault.STREAM_ERROR, Fault.STREAM_OVERLOADED, Fault.STREAM_RATE_LIMITED,
        Fault.CUT, Fault.EOF, Fault.SILENCE, Fault.GARBAGE,
    }
)  # fmt: skip
"""Faults that come after `Answer.fault_after` chunks of text."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer with an error status."""

    status: int
    kind: str
    code: str | None
    message: str
    retry_after: str = ""


def refusal(fault: Fault, protocol: str, key: str) -> Refusal | None:
    """How this vendor words this fault; it quotes the key, as some do, so that whoever repeats it is caught. None for the other faults."""
    claude = protocol == ANTHROPIC
    said = f"You said {key!r}."
    table = {
        Fault.UNAUTHORIZED: Refusal(
            401,
            "authentication_error" if claude else "invalid_request_error",
            "invalid_api_key",
            f"Incorrect API key provided: {key}.",
        ),
        Fault.NO_CREDIT: Refusal(
            402, "billing_error" if claude else "insufficient_credits", None, f"Payment required. {said}"
        ),
        Fault.QUOTA: Refusal(
            400, "invalid_request_error", None, f"Your credit balance is too low to access the API. {said}"
        )
        if claude
        else Refusal(429, "insufficient_quota", "insufficient_quota", f"You exceeded your current quota. {said}"),
        Fault.FORBIDDEN: Refusal(403, "permission_error", "forbidden", f"Your key may not use this. {said}"),
        Fault.MODEL_GONE: Refusal(
            404,
            "not_found_error" if claude else "invalid_request_error",
            "model_not_found",
            f"The model does not exist. {said}",
        ),
        Fault.TOO_LARGE: Refusal(
            413, "request_too_large" if claude else "invalid_request_error", None, f"Request too large. {said}"
        ),
        Fault.CONTEXT: Refusal(
            400, "invalid_request_error", None, "prompt is too long: 1000001 tokens > 1000000 maximum"
        )
        if claude
        else Refusal(
            400,
            "invalid_request_error",
            "context_length_exceeded",
            "Your input exceeds the context window of this model.",
        ),
        Fault.BAD_REQUEST: Refusal(400, "invalid_request_error", None, f"tools.0: Input should be a mapping. {said}"),
        Fault.RATE_LIMITED: Refusal(
            429, "rate_limit_error" if claude else "requests", "rate_limit_exceeded", f"Slow down. {said}", "7"
        ),
        Fault.RATE_LIMITED_BARE: Refusal(
            429, "rate_limit_error" if claude else "requests", "rate_limit_exceeded", f"Slow down. {said}"
        ),
        Fault.SERVER_ERROR: Refusal(500, "api_error" if claude else "server_error", None, f"Internal error. {said}"),
        Fault.OVERLOADED: Refusal(529, "overloaded_error", None, f"Overloaded. {said}")
        if claude
        else Refusal(503, "service_unavailable_error", "server_is_overloaded", f"Overloaded. {said}"),
    }
    return table.get(fault)


STREAM_KINDS = {
    Fault.STREAM_ERROR: ("api_error", "server_error"),
    Fault.STREAM_OVERLOADED: ("overloaded_error", "server_is_overloaded"),
    Fault.STREAM_RATE_LIMITED: ("rate_limit_error", "rate_limit_exceeded"),
}
"""The kinds of error inside a stream: Anthropic's word, then OpenAI's."""

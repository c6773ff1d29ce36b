"""The last look at a line before it leaves: live secrets in any dress, and whatever has the shape of one, become `[redacted]`."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections import OrderedDict
from collections.abc import Iterator
from urllib.parse import quote

from app.domain.secrets import Secret

MASK = "[redacted]"
_MOST = 200
_LEAST = 8  # shorter texts occur by chance

_SHAPES = re.compile(
    r"""
      \b(?:sk|pk|rk)[-_][A-Za-z0-9_-]{8,}             # Anthropic, OpenAI, OpenRouter and their kin
    | \bx(?:ox[a-z]|app)-[A-Za-z0-9-]{6,}             # Slack
    | \b(?:gsk|xai|hf|ghp|gho|github_pat|glpat|r8|pplx|nvapi|fw|csk|tgp)[-_][A-Za-z0-9_-]{12,}
    | \b(?:AKIA|ASIA)[A-Z0-9]{16}\b                   # AWS
    | \bAIza[A-Za-z0-9_-]{30,}                        # Google
    | \beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?   # a JSON web token
    | (?i:\b(?:bearer|basic)\s+)[A-Za-z0-9._~+/=-]{8,}
    | (?<=://)[^\s/@:]+:[^\s/@]+(?=@)                 # user and password in a URL
    """,
    re.VERBOSE,
)


class Scrubber:
    """Knows the live secrets (the two hundred used last) and masks them in text."""

    def __init__(self) -> None:
        self._forms: OrderedDict[bytes, tuple[str, ...]] = OrderedDict()

    def remember(self, secret: Secret) -> None:
        """From now on this secret is masked wherever it turns up."""
        value = secret.reveal()
        if len(value) < _LEAST:
            return
        name = hashlib.sha256(value.encode()).digest()
        if name not in self._forms:
            self._forms[name] = tuple(sorted(set(_dresses(value)), key=len, reverse=True))
        self._forms.move_to_end(name)
        if len(self._forms) > _MOST:
            self._forms.popitem(last=False)

    def __call__(self, text: str) -> str:
        """The text without secrets."""
        for forms in self._forms.values():
            for form in forms:
                if form in text:
                    text = text.replace(form, MASK)
        return _SHAPES.sub(MASK, text)


def _dresses(value: str) -> Iterator[str]:
    raw = value.encode()
    yield value
    yield json.dumps(value)[1:-1]
    yield repr(value)[1:-1]
    yield quote(value, safe="")
    yield raw.hex()
    yield value[::-1]
    for shift in range(3):  # base64 looks different at each of three offsets; the edges depend on the neighbours
        encoded = base64.b64encode(b"\0" * shift + raw).decode().rstrip("=")
        inner = encoded[(shift * 8 + 5) // 6 : len(encoded) - 1]
        if len(inner) >= _LEAST:
            yield inner
            yield inner.replace("+", "-").replace("/", "_")
    if len(value) >= 32:  # a half that somebody cut off for display
        yield value[:16]
        yield value[-12:]


scrub = Scrubber()
"""The process's own: every log line passes through it."""

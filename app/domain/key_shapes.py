"""What keys and tokens look like, for catching those that were typed where they do not belong.

Recognised are the prefixes that vendors give their keys so that they can be found. Not recognisable by shape are keys without one: Mistral's
and Azure's (32 letters and digits), Cohere's (40), Together's (64 hex digits) and the words that some private servers take. Of these, the live keys
of the workspace itself are known by their fingerprint (`app.services.key_leaks`); a key that is nobody's yet looks like any other word.
"""

from __future__ import annotations

import re

_PREFIXED = r"""
      sk-(?=[A-Za-z0-9_-]*\d)[A-Za-z0-9_-]{12,}     # Anthropic, OpenAI, OpenRouter, DeepSeek and many others
    | gsk_[A-Za-z0-9]{16,}                          # Groq
    | xai-[A-Za-z0-9]{16,}                          # xAI
    | AIza[A-Za-z0-9_-]{30,}                        # Google
    | AQ\.[A-Za-z0-9_-]{30,}                        # Google, newer
    | hf_[A-Za-z0-9]{16,}                           # Hugging Face
    | r8_[A-Za-z0-9]{16,}                           # Replicate
    | pplx-[A-Za-z0-9]{16,}                         # Perplexity
    | nvapi-[A-Za-z0-9_-]{16,}                      # NVIDIA
    | csk-[A-Za-z0-9]{16,}                          # Cerebras
    | fw_[A-Za-z0-9]{16,}                           # Fireworks
    | tgp_v1_[A-Za-z0-9_-]{16,}                     # Together, newer
    | (?:AKIA|ASIA)[A-Z0-9]{16}                     # AWS
    | ABSK[A-Za-z0-9+/=]{30,}                       # AWS Bedrock
    | gh[oprsu]_[A-Za-z0-9]{16,}                    # GitHub
    | github_pat_[A-Za-z0-9_]{16,}
    | xox[a-z]-[A-Za-z0-9-]{10,}                    # Slack
    | xapp-[A-Za-z0-9-]{10,}
"""
KEY_LIKE = re.compile(rf"(?<![A-Za-z0-9_-])(?:{_PREFIXED})", re.VERBOSE)
"""Finds a key or token by its vendor's prefix, anywhere in a text."""

TYPED_AS_COMMAND = re.compile(r"\bset[-_ ]?key\s+[a-z]+\s+(?P<key>(?=\S*\d)\S{8,}|\S{24,})", re.IGNORECASE)
"""Finds what stands after `setkey <provider>` in a message, of whatever shape, unless it is an ordinary word."""

TOKEN = re.compile(r"[A-Za-z0-9_\-.+/=~]{12,600}")
"""Finds what may be a key by its length alone."""

PRINTABLE = re.compile(r"[\x21-\x7e]{8,600}")
"""Every vendor's keys have this shape."""

ANY_WORD = re.compile(r"[\x21-\x7e]{1,600}")
"""What can be sent as a key at all: some private servers take any word."""

ANTHROPIC = re.compile(r"sk-ant-.*")
ANTHROPIC_ADMIN = re.compile(r"sk-ant-admin.*")
OPENAI = re.compile(r"sk-(?:proj|svcacct|None)-.*")
OPENAI_ADMIN = re.compile(r"sk-admin-.*")
GATEWAY = re.compile(r"(?:sk-or-|gsk_|xai-|pplx-|nvapi-|csk-|hf_|fw_|AIza).*")
CHAT_TOKEN = re.compile(r"(?:xox[a-z]-|xapp-).*")


def candidates(text: str) -> tuple[str, ...]:
    """Every part of a text that may be a key by its length, also behind `NAME=` and the like; each once, in order."""
    found: dict[str, None] = {}
    for token in TOKEN.findall(text):
        for part in (token, token.strip("./=-~+"), token.rpartition("=")[2]):
            if len(part) >= 12:
                found[part] = None
    return tuple(found)

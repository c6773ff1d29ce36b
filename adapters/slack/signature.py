"""Whether Slack made a request, judged on its raw bytes (SECURITY §8.1)."""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from collections.abc import Callable

from multidict import MultiMapping

from app.domain.secrets import Secret
from app.errors import BadSignature

STALE_AFTER = 300
_STAMP = re.compile(r"\d{10}", re.ASCII)
_SIGNATURE = re.compile(r"v0=[0-9a-f]{64}", re.ASCII)


def check(headers: MultiMapping[str], body: bytes, secret: Secret, *, now: Callable[[], float] = time.time) -> None:
    """Raise BadSignature unless this body was signed with our secret within the last five minutes. Never raises anything else."""
    stamps, signatures = headers.getall("X-Slack-Request-Timestamp", []), headers.getall("X-Slack-Signature", [])
    if len(stamps) != 1 or len(signatures) != 1:
        raise BadSignature("unsigned")
    stamp, signature = stamps[0], signatures[0]
    if not _STAMP.fullmatch(stamp) or not _SIGNATURE.fullmatch(signature):
        raise BadSignature("malformed")
    if abs(now() - int(stamp)) > STALE_AFTER:
        raise BadSignature("stale")
    expected = hmac.new(secret.reveal().encode(), b"v0:" + stamp.encode() + b":" + body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(f"v0={expected}", signature):
        raise BadSignature("tampered")

"""One chart after the other: a job on standard input, a picture back; until nobody asks any more."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import resource
import sys
import warnings
from typing import BinaryIO

MEMORY = 1024 * 1024 * 1024
"""Bytes of addresses; what is used is a tenth of that."""
_ASIDE = 5
_LARGEST = 1_000_000
_FILES = 16 * 1024 * 1024


def start() -> None:
    """Answer every job with a picture, or with nothing where it can't be drawn."""
    back = os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_WRONLY)
    for noisy in (1, 2):
        os.dup2(nothing, noisy)
    _limit()
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    from .drawing import draw

    jobs = sys.stdin.buffer
    while (size := int.from_bytes(jobs.read(4), "big")) and size <= _LARGEST:
        job = json.loads(jobs.read(size))
        try:
            picture = draw(job["labels"], job["names"], job["values"], job["unit"])
        except Exception:  # noqa: BLE001 - one chart that can't be drawn must not take the next with it
            picture = b""
        _say(back, picture)


def _say(back: BinaryIO, picture: bytes) -> None:
    back.write(len(picture).to_bytes(4, "big") + picture)
    back.flush()


def _limit() -> None:
    os.nice(_ASIDE)  # answers go first
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_FILES, _FILES))
    with contextlib.suppress(ValueError, OSError):  # not on every system
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))

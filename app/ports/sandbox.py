"""Running code that nobody trusts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Protocol


class Tier(IntEnum):
    """How far code is from everything else."""

    LANGUAGE = 1  # an interpreter that knows no files, network or processes
    PROCESS = 2
    NAMESPACES = 3
    CONTAINER = 4  # a runner of its own: only then it may be called container isolation
    KERNEL = 5


class Outcome(StrEnum):
    """How a run of code ended."""

    OK = "ok"
    ERROR = "error"  # the code's own: its message is in `output`
    TIMEOUT = "timeout"
    OUTPUT_LIMIT = "output_limit"
    KILLED = "killed"  # memory, or it went away


@dataclass(frozen=True, slots=True)
class Limits:
    """Per run. `seconds` is wall clock, kept from outside."""

    seconds: float = 20.0
    memory: int = 256 * 1024 * 1024
    output: int = 64 * 1024
    files: int = 8
    file_bytes: int = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class CodeResult:
    """What came of it. `files` are those that the code wrote, by name, where the sandbox has files."""

    outcome: Outcome
    output: str = field(repr=False)
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)


USUAL = Limits()


class SandboxUnavailable(Exception):
    """It can't be trusted here; the message says why, in words for operators."""


class Sandbox(Protocol):
    """Runs Python away from secrets, content, files and the network."""

    name: str
    """`monty`, `bwrap`, `landlock`, `runner`."""

    tier: Tier

    packages: tuple[str, ...]
    """What can be imported beside the standard library; empty where nothing can."""

    full: bool
    """Whether it is a full Python, with files."""

    async def self_test(self) -> None:
        """Try to break out, as hostile code would. Raises SandboxUnavailable unless everything holds."""

    async def run(self, code: str, *, files: Mapping[str, bytes] | None = None, limits: Limits = USUAL) -> CodeResult:
        """Run it in a world that holds these files and nothing else, and is gone afterwards."""

    async def aclose(self) -> None:
        """End what is still running."""

"""What was found, as a table for people."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One finding. `met` is None where no goal was set."""

    what: str
    found: str
    goal: str = ""
    met: bool | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """The findings of one measurement, and how it was made."""

    title: str
    how: str
    rows: Sequence[Row]


def under(what: str, value: float, unit: str, goal: float | None = None, digits: int = 0) -> Row:
    """A value that should be at most its goal."""
    found = f"{value:,.{digits}f} {unit}"
    return Row(what, found) if goal is None else Row(what, found, f"≤ {goal:,g} {unit}", value <= goal)


def table(parts: Sequence[Part]) -> str:
    """All of it, in Markdown."""
    lines = ["# What Latchkey costs", "", f"Made by `make bench` on {_machine()}.", ""]
    for part in parts:
        lines += [f"## {part.title}", "", part.how, "", "| | found | goal | |", "|---|---:|---:|---|"]
        for row in part.rows:
            verdict = {None: "", True: "met", False: "**missed**"}[row.met]
            lines.append(f"| {row.what} | {row.found} | {row.goal} | {verdict} |")
        lines.append("")
    return "\n".join(lines)


def _machine() -> str:
    load = os.getloadavg()[0]
    cores = os.cpu_count()
    return f"{cores} cores, Python {platform.python_version()}, {platform.system()}, load average {load:.1f} at the end"

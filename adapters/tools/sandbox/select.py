"""Which sandbox is used here: the best one that holds against its own self-test, or none."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from app.ports.sandbox import Sandbox, SandboxUnavailable, Tier

OFF, AUTO = "off", "auto"
HOW = {
    "monty": "Monty, a Python without imports of packages",
    "bwrap": "a full Python in namespaces of its own, by bubblewrap",
    "runner": "a full Python in a runner of its own",
}


def candidates(kind: str, socket: Path | None) -> list[Sandbox]:
    """What these settings allow, the best first. Nothing is started yet."""
    found: list[Sandbox] = []
    if kind in {AUTO, "runner"} and socket is not None:
        from adapters.tools.sandbox.runner import Runner

        found.append(Runner(socket))
    if kind in {AUTO, "bwrap"} and sys.platform == "linux":
        from adapters.tools.sandbox.bwrap import Bubblewrap

        found.append(Bubblewrap())
    if kind in {AUTO, "monty"}:
        from adapters.tools.sandbox.monty import Monty

        found.append(Monty())
    return found


class Sandboxes:
    """Holds the sandbox of this deployment. There is none until `choose` has found one clean, and none when it no longer is."""

    def __init__(self, among: Sequence[Sandbox], least: Tier = Tier.LANGUAGE, *, off: bool = False) -> None:
        self._among = sorted(among, key=lambda sandbox: -sandbox.tier)
        self._least = least
        self._off = off
        self.current: Sandbox | None = None
        self.reasons: dict[str, str] = {}
        """Why those that are not used are not, by name."""

    async def choose(self) -> None:
        """Test, best first, until one is clean. Never raises: what can't be tested can't be trusted."""
        reasons: dict[str, str] = {}
        chosen: Sandbox | None = None
        for sandbox in self._among:
            if chosen is not None:
                break
            if sandbox.tier < self._least:
                reasons[sandbox.name] = f"it is of tier {sandbox.tier}, and LATCHKEY_SANDBOX_MIN_TIER is {self._least}"
                continue
            try:
                await sandbox.self_test()
                chosen = sandbox
            except SandboxUnavailable as error:
                reasons[sandbox.name] = str(error)
            except Exception as error:  # noqa: BLE001 - see above
                reasons[sandbox.name] = f"its self-test broke ({type(error).__name__})"
        self.current, self.reasons = chosen, reasons

    @property
    def words(self) -> str:
        """The sentence about code that is true of this deployment."""
        if self._off:
            return "agents run no code (LATCHKEY_SANDBOX is off)"
        if self.current is None:
            return "agents run no code: nothing here could be trusted to isolate it"
        kind = (
            "container isolation"
            if self.current.tier >= Tier.CONTAINER
            else "isolated interpreter without network or file access"
        )
        packages = f" with {', '.join(self.current.packages)}" if self.current.packages else ""
        return f"{kind} ({HOW.get(self.current.name, self.current.name)}{packages})"

    @property
    def is_well(self) -> bool:
        """Whether code can be run, or is not meant to be."""
        return self._off or self.current is not None

    async def aclose(self) -> None:
        """End what is still running."""
        self.current = None
        for sandbox in self._among:
            await sandbox.aclose()


def chosen_by(kind: str, socket: Path | None, least: int) -> Sandboxes:
    """The sandboxes of an operator's settings; `choose` has yet to find one clean."""
    return Sandboxes(candidates(kind, socket), Tier(least), off=kind == OFF)

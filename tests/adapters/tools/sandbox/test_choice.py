"""Which sandbox a deployment gets, and what is said of it."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from adapters.tools.sandbox.select import Sandboxes, candidates, chosen_by
from app.ports.sandbox import USUAL, CodeResult, Limits, Outcome, SandboxUnavailable, Tier


class Pretender:
    """A sandbox whose self-test says what it is told to."""

    full = True
    packages: tuple[str, ...] = ()

    def __init__(self, name: str, tier: Tier, fault: Exception | None = None) -> None:
        self.name = name
        self.tier = tier
        self.fault = fault
        self.tested = 0
        self.closed = False

    async def self_test(self) -> None:
        self.tested += 1
        if self.fault:
            raise self.fault

    async def run(self, code: str, *, files: Mapping[str, bytes] | None = None, limits: Limits = USUAL) -> CodeResult:
        return CodeResult(Outcome.OK, "")

    async def aclose(self) -> None:
        self.closed = True


ROOT = Path(__file__).resolve().parents[4]
LEAKY = SandboxUnavailable("code can get out of it: SBX-03 vsock")


async def test_nothing_is_trusted_before_it_was_tested() -> None:
    sandboxes = Sandboxes([Pretender("monty", Tier.LANGUAGE)])
    assert sandboxes.current is None
    assert not sandboxes.is_well


async def test_the_best_that_is_clean_is_taken_and_no_lesser_one_is_tested() -> None:
    runner, bwrap, monty = (
        Pretender("runner", Tier.CONTAINER, LEAKY),
        Pretender("bwrap", Tier.NAMESPACES),
        Pretender("monty", Tier.LANGUAGE),
    )
    sandboxes = Sandboxes([monty, bwrap, runner])
    await sandboxes.choose()
    assert sandboxes.current is bwrap
    assert sandboxes.reasons == {"runner": str(LEAKY)}
    assert monty.tested == 0


async def test_container_isolation_is_said_only_of_a_runner() -> None:
    for name, tier, said in (
        ("monty", Tier.LANGUAGE, "isolated interpreter without network or file access"),
        ("bwrap", Tier.NAMESPACES, "isolated interpreter without network or file access"),
        ("runner", Tier.CONTAINER, "container isolation"),
    ):
        sandboxes = Sandboxes([Pretender(name, tier)])
        await sandboxes.choose()
        assert sandboxes.words.startswith(said)
        assert ("container isolation" in sandboxes.words) == (name == "runner")


async def test_what_is_below_the_least_tier_is_not_taken_however_clean() -> None:
    sandboxes = Sandboxes([Pretender("monty", Tier.LANGUAGE)], Tier.CONTAINER)
    await sandboxes.choose()
    assert sandboxes.current is None
    assert "LATCHKEY_SANDBOX_MIN_TIER is 4" in sandboxes.reasons["monty"]


async def test_what_is_no_longer_clean_is_let_go_and_found_again_when_it_is() -> None:
    sandbox = Pretender("bwrap", Tier.NAMESPACES)
    sandboxes = Sandboxes([sandbox])
    await sandboxes.choose()
    sandbox.fault = LEAKY
    await sandboxes.choose()
    assert sandboxes.current is None
    sandbox.fault = None
    await sandboxes.choose()
    assert sandboxes.current is sandbox


async def test_a_self_test_that_breaks_is_no_clean_one() -> None:
    sandboxes = Sandboxes([Pretender("bwrap", Tier.NAMESPACES, ZeroDivisionError())])
    await sandboxes.choose()
    assert sandboxes.current is None
    assert sandboxes.reasons == {"bwrap": "its self-test broke (ZeroDivisionError)"}


async def test_off_is_well_and_runs_nothing() -> None:
    sandboxes = chosen_by("off", Path("/run/socket"), 1)
    await sandboxes.choose()
    assert sandboxes.current is None
    assert sandboxes.is_well
    assert "off" in sandboxes.words


async def test_closing_ends_all_of_them() -> None:
    among = [Pretender("runner", Tier.CONTAINER, LEAKY), Pretender("monty", Tier.LANGUAGE)]
    sandboxes = Sandboxes(among)
    await sandboxes.choose()
    await sandboxes.aclose()
    assert [one.closed for one in among] == [True, True]
    assert sandboxes.current is None


@pytest.mark.parametrize(
    ("kind", "socket", "names"),
    [
        ("auto", None, ["bwrap", "monty"]),
        ("auto", Path("/run/socket"), ["runner", "bwrap", "monty"]),
        ("monty", Path("/run/socket"), ["monty"]),
        ("bwrap", None, ["bwrap"]),
        ("runner", Path("/run/socket"), ["runner"]),
        ("off", Path("/run/socket"), []),
    ],
)
def test_settings_say_which_may_be_taken(kind: str, socket: Path | None, names: list[str]) -> None:
    assert [sandbox.name for sandbox in candidates(kind, socket)] == names


WITHOUT_NAMESPACES = """
import asyncio, sys
from adapters.tools.sandbox.select import chosen_by

async def main():
    sandboxes = chosen_by("auto", None, int(sys.argv[1]))
    await sandboxes.choose()
    print(sandboxes.words)
    print(sandboxes.reasons)
    await sandboxes.aclose()

asyncio.run(main())
"""


@pytest.mark.parametrize(("least", "words"), [(1, "isolated interpreter"), (3, "agents run no code")])
def test_where_namespaces_are_refused_as_in_a_container_bubblewrap_is_and_says_why(
    tmp_path: Path, least: int, words: str
) -> None:
    walls = ["bwrap", "--die-with-parent", "--unshare-user", "--disable-userns", "--uid", "1000", "--cap-drop", "ALL"]
    walls += ["--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--bind", str(tmp_path), str(tmp_path), "--"]
    command = [*walls, sys.executable, "-c", WITHOUT_NAMESPACES, str(least)]
    env = {"PATH": "/usr/bin:/bin", "TMPDIR": str(tmp_path), "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, capture_output=True, check=False, text=True, timeout=50, env=env, cwd=tmp_path)
    assert done.stdout.startswith(words), done.stderr
    assert "'bwrap': 'bwrap: " in done.stdout

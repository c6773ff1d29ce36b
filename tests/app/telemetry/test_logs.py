"""A log line tells what happened and where; it never tells what was said or with which key."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from typing import Any

import pytest

SECRET = "sk-test-" + "0123456789abcdef" * 2
CANARY = "the quarterly numbers are bad"


def logged(program: str, level: str = "DEBUG") -> list[dict[str, Any]]:
    """What a process of its own logs; logging is global, so it is not set up within the tests' process."""
    source = textwrap.dedent(f"""
        import asyncio, logging, sys, threading, warnings
        import structlog
        from app.domain.secrets import Secret
        from app.telemetry.logs import configure, route_loop
        from app.telemetry.scrub import scrub
        SECRET, CANARY = {SECRET!r}, {CANARY!r}
        log = structlog.get_logger("app.example")
        configure({level!r})
    """)
    done = subprocess.run(
        [sys.executable, "-c", source + textwrap.dedent(program)],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert not done.stdout
    assert SECRET not in done.stderr
    assert CANARY not in done.stderr
    return [json.loads(line) for line in done.stderr.splitlines()]


def test_a_line_is_json_with_its_level_moment_and_logger() -> None:
    (line,) = logged("log.info('run ended', run='r1', seconds=1.5, parts=[1, 2])")
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "run ended", "run": "r1", "seconds": 1.5, "parts": [1, 2], "level": "info", "logger": "app.example",
    }  # fmt: skip


def test_the_level_is_kept() -> None:
    assert logged("log.info('quiet')", "WARNING") == []
    assert len(logged("log.debug('chatty')")) == 1


def test_an_exception_is_told_by_type_and_place_only() -> None:
    (line,) = logged("""
        def deep():
            secret = SECRET
            raise ValueError(CANARY + SECRET)
        try:
            try:
                deep()
            except ValueError as error:
                raise KeyError(CANARY) from error
        except KeyError:
            log.exception("it broke")
    """)
    assert line["error"] == "KeyError < ValueError"
    assert line["at"]


def test_objects_are_told_by_type() -> None:
    (line,) = logged(
        "log.info('x', thing=type('Message', (), {'__repr__': lambda self: CANARY})(), error=ValueError(CANARY))"
    )
    assert line["thing"] == "<Message>"
    assert line["error"] == "ValueError"


def test_values_under_telling_names_are_masked() -> None:
    (line,) = logged("log.info('x', text=CANARY, Authorization=SECRET, more={'body': CANARY})")
    assert line["text"] == "[redacted]"
    assert line["more"] == {"body": "[redacted]"}


def test_keys_are_masked_by_shape_and_known_secrets_by_value() -> None:
    first, second = logged("""
        log.info("used " + SECRET)
        scrub.remember(Secret(CANARY))
        log.info("they say " + CANARY)
    """)
    assert first["event"] == "used [redacted]"
    assert second["event"] == "they say [redacted]"


@pytest.mark.parametrize(
    "name", ["slack_bolt", "slack_sdk.web", "anthropic._base_client", "openai", "httpx2", "sqlalchemy.engine", "dbos",
             "asyncio", "aiohttp.access"],
)  # fmt: skip
def test_libraries_stay_silent_below_warning(name: str) -> None:
    program = f"logging.getLogger({name!r}).{{}}(CANARY)"
    assert logged(program.format("debug")) == logged(program.format("info")) == []


def test_a_librarys_warning_is_told_without_what_was_formatted_into_it() -> None:
    first, second = logged("""
        logger = logging.getLogger("slack_bolt.AsyncApp")
        logger.warning(f"Unhandled request {CANARY}")
        logger.error("Failed to handle %s", CANARY)
    """)
    assert first["event"] == "a library has something to say"
    assert first["logger"] == "slack_bolt.AsyncApp"
    assert second["event"] == "Failed to handle %s"


def test_our_own_lines_may_come_by_the_standard_library_too() -> None:
    (line,) = logged("logging.getLogger('adapters.example').warning('no suggestions: %s', 'TimeoutError')")
    assert line["event"] == "no suggestions: TimeoutError"


def test_crashes_threads_warnings_and_forgotten_tasks_go_the_same_way() -> None:
    lines = logged("""
        warnings.warn(CANARY)
        thread = threading.Thread(target=lambda: int(CANARY))
        thread.start()
        thread.join()

        async def forgotten():
            raise RuntimeError(CANARY)

        async def main():
            route_loop(asyncio.get_running_loop())
            task = asyncio.create_task(forgotten())
            await asyncio.wait({task})
            del task

        asyncio.run(main())
        raise OSError(CANARY)
    """)
    assert [line["event"] for line in lines] == ["python warns", "a thread crashed", "a task failed unseen", "crashed"]
    assert [line.get("error") for line in lines] == [None, "ValueError", "RuntimeError", "OSError"]

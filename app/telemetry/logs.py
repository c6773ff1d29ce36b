"""One way for every line: ours, the libraries', warnings and crashes. Values are plain and small; exceptions are type and place, never text."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import traceback
import warnings
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, ExcInfo, WrappedLogger

from app.telemetry.scrub import MASK, scrub

LIBRARIES = (
    "aiohttp", "aiohttp.access", "alembic", "anthropic", "asyncio", "concurrent", "dbos", "httpcore2",
    "httpx2", "mcp", "openai", "psycopg", "slack_bolt", "slack_sdk", "sqlalchemy", "urllib3",
)  # fmt: skip
"""Loggers that tell bodies, keys or statements' values below WARNING; they stay there whatever LATCHKEY_LOG_LEVEL says."""

OURS = ("app", "adapters", "agents")
_SECRET_NAMES = frozenset({
    "api_key", "authorization", "body", "content", "cookie", "headers", "instructions", "key", "password", "payload", "prompt",
    "secret", "text", "token", "url",
})  # fmt: skip
_LONGEST = 300
_ROOT = Path(__file__).parents[2]


def configure(level: str, *, stream: TextIO = sys.stderr) -> None:
    """Send every line to the stream: as JSON, or for people where it is a terminal."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _place_of_exception,
        _plain_values,
    ]
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer() if stream.isatty() else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[_library_words, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer, _scrubbed],
            use_get_message=False,
            pass_foreign_args=True,
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for name in OURS:
        logging.getLogger(name).setLevel(level)
    quieten_libraries()
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    _route_the_rest()


def quieten_libraries() -> None:
    """Take libraries' own handlers away and hold them at WARNING; again after one of them has set itself up."""
    for name in LIBRARIES:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
        logger.setLevel(logging.WARNING)


def route_loop(loop: asyncio.AbstractEventLoop) -> None:
    """What nobody awaited, in this loop, is logged as everything else is."""
    loop.set_debug(enabled=False)  # debug mode prints arguments
    loop.set_exception_handler(_loop_failed)


def place_of(error: BaseException) -> dict[str, Any]:
    """An exception as a log may have it: the types of it and its causes, and where it came from. No text, no values."""
    kinds: list[str] = []
    seen: BaseException | None = error
    while seen is not None and len(kinds) < 5:
        kinds.append(f"{type(seen).__module__}.{type(seen).__qualname__}".removeprefix("builtins."))
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
    frames = traceback.extract_tb(error.__traceback__, limit=-8)
    return {
        "error": " < ".join(kinds),
        "at": [f"{_short(frame.filename)}:{frame.lineno} {frame.name}" for frame in frames],
    }


def _short(filename: str) -> str:
    path = Path(filename)
    if path.is_relative_to(_ROOT) and "site-packages" not in path.parts:
        return str(path.relative_to(_ROOT))
    return "/".join(path.parts[-3:])


def _place_of_exception(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    given: ExcInfo | BaseException | bool | None = event.pop("exc_info", None)
    event.pop("stack_info", None)
    error = sys.exc_info()[1] if given is True else given[1] if isinstance(given, tuple) else given
    if isinstance(error, BaseException):
        event.update(place_of(error))
    return event


def _library_words(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """A library's message may have anything formatted into it: only a template that its values are still apart from is kept."""
    record: logging.LogRecord = event["_record"]
    event["where"] = f"{_short(record.pathname)}:{record.lineno}"
    apart = event.pop("positional_args")
    if record.name.startswith(OURS):
        event["event"] = str(record.msg) % apart if apart else str(record.msg)
    elif not (apart and isinstance(record.msg, str)):
        event["event"] = "a library has something to say"
    return event


def _plain_values(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return {
        name: value if name.startswith("_") else MASK if name.lower() in _SECRET_NAMES else _plain(value)
        for name, value in event.items()
    }


def _plain(value: object) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return value if len(value) <= _LONGEST else value[:_LONGEST] + "…"
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in list(value)[:20]]
    if isinstance(value, Mapping):
        return {
            str(name): MASK if str(name).lower() in _SECRET_NAMES else _plain(item)
            for name, item in list(value.items())[:20]
        }
    if isinstance(value, BaseException):
        return place_of(value)["error"]
    return f"<{type(value).__name__}>"


def _scrubbed(_logger: WrappedLogger, _method: str, line: Any) -> Any:
    return scrub(line)


def _route_the_rest() -> None:
    log = structlog.stdlib.get_logger("app")

    def crashed(kind: type[BaseException], error: BaseException, _trace: TracebackType | None) -> None:
        if not issubclass(kind, KeyboardInterrupt):
            log.critical("crashed", **place_of(error))

    def thread_crashed(given: threading.ExceptHookArgs) -> None:
        if given.exc_value is not None:
            log.error("a thread crashed", **place_of(given.exc_value))

    def unraisable(given: sys.UnraisableHookArgs) -> None:
        if given.exc_value is not None:
            log.error("an error had nowhere to go", **place_of(given.exc_value))

    def warned(
        _message: Warning | str, category: type[Warning], filename: str, lineno: int, *_: Any, **__: Any
    ) -> None:
        log.warning("python warns", kind=category.__name__, where=f"{_short(filename)}:{lineno}")

    sys.excepthook = crashed
    threading.excepthook = thread_crashed
    sys.unraisablehook = unraisable
    warnings.showwarning = warned  # type: ignore[assignment]  # its last arguments are not used; the message is what must not be shown


def _loop_failed(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    error = context.get("exception")
    found = place_of(error) if isinstance(error, BaseException) else {}
    structlog.stdlib.get_logger("app").error("a task failed unseen", **found)

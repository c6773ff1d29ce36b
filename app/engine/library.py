"""How the library is set up: plain JSON instead of pickles, our log lines, our connections; loaded on first use only."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy

from app.errors import StepFailed

if TYPE_CHECKING:
    from dbos import DBOSConfig, Serializer

APPLICATION_VERSION = "1"
"""Bumped only when the order of a turn's steps changes: then nothing begun before is taken up again as it was."""

THREADS = 32


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """How the engine runs. `lock` guards a SQLite file against a second process."""

    url: str
    lock: Path | None = None
    executor: str = "local"
    overall: int = 64
    sweep_every: float = 5.0
    unattended_after: float = 5.0
    keep_for: float = 20.0


def config(options: EngineOptions, rows: sqlalchemy.Engine) -> DBOSConfig:
    """What the library is told; nothing is read from the environment or asked of another host."""
    return {
        "name": "latchkey",
        "system_database_url": rows.url.render_as_string(hide_password=False),
        "system_database_engine": rows,
        "run_migrations": rows.dialect.name == "sqlite",  # PostgreSQL's are made before, beside the loop
        "executor_id": options.executor,
        "application_version": APPLICATION_VERSION,
        "serializer": _serializer(),
        "max_executor_threads": THREADS,
        "notification_listener_polling_interval_sec": 0.25,
        "log_level": "WARNING",
    }


def _serializer() -> Serializer:
    from dbos import Serializer

    class PlainJson(Serializer):
        """Not pickle, and of an exception its name alone: its text might quote somebody."""

        def name(self) -> str:
            return "latchkey_json"

        def serialize(self, data: Any) -> str:
            return json.dumps({"raised": type(data).__name__} if isinstance(data, BaseException) else {"value": data})

        def deserialize(self, serialized_data: str) -> Any:
            kept = json.loads(serialized_data)
            return StepFailed(kept["raised"]) if "raised" in kept else kept["value"]

    return PlainJson()


def take_over_logging() -> None:
    """Let the engine's log lines go where all others go; it would print them itself."""
    logger = logging.getLogger("dbos")
    logger.handlers.clear()
    logger.propagate = True


async def workflows(*states: str, ended_for: float | None = None) -> list[str]:
    """Ids of workflows in these states (that ended so many seconds ago), a thousand at most."""
    from dbos import DBOS

    before = None if ended_for is None else (datetime.now(UTC) - timedelta(seconds=ended_for)).isoformat()
    found = await DBOS.list_workflows_async(
        status=list(states), completed_before=before, limit=1000, load_input=False, load_output=False
    )
    return [item.workflow_id for item in found]

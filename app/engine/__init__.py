"""The durable engine: conversation actors on DBOS. Nothing outside this package knows that library."""

from app.engine.actors import Body, Engine
from app.engine.library import EngineOptions

__all__ = ["Body", "Engine", "EngineOptions"]

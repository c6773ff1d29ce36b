"""Whoever implements a port must bind its suite: found by looking at what is there, so that nobody can forget."""

import ast
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import adapters
import agents
import app.services.tools
from app.ports.agents import AgentRunner, Tool
from app.ports.charts import ChartPainter
from app.ports.documents import DocumentReader
from app.ports.keys import KeyWrapper
from app.ports.platform import ChatPlatform
from app.ports.providers import ModelProvider
from app.ports.sandbox import Sandbox
from app.ports.web import Web

TESTS = Path(__file__).parents[1]
SUITES: dict[type, str] = {
    ChatPlatform: "ChatPlatformSuite",
    ModelProvider: "ModelProviderSuite",
    KeyWrapper: "KeyWrapperSuite",
    AgentRunner: "AgentRunnerSuite",
    Tool: "ToolSuite",
    Sandbox: "SandboxSuite",
    Web: "WebSuite",
    DocumentReader: "DocumentReaderSuite",
    ChartPainter: "ChartPainterSuite",
}


def test_every_implementation_of_a_port_binds_its_suite() -> None:
    bound = {suite: _names_in_modules_that_bind(suite) for suite in SUITES.values()}
    forgotten = [
        f"{cls.__name__} needs {SUITES[port]}"
        for cls, port in _implementations()
        if cls.__name__ not in bound[SUITES[port]]
    ]
    assert forgotten == []


@pytest.mark.parametrize("port", SUITES)
def test_the_search_finds_a_class_that_has_everything_and_no_other(port: type) -> None:
    everything = dict.fromkeys([*_methods(port), *vars(port).get("__annotations__", {})], lambda self: None)
    assert _implements(type("Made", (), everything), port)
    for name in everything:
        assert not _implements(type("Lacking", (), {k: v for k, v in everything.items() if k != name}), port)


def _implementations() -> Iterator[tuple[type, type]]:
    for package in (adapters, agents, app.services.tools):
        for module in _modules(package):
            for cls in vars(module).values():
                if inspect.isclass(cls) and cls.__module__ == module.__name__ and not cls.__name__.startswith("_"):
                    yield from ((cls, port) for port in SUITES if _looks_for(port, package) and _implements(cls, port))


def _looks_for(port: type, package: ModuleType) -> bool:
    """Whatever runs something has a method `run`: only among the agents is that a runner of agents."""
    return port is not AgentRunner or package is agents


def _modules(package: ModuleType) -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        yield importlib.import_module(found.name)


def _implements(cls: type, port: type) -> bool:
    if getattr(cls, "_is_protocol", False):
        return False
    if not all(callable(getattr(cls, name, None)) for name in _methods(port)):
        return False
    return all(hasattr(cls, name) or f"self.{name}" in _source(cls) for name in vars(port).get("__annotations__", {}))


def _source(cls: type) -> str:
    try:
        return inspect.getsource(cls)
    except (OSError, TypeError):
        return ""  # made in a test, not written in a file


def _methods(port: type) -> set[str]:
    return {name for name, value in vars(port).items() if inspect.isfunction(value) and not name.startswith("_")}


def _names_in_modules_that_bind(suite: str) -> set[str]:
    """Every name used in a test module in which a Test class derives from the suite."""
    names: set[str] = set()
    for path in TESTS.rglob("test_*.py"):
        text = path.read_text()
        if suite not in text or "node_modules" in path.parts:
            continue
        nodes = list(ast.walk(ast.parse(text)))
        tests = [n for n in nodes if isinstance(n, ast.ClassDef) and n.name.startswith("Test")]
        if any(isinstance(base, ast.Name) and base.id == suite for test in tests for base in test.bases):
            names |= {n.id for n in nodes if isinstance(n, ast.Name)} | {
                n.attr for n in nodes if isinstance(n, ast.Attribute)
            }
    return names

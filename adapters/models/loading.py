"""Loading the vendors' SDKs on first use, in a thread: it takes a second or two, and the event loop has acknowledgements to send."""

from __future__ import annotations

import asyncio
import importlib

ANTHROPIC = ("anthropic", "anthropic.resources.models")
ANTHROPIC_MESSAGES = ("anthropic.resources.messages.messages",)
OPENAI = ("openai", "openai.resources.models")

_loaded: set[str] = set()


async def loaded(modules: tuple[str, ...]) -> None:
    """When this returns, importing these costs nothing."""
    for module in modules:
        if module not in _loaded:
            await asyncio.to_thread(importlib.import_module, module)
            _loaded.add(module)

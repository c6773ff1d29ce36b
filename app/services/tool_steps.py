"""What people see of tools at work: a line for each call, in our own words."""

from __future__ import annotations

from dataclasses import replace

from app.domain.chat import UserRef
from app.domain.grants import Target
from app.domain.tool_kinds import BY_NAME, MCP
from app.errors import PlatformError
from app.ports.platform import ChatPlatform, Step, StepState
from app.services.delivery import Shows

NOT_ALLOWED = "not allowed"
WAITING = "is waiting for approval…"


class ToolSteps:
    """The steps of one belt, shown as they go on."""

    def __init__(self, delivery: Shows, platform: ChatPlatform, asker: UserRef) -> None:
        self._delivery = delivery
        self._platform = platform
        self._asker = asker
        self._steps: dict[str, Step] = {}

    def title(self, tool: str, words: str = "") -> str:
        """What is being done, as far as we have words for it; a tool that a model made up has none."""
        kind = BY_NAME.get(tool)
        if kind:
            return f"{kind.doing} {words}" if words else kind.doing
        return f"Using {tool.removeprefix(f'{MCP}-')}" if tool.startswith(f"{MCP}-") else ""

    async def titled(self, tool: str, target: Target) -> str:
        """The same with what it is done to, under the name that the asker knows it by. Asks the platform."""
        words = target.host or target.called
        if target.channel:
            try:
                channel = await self._platform.find_channel(self._asker, target.channel)
            except PlatformError:
                channel = None
            words = f"#{channel.name}" if channel and channel.name else "a channel"
        return self.title(tool, words)

    async def begin(self, number: str, title: str, *, denied: bool) -> None:
        """Show a new one, if there is anything to call it."""
        if title:
            state, detail = (StepState.FAILED, NOT_ALLOWED) if denied else (StepState.RUNNING, "")
            await self._show(Step(number, title, state, detail))

    async def set(self, number: str, state: StepState) -> None:
        """Show how far it is now."""
        known = self._steps.get(number)
        if known and known.state is not state:
            await self._show(replace(known, state=state))
            if state is StepState.WAITING:
                await self._delivery.status(WAITING)

    async def _show(self, step: Step) -> None:
        self._steps[step.id] = step
        await self._delivery.step(step)

"""Teams keeps every promise of a chat platform, with private answers in the one-to-one chat or in the channel."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from adapters.teams.platform import Teams
from tests.adapters.teams.wire import TeamsWire, teams_wire
from tests.conformance.chat_platform import ChatPlatformSuite


class TestTeams(ChatPlatformSuite):
    implements = Teams

    @pytest.fixture
    async def wire(self) -> AsyncIterator[TeamsWire]:
        async with teams_wire() as wire:
            yield wire


class TestTeamsWithTargetedMessages(ChatPlatformSuite):
    implements = Teams

    @pytest.fixture
    async def wire(self) -> AsyncIterator[TeamsWire]:
        async with teams_wire(targeted=True) as wire:
            yield wire

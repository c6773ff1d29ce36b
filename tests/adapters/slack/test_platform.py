"""Slack keeps every promise of a chat platform, over HTTP and over Socket Mode."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from adapters.slack.platform import Slack
from tests.adapters.slack.wire import SlackWire, slack_wire
from tests.conformance.chat_platform import ChatPlatformSuite


class TestSlackOverHttp(ChatPlatformSuite):
    implements = Slack

    @pytest.fixture
    async def wire(self) -> AsyncIterator[SlackWire]:
        async with slack_wire() as wire:
            yield wire


class TestSlackBySocketMode(ChatPlatformSuite):
    implements = Slack

    @pytest.fixture
    async def wire(self) -> AsyncIterator[SlackWire]:
        async with slack_wire(socket=True) as wire:
            wire.forgeries = ()  # a socket has no signatures: the app token is the trust
            yield wire

    async def test_what_is_not_kept_is_not_acknowledged(self, wire: SlackWire) -> None:  # type: ignore[override]
        wire.slack.deliveries.timeout = 0.3
        wire.inbound.broken = True
        await wire.say(wire.member, "hello")
        assert wire.last_status == 0  # no acknowledgement: Slack will bring it again


class TestSlackWithoutStreaming(ChatPlatformSuite):
    implements = Slack

    @pytest.fixture
    async def wire(self) -> AsyncIterator[SlackWire]:
        async with slack_wire() as wire:
            wire.slack.configure(streaming=False)
            yield wire

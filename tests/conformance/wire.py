"""What a test must be able to do on the platform's side of an adapter: be its people, and see what they see."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from app.domain.chat import ConversationRef, MessageRef, UserRef
from app.domain.events import Addressed
from app.ports.platform import ChatPlatform
from tests.conformance.recorder import Recorder
from tests.fakes.charts import FakePainter


class Outside(ABC):
    """One platform as its people see it, as far as what goes out to them is concerned. Texts are as people read them; markup may stand around them."""

    platform: ChatPlatform
    inbound: Recorder
    admin: UserRef
    member: UserRef

    @abstractmethod
    async def say(self, user: UserRef, text: str, *, to: Addressed = Addressed.MENTION, thread: str = "") -> str:
        """A person writes a message: mentioning the app in a channel, directly to it, or unaddressed in that thread. Returns its id."""

    @abstractmethod
    def private(self, user: UserRef) -> list[str]:
        """What was shown to this person only, oldest first (no forms, no home)."""

    @abstractmethod
    def public(self) -> list[str]:
        """Every message of the app that more than one person can read, as it stands now."""

    @abstractmethod
    def answers(self, conversation: ConversationRef) -> list[str]:
        """The app's messages in a thread as they stand now, oldest first, with what is shown under them."""

    @abstractmethod
    def refuse_whispers(self) -> None:
        """From now on the platform refuses every private message."""

    @abstractmethod
    async def share(self, user: UserRef, name: str, media_type: str, data: bytes) -> None:
        """A person mentions the app with a file hung on."""

    @abstractmethod
    async def room(self, name: str, *, only: Sequence[UserRef] | None = None) -> str:
        """There is another channel, private to these people or open to all, with the app in it. Returns its id."""

    @abstractmethod
    async def write(self, user: UserRef, channel: str, text: str) -> str:
        """A person writes a new message in a channel, to nobody in particular. Returns its id."""

    @abstractmethod
    def shown(self, message: MessageRef) -> str:
        """What a message of the app says now, with what is shown under it."""

    @abstractmethod
    async def files(self, user: UserRef, conversation: ConversationRef) -> list[tuple[str, bytes]]:
        """Files of the app in a thread, as this person gets them; where they have to agree to take one, they do."""

    @abstractmethod
    async def handed(self, user: UserRef) -> list[tuple[str, bytes]]:
        """Files that this person was given in their own chat with the app; where they have to agree to take one, they do."""


class Wire(Outside):
    """One platform with the adapter started against it."""

    forgeries: tuple[str, ...] = ()
    """The ways in which `forge` can make a bad request, such as `unsigned`."""
    painter: FakePainter
    """Who paints the charts of what the adapter shows."""
    last_status: int = 0
    """The HTTP status with which the adapter answered the last act."""

    @abstractmethod
    async def redeliver(self) -> None:
        """The platform brings the last message again, because it believes that the first time failed."""

    @abstractmethod
    async def edit(self, message_id: str, text: str) -> None:
        """The author changes a message."""

    @abstractmethod
    async def delete(self, message_id: str) -> None:
        """The author removes a message."""

    @abstractmethod
    async def echo(self, text: str) -> None:
        """A message of the app itself comes back to it as an event."""

    @abstractmethod
    async def forge(self, kind: str) -> None:
        """A request that the platform did not make, with a mention in it (sets `last_status`)."""

    @abstractmethod
    async def nonsense(self) -> None:
        """A genuine request with something in it that nobody has heard of (sets `last_status`)."""

    @abstractmethod
    async def command(self, user: UserRef, text: str) -> None:
        """A person types `/byok …` in a channel."""

    @abstractmethod
    async def open_home(self, user: UserRef) -> None:
        """A person opens the home screen."""

    @abstractmethod
    async def press(self, user: UserRef, action_id: str, value: str) -> None:
        """A person presses this button, or chooses this option (typing, if need be), on the newest screen shown to them:
        form, private message or home."""

    @abstractmethod
    async def press_at(self, user: UserRef, message: MessageRef, action_id: str, value: str) -> None:
        """A person presses this button under a message that everybody sees."""

    @abstractmethod
    async def submit(self, user: UserRef, values: Mapping[str, str]) -> None:
        """A person fills in the open form and sends it."""

    @abstractmethod
    def form(self, user: UserRef) -> tuple[str, ...] | None:
        """The ids of the inputs of the form that is open for a person; None when none is."""

    @abstractmethod
    def field_errors(self, user: UserRef) -> Mapping[str, str]:
        """What stands beside the fields of the open form."""

    @abstractmethod
    def home(self, user: UserRef) -> str:
        """What the home screen of a person says."""

    @abstractmethod
    async def pictures(self, user: UserRef) -> list[tuple[bytes, str]]:
        """Pictures within what only this person is shown, home included, and their words for those who do not see them."""

    async def seen(self, user: UserRef, words: str | None = "") -> list[tuple[bytes, str]]:
        """The same, once there are any, with such words among them; at once for None."""
        async with asyncio.timeout(5):
            while words is not None and not any(words in one for _, one in await self.pictures(user)):
                await asyncio.sleep(0.01)
        return await self.pictures(user)

"""What stands in for platforms and providers in tests of services keeps their promises, as far as services can tell."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import ClassVar

import pytest

from app.domain.chat import ConversationRef, FileRef, MemberKind, MessageRef, UserRef
from app.domain.events import Addressed, Mention
from app.domain.keys import ProviderCredential
from app.domain.secrets import Secret
from tests.app.bench import words
from tests.conformance.chat_platform import OutboundPromises
from tests.conformance.document_reader import DocumentReaderSuite
from tests.conformance.model_provider import ModelProviderSuite, Peer
from tests.conformance.recorder import Recorder
from tests.conformance.wire import Outside
from tests.fakes.documents import MAGIC, FakeDocuments
from tests.fakes.platform import EPOCH, FakePlatform
from tests.fakes.provider import FakeProvider, models

WORKSPACE = "slack:T1"


class InMemory(Outside):
    """People of the platform in memory. What comes in is written down as an adapter would tell it."""

    def __init__(self) -> None:
        self.admin, self.member = UserRef(WORKSPACE, "U1"), UserRef(WORKSPACE, "U2")
        kinds = {self.admin: MemberKind.ADMIN, self.member: MemberKind.MEMBER}
        self.fake = FakePlatform(people=kinds, names={self.member: "Kim"}, part_limit=4000)
        self.platform = self.fake
        self.inbound = Recorder()

    async def say(self, user: UserRef, text: str, *, to: Addressed = Addressed.MENTION, thread: str = "") -> str:
        where = ConversationRef(WORKSPACE, "C1", thread or f"{len(self.fake.messages)}.0")
        ref = self.fake.say(where, user, text)
        await self.inbound.mention(Mention(ref.id, where, ref.id, user, to, EPOCH, text))
        return ref.id

    async def share(self, user: UserRef, name: str, media_type: str, data: bytes) -> None:
        await self.say(user, "look")
        said = self.inbound.mentions[-1]
        self.fake.blobs["F1"] = data
        files = (FileRef("F1", name, media_type, len(data)),)
        await self.inbound.mention(Mention("E2", said.conversation, "2", user, said.addressed, EPOCH, "look", files))

    def private(self, user: UserRef) -> list[str]:
        return [words(view) for view in self.fake.told(user)]

    def public(self) -> list[str]:
        return [f"{message.text} {words(message.views)}" for message in self.fake.messages if message.run]

    def answers(self, conversation: ConversationRef) -> list[str]:
        return [f"{m.text} {words(m.views)}" for m in self.fake.thread(conversation) if m.run or m.aside]

    async def room(self, name: str, *, only: Sequence[UserRef] | None = None) -> str:
        return self.fake.channels.add(f"C-{name}", name, only=only).id

    async def write(self, user: UserRef, channel: str, text: str) -> str:
        at = f"{len(self.fake.messages)}.5"
        return self.fake.say(ConversationRef(WORKSPACE, channel, at), user, text).id

    def shown(self, message: MessageRef) -> str:
        (found,) = (m for m in self.fake.messages if m.ref == message)
        return f"{found.text} {words(found.views)}"

    async def files(self, user: UserRef, conversation: ConversationRef) -> list[tuple[str, bytes]]:
        sent = [m for m in self.fake.thread(conversation) if m.aside]
        return [(file.name, self.fake.blobs[file.id]) for m in sent for file in m.files]

    async def handed(self, user: UserRef) -> list[tuple[str, bytes]]:
        return [(file.name, base64.b64decode(file.data)) for whom, file in self.fake.handed if whom == user]

    def refuse_whispers(self) -> None:
        self.fake.unreachable |= {self.admin, self.member}


class TestPlatformInMemory(OutboundPromises):
    @pytest.fixture
    def wire(self) -> InMemory:
        return InMemory()


class TestProviderInMemory(ModelProviderSuite):
    @pytest.fixture
    def peer(self) -> Peer:
        provider = FakeProvider("anthropic", "Anthropic", keys={"sk-test-first-0001"}, listed=models("claude-fine"))
        return Peer(provider, lambda key: ProviderCredential(Secret(key)))


class TestCompatibleProviderInMemory(ModelProviderSuite):
    wants_base_url = True

    @pytest.fixture
    def peer(self) -> Peer:
        provider = FakeProvider("compatible", "Server", wants_base_url=True, listed=models("unknown-1"))
        return Peer(provider, lambda key: ProviderCredential(Secret(key), "https://models.example/v1"))


class TestFakeDocuments(DocumentReaderSuite):
    good: ClassVar = {kind: magic + b"Friday it is." for kind, magic in MAGIC.items()}
    words = "Friday it is."

    @pytest.fixture
    def reader(self) -> FakeDocuments:
        return FakeDocuments()

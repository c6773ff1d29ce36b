"""The services as main wires them, over a real database and vault, with a chat platform and model providers in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

from adapters.kms.local import LocalKeyWrapper
from adapters.models.prices import ListPrices
from agents.prompt import parts
from agents.tools import QuestionTools
from app.domain.agent import AgentSpec
from app.domain.audit import AuditEntry
from app.domain.chat import MemberKind, MessageRef, UserRef
from app.domain.events import Action, Command, Outcome, Replace, Submission
from app.domain.keys import ModelChoice, ProviderKey
from app.domain.run import ModelMessage, ModelRequest, Role, TextPart
from app.domain.secrets import Secret
from app.domain.spend import Account
from app.domain.views import Channel, Person, View
from app.services.access import Access
from app.services.agents import Agents
from app.services.approvals import Approvals
from app.services.background import Background
from app.services.budgets import Budgets
from app.services.commands import Commands
from app.services.desks.agents import AgentDesk
from app.services.desks.keys import KeyDesk
from app.services.desks.people import PeopleDesk
from app.services.desks.prompts import PromptDesk
from app.services.desks.rotation import RotationDesk
from app.services.desks.tools import ToolDesk
from app.services.forms import Forms
from app.services.home import Home
from app.services.journaled import PaidEvent
from app.services.key_entry import KeyEntry
from app.services.key_ring import KeyRing
from app.services.key_setting import KeySet
from app.services.keys import Keys
from app.services.meter import Meter
from app.services.model_care import ModelCare
from app.services.notices import Notices
from app.services.outlook import Outlooks
from app.services.permissions import Permissions
from app.services.pricing import Pricing
from app.services.toolkit import Toolkit
from app.services.tools.chat import ChatTools
from app.services.transcripts import Transcripts
from app.services.workspaces import Workspaces
from app.store.unit_of_work import Database
from app.vault import Vault
from tests.fakes.databases import TestClock
from tests.fakes.platform import FakePlatform
from tests.fakes.provider import FakeProvider, models

WORKSPACE = "slack:T1"
ADMIN = UserRef(WORKSPACE, "U1ADMIN")
MEMBER = UserRef(WORKSPACE, "U2MEMBER")
OPERATOR = UserRef(WORKSPACE, "U3OPERATOR")
GOOD = "sk-test-good-0001-abcd"
OTHER = "sk-test-other-0002-efgh"
BAD = "sk-test-bad-0003-ijkl"


@dataclass
class Bench:
    """`await bench.start()` begins the workspace."""

    database: Database
    clock: TestClock
    demo: bool = False
    platform: FakePlatform = field(
        default_factory=lambda: FakePlatform(people={ADMIN: MemberKind.ADMIN, MEMBER: MemberKind.MEMBER})
    )
    anthropic: FakeProvider = field(
        default_factory=lambda: FakeProvider(
            "anthropic", "Anthropic", keys={GOOD, OTHER}, listed=models("claude-fine", "claude-old")
        )
    )
    openai: FakeProvider = field(
        default_factory=lambda: FakeProvider("openai", "OpenAI", keys={GOOD, OTHER}, listed=models("gpt-fine"))
    )
    compatible: FakeProvider = field(
        default_factory=lambda: FakeProvider(
            "compatible", "OpenAI-compatible server", wants_base_url=True, listed=models("unknown-1", "unknown-2")
        )
    )
    offline: FakeProvider = field(
        default_factory=lambda: FakeProvider("offline", "Offline demo", listed=models("offline"))
    )

    def __post_init__(self) -> None:
        everyone = (self.anthropic, self.openai, self.compatible, self.offline)
        self.providers = {p.name: p for p in everyone if self.demo or p is not self.offline}
        platforms = {self.platform.name: self.platform}
        self.background = Background()
        self.vault = Vault(self.database, LocalKeyWrapper(b"k" * 32))
        self.access = Access(self.database, platforms, frozenset({str(OPERATOR)}))
        self.workspaces = Workspaces(self.database, self.clock, self.vault.shred)
        self.memory = Transcripts(self.database, self.vault, platforms, clock=self.clock)
        self.agents = Agents(self.database, self.clock)
        self.ring = KeyRing(self.database, self.vault, self.providers)
        self.meter = Meter(self.database, Pricing(ListPrices()), self.clock)
        self.keys = Keys(
            self.database,
            ring=self.ring,
            meter=self.meter,
            notices=Notices(platforms, self.access),
            background=self.background,
            clock=self.clock,
            demo=self.demo,
        )
        self.models = ModelCare(
            self.database, self.agents, self.keys, ListPrices(), parts,
            notices=Notices(platforms, self.access), background=self.background, clock=self.clock,
        )  # fmt: skip
        key_desk = KeyDesk(self.keys, self.agents)
        agent_desk = AgentDesk(self.agents, self.keys, self.models.comparisons)
        rotation_desk = RotationDesk(self.keys, key_desk)
        people_desk = PeopleDesk(self.database, self.access, self.workspaces, self.memory)
        permissions = Permissions(self.database, platforms, self.access, self.clock)
        toolkit = Toolkit(
            [QuestionTools(), ChatTools(platforms, self.keys.redact)],
            platforms,
            permissions=permissions,
            approvals=Approvals(self.database, self.vault, platforms, clock=self.clock),
        )
        outlooks = Outlooks(platforms, toolkit, permissions, self.access, self.clock)
        tool_desk = ToolDesk(self.database, self.agents, outlooks, self.clock)
        self.budgets = Budgets(
            self.database, platforms,
            agents=self.agents, access=self.access, workspaces=self.workspaces,
            notices=Notices(platforms, self.access), meter=self.meter, redact=self.keys.redact,
            background=self.background, clock=self.clock,
        )  # fmt: skip
        self.home = Home(
            platforms,
            access=self.access,
            workspaces=self.workspaces,
            agents=self.agents,
            keys=self.keys,
            memory=self.memory,
            background=self.background,
        )
        self.forms = Forms(
            access=self.access,
            workspaces=self.workspaces,
            keys=key_desk,
            agents=agent_desk,
            people=people_desk,
            home=self.home,
            more=[tool_desk, rotation_desk, *self.models.desks, *self.budgets.desks],
            open_saves=self.budgets.open_saves,
        )
        self.commands = Commands(
            self.database,
            access=self.access,
            workspaces=self.workspaces,
            keys=self.keys,
            key_desk=key_desk,
            agents=agent_desk,
            people=people_desk,
            home=self.home,
            more=[tool_desk, rotation_desk, PromptDesk(self.agents, parts), *self.models.desks, *self.budgets.desks],
            there=tool_desk.there,
        )

    async def start(self) -> Bench:
        await self.workspaces.ensure(WORKSPACE, "Acme", ADMIN)
        return self

    async def settled(self) -> None:
        """Everything that was spawned is done."""
        await self.background.drain(10)

    async def set_key(
        self,
        secret: str = GOOD,
        *,
        provider: str = "anthropic",
        label: str = "",
        base_url: str = "",
        seconds: float = 1.8,
    ) -> KeySet:
        entry = KeyEntry(provider, Secret(secret), label, base_url)
        return await self.keys.setting.set(WORKSPACE, entry, ADMIN, seconds=seconds)

    async def typed(self, text: str, *, by: UserRef = ADMIN) -> Outcome:
        """Somebody types `/byok …`; what it spawned is done."""
        outcome = await self.commands.command(Command(by, text, "C1"))
        await self.settled()
        return outcome

    async def pressed(
        self, action_id: str, value: str = "", *, by: UserRef = ADMIN, message: MessageRef | None = None
    ) -> Outcome:
        """Somebody presses a button or changes a select."""
        outcome = await self.forms.action(Action(by, action_id, value, message=message))
        await self.settled()
        return outcome

    async def sent(
        self, form: str, values: Mapping[str, str], *, key: str = "", context: str = "", by: UserRef = ADMIN
    ) -> Outcome:
        """Somebody sends a form off."""
        secrets = {"key": Secret(key)} if key else {}
        outcome = await self.forms.submission(Submission(by, form, values, secrets, context))
        await self.settled()
        return outcome

    async def agent(self, name: str = "assistant") -> AgentSpec:
        return await self.agents.named(WORKSPACE, name)

    async def use_model(self, value: str) -> None:
        """Give the agent a model, such as `anthropic/claude-old`, as the button beneath the difference does."""
        assert isinstance(await self.pressed("model_change", f"{(await self.agent()).id}|{value}"), Replace)

    async def key(self, label: str = "main", provider: str = "anthropic") -> ProviderKey:
        return next(k for k in await self.keys.all(WORKSPACE) if (k.label, k.provider) == (label, provider))

    async def ask(self, choice: ModelChoice) -> list[PaidEvent]:
        """One call of a run, as the runner makes it."""
        client = self.keys.client(choice, Account(WORKSPACE, "run-1", asker=MEMBER.id))
        return [event async for event in client.stream(question(choice.model))]

    async def audited(self) -> list[AuditEntry]:
        """The trail, oldest first."""
        async with self.database.read() as uow:
            return list(reversed(await uow.audit.last(WORKSPACE, 1000)))

    async def actions(self) -> list[str]:
        return [entry.action for entry in await self.audited()]


def question(model: str = "m") -> ModelRequest:
    return ModelRequest(model, "", (ModelMessage(Role.USER, (TextPart("Well?"),)),))


def words(view: View | Any) -> str:
    """Everything that a person can read on a screen, in one line."""
    return " ".join(" ".join(_texts(view)).split())


def _texts(part: Any) -> list[str]:
    if isinstance(part, str):
        return [part]
    if isinstance(part, tuple | list):
        return [text for item in part for text in _texts(item)]
    if isinstance(part, Person):
        return [part.user.id]
    if isinstance(part, Channel):
        return [part.id]
    if is_dataclass(part) and not isinstance(part, type):
        return [text for item in fields(part) if item.name not in _UNSEEN for text in _texts(getattr(part, item.name))]
    return []


_UNSEEN = {"id", "value", "key", "context", "selected", "workspace"}

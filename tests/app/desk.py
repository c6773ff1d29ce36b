"""A whole turn's worth of services over real stores and a real vault, with the chat, the model and the engine in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

from agents import prompt
from agents.runner import Runner
from agents.tools import QuestionTools
from app.domain.chat import ConversationRef, FileRef, MessageRef, Place, UserRef
from app.domain.events import Action, Addressed, Command, Mention, Nothing, OptionQuery, Outcome, Submission
from app.domain.inbox import RunRecord
from app.domain.keys import ProviderCredential
from app.domain.run import Json, ModelDone, ModelEvent, ModelRequest, Part, Role, Stop, TextDelta, TextPart, Usage
from app.domain.run import ModelMessage as Said
from app.domain.views import Option, Suggestion
from app.engine import Body
from app.ports.engine import Runs
from app.services.answers import Answers
from app.services.approvals import Approvals
from app.services.arrivals import Arrivals
from app.services.conversations import Conversations
from app.services.desks.approvals import ApprovalDesk
from app.services.intake import Intake
from app.services.permissions import Permissions
from app.services.plans import Planner
from app.services.toolkit import Toolkit
from app.services.turns import Turns
from app.store.unit_of_work import Database
from tests.app.bench import MEMBER, WORKSPACE, Bench
from tests.app.engines import until
from tests.fakes.databases import TestClock
from tests.fakes.documents import FakeDocuments
from tests.fakes.journal import MemoryJournal
from tests.fakes.platform import ChatMessage, FakeReply
from tests.fakes.provider import FakeProvider

THREAD = ConversationRef(WORKSPACE, "C1", "1767225600.000001")


@dataclass
class ScriptedProvider(FakeProvider):
    """Plays one item of the script a call: words, a failure, or a whole message with tool calls and why it ended; then its usual answer.

    `hold` keeps it, from its so manieth call on, from going on after the first word until it is set.
    """

    script: list[str | Exception | tuple[Part | Exception | Stop, ...]] = field(default_factory=list)
    requests: list[ModelRequest] = field(default_factory=list)
    hold: asyncio.Event | None = None
    hold_from: int = 1
    held: asyncio.Event = field(default_factory=asyncio.Event)
    usage: Usage = field(default_factory=lambda: Usage(10, 2))
    closing: Exception | None = None  # what becomes of a connection that is closed early

    async def stream(self, request: ModelRequest, *, key: ProviderCredential | None) -> AsyncIterator[ModelEvent]:
        try:
            async for event in self._streamed(request, key):
                yield event
        except (GeneratorExit, asyncio.CancelledError):
            if self.closing:
                raise self.closing from None
            raise

    async def _streamed(self, request: ModelRequest, key: ProviderCredential | None) -> AsyncIterator[ModelEvent]:
        await self._asked(f"stream {request.model}", key)
        self.requests.append(request)
        item = self.script.pop(0) if self.script else self.answer
        if isinstance(item, Exception):
            raise item
        parts: list[Part] = []
        stop: Stop | None = None
        for part in (TextPart(item),) if isinstance(item, str) else item:
            if isinstance(part, Exception):
                raise part
            if isinstance(part, Stop):
                stop = part
                continue
            parts.append(part)
            for at, word in enumerate(part.text.split(" ") if isinstance(part, TextPart) else ()):
                yield TextDelta(word if at == 0 else f" {word}")
                if self.hold and not self.hold.is_set() and len(self.requests) >= self.hold_from:
                    self.held.set()
                    await self.hold.wait()
        calls = any(not isinstance(part, TextPart) for part in parts)
        stop = stop or (Stop.TOOL if calls else Stop.END)
        yield ModelDone(Said(Role.ASSISTANT, tuple(parts)), stop, self.usage, request.model)

    def asked_last(self) -> str:
        """What the last request said, all of it."""
        return "\n".join(
            part.text for message in self.requests[-1].messages for part in message.parts if isinstance(part, TextPart)
        )


class InlineRuns(Runs):
    """Actors as plain tasks, each on a journal in memory; `crash` is what a killed process is to them."""

    def __init__(self, database: Database, clock: TestClock) -> None:
        self._clock = clock
        self.body: Body | None = None
        self.journals: dict[str, MemoryJournal] = {}
        self.asleep = False
        self.patience = 0.05
        self.missed: list[str] = []
        self._database = database
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def start(self, conversation: str) -> None:
        if self.asleep:
            self.missed.append(conversation)
            return
        async with self._database.read() as uow:
            row = await uow.inbox.conversation(conversation)
        assert row
        run = f"{conversation}.{row.generation}"
        if run in self._tasks:
            return
        memory = self.journals[run].memory if run in self.journals else {}
        self.journals[run] = MemoryJournal(
            run, memory, patience=self.patience, rested=lambda seconds: self._clock.forward(seconds=seconds)
        )
        self._tasks[run] = asyncio.create_task(self._act(run, conversation, row.generation))

    async def stop(self, run: str) -> None:
        self.journals[run].stop()

    async def signal(self, run: str, name: str, value: Json) -> None:
        self.journals[run].signal(name, value)

    async def crash(self) -> None:
        """Everything under way is lost but what the journals remember; then it all begins again."""
        for run in await self.down():
            await self.start(run.rpartition(".")[0])

    async def down(self) -> list[str]:
        """Everything under way is lost, and does not begin again; tells which runs that were."""
        tasks = dict(self._tasks)
        for task in tasks.values():
            task.cancel()
        if tasks:
            await asyncio.wait(tasks.values())
        for run in tasks:
            self._tasks.pop(run, None)
        return list(tasks)

    async def give_up(self, run: str) -> None:
        """One actor comes to a bad end."""
        task = self._tasks.pop(run)
        task.cancel()
        await asyncio.wait([task])

    async def wake(self) -> None:
        """Start what was asked to be started while it was asleep."""
        self.asleep = False
        for conversation in self.missed:
            await self.start(conversation)

    @property
    def idle(self) -> bool:
        return not self._tasks

    async def _act(self, run: str, conversation: str, generation: int) -> None:
        assert self.body
        if await self.body(self.journals[run], conversation, generation):
            await self.start(conversation)
        self._tasks.pop(run, None)


class Screens:
    """Commands, forms and home: which was asked what."""

    def __init__(self) -> None:
        self.seen: list[object] = []
        self.outcome: Outcome | Exception = Nothing()

    async def command(self, event: Command) -> Outcome:
        return self._answer(event)

    async def action(self, event: Action) -> Outcome:
        return self._answer(event)

    async def submission(self, event: Submission) -> Outcome:
        return self._answer(event)

    async def options(self, q: OptionQuery) -> tuple[Option, ...]:
        self._answer(q)
        return (Option("a", "A"),)

    async def suggestions(self, user: UserRef) -> tuple[Suggestion, ...]:
        self._answer(user)
        return ()

    async def publish(self, user: UserRef) -> None:
        self._answer(user)

    def _answer(self, event: object) -> Outcome:
        self.seen.append(event)
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


class Desk:
    """`bench` with a scripted model, and everything that a mention passes through."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.database = bench.database
        self.platform = bench.platform
        self.model = ScriptedProvider(
            "anthropic", "Anthropic", keys=bench.anthropic.keys, listed=bench.anthropic.listed
        )
        bench.providers["anthropic"] = self.model
        platforms = {self.platform.name: self.platform}
        self.workspaces = bench.workspaces
        self.runs = InlineRuns(bench.database, bench.clock)
        arrivals = Arrivals(bench.database, bench.clock)
        planner = Planner(
            bench.database, bench.vault, platforms,
            agents=bench.agents, access=bench.access, keys=bench.keys, memory=bench.memory, clock=bench.clock,
        )  # fmt: skip
        self.documents = FakeDocuments()
        self.permissions = Permissions(bench.database, platforms, bench.access, bench.clock)
        self.toolkit = Toolkit(
            [QuestionTools()], platforms, permissions=self.permissions,
            approvals=Approvals(bench.database, bench.vault, platforms, clock=bench.clock),
        )  # fmt: skip
        turns = Turns(
            bench.database, platforms,
            keys=bench.keys, workspaces=self.workspaces, memory=bench.memory,
            runner=Runner(), prompt=prompt.build, tools=self.toolkit, reader=self.documents,
            spending=bench.budgets,
        )  # fmt: skip
        self.runs.body = Conversations(bench.database, planner, turns)
        self.answers = Answers(
            bench.database, bench.vault, self.runs, arrivals=arrivals, access=bench.access, clock=bench.clock
        )
        self.approvals = ApprovalDesk(
            bench.database, bench.vault, self.runs, platforms,
            answers=self.answers, access=bench.access, background=bench.background, clock=bench.clock,
        )  # fmt: skip
        self.screens = Screens()
        self.intake = Intake(
            bench.database, bench.vault, self.runs,
            arrivals=arrivals, answers=self.answers, approvals=self.approvals, commands=self.screens, forms=self.screens, home=self.screens,
            workspaces=self.workspaces, access=bench.access, keys=bench.keys, platforms=platforms, background=bench.background,
        )  # fmt: skip

    async def say(
        self,
        text: str,
        user: UserRef = MEMBER,
        *,
        where: ConversationRef = THREAD,
        addressed: Addressed = Addressed.MENTION,
        from_bot: bool = False,
        files: tuple[FileRef, ...] = (),
    ) -> Mention:
        """Somebody writes in the chat, and the platform tells Latchkey."""
        ref = self.platform.say(where, user, text, files=files)
        mention = Mention(
            event_id=f"Ev{ref.id}", conversation=where, message_id=ref.id, user=user, addressed=addressed,
            at=self.bench.clock.now(), text=text, from_bot=from_bot, files=files,
        )  # fmt: skip
        await self.intake.mention(mention)
        return mention

    async def ask(self, text: str, user: UserRef = MEMBER, **more: object) -> FakeReply | None:
        """The same, and wait until nothing is under way any more; the newest reply."""
        before = len(self.platform.replies)
        await self.say(text, user, **more)  # type: ignore[arg-type]
        await self.settled()
        return self.platform.replies[-1] if len(self.platform.replies) > before else None

    async def settled(self) -> None:
        await self.bench.settled()
        await until(lambda: self.runs.idle)
        await self.bench.settled()

    async def press(self, action: str, value: str, user: UserRef = MEMBER) -> Outcome:
        """A button under an answer."""
        return await self.intake.action(Action(user, action, value, conversation=THREAD))

    async def records(self) -> list[RunRecord]:
        """Every run there was, in the order of its conversation's generations."""
        async with self.database.read() as uow:
            found = [await uow.runs.get(WORKSPACE, run) for run in sorted(self.runs.journals)]
        return [record for record in found if record]

    def shown(self, where: ConversationRef = THREAD) -> list[ChatMessage]:
        """Our own messages in the thread."""
        return [message for message in self.platform.thread(where) if message.run]


def direct(user: UserRef = MEMBER) -> ConversationRef:
    """A thread of somebody's direct chat with the app."""
    return replace(THREAD, channel=f"D{user.id}", place=Place.DIRECT)


def ref(message_id: str) -> MessageRef:
    return MessageRef(WORKSPACE, "C1", message_id)

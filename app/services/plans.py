"""What is to be done about one event, decided once: who answers, whether, with which key and model, and what is asked.

Everything here is read within one step of the run's journal, so that a replay takes the same path.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import structlog

from app.domain.agent import AgentSpec
from app.domain.chat import ConversationRef, FileRef, HistoryMessage, UserRef
from app.domain.events import Addressed, Mention
from app.domain.files import MOST_FILES
from app.domain.grants import CLEAN, Decision, Denied, Invoker, Taint
from app.domain.inbox import Claim
from app.domain.keys import ModelChoice
from app.domain.schedules import has_no_thread, schedule_of
from app.domain.secrets import KeyContext, SealedSecret
from app.domain.spend import Account
from app.errors import NoAgent, PlatformError, UserError
from app.ports.agents import Question
from app.ports.clock import Clock
from app.ports.keys import Sealer
from app.ports.platform import ChatPlatform
from app.services.beginnings import first_taint
from app.services.codec import load
from app.services.continuing import GO_ON, up_to
from app.services.explain import ANSWER_GONE, INTERRUPTED, QUESTION_GONE, UNREADABLE
from app.services.journaled import PaidModel
from app.services.till import Till
from app.services.transcripts import Transcripts
from app.store.inbox import RETRY_MARK
from app.store.unit_of_work import Database

log = structlog.get_logger(__name__)

FORGET = "forget"
WORDLESS = "(They mentioned you and wrote nothing else.)"
UNATTENDED = "\n\n(A schedule asks this. Nobody is there to ask back; your answer is posted in the channel.)"
ONLY_FILES = "(They sent this and wrote nothing.)"

_PERSON = re.compile(r"<@([^<>|\s]{1,200})(?:\|[^<>]{0,200})?>")


class ChoosesAgents(Protocol):
    """What is needed of `app.services.agents`."""

    async def choose(self, mention: Mention, thread_agent: str) -> tuple[AgentSpec, str]:
        """Who answers, and the text without its name. Raises NoAgent."""


class Decides(Protocol):
    """What is needed of `app.services.access`."""

    async def is_admin(self, user: UserRef) -> bool:
        """Whether this person is an admin now."""

    async def may_ask(self, user: UserRef, conversation: ConversationRef, *, from_bot: bool) -> Decision:
        """Whether this person may have an agent answer there."""

    async def invoker(self, user: UserRef, workspace: str, *, from_bot: bool) -> Invoker:
        """What this person is when an agent of the workspace acts for them."""


class HoldsKeys(Protocol):
    """What is needed of `app.services.keys`."""

    async def resolve(self, agent: AgentSpec) -> ModelChoice:
        """Which key and model it is. Raises UserError in words for the asker."""

    def client(self, choice: ModelChoice, account: Account, till: Till | None = None) -> PaidModel:
        """The model, with its key applied, and paid for, at each call."""

    async def redact(self, workspace: str, text: str) -> str:
        """The text without keys."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why there will be no answer. `private` ones are told to the asker alone, silent ones to nobody."""

    code: str
    message: str = ""
    private: bool = False
    silent: bool = False
    to_admin: bool = False
    waits_for: str = ""  # see app.errors.UserError


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do. With a refusal the rest may be missing; `forget` says that only the context begins anew."""

    mention: Mention
    agent: AgentSpec | None = None
    choice: ModelChoice | None = None
    question: Question | None = field(default=None, repr=False)
    invoker: Invoker = Invoker.EXTERNAL
    taint: Taint = CLEAN  # of what the run begins with
    refusal: Refusal | None = None
    forget: bool = False

    @property
    def answers(self) -> bool:
        """Whether the agent answers here, be it with an explanation: follow-ups are then for it."""
        return self.agent is not None and not (self.refusal and (self.refusal.private or self.refusal.silent))


class Planner:
    """Decides what is to be done about an event that was taken up."""

    def __init__(
        self,
        database: Database,
        sealer: Sealer,
        platforms: Mapping[str, ChatPlatform],
        *,
        agents: ChoosesAgents,
        access: Decides,
        keys: HoldsKeys,
        memory: Transcripts,
        clock: Clock,
    ) -> None:
        self._database = database
        self._sealer = sealer
        self._memory = memory
        self._platforms = platforms
        self._agents = agents
        self._access = access
        self._keys = keys
        self._clock = clock

    async def plan(self, claim: Claim, payload: SealedSecret | None) -> Plan:
        """Decide. What a person should know is a Refusal; what is raised is a bug, or a payload that does not open."""
        plan = await self._plan(claim, await self._mention(claim, payload))
        if plan.refusal and has_no_thread(claim.thread):  # nobody asked: who set the schedule up is told
            return replace(plan, refusal=replace(plan.refusal, silent=True))
        return plan

    async def _plan(self, claim: Claim, mention: Mention) -> Plan:
        if claim.again:
            return Plan(mention, refusal=Refusal(INTERRUPTED))
        if mention.addressed is Addressed.FOLLOW_UP and not claim.agent_id:
            return Plan(mention, refusal=Refusal("NotAddressed", silent=True))
        unasked = mention.addressed is Addressed.FOLLOW_UP  # whoever did not turn to an agent is not told no either
        try:
            agent, text = await self._agents.choose(mention, await self._agent_so_far(claim, mention))
        except NoAgent as error:
            return Plan(mention, refusal=Refusal(error.code, error.message, private=True, silent=unasked))
        decision = await self._access.may_ask(mention.user, mention.conversation, from_bot=mention.from_bot)
        if isinstance(decision, Denied):
            return Plan(mention, agent, refusal=Refusal("Denied", decision.reason, private=True, silent=unasked))
        if not unasked and not mention.scheduled and _says_forget(text, agent):
            return Plan(mention, agent, forget=True)
        return await self._ask(claim, mention, agent, f"{text}{UNATTENDED}" if mention.scheduled else text)

    async def _ask(self, claim: Claim, mention: Mention, agent: AgentSpec, text: str) -> Plan:
        fetching = asyncio.create_task(self._thread(claim, mention))
        try:
            choice = await self._keys.resolve(agent)
        except UserError as error:
            await self._let_go(claim, fetching)
            admin = await self._access.is_admin(mention.user)
            refusal = Refusal(error.code, error.message, to_admin=admin, waits_for=error.waits_for)
            return Plan(mention, agent, refusal=refusal)
        except BaseException:
            fetching.cancel()
            raise
        try:
            thread = await fetching
        except PlatformError as error:
            log.warning("conversation not read", run=claim.run, error=error.code)
            return Plan(mention, agent, refusal=Refusal(UNREADABLE))
        if mention.continues:
            thread, text = up_to(thread, await self._answer_of(claim, mention.continues)), GO_ON
        elif mention.retry_of:
            asked = next((item for item in thread if item.id == question_id(claim.message_id)), None)
            asked = asked or await self._scheduled(claim)
            if asked is None:
                return Plan(mention, agent, refusal=Refusal(QUESTION_GONE))
            only = agent.id if schedule_of(claim.message_id) else ""
            mention = replace(mention, text=asked.text, files=asked.files, agent=only)
            try:
                text = (await self._agents.choose(mention, agent.id))[1]
            except NoAgent as error:  # the question was edited, and names another one now
                return Plan(mention, agent, refusal=Refusal(error.code, error.message, private=True))
        shown = await self._shown(claim)
        forgotten = "" if self._memory.remembers(claim.workspace) else claim.forget_before  # erased, not left out
        asked_in = "" if mention.continues else question_id(claim.message_id)
        history = context(thread, asked_in, forgotten, shown)
        if mention.continues and not history:
            return Plan(mention, agent, refusal=Refusal(ANSWER_GONE))
        question = await self._question(mention, agent, text, history)
        invoker = Invoker.SCHEDULED
        if not mention.scheduled:
            invoker = await self._access.invoker(mention.user, mention.workspace, from_bot=mention.from_bot)
        taint = await first_taint(self._database, self._access, mention, agent=agent, invoker=invoker, history=history)
        return Plan(replace(mention, text=""), agent, choice, question, invoker, taint)

    async def _scheduled(self, claim: Claim) -> HistoryMessage | None:
        """What a schedule asks: nobody said it in the chat, so it is to be found nowhere else."""
        schedule = schedule_of(claim.message_id)
        async with self._database.read() as uow:
            sealed = await uow.schedules.sealed(claim.workspace, schedule) if schedule else None
        if sealed is None:
            return None
        text = await self._sealer.open(KeyContext(claim.workspace, "schedule", schedule), sealed)
        return HistoryMessage(
            question_id(claim.message_id), text.decode(), None, from_agent=False, at=self._clock.now()
        )

    async def _let_go(self, claim: Claim, fetching: asyncio.Task[tuple[HistoryMessage, ...]]) -> None:
        """A platform need not be waited for; but what nobody else remembers is there for Retry."""
        if self._memory.remembers(claim.workspace):
            await fetching
        else:
            fetching.cancel()

    async def _thread(self, claim: Claim, mention: Mention) -> tuple[HistoryMessage, ...]:
        """What was said before, and the question: as the platform has it, or else as far as it is remembered here."""
        if not self._memory.remembers(claim.workspace):
            return () if mention.scheduled else await self._platform(claim).history(mention.conversation)
        if not (mention.retry_of or mention.continues):
            safe = await self._keys.redact(claim.workspace, mention.text)
            await self._memory.keep(claim, question_id(claim.message_id), safe, mention.user, files=mention.files)
        return await self._memory.recall(claim)

    async def _question(
        self, mention: Mention, agent: AgentSpec, text: str, history: tuple[HistoryMessage, ...]
    ) -> Question:
        workspace = mention.workspace
        shown = _newest_files(history, MOST_FILES - len(mention.files))
        safe = [await self._safe(workspace, item, shown) for item in history]
        asked = await self._keys.redact(workspace, text) or (ONLY_FILES if mention.files else WORDLESS)
        people = _people(mention.user, safe, asked)
        names = {person: f"Person {number}" for number, person in enumerate(people, start=1)}
        if agent.share_names:
            platform = self._platforms[workspace.split(":", 1)[0]]
            found = await asyncio.gather(*(platform.display_name(UserRef(workspace, person)) for person in people))
            names = dict(zip(people, found, strict=True))
        return Question(asked, mention.user, tuple(safe), names, self._clock.now(), mention.files)

    async def _safe(
        self, workspace: str, item: HistoryMessage, shown: frozenset[tuple[str, FileRef]]
    ) -> HistoryMessage:
        """Without keys, and with those of its files that can be looked at."""
        files = [
            replace(file, name=await self._keys.redact(workspace, " ".join(file.name.split())))
            for file in item.files
            if (item.id, file) in shown
        ]
        return replace(item, text=await self._keys.redact(workspace, _with_names(item, shown)), files=tuple(files))

    async def _mention(self, claim: Claim, sealed: SealedSecret | None) -> Mention:
        if sealed is None:
            raise ValueError("an event without its payload was taken up")
        opened = await self._sealer.open(payload_place(claim.workspace, claim.channel, claim.message_id), sealed)
        mention = load(Mention, json.loads(opened))
        if mention.scheduled:  # its thread may have been begun meanwhile
            return replace(mention, conversation=replace(mention.conversation, thread=claim.thread))
        return mention

    async def _agent_so_far(self, claim: Claim, mention: Mention) -> str:
        """Who answers where nobody is named: the thread's agent; a repetition is for the one that was asked."""
        before = mention.continues or mention.retry_of
        if not before:
            return claim.agent_id
        async with self._database.read() as uow:
            record = await uow.runs.get(claim.workspace, before)
        return (record.agent_id if record else "") or claim.agent_id

    async def _answer_of(self, claim: Claim, run: str) -> set[str]:
        """The messages that a run's answer consists of, as the thread has them; where it is remembered here, the run stands for them."""
        async with self._database.read() as uow:
            return {run, *(part.message.id for part in await uow.runs.parts(claim.workspace, run))}

    async def _shown(self, claim: Claim) -> set[str]:
        """Our own messages that this very answer consists of so far."""
        if claim.first:
            return set()
        async with self._database.read() as uow:
            return {part.message.id for part in await uow.runs.parts(claim.workspace, claim.run)}

    def _platform(self, claim: Claim) -> ChatPlatform:
        return self._platforms[claim.workspace.split(":", 1)[0]]


def payload_place(workspace: str, channel: str, message_id: str) -> KeyContext:
    """What a sealed Mention is bound to."""
    return KeyContext(workspace, "inbox", f"{channel}/{message_id}")


def question_id(message_id: str) -> str:
    """The platform's id of the message: a repetition's without its mark."""
    return message_id.partition(RETRY_MARK)[0]


def context(
    thread: Sequence[HistoryMessage], question: str, forget_before: str, shown: set[str]
) -> tuple[HistoryMessage, ...]:
    """The thread as the agent should know it: what came after the last `forget`, without the question and what people asked after it."""
    messages = list(thread)
    ids = [item.id for item in messages]
    if forget_before:
        # Not there any more (deleted, or beyond what the platform gives): nothing before the question is sure to be meant.
        cut = ids.index(forget_before) if forget_before in ids else ids.index(question) if question in ids else len(ids)
        messages = messages[cut + 1 :] if forget_before in ids else messages[cut:]
    at = next((place for place, item in enumerate(messages) if item.id == question), len(messages))
    return tuple(
        item
        for place, item in enumerate(messages)
        if item.id not in shown and (place < at or (place > at and item.from_agent))
    )


def _newest_files(history: Sequence[HistoryMessage], most: int) -> frozenset[tuple[str, FileRef]]:
    """Which files that people sent earlier can still be asked about; an agent knows what it made itself."""
    sent = [(item.id, file) for item in reversed(history) if not item.from_agent for file in item.files]
    return frozenset(sent[: max(0, most)])


def _with_names(item: HistoryMessage, shown: frozenset[tuple[str, FileRef]]) -> str:
    """What was said earlier, and which files came with it that are not shown again: the agent knows of them, at least."""
    names = [file.name for file in item.files if (item.id, file) not in shown]
    if not names:
        return item.text
    why = "Sent with this" if item.from_agent else "Sent with this, and not shown to you"
    return f"{item.text}\n({why}: {', '.join(names)})".lstrip()


def _says_forget(text: str, agent: AgentSpec) -> bool:
    """`forget`, also after the agent's bare name, which stays in the text."""
    return text.strip(" .!`").casefold().removeprefix("@").removeprefix(f"{agent.name} ").strip() == FORGET


def _people(asker: UserRef, history: Sequence[HistoryMessage], text: str) -> tuple[str, ...]:
    """Everybody who speaks or is spoken of, in the order of their appearance."""
    found: dict[str, None] = {}
    for item in history:
        if item.author and not item.from_agent:
            found.setdefault(item.author.id)
        found.update(dict.fromkeys(_PERSON.findall(item.text)))
    return tuple(found | dict.fromkeys([asker.id, *_PERSON.findall(text)]))

"""One turn: an event that was taken up is answered, refused or explained, and delivered for certain."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Protocol

import structlog

from app.domain.agent import AgentSpec
from app.domain.chat import ConversationRef, FileRef, Persona, UserRef
from app.domain.grants import CLEAN, Invoker
from app.domain.inbox import Claim
from app.domain.run import Json, RunFinished, RunState, StoodIn, TextDelta
from app.domain.schedules import has_no_thread, schedule_of
from app.domain.spend import Paid
from app.domain.views import Feedback, Note, View, rich
from app.errors import PlatformError, RateLimited, RunLimit, Stopped, UserError
from app.ports.agents import AgentRunner, PromptBuilder, RunFacts
from app.ports.documents import DocumentReader
from app.ports.engine import Journal
from app.ports.platform import ChatPlatform, ReplyTarget
from app.services import explain, stand_in_words
from app.services.attachments import Attachments
from app.services.delivery import WORTH_ANOTHER_TRY, Delivery
from app.services.footers import footer
from app.services.journaled import JournaledModel
from app.services.ledger import Ledger
from app.services.openings import Openings
from app.services.plans import HoldsKeys, Plan, Refusal, question_id
from app.services.sources import NumberedSources
from app.services.till import Till
from app.services.toolkit import Toolkit
from app.services.transcripts import Transcripts
from app.services.workspaces import WorkspaceSettings
from app.store.unit_of_work import Database

log = structlog.get_logger(__name__)

MOST_DELIVERIES = 5
HOUSE = Persona("Latchkey", "🔑")
FORGOTTEN = "Done: I no longer look at what was said above."


class HasSettings(Protocol):
    """What is needed of `app.services.workspaces`."""

    async def settings(self, workspace: str) -> WorkspaceSettings:
        """What the workspace's admins have set."""


class ExplainsSpending(Protocol):
    """What is needed of `app.services.budgets`."""

    async def explained(self, workspace: str, code: str, waits_for: str, run: str, *, to_admin: bool) -> View | None:
        """What is said where a limit, or a price that nobody knows, stopped a question."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended, and how often it asked a model."""

    state: RunState
    agent_id: str = ""
    error: str = ""
    retry_of: str = ""
    calls: int = 0
    waits_for: str = ""  # see app.errors.UserError


@dataclass(slots=True)
class _Answer:
    """What came of asking the model. `failed` is why there is no (whole) text."""

    text: str = ""
    finished: RunFinished | None = None
    failed: UserError | Stopped | None = None
    sources: NumberedSources = field(default_factory=NumberedSources)
    stood_in: list[tuple[str, StoodIn]] = field(default_factory=list)
    paid: Paid = field(default_factory=Paid)


class Turns:
    """Answers one event at a time. All that it does to the world, and all that it reads of it, is a step of the journal."""

    def __init__(
        self,
        database: Database,
        platforms: Mapping[str, ChatPlatform],
        *,
        keys: HoldsKeys,
        workspaces: HasSettings,
        memory: Transcripts,
        runner: AgentRunner,
        prompt: PromptBuilder,
        tools: Toolkit,
        reader: DocumentReader,
        spending: ExplainsSpending | None = None,
    ) -> None:
        self._spending = spending
        self._database = database
        self._platforms = platforms
        self._keys = keys
        self._workspaces = workspaces
        self._memory = memory
        self._runner = runner
        self._prompt = prompt
        self._tools = tools
        self._openings = Openings(database, platforms)
        self._reader = reader

    async def take(self, journal: Journal, claim: Claim, plan: Plan, *, fresh: bool) -> Ending:
        """Do what the plan says. `fresh` tells that nothing of this run can have been shown yet."""
        if plan.mention.scheduled and not (plan.refusal and plan.refusal.silent):
            plan, failed = await self._openings.open(journal, claim, plan)
            if failed:
                return Ending(RunState.FAILED, plan.agent.id if plan.agent else "", failed)
        delivery = self._delivery(claim, plan.mention.conversation, plan, fresh=fresh)
        try:
            return await self._take(journal, claim, plan, delivery)
        except BaseException:  # a bug, or the process goes down: either way somebody else takes the reply up
            await delivery.abandon()
            raise

    async def apologise(self, journal: Journal, claim: Claim, plan: Plan | None) -> Ending:
        """Explain in the thread that something went wrong, whatever it was."""
        conversation = (
            plan.mention.conversation if plan else ConversationRef(claim.workspace, claim.channel, claim.thread)
        )
        agent = plan.agent.id if plan and plan.agent else ""
        if has_no_thread(conversation.thread):
            thread = await self._openings.found(journal, claim)
            if not thread:
                return Ending(RunState.FAILED, agent, explain.INTERRUPTED)
            conversation = replace(conversation, thread=thread)
        delivery = self._delivery(claim, conversation, plan, fresh=False)
        await self._deliver(journal, claim, delivery, "", failed=explain.failure(explain.INTERRUPTED, claim.run))
        return Ending(RunState.FAILED, agent, explain.INTERRUPTED)

    async def _take(self, journal: Journal, claim: Claim, plan: Plan, delivery: Delivery) -> Ending:
        agent_id = plan.agent.id if plan.agent else ""
        retry_of = plan.mention.retry_of
        if plan.refusal:
            await self._refuse(journal, claim, plan, plan.refusal, delivery)
            return Ending(RunState.FAILED, agent_id, plan.refusal.code, retry_of, waits_for=plan.refusal.waits_for)
        if plan.forget or plan.agent is None:
            error = await self._forget(journal, claim, delivery)
            return Ending(RunState.FAILED if error else RunState.DONE, agent_id, error, retry_of)
        answer = await self._ask(journal, claim, plan, plan.agent, delivery)
        state = RunState.DONE
        if isinstance(answer.failed, Stopped):
            state, error = RunState.STOPPED, answer.failed.code
            failed = _with(explain.stopped(claim.run), stand_in_words.remarks(answer.stood_in))
            undelivered = await self._deliver(
                journal, claim, delivery, answer.text, failed=failed, sources=answer.sources
            )
        elif answer.failed:
            state, error = RunState.FAILED, answer.failed.code
            failed = _with(_why(answer.failed, claim.run), stand_in_words.remarks(answer.stood_in))
            undelivered = await self._deliver(
                journal, claim, delivery, answer.text, failed=failed, sources=answer.sources, why=(plan, answer.failed)
            )
        else:
            error = ""
            undelivered = await self._finish(journal, claim, plan.agent, answer, delivery)
        if undelivered:
            state, error = RunState.FAILED, undelivered
        waits_for = answer.failed.waits_for if isinstance(answer.failed, UserError) else ""
        return Ending(state, agent_id, error, retry_of, answer.paid.calls, waits_for)

    async def _ask(self, journal: Journal, claim: Claim, plan: Plan, agent: AgentSpec, delivery: Delivery) -> _Answer:
        choice, question = plan.choice, plan.question
        if choice is None or question is None:
            raise ValueError("a plan without a refusal has a model and a question")
        ledger, till = Ledger.of(claim, agent), Till(delivery.status)
        client = self._keys.client(choice, ledger.account, till)
        seeing = Attachments(
            client,
            self._fetch(claim),
            self._redact(claim),
            self._reader,
            images=choice.images,
            documents=choice.documents,
        )
        mention = plan.mention
        facts = RunFacts(
            claim.run, agent, question, mention.conversation, plan.invoker, hints=mention.hints, taint=plan.taint
        )
        answer, redact = _Answer(), self._redact(claim)
        tools = await self._tools.belt(facts, journal, delivery, sources=answer.sources, redact=redact, ledger=ledger)
        model = JournaledModel(
            seeing, journal, delivery, lambda: self._stop_requested(claim.run),
            till=till, heard=tools.heard, paid=ledger.adding(agent.name), left=ledger.left,
        )  # fmt: skip
        messages, where = self._prompt(agent, question, context_window=choice.context_window), mention.conversation
        try:
            async with aclosing(self._runner.run(agent, messages, model, tools, where=where)) as events:
                async for event in events:
                    if isinstance(event, TextDelta):
                        answer.text += event.text
                    elif isinstance(event, RunFinished):
                        answer.text, answer.finished = event.text, event
        except RunLimit as error:
            if answer.text.strip():
                answer.finished = RunFinished(answer.text, model=model.answered_last, limit=error.limit)
            else:
                answer.failed = error
        except (UserError, Stopped) as error:
            answer.failed = error
        answer.stood_in = ledger.stood_in
        answer.paid = ledger.paid
        return answer

    async def _finish(
        self, journal: Journal, claim: Claim, agent: AgentSpec, answer: _Answer, delivery: Delivery
    ) -> str:
        finished = answer.finished
        if finished is None or not answer.text.strip():
            code = explain.wordless(finished)
            await self._deliver(journal, claim, delivery, "", failed=explain.failure(code, claim.run))
            return code
        notes = explain.ended(finished, claim.run)

        async def work() -> Json:
            settings = await self._workspaces.settings(claim.workspace)
            last = footer(settings, agent.name, finished.model, answer.paid)
            safe = await self._keys.redact(claim.workspace, answer.text)
            sources = await answer.sources.under(safe, self._redact(claim))
            instead = stand_in_words.remarks(answer.stood_in)
            under = View(blocks=(*sources, *notes, *_remarks(delivery), *instead, *last, Feedback(claim.run)))
            return await self._remembered(claim, safe, await delivery.finish(safe, (under,)))

        return await _persistently(journal, work)

    async def _deliver(
        self,
        journal: Journal,
        claim: Claim,
        delivery: Delivery,
        text: str,
        *,
        failed: View,
        sources: NumberedSources | None = None,
        why: tuple[Plan, UserError] | None = None,
    ) -> str:
        async def work() -> Json:
            safe = await self._keys.redact(claim.workspace, text)
            cited = await sources.under(safe, self._redact(claim)) if sources and text.strip() else ()
            said = (await self._of_spending(claim, *why) if why else None) or failed
            shown = replace(said, blocks=(*cited, *said.blocks, *_remarks(delivery)))
            return await self._remembered(claim, safe, await delivery.fail(shown, safe))

        return await _persistently(journal, work)

    async def _of_spending(self, claim: Claim, plan: Plan, error: UserError) -> View | None:
        if self._spending is None:
            return None
        to_admin = plan.invoker is Invoker.ADMIN
        return await self._spending.explained(
            claim.workspace, error.code, error.waits_for, claim.run, to_admin=to_admin
        )

    async def _remembered(self, claim: Claim, text: str, undelivered: str) -> str:
        """What people were shown is part of the conversation; tells what `undelivered` tells."""
        if text and not undelivered:
            await self._memory.keep(claim, claim.run, text)
        return undelivered

    async def _refuse(self, journal: Journal, claim: Claim, plan: Plan, refusal: Refusal, delivery: Delivery) -> None:
        if refusal.silent:
            return
        if not refusal.private:
            view = explain.failure(refusal.code, claim.run, message=refusal.message, to_admin=refusal.to_admin)
            await self._deliver(journal, claim, delivery, "", failed=view)
            return

        async def work() -> Json:
            mention = plan.mention
            try:
                platform = self._platforms[claim.workspace.split(":", 1)[0]]
                await platform.whisper(mention.user, explain.refusal(refusal.message), mention.conversation)
            except PlatformError as error:
                log.warning("refusal not told", run=claim.run, error=error.code)
            return None

        await journal.step("whisper", work)

    async def _forget(self, journal: Journal, claim: Claim, delivery: Delivery) -> str:
        async def forget() -> Json:
            async with self._database.begin() as uow:
                await uow.inbox.forget_before(claim.conversation, question_id(claim.message_id))
                await uow.transcripts.forget_conversation(claim.conversation)
                await uow.tool_uses.keep_taint(delivery.target.conversation, CLEAN)
            return None

        await journal.step("forget", forget)
        return await _persistently(journal, lambda: delivery.finish(FORGOTTEN, ()))

    def _fetch(self, claim: Claim) -> Callable[[FileRef, int], Awaitable[bytes]]:
        platform = self._platforms[claim.workspace.split(":", 1)[0]]
        return lambda file, limit: platform.download(claim.workspace, file, limit)

    def _redact(self, claim: Claim) -> Callable[[str], Awaitable[str]]:
        return lambda text: self._keys.redact(claim.workspace, text)

    async def _stop_requested(self, run: str) -> bool:
        async with self._database.read() as uow:
            return await uow.runs.stop_requested(run)

    def _delivery(self, claim: Claim, conversation: ConversationRef, plan: Plan | None, *, fresh: bool) -> Delivery:
        target = ReplyTarget(
            conversation=conversation,
            asker=plan.mention.user if plan else _asker(claim),
            asked=conversation.thread if schedule_of(claim.message_id) else question_id(claim.message_id),
            run=claim.run,
            persona=plan.agent.persona if plan and plan.agent else HOUSE,
            hints=plan.mention.hints if plan else {},
        )
        return Delivery(self._platforms[claim.workspace.split(":", 1)[0]], self._database, target, fresh=fresh)


async def _persistently(journal: Journal, work: Callable[[], Awaitable[Json]]) -> str:
    """Deliver; where the platform is not there at the moment, again and again for a while. Tells what went wrong, or nothing."""
    code: Json = ""
    for tries in range(MOST_DELIVERIES):
        code = await journal.step("deliver", work)
        if code not in WORTH_ANOTHER_TRY:
            break
        await journal.sleep(2.0**tries)
    return str(code or "")


def _why(error: UserError, run: str) -> View:
    wait = error.retry_after if isinstance(error, RateLimited) else None
    return explain.failure(error.code, run, message=error.message, retry_after=wait)


def _with(failed: View, remarks: tuple[Note, ...]) -> View:
    return replace(failed, blocks=(*remarks, *failed.blocks)) if remarks else failed


def _remarks(delivery: Delivery) -> tuple[Note, ...]:
    return tuple(Note(rich(text)) for text in delivery.remarks)


def _asker(claim: Claim) -> UserRef:
    return UserRef(claim.workspace, claim.user)

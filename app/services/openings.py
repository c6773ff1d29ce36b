"""Where an answer stands that nobody asked for: a schedule's run begins its own thread, with a message that says what this is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import structlog

from app.domain.chat import ConversationRef, Persona
from app.domain.inbox import Claim
from app.domain.run import Json
from app.domain.schedules import has_no_thread, schedule_of
from app.errors import PlatformError
from app.ports.engine import Journal
from app.ports.platform import ChatPlatform
from app.services.delivery import WORTH_ANOTHER_TRY
from app.services.plans import UNATTENDED, Plan
from app.services.screens import schedules as screens
from app.store.unit_of_work import DATA_ERRORS, Database

log = structlog.get_logger(__name__)

MOST_TRIES = 4


class Openings:
    """Posts once for each run, as far as a platform tells whether it did."""

    def __init__(self, database: Database, platforms: Mapping[str, ChatPlatform]) -> None:
        self._database = database
        self._platforms = platforms

    async def open(self, journal: Journal, claim: Claim, plan: Plan) -> tuple[Plan, str]:
        """The plan in a thread of its own; or the code of why there is none."""

        async def work() -> Json:
            known = await self._thread(claim)
            if known:
                return {"thread": known}
            try:
                return {"thread": await self._begin(claim, plan)}
            except PlatformError as error:
                log.warning("a schedule's thread was not begun", run=claim.run, error=error.code)
                return {"error": error.code}

        for tries in range(MOST_TRIES):
            kept = await journal.step("thread", work)
            told = kept if isinstance(kept, dict) else {}
            thread, error = str(told.get("thread") or ""), str(told.get("error") or PlatformError.__name__)
            if thread:
                where = replace(plan.mention.conversation, thread=thread)
                return replace(plan, mention=replace(plan.mention, conversation=where)), ""
            if error not in WORTH_ANOTHER_TRY:
                break
            await journal.sleep(2.0**tries)
        return plan, error

    async def found(self, journal: Journal, claim: Claim) -> str:
        """The thread that a schedule's run has begun; empty if it has not come so far."""

        async def work() -> Json:
            return await self._thread(claim)

        return str(await journal.step("thread", work) or "")

    async def _thread(self, claim: Claim) -> str:
        async with self._database.read() as uow:
            row = await uow.inbox.conversation(claim.conversation)
        return row.thread if row and not has_no_thread(row.thread) else ""

    async def _begin(self, claim: Claim, plan: Plan) -> str:
        mention = plan.mention
        platform = self._platforms[claim.workspace.partition(":")[0]]
        async with self._database.read() as uow:
            schedule = await uow.schedules.get(claim.workspace, schedule_of(claim.message_id))
        asked = (plan.question.text if plan.question else "").removesuffix(UNATTENDED)
        view = screens.header(schedule, asked, by=await platform.display_name(mention.user))
        persona = plan.agent.persona if plan.agent else Persona("")
        where = ConversationRef(
            claim.workspace, claim.channel, "", mention.conversation.place, mention.conversation.shared
        )
        root = await platform.post_view(where, view, persona)
        try:
            async with self._database.begin() as uow:
                await uow.inbox.move(claim.conversation, root.id)
        except (
            DATA_ERRORS
        ):  # somebody was quick to write there: their conversation is the thread's, this one answers in it, too
            log.warning("a schedule's thread was taken", run=claim.run)
        return root.id

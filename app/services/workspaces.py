"""Workspaces as Latchkey knows them: how each begins, and what its admins set."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime, timedelta

from app.domain.agent import AgentSpec
from app.domain.audit import AuditEntry
from app.domain.chat import UserRef
from app.domain.run import Json
from app.errors import BadInput
from app.ports.clock import Clock
from app.services.agent_drafts import FIRST_GRANTS
from app.services.calendar import Calendar
from app.services.grant_drafts import kept
from app.services.ids import new_id
from app.services.rotation_outcomes import note_destroyed
from app.store.unit_of_work import Database, UnitOfWork

ITSELF = "latchkey"
"""The actor of what happens without a person."""

MOST_RUNS = 500
MOST_HOURS = 30 * 24

REMEMBERED = timedelta(seconds=5)
"""How long another process may go on with a setting that was changed, where it is asked for often."""

FIRST_INSTRUCTIONS = """\
You are a colleague who is good to have in the thread: warm, direct, and honest about what you do not know.

- Answer first, then the reason, in as few words as do the job. Leave out preambles, repetition and praise for the question.
- When a request can be read in two ways, say which one you chose and answer it. Ask back only when a wrong guess would cost more than a question.
- Keep facts apart from guesses, and say how sure you are when it matters. Never make up names, numbers, quotes or links.
- With drafts, code and plans, hand over something that can be used as it is.
- Write in the language of the person who asks, and leave decisions to people."""


@dataclass(frozen=True, slots=True)
class WorkspaceSettings:
    """What admins of a workspace may set. Whoever can't be told from an outsider is treated as one."""

    follow_ups: bool = True  # answer unaddressed messages in a thread where an agent already answers
    answer_guests: bool = False
    answer_bots: bool = False
    answer_shared: bool = False  # in channels shared with other organisations, to this workspace's own people
    answer_external: bool = False  # there, to the other organisations' people too
    footer: bool = True  # agent and model under each answer
    footer_cost: bool = False  # and tokens and cost
    max_runs: int = 8  # answers in the making at a time
    memory_hours: int = 24  # how long what was said is remembered where the platform keeps no history; 0: not at all
    time_zone: str = "UTC"  # whose days and months limits and sums go by

    def __post_init__(self) -> None:
        if not 1 <= self.max_runs <= MOST_RUNS:
            raise BadInput(f"Choose a number from 1 to {MOST_RUNS}.", field="max_runs")
        if not 0 <= self.memory_hours <= MOST_HOURS:
            raise BadInput(f"Choose a number of hours from 0 to {MOST_HOURS}.", field="memory_hours")
        Calendar.of(self.time_zone)

    @classmethod
    def of(cls, kept: Mapping[str, Json]) -> WorkspaceSettings:
        """Settings as a row keeps them; what is missing there has its default, what is unknown is left out."""
        known = {item.name: kept[item.name] for item in fields(cls) if item.name in kept}
        return cls(**known)  # type: ignore[arg-type]


class Workspaces:
    """Begins workspaces and keeps their settings."""

    def __init__(self, database: Database, clock: Clock, shred: Callable[[str], Awaitable[None]]) -> None:
        self._database = database
        self._clock = clock
        self._shred = shred
        self._seen: set[str] = set()
        self._most_runs: dict[str, tuple[int, datetime]] = {}

    async def ensure(self, workspace: str, name: str = "", by: UserRef | None = None) -> None:
        """See that the workspace is there, with its first agent; costs nothing when it was seen before."""
        if workspace in self._seen and not name and by is None:  # whoever installs it may have removed it elsewhere
            return
        async with self._database.read() as uow:
            known = await uow.workspaces.get(workspace)
        if known is None or known.removed_at or (name and name != known.name):
            async with self._database.begin() as uow:
                await self._begin(uow, workspace, name, by.id if by else ITSELF)
        self._seen.add(workspace)

    async def settings(self, workspace: str) -> WorkspaceSettings:
        """What is set now; the defaults for a workspace that is not known yet."""
        async with self._database.read() as uow:
            row = await uow.workspaces.get(workspace)
        return WorkspaceSettings.of(row.settings if row else {})

    async def most_runs(self, workspace: str) -> int:
        """How many answers may be in the making at a time."""
        known = self._most_runs.get(workspace)
        if known and self._clock.now() - known[1] < REMEMBERED:
            return known[0]
        most = (await self.settings(workspace)).max_runs
        self._most_runs[workspace] = (most, self._clock.now())
        return most

    async def change(self, workspace: str, settings: WorkspaceSettings, by: UserRef) -> tuple[str, ...]:
        """Keep these settings; tells the names of those that differ from before."""
        async with self._database.begin() as uow:
            await uow.workspaces.lock(workspace)
            row = await uow.workspaces.get(workspace)
            before = asdict(WorkspaceSettings.of(row.settings if row else {}))
            after = asdict(settings)
            changed = {name: str(value) for name, value in after.items() if value != before[name]}
            if changed:
                await uow.workspaces.keep_settings(workspace, after)
                await uow.audit.append(AuditEntry(workspace, by.id, "settings.changed", workspace, changed))
        self._most_runs.pop(workspace, None)
        return tuple(changed)

    async def removed(self, workspace: str) -> None:
        """The app was taken out of it: its keys are revoked, and nothing that was sealed for it opens again."""
        async with self._database.begin() as uow:
            await uow.workspaces.lock(workspace)
            known = await uow.workspaces.get(workspace)
            if known is None:
                return
            if not known.removed_at:
                for key in await uow.keys.all(workspace):
                    await note_destroyed(uow, await uow.spare_keys.destroy(workspace, key.id), ITSELF)
                    await uow.keys.revoke(workspace, key.id)
                    await uow.audit.append(AuditEntry(workspace, ITSELF, "key.revoked", key.id))
                await uow.transcripts.forget_all(workspace)
                await uow.notes.forget_all(workspace)
                await uow.schedules.forget_all(workspace)
                await uow.approvals.forget_all(workspace)
                await uow.parked.forget_all(workspace)
                await uow.told.forget_all(workspace)
                await uow.mcp.forget_all(workspace)
                await uow.references.forget_all(workspace)
                await uow.workspaces.mark_removed(workspace)
                await uow.audit.append(AuditEntry(workspace, ITSELF, "workspace.removed", workspace))
        self._seen.discard(workspace)  # now, not before: an event in between would have put it back
        await self._shred(workspace)  # again when told again: the first time may have been cut short

    async def _begin(self, uow: UnitOfWork, workspace: str, name: str, actor: str) -> None:
        if await uow.workspaces.add(workspace, name):
            agent = first_agent(workspace, new_id("agent", self._clock.now()))
            agent = replace(agent, grants=kept(agent.grants, (), by=actor, now=self._clock.now()))
            await uow.agents.add(agent)
            await uow.audit.append(AuditEntry(workspace, actor, "workspace.added", workspace))
            await uow.audit.append(AuditEntry(workspace, ITSELF, "agent.created", agent.id))
            return
        known = await uow.workspaces.get(workspace)
        if name:
            await uow.workspaces.rename(workspace, name)
        if known and known.removed_at:
            await uow.workspaces.mark_installed(workspace)
            await uow.audit.append(AuditEntry(workspace, actor, "workspace.added", workspace))


def first_agent(workspace: str, agent_id: str) -> AgentSpec:
    """The agent that every workspace starts with."""
    return AgentSpec(
        id=agent_id,
        workspace=workspace,
        name="assistant",
        description="Answers questions, drafts, summarises and thinks along.",
        instructions=FIRST_INSTRUCTIONS,
        emoji="🔑",
        grants=FIRST_GRANTS,
        is_default=True,
    )

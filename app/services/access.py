"""Who may do what: asked at the moment of the act, every time."""

from __future__ import annotations

from collections.abc import Mapping

from app.domain.audit import AuditEntry
from app.domain.chat import ConversationRef, MemberKind, UserRef
from app.domain.grants import Decision, Denied, Granted, Invoker
from app.errors import BadInput, NotAllowed
from app.ports.platform import ChatPlatform
from app.services.workspaces import WorkspaceSettings
from app.store.unit_of_work import Database
from app.store.workspaces import AddedAdmin

NO_GUESTS = "Guests can't use agents here. An admin of this workspace can allow it in Latchkey's settings."
NO_BOTS = "Agents don't answer other apps here. An admin of this workspace can allow it in Latchkey's settings."
NO_EXTERNAL = "Agents here answer only the people of the workspace that pays for them."
NO_SHARED = (
    "Agents don't answer in channels shared with other organisations. "
    "An admin of this workspace can allow it in Latchkey's settings."
)


class Access:
    """Decides by the platform's word, the operator's list (`slack:T…/U…`) and the workspace's own admins."""

    def __init__(
        self, database: Database, platforms: Mapping[str, ChatPlatform], operators: frozenset[str] = frozenset()
    ) -> None:
        self._database = database
        self._platforms = platforms
        self._operators = operators

    async def is_admin(self, user: UserRef) -> bool:
        """Whether this person may change and see what is an admin's, now."""
        if str(user) in self._operators:
            return True
        async with self._database.read() as uow:
            if await uow.workspaces.is_admin(user.workspace, user.id):
                return True
        platform = self._platform(user)
        return platform is not None and await platform.is_admin(user)

    async def require_admin(self, user: UserRef) -> None:
        """Return for admins; raises NotAllowed for everybody else."""
        if not await self.is_admin(user):
            raise NotAllowed

    async def may_ask(self, user: UserRef, conversation: ConversationRef, *, from_bot: bool) -> Decision:
        """Whether this person may have an agent answer there, at the workspace's expense."""
        kind = await self._kind_here(user, conversation.workspace, from_bot=from_bot)
        async with self._database.read() as uow:
            row = await uow.workspaces.get(conversation.workspace)
        return _may_ask(kind, conversation, WorkspaceSettings.of(row.settings if row else {}))

    async def invoker(self, user: UserRef, workspace: str, *, from_bot: bool) -> Invoker:
        """What this person is when an agent of the workspace acts for them: an admin of Latchkey is an admin. Doubt is EXTERNAL."""
        kind = await self._kind_here(user, workspace, from_bot=from_bot)
        if kind is MemberKind.MEMBER and await self.is_admin(user):
            return Invoker.ADMIN
        return Invoker(kind.value)

    def operators(self, workspace: str) -> tuple[UserRef, ...]:
        """Admins of a workspace whom the operator named."""
        prefix = f"{workspace}/"
        return tuple(
            UserRef(workspace, name.removeprefix(prefix)) for name in sorted(self._operators) if name.startswith(prefix)
        )

    async def added(self, workspace: str) -> tuple[AddedAdmin, ...]:
        """Admins whom admins of the workspace added."""
        async with self._database.read() as uow:
            return await uow.workspaces.admins(workspace)

    async def known_admins(self, workspace: str) -> tuple[UserRef, ...]:
        """Everybody who is named as an admin; the platform's own admins can't be listed and are not among them."""
        added = [UserRef(workspace, admin.user) for admin in await self.added(workspace)]
        return tuple(dict.fromkeys((*self.operators(workspace), *added)))

    async def add_admin(self, user: UserRef, by: UserRef) -> bool:
        """Make somebody an admin. False if they were added before. Raises BadInput for who is not a member."""
        if await self._kind(user) in (MemberKind.BOT, MemberKind.EXTERNAL, MemberKind.GUEST):
            raise BadInput(
                "Only members of this workspace can become admins of Latchkey: no apps, guests or people from outside."
            )
        async with self._database.begin() as uow:
            await uow.workspaces.lock(user.workspace)
            added = await uow.workspaces.add_admin(user.workspace, user.id, by.id)
            if added:
                await uow.audit.append(AuditEntry(user.workspace, by.id, "admin.added", user.id))
        return added

    def names_admins(self, workspace: str) -> bool:
        """Whether the platform itself has admins, or only those are who are named to Latchkey."""
        platform = self._platforms.get(workspace.partition(":")[0])
        return platform is None or platform.names_admins

    async def installed_by(self, user: UserRef) -> None:
        """Where the platform has no admins, whoever installs Latchkey first is the first; they can name more, or others."""
        if self.names_admins(user.workspace) or self.operators(user.workspace):
            return
        if await self._kind(user) is not MemberKind.MEMBER:
            return
        async with self._database.begin() as uow:
            await uow.workspaces.lock(user.workspace)
            if not await uow.workspaces.admins(user.workspace):
                await uow.workspaces.add_admin(user.workspace, user.id, user.id)
                await uow.audit.append(AuditEntry(user.workspace, user.id, "admin.added", user.id, {"as": "installer"}))

    async def remove_admin(self, user: UserRef, by: UserRef) -> bool:
        """Take it back, at once. False if they had not been added. Raises BadInput for the last one of all.

        Otherwise nobody could change anything any more, or whoever installs it next in another team would be the first admin.
        """
        only_named = not self.names_admins(user.workspace) and not self.operators(user.workspace)
        async with self._database.begin() as uow:
            await uow.workspaces.lock(user.workspace)
            if only_named and [admin.user for admin in await uow.workspaces.admins(user.workspace)] == [user.id]:
                raise BadInput("That is the last admin. Add another one first, with `/byok admins add @person`.")
            removed = await uow.workspaces.remove_admin(user.workspace, user.id)
            if removed:
                await uow.audit.append(AuditEntry(user.workspace, by.id, "admin.removed", user.id))
        return removed

    async def _kind_here(self, user: UserRef, workspace: str, *, from_bot: bool) -> MemberKind:
        if from_bot:
            return MemberKind.BOT
        return await self._kind(user) if user.workspace == workspace else MemberKind.EXTERNAL

    async def _kind(self, user: UserRef) -> MemberKind:
        platform = self._platform(user)
        return await platform.member_kind(user) if platform else MemberKind.EXTERNAL

    def _platform(self, user: UserRef) -> ChatPlatform | None:
        """None where the platform is not served any more: then nobody is anything to the workspace but who was named."""
        return self._platforms.get(user.workspace.partition(":")[0])


def _may_ask(kind: MemberKind, conversation: ConversationRef, settings: WorkspaceSettings) -> Decision:
    if kind is MemberKind.BOT and not settings.answer_bots:
        return Denied(NO_BOTS)
    if kind is MemberKind.GUEST and not settings.answer_guests:
        return Denied(NO_GUESTS)
    if kind is MemberKind.EXTERNAL and not settings.answer_external:
        return Denied(NO_EXTERNAL)
    if conversation.shared and not (settings.answer_shared or settings.answer_external):
        return Denied(NO_SHARED)
    return Granted()

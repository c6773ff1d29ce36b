"""An Inbound that writes down what a platform's adapter tells it, and answers as a test wants."""

from __future__ import annotations

from collections.abc import Collection

from app.domain.chat import ConversationRef, MessageRef, UserRef
from app.domain.events import Action, Command, FieldErrors, Mention, Nothing, Open, OptionQuery, Outcome, Submission
from app.domain.views import Option, Suggestion


class Recorder:
    """Plain lists, in order of arrival. `outcome` is what the next commands, actions and submissions are answered with (field errors:
    submissions only, and what opened a form opens it again); with `broken`, nothing is accepted."""

    def __init__(self) -> None:
        self.outcome: Outcome = Nothing()
        self._forms: dict[tuple[str, str], Open] = {}
        self.offered: tuple[Option, ...] = ()
        self.prompts: tuple[Suggestion, ...] = ()
        self.broken = False
        self.mentions: list[Mention] = []
        self.commands: list[Command] = []
        self.actions: list[Action] = []
        self.submissions: list[Submission] = []
        self.queries: list[OptionQuery] = []
        self.homes: list[UserRef] = []
        self.stops: list[tuple[ConversationRef, UserRef]] = []
        self.deleted: list[MessageRef] = []
        self.edited: list[tuple[MessageRef, UserRef]] = []
        self.installs: list[str] = []
        self.names: list[str] = []
        self.departures: list[tuple[str, frozenset[str]]] = []
        self.removals: list[str] = []

    @property
    def quiet(self) -> bool:
        """Whether nothing at all arrived (that a workspace was seen does not count)."""
        lists = (self.mentions, self.commands, self.actions, self.submissions, self.queries, self.homes, self.stops)
        return not any((*lists, self.deleted, self.edited, self.removals))

    async def mention(self, event: Mention) -> None:
        self._check()
        self.mentions.append(event)

    async def command(self, event: Command) -> Outcome:
        self._check()
        self.commands.append(event)
        return self._opening("command", event.text)

    async def action(self, event: Action) -> Outcome:
        self._check()
        self.actions.append(event)
        return self._opening(event.action_id, event.value)

    async def submission(self, event: Submission) -> Outcome:
        self._check()
        self.submissions.append(event)
        return self.outcome

    async def options(self, event: OptionQuery) -> tuple[Option, ...]:
        self.queries.append(event)
        return self.offered

    async def home_opened(self, user: UserRef) -> None:
        self.homes.append(user)

    async def suggestions(self, user: UserRef) -> tuple[Suggestion, ...]:
        return self.prompts

    async def stop_requested(self, conversation: ConversationRef, user: UserRef) -> None:
        self.stops.append((conversation, user))

    async def message_deleted(self, message: MessageRef) -> None:
        self.deleted.append(message)

    async def message_edited(self, message: MessageRef, user: UserRef) -> None:
        self.edited.append((message, user))

    async def installed(self, workspace: str, name: str, by: UserRef | None) -> None:
        self.installs.append(workspace)
        self.names.append(name)

    async def left(self, workspace: str, channels: Collection[str]) -> None:
        self.departures.append((workspace, frozenset(channels)))

    async def removed(self, workspace: str) -> None:
        self.removals.append(workspace)

    def _opening(self, name: str, value: str) -> Outcome:
        if isinstance(self.outcome, Open):
            self._forms[name, value] = self.outcome
        return self._forms.get((name, value), self.outcome) if isinstance(self.outcome, FieldErrors) else self.outcome

    def _check(self) -> None:
        if self.broken:
            raise OSError("the database is away")

"""A question asked once more: one event per run, whoever asks for it and however often."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime

from app.domain.chat import ConversationRef, UserRef
from app.domain.events import Addressed, Mention
from app.domain.inbox import Arrival, RunRecord
from app.ports.keys import Sealer
from app.services.codec import dump
from app.services.continuing import CONTINUE, continuation_id, continued
from app.services.explain import RETRY
from app.services.plans import payload_place, question_id
from app.store.inbox import RETRY_MARK

RETRIED = f"{RETRY}:"
"""What the id of a repetition's event begins with; the run follows."""


def repetition(record: RunRecord, where: ConversationRef, now: datetime) -> Mention:
    """What this run was asked, asked once more in the asker's name; what went on from somewhere goes on from there again."""
    before = continued(record.message_id)
    question = continuation_id(question_id(record.message_id), before) if before else question_id(record.message_id)
    mention = _again(record, where, now, f"{RETRIED}{record.id}", f"{question}{RETRY_MARK}{record.id}")
    return replace(mention, retry_of=record.id, continues=before)


def continuation(record: RunRecord, where: ConversationRef, now: datetime) -> Mention:
    """The answer of this run goes on where it ended."""
    message_id = continuation_id(question_id(record.message_id), record.id)
    return replace(_again(record, where, now, f"{CONTINUE}:{record.id}", message_id), continues=record.id)


async def arrival(sealer: Sealer, record: RunRecord, mention: Mention) -> Arrival:
    """As the inbox takes it, sealed. Raises WontOpen where the app was removed."""
    place = payload_place(record.workspace, record.channel, mention.message_id)
    payload = await sealer.seal(place, json.dumps(dump(mention)).encode())
    return Arrival(
        record.workspace, record.channel, record.thread, mention.event_id, mention.message_id, record.asker,
        payload, shared=record.shared,
    )  # fmt: skip


def _again(record: RunRecord, where: ConversationRef, now: datetime, event_id: str, message_id: str) -> Mention:
    return Mention(
        event_id=event_id,
        conversation=where,
        message_id=message_id,
        user=UserRef(record.workspace, record.asker),
        addressed=Addressed.MENTION,
        at=now,
        text="",
    )

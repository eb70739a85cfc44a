"""Answers that agents write to e-mails that they took, and what they have written of one so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from callfloor.contract.codes import ActivityStatus
from callfloor.rules.privacy.identifiers import identifiers
from callfloor.store.calls import activities, media
from callfloor.store.calls.activities import Message, NewEmail, WrapUp
from callfloor.store.calls.media import StoredContent
from callfloor.store.db.pool import Database
from callfloor.store.email import outbox
from callfloor.store.email.emails import held, message_of

# The first message of a conversation and the last ones are named in an answer, as RFC 5322 advises.
MOST_ANCESTORS = 20

WRITE_SQL = """
INSERT INTO emails (organisation_id, activity_id, created_at, mailbox_id, campaign_id, media_activity_id, message_id,
    ancestors, body_text, identifiers)
VALUES ($1, $2, $3, $4, $5, $2, $6, $7, $8, $9)"""
ANSWERED_SQL = f"""
UPDATE activities SET status_id = {ActivityStatus.ANSWERED:d}, answered_at = greatest($3, left_queue_at)
WHERE organisation_id = $1 AND activity_id = $2 AND answered_at IS NULL"""
SAVE_DRAFT_SQL = """
UPDATE emails SET draft = $3, draft_at = $4, draft_by = $5, identifiers = $6
WHERE organisation_id = $1 AND activity_id = $2"""
DROP_DRAFT_SQL = """
UPDATE emails SET draft = NULL, draft_at = NULL, draft_by = NULL WHERE organisation_id = $1 AND activity_id = $2"""


class CannotAnswerError(ValueError):
    """The e-mail cannot be answered: it came from nowhere, or its mailbox sends nothing."""


@dataclass(frozen=True, slots=True)
class NewAttachment:
    """Bytes that were put into the media store, to go out with an answer."""

    content: StoredContent
    content_type: str
    file_name: str


async def answer(
    db: Database,
    organisation: int,
    activity_id: int,
    agent_id: int,
    body_text: str,
    attachments: Sequence[NewAttachment],
    at: datetime,
) -> int:
    """Write an answer to an e-mail that the agent took; returns the id of its `email.outbound` activity.

    It is sent soon after the transaction commits, once. The bytes of `attachments` must be in the media store already.
    Raises `emails.NotHeldError`, `CannotAnswerError`.
    """
    async with db.transaction():
        mail = await held(db, organisation, activity_id, agent_id)
        recipient = mail["reply_to"] or mail["contact"]
        if recipient is None:
            raise CannotAnswerError("the e-mail names no sender to answer to")
        if mail["address"] is None or not mail["sends"]:
            raise CannotAnswerError("the mailbox of this e-mail sends nothing")
        message = _reply(message_of(mail), mail["address"], recipient)
        new = NewEmail(
            "email.outbound",
            mail["campaign_id"],
            mail["contact"],
            mail["address"],
            message,
            agent_id,
            parent_activity_id=activity_id,
        )
        sent_id = await activities.open_email(db, organisation, new, at)
        body = _text(body_text)
        ancestors = _ancestors(mail["ancestors"], mail["message_id"])
        written = (body, recipient, message.subject, message.to, message.message_id, message.in_reply_to)
        known = identifiers((*written, *ancestors)) or None
        await db.execute(
            WRITE_SQL,
            organisation,
            sent_id,
            at,
            mail["mailbox_id"],
            mail["campaign_id"],
            message.message_id,
            ancestors,
            body,
            known,
        )
        # in one order, as all do who hold several
        for sha256 in sorted({each.content.sha256 for each in attachments}):
            await media.lock_content(db, organisation, sha256)
        for each in attachments:
            await media.add(
                db,
                organisation,
                "attachment",
                sent_id,
                each.content,
                content_type=each.content_type,
                duration_s=None,
                file_name=each.file_name,
                at=at,
            )
        await db.execute(ANSWERED_SQL, organisation, activity_id, at)
        await db.execute(DROP_DRAFT_SQL, organisation, activity_id)
        await outbox.add(db, organisation, sent_id, mail["mailbox_id"], recipient, at)
        # nothing is left to be done about the answer itself
        await activities.wrap_up(db, organisation, sent_id, WrapUp(None), at)
    return sent_id


async def save_draft(
    db: Database, organisation: int, activity_id: int, agent_id: int, draft: str | None, at: datetime
) -> None:
    """Keep an answer that is not finished with the e-mail, whoever has it next; None: there is none any more. Raises
    `NotHeldError`."""
    async with db.transaction():
        mail = await held(db, organisation, activity_id, agent_id)
        if draft is None:
            await db.execute(DROP_DRAFT_SQL, organisation, activity_id)
            return
        kept = _text(draft)
        known = sorted({*(mail["identifiers"] or ()), *identifiers((kept,))}) or None
        await db.execute(SAVE_DRAFT_SQL, organisation, activity_id, kept, at, agent_id, known)


def _text(written: str) -> str:
    """What PostgreSQL can hold of a text."""
    return written.replace("\x00", "").encode("utf-8", "replace").decode()


def _reply(to: Message | None, address: str, recipient: str) -> Message:
    subject = (to and to.subject) or ""
    if not subject.lower().startswith("re:"):
        subject = f"Re: {subject}".rstrip()
    message_id = f"<{uuid4().hex}@{address.rpartition('@')[2]}>"
    return Message(subject, message_id, to and to.message_id, address, recipient)


def _ancestors(before: Sequence[str] | None, last: str | None) -> list[str]:
    chain = [*(before or ()), *([last] if last else ())]
    return chain if len(chain) <= MOST_ANCESTORS else [chain[0], *chain[-MOST_ANCESTORS + 1 :]]

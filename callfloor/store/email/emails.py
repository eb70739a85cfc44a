"""E-mails and the agents who have them: the queue, what a message says, and its end.

A message waits in the queue of its mailbox's campaign from the transaction that stores it (store/email/arrivals.py).
`take` gives the oldest one to an agent, whose it is until `close` or `transfer`; meanwhile it may be answered any
number of times (store/email/answers.py). A notification on `QUEUED_CHANNEL` says `ORGANISATION CAMPAIGN` whenever a
message begins to wait: a hint, as every notification. Every time is an argument and aware.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import msgspec
from asyncpg import Record

from callfloor.contract.codes import ActivityStatus
from callfloor.rules.dialling.callbacks import Moved
from callfloor.store.calls import activities
from callfloor.store.calls.activities import Message, WrapUp
from callfloor.store.db.pool import Database

QUEUED_CHANNEL = "callfloor_email"
Delivery = Literal["waiting", "sending", "sent", "bounced"]
Automatic = Literal["auto-submitted", "loop", "list", "flood", "bounce"]

_JOINED = """
    JOIN activities a
        ON a.organisation_id = e.organisation_id AND a.activity_id = e.activity_id AND a.created_at = e.created_at"""
WAITING_SQL = f"""
SELECT e.activity_id, e.campaign_id, e.waiting_since, e.preferred_agent_id, a.email::text AS email,
    e.was_of, e.moved_at, e.moved_why
FROM emails e {_JOINED}
WHERE e.organisation_id = $1 AND e.campaign_id = $2 AND e.waiting_since IS NOT NULL
ORDER BY e.waiting_since, e.activity_id LIMIT $3"""
# The activity is locked before its e-mail, as an erasure does.
NEXT_SQL = f"""
SELECT e.activity_id, e.campaign_id FROM emails e {_JOINED}
WHERE e.organisation_id = $1 AND e.campaign_id = ANY($2::bigint[]) AND e.waiting_since IS NOT NULL
    AND ($3::bigint IS NULL OR e.activity_id = $3)
ORDER BY e.waiting_since, e.activity_id LIMIT 1 FOR UPDATE OF a SKIP LOCKED"""
LEAVE_QUEUE_SQL = """
UPDATE emails SET waiting_since = NULL
WHERE organisation_id = $1 AND activity_id = $2 AND waiting_since IS NOT NULL RETURNING 1"""
# Answered it is when an answer is written.
TAKE_SQL = f"""
WITH next AS MATERIALIZED (SELECT nextval('agent_interaction_ids') AS id)
UPDATE activities SET status_id = {ActivityStatus.TAKEN:d}, agent_id = $3,
    left_queue_at = greatest($4, join_queue_at, created_at), agent_interaction_id = next.id
FROM next WHERE organisation_id = $1 AND activity_id = $2 AND status_id IN (1, 2) AND hang_up_at IS NULL
RETURNING agent_interaction_id"""
READ_SQL = f"""
SELECT a.activity_id, a.parent_activity_id, a.root_activity_id, a.type, a.campaign_id, a.agent_id, a.created_at,
    a.wrap_up_at, a.wrap_code, a.erased_at, a.email::text AS email, e.cc, e.body_text, e.html_media_id, e.automatic,
    e.media_activity_id, e.draft, e.draft_at, e.draft_by, e.was_of, e.moved_at, e.moved_why, o.state AS delivery
FROM emails e {_JOINED}
LEFT JOIN outgoing_mail o ON o.organisation_id = e.organisation_id AND o.activity_id = e.activity_id
WHERE e.organisation_id = $1 AND e.activity_id = $2"""
CONVERSATION_SQL = """
SELECT activity_id FROM activities WHERE organisation_id = $1 AND activity_id = $2
UNION ALL
SELECT activity_id FROM activities
WHERE organisation_id = $1 AND root_activity_id = $2 AND root_activity_id <> activity_id
ORDER BY activity_id"""
ATTACHMENTS_SQL = """
SELECT media_id, file_name, content_type, size FROM media
WHERE organisation_id = $1 AND activity_id = $2 AND kind = 'attachment' AND deleted_at IS NULL ORDER BY media_id"""
HELD_SQL = f"""
SELECT a.campaign_id, a.contact, a.email::text AS email, e.created_at, e.mailbox_id, e.reply_to, e.message_id,
    e.ancestors, e.identifiers, m.address, m.active AND m.send IS NOT NULL AS sends
FROM emails e {_JOINED}
LEFT JOIN mailboxes m ON m.organisation_id = e.organisation_id AND m.mailbox_id = e.mailbox_id
WHERE e.organisation_id = $1 AND e.activity_id = $2 AND a.agent_id = $3 AND a.type = 'email.inbound'
    AND a.hang_up_at IS NULL AND a.wrap_up_at IS NULL AND a.erased_at IS NULL
FOR UPDATE OF a"""
# The copy has no delivery hash: the message was delivered once.
HAND_OVER_SQL = """
INSERT INTO emails (organisation_id, activity_id, created_at, mailbox_id, campaign_id, waiting_since, media_activity_id,
    message_id, ancestors, reply_to, cc, body_text, html_media_id, copy_media_ids, identifiers, draft, draft_at,
    draft_by, was_of, moved_at, moved_why)
SELECT a.organisation_id, a.activity_id, a.created_at, e.mailbox_id, a.campaign_id,
    CASE WHEN a.agent_id IS NULL THEN a.created_at END, e.media_activity_id, e.message_id, e.ancestors, e.reply_to,
    e.cc, e.body_text, e.html_media_id, e.copy_media_ids, e.identifiers, e.draft, e.draft_at, e.draft_by,
    e.was_of, e.moved_at, e.moved_why
FROM emails e JOIN activities a ON a.organisation_id = e.organisation_id AND a.activity_id = $3
WHERE e.organisation_id = $1 AND e.activity_id = $2"""
NOTIFY_SQL = f"SELECT pg_notify('{QUEUED_CHANNEL}', $1::bigint || ' ' || $2::bigint)"


class NotHeldError(LookupError):
    """There is no such e-mail that is this agent's to answer: taken by another, closed, erased or never there."""

    def __init__(self) -> None:
        super().__init__("the e-mail is not this agent's to answer")


@dataclass(frozen=True, slots=True)
class Waiting:
    """An e-mail in a queue. `sender` and `subject` as they were written; personal data."""

    activity_id: int
    campaign_id: int
    waiting_since: datetime
    preferred_agent_id: int | None
    """Who wrote to this customer before in the same conversation."""
    sender: str | None
    subject: str | None
    moved: Moving | None


@dataclass(frozen=True, slots=True)
class Taken:
    activity_id: int
    campaign_id: int
    agent_interaction_id: int


@dataclass(frozen=True, slots=True)
class Attachment:
    """`size` in bytes. The bytes are at `GET /media/{media_id}`."""

    media_id: int
    file_name: str | None
    content_type: str
    size: int


@dataclass(frozen=True, slots=True)
class Draft:
    """An answer that is not finished, and who wrote it."""

    text: str
    agent_id: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Moving:
    """Whose work it was before, since when it is not, and why."""

    agent_id: int
    at: datetime
    why: Moved


def moving(row: Record) -> Moving | None:
    """Of a row of `emails` or `tasks`."""
    was_of: int | None = row["was_of"]
    return None if was_of is None else Moving(was_of, row["moved_at"], Moved(row["moved_why"]))


@dataclass(frozen=True, slots=True)
class Email:
    """An e-mail as an agent reads it; personal data. Of an erased one the headers and the text are gone."""

    activity_id: int
    parent_activity_id: int | None
    root_activity_id: int
    type: Literal["email.inbound", "email.outbound"]
    campaign_id: int
    agent_id: int | None
    created: datetime
    closed: datetime | None
    wrap_code: int | None
    erased: bool
    message: Message | None
    cc: str | None
    body_text: str | None
    html_media_id: int | None
    """One of the attachments: the HTML as it came. It may hold scripts: offer it for download, never show it."""
    attachments: list[Attachment]
    automatic: Automatic | None
    """Why it was not queued."""
    delivery: Delivery | None
    """What became of an answer; `bounced`: it did not arrive."""
    draft: Draft | None
    moved: Moving | None


async def waiting(db: Database, organisation: int, campaign_id: int, count: int = 100) -> list[Waiting]:
    """At most `count` e-mails that wait in a campaign's queue, oldest first."""
    found: list[Waiting] = []
    for row in await db.fetch(WAITING_SQL, organisation, campaign_id, count):
        message = message_of(row)
        found.append(
            Waiting(
                row["activity_id"],
                row["campaign_id"],
                row["waiting_since"],
                row["preferred_agent_id"],
                message and message.from_,
                message and message.subject,
                moving(row),
            )
        )
    return found


async def take(
    db: Database,
    organisation: int,
    campaign_ids: Sequence[int],
    agent_id: int,
    at: datetime,
    *,
    activity_id: int | None = None,
) -> Taken | None:
    """Give the e-mail that waits longest in these campaigns to an agent; None when none waits.

    `activity_id`: only that one. Of any number of callers at once, each gets another e-mail, and none waits.
    """
    async with db.transaction():
        while (row := await db.fetchrow(NEXT_SQL, organisation, list(campaign_ids), activity_id)) is not None:
            found = row["activity_id"]
            # another may have taken it between our look and our lock
            if await db.fetchval(LEAVE_QUEUE_SQL, organisation, found) is None:
                continue
            interaction = await db.fetchval(TAKE_SQL, organisation, found, agent_id, at)
            if interaction is not None:
                return Taken(found, row["campaign_id"], interaction)
    return None


async def read(db: Database, organisation: int, activity_id: int) -> Email | None:
    """An e-mail, in or out; None when there is none of this id."""
    row = await db.fetchrow(READ_SQL, organisation, activity_id)
    if row is None:
        return None
    files = await db.fetch(ATTACHMENTS_SQL, organisation, row["media_activity_id"])
    return Email(
        activity_id=row["activity_id"],
        parent_activity_id=row["parent_activity_id"],
        root_activity_id=row["root_activity_id"],
        type=row["type"],
        campaign_id=row["campaign_id"],
        agent_id=row["agent_id"],
        created=row["created_at"],
        closed=row["wrap_up_at"],
        wrap_code=row["wrap_code"],
        erased=row["erased_at"] is not None,
        message=message_of(row),
        cc=row["cc"],
        body_text=row["body_text"],
        html_media_id=row["html_media_id"],
        attachments=[
            Attachment(file["media_id"], file["file_name"], file["content_type"], file["size"]) for file in files
        ],
        automatic=row["automatic"],
        delivery=row["delivery"],
        draft=None if row["draft"] is None else Draft(row["draft"], row["draft_by"], row["draft_at"]),
        moved=moving(row),
    )


async def conversation(db: Database, organisation: int, root_activity_id: int) -> list[int]:
    """Activity ids of a conversation, oldest first: messages, answers and transfers."""
    rows = await db.fetch(CONVERSATION_SQL, organisation, root_activity_id)
    return [row["activity_id"] for row in rows]


async def close(
    db: Database, organisation: int, activity_id: int, agent_id: int, wrap_code: int | None, at: datetime
) -> None:
    """The agent is done with an e-mail, answered or not, which its status says.

    Raises `NotHeldError`, `activities.UnknownWrapCodeError`.
    """
    async with db.transaction():
        await held(db, organisation, activity_id, agent_id)
        await activities.wrap_up(db, organisation, activity_id, WrapUp(wrap_code), at)


async def transfer(
    db: Database,
    organisation: int,
    activity_id: int,
    agent_id: int,
    campaign_id: int,
    to_agent_id: int | None,
    at: datetime,
) -> int:
    """Hand an e-mail over: to an agent, or (None) into a campaign's queue, also the one it came from.

    Returns the id of the child activity. Raises `NotHeldError`, `LookupError` without such a campaign.
    """
    async with db.transaction():
        await held(db, organisation, activity_id, agent_id)
        child = await activities.transfer(db, organisation, activity_id, campaign_id, to_agent_id, at)
        if child is None:
            raise LookupError("there is no such campaign in this organisation")
        await activities.wrap_up(db, organisation, activity_id, WrapUp(None), at)
        await db.execute(HAND_OVER_SQL, organisation, activity_id, child)
        if to_agent_id is None:
            await notify_queued(db, organisation, campaign_id)
    return child


async def notify_queued(db: Database, organisation: int, campaign_id: int) -> None:
    """Say that an e-mail waits, when the transaction in progress commits."""
    await db.execute(NOTIFY_SQL, organisation, campaign_id)


async def held(db: Database, organisation: int, activity_id: int, agent_id: int) -> Record:
    """The e-mail, locked, that is this agent's to answer. Raises `NotHeldError`."""
    row = await db.fetchrow(HELD_SQL, organisation, activity_id, agent_id)
    if row is None:
        raise NotHeldError
    return row


def message_of(row: Record) -> Message | None:
    return None if row["email"] is None else msgspec.json.decode(row["email"], type=Message)

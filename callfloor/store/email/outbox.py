"""Answers on their way out. Each is claimed, tried and settled; a claim that ran out is anybody's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec
from asyncpg import Record

from callfloor.store.calls.activities import Message
from callfloor.store.db.pool import Database

CHANNEL = "callfloor_outgoing_mail"

ADD_SQL = """
INSERT INTO outgoing_mail (organisation_id, activity_id, mailbox_id, recipient, state, next_try_at, created_at)
VALUES ($1, $2, $3, $4, 'waiting', $5, $5)"""
NOTIFY_SQL = f"SELECT pg_notify('{CHANNEL}', '')"
# Of all organisations; several, because others claim them too.
DUE_SQL = """
SELECT organisation_id, activity_id FROM outgoing_mail
WHERE state IN ('waiting', 'sending') AND next_try_at <= $1
ORDER BY next_try_at, organisation_id, activity_id LIMIT 20"""
CLAIM_SQL = """
UPDATE outgoing_mail o SET state = 'sending', tries = o.tries + 1, next_try_at = $4
FROM (
    SELECT activity_id FROM outgoing_mail
    WHERE organisation_id = $1 AND activity_id = $2 AND state IN ('waiting', 'sending') AND next_try_at <= $3
    FOR UPDATE SKIP LOCKED
) AS due
WHERE o.organisation_id = $1 AND o.activity_id = due.activity_id
RETURNING o.organisation_id, o.activity_id, o.mailbox_id, o.recipient, o.tries, o.created_at"""
CONTENT_SQL = """
SELECT a.email::text AS email, e.ancestors, e.body_text
FROM emails e
JOIN activities a
    ON a.organisation_id = e.organisation_id AND a.activity_id = e.activity_id AND a.created_at = e.created_at
WHERE e.organisation_id = $1 AND e.activity_id = $2 AND a.erased_at IS NULL"""
FILES_SQL = """
SELECT sha256, size, content_type, file_name FROM media
WHERE organisation_id = $1 AND activity_id = $2 AND kind = 'attachment' AND deleted_at IS NULL ORDER BY media_id"""
# Each of these is only for the claim that it names: another may have taken over.
_CLAIM = "WHERE organisation_id = $1 AND activity_id = $2 AND tries = $3 AND state = 'sending' RETURNING 1"
RENEW_SQL = f"UPDATE outgoing_mail SET next_try_at = $4 {_CLAIM}"
SENT_SQL = f"UPDATE outgoing_mail SET state = 'sent', reply_code = 250, finished_at = $4 {_CLAIM}"
BOUNCED_SQL = f"UPDATE outgoing_mail SET state = 'bounced', reply_code = $5::smallint, finished_at = $4 {_CLAIM}"
AGAIN_SQL = f"UPDATE outgoing_mail SET state = 'waiting', next_try_at = $4, reply_code = $5::smallint {_CLAIM}"
# A report by a server further on, after the first one had taken the message.
RETURNED_SQL = """
UPDATE outgoing_mail SET state = 'bounced', finished_at = $3
WHERE organisation_id = $1 AND activity_id = $2 AND state IN ('sent', 'sending') RETURNING 1"""


@dataclass(frozen=True, slots=True)
class Claim:
    """An answer that is ours to send for the time being."""

    organisation: int
    activity_id: int
    mailbox_id: int
    recipient: str
    tries: int
    """This one included."""
    created: datetime


@dataclass(frozen=True, slots=True)
class File:
    """`size` in bytes."""

    sha256: str
    size: int
    content_type: str
    file_name: str | None


@dataclass(frozen=True, slots=True)
class Content:
    """What an answer says; personal data. `ancestors`: message ids, oldest first."""

    message: Message
    ancestors: list[str]
    body_text: str
    files: list[File]


async def add(db: Database, organisation: int, activity_id: int, mailbox_id: int, recipient: str, at: datetime) -> None:
    """Have an answer sent, once the transaction in progress commits."""
    await db.execute(ADD_SQL, organisation, activity_id, mailbox_id, recipient, at)
    await db.execute(NOTIFY_SQL)


async def claim(db: Database, at: datetime, lease: timedelta) -> Claim | None:
    """The answer that is due longest, ours until `at` + `lease`; None when none is due that is
    nobody else's."""
    for due in await db.fetch(DUE_SQL, at):
        row = await db.fetchrow(CLAIM_SQL, *due.values(), at, at + lease)
        if row is not None:
            return Claim(*row.values())
    return None


async def content(db: Database, claimed: Claim) -> Content | None:
    """What to send; None when it was erased."""
    where = claimed.organisation, claimed.activity_id
    row = await db.fetchrow(CONTENT_SQL, *where)
    if row is None or row["email"] is None:
        return None
    files = [_file(each) for each in await db.fetch(FILES_SQL, *where)]
    message = msgspec.json.decode(row["email"], type=Message)
    return Content(message, list(row["ancestors"] or ()), row["body_text"] or "", files)


def _file(row: Record) -> File:
    return File(row["sha256"], row["size"], row["content_type"], row["file_name"])


async def renew(db: Database, claimed: Claim, until: datetime) -> bool:
    """Keep a claim longer; False: it is not ours any more."""
    return await _settle(db, RENEW_SQL, claimed, until)


async def sent(db: Database, claimed: Claim, at: datetime) -> bool:
    """The server took it."""
    return await _settle(db, SENT_SQL, claimed, at)


async def bounced(db: Database, claimed: Claim, reply_code: int | None, at: datetime) -> bool:
    """It will not arrive: refused for good, or tried long enough."""
    return await _settle(db, BOUNCED_SQL, claimed, at, reply_code)


async def again(db: Database, claimed: Claim, reply_code: int | None, at: datetime) -> bool:
    """Not now; to be tried again at that time."""
    return await _settle(db, AGAIN_SQL, claimed, at, reply_code)


async def returned(db: Database, organisation: int, activity_id: int, at: datetime) -> bool:
    """A report came back that an answer did not arrive."""
    return await db.fetchval(RETURNED_SQL, organisation, activity_id, at) is not None


async def _settle(db: Database, sql: str, claimed: Claim, *values: object) -> bool:
    where = claimed.organisation, claimed.activity_id, claimed.tries
    return await db.fetchval(sql, *where, *values) is not None

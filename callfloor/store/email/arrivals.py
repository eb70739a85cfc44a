"""E-mails that come in: each stored once, put into its conversation, and queued unless nobody should answer it."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from asyncpg import Record

from callfloor.store.calls import activities, media
from callfloor.store.calls.activities import Message, NewEmail
from callfloor.store.calls.media import StoredContent
from callfloor.store.db.pool import Database
from callfloor.store.email import emails, outbox
from callfloor.store.email.emails import Automatic
from callfloor.store.email.mailboxes import StoredMailbox

HASH_KEY_SQL = "SELECT hash_key FROM organisations WHERE organisation_id = $1"
# The same message may be delivered by two connections at once.
LOCK_SQL = "SELECT pg_advisory_xact_lock(hashtextextended('callfloor delivery ' || encode($2::bytea, 'hex'), $1))"
KNOWN_SQL = "SELECT activity_id FROM emails WHERE organisation_id = $1 AND delivery_hash = $2"
# FOR SHARE waits for an erasure, which takes the message out of the conversation.
PARENT_SQL = """
SELECT a.activity_id, a.campaign_id, a.agent_id, a.type FROM emails e
JOIN activities a
    ON a.organisation_id = e.organisation_id AND a.activity_id = e.activity_id AND a.created_at = e.created_at
WHERE e.organisation_id = $1 AND e.message_id = ANY($2::text[]) AND a.erased_at IS NULL
ORDER BY array_position($2::text[], e.message_id), e.activity_id DESC LIMIT 1 FOR SHARE OF a"""
OWN_SQL = "SELECT EXISTS (SELECT FROM mailboxes WHERE organisation_id = $1 AND address = ANY($2::text[]))"
RECENT_SQL = """
SELECT count(*) FROM activities
WHERE organisation_id = $1 AND contact = $2 AND type = 'email.inbound'
    AND created_at > $3::timestamptz - interval '1 hour' AND created_at <= $3"""
INSERT_SQL = """
INSERT INTO emails (organisation_id, activity_id, created_at, mailbox_id, campaign_id, waiting_since,
    preferred_agent_id, media_activity_id, delivery_hash, message_id, ancestors, reply_to, cc, body_text, html_media_id,
    copy_media_ids, automatic, identifiers)
VALUES ($1, $2, $3, $4, $5, $6, $7, $2, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)"""


@dataclass(frozen=True, slots=True)
class ArrivedFile:
    """A part whose bytes are in the media store. `html`: the message itself, as HTML. `copy`: it says again what the
    message says, and goes when that mentions somebody who is erased."""

    content: StoredContent
    content_type: str
    file_name: str
    html: bool = False
    copy: bool = False


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message as it was read. Every text is one that PostgreSQL can hold; personal data.

    `sender` and `reply_to`: addresses in lower case. `ancestors`: message ids, oldest first. `loops`: addresses that
    say the message went through them. `reported`: the id of the message of ours that it is a report about; `failed`:
    that one did not arrive.
    `digest`: of what tells this message from another. `identifiers`: addresses and numbers in it.
    """

    message: Message
    sender: str | None
    digest: bytes
    reply_to: str | None = None
    cc: str | None = None
    ancestors: Sequence[str] = ()
    loops: Sequence[str] = ()
    automatic: Automatic | None = None
    reported: str | None = None
    failed: bool = False
    body_text: str = ""
    identifiers: Sequence[str] = ()
    files: Sequence[ArrivedFile] = ()


@dataclass(frozen=True, slots=True)
class Arrived:
    """`new` False: it was stored before, and nothing was written. `automatic`: why it was not queued."""

    activity_id: int
    new: bool
    automatic: Automatic | None = None


async def arrive(db: Database, mailbox: StoredMailbox, arrival: Arrival, at: datetime) -> Arrived:
    """Store a message and queue it for the agents of its campaign, in one transaction.

    An answer to a known message joins its conversation, and the campaign of that.
    """
    organisation = mailbox.organisation
    async with db.transaction():
        delivery = await _delivery_hash(db, mailbox, arrival.digest)
        await db.execute(LOCK_SQL, organisation, delivery)
        known = await db.fetchval(KNOWN_SQL, organisation, delivery)
        if known is not None:
            return Arrived(known, new=False)
        parent = await _parent(db, organisation, arrival)
        if arrival.failed and parent is not None and parent["type"] == "email.outbound":
            await outbox.returned(db, organisation, parent["activity_id"], at)
        campaign = mailbox.campaign_id if parent is None else parent["campaign_id"]
        automatic = arrival.automatic or await _suspicion(db, mailbox, arrival, at)
        email = NewEmail(
            "email.inbound",
            campaign,
            arrival.sender,
            mailbox.address,
            arrival.message,
            parent_activity_id=None if parent is None else parent["activity_id"],
        )
        activity_id = await activities.open_email(db, organisation, email, at)
        html, copies = await _add_files(db, organisation, activity_id, arrival.files, at)
        await db.execute(
            INSERT_SQL,
            organisation,
            activity_id,
            at,
            mailbox.mailbox_id,
            campaign,
            at if automatic is None else None,
            None if parent is None else parent["agent_id"],
            delivery,
            arrival.message.message_id,
            list(arrival.ancestors),
            arrival.reply_to,
            arrival.cc,
            arrival.body_text,
            html,
            copies,
            automatic,
            list(arrival.identifiers) or None,
        )
        if automatic is None:
            await activities.join_queue(db, organisation, activity_id, at)
            await emails.notify_queued(db, organisation, campaign)
        else:
            await activities.leave(db, organisation, activity_id, "missed", at)
    return Arrived(activity_id, new=True, automatic=automatic)


async def known(db: Database, mailbox: StoredMailbox, digest: bytes) -> int | None:
    """The activity of a message that was stored before."""
    return await db.fetchval(KNOWN_SQL, mailbox.organisation, await _delivery_hash(db, mailbox, digest))


async def _delivery_hash(db: Database, mailbox: StoredMailbox, digest: bytes) -> bytes:
    """Keyed, so that nobody can guess a message from it after the message was erased."""
    key = await db.fetchval(HASH_KEY_SQL, mailbox.organisation)
    return hmac.digest(key, f"mail {mailbox.mailbox_id} ".encode() + digest, hashlib.sha256)


async def _parent(db: Database, organisation: int, arrival: Arrival) -> Record | None:
    """The known message that this one answers or reports on; the nearest one."""
    ids = [arrival.reported, arrival.message.in_reply_to, *reversed(arrival.ancestors)]
    named = list(dict.fromkeys(each for each in ids if each))
    return await db.fetchrow(PARENT_SQL, organisation, named) if named else None


async def _suspicion(db: Database, mailbox: StoredMailbox, arrival: Arrival, at: datetime) -> Automatic | None:
    """What the message does not say of itself: that it comes round again, or is one of very many."""
    through = [*arrival.loops, *([arrival.sender] if arrival.sender else [])]
    if through and await db.fetchval(OWN_SQL, mailbox.organisation, through):
        return "loop"
    recent = await db.fetchval(RECENT_SQL, mailbox.organisation, arrival.sender, at)
    return "flood" if recent >= mailbox.hourly_per_sender else None


async def _add_files(
    db: Database, organisation: int, activity_id: int, files: Sequence[ArrivedFile], at: datetime
) -> tuple[int | None, list[int]]:
    """Enter the parts; returns the media id of the HTML, and those of the copies."""
    html: int | None = None
    copies: list[int] = []
    for file in files:
        media_id = await media.add(
            db,
            organisation,
            "attachment",
            activity_id,
            file.content,
            content_type=file.content_type,
            duration_s=None,
            file_name=file.file_name,
            at=at,
        )
        if file.html and html is None:
            html = media_id
        if file.copy:
            copies.append(media_id)
    return html, copies

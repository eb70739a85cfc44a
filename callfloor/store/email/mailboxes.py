"""Mailboxes: which address belongs to which campaign, and how far a folder was fetched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import asyncpg
import msgspec
from asyncpg import Record

from callfloor.contract.mailboxes import Account, Mailbox
from callfloor.store.db.pool import Database

_account = msgspec.json.Decoder(Account)

_COLUMNS = """
    m.organisation_id, m.mailbox_id, m.name, m.address, m.campaign_id, m.active, m.receive, m.imap::text AS imap,
    m.send::text AS send, m.hourly_per_sender"""
_STORED = f"""
    {_COLUMNS}, o.country FROM mailboxes m JOIN organisations o ON o.organisation_id = m.organisation_id"""
EVERY_SQL = f"""
SELECT {_COLUMNS}, c.name AS campaign
FROM mailboxes m JOIN campaigns c ON c.organisation_id = m.organisation_id AND c.campaign_id = m.campaign_id
WHERE m.organisation_id = $1 ORDER BY m.mailbox_id"""
TAKEN_SQL = "SELECT address FROM addresses_of_others($1, $2::text[]) AS address"
PUT_SQL = """
INSERT INTO mailboxes (organisation_id, name, address, campaign_id, active, receive, imap, send, hourly_per_sender)
VALUES ($1, $2, $3, $4, $5, $6, $7::text::jsonb, $8::text::jsonb, $9)
ON CONFLICT (organisation_id, name) DO UPDATE SET address = excluded.address, campaign_id = excluded.campaign_id,
    active = excluded.active, receive = excluded.receive, imap = excluded.imap, send = excluded.send,
    hourly_per_sender = excluded.hourly_per_sender, updated_at = excluded.updated_at"""
# An address that two organisations claim belongs to the one that was there first.
ARRIVAL_SQL = f"""
SELECT * FROM (SELECT {_STORED} WHERE m.address = $1 ORDER BY m.mailbox_id LIMIT 1) AS first
WHERE active AND receive = 'smtp'"""
FETCHED_SQL = f"""
SELECT {_STORED} WHERE m.active AND m.receive = 'imap' ORDER BY m.organisation_id, m.mailbox_id"""
GET_SQL = f"SELECT {_STORED} WHERE m.organisation_id = $1 AND m.mailbox_id = $2"
PROGRESS_SQL = """
SELECT validity, met_uid, last_uid FROM mailbox_progress WHERE organisation_id = $1 AND mailbox_id = $2"""
SYNC_UIDS_SQL = """
INSERT INTO mailbox_progress AS p (organisation_id, mailbox_id, validity, met_uid, last_uid) VALUES ($1, $2, $3, $4, 0)
ON CONFLICT (organisation_id, mailbox_id) DO UPDATE SET validity = excluded.validity, met_uid = excluded.met_uid,
    last_uid = 0
WHERE p.validity <> excluded.validity"""
ADVANCE_SQL = """
UPDATE mailbox_progress SET last_uid = $4
WHERE organisation_id = $1 AND mailbox_id = $2 AND validity = $3 AND last_uid < $4"""
# One process fetches at a time, so that no work is done twice; nothing else depends on it.
LOCK_SQL = "SELECT pg_try_advisory_lock(hashtextextended('callfloor fetching', 0))"


@dataclass(frozen=True, slots=True)
class Progress:
    """`met_uid`: the last UID when the folder was first met; up to this one only what nobody looked at is taken."""

    validity: int
    met_uid: int
    last_uid: int


@dataclass(frozen=True, slots=True)
class StoredMailbox:
    """A mailbox with its ids. `imap`: where it is fetched; `send`: where its answers are given up."""

    organisation: int
    mailbox_id: int
    name: str
    address: str
    campaign_id: int
    active: bool
    imap: Account | None
    send: Account | None
    hourly_per_sender: int
    country: str
    """The organisation's: numbers are read in it."""


async def every(db: Database, organisation: int) -> dict[str, Mailbox]:
    """The organisation's mailboxes by name, as a centre file describes them."""
    return {row["name"]: _described(row) for row in await db.fetch(EVERY_SQL, organisation)}


async def taken(db: Database, organisation: int, addresses: Sequence[str]) -> set[str]:
    """Those of the addresses that another organisation has. `organisation` 0: one that is not made yet."""
    return {row["address"] for row in await db.fetch(TAKEN_SQL, organisation, addresses)}


async def put(db: Database, organisation: int, mailbox: Mailbox, campaigns: Mapping[str, int]) -> None:
    """Add a mailbox, or change the one of this name. `campaigns`: ids by name."""
    await db.execute(
        PUT_SQL,
        organisation,
        mailbox.name,
        mailbox.address,
        campaigns[mailbox.campaign],
        mailbox.active,
        mailbox.receive,
        _encoded(mailbox.imap),
        _encoded(mailbox.send),
        mailbox.hourly_per_sender,
    )


async def receiving(db: Database, address: str) -> StoredMailbox | None:
    """The mailbox that takes what arrives by SMTP for this address (lower case)."""
    row = await db.fetchrow(ARRIVAL_SQL, address)
    return None if row is None else _stored(row)


async def fetched(db: Database) -> list[StoredMailbox]:
    """Every organisation's mailboxes that are fetched by IMAP."""
    return [_stored(row) for row in await db.fetch(FETCHED_SQL)]


async def get(db: Database, organisation: int, mailbox_id: int) -> StoredMailbox | None:
    row = await db.fetchrow(GET_SQL, organisation, mailbox_id)
    return None if row is None else _stored(row)


async def lead(session: asyncpg.Connection[Record]) -> bool:
    """Be the one who fetches, for as long as the session lives; False: another is."""
    return bool(await session.fetchval(LOCK_SQL))


async def progress(db: Database, organisation: int, mailbox_id: int) -> Progress | None:
    """How far the folder was fetched; None: it was not met yet."""
    row = await db.fetchrow(PROGRESS_SQL, organisation, mailbox_id)
    return None if row is None else Progress(*row.values())


async def sync_uids(db: Database, organisation: int, mailbox_id: int, validity: int, newest_uid: int) -> Progress:
    """Begin with a folder, or anew with one whose messages are numbered anew."""
    await db.execute(SYNC_UIDS_SQL, organisation, mailbox_id, validity, newest_uid)
    return Progress(validity, newest_uid, 0)


async def advance(db: Database, organisation: int, mailbox_id: int, validity: int, uid: int) -> None:
    """The message of this UID is dealt with. Never goes back within a validity."""
    await db.execute(ADVANCE_SQL, organisation, mailbox_id, validity, uid)


def _encoded(account: Account | None) -> str | None:
    return None if account is None else msgspec.json.encode(account).decode()


def _decoded(text: str | None) -> Account | None:
    return None if text is None else _account.decode(text)


def _described(row: Record) -> Mailbox:
    return Mailbox(
        row["name"],
        row["address"],
        row["campaign"],
        row["receive"],
        _decoded(row["imap"]),
        _decoded(row["send"]),
        row["hourly_per_sender"],
        row["active"],
    )


def _stored(row: Record) -> StoredMailbox:
    return StoredMailbox(
        row["organisation_id"],
        row["mailbox_id"],
        row["name"],
        row["address"],
        row["campaign_id"],
        row["active"],
        _decoded(row["imap"]),
        _decoded(row["send"]),
        row["hourly_per_sender"],
        row["country"],
    )

"""Numbers that must not be dialled, found by a keyed hash, so that the wish outlives an erasure of the number.

A lead that is given the status Do Not Call puts its numbers on the list by triggers, whoever writes it (decision 20);
who asked is what `asked` said in the transaction.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec
from asyncpg import Record

from callfloor.contract.do_not_call import Source
from callfloor.rules.privacy.do_not_call_file import Entry
from callfloor.store.db.pool import Database

WHOLE_ORGANISATION = 0
# The register of entries that are somebody's own wish.
OWN_WISH = ""

BLOCKED_SQL = """
SELECT DISTINCT number_hash FROM do_not_call
WHERE organisation_id = $1 AND number_hash = ANY($2::bytea[]) AND campaign_id IN (0, $3)
    AND (expires_at IS NULL OR expires_at > $4)"""
# Another lead of the number whose customer asked the same: the wish that one lead brought stays as that one's. Of a
# campaign's list only that campaign's leads count.
_HEIR = """(SELECT min(h.lead_id) FROM (
        SELECT lead_id, list_id FROM leads
        WHERE organisation_id = $1 AND phone1 = d.phone_number AND status_code = 11
        UNION ALL SELECT lead_id, list_id FROM leads
        WHERE organisation_id = $1 AND phone2 = d.phone_number AND status_code = 11
        UNION ALL SELECT lead_id, list_id FROM leads
        WHERE organisation_id = $1 AND phone3 = d.phone_number AND status_code = 11
    ) AS h
    JOIN lists s ON s.organisation_id = $1 AND s.list_id = h.list_id
    WHERE h.lead_id <> ALL({lifted}::bigint[]) AND d.campaign_id IN (0, s.campaign_id))"""
BLOCKED_UNTIL_SQL = """
SELECT number_hash, CASE WHEN bool_or(expires_at IS NULL) THEN NULL ELSE max(expires_at) END AS until
FROM do_not_call d
WHERE organisation_id = $1 AND number_hash = ANY($2::bytea[]) AND campaign_id IN (0, $3)
    AND (expires_at IS NULL OR expires_at > $4)
    AND NOT (register = '' AND lead_id IS NOT NULL AND lead_id = ANY($5::bigint[]) AND {heir} IS NULL)
GROUP BY number_hash""".format(heir=_HEIR.format(lifted="$5"))
# A number that is blocked already stays blocked for the longer of both times. Whoever adds it wishes it besides the
# lead that brought it, so that it does not go with that lead's wish.
ADD_MANY_SQL = """
INSERT INTO do_not_call AS d (organisation_id, number_hash, campaign_id, register, phone_number, reason, expires_at,
    created_at, source, added_by)
SELECT $1, n.number_hash, $2, $7, n.phone_number, n.reason, n.expires_at, $8, $9, $10
FROM unnest($3::bytea[], $4::text[], $5::text[], $6::timestamptz[]) AS n (number_hash, phone_number, reason, expires_at)
ORDER BY n.number_hash
ON CONFLICT (organisation_id, number_hash, campaign_id, register) DO UPDATE SET
    phone_number = excluded.phone_number, reason = coalesce(excluded.reason, d.reason), lead_id = NULL,
    expires_at = CASE WHEN d.expires_at IS NOT NULL AND excluded.expires_at IS NOT NULL
        THEN greatest(d.expires_at, excluded.expires_at) END
RETURNING d.entry_id, d.xmax = 0 AS added"""
# What ended is no wish any more: the next one is new.
FORGET_ENDED_SQL = """
DELETE FROM do_not_call WHERE organisation_id = $1 AND campaign_id = $2 AND number_hash = ANY($3::bytea[])
    AND register = $4 AND expires_at <= $5"""
_LIFTED = """organisation_id, entry_id, number_hash, campaign_id, register, phone_number, reason, source, added_by,
    lead_id, activity_id, created_at, expires_at"""
_LIFT = f"""
INSERT INTO do_not_call_lifted ({_LIFTED}, lifted_at, lifted_by, lift_source, lift_reason)
SELECT {_LIFTED}, $2, $3, $4, $5 FROM gone RETURNING number_hash, entry_id"""
LIFT_SQL = f"""
WITH gone AS (
    DELETE FROM do_not_call WHERE organisation_id = $1 AND campaign_id = ANY($6::bigint[])
        AND number_hash = ANY($7::bytea[]) AND register = $8
    RETURNING {_LIFTED}
) {_LIFT}"""
# Of the wishes, those that came by these leads.
LIFT_OF_LEADS_SQL = f"""
WITH brought AS (
    SELECT entry_id, {_HEIR.format(lifted="$5")} AS heir FROM do_not_call d
    WHERE organisation_id = $1 AND lead_id = ANY($5::bigint[]) AND register = ''
), kept AS (
    UPDATE do_not_call d SET lead_id = b.heir FROM brought b
    WHERE d.organisation_id = $1 AND d.lead_id = ANY($5::bigint[]) AND d.entry_id = b.entry_id AND b.heir IS NOT NULL
), gone AS (
    DELETE FROM do_not_call d USING brought b
    WHERE d.organisation_id = $1 AND d.lead_id = ANY($5::bigint[]) AND d.entry_id = b.entry_id AND b.heir IS NULL
    RETURNING d.*
)
INSERT INTO do_not_call_lifted ({_LIFTED}, lifted_at, lifted_by, lift_source, lift_reason)
SELECT {_LIFTED}, $2, $3, $4, format('lead %s is Do Not Call no more', lead_id) FROM gone"""
LIFT_ENTRY_SQL = f"""
WITH gone AS (
    DELETE FROM do_not_call WHERE organisation_id = $1 AND entry_id = $6
        AND campaign_id IN (SELECT 0 UNION ALL SELECT campaign_id FROM campaigns WHERE organisation_id = $1)
    RETURNING {_LIFTED}
) {_LIFT}"""
_SHOWN = """d.*, c.name AS campaign, u.full_name AS user_name, u.user_type, t.name AS token_name"""
_JOINED = """
    LEFT JOIN campaigns c ON c.organisation_id = $1 AND c.campaign_id = d.campaign_id
    LEFT JOIN users u ON u.organisation_id = $1 AND u.user_id = d.added_by
    LEFT JOIN tokens t ON t.organisation_id = $1 AND t.token_id = d.added_by"""
FIND_SQL = f"""
SELECT {_SHOWN} FROM do_not_call d {_JOINED}
WHERE d.organisation_id = $1 AND d.number_hash = ANY($2::bytea[]) AND (d.campaign_id IN (0, $3) OR $3 = 0)
    AND (d.expires_at IS NULL OR d.expires_at > $4)
ORDER BY d.campaign_id, d.register"""
# The newest entries of each list, merged: one index serves the page of a list and that of all.
PAGE_SQL = f"""
SELECT {_SHOWN} FROM (
    SELECT e.* FROM (
        SELECT 0::bigint AS list UNION ALL SELECT campaign_id FROM campaigns WHERE organisation_id = $1
    ) AS lists
    CROSS JOIN LATERAL (
        SELECT * FROM do_not_call n WHERE n.organisation_id = $1 AND n.campaign_id = lists.list AND n.entry_id < $2
        ORDER BY n.entry_id DESC LIMIT $4
    ) AS e
    WHERE $3::bigint IS NULL OR lists.list = $3
    ORDER BY e.entry_id DESC LIMIT $4
) AS d {_JOINED} ORDER BY d.entry_id DESC"""
OF_NUMBER_SQL = f"""
SELECT {_SHOWN} FROM do_not_call d {_JOINED}
WHERE d.organisation_id = $1 AND d.number_hash = $5 AND d.entry_id < $2 AND ($3::bigint IS NULL OR d.campaign_id = $3)
ORDER BY d.entry_id DESC LIMIT $4"""
LIFTED_PAGE_SQL = f"""
SELECT {_SHOWN}, l.full_name AS lifter_name, l.user_type AS lifter_type, lt.name AS lifter_token
FROM do_not_call_lifted d {_JOINED}
LEFT JOIN users l ON l.organisation_id = d.organisation_id AND l.user_id = d.lifted_by
LEFT JOIN tokens lt ON lt.organisation_id = d.organisation_id AND lt.token_id = d.lifted_by
WHERE d.organisation_id = $1 AND (d.lifted_at, d.entry_id) < ($2, $3) AND ($5::bytea IS NULL OR d.number_hash = $5)
ORDER BY d.lifted_at DESC, d.entry_id DESC LIMIT $4"""
ENTRY_SQL = f"""
SELECT {_SHOWN} FROM do_not_call d {_JOINED}
WHERE d.organisation_id = $1 AND d.entry_id = $2
    AND d.campaign_id IN (SELECT 0 UNION ALL SELECT campaign_id FROM campaigns WHERE organisation_id = $1)"""
EVERY_SQL = """
SELECT d.number_hash, d.campaign_id, c.name AS campaign, d.register, d.phone_number, d.reason, d.source, d.created_at,
    d.expires_at
FROM do_not_call d
LEFT JOIN campaigns c ON c.organisation_id = d.organisation_id AND c.campaign_id = d.campaign_id
WHERE d.organisation_id = $1 AND (d.number_hash, d.campaign_id, d.register) > ($2, $3, $4)
    AND ($5::bigint IS NULL OR d.campaign_id = $5)
ORDER BY d.number_hash, d.campaign_id, d.register LIMIT $6"""
KEY_SQL = "SELECT hash_key FROM organisations WHERE organisation_id = $1"
CAMPAIGN_SQL = "SELECT campaign_id FROM campaigns WHERE organisation_id = $1 AND name = $2"
CAMPAIGN_EXISTS_SQL = "SELECT EXISTS (SELECT FROM campaigns WHERE organisation_id = $1 AND campaign_id = $2)"
# Leads of these numbers whose own status keeps them from being dialled.
STATUSED_SQL = """
SELECT count(DISTINCT lead_id) FROM (
    SELECT lead_id FROM leads WHERE organisation_id = $1 AND phone1 = ANY($2::text[]) AND status_code = 11
    UNION ALL
    SELECT lead_id FROM leads WHERE organisation_id = $1 AND phone2 = ANY($2::text[]) AND status_code = 11
    UNION ALL
    SELECT lead_id FROM leads WHERE organisation_id = $1 AND phone3 = ANY($2::text[]) AND status_code = 11
) AS l"""
PAGE = 10_000
LAST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Doing:
    """Who blocks or lifts numbers, and by which way. `actor`: a user, agent or token; None: nobody who signs in."""

    source: Source
    actor: int | None = None


COMMAND_LINE = Doing("command-line")


class Asked(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who asks that a customer is not called any more, for what a transaction writes of leads. `at`: aware; None: the
    transaction's time."""

    source: Source
    actor: int | None = None
    activity: int | None = None
    reason: str | None = None
    at: datetime | None = None


def number_hash(hash_key: bytes, number: str) -> bytes:
    """How a number (E.164) is found; `hash_key` is the organisation's."""
    return hmac.digest(hash_key, number.encode(), hashlib.sha256)


async def blocked(
    db: Database, organisation: int, hash_key: bytes, campaign_id: int, numbers: Iterable[str], now: datetime
) -> frozenset[str]:
    """Which of the numbers (E.164) must not be dialled for the campaign at `now`."""
    by_hash = {number_hash(hash_key, number): number for number in numbers}
    rows = await db.fetch(BLOCKED_SQL, organisation, list(by_hash), campaign_id, now)
    return frozenset(by_hash[row["number_hash"]] for row in rows)


async def blocked_until(
    db: Database,
    organisation: int,
    hash_key: bytes,
    campaign_id: int,
    numbers: Iterable[str],
    now: datetime,
    lifted: Collection[int] = (),
) -> dict[str, datetime | None]:
    """Which of the numbers (E.164) must not be dialled for the campaign at `now`, and until when; None: for good. What
    `lift_of_leads` would lift with the leads `lifted` does not count."""
    by_hash = {number_hash(hash_key, number): number for number in numbers}
    rows = await db.fetch(BLOCKED_UNTIL_SQL, organisation, list(by_hash), campaign_id, now, sorted(lifted))
    return {by_hash[row["number_hash"]]: row["until"] for row in rows}


async def asked(db: Database, who: Asked) -> None:
    """Say who asks, until the end of the transaction in progress, for leads that are given the status Do Not Call."""
    # not set_config(), of which the nodes of a distributed database hear nothing
    said = msgspec.json.encode(who).decode().replace("'", "''")
    await db.execute(f"SET LOCAL callfloor.asked = '{said}'")


async def add(
    db: Database,
    organisation: int,
    hash_key: bytes,
    number: str,
    now: datetime,
    *,
    campaign_id: int = WHOLE_ORGANISATION,
    reason: str | None = None,
    expires_at: datetime | None = None,
    by: Doing = COMMAND_LINE,
) -> tuple[int, bool]:
    """Block a number (E.164) for one campaign or the whole organisation, until `expires_at` or for good. The entry's
    id, and whether the number was not on that list before."""
    given = [Entry(number, reason, expires_at)]
    (row,) = await _add(db, organisation, hash_key, campaign_id, given, now, OWN_WISH, by)
    return row["entry_id"], row["added"]


async def add_many(
    db: Database,
    organisation: int,
    hash_key: bytes,
    campaign_id: int,
    entries: Sequence[Entry],
    now: datetime,
    *,
    register: str = OWN_WISH,
    by: Doing = COMMAND_LINE,
) -> int:
    """Block numbers; returns how many were not blocked before. Of a number that is there twice the later one counts."""
    rows = await _add(db, organisation, hash_key, campaign_id, entries, now, register, by)
    return sum(row["added"] for row in rows)


async def _add(
    db: Database,
    organisation: int,
    hash_key: bytes,
    campaign_id: int,
    entries: Sequence[Entry],
    now: datetime,
    register: str,
    by: Doing,
) -> list[Record]:
    by_hash = {number_hash(hash_key, each.number): each for each in entries}
    async with db.transaction():
        await db.execute(FORGET_ENDED_SQL, organisation, campaign_id, list(by_hash), register, now)
        return await db.fetch(
            ADD_MANY_SQL,
            organisation,
            campaign_id,
            list(by_hash),
            [each.number for each in by_hash.values()],
            [each.reason for each in by_hash.values()],
            [each.expires_at for each in by_hash.values()],
            register,
            now,
            by.source,
            by.actor,
        )


async def lift(
    db: Database,
    organisation: int,
    hash_key: bytes,
    lists: Sequence[int],
    numbers: Iterable[str],
    now: datetime,
    *,
    reason: str,
    by: Doing = COMMAND_LINE,
    register: str = OWN_WISH,
) -> dict[str, list[int]]:
    """Take numbers (E.164) off these lists (ids of campaigns, or `WHOLE_ORGANISATION`); what stood there is kept with
    who lifted it and why. Returns those that were on one, and their entries. What a register says stays unless it is
    named."""
    by_hash = {number_hash(hash_key, number): number for number in numbers}
    rows = await db.fetch(
        LIFT_SQL, organisation, now, by.actor, by.source, reason, list(lists), list(by_hash), register
    )
    lifted: dict[str, list[int]] = {}
    for row in rows:
        lifted.setdefault(by_hash[row["number_hash"]], []).append(row["entry_id"])
    return lifted


async def lift_of_leads(db: Database, organisation: int, leads: Collection[int], now: datetime, by: Doing) -> None:
    """Leads are Do Not Call no more: what they brought onto the lists is lifted, also for phones that they had then.
    Other wishes for their numbers stay, so one that another lead of the number has by its status."""
    if leads:
        await db.execute(LIFT_OF_LEADS_SQL, organisation, now, by.actor, by.source, sorted(leads))


async def lift_entry(db: Database, organisation: int, entry_id: int, now: datetime, *, reason: str, by: Doing) -> bool:
    """The same with one entry, whatever its list or register; False: there is none."""
    return bool(await db.fetch(LIFT_ENTRY_SQL, organisation, now, by.actor, by.source, reason, entry_id))


async def find(
    db: Database, organisation: int, hash_key: bytes, campaign_id: int, number: str, now: datetime
) -> list[Record]:
    """Why the number (E.164) must not be dialled for the campaign at `now`; for `WHOLE_ORGANISATION`: for any."""
    return await db.fetch(FIND_SQL, organisation, [number_hash(hash_key, number)], campaign_id, now)


async def get(db: Database, organisation: int, entry_id: int) -> Record | None:
    """An entry, with the names of its campaign and of who added it."""
    return await db.fetchrow(ENTRY_SQL, organisation, entry_id)


async def page(
    db: Database, organisation: int, hashed: bytes | None, campaign_id: int | None, after: int | None, count: int
) -> list[Record]:
    """At most `count` entries behind the entry `after`, newest first: of the number with this hash, of one list, or
    of all."""
    if hashed is not None:
        return await db.fetch(OF_NUMBER_SQL, organisation, after or LAST, campaign_id, count, hashed)
    return await db.fetch(PAGE_SQL, organisation, after or LAST, campaign_id, count)


async def lifted_page(
    db: Database, organisation: int, hashed: bytes | None, after: tuple[datetime, int], count: int
) -> list[Record]:
    """At most `count` entries that were lifted, behind `after` (time of lifting, entry), newest first."""
    return await db.fetch(LIFTED_PAGE_SQL, organisation, *after, count, hashed)


async def every(db: Database, organisation: int, campaign_id: int | None) -> AsyncIterator[Record]:
    """Every entry, of one list or (None) of all, in no order that means something."""
    after: tuple[bytes, int, str] = (b"", -1, "")
    while rows := await db.fetch(EVERY_SQL, organisation, *after, campaign_id, PAGE):
        for row in rows:
            yield row
        after = rows[-1]["number_hash"], rows[-1]["campaign_id"], rows[-1]["register"]


async def leads_of_status(db: Database, organisation: int, numbers: Sequence[str]) -> int:
    """How many leads of these numbers (E.164) have the status Do Not Call, and so are not dialled either way."""
    return int(await db.fetchval(STATUSED_SQL, organisation, list(numbers)))


async def key(db: Database, organisation: int) -> bytes:
    """The organisation's hash key."""
    return await db.fetchval(KEY_SQL, organisation)


async def list_of(db: Database, organisation: int, campaign: str) -> int | None:
    """The id under which a campaign's list is kept; None: there is no campaign of that name."""
    return await db.fetchval(CAMPAIGN_SQL, organisation, campaign)


async def campaign_exists(db: Database, organisation: int, campaign_id: int) -> bool:
    return bool(await db.fetchval(CAMPAIGN_EXISTS_SQL, organisation, campaign_id))

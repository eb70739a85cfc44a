"""Saved reports: whose they are, and who sees them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from asyncpg import Record

from callfloor.contract.reports import SavedQuery
from callfloor.contract.saved_reports import SavedReportBody, Schedule
from callfloor.rules.people.roles import roles_of, scopes_of
from callfloor.store.db.pool import Database
from callfloor.store.people.callers import CALLED, figures_seen, led_of

_COLUMNS = """r.report_id, r.name, r.owner_id, r.shared, r.team_id, r.query::text AS query,
    r.schedule::text AS schedule, r.next_at, r.created_at, r.updated_at"""
# $2 who looks, null: a program, which sees what is shared with all, and what programs made
_SEEN = """(r.shared = 'organisation' OR r.owner_id IS NOT DISTINCT FROM $2::bigint OR r.shared = 'team' AND EXISTS (
    SELECT FROM team_members m WHERE m.organisation_id = $1 AND m.team_id = r.team_id AND m.user_id = $2))"""
PAGE_SQL = f"""
SELECT {_COLUMNS} FROM saved_reports r WHERE r.organisation_id = $1 AND {_SEEN} AND r.report_id > $3
ORDER BY r.report_id LIMIT $4"""
GET_SQL = f"SELECT {_COLUMNS} FROM saved_reports r WHERE r.organisation_id = $1 AND {_SEEN} AND r.report_id = $3"
LOCK_SQL = "SELECT 1 FROM saved_reports WHERE organisation_id = $1 AND report_id = $2 FOR UPDATE"
COUNT_SQL = "SELECT count(*) FROM saved_reports WHERE organisation_id = $1"
INSERT_SQL = """
INSERT INTO saved_reports (organisation_id, owner_id, name, shared, team_id, query, schedule, next_at, created_at,
    updated_at)
VALUES ($1, $2, $3, $4, $5, $6::text::jsonb, $7::text::jsonb, $8, $9, $9) RETURNING report_id"""
UPDATE_SQL = """
UPDATE saved_reports SET name = $3, shared = $4, team_id = $5, query = $6::text::jsonb, schedule = $7::text::jsonb,
    next_at = $8, updated_at = $9
WHERE organisation_id = $1 AND report_id = $2"""
DELETE_SQL = "DELETE FROM saved_reports WHERE organisation_id = $1 AND report_id = $2"
TEAM_SQL = """
SELECT EXISTS (SELECT FROM teams t WHERE t.organisation_id = $1 AND t.team_id = $2 AND ($3::bigint IS NULL
    OR EXISTS (SELECT FROM team_members m WHERE m.organisation_id = $1 AND m.team_id = $2 AND m.user_id = $3)))"""
ALLOWED_SQL = """
SELECT address FROM unnest($2::text[]) AS address
WHERE EXISTS (SELECT FROM users u
        WHERE u.organisation_id = $1 AND u.account_active AND lower(u.email_address) = address)
    OR EXISTS (SELECT FROM organisations o WHERE o.organisation_id = $1
        AND ARRAY[address, '@' || split_part(address, '@', 2)] && o.report_recipients)"""
SENDS_SQL = """
SELECT mailbox_id FROM mailboxes WHERE organisation_id = $1 AND name = $2 AND active AND send IS NOT NULL"""
OWNER_SQL = f"""
SELECT {CALLED}, u.account_active FROM organisations o JOIN users u USING (organisation_id)
WHERE o.organisation_id = $1 AND u.user_id = $2"""

_query = msgspec.json.Decoder(SavedQuery)
_schedule = msgspec.json.Decoder(Schedule)


def query_of(row: Record) -> SavedQuery:
    return _query.decode(row["query"])


def schedule_of(row: Record) -> Schedule | None:
    return None if row["schedule"] is None else _schedule.decode(row["schedule"])


async def page(db: Database, organisation: int, person: int | None, after: int, count: int) -> list[Record]:
    """At most `count` that somebody sees, with ids above `after`, by id."""
    return await db.fetch(PAGE_SQL, organisation, person, after, count)


async def get(db: Database, organisation: int, person: int | None, report_id: int) -> Record | None:
    """The report, where it is seen."""
    return await db.fetchrow(GET_SQL, organisation, person, report_id)


async def lock(db: Database, organisation: int, report_id: int) -> None:
    """Keep others from changing it until the transaction in progress is over."""
    await db.execute(LOCK_SQL, organisation, report_id)


async def count(db: Database, organisation: int) -> int:
    return await db.fetchval(COUNT_SQL, organisation)


async def insert(
    db: Database,
    organisation: int,
    person: int | None,
    body: SavedReportBody,
    next_at: datetime | None,
    at: datetime,
) -> int:
    return await db.fetchval(INSERT_SQL, organisation, person, *_values(body), next_at, at)


async def update(
    db: Database, organisation: int, report_id: int, body: SavedReportBody, next_at: datetime | None, at: datetime
) -> None:
    await db.execute(UPDATE_SQL, organisation, report_id, *_values(body), next_at, at)


def _values(body: SavedReportBody) -> tuple[object, ...]:
    schedule = None if body.schedule is None else msgspec.json.encode(body.schedule).decode()
    return body.name, body.shared, body.team_id, msgspec.json.encode(body.query).decode(), schedule


async def delete(db: Database, organisation: int, report_id: int) -> None:
    await db.execute(DELETE_SQL, organisation, report_id)


async def may_share(db: Database, organisation: int, team_id: int, person: int | None) -> bool:
    """Whether there is such a team, and the person, if it is one, is in it."""
    return await db.fetchval(TEAM_SQL, organisation, team_id, person)


async def allowed(db: Database, organisation: int, addresses: Sequence[str]) -> set[str]:
    """Those of the addresses, in small letters, that somebody of the organisation has, or that it allows."""
    rows = await db.fetch(ALLOWED_SQL, organisation, [each.lower() for each in addresses])
    return {row["address"] for row in rows}


async def sends(db: Database, organisation: int, mailbox: str) -> int | None:
    """The id of the mailbox of a name; None: there is none, or it sends nothing."""
    return await db.fetchval(SENDS_SQL, organisation, mailbox)


async def owner(db: Database, organisation: int, person: int) -> tuple[bool, frozenset[int] | None] | None:
    """Whether a person may read reports, and the agents whose figures it sees (None: all); None: is not there or may
    not sign in."""
    row = await db.fetchrow(OWNER_SQL, organisation, person)
    if row is None or not row["account_active"]:
        return None
    scopes = scopes_of(roles_of(row["roles"], row["user_type"]), row["own_scopes"])
    return not {"admin", "reports:read"}.isdisjoint(scopes), figures_seen(scopes, led_of(row))

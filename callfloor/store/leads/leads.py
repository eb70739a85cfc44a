"""Leads: reading, writing, paging."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import asyncpg
import msgspec
from asyncpg import Record

from callfloor.contract.codes import LEAD_STATUS_NAMES, LeadStatus
from callfloor.errors import FieldError
from callfloor.store.db.faults import UNSTORABLE
from callfloor.store.db.paging import size_for
from callfloor.store.db.pool import Database
from callfloor.store.leads import lead_pages

LeadRecord = Record
_EARLIEST = datetime(1, 1, 1, tzinfo=UTC)

_SHOWN = """
    l.*, s.name AS list_name, s.in_dialler AS list_in_dialler, c.campaign_id, c.name AS campaign_name,
    c.timezone AS campaign_timezone, u.full_name AS agent_full_name, w.description AS wrap_description,
    st.description AS own_status"""
# `of`: the organisation. A page is joined by its parameter: what stands behind a LIMIT tells a planner nothing.
_joined = """
    JOIN lists s ON s.organisation_id = {of} AND s.list_id = l.list_id
    JOIN campaigns c ON c.organisation_id = {of} AND c.campaign_id = s.campaign_id
    LEFT JOIN users u ON u.organisation_id = {of} AND u.user_id = l.agent_id
    LEFT JOIN wrap_codes w
        ON w.organisation_id = {of} AND w.campaign_id = c.campaign_id AND w.code = l.wrap_code
    LEFT JOIN lead_statuses st ON st.organisation_id = {of} AND st.code = l.status_code""".format

GET_MANY_SQL = f"""
SELECT {_SHOWN}, k.ord
FROM unnest($2::bigint[]) WITH ORDINALITY AS k (lead_id, ord)
JOIN leads l ON l.organisation_id = $1 AND l.lead_id = k.lead_id {_joined(of="l.organisation_id")}"""
LOCK_SQL = "SELECT 1 FROM leads WHERE organisation_id = $1 AND lead_id = $2 FOR UPDATE"

# One statement inserts any number of leads and says of each why it was not inserted.
INSERT_SQL = """
WITH given AS MATERIALIZED (
    SELECT nextval('leads_lead_id_seq') AS lead_id, n.* FROM json_to_recordset($1::json) AS n (
        ord integer, organisation_id bigint, list_id bigint, customer_key text, timezone text, phone1 text,
        phone2 text, phone3 text, next_attempt_at timestamptz, status_code integer, agent_id bigint, data jsonb,
        identifiers text[])
), n AS MATERIALIZED (
    SELECT n.*, s.in_dialler,
        s.list_id IS NOT NULL AS list_found,
        n.agent_id IS NULL OR u.user_id IS NOT NULL AS agent_found,
        n.status_code < 100 OR st.code IS NOT NULL AS status_found
    FROM given n
    LEFT JOIN lists s ON s.organisation_id = n.organisation_id AND s.list_id = n.list_id
    LEFT JOIN users u ON u.organisation_id = n.organisation_id AND u.user_id = n.agent_id AND u.user_type = 'agent'
    LEFT JOIN lead_statuses st ON st.organisation_id = n.organisation_id AND st.code = n.status_code
    ORDER BY n.ord
), added AS (
    INSERT INTO leads (organisation_id, lead_id, list_id, customer_key, timezone, phone1, phone2, phone3,
        next_attempt_at, status_code, completed_at, agent_id, data, identifiers, counted)
    SELECT organisation_id, lead_id, list_id, customer_key, timezone, phone1, phone2, phone3, next_attempt_at,
        status_code, CASE WHEN status_code = 12 THEN now() END, agent_id, data, identifiers, true
    FROM n WHERE list_found AND agent_found AND status_found
    RETURNING organisation_id, list_id, lead_id, dialable, completed_at
), counted AS (
    INSERT INTO list_counts AS c (organisation_id, list_id, shard, leads, dialable, completed)
    SELECT organisation_id, list_id, pg_backend_pid() % 64, count(*), count(*) FILTER (WHERE dialable),
        count(completed_at)
    FROM added GROUP BY organisation_id, list_id ORDER BY organisation_id, list_id
    ON CONFLICT (organisation_id, list_id, shard) DO UPDATE SET
        leads = c.leads + excluded.leads, dialable = c.dialable + excluded.dialable,
        completed = c.completed + excluded.completed
)
SELECT n.ord, n.list_found, n.agent_found, n.status_found, added.lead_id,
    n.in_dialler AND added.dialable AS in_dialler
FROM n LEFT JOIN added USING (lead_id)"""

CALLBACKS_SQL = f"""
SELECT {_SHOWN} FROM (
    SELECT * FROM leads
    WHERE organisation_id = $1 AND agent_id = $2 AND next_attempt_at IS NOT NULL AND completed_at IS NULL
        AND status_code = {LeadStatus.CALLBACK_AGENT:d}
        AND (next_attempt_at, lead_id) > ($3::timestamptz, $4::bigint)
    ORDER BY next_attempt_at, lead_id LIMIT $5
) AS l {_joined(of="$1")} ORDER BY l.next_attempt_at, l.lead_id"""
UPDATE_SQL = """
UPDATE leads SET list_id = $3, customer_key = $4, timezone = $5, phone1 = $6, phone2 = $7, phone3 = $8,
    completed_at = $9, data = $10::jsonb, identifiers = $11, status_code = $12, agent_id = $13, next_attempt_at = $14,
    callback_was_of = CASE WHEN (status_code, next_attempt_at) IS NOT DISTINCT FROM ($12, $14) THEN callback_was_of END,
    updated_at = now()
WHERE organisation_id = $1 AND lead_id = $2"""
DELETE_SQL = "DELETE FROM leads WHERE organisation_id = $1 AND lead_id = $2"
LISTS_KNOWN_SQL = "SELECT list_id FROM lists WHERE organisation_id = $1 AND list_id = ANY($2::bigint[])"
AGENTS_KNOWN_SQL = """
SELECT user_id FROM users WHERE organisation_id = $1 AND user_id = ANY($2::bigint[]) AND user_type = 'agent'"""
STATUSES_KNOWN_SQL = "SELECT code FROM lead_statuses WHERE organisation_id = $1"
STATUS_EXISTS_SQL = "SELECT EXISTS (SELECT FROM lead_statuses WHERE organisation_id = $1 AND code = $2)"


class NewLead(msgspec.Struct, omit_defaults=True):
    """A lead to insert, checked and normalised. `data` is a JSON object."""

    organisation_id: int
    list_id: int
    data: msgspec.Raw
    status_code: int
    customer_key: str | None = None
    timezone: str | None = None
    phone1: str | None = None
    phone2: str | None = None
    phone3: str | None = None
    next_attempt_at: datetime | None = None
    agent_id: int | None = None
    identifiers: list[str] | None = None
    # completed, whatever its status is
    completed: bool = False
    ord: int = -1


@dataclass(frozen=True, slots=True)
class InsertOutcome:
    """What became of a new lead; `lead_id` None: not inserted, because something it names does not exist."""

    lead_id: int | None
    in_dialler: bool
    list_found: bool
    agent_found: bool
    status_found: bool


async def get_many(db: Database, organisation: int, lead_ids: Sequence[int]) -> list[LeadRecord | None]:
    """The organisation's leads at their ids' positions; None where there is none."""
    rows = await db.fetch(GET_MANY_SQL, organisation, lead_ids)
    found: list[LeadRecord | None] = [None] * len(lead_ids)
    for row in rows:
        found[row["ord"] - 1] = row
    return found


async def get(db: Database, organisation: int, lead_id: int) -> LeadRecord | None:
    return (await get_many(db, organisation, [lead_id]))[0]


async def get_locked(db: Database, organisation: int, lead_id: int) -> LeadRecord | None:
    """The lead, locked until the end of the transaction in progress."""
    if await db.fetchval(LOCK_SQL, organisation, lead_id) is None:
        return None
    return await get(db, organisation, lead_id)


async def insert_many(db: Database, leads: Sequence[NewLead]) -> list[InsertOutcome]:
    """Insert leads in one statement; each outcome stands at its lead's position."""
    for position, lead in enumerate(leads):
        lead.ord = position
    rows = await db.fetch(INSERT_SQL, msgspec.json.encode(leads).decode())
    outcomes: list[Any] = [None] * len(leads)
    for row in rows:
        outcomes[row["ord"]] = InsertOutcome(
            row["lead_id"],
            bool(row["in_dialler"]),
            row["list_found"],
            row["agent_found"],
            row["status_found"],
        )
    return outcomes


# A page has no more leadData than this, in bytes, but for the last leads that were read together.
MOST_BYTES = 4_000_000
AT_ONCE = 101


async def insert_together(db: Database, leads: Sequence[NewLead]) -> list[InsertOutcome | asyncpg.DataError]:
    """`insert_many` for leads of unrelated requests: one that PostgreSQL refuses does not take the others with it."""
    try:
        return list(await insert_many(db, leads))
    except UNSTORABLE as error:
        if len(leads) == 1:
            return [error]
        alone = [await insert_together(db, [lead]) for lead in leads]
        return [outcome for outcomes in alone for outcome in outcomes]


async def page(
    db: Database,
    organisation: int,
    filters: Mapping[str, object],
    campaign_id: int | None,
    after: tuple[datetime, int] | None,
    count: int,
) -> tuple[list[LeadRecord], bool]:
    """At most `count` leads behind `after`, newest first, and whether there may be more because the page is full: it
    has about `MOST_BYTES`. `filters`: names of `lead_pages.FILTERS` and their values; its order is
    `lead_pages.page_order` of them."""
    found: list[LeadRecord] = []
    at, size = lead_pages.page_order(frozenset(filters)), 0
    while True:
        asked = min(count - len(found), AT_ONCE)
        part = await _part(db, organisation, filters, campaign_id, after, asked)
        found += part
        size += sum(len(row["data"]) for row in part)
        if len(part) < asked or len(found) == count:
            return found, False
        if size > MOST_BYTES:
            return found, True
        after = part[-1][at], part[-1]["lead_id"]


async def _part(
    db: Database,
    organisation: int,
    filters: Mapping[str, object],
    campaign_id: int | None,
    after: tuple[datetime, int] | None,
    count: int,
) -> list[LeadRecord]:
    names = frozenset(filters)
    size = size_for(count)
    sql = lead_page_sql(names, size, by_campaign=campaign_id is not None, after=after is not None)
    arguments: list[object] = [organisation, count]
    if campaign_id is not None:
        arguments.append(campaign_id)
    arguments += [filters[name] for name in lead_pages.used(names, after=after is not None)]
    return await db.fetch(sql, *arguments, *(after or ()))


async def callbacks(
    db: Database, organisation: int, agent_id: int, after: tuple[datetime, int] | None, count: int
) -> list[LeadRecord]:
    """At most `count` leads behind `after` that wait for this agent to call back, soonest first."""
    return await db.fetch(CALLBACKS_SQL, organisation, agent_id, *(after or (_EARLIEST, 0)), count)


def lead_page_sql(names: frozenset[str], size: int, *, by_campaign: bool, after: bool) -> str:
    """The statement of a page with these filters: $1 organisation, $2 count (up to `size`), [$3 campaign], filters,
    [after]."""
    keys, at = lead_pages.keys_sql(names, size, by_campaign=by_campaign, after=after), lead_pages.page_order(names)
    return f"SELECT {_SHOWN} FROM ({keys}) AS l {_joined(of='$1')} ORDER BY l.{at} DESC, l.lead_id DESC LIMIT $2"


async def update(db: Database, organisation: int, lead_id: int, values: Mapping[str, Any]) -> None:
    """Write every changeable column of a lead; `values` has them all."""
    await db.execute(
        UPDATE_SQL,
        organisation,
        lead_id,
        values["list_id"],
        values["customer_key"],
        values["timezone"],
        values["phone1"],
        values["phone2"],
        values["phone3"],
        values["completed_at"],
        values["data"],
        values["identifiers"],
        values["status_code"],
        values["agent_id"],
        values["next_attempt_at"],
    )


async def delete(db: Database, organisation: int, lead_id: int) -> None:
    await db.execute(DELETE_SQL, organisation, lead_id)


async def status_exists(db: Database, organisation: int, code: int) -> bool:
    """Whether the organisation has this own lead status (100 and above)."""
    return bool(await db.fetchval(STATUS_EXISTS_SQL, organisation, code))


@dataclass(frozen=True, slots=True)
class KnownReferences:
    lists: frozenset[int]
    agents: frozenset[int]
    statuses: frozenset[int]

    def missing(self, list_id: object, agent_id: object, status: object) -> list[FieldError]:
        """What a lead names that is not there; what it does not name (None, UNSET) is not looked at."""
        found: list[FieldError] = []
        if isinstance(list_id, int) and list_id not in self.lists:
            found.append(FieldError("not-found", "names no list of this organisation", pointer="/listId"))
        if isinstance(agent_id, int) and agent_id not in self.agents:
            found.append(FieldError("not-found", "names no agent of this organisation", pointer="/agentId"))
        if isinstance(status, int) and status not in LEAD_STATUS_NAMES and status not in self.statuses:
            message = "is neither a standard lead status nor one of the organisation's"
            found.append(FieldError("unknown-status", message, pointer="/statusCode"))
        return found


async def known_references(
    db: Database, organisation: int, list_ids: Collection[int], agent_ids: Collection[int]
) -> KnownReferences:
    """Which of these lists and agents the organisation has, and its own statuses."""
    return KnownReferences(
        frozenset(row[0] for row in await db.fetch(LISTS_KNOWN_SQL, organisation, list(list_ids))),
        frozenset(row[0] for row in await db.fetch(AGENTS_KNOWN_SQL, organisation, list(agent_ids))),
        frozenset(row[0] for row in await db.fetch(STATUSES_KNOWN_SQL, organisation)),
    )

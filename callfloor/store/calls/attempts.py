"""Attempts: what the dialler writes before it dials, while it rings and when the call is over.

An attempt and its activity (the call's first leg) begin at the same moment, so that one finds the other's partition.
A duplicated or late event changes nothing and answers False or None. Every time is an argument.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from asyncpg import Record

from callfloor.contract.codes import ActivityStatus, DialStatus, LeadStatus, OutcomeType
from callfloor.rules.dialling.number_facts import COUNTED
from callfloor.rules.dialling.strategy import lead_status_after
from callfloor.store.db.paging import Filter, page_sql, size_for
from callfloor.store.db.pool import Database
from callfloor.store.leads import number_history

_SHOWN = "a.*, c.name AS campaign_name, c.timezone AS campaign_timezone"
_JOINED = "JOIN campaigns c ON c.organisation_id = $1 AND c.campaign_id = a.campaign_id"
GET_SQL = f"SELECT {_SHOWN} FROM attempts a {_JOINED} WHERE a.organisation_id = $1 AND a.attempt_id = $2"

_CALLBACKS = f"{LeadStatus.CALLBACK_QUEUE:d}, {LeadStatus.CALLBACK_AGENT:d}"
# Only a lead that is still as it was judged is dialled. One that another writer holds is passed over: it may be
# dialled by another engine at this moment. So it is with a number, whose other leads have locks of their own: `start`
# has taken it, so that nobody else can begin a call to it until this one is committed. Nor is a number dialled that was
# blocked since it was judged.
START_SQL = f"""
WITH wanted AS MATERIALIZED (
    SELECT * FROM unnest($3::integer[], $4::bigint[], $5::bigint[], $6::smallint[], $7::text[], $8::integer[],
        $9::text[], $10::bigint[], $11::text[], $12::bigint[], $13::bigint[], $14::bigint[])
        AS n (ord, campaign_id, lead_id, phone_index, phone_number, attempts_before, mode, agent_id, own_contact,
            parent_activity_id, root_activity_id, of_number_before)
), idle AS MATERIALIZED (
    SELECT n.ord FROM wanted n CROSS JOIN LATERAL (
        SELECT count(*) AS attempts, count(*) FILTER (WHERE hang_up_at IS NULL) AS up FROM attempts a
        WHERE a.organisation_id = $1 AND a.phone_number = n.phone_number AND a.dialled_at >= $15) AS o
    WHERE o.up = 0 AND (n.of_number_before IS NULL OR o.attempts = n.of_number_before)
        AND NOT EXISTS (
            SELECT FROM organisations g
            JOIN do_not_call d ON d.organisation_id = $1 AND d.number_hash = number_hash(g.hash_key, n.phone_number)
            WHERE g.organisation_id = $1 AND d.campaign_id IN (0, n.campaign_id)
                AND (d.expires_at IS NULL OR d.expires_at > $2))
), free AS MATERIALIZED (
    SELECT n.ord, l.lead_id, l.list_id, l.status_code, l.next_attempt_at
    FROM leads l
    JOIN wanted n ON n.lead_id = l.lead_id
    JOIN lists s ON s.organisation_id = l.organisation_id AND s.list_id = l.list_id AND s.campaign_id = n.campaign_id
    WHERE l.organisation_id = $1 AND l.in_flight_attempt_id IS NULL AND l.attempts = n.attempts_before
        AND (CASE n.phone_index WHEN 1 THEN l.phone1 WHEN 2 THEN l.phone2 WHEN 3 THEN l.phone3 END) = n.phone_number
        AND (l.dialable OR n.mode = 'manual')
    ORDER BY l.lead_id
    FOR NO KEY UPDATE OF l SKIP LOCKED
), ids AS MATERIALIZED (
    SELECT o.ord, nextval('attempt_ids') AS attempt_id, nextval('activity_ids') AS activity_id
    FROM unnest($3::integer[]) AS o (ord)
), placed AS MATERIALIZED (
    SELECT n.*, f.list_id, ids.attempt_id, ids.activity_id,
        CASE WHEN f.status_code IN ({_CALLBACKS}) THEN f.status_code END AS callback_status,
        CASE WHEN f.status_code IN ({_CALLBACKS}) THEN f.next_attempt_at END AS callback_at
    FROM wanted n
    JOIN campaigns c ON c.organisation_id = $1 AND c.campaign_id = n.campaign_id
    JOIN idle i ON i.ord = n.ord
    JOIN ids ON ids.ord = n.ord
    LEFT JOIN free f ON f.ord = n.ord
    WHERE f.lead_id IS NOT NULL OR (n.lead_id IS NULL AND n.mode = 'manual')
), dialled_leads AS (
    UPDATE leads l SET in_flight_attempt_id = p.attempt_id, last_attempt_id = p.attempt_id, last_attempt_at = $2,
        attempts = l.attempts + 1, outcome_type = p.mode, next_attempt_at = NULL, wrap_code = NULL,
        last_dial_status = 0,
        phone1_attempts = l.phone1_attempts + (p.phone_index = 1)::int::smallint,
        phone1_dial_status = CASE WHEN p.phone_index = 1 THEN 0 ELSE l.phone1_dial_status END,
        phone2_attempts = l.phone2_attempts + (p.phone_index = 2)::int::smallint,
        phone2_dial_status = CASE WHEN p.phone_index = 2 THEN 0 ELSE l.phone2_dial_status END,
        phone3_attempts = l.phone3_attempts + (p.phone_index = 3)::int::smallint,
        phone3_dial_status = CASE WHEN p.phone_index = 3 THEN 0 ELSE l.phone3_dial_status END,
        status_code = CASE WHEN l.dialable THEN 1 ELSE l.status_code END,
        updated_at = greatest(l.updated_at, $2)
    FROM placed p WHERE l.organisation_id = $1 AND l.lead_id = p.lead_id
), dialled_lists AS (
    INSERT INTO list_dialled AS d (organisation_id, list_id, last_dialled_at)
    SELECT DISTINCT $1::bigint, list_id, $2::timestamptz FROM placed WHERE list_id IS NOT NULL ORDER BY list_id
    ON CONFLICT (organisation_id, list_id) DO UPDATE SET
        last_dialled_at = greatest(d.last_dialled_at, excluded.last_dialled_at)
), calls AS (
    INSERT INTO attempts (organisation_id, attempt_id, dialled_at, campaign_id, list_id, lead_id, mode, phone_index,
        phone_number, activity_id, parent_activity_id, root_activity_id, callback_status, callback_at, first_of_lead)
    SELECT $1, attempt_id, $2, campaign_id, list_id, lead_id, mode, phone_index, phone_number, activity_id,
        parent_activity_id, coalesce(root_activity_id, activity_id), callback_status, callback_at,
        CASE WHEN lead_id IS NOT NULL THEN attempts_before = 0 END
    FROM placed
), legs AS (
    INSERT INTO activities (organisation_id, activity_id, created_at, type, parent_activity_id, root_activity_id,
        status_id, campaign_id, lead_id, attempt_id, agent_id, phone_index, dial_status, contact, own_contact)
    SELECT $1, activity_id, $2, CASE mode WHEN 'manual' THEN 'call.manual' ELSE 'call.outbound' END,
        parent_activity_id, coalesce(root_activity_id, activity_id), 7, campaign_id, lead_id, attempt_id, agent_id,
        phone_index, 0, phone_number, own_contact
    FROM placed
)
SELECT ord, attempt_id, activity_id FROM placed"""

_OPEN = "organisation_id = $1 AND attempt_id = $2 AND hang_up_at IS NULL"
_LEG = "a.organisation_id = $1 AND a.activity_id = c.activity_id AND a.created_at = c.dialled_at"
ANSWERED_SQL = f"""
WITH call AS (
    UPDATE attempts SET dial_status = 1, answered_at = greatest($3, dialled_at)
    WHERE {_OPEN} AND answered_at IS NULL
    RETURNING activity_id, dialled_at
), leg AS (UPDATE activities a SET dial_status = 1 FROM call c WHERE {_LEG})
SELECT 1 FROM call"""
CONNECTED_SQL = f"""
WITH call AS (
    UPDATE attempts SET
        connect_delay_ms = round(1000 * extract(epoch FROM greatest($3, answered_at) - answered_at))::integer
    WHERE {_OPEN} AND answered_at IS NOT NULL AND connect_delay_ms IS NULL
    RETURNING activity_id, dialled_at, answered_at, connect_delay_ms
), next AS MATERIALIZED (SELECT nextval('agent_interaction_ids') AS id)
UPDATE activities a SET status_id = 3, answered_at = greatest($3, c.answered_at), agent_id = $4,
    agent_interaction_id = next.id, connect_delay_ms = c.connect_delay_ms
FROM call c, next WHERE {_LEG}
RETURNING a.agent_interaction_id"""
# A status or time that somebody gave the lead during the call is not overwritten: `start` left 1 and no time.
# A callback is kept: where the call was let go before anybody answered, had no line, or reached nobody before
# its time, it is what it was (the queue's, where its agent can make it no more).
_UNTOUCHED = "l.status_code = 1 AND l.completed_at IS NULL AND l.next_attempt_at IS NULL"
_KEPT = f"c.promised IS NOT NULL AND {_UNTOUCHED}"
FINISH_SQL = f"""
WITH call AS (
    UPDATE attempts SET dial_status = $4, hang_up_at = greatest($3, answered_at, dialled_at)
    WHERE {_OPEN}
    RETURNING *
), promise AS (
    SELECT c.*, CASE WHEN c.callback_at IS NOT NULL
            AND ($4 IN ({DialStatus.CANCELLED:d}, {DialStatus.REFUSED:d})
                OR $4 = {DialStatus.TELCO_ERROR:d} AND NOT $8
                OR c.callback_at > c.hang_up_at AND c.connect_delay_ms IS NULL)
        THEN CASE WHEN c.callback_status = {LeadStatus.CALLBACK_AGENT:d} AND NOT EXISTS (
            SELECT FROM leads l
            JOIN campaign_agents m ON m.organisation_id = $1 AND m.campaign_id = c.campaign_id
                AND m.agent_id = l.agent_id
            JOIN users u ON u.organisation_id = $1 AND u.user_id = m.agent_id AND u.account_active
            WHERE l.organisation_id = $1 AND l.lead_id = c.lead_id)
        THEN {LeadStatus.CALLBACK_QUEUE:d} ELSE c.callback_status END END AS promised
    FROM call c
), leg AS (
    UPDATE activities a SET dial_status = $4,
        hang_up_at = coalesce(a.hang_up_at, greatest(c.hang_up_at, a.answered_at)),
        status_id = CASE WHEN a.answered_at IS NULL THEN $5::smallint ELSE a.status_id END,
        hold_s = CASE WHEN a.hang_up_at IS NULL THEN least(a.hold_s, seconds_between(a.answered_at, c.hang_up_at))
            ELSE a.hold_s END
    FROM call c WHERE {_LEG}
), lead AS (
    UPDATE leads l SET in_flight_attempt_id = NULL, last_dial_status = $4,
        phone1_dial_status = CASE WHEN c.phone_index = 1 THEN $4 ELSE l.phone1_dial_status END,
        phone2_dial_status = CASE WHEN c.phone_index = 2 THEN $4 ELSE l.phone2_dial_status END,
        phone3_dial_status = CASE WHEN c.phone_index = 3 THEN $4 ELSE l.phone3_dial_status END,
        status_code = CASE WHEN {_KEPT} THEN c.promised
            WHEN l.status_code = 1 AND l.completed_at IS NULL THEN $6 ELSE l.status_code END,
        agent_id = CASE WHEN {_KEPT} AND c.promised = {LeadStatus.CALLBACK_QUEUE:d} THEN NULL ELSE l.agent_id END,
        completed_at = CASE WHEN $8 AND l.next_attempt_at IS NULL AND NOT ({_KEPT})
            THEN coalesce(l.completed_at, c.hang_up_at) ELSE l.completed_at END,
        abandoned_at = CASE WHEN $4 = 7 THEN c.hang_up_at ELSE l.abandoned_at END,
        next_attempt_at = CASE WHEN {_KEPT} AND $4 = {DialStatus.TELCO_ERROR:d} THEN greatest($7, c.callback_at)
            WHEN {_KEPT} THEN c.callback_at ELSE coalesce(l.next_attempt_at, $7) END,
        updated_at = greatest(l.updated_at, c.hang_up_at)
    FROM promise c
    WHERE l.organisation_id = $1 AND l.lead_id = c.lead_id AND l.in_flight_attempt_id = c.attempt_id
)
SELECT 1 FROM call"""
# What a strategy asks of a lead whose attempt ends in dial status $3; that attempt is counted already.
RECORD_SQL = """
SELECT l.attempts, l.list_id, c.hang_up_at IS NULL AS open, 1 + (
    SELECT count(*) FROM attempts o
    WHERE o.organisation_id = $1 AND o.lead_id = c.lead_id AND o.dial_status = $3 AND o.hang_up_at IS NOT NULL) AS same,
    (c.phone_index <> 1 AND l.phone1 IS NOT NULL AND l.phone1_dial_status IS DISTINCT FROM 4)
        OR (c.phone_index <> 2 AND l.phone2 IS NOT NULL AND l.phone2_dial_status IS DISTINCT FROM 4)
        OR (c.phone_index <> 3 AND l.phone3 IS NOT NULL AND l.phone3_dial_status IS DISTINCT FROM 4) AS other_phone
FROM attempts c
JOIN leads l ON l.organisation_id = c.organisation_id AND l.lead_id = c.lead_id
WHERE c.organisation_id = $1 AND c.attempt_id = $2"""
OPEN_SQL = """
SELECT organisation_id, campaign_id, attempt_id, activity_id, lead_id, list_id, phone_number, mode, dialled_at,
    answered_at, connect_delay_ms, EXISTS (
        SELECT FROM activities a WHERE a.organisation_id = $1 AND a.activity_id = attempts.activity_id
            AND a.created_at = attempts.dialled_at AND a.hang_up_at IS NOT NULL) AS leg_over
FROM attempts WHERE organisation_id = $1 AND campaign_id = $2 AND hang_up_at IS NULL"""

FILTERS: dict[str, Filter] = {
    "campaign_id": Filter("campaign_id = {}", "bigint"),
    "lead_id": Filter("lead_id = {}", "bigint"),
    "phone_number": Filter("phone_number = {}", "text"),
    # each where its index has it: over, or ringing; who was answered may be either
    "ended_status": Filter("dial_status = {} AND dial_status > 1", "smallint"),
    "dialling_status": Filter("dial_status = {} AND hang_up_at IS NULL", "smallint"),
    "answered_status": Filter("dial_status = {}", "smallint"),
    "dialled_from": Filter("dialled_at >= {}", "timestamptz"),
    "dialled_to": Filter("dialled_at <= {}", "timestamptz"),
}
# Few attempts have these: whose each of them was is looked at one by one. A subquery, because EXISTS would become a
# join with all that the agent had.
_FEW = ("lead_id", "phone_number", "dialling_status")
_HAD_BY = Filter(
    "(SELECT v.agent_id FROM activities v WHERE v.organisation_id = $1 AND v.activity_id = attempts.activity_id"
    " AND v.created_at = attempts.dialled_at) = {}",
    "bigint",
)

# What an ended attempt makes of its first leg when no agent joined it, and of the lead.
_LEG_STATUS: dict[DialStatus, ActivityStatus] = {
    DialStatus.ANSWERED: ActivityStatus.NOT_ANSWERED,
    DialStatus.NO_ANSWER: ActivityStatus.NOT_ANSWERED,
    DialStatus.BUSY: ActivityStatus.NOT_ANSWERED,
    DialStatus.DISCONNECTED: ActivityStatus.FAILED,
    DialStatus.TELCO_ERROR: ActivityStatus.FAILED,
    DialStatus.ANSWERING_MACHINE: ActivityStatus.NOT_ANSWERED,
    DialStatus.ABANDONED: ActivityStatus.ABANDONED_IN_QUEUE,
    DialStatus.CANCELLED: ActivityStatus.NOT_ANSWERED,
    DialStatus.REFUSED: ActivityStatus.FAILED,
}


@dataclass(frozen=True, slots=True)
class NewAttempt:
    """One call to place. `phone_number` (E.164) and `attempts_before` are the lead's as they were when it was judged.

    Without a lead (mode manual only) `phone_index` is None. `parent_activity_id` and `root_activity_id`: the activity
    that this call follows, where there is one. `of_number_before`: attempts on the number that counted
    (`rules/number_facts`), of all leads, when it was judged; None: whatever they are.
    """

    campaign_id: int
    lead_id: int | None
    phone_index: int | None
    phone_number: str
    mode: OutcomeType
    attempts_before: int = 0
    agent_id: int | None = None
    own_contact: str | None = None
    parent_activity_id: int | None = None
    root_activity_id: int | None = None
    of_number_before: int | None = None


@dataclass(frozen=True, slots=True)
class Started:
    attempt_id: int
    activity_id: int


@dataclass(frozen=True, slots=True)
class Ended:
    """How an attempt ended, and when the lead may be dialled next.

    `lead_status` None: what the dial status means; give it to put a lead back as it was (a refused callback).
    `completed`: the lead is done with, unless somebody gave it another time during the call.
    """

    dial_status: DialStatus
    next_attempt_at: datetime | None = None
    lead_status: LeadStatus | int | None = None
    completed: bool = False


@dataclass(frozen=True, slots=True)
class LeadRecord:
    """`attempts`: of the lead in all; `same`: of these with this outcome, the one that ends now included.
    `other_phone`: the lead has another that is not known to be disconnected."""

    list_id: int
    attempts: int
    same: int
    other_phone: bool


async def get(db: Database, organisation: int, attempt_id: int) -> Record | None:
    return await db.fetchrow(GET_SQL, organisation, attempt_id)


async def page(
    db: Database, organisation: int, filters: Mapping[str, object], after: tuple[datetime, int] | None, count: int
) -> list[Record]:
    """At most `count` attempts behind `after`, newest first. `filters`: names of `FILTERS`, and
    `agent_id`, with their values."""
    sql = attempt_page_sql(frozenset(filters), size_for(count), after=after is not None)
    values = [filters[name] for name in (*FILTERS, "agent_id") if name in filters]
    return await db.fetch(sql, organisation, count, *values, *(after or ()))


def of_status(status: int | None) -> dict[str, int]:
    """The filter of a dial status."""
    if status is None:
        return {}
    known = {DialStatus.DIALLING: "dialling_status", DialStatus.ANSWERED: "answered_status"}
    return {known.get(DialStatus(status), "ended_status"): status}


def attempt_page_sql(names: frozenset[str], size: int, *, after: bool) -> str:
    """The statement of a page with these filters: $1 organisation, $2 count (up to `size`), filters, [after]. With an
    agent the calls are found by their first legs, which know who had them; its parameter comes last of the filters."""
    order = ("dialled_at", "attempt_id")
    filters = [FILTERS[name] for name in FILTERS if name in names]
    if "agent_id" in names and not names.intersection(_FEW):
        rows = _of_agent_sql(filters, size, after=after)
    else:
        by_agent = [_HAD_BY] if "agent_id" in names else []
        rows = page_sql("attempts", order, [*filters, *by_agent], size, after=after)
    return f"SELECT {_SHOWN} FROM ({rows}) AS a {_JOINED} ORDER BY a.dialled_at DESC, a.attempt_id DESC LIMIT $2"


def _of_agent_sql(filters: Sequence[Filter], size: int, *, after: bool) -> str:
    conditions = [each.condition.format(f"${n}::{each.sql_type}") for n, each in enumerate(filters, 3)]
    number = 3 + len(filters)
    legs = [f"v.organisation_id = $1 AND v.agent_id = ${number}::bigint AND v.attempt_id IS NOT NULL"]
    if after:
        at, last = f"${number + 1}::timestamptz", f"${number + 2}::bigint"
        legs.append(f"v.created_at <= {at} AND NOT (v.created_at = {at} AND v.attempt_id >= {last})")
    legs += [each.replace("dialled_at", "v.created_at") for each in conditions if each.startswith("dialled_at")]
    where = "".join(f" AND {each}" for each in conditions)
    # one attempt a leg, said so that it is looked up by the leg: a join would read all attempts
    return f"""
        SELECT t.* FROM activities v CROSS JOIN LATERAL (
            SELECT * FROM attempts WHERE organisation_id = $1 AND attempt_id = v.attempt_id
                AND dialled_at = v.created_at{where} LIMIT 1) AS t
        WHERE {" AND ".join(legs)} ORDER BY v.created_at DESC, v.attempt_id DESC LIMIT {size}"""


async def start(db: Database, organisation: int, wanted: Sequence[NewAttempt], now: datetime) -> list[Started | None]:
    """Write calls down before they are placed; dial only those that are answered with ids, at their positions.

    None: the lead is in flight or held by another writer, changed since it was judged, is no longer dialable, is not
    the campaign's, or stands earlier in `wanted`; or its number is on a do-not-call list, is on a call of whatever
    lead, is being dialled by somebody else, was dialled since it was judged, or stands earlier.
    """
    first: dict[object, int] = {}
    for ord_, new in reversed(list(enumerate(wanted))):
        first |= {new.phone_number: ord_} if new.lead_id is None else {new.phone_number: ord_, new.lead_id: ord_}
    async with db.transaction():
        taken = await number_history.lock_numbers(db, organisation, [new.phone_number for new in wanted])
        kept = [
            (ord_, new)
            for ord_, new in enumerate(wanted)
            if new.phone_number in taken
            and first[new.phone_number] == ord_
            and (new.lead_id is None or first[new.lead_id] == ord_)
        ]
        rows = await db.fetch(
            START_SQL,
            organisation,
            now,
            [ord_ for ord_, _ in kept],
            [new.campaign_id for _, new in kept],
            [new.lead_id for _, new in kept],
            [new.phone_index for _, new in kept],
            [new.phone_number for _, new in kept],
            [new.attempts_before for _, new in kept],
            [new.mode for _, new in kept],
            [new.agent_id for _, new in kept],
            [new.own_contact for _, new in kept],
            [new.parent_activity_id for _, new in kept],
            [new.root_activity_id for _, new in kept],
            [new.of_number_before for _, new in kept],
            now - COUNTED,
        )
    placed = {row["ord"]: Started(row["attempt_id"], row["activity_id"]) for row in rows}
    return [placed.get(ord_) for ord_ in range(len(wanted))]


async def answered(db: Database, organisation: int, attempt_id: int, at: datetime) -> bool:
    """Somebody or something answered the line."""
    return await db.fetchval(ANSWERED_SQL, organisation, attempt_id, at) is not None


async def connected(db: Database, organisation: int, attempt_id: int, agent_id: int, at: datetime) -> int | None:
    """An agent joined an answered call; returns the agent interaction's id. Sets the connect delay."""
    return await db.fetchval(CONNECTED_SQL, organisation, attempt_id, at, agent_id)


async def finish(db: Database, organisation: int, attempt_id: int, ended: Ended, at: datetime) -> bool:
    """Close an attempt, its first leg and the lead's outcome. The leg's wrap-up is `activities.wrap_up`."""
    if ended.dial_status is DialStatus.DIALLING:
        raise ValueError("an attempt that ended has another dial status than Dialling")
    done = await db.fetchval(
        FINISH_SQL,
        organisation,
        attempt_id,
        at,
        ended.dial_status,
        _LEG_STATUS[ended.dial_status],
        lead_status_after(ended.dial_status) if ended.lead_status is None else ended.lead_status,
        ended.next_attempt_at,
        ended.completed,
    )
    return done is not None


async def lead_record(db: Database, organisation: int, attempt_id: int, outcome: DialStatus) -> LeadRecord | None:
    """What a strategy looks at when an attempt ends so; None: there is no lead, or the attempt ended before."""
    row = await db.fetchrow(RECORD_SQL, organisation, attempt_id, outcome)
    if row is None or not row["open"]:
        return None
    return LeadRecord(row["list_id"], row["attempts"], row["same"], row["other_phone"])


async def unfinished(db: Database, organisation: int, campaign_id: int) -> list[Record]:
    """Attempts of a campaign that have no end yet. `leg_over`: the customer was given to somebody else meanwhile."""
    return await db.fetch(OPEN_SQL, organisation, campaign_id)

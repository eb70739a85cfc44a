"""A campaign's figures over the last hour or day, each in one statement: one moment for all of them.

Whole minutes come from `campaign_minutes`, the part of a minute at the period's beginning from the calls themselves, so
that the cost does not grow with history and the figures equal a count over the calls.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

import msgspec
from asyncpg import Record

from callfloor.store.db.pool import Database

PERIODS: dict[Literal["hour", "day"], timedelta] = {"hour": timedelta(hours=1), "day": timedelta(days=1)}

# Attempts that `campaign_minutes` does not have yet: it has them once an agent has joined, or they have ended.
UNDECIDED = "hang_up_at IS NULL AND connect_delay_ms IS NULL"
# Left to itself PostgreSQL plans these statements anew for every call, over every partition of years of history, which
# costs twenty times their execution.
KEEP_PLAN_SQL = "SELECT set_config('plan_cache_mode', 'force_generic_plan', true)"
_AGENTS = """
    SELECT count(*) FILTER (WHERE s.state <> 'signed-out') AS logged_in,
        count(*) FILTER (WHERE s.state = 'ready') AS ready, count(*) FILTER (WHERE s.state = 'dialling') AS dialling,
        count(*) FILTER (WHERE s.state = 'on-call') AS on_call, count(*) FILTER (WHERE s.state = 'on-wrap') AS on_wrap,
        count(*) FILTER (WHERE s.state = 'paused') AS paused
    FROM working_agents m JOIN agent_states s USING (organisation_id, agent_id)
    WHERE m.organisation_id = $1 AND m.campaign_id = $2"""
# docs/figures.md says what each of these is.
_RECEIVED = "(parent_activity_id IS NULL OR join_queue_at IS NOT NULL AND leg_type IS DISTINCT FROM 'return')::int"
_HANDLED = "(leg_type IS DISTINCT FROM 'consult')::int"
_BY_AGENT = "answered_at IS NOT NULL AND hang_up_at IS NOT NULL AND agent_id IS NOT NULL"
_HANDLING_S = """coalesce(seconds_between(answered_at, hang_up_at), 0)
            + coalesce(seconds_between(hang_up_at, wrap_up_at), 0)"""
_ENDED = "coalesce(answered_at, left_queue_at, hang_up_at)"

# $3 the moment, cut to the second; $4 beginning of the period, $5 its first whole minute; $6 and $7 those of the day.
# No call lasts a month: the bounds on created_at leave older partitions out.
INBOUND_SQL = f"""
SELECT c.campaign_id, c.name, c.direction, c.timezone, c.service_level_s, f.*, w.*, agents.*,
    CASE WHEN f.handled > 0 THEN f.handled ELSE d.handled END AS average_of,
    CASE WHEN f.handled > 0 THEN f.handling_s ELSE d.handling_s END AS average_sum_s
FROM campaigns c
CROSS JOIN LATERAL (
    SELECT coalesce(sum(received), 0) AS received, coalesce(sum(in_workflow), 0) AS in_workflow,
        coalesce(sum(in_queue), 0) AS in_queue, coalesce(sum(missed), 0) AS missed,
        coalesce(sum(overflowed), 0) AS overflowed, coalesce(sum(voicemails), 0) AS voicemails,
        coalesce(sum(handled), 0) AS handled,
        coalesce(sum(handling_s), 0) AS handling_s, coalesce(sum(waited), 0) AS waited,
        coalesce(sum(waiting_s), 0) AS waiting_s, coalesce(max(longest_wait_s), 0) AS longest_wait_s,
        coalesce(sum(in_time), 0) AS in_time, coalesce(sum(too_late), 0) AS too_late
    FROM (
        SELECT received, abandoned_in_workflow AS in_workflow, abandoned_in_queue AS in_queue, missed, overflowed,
            voicemails, handled, handling_s, waited, waiting_s, longest_wait_s, in_time, too_late
        FROM campaign_minutes
        WHERE organisation_id = $1 AND campaign_id = $2 AND minute >= $5
        UNION ALL
        SELECT {_RECEIVED}, (status_id = 4)::int, (status_id = 5)::int, (status_id = 10)::int, (status_id = 11)::int,
            (status_id = 6)::int, CASE WHEN {_BY_AGENT} THEN {_HANDLED} ELSE 0 END,
            CASE WHEN answered_at IS NULL OR agent_id IS NULL THEN 0 ELSE {_HANDLING_S} END, 0, 0, 0, 0, 0
        FROM activities
        WHERE organisation_id = $1 AND campaign_id = $2 AND type = 'call.inbound' AND created_at >= $4
            AND created_at < $5
        UNION ALL
        SELECT 0, 0, 0, 0, 0, 0, 0, 0, 1, seconds_between(join_queue_at, {_ENDED}),
            seconds_between(join_queue_at, {_ENDED}),
            (answered_at IS NOT NULL AND seconds_between(join_queue_at, {_ENDED}) <= c.service_level_s)::int,
            (status_id = 10 OR seconds_between(join_queue_at, {_ENDED}) > c.service_level_s)::int
        FROM activities
        WHERE organisation_id = $1 AND campaign_id = $2 AND type = 'call.inbound' AND join_queue_at >= $4
            AND join_queue_at < $5 AND {_ENDED} IS NOT NULL AND created_at >= $4::timestamptz - interval '31 days'
    ) AS part
) AS f
CROSS JOIN LATERAL (
    SELECT count(*) AS calls_waiting, count(*) FILTER (WHERE join_queue_at >= $4) AS still_waiting,
        coalesce(sum(greatest(0, seconds_between(join_queue_at, $3::timestamptz)))
            FILTER (WHERE join_queue_at >= $4), 0) AS still_waiting_s,
        coalesce(max(greatest(0, seconds_between(join_queue_at, $3::timestamptz)))
            FILTER (WHERE join_queue_at >= $4), 0) AS longest_still_waiting_s,
        count(*) FILTER (WHERE join_queue_at >= $4
            AND seconds_between(join_queue_at, $3::timestamptz) > c.service_level_s) AS waiting_too_long
    FROM open_legs o JOIN activities a USING (organisation_id, activity_id, created_at)
    WHERE organisation_id = $1 AND o.campaign_id = $2 AND type = 'call.inbound' AND join_queue_at IS NOT NULL
        AND answered_at IS NULL AND left_queue_at IS NULL AND hang_up_at IS NULL
        AND created_at >= $3::timestamptz - interval '31 days'
) AS w
CROSS JOIN LATERAL (
    SELECT coalesce(sum(handled), 0) AS handled, coalesce(sum(handling_s), 0) AS handling_s FROM (
        SELECT handled, handling_s FROM campaign_minutes
        WHERE organisation_id = $1 AND campaign_id = $2 AND minute >= $7 AND f.handled = 0
        UNION ALL
        SELECT {_HANDLED}, {_HANDLING_S}
        FROM activities
        WHERE organisation_id = $1 AND campaign_id = $2 AND type = 'call.inbound' AND created_at >= $6
            AND created_at < $7 AND {_BY_AGENT} AND f.handled = 0
    ) AS part
) AS d
CROSS JOIN LATERAL ({_AGENTS}) AS agents
WHERE c.organisation_id = $1 AND c.campaign_id = $2"""

OUTBOUND_SQL = f"""
SELECT c.campaign_id, c.name, c.direction, c.timezone, c.mode, c.active, c.created_at, c.updated_at, f.*, agents.*,
    (SELECT count(*) FROM attempts
     WHERE organisation_id = $1 AND campaign_id = $2 AND hang_up_at IS NULL
        AND dialled_at >= $3::timestamptz - interval '31 days') AS lines_in_use,
    (SELECT coalesce(json_agg(each ORDER BY each.list_id), '[]') FROM (
        SELECT s.list_id, s.name, s.in_dialler, s.weight, coalesce(n.leads, 0) AS leads,
            coalesce(n.dialable, 0) AS dialable, coalesce(n.completed, 0) AS completed, d.last_dialled_at
        FROM lists s
        LEFT JOIN LATERAL (
            SELECT sum(leads) AS leads, sum(dialable) AS dialable, sum(completed) AS completed
            FROM list_counts k WHERE k.organisation_id = $1 AND k.list_id = s.list_id) AS n ON true
        LEFT JOIN list_dialled d ON d.organisation_id = s.organisation_id AND d.list_id = s.list_id
        WHERE s.organisation_id = $1 AND s.campaign_id = $2) AS each) AS lists
FROM campaigns c
CROSS JOIN LATERAL (
    SELECT coalesce(sum(attempts), 0) AS attempts, coalesce(sum(live_answers), 0) AS live_answers,
        coalesce(sum(abandoned), 0) AS abandoned, coalesce(sum(connected), 0) AS connected,
        coalesce(sum(connect_delay_ms), 0) AS connect_delay_ms
    FROM (
        SELECT attempts, live_answers, abandoned, connected, connect_delay_ms
        FROM campaign_minutes
        WHERE organisation_id = $1 AND campaign_id = $2 AND minute >= $4
        UNION ALL
        SELECT 1, (dial_status IN (1, 7))::int, (dial_status = 7)::int, (connect_delay_ms IS NOT NULL)::int,
            coalesce(connect_delay_ms, 0)
        FROM attempts
        WHERE organisation_id = $1 AND campaign_id = $2 AND dialled_at >= $3 AND dialled_at < $4 AND mode <> 'manual'
        UNION ALL
        SELECT 1, (dial_status IN (1, 7))::int, 0, 0, 0
        FROM attempts
        WHERE organisation_id = $1 AND campaign_id = $2 AND dialled_at >= $4 AND mode <> 'manual' AND {UNDECIDED}
    ) AS part
) AS f
CROSS JOIN LATERAL ({_AGENTS}) AS agents
WHERE c.organisation_id = $1 AND c.campaign_id = $2"""


class ListFigures(msgspec.Struct, frozen=True):
    list_id: int
    name: str
    in_dialler: bool
    weight: int
    leads: int
    dialable: int
    completed: int
    last_dialled_at: datetime | None


@dataclass(frozen=True, slots=True)
class Outbound:
    """`campaign` has the campaign's columns and the sums; see `OUTBOUND_SQL`."""

    campaign: Record
    lists: Sequence[ListFigures]


_LISTS = msgspec.json.Decoder(list[ListFigures])


async def outbound(
    db: Database, organisation: int, campaign_id: int, period: Literal["hour", "day"], now: datetime
) -> Outbound | None:
    """Figures of the attempts that were dialled in the period before `now`; None: no such campaign."""
    row = await _figures(db, OUTBOUND_SQL, organisation, campaign_id, *_bounds(now, PERIODS[period]))
    return None if row is None else Outbound(row, _LISTS.decode(row["lists"]))


async def inbound(
    db: Database, organisation: int, campaign_id: int, period: Literal["hour", "day"], now: datetime
) -> Record | None:
    """Figures of the calls that were created (waiting times: that joined the queue) in the period before `now`."""
    bounds = (*_bounds(now, PERIODS[period]), *_bounds(now, PERIODS["day"]))
    return await _figures(db, INBOUND_SQL, organisation, campaign_id, now.replace(microsecond=0), *bounds)


async def _figures(db: Database, sql: str, *arguments: object) -> Record | None:
    async with db.transaction():
        await db.execute(KEEP_PLAN_SQL)
        return await db.fetchrow(sql, *arguments)


def _bounds(now: datetime, period: timedelta) -> tuple[datetime, datetime]:
    """The period's beginning, inclusive (answers show whole seconds), and its first whole minute."""
    begin = now.astimezone(UTC).replace(microsecond=0) - period
    whole = begin.replace(second=0)
    return begin, whole if whole == begin else whole + timedelta(minutes=1)

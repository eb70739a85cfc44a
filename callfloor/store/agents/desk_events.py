"""What stands on agents' desks and what happened there. Everything about one agent has one order: its sequence.

What an agent does (state, reason, what it wants) is told by `agent_states`, the truth; the floor says the rest.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec
from asyncpg import Record

from callfloor.contract.workspace import AtHand, Email, Event, EventType, Session
from callfloor.rules.privacy.customers import Customer
from callfloor.rules.routing.sessions import coherent
from callfloor.store.agents.conditions import SEEN
from callfloor.store.db.pool import Database

# An agent's sequence went on: `ORGANISATION AGENT SEQUENCE`.
CHANNEL = "callfloor_workspace"
KEPT = "1 hour"

_OWN_EMAILS = """
FROM (
    SELECT a.activity_id, a.campaign_id, a.left_queue_at
    FROM open_legs o JOIN activities a USING (organisation_id, activity_id, created_at)
    WHERE o.organisation_id = $1 AND o.agent_id = $2 AND a.agent_id = $2 AND a.type = 'email.inbound'
        AND a.wrap_up_at IS NULL AND a.hang_up_at IS NULL AND a.erased_at IS NULL
) AS held
ORDER BY left_queue_at, activity_id"""
# The agent's state is locked first, by everybody who changes it too: so it is read as it is when the sequence is taken.
# $4 null: only the state changed. An event that is published again, by a journal that did not hear of its commit, is
# known by its moment.
# An event says something new: one without a change is none.
_SECONDS_LEFT = "coalesce(({0} ->> 'wrapUpSeconds')::float8, ({0} #>> '{{{{preview,seconds}}}}')::float8)"
PUBLISH_SQL = f"""
WITH state AS MATERIALIZED (
    SELECT state, since, reason, wanted_state FROM agent_states WHERE organisation_id = $1 AND agent_id = $2
    FOR NO KEY UPDATE
), known AS (
    SELECT FROM workspace_events
    WHERE organisation_id = $1 AND agent_id = $2 AND happened_at = $5 AND type = $3 AND at_hand = $4::jsonb
        AND state = coalesce((SELECT state FROM state), 'signed-out')
), same AS (
    SELECT FROM workspace_sessions w
    JOIN workspace_events e ON e.organisation_id = w.organisation_id AND e.agent_id = w.agent_id
        AND e.sequence = w.sequence
    LEFT JOIN state s ON true
    WHERE w.organisation_id = $1 AND w.agent_id = $2 AND $3 IN ('session', 'call.changed') AND NOT $6::boolean
        AND e.state = coalesce(s.state, 'signed-out') AND e.since IS NOT DISTINCT FROM coalesce(s.since, e.since)
        AND e.reason IS NOT DISTINCT FROM s.reason AND e.wanted_state IS NOT DISTINCT FROM s.wanted_state
        AND ($4::jsonb IS NULL OR (e.at_hand - 'wrapUpSeconds') #- '{{preview,seconds}}'
                = ($4::jsonb - 'wrapUpSeconds') #- '{{preview,seconds}}'
            AND e.at_hand ->> 'wrapUpSeconds' IS NULL = ($4::jsonb ->> 'wrapUpSeconds' IS NULL)
            AND coalesce(abs(extract(epoch FROM $5 - e.said_at) + {_SECONDS_LEFT.format("$4::jsonb")}
                - {_SECONDS_LEFT.format("e.at_hand")}) < 0.5, true))
), session AS (
    INSERT INTO workspace_sessions AS w (organisation_id, agent_id, sequence, at_hand, said_at, email)
    SELECT $1, $2, 1, coalesce($4::jsonb, '{{}}'), $5, CASE WHEN $6::boolean THEN (
        SELECT jsonb_build_object('activityId', activity_id, 'campaignId', campaign_id) {_OWN_EMAILS} LIMIT 1) END
    WHERE NOT EXISTS (SELECT FROM known) AND NOT EXISTS (SELECT FROM same) AND (SELECT count(*) FROM state) >= 0
    ON CONFLICT (organisation_id, agent_id) DO UPDATE SET sequence = w.sequence + 1,
        at_hand = coalesce($4::jsonb, w.at_hand),
        said_at = CASE WHEN $4::jsonb IS NULL THEN w.said_at ELSE excluded.said_at END,
        email = CASE WHEN $6 THEN excluded.email ELSE w.email END
    RETURNING sequence, at_hand, said_at, email
), event AS (
    INSERT INTO workspace_events (organisation_id, agent_id, sequence, type, happened_at, state, since, reason,
        wanted_state, at_hand, said_at, email)
    SELECT $1, $2, n.sequence, $3, $5, coalesce(s.state, 'signed-out'),
        coalesce(s.since, (SELECT created_at FROM users WHERE organisation_id = $1 AND user_id = $2)), s.reason,
        s.wanted_state, n.at_hand, n.said_at, n.email
    FROM session n LEFT JOIN state s ON true
    RETURNING sequence
)
SELECT pg_notify('{CHANNEL}', concat_ws(' ', $1::bigint, $2::bigint, sequence)) FROM event"""
_SESSION = f"""
SELECT u.user_id AS agent_id, u.username, u.full_name, coalesce(w.sequence, 0) AS sequence,
    coalesce(s.state, 'signed-out') AS state, coalesce(s.since, u.created_at) AS since, s.reason, s.wanted_state,
    coalesce(w.at_hand, '{{}}') AS at_hand, w.said_at, w.email
FROM users u
LEFT JOIN agent_states s ON s.organisation_id = u.organisation_id AND s.agent_id = u.user_id
LEFT JOIN workspace_sessions w ON w.organisation_id = u.organisation_id AND w.agent_id = u.user_id
WHERE u.organisation_id = $1 AND u.user_type = 'agent' AND {SEEN}"""
SESSION_SQL = f"{_SESSION} AND u.user_id = $2"
SESSIONS_SQL = f"""{_SESSION} AND u.user_id > $2 AND ($4::bigint[] IS NULL OR u.user_id = ANY($4))
ORDER BY u.user_id LIMIT $3"""
# One statement, so that the last sequence and the events are of one moment.
EVENTS_SQL = f"""
SELECT coalesce(w.sequence, 0) AS last, e.*
FROM users u
LEFT JOIN agent_states s ON s.organisation_id = u.organisation_id AND s.agent_id = u.user_id
LEFT JOIN workspace_sessions w ON w.organisation_id = u.organisation_id AND w.agent_id = u.user_id
LEFT JOIN LATERAL (
    SELECT agent_id, sequence, type, happened_at, state, since, reason, wanted_state, at_hand, said_at, email
    FROM workspace_events WHERE organisation_id = $1 AND agent_id = $2 AND sequence > $3
    ORDER BY sequence LIMIT $4
) AS e ON true
WHERE u.organisation_id = $1 AND u.user_id = $2 AND u.user_type = 'agent' AND {SEEN}
ORDER BY e.sequence"""
OWN_EMAILS_SQL = f"SELECT activity_id, campaign_id, left_queue_at {_OWN_EMAILS}"
EXPIRE_SQL = f"""
DELETE FROM workspace_events WHERE (organisation_id, agent_id, sequence) IN (
    SELECT organisation_id, agent_id, sequence FROM workspace_events
    WHERE happened_at < now() - interval '{KEPT}' LIMIT 10000)"""

MENTIONS_SQL = """
SELECT agent_id, sequence, at_hand, reason FROM workspace_events
WHERE organisation_id = $1 AND (at_hand::text ~* $2 OR reason ~* $2) FOR UPDATE"""
SCRUB_EVENT_SQL = """
UPDATE workspace_events SET at_hand = $4::jsonb, reason = $5
WHERE organisation_id = $1 AND agent_id = $2 AND sequence = $3"""
SESSION_MENTIONS_SQL = """
SELECT agent_id, at_hand FROM workspace_sessions WHERE organisation_id = $1 AND at_hand::text ~* $2
FOR UPDATE"""
SCRUB_SESSION_SQL = """
UPDATE workspace_sessions SET at_hand = $3::jsonb WHERE organisation_id = $1 AND agent_id = $2"""
REASONS_SQL = """
SELECT agent_id, reason FROM agent_states
WHERE organisation_id = $1 AND reason ~* $2 FOR UPDATE"""
TIME_REASONS_SQL = """
SELECT agent_id, began_at, reason FROM agent_times
WHERE organisation_id = $1 AND reason ~* $2 FOR UPDATE"""
SCRUB_TIME_REASON_SQL = """
UPDATE agent_times SET reason = $4 WHERE organisation_id = $1 AND agent_id = $2 AND began_at = $3"""
# Sums by reason are counted anew from the times, whose quarter-hours the scrubbing marks.
FORGET_REASON_SQL = "DELETE FROM report_sums WHERE organisation_id = $1 AND facet = 'pause' AND key_text ~* $2"
SCRUB_REASON_SQL = "UPDATE agent_states SET reason = $3 WHERE organisation_id = $1 AND agent_id = $2"


async def publish(
    db: Database,
    organisation: int,
    agent_id: int,
    type: EventType,
    session: AtHand | None,
    at: datetime,
    *,
    emails: bool = False,
) -> None:
    """Something happened to an agent: the next event of its sequence. `session`: what is at its hand now; None: what
    was before. Of a whole `Session` the rest is not looked at. May be repeated with the same arguments. `emails`: the
    agent took one or is done with one."""
    kept = None if session is None else _kept(session)
    await db.execute(PUBLISH_SQL, organisation, agent_id, type, kept, at, emails)


def _kept(session: AtHand) -> str:
    at_hand = AtHand(call=session.call, preview=session.preview, wrap_up_seconds=session.wrap_up_seconds)
    return msgspec.json.encode(at_hand).decode()


async def session(db: Database, organisation: int, agent_id: int, now: datetime) -> Session | None:
    """All that an agent's desk shows now; None: there is no such active agent."""
    row = await db.fetchrow(SESSION_SQL, organisation, agent_id)
    return None if row is None else session_of(row, now)


async def sessions(
    db: Database, organisation: int, after: int, count: int, among: Collection[int] | None = None
) -> list[Record]:
    """At most `count` agents with ids above `after`, by id, each as `session_of` takes it. `among`: only these."""
    return await db.fetch(SESSIONS_SQL, organisation, after, count, None if among is None else list(among))


def session_of(row: Record, now: datetime) -> Session:
    """The session in a row, as it is now."""
    return _session(row, now)


@dataclass(frozen=True, slots=True)
class Missed:
    """Events behind a sequence. `whole` False: some of them are not kept any more; begin with a snapshot. `last`: the
    agent's last sequence."""

    events: list[Event]
    whole: bool
    last: int


async def missed(db: Database, organisation: int, agent_id: int, after: int, count: int) -> Missed | None:
    """At most `count` events behind sequence `after`, in order. None: there is no such active agent."""
    rows = await db.fetch(EVENTS_SQL, organisation, agent_id, after, count)
    if not rows:
        return None
    last: int = rows[0]["last"]
    events = [_event(row) for row in rows if row["sequence"] is not None]
    whole = events[0].sequence == after + 1 if events else last == after
    return Missed(events if whole else [], whole, last)


def _event(row: Record) -> Event:
    at: datetime = row["happened_at"]
    return Event(sequence=row["sequence"], type=row["type"], timestamp=at, session=_session(row, at))


def _session(row: Record, at: datetime) -> Session:
    hand = msgspec.json.decode(row["at_hand"], type=AtHand)
    passed = timedelta() if row["said_at"] is None else at - row["said_at"]
    preview, wrap_up = hand.preview, hand.wrap_up_seconds
    if preview is not None:
        preview = msgspec.structs.replace(preview, seconds=_left(preview.seconds, passed))
    # what stands on the desk may also have been left there by an engine that died
    session = Session(
        agent_id=row["agent_id"],
        sequence=row["sequence"],
        state=row["state"],
        since=row["since"],
        reason=row["reason"],
        wanted=row["wanted_state"],
        call=hand.call,
        preview=preview,
        email=None if row["email"] is None else msgspec.json.decode(row["email"], type=Email),
        wrap_up_seconds=None if wrap_up is None else _left(wrap_up, passed),
    )
    return coherent(session)


def _left(seconds: float, passed: timedelta) -> float:
    return round(max(0.0, seconds - max(0.0, passed.total_seconds())), 1)


async def own_emails(db: Database, organisation: int, agent_id: int) -> list[Record]:
    """E-mails that the agent took and did not close, oldest first."""
    return await db.fetch(OWN_EMAILS_SQL, organisation, agent_id)


async def expire(db: Database) -> int:
    """Drop events older than an hour, at most 10,000 a call; returns how many went."""
    return int((await db.execute(EXPIRE_SQL)).rsplit(" ", 1)[1])


async def erase(db: Database, organisation: int, customer: Customer) -> None:
    """Take a customer off the desks, out of what happened there, and out of reasons for a pause."""
    pattern = customer.sought.pattern
    for row in await db.fetch(SESSION_MENTIONS_SQL, organisation, pattern):
        await db.execute(SCRUB_SESSION_SQL, organisation, row["agent_id"], _scrubbed(row["at_hand"], customer))
    for row in await db.fetch(MENTIONS_SQL, organisation, pattern):
        hand, reason = _scrubbed(row["at_hand"], customer), customer.scrubbed(row["reason"])
        await db.execute(SCRUB_EVENT_SQL, organisation, row["agent_id"], row["sequence"], hand, reason)
    for row in await db.fetch(REASONS_SQL, organisation, pattern):
        await db.execute(SCRUB_REASON_SQL, organisation, row["agent_id"], customer.scrubbed(row["reason"]))
    await db.execute(FORGET_REASON_SQL, organisation, pattern)
    for row in await db.fetch(TIME_REASONS_SQL, organisation, pattern):
        reason = customer.scrubbed(row["reason"])
        await db.execute(SCRUB_TIME_REASON_SQL, organisation, row["agent_id"], row["began_at"], reason)


def _scrubbed(at_hand: str, customer: Customer) -> str:
    return msgspec.json.encode(customer.scrubbed(msgspec.json.decode(at_hand))).decode()

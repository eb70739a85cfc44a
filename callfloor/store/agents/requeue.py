"""Work does not die with its holder: e-mails, tasks and callbacks of agents who are gone go back to their queues, and
supervisors move them.

An agent is gone who was closed, left the campaign, or has been signed out for longer than the campaign's
`returnAfterMinutes`. That is looked up, not remembered: housekeeping finds it whoever died at which moment. An e-mail
that was answered is closed instead; a draft stays with its e-mail.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import structlog
from asyncpg import Record

from callfloor.contract.codes import ActivityStatus, LeadStatus
from callfloor.contract.dialling import Dialling
from callfloor.rules.dialling.callbacks import Moved
from callfloor.store.agents import desk_events
from callfloor.store.calls import activities, tasks
from callfloor.store.calls.activities import WrapUp
from callfloor.store.db.pool import Database
from callfloor.store.email import emails
from callfloor.store.leads import callbacks
from callfloor.store.people.callers import Supervised, bounds, is_supervised

log = structlog.get_logger("callfloor.returns")

AT_ONCE = 500

# {0}: since when it is the agent's, {1}: its campaign's alias.
_GONE = f"""CASE WHEN NOT u.account_active THEN {Moved.INACTIVE:d}
    WHEN coalesce(s.state, 'signed-out') = 'signed-out' AND greatest(s.since, {{0}}) + make_interval(secs => 60 *
        coalesce(({{1}}.dialling ->> 'returnAfterMinutes')::float8, {Dialling().return_after_minutes})) <= $1
    THEN {Moved.SIGNED_OUT:d} END"""
_STATE = """
LEFT JOIN agent_states s ON s.organisation_id = u.organisation_id AND s.agent_id = u.user_id"""
# An e-mail may have been given to somebody outside its campaign: that one has not left it.
EMAILS_SQL = f"""
SELECT * FROM (
    SELECT a.organisation_id, a.activity_id, a.agent_id, {_GONE.format("a.left_queue_at, e.draft_at", "c")} AS why
    FROM open_legs o JOIN activities a USING (organisation_id, activity_id, created_at)
    JOIN emails e ON e.organisation_id = a.organisation_id AND e.activity_id = a.activity_id
        AND e.created_at = a.created_at
    JOIN campaigns c ON c.organisation_id = a.organisation_id AND c.campaign_id = a.campaign_id
    JOIN users u ON u.organisation_id = a.organisation_id AND u.user_id = a.agent_id {_STATE}
    WHERE o.agent_id IS NOT NULL AND a.agent_id IS NOT NULL AND a.type = 'email.inbound' AND a.wrap_up_at IS NULL
        AND a.hang_up_at IS NULL
) AS held WHERE why IS NOT NULL ORDER BY organisation_id, activity_id LIMIT {AT_ONCE}"""
TASKS_SQL = f"""
SELECT * FROM (
    SELECT t.organisation_id, t.task_id, CASE WHEN m.agent_id IS NULL THEN {Moved.LEFT_CAMPAIGN:d}
        ELSE {_GONE.format("t.taken_at", "c")} END AS why
    FROM tasks t
    JOIN campaigns c ON c.organisation_id = t.organisation_id AND c.campaign_id = t.campaign_id
    JOIN users u ON u.organisation_id = t.organisation_id AND u.user_id = t.agent_id {_STATE}
    LEFT JOIN campaign_agents m ON m.organisation_id = t.organisation_id AND m.campaign_id = t.campaign_id
        AND m.agent_id = t.agent_id
    WHERE t.done_at IS NULL AND t.lead_id IS NULL AND t.agent_id IS NOT NULL
) AS held WHERE why IS NOT NULL ORDER BY organisation_id, task_id LIMIT {AT_ONCE}"""
# Those that are due: until then the agent may be back.
CALLBACKS_SQL = f"""
SELECT organisation_id, agent_id, why, array_agg(lead_id ORDER BY lead_id) AS leads FROM (
    SELECT l.organisation_id, l.lead_id, l.agent_id, {_GONE.format("l.next_attempt_at", "c")} AS why
    FROM users u {_STATE}
    JOIN leads l ON l.organisation_id = u.organisation_id AND l.agent_id = u.user_id AND l.completed_at IS NULL
        AND l.next_attempt_at IS NOT NULL AND (l.next_attempt_at <= $1 OR NOT u.account_active)
        AND l.status_code = {LeadStatus.CALLBACK_AGENT:d}
    JOIN lists i ON i.organisation_id = l.organisation_id AND i.list_id = l.list_id
    JOIN campaigns c ON c.organisation_id = l.organisation_id AND c.campaign_id = i.campaign_id
    WHERE u.user_type = 'agent' AND (NOT u.account_active OR coalesce(s.state, 'signed-out') = 'signed-out')
) AS held WHERE why IS NOT NULL GROUP BY organisation_id, agent_id, why"""
OF_AGENT_SQL = """
SELECT a.activity_id FROM open_legs o JOIN activities a USING (organisation_id, activity_id, created_at)
WHERE o.organisation_id = $1 AND o.agent_id = $2 AND a.agent_id = $2 AND a.type = 'email.inbound'
    AND a.wrap_up_at IS NULL AND a.hang_up_at IS NULL AND ($3::bigint IS NULL OR a.campaign_id = $3)
ORDER BY a.activity_id"""
TASKS_OF_AGENT_SQL = """
SELECT task_id FROM tasks
WHERE organisation_id = $1 AND agent_id = $2 AND done_at IS NULL AND lead_id IS NULL
    AND ($3::bigint IS NULL OR campaign_id = $3) ORDER BY task_id"""
LOCK_EMAIL_SQL = """
SELECT a.activity_id, a.campaign_id, a.agent_id, a.answered_at IS NOT NULL AS answered,
    a.erased_at IS NOT NULL AS erased
FROM emails e
JOIN activities a
    ON a.organisation_id = e.organisation_id AND a.activity_id = e.activity_id AND a.created_at = e.created_at
WHERE e.organisation_id = $1 AND e.activity_id = $2 AND a.type = 'email.inbound' AND a.wrap_up_at IS NULL
    AND a.hang_up_at IS NULL AND (a.agent_id IS NOT NULL OR e.waiting_since IS NOT NULL) FOR UPDATE OF a"""
# Its place in the queue is the one that it had.
TO_QUEUE_SQL = f"""
WITH back AS (
    UPDATE activities SET status_id = {ActivityStatus.IN_QUEUE:d}, agent_id = NULL, agent_interaction_id = NULL,
        left_queue_at = NULL, join_queue_at = coalesce(join_queue_at, created_at)
    WHERE organisation_id = $1 AND activity_id = $2
    RETURNING join_queue_at
)
UPDATE emails e SET waiting_since = back.join_queue_at, was_of = $3, moved_at = $4, moved_why = $5
FROM back WHERE e.organisation_id = $1 AND e.activity_id = $2"""
TO_AGENT_SQL = f"""
WITH next AS MATERIALIZED (SELECT nextval('agent_interaction_ids') AS id), given AS (
    UPDATE activities SET agent_id = $3, agent_interaction_id = next.id, left_queue_at = $4,
        status_id = CASE WHEN answered_at IS NULL THEN {ActivityStatus.TAKEN:d} ELSE status_id END
    FROM next WHERE organisation_id = $1 AND activity_id = $2
    RETURNING activity_id
)
UPDATE emails e SET waiting_since = NULL, was_of = coalesce($5, e.was_of),
    moved_at = CASE WHEN $5::bigint IS NULL THEN e.moved_at ELSE $4 END,
    moved_why = CASE WHEN $5::bigint IS NULL THEN e.moved_why ELSE $6 END
FROM given WHERE e.organisation_id = $1 AND e.activity_id = $2"""
IS_EMAIL_SQL = """
SELECT EXISTS (SELECT FROM activities WHERE organisation_id = $1 AND activity_id = $2 AND type = 'email.inbound')"""
OPEN_EMAILS_SQL = f"""
SELECT a.activity_id, a.campaign_id, a.agent_id, a.created_at, a.left_queue_at, a.answered_at, a.email::text AS email,
    e.draft IS NOT NULL AS has_draft, e.was_of, e.moved_at, e.moved_why
FROM emails e
JOIN activities a
    ON a.organisation_id = e.organisation_id AND a.activity_id = e.activity_id AND a.created_at = e.created_at
WHERE e.organisation_id = $1 AND a.type = 'email.inbound' AND a.wrap_up_at IS NULL AND a.hang_up_at IS NULL
    AND (a.agent_id IS NOT NULL OR e.waiting_since IS NOT NULL)
    AND ($2::bigint IS NULL OR a.agent_id = $2) AND ($3::bigint IS NULL OR a.campaign_id = $3)
    AND {is_supervised("a.agent_id", "a.campaign_id", 7)}
    AND (a.created_at, a.activity_id) > ($4::timestamptz, $5::bigint)
ORDER BY a.created_at, a.activity_id LIMIT $6"""


async def of_agents_gone(db: Database, now: datetime) -> int:
    """Give back what agents hold who are gone; returns how many pieces of work there were. Any number of processes may
    do it at once."""
    count = 0
    for row in await db.fetch(EMAILS_SQL, now):
        held = row["organisation_id"], row["activity_id"], row["agent_id"]
        count += await email_from_agent(db, *held, Moved(row["why"]), now)
    for row in await db.fetch(TASKS_SQL, now):
        await tasks.move(db, row["organisation_id"], row["task_id"], None, Moved(row["why"]), now)
        count += 1
    for row in await db.fetch(CALLBACKS_SQL, now):
        why = Moved(row["why"])
        count += await callbacks.to_queue(db, row["organisation_id"], row["agent_id"], why, now, only=row["leads"])
    await tasks.close_fulfilled(db, now)
    if count:
        log.info("work-returned", count=count)
    return count


async def of_agent(
    db: Database, organisation: int, agent_id: int, why: Moved, now: datetime, campaign_id: int | None = None
) -> None:
    """The agent is gone for good, from one campaign or from all: all that it holds there goes back at once."""
    count = await callbacks.to_queue(db, organisation, agent_id, why, now, campaign_id)
    for row in await db.fetch(OF_AGENT_SQL, organisation, agent_id, campaign_id):
        count += await email_from_agent(db, organisation, row["activity_id"], agent_id, why, now)
    for row in await db.fetch(TASKS_OF_AGENT_SQL, organisation, agent_id, campaign_id):
        await tasks.move(db, organisation, row["task_id"], None, why, now)
        count += 1
    if count:
        log.info("work-returned", count=count, organisation=organisation, agent=agent_id, reason=why.word)


async def open_email(db: Database, organisation: int, activity_id: int) -> Record | None:
    """An e-mail that waits or that somebody has, locked."""
    return await db.fetchrow(LOCK_EMAIL_SQL, organisation, activity_id)


async def is_email(db: Database, organisation: int, activity_id: int) -> bool:
    """Whether an e-mail of this id came in, whatever became of it."""
    return await db.fetchval(IS_EMAIL_SQL, organisation, activity_id)


async def open_emails(
    db: Database,
    organisation: int,
    agent_id: int | None,
    campaign_id: int | None,
    after: tuple[datetime, int],
    count: int,
    supervised: Supervised | None = None,
) -> Sequence[Record]:
    """Supervised e-mails behind `after` (creation, id) that wait or that somebody has, oldest first: of this agent, of
    this campaign; None: any."""
    return await db.fetch(OPEN_EMAILS_SQL, organisation, agent_id, campaign_id, *after, count, *bounds(supervised))


async def email_from_agent(
    db: Database, organisation: int, activity_id: int, agent_id: int, why: Moved, now: datetime
) -> bool:
    """Give an e-mail back if the agent still has it; one that was answered, or is erased, is closed."""
    async with db.transaction():
        email = await open_email(db, organisation, activity_id)
        if email is None or email["agent_id"] != agent_id:
            return False
        if email["answered"] or email["erased"]:
            await activities.wrap_up(db, organisation, activity_id, WrapUp(None), now)
        else:
            await to_queue(db, organisation, email, why, now)
        await desk_events.publish(db, organisation, agent_id, "session", None, now, emails=True)
    return True


async def to_queue(db: Database, organisation: int, email: Record, why: Moved, now: datetime) -> None:
    """An `open_email` waits for anybody again, in its old place."""
    await db.execute(TO_QUEUE_SQL, organisation, email["activity_id"], email["agent_id"], now, why)
    await emails.notify_queued(db, organisation, email["campaign_id"])


async def to_agent(db: Database, organisation: int, email: Record, agent_id: int, now: datetime) -> None:
    """An `open_email` is this agent's from now on, by a supervisor's word."""
    was_of, why = email["agent_id"], Moved.SUPERVISOR
    await db.execute(TO_AGENT_SQL, organisation, email["activity_id"], agent_id, now, was_of, why)

"""Activities: each leg of a call and each e-mail, and the steps that it takes. Every time is an argument.

A step that was taken already, or cannot be taken from where the activity stands, changes nothing and answers False
or None: carriers deliver events twice and late. A clock that was set back never makes a step precede the one before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import msgspec
from asyncpg import Record

from callfloor.contract.codes import ActivityStatus, LeadStatus
from callfloor.store.db.paging import Filter, page_sql, size_for
from callfloor.store.db.pool import Database
from callfloor.store.privacy import do_not_call_on_calls

_SHOWN = """
    a.*, c.name AS campaign_name, c.timezone AS campaign_timezone, u.full_name AS agent_full_name,
    w.description AS wrap_description"""
_JOINED = """
    JOIN campaigns c ON c.organisation_id = $1 AND c.campaign_id = a.campaign_id
    LEFT JOIN users u ON u.organisation_id = $1 AND u.user_id = a.agent_id
    LEFT JOIN wrap_codes w
        ON w.organisation_id = $1 AND w.campaign_id = a.campaign_id AND w.code = a.wrap_code"""

GET_SQL = f"SELECT {_SHOWN} FROM activities a {_JOINED} WHERE a.organisation_id = $1 AND a.activity_id = $2"
MEDIA_SQL = """
SELECT * FROM media WHERE organisation_id = $1 AND activity_id = ANY($2::bigint[]) ORDER BY activity_id, media_id"""

OPEN_EMAIL_SQL = """
WITH next AS MATERIALIZED (
    SELECT nextval('activity_ids') AS activity_id, nextval('agent_interaction_ids') AS interaction_id
)
INSERT INTO activities (organisation_id, activity_id, created_at, type, parent_activity_id, root_activity_id, status_id,
    campaign_id, contact, own_contact, email, agent_id, agent_interaction_id, answered_at)
SELECT $1, activity_id, $6::timestamptz, $7, $9::bigint, coalesce((SELECT p.root_activity_id FROM activities p
        WHERE p.organisation_id = $1 AND p.activity_id = $9), activity_id),
    CASE WHEN $8::bigint IS NULL THEN 1 ELSE 3 END, c.campaign_id, $3, $4, $5::jsonb, $8,
    CASE WHEN $8 IS NOT NULL THEN next.interaction_id END,
    CASE WHEN $8 IS NOT NULL THEN $6::timestamptz END
FROM next, campaigns c WHERE c.organisation_id = $1 AND c.campaign_id = $2
RETURNING activity_id"""

_HERE = "WHERE organisation_id = $1 AND activity_id = $2"
_UNANSWERED = "status_id IN (1, 2) AND hang_up_at IS NULL"
JOIN_QUEUE_SQL = f"""
UPDATE activities SET status_id = 2, join_queue_at = greatest($3, created_at)
{_HERE} AND status_id = 1 AND hang_up_at IS NULL
RETURNING 1"""
LEAVE_SQL = f"""
UPDATE activities SET status_id = $4::smallint,
    left_queue_at = CASE WHEN join_queue_at IS NOT NULL THEN greatest($3, join_queue_at) END,
    hang_up_at = CASE WHEN $4::smallint <> 6 THEN greatest($3, join_queue_at, created_at) END
{_HERE} AND {_UNANSWERED}
RETURNING 1"""
HOLD_SQL = f"""
UPDATE activities SET hold_s = $3
{_HERE} AND answered_at IS NOT NULL AND hang_up_at IS NULL AND hold_s < $3
RETURNING 1"""
# a leg may have ended before it is known for how long
PHONE_LOST_SQL = f"""
UPDATE activities SET phone_losses = $3::smallint, phone_lost_s = $4
{_HERE} AND (phone_losses < $3::smallint OR phone_lost_s < $4)
RETURNING 1"""
# greatest() and least() pass over nulls
_ENDED_AT = "greatest($3, answered_at, left_queue_at, join_queue_at, created_at)"
_HELD = f"least(hold_s, seconds_between(answered_at, {_ENDED_AT}))"
HANG_UP_SQL = f"""
UPDATE activities SET hang_up_at = {_ENDED_AT}, hold_s = {_HELD},
    left_queue_at = CASE WHEN status_id = 2 THEN {_ENDED_AT} ELSE left_queue_at END,
    status_id = CASE status_id WHEN 1 THEN 4 WHEN 2 THEN 5 WHEN 7 THEN 8 ELSE status_id END,
    wrap_up_at = CASE WHEN leg_type = 'consult' THEN {_ENDED_AT} ELSE wrap_up_at END
{_HERE} AND hang_up_at IS NULL AND type LIKE 'call.%'
RETURNING 1"""
TRANSFER_SQL = f"""
WITH next AS MATERIALIZED (SELECT nextval('agent_interaction_ids') AS id), parent AS (
    UPDATE activities SET hang_up_at = {_ENDED_AT}, hold_s = {_HELD}
    {_HERE} AND (answered_at IS NOT NULL OR type = 'email.inbound') AND hang_up_at IS NULL AND wrap_up_at IS NULL
        AND EXISTS (SELECT FROM campaigns WHERE organisation_id = $1 AND campaign_id = $4)
    RETURNING *
)
INSERT INTO activities (organisation_id, created_at, type, parent_activity_id, root_activity_id, status_id, campaign_id,
    lead_id, attempt_id, phone_index, contact, own_contact, email, join_queue_at, answered_at, left_queue_at, agent_id,
    agent_interaction_id)
SELECT organisation_id, hang_up_at, type, activity_id, root_activity_id,
    CASE WHEN $5::bigint IS NULL THEN 2 WHEN type LIKE 'email.%' THEN 12 ELSE 3 END,
    $4, lead_id, attempt_id, phone_index, contact, own_contact, email,
    CASE WHEN $5 IS NULL THEN hang_up_at END,
    CASE WHEN $5 IS NOT NULL AND type LIKE 'call.%' THEN hang_up_at END,
    CASE WHEN $5 IS NOT NULL AND type LIKE 'email.%' THEN hang_up_at END, $5,
    CASE WHEN $5 IS NOT NULL THEN next.id END
FROM parent, next
RETURNING activity_id"""
# The lead shows the outcome of its last attempt only. What somebody gave it since the call ended stays.
_LEFT_BY_CALL = f"{LeadStatus.NO_RESULT:d}, {LeadStatus.CONTACTED:d}"
WRAP_UP_SQL = f"""
WITH wrapped AS (
    UPDATE activities SET wrap_up_at = greatest($3, hang_up_at, answered_at), wrap_code = $4,
        status_id = CASE WHEN type = 'email.inbound' AND answered_at IS NULL
            THEN {ActivityStatus.NOT_ANSWERED:d} ELSE status_id END
    {_HERE} AND wrap_up_at IS NULL
        AND (answered_at IS NOT NULL AND hang_up_at IS NOT NULL OR type LIKE 'email.%' AND agent_id IS NOT NULL)
        AND ($4::integer IS NULL OR EXISTS (
            SELECT FROM wrap_codes w
            WHERE w.organisation_id = $1 AND w.campaign_id = activities.campaign_id AND w.code = $4))
    RETURNING lead_id, attempt_id, wrap_up_at
), lead AS (
    UPDATE leads l SET wrap_code = coalesce($4, l.wrap_code),
        status_code = CASE WHEN l.status_code IN ({_LEFT_BY_CALL}) THEN coalesce($5::integer, l.status_code)
            ELSE l.status_code END,
        completed_at = CASE
            WHEN l.status_code <> {LeadStatus.DO_NOT_CALL:d} AND $5 = {LeadStatus.COMPLETED:d} OR ($5::integer IS NULL
                AND l.status_code = {LeadStatus.CONTACTED:d} AND l.list_id = ANY($6::bigint[]))
            THEN coalesce(l.completed_at, w.wrap_up_at) ELSE l.completed_at END,
        updated_at = greatest(l.updated_at, w.wrap_up_at)
    FROM wrapped w
    WHERE l.organisation_id = $1 AND l.lead_id = w.lead_id AND l.last_attempt_id = w.attempt_id
)
SELECT 1 FROM wrapped"""
# Of calls whose agent's engine died: nobody will say any more what came of them. Who called and was spoken to was
# helped: the callback of the call's lead is over, unless somebody changed the lead since.
WRAP_UP_LEFT_SQL = f"""
WITH left_over AS (UPDATE activities a SET wrap_up_at = greatest($4, a.hang_up_at),
    wrap_code = (SELECT w.code FROM wrap_codes w
        WHERE w.organisation_id = $1 AND w.campaign_id = $2 AND w.code = $3)
WHERE a.organisation_id = $1 AND a.campaign_id = $2 AND a.type LIKE 'call.%' AND a.agent_id IS NOT NULL
    AND a.answered_at IS NOT NULL AND a.hang_up_at IS NOT NULL
    AND a.wrap_up_at IS NULL AND a.created_at > $4::timestamptz - interval '31 days'
    RETURNING a.type, a.lead_id, a.answered_at
)
UPDATE leads l SET status_code = {LeadStatus.CONTACTED:d}, next_attempt_at = NULL, agent_id = NULL,
    updated_at = greatest(l.updated_at, $4)
FROM left_over a
WHERE l.organisation_id = $1 AND l.lead_id = a.lead_id AND a.type IN ('call.inbound', 'call.manual')
    AND l.completed_at IS NULL AND l.in_flight_attempt_id IS NULL AND l.updated_at <= a.answered_at
    AND l.status_code IN ({LeadStatus.CALLBACK_QUEUE:d}, {LeadStatus.CALLBACK_AGENT:d})"""
WRAP_CODE_KNOWN_SQL = """
SELECT EXISTS (SELECT FROM wrap_codes w WHERE w.organisation_id = $1
    AND w.campaign_id = a.campaign_id AND w.code = $3)
FROM activities a WHERE a.organisation_id = $1 AND a.activity_id = $2"""
RECORDING_PART_SQL = f"""
UPDATE activities SET recording_parts = array_append(recording_parts, $3::integer)
{_HERE} AND NOT coalesce(recording_parts @> ARRAY[$3::integer], false)"""
# A failure that is told late does not hide what was stored meanwhile.
RECORDING_STATUS_SQL = f"""
UPDATE activities SET recording_status = $3
{_HERE} AND ($3 <> 'failed' OR recording_status IS DISTINCT FROM 'enabled')
RETURNING 1"""
CALL_QUALITY_SQL = f"UPDATE activities SET call_quality_score = $3::text::numeric {_HERE} RETURNING 1"
SURVEY_SQL = f"UPDATE activities SET survey = $3::jsonb {_HERE} RETURNING 1"

FILTERS: dict[str, Filter] = {
    "campaign_id": Filter("campaign_id = {}", "bigint"),
    "type": Filter("type = {}", "text"),
    "lead_id": Filter("lead_id = {}", "bigint"),
    "contact": Filter("contact = {}", "text"),
    "agent_id": Filter("agent_id = {}", "bigint"),
    "wrap_code": Filter("wrap_code = {}", "integer"),
    "created_from": Filter("created_at >= {}", "timestamptz"),
    "created_to": Filter("created_at <= {}", "timestamptz"),
}

Leaving = Literal["voicemail", "missed", "failed"]
_LEFT: dict[Leaving, ActivityStatus] = {
    "voicemail": ActivityStatus.VOICEMAIL,
    "missed": ActivityStatus.MISSED,
    "failed": ActivityStatus.FAILED,
}


class UnknownWrapCodeError(ValueError):
    """The activity's campaign has no such wrap code."""


class Message(msgspec.Struct, frozen=True, rename="camel"):
    """An e-mail's headers as they were written; personal data."""

    subject: str | None
    message_id: str | None
    in_reply_to: str | None
    from_: str | None = msgspec.field(name="from")
    to: str | None = None


@dataclass(frozen=True, slots=True)
class NewEmail:
    """An e-mail. Addresses are lower case; `contact` None: it names no sender.

    `agent_id`: who wrote it, or None for one that waits for an agent. `parent_activity_id`: the message that
    it answers.
    """

    type: Literal["email.inbound", "email.outbound"]
    campaign_id: int
    contact: str | None
    own_contact: str
    message: Message
    agent_id: int | None = None
    parent_activity_id: int | None = None


@dataclass(frozen=True, slots=True)
class WrapUp:
    """What an agent says of a call that ended, and, for the lead's last attempt, what becomes of the lead.

    None leaves the lead's field as the call left it. Status 12 completes the lead. `completes_in`: lists of which a
    lead that was contacted is completed, unless it is given another status. A callback is `dispositions.save`'s.
    """

    wrap_code: int | None
    lead_status: LeadStatus | int | None = None
    completes_in: Sequence[int] = ()


class Survey(msgspec.Struct, frozen=True, rename="camel"):
    """A survey after the call; `start_timestamp` is aware."""

    started: bool
    start_timestamp: datetime | None
    workflow_id: int | None
    workflow_name: str | None


async def get(db: Database, organisation: int, activity_id: int) -> Record | None:
    return await db.fetchrow(GET_SQL, organisation, activity_id)


async def page(
    db: Database, organisation: int, filters: Mapping[str, object], after: tuple[datetime, int] | None, count: int
) -> list[Record]:
    """At most `count` activities behind `after`, newest first. `filters`: names of `FILTERS` and their values."""
    sql = activity_page_sql(frozenset(filters), size_for(count), after=after is not None)
    values = [filters[name] for name in FILTERS if name in filters]
    return await db.fetch(sql, organisation, count, *values, *(after or ()))


def activity_page_sql(names: frozenset[str], size: int, *, after: bool) -> str:
    """The statement of a page with these filters: $1 organisation, $2 count (up to `size`), filters, [after]."""
    order = ("created_at", "activity_id")
    rows = page_sql("activities", order, [FILTERS[name] for name in FILTERS if name in names], size, after=after)
    return f"SELECT {_SHOWN} FROM ({rows}) AS a {_JOINED} ORDER BY a.created_at DESC, a.activity_id DESC LIMIT $2"


async def media_of(db: Database, organisation: int, activity_ids: Sequence[int]) -> dict[int, list[Record]]:
    """Recordings, voicemails and attachments of activities, oldest first."""
    found: dict[int, list[Record]] = {}
    for row in await db.fetch(MEDIA_SQL, organisation, activity_ids):
        found.setdefault(row["activity_id"], []).append(row)
    return found


async def open_email(db: Database, organisation: int, email: NewEmail, at: datetime) -> int:
    """An e-mail came in or was written; returns its id. Raises `LookupError` without such a campaign."""
    message = msgspec.json.encode(email.message).decode()
    made = await db.fetchval(
        OPEN_EMAIL_SQL,
        organisation,
        email.campaign_id,
        email.contact,
        email.own_contact,
        message,
        at,
        email.type,
        email.agent_id,
        email.parent_activity_id,
    )
    return _made(made)


def _made(activity_id: int | None) -> int:
    if activity_id is None:
        raise LookupError("there is no such campaign in this organisation")
    return activity_id


async def join_queue(db: Database, organisation: int, activity_id: int, at: datetime) -> bool:
    """From the workflow into the campaign's queue."""
    return await db.fetchval(JOIN_QUEUE_SQL, organisation, activity_id, at) is not None


async def leave(db: Database, organisation: int, activity_id: int, reason: Leaving, at: datetime) -> bool:
    """An unanswered call goes to voicemail (and goes on), or ends as missed or failed.

    A caller who hangs up is `hang_up`, which knows what was abandoned.
    """
    return await db.fetchval(LEAVE_SQL, organisation, activity_id, at, _LEFT[reason]) is not None


async def hold(db: Database, organisation: int, activity_id: int, total_s: int) -> bool:
    """The call has been on hold for `total_s` seconds in all."""
    return await db.fetchval(HOLD_SQL, organisation, activity_id, total_s) is not None


async def phone_lost(db: Database, organisation: int, activity_id: int, times: int, total_s: int) -> bool:
    """The agent's phone was lost so often in the leg, and not there for `total_s` seconds in all."""
    return await db.fetchval(PHONE_LOST_SQL, organisation, activity_id, times, total_s) is not None


async def hang_up(db: Database, organisation: int, activity_id: int, at: datetime) -> bool:
    """The call is over. Not answered: abandoned in the workflow or in the queue.

    A dialled call's first leg ends with `attempts.finish`.
    """
    return await db.fetchval(HANG_UP_SQL, organisation, activity_id, at) is not None


async def transfer(
    db: Database, organisation: int, activity_id: int, campaign_id: int, agent_id: int | None, at: datetime
) -> int | None:
    """End this leg and begin a child of the same type: with `agent_id`, or in the campaign's queue.

    Returns the child's id.
    """
    return await db.fetchval(TRANSFER_SQL, organisation, activity_id, at, campaign_id, agent_id)


async def wrap_up(db: Database, organisation: int, activity_id: int, wrap: WrapUp, at: datetime) -> bool:
    """The agent's work on a call that ended (or on an e-mail) is done. The status Do Not Call blocks the number that
    was talked to, with or without a lead. Raises `UnknownWrapCodeError`."""
    if wrap.lead_status != LeadStatus.DO_NOT_CALL:
        return await _wrap_up(db, organisation, activity_id, wrap, at)
    async with db.transaction():
        call = await do_not_call_on_calls.wrapping_up(db, organisation, activity_id, at)
        done = await _wrap_up(db, organisation, activity_id, wrap, at)
        if done and call is not None:
            await do_not_call_on_calls.block_contact(db, organisation, call)
        return done


async def _wrap_up(db: Database, organisation: int, activity_id: int, wrap: WrapUp, at: datetime) -> bool:
    done = await db.fetchval(
        WRAP_UP_SQL,
        organisation,
        activity_id,
        at,
        wrap.wrap_code,
        wrap.lead_status,
        list(wrap.completes_in),
    )
    if done is None and wrap.wrap_code is not None:
        known = await db.fetchval(WRAP_CODE_KNOWN_SQL, organisation, activity_id, wrap.wrap_code)
        if known is False:
            raise UnknownWrapCodeError(f"wrap code {wrap.wrap_code} is not one of the campaign's")
    return done is not None


async def wrap_up_left(db: Database, organisation: int, campaign_id: int, wrap_code: int | None, at: datetime) -> None:
    """End the wrap-up of every call of a campaign that is over and was left without."""
    await db.execute(WRAP_UP_LEFT_SQL, organisation, campaign_id, wrap_code, at)


async def set_recording_status(
    db: Database, organisation: int, activity_id: int, status: Literal["enabled", "disabled", "failed"]
) -> bool:
    return await db.fetchval(RECORDING_STATUS_SQL, organisation, activity_id, status) is not None


async def add_recording_part(db: Database, organisation: int, activity_id: int, part: int) -> None:
    """What is recorded of the leg from now on is this part of its call's recording."""
    await db.execute(RECORDING_PART_SQL, organisation, activity_id, part)


async def set_call_quality(db: Database, organisation: int, activity_id: int, score: float) -> bool:
    """`score` from 1 to 5, kept to two decimals."""
    return await db.fetchval(CALL_QUALITY_SQL, organisation, activity_id, f"{score:.2f}") is not None


async def set_survey(db: Database, organisation: int, activity_id: int, survey: Survey) -> bool:
    encoded = msgspec.json.encode(survey).decode()
    return await db.fetchval(SURVEY_SQL, organisation, activity_id, encoded) is not None

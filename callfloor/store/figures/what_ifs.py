"""Simulations that people asked for: what is asked, how far each is, and what it came to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec
from asyncpg import Record

from callfloor.contract.what_ifs import Assumptions, WhatIfBody, WhatIfPoint
from callfloor.store.db.pool import Database

CHANNEL = "callfloor_what_ifs"
_COLUMNS = """what_if_id, campaign_id, state, progress, reason, question::text AS question,
    assumptions::text AS assumptions, points::text AS points, created_at, finished_at"""
GET_SQL = f"SELECT {_COLUMNS} FROM what_ifs WHERE organisation_id = $1 AND what_if_id = $2"
PAGE_SQL = f"""
SELECT {_COLUMNS} FROM what_ifs
WHERE organisation_id = $1 AND ($2::bigint IS NULL OR campaign_id = $2) AND ($3::bigint = 0 OR what_if_id < $3)
ORDER BY what_if_id DESC LIMIT $4"""
# Requests that come together wait for each other, or each would find room.
LOCK_SQL = "SELECT pg_advisory_xact_lock(hashtextextended('callfloor what-ifs', $1::bigint))"
OPEN_SQL = "SELECT count(*) FROM what_ifs WHERE organisation_id = $1 AND state IN ('waiting', 'running')"
INSERT_SQL = """
INSERT INTO what_ifs (organisation_id, campaign_id, state, question, assumptions, grace_s, taken_for_machines, own_cap,
    created_at)
VALUES ($1, $2, 'waiting', $3::text::jsonb, $4::text::jsonb, $5, $6, $7, $8) RETURNING what_if_id"""
WAKE_SQL = f"SELECT pg_notify('{CHANNEL}', '')"
DELETE_SQL = "DELETE FROM what_ifs WHERE organisation_id = $1 AND what_if_id = $2 RETURNING 1"
# One at a time of an organisation, the oldest first; one whose worker was not heard of any more is taken up again.
DUE_SQL = """
SELECT organisation_id, what_if_id FROM what_ifs w
WHERE (state = 'waiting' OR state = 'running' AND claimed_until < $1) AND NOT EXISTS (
    SELECT FROM what_ifs o WHERE o.organisation_id = w.organisation_id AND o.state = 'running'
        AND o.claimed_until >= $1)
ORDER BY created_at, what_if_id LIMIT 10"""
CLAIM_SQL = """
UPDATE what_ifs SET state = 'running', claimed_until = $4, tries = tries + 1, progress = 0
WHERE organisation_id = $1 AND what_if_id = $2 AND (state = 'waiting' OR state = 'running' AND claimed_until < $3)
RETURNING organisation_id, what_if_id, tries, question::text AS question, assumptions::text AS assumptions, grace_s,
    taken_for_machines, own_cap"""
# Only for the claim that it names: another may have taken over.
_CLAIM = "WHERE organisation_id = $1 AND what_if_id = $2 AND tries = $3 AND state = 'running' RETURNING 1"
PROGRESS_SQL = f"UPDATE what_ifs SET progress = $4, claimed_until = $5 {_CLAIM}"
FINISH_SQL = f"""
UPDATE what_ifs SET state = $4, reason = $5, points = $6::text::jsonb, progress = 1, finished_at = $7 {_CLAIM}"""
EXPIRE_SQL = "DELETE FROM what_ifs WHERE created_at < $1"

_body = msgspec.json.Decoder(WhatIfBody)
_assumptions = msgspec.json.Decoder(Assumptions)
_points = msgspec.json.Decoder(list[WhatIfPoint])


@dataclass(frozen=True, slots=True)
class Claim:
    """A simulation that is ours for the time being. `grace_s` in seconds, the others shares of 1."""

    organisation: int
    what_if_id: int
    tries: int
    question: WhatIfBody
    assumptions: Assumptions
    grace_s: float
    taken_for_machines: float
    own_cap: float


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be simulated, as `Claim` has it."""

    question: WhatIfBody
    assumptions: Assumptions
    grace_s: float
    taken_for_machines: float
    own_cap: float


def question_of(row: Record) -> WhatIfBody:
    return _body.decode(row["question"])


def assumptions_of(row: Record) -> Assumptions:
    return _assumptions.decode(row["assumptions"])


def points_of(row: Record) -> list[WhatIfPoint]:
    return _points.decode(row["points"])


async def get(db: Database, organisation: int, what_if_id: int) -> Record | None:
    return await db.fetchrow(GET_SQL, organisation, what_if_id)


async def page(db: Database, organisation: int, campaign_id: int | None, before: int, count: int) -> list[Record]:
    """At most `count` with ids below `before` (0: any), the last one first; `campaign_id` None: of all campaigns."""
    return await db.fetch(PAGE_SQL, organisation, campaign_id, before, count)


async def insert(db: Database, organisation: int, asked: Asked, most_open: int, at: datetime) -> int | None:
    """Ask for one, in the transaction in progress. None: `most_open` of the organisation wait or run already."""
    await db.execute(LOCK_SQL, organisation)
    if await db.fetchval(OPEN_SQL, organisation) >= most_open:
        return None
    question, assumptions = _text(asked.question), _text(asked.assumptions)
    told = asked.grace_s, asked.taken_for_machines, asked.own_cap
    made = await db.fetchval(INSERT_SQL, organisation, asked.question.campaign_id, question, assumptions, *told, at)
    await db.execute(WAKE_SQL)
    return made


def _text(value: object) -> str:
    return msgspec.json.encode(value).decode()


async def delete(db: Database, organisation: int, what_if_id: int) -> bool:
    """Take it away; whoever works on it stops. False: there is none."""
    return await db.fetchval(DELETE_SQL, organisation, what_if_id) is not None


async def claim(db: Database, at: datetime, lease: timedelta) -> Claim | None:
    """The next one to be worked on, ours until `at` + `lease`."""
    for due in await db.fetch(DUE_SQL, at):
        row = await db.fetchrow(CLAIM_SQL, *due.values(), at, at + lease)
        if row is not None:
            return Claim(
                row["organisation_id"],
                row["what_if_id"],
                row["tries"],
                question_of(row),
                assumptions_of(row),
                row["grace_s"],
                row["taken_for_machines"],
                row["own_cap"],
            )
    return None


async def progress(db: Database, claimed: Claim, share: float, until: datetime) -> bool:
    """It is so far, and stays ours until then. False: it was cancelled, or is not ours any more."""
    return await db.fetchval(PROGRESS_SQL, *_key(claimed), share, until) is not None


async def finish(db: Database, claimed: Claim, points: list[WhatIfPoint], reason: str | None, at: datetime) -> bool:
    """It is done, or failed for a reason. False as of `progress`."""
    state = "done" if reason is None else "failed"
    return await db.fetchval(FINISH_SQL, *_key(claimed), state, reason, _text(points), at) is not None


def _key(claimed: Claim) -> tuple[int, int, int]:
    return claimed.organisation, claimed.what_if_id, claimed.tries


async def expire(db: Database, before: datetime) -> None:
    """Forget what was asked for before then."""
    await db.execute(EXPIRE_SQL, before)

"""Alarms on the live floor: each cause once in a quarter of an hour."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from callfloor.contract.destinations import DestinationReason
from callfloor.contract.live_floor import AlarmKind
from callfloor.store.db.pool import Database

# What is older than a day is nobody's concern any more.
RAISE_SQL = """
WITH old AS (
    DELETE FROM floor_alarms WHERE organisation_id = $1 AND quarter < $2::timestamptz - interval '1 day'
)
INSERT INTO floor_alarms (organisation_id, quarter, kind, reason, agent_id, raised_at)
VALUES ($1, to_timestamp(floor(extract(epoch FROM $2::timestamptz) / 900) * 900), $3, $4, coalesce($5::bigint, 0), $2)
ON CONFLICT DO NOTHING"""


@dataclass(frozen=True, slots=True)
class Alarm:
    """`agent_id`: who asked for the call, or whose limit it is; None: nobody in particular."""

    kind: AlarmKind
    reason: DestinationReason
    agent_id: int | None


async def raise_alarm(db: Database, organisation: int, alarm: Alarm, at: datetime) -> None:
    """Say it, unless it was said in this quarter of an hour."""
    await db.execute(RAISE_SQL, organisation, at, alarm.kind, alarm.reason, alarm.agent_id)

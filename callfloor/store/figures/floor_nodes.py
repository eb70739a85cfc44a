"""What engines say of themselves, and of the telephone servers and trunks that they use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from callfloor.store.db.pool import Database

NodeKind = Literal["engine", "telephony", "trunk"]
# All that the engine has to say, to every organisation whose campaigns it leads; what it says no more is of the past.
SAY_SQL = """
WITH given AS (
    SELECT o.id AS organisation_id, n.* FROM unnest($1::bigint[]) AS o (id)
    CROSS JOIN unnest($3::text[], $4::text[], $5::boolean[], $6::timestamptz[], $7::integer[])
        AS n (kind, name, up, since, calls)
), gone AS (
    DELETE FROM floor_nodes f WHERE f.engine = $2 AND NOT EXISTS (
        SELECT FROM given g WHERE g.organisation_id = f.organisation_id AND g.kind = f.kind AND g.name = f.name)
), forgotten AS (
    DELETE FROM floor_nodes f WHERE f.engine <> $2 AND f.said_at < $8::timestamptz - interval '1 hour'
)
INSERT INTO floor_nodes (organisation_id, engine, kind, name, up, since, calls, said_at)
SELECT organisation_id, $2, kind, name, up, since, calls, $8 FROM given
ON CONFLICT (organisation_id, engine, kind, name) DO UPDATE SET
    up = excluded.up, since = excluded.since, calls = excluded.calls, said_at = excluded.said_at"""


@dataclass(frozen=True, slots=True)
class Node:
    """`since`: when it came up, or went down. `calls`: that go over it."""

    kind: NodeKind
    name: str
    up: bool
    since: datetime
    calls: int


async def say(db: Database, organisations: Sequence[int], engine: UUID, nodes: Sequence[Node], now: datetime) -> None:
    """Put down how the engine's nodes are."""
    await db.execute(
        SAY_SQL,
        organisations,
        engine,
        [node.kind for node in nodes],
        [node.name for node in nodes],
        [node.up for node in nodes],
        [node.since for node in nodes],
        [node.calls for node in nodes],
        now,
    )

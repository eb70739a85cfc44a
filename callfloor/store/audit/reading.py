"""The audit as auditors read it: pages by filters, and the whole chain to be checked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from asyncpg import Record

from callfloor.contract.fields import LARGEST_ID
from callfloor.rules.audit.verification import Verification, Verified
from callfloor.store.audit import chain
from callfloor.store.db.pool import Database
from callfloor.store.privacy import keys
from callfloor.store.setup import centres

PAGE_SQL = """
SELECT e.entry_id, e.happened_at, e.actor_type, e.actor_id, e.token_id, e.address, e.request_id, e.action,
    e.object_type, e.object_ids, e.object_name, e.details, e.position, e.hash,
    coalesce(e.actor_name, u.full_name, t.name) AS actor_name
FROM audit_entries e
LEFT JOIN users u ON u.organisation_id = e.organisation_id AND e.actor_type = 'user' AND u.user_id = e.actor_id
LEFT JOIN tokens t ON t.organisation_id = e.organisation_id AND e.actor_type = 'token' AND t.token_id = e.actor_id
WHERE e.organisation_id = $1 AND (e.happened_at, e.entry_id) < ($2, $3) AND e.happened_at >= $4
    AND ($5::text IS NULL OR e.action = $5 OR (e.action > $5 || '.' AND e.action < $5 || '/'))
    AND ($6::bigint IS NULL OR e.actor_id = $6) AND ($7::text IS NULL OR e.actor_type = $7)
    AND ($8::text IS NULL OR e.object_type = $8) AND ($9::bigint IS NULL OR e.object_ids @> ARRAY[$9::bigint])
    AND ($10::text IS NULL OR e.object_name = $10)
    AND ($11::uuid IS NULL OR e.request_id = $11 OR e.details -> 'requests' ? $11::text)
ORDER BY e.happened_at DESC, e.entry_id DESC LIMIT $12"""
STEP = 1_000
_FIRST, _LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries; None: all. `action`: one, or a group of them (`lead` for `lead.read`). `begin`, `end`: both with
    it."""

    begin: datetime | None = None
    end: datetime | None = None
    action: str | None = None
    actor_id: int | None = None
    actor_type: str | None = None
    object_type: str | None = None
    object_id: int | None = None
    object_name: str | None = None
    request_id: UUID | None = None


async def page(
    db: Database, organisation: int, wanted: Wanted, after: tuple[datetime, int] | None, count: int
) -> list[Record]:
    """At most `count` entries behind `after` (time, entry), newest first."""
    begin, end = wanted.begin or _FIRST, wanted.end or _LAST
    if after is None or after[0] > end:
        after = end, LARGEST_ID
    return await db.fetch(
        PAGE_SQL, organisation, *after, begin, wanted.action, wanted.actor_id, wanted.actor_type, wanted.object_type,
        wanted.object_id, wanted.object_name, wanted.request_id, count,
    )  # fmt: skip


async def every(db: Database, organisation: int, wanted: Wanted) -> AsyncIterator[list[Record]]:
    """All entries, newest first, some at a time."""
    after: tuple[datetime, int] | None = None
    while rows := await page(db, organisation, wanted, after, STEP):
        yield rows
        after = rows[-1]["happened_at"], rows[-1]["entry_id"]


async def verify(db: Database, organisation: int) -> Verified:
    """Check the whole chain as it stands at one moment. Raises `KeyUnusable`."""
    public = await keys.public(db, organisation)
    async with db.transaction():
        await centres.snapshot(db)
        head = await chain.head(db, organisation)
        verification = Verification(public, await chain.days(db, organisation, 0))
        behind = 0
        while some := await chain.linked(db, organisation, behind, STEP):
            # hashing takes its time, and others wait for this process
            await asyncio.to_thread(verification.entries, some)
            behind = some[-1].link.position
        return verification.finish(head)

"""The audit as auditors read it: pages by filters, and the whole chain to be checked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from uuid import UUID

from asyncpg import Record

from callfloor.contract.fields import LARGEST_ID
from callfloor.rules.audit.verification import Verification, Verified
from callfloor.store.audit import chain
from callfloor.store.db.paging import size_for
from callfloor.store.db.pool import Database
from callfloor.store.privacy import keys
from callfloor.store.setup import centres

_SHOWN = """
SELECT e.entry_id, e.happened_at, e.actor_type, e.actor_id, e.token_id, e.address, e.request_id, e.action,
    e.object_type, e.object_ids, e.object_name, e.details, e.position, e.hash,
    coalesce(e.actor_name, u.full_name, t.name) AS actor_name"""
_NAMED = """
LEFT JOIN users u ON u.organisation_id = $1 AND e.actor_type = 'user' AND u.user_id = e.actor_id
LEFT JOIN tokens t ON t.organisation_id = $1 AND e.actor_type = 'token' AND t.token_id = e.actor_id"""
# By the fields of `Wanted`; an action is one, or stands for those beneath it.
FILTERS = {
    "action": "e.action = {}::text",
    "actions": "(e.action = {0}::text OR (e.action > {0}::text || '.' AND e.action < {0}::text || '/'))",
    "actor_id": "e.actor_id = {}::bigint",
    "actor_type": "e.actor_type = {}::text",
    "object_type": "e.object_type = {}::text",
    "object_id": "e.object_ids @> ARRAY[{}::bigint]",
    "object_name": "e.object_name = {}::text",
    "request_id": "(e.request_id = {0}::uuid OR e.details -> 'requests' ? {0}::uuid::text)",
}
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
    given = _filters(wanted)
    rows = await db.fetch(page_sql(tuple(given), size_for(count)), organisation, *after, begin, *given.values())
    return rows[:count]


def _filters(wanted: Wanted) -> dict[str, object]:
    """What is asked for, by the names of `FILTERS`, in their order."""
    action = wanted.action
    asked = {name: getattr(wanted, name) for name in FILTERS if name not in ("action", "actions")}
    if action is not None:
        asked = {"action" if "." in action else "actions": action} | asked
    return {name: value for name, value in asked.items() if value is not None}


@cache
def page_sql(filters: tuple[str, ...], size: int) -> str:
    """A page by some of `FILTERS`, so that each is planned for its own index: organisation, time and entry it is
    behind, the earliest time, then one a filter. `size`: of `paging.size_for`."""
    conditions = ["e.organisation_id = $1", "(e.happened_at, e.entry_id) < ($2, $3)", "e.happened_at >= $4"]
    conditions += [FILTERS[name].format(f"${number}") for number, name in enumerate(filters, 5)]
    return f"""{_SHOWN}
FROM (
    SELECT * FROM audit_entries e
    WHERE {" AND ".join(conditions)}
    ORDER BY e.happened_at DESC, e.entry_id DESC LIMIT {size}
) AS e {_NAMED}
ORDER BY e.happened_at DESC, e.entry_id DESC"""


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

"""Sealing the audit: each entry gets its place in its organisation's chain, and each day that is over its signature."""

from __future__ import annotations

from datetime import datetime, timedelta

from callfloor.jobs.sealing import seal_each
from callfloor.rules.audit.entries import Head, sign_day, sign_head
from callfloor.rules.audit.entries import chain as linked_behind
from callfloor.rules.evidence.evidence import day_of, day_to_seal, end_of, moment
from callfloor.store.audit import chain
from callfloor.store.db.pool import Database
from callfloor.store.privacy import keys

# So much later than it happened its transaction is nearly always over; what comes later is sealed behind.
LAG = timedelta(seconds=5)
BATCH = 5_000


async def seal(db: Database, at: datetime) -> bool:
    """Seal what happened before `at` less the lag, one transaction an organisation. True: there is more to do.

    Any number of processes may do it at once.
    """
    return await seal_each(db, await chain.waiting(db, at - LAG), chain.try_lock, _seal_some, at)


async def _seal_some(db: Database, organisation: int, at: datetime) -> bool:
    until = at - LAG
    found = await chain.open_chain(db, organisation, until)
    if found.first_at is None:
        return False
    key = (await keys.current(db, organisation, "signing")).secret
    day = day_to_seal(found.signed_day, found.first_at, until)
    entries = await chain.unsealed(db, organisation, min(until, end_of(day)), BATCH)
    linked = list(linked_behind(found.end, entries))
    end = found.end
    if linked:
        end = linked[-1].link
        await chain.seal(db, organisation, linked)
        head = Head(end.position, end.hash.hex(), moment(at))
        await chain.put_head(db, organisation, end, at, sign_head(head, key))
    if len(linked) == BATCH:
        return True
    if until < end_of(day) or end == found.signed:
        return False
    signed = day_of(day, found.signed, end, at)
    await chain.add_day(db, organisation, signed, sign_day(signed, key), at)
    return True

"""Sealing evidence: each record gets its place in its organisation's chain, and each day that is over its signature."""

from __future__ import annotations

from datetime import datetime, timedelta

from callfloor.jobs.sealing import seal_each
from callfloor.rules.evidence.evidence import chain, day_of, day_to_seal, end_of, sign_day
from callfloor.store.calls import evidence
from callfloor.store.db.pool import Database
from callfloor.store.privacy import keys

# So much later than an attempt was dialled its transaction is nearly always over. A record that comes later still is
# sealed behind those that came in time.
LAG = timedelta(seconds=10)
BATCH = 5_000


async def seal(db: Database, at: datetime) -> bool:
    """Seal what was dialled before `at` less the lag, one transaction an organisation. True: there is more to do.

    Any number of processes may do it at once.
    """
    return await seal_each(db, await evidence.waiting(db, at - LAG), evidence.try_lock, _seal_some, at)


async def _seal_some(db: Database, organisation: int, at: datetime) -> bool:
    until = at - LAG
    found = await evidence.open_chain(db, organisation, until)
    if found.first_at is None:
        return False
    day = day_to_seal(found.signed_day, found.first_at, until)
    records = await evidence.unsealed(db, organisation, min(until, end_of(day)), BATCH)
    sealed = list(chain(found.end, records))
    if sealed:
        await evidence.seal(db, organisation, sealed)
    if len(sealed) == BATCH:
        return True
    end = sealed[-1].link if sealed else found.end
    if until < end_of(day) or end == found.signed:
        return False
    signed = day_of(day, found.signed, end, at)
    signature = sign_day(signed, (await keys.current(db, organisation, "signing")).secret)
    await evidence.add_day(db, organisation, signed, signature, at)
    return True

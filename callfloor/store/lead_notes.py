"""What an agent writes into the lead of a call."""

from __future__ import annotations

import msgspec

from callfloor.contract.fields import Scalar
from callfloor.rules.leads import contacts, merged_data
from callfloor.store.pool import Database

LOCK_SQL = """
SELECT l.lead_id, l.data, l.customer_key, o.country
FROM activities a
JOIN leads l ON l.organisation_id = a.organisation_id AND l.lead_id = a.lead_id
JOIN organisations o ON o.organisation_id = a.organisation_id
WHERE a.organisation_id = $1 AND a.activity_id = $2 AND a.erased_at IS NULL
FOR NO KEY UPDATE OF l"""
MERGE_SQL = """
UPDATE leads SET data = $3::jsonb, identifiers = $4, updated_at = now() WHERE organisation_id = $1 AND lead_id = $2"""
LARGEST = 64 * 1024


async def merge(db: Database, organisation: int, activity_id: int, changes: bytes) -> bool:
    """Merge fields (a JSON object; a null removes its key) into the data of the activity's lead.

    False: there is no lead any more, or it would have over 64 KiB.
    """
    async with db.transaction():
        row = await db.fetchrow(LOCK_SQL, organisation, activity_id)
        if row is None:
            return False
        old = msgspec.json.decode(row["data"], type=dict[str, Scalar])
        data = merged_data(old, msgspec.json.decode(changes, type=dict[str, Scalar]))
        encoded = msgspec.json.encode(data)
        if len(encoded) > LARGEST:
            return False
        found = contacts(data, row["customer_key"], row["country"])
        await db.execute(MERGE_SQL, organisation, row["lead_id"], encoded.decode(), found)
        return True

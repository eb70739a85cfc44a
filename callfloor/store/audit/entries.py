"""Writing the audit. What is written here can be neither changed nor taken away (its triggers see to that)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from callfloor.rules.audit.entries import Actor, Entry
from callfloor.store.db.pool import Database

RECORD_SQL = """
INSERT INTO audit_entries (organisation_id, happened_at, actor_type, actor_id, actor_name, token_id, address,
    request_id, action, object_type, object_ids, object_name, details)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13::text::jsonb)"""


async def record(db: Database, organisation: int, by: Actor, at: datetime, entries: Sequence[Entry]) -> None:
    """Record what was done. Call it in the transaction that does it: both are, or neither is."""
    for entry in entries:
        await db.execute(
            RECORD_SQL, organisation, at, by.type, by.id, by.name, by.token_id, by.address or None, by.request_id,
            entry.action, entry.object_type, list(entry.object_ids), entry.object_name, _encoded(entry),
        )  # fmt: skip


def _encoded(entry: Entry) -> str:
    # sets, dates and structs of settings may stand in it
    return msgspec.json.encode(entry.details, order="deterministic").decode()

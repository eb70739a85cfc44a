"""What the organisation keeps."""

from __future__ import annotations

from typing import Any

from callfloor.api.call import Call
from callfloor.api.operation import operation
from callfloor.contract.storage import Storage, StorageParts
from callfloor.store.leads import imports
from callfloor.store.setup import storage

_EXAMPLE: dict[str, Any] = {
    "counted": "2021-08-01T03:55:06.123456Z",
    "bytes": 52_428_800,
    "atLeast": 52_428_800,
    "allowedBytes": 1_048_576_000_000,
    "full": False,
    "parts": {"leads": 31_457_280, "imports": 0, "calls": 8_388_608, "emails": 2_097_152, "media": 8_388_608,
              "other": 2_097_152},
    "leads": 100_000,
    "allowedLeads": 50_000_000,
    "waitingBytes": 0,
    "allowedWaitingBytes": 2_147_483_648,
}  # fmt: skip


@operation("GET", "/storage", scope="setup:read", summary="What the organisation keeps", tag="organisation",
           example=_EXAMPLE)  # fmt: skip
async def get_storage(call: Call) -> Storage:
    """What your organisation keeps and may keep: rows of the database without indexes, and media. Counted twice a
    minute."""
    row = await storage.get(call.db, call.organisation)
    waiting, leads = await imports.held(call.db, call.organisation)
    parts = {part: 0 if row is None else row[part] for part in storage.PARTS}
    at_least, most = 0 if row is None else row["at_least"], call.services.room.most
    return Storage(
        counted=None if row is None else row["counted_at"],
        bytes=sum(parts.values()),
        at_least=at_least,
        allowed_bytes=most,
        full=at_least >= most,
        parts=StorageParts(**parts),
        leads=leads,
        allowed_leads=call.services.settings.organisation_leads,
        waiting_bytes=waiting,
        allowed_waiting_bytes=call.services.settings.waiting_megabytes * 1024**2,
    )

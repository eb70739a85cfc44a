"""What a request that applies a plan records: as the command line does (`centre.entries`)."""

from __future__ import annotations

from callfloor.api.call import Call
from callfloor.centre import Plan
from callfloor.centre.entries import entries_of


async def record(call: Call, plan: Plan) -> None:
    """In the transaction that applies it."""
    for each in entries_of(plan):
        call.audit.entry(action=each.action, object_type=each.object_type, name=each.object_name, **each.details)
    if not plan.changes:
        call.audit.nothing()
    await call.audit.write()

"""Callers who want to be called back: they become leads."""

from __future__ import annotations

from datetime import datetime

import msgspec

from callfloor.contract.codes import LeadStatus
from callfloor.store import do_not_call, inbound, leads
from callfloor.store.pool import Database


async def register(
    db: Database, organisation: int, campaign_id: int, list_id: int, activity_id: int, number: str, at: datetime
) -> bool:
    """Make a lead of a caller (E.164) in a list of an outbound campaign, due at once, and note the wish by the call.

    False: the number must not be called for that campaign, or there is no such list.
    """
    async with db.transaction():
        key = await do_not_call.key(db, organisation)
        if await do_not_call.blocked(db, organisation, key, campaign_id, [number], at):
            return False
        new = leads.NewLead(
            organisation_id=organisation,
            list_id=list_id,
            data=msgspec.Raw(msgspec.json.encode({"callbackFor": activity_id})),
            status_code=LeadStatus.CALLBACK_QUEUE,
            phone1=number,
            next_attempt_at=at,
        )
        (outcome,) = await leads.insert_many(db, [new])
        if outcome.lead_id is None:
            return False
        await inbound.add_task(db, organisation, campaign_id, "callback", activity_id, at)
        return True

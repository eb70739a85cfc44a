"""How tests make what most of them need: by the writes that the floor uses."""

from __future__ import annotations

from datetime import datetime

from callfloor.store.calls import activities, legs
from callfloor.store.db.pool import Database


async def inbound_call(
    db: Database, organisation: int, campaign_id: int, contact: str | None, own_contact: str | None, at: datetime
) -> int:
    """A call came in and is in its workflow; returns its activity's id. Numbers are E.164; `contact` None: withheld."""
    (activity_id,) = await legs.reserve_ids(db, 1)
    await legs.open_call(db, organisation, activity_id, campaign_id, contact, own_contact, at)
    return activity_id


async def answer(db: Database, organisation: int, activity_id: int, agent_id: int, at: datetime) -> int | None:
    """An agent takes a call; returns the agent interaction's id, or None: it did not."""
    before = await activities.get(db, organisation, activity_id)
    await legs.answer(db, organisation, activity_id, agent_id, at)
    after = await activities.get(db, organisation, activity_id)
    if before is None or after is None or after["agent_interaction_id"] == before["agent_interaction_id"]:
        return None
    return after["agent_interaction_id"]

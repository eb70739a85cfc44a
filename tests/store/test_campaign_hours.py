"""When a stored campaign calls: never when its regime does not."""

from __future__ import annotations

from callfloor import regimes
from callfloor.rules.dialling.hours import beyond, format_hours
from callfloor.store.db.pool import Database
from callfloor.store.setup import campaigns
from tests.conftest import Centre


async def test_contact_hours_that_were_stored_before_their_regime_was_stricter_are_clipped(
    centre: Centre, db: Database
) -> None:
    await db.execute(
        """UPDATE campaigns SET dialling = '{"contactHours": {"friday": ["07:00-23:00"], "sunday": ["10:00-12:00"]}}'
        WHERE organisation_id = $1 AND campaign_id = $2""",
        centre.organisation,
        centre.outbound,
    )
    setup = await campaigns.get(db, centre.organisation, centre.outbound)
    assert setup is not None
    hours = setup.facts.contact_hours
    assert hours is not None
    assert beyond(hours, regimes.regime("AU").hours) == []
    assert format_hours(hours) == {"friday": ["09:00-20:00"]}

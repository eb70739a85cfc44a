from __future__ import annotations

import pytest

from callfloor.rules.contact_zone import contact_zones


@pytest.mark.parametrize(
    ("lead", "number", "zones"),
    [
        ("Australia/Perth", "+12025550123", ("Australia/Perth",)),
        (None, "+12025550123", ("America/New_York",)),
        # a mobile may be anywhere in its country
        (None, "+61491570156", None),
        (None, "+447700900123", ("Europe/London",)),
        # satellite phones and what is no number are nowhere
        (None, "+881612345678", ("Europe/London",)),
        (None, "not a number", ("Europe/London",)),
        (None, None, ("Europe/London",)),
    ],
)
def test_where_a_contact_may_be(lead: str | None, number: str | None, zones: tuple[str, ...] | None) -> None:
    found = contact_zones(lead, number, "Europe/London")
    if zones is None:
        assert {"Australia/Sydney", "Australia/Perth"} <= set(found)
    else:
        assert found == zones

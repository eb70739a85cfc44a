"""Where a centre file has calls without a lead make one."""

from __future__ import annotations

import secrets

import pytest

from callfloor.centre import CentreError, apply_text, export_text
from callfloor.store.db.pool import Database
from callfloor.store.setup import organisations

CENTRE = """\
[organisation]
name = "NAME"
timezone = "Australia/Sydney"
country = "AU"

[[campaigns]]
name = "Support"
direction = "inbound"
newLeads = { campaign = "Sales", list = "Callers" }

[[campaigns]]
name = "Sales"
direction = "outbound"
newLeads = { list = "Callers" }

[[campaigns.lists]]
name = "Callers"
"""
OF_SUPPORT = '{ campaign = "Sales", list = "Callers" }'


async def test_the_list_for_new_leads_is_written_and_read_back_and_can_be_cleared(db: Database) -> None:
    name = f"Centre {secrets.token_hex(4)}"
    await apply_text(db, CENTRE.replace("NAME", name), "centre.toml")
    row = await organisations.named(db, name)
    assert row is not None
    text = await export_text(db, row)
    assert 'newLeads = {list = "Callers", campaign = "Sales"}' in text
    assert 'newLeads = {list = "Callers"}' in text
    assert await apply_text(db, text, "centre.toml") == []
    cleared = CENTRE.replace("NAME", name).replace(OF_SUPPORT, '""')
    (change,) = await apply_text(db, cleared, "centre.toml")
    assert change.details[0].startswith("newLeads {")
    assert change.details[0].endswith("→ none")


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ('{ campaign = "Sales", list = "Caller" }', "did you mean Callers?"),
        ('{ campaign = "Sale", list = "Callers" }', "did you mean Sales?"),
        ('{ list = "Callers" }', "needs a campaign"),
        ('{ campaign = "Support", list = "Callers" }', "is inbound"),
        ('{ campaign = "Sales" }', "has no list"),
        ('"Callers"', "must be a table"),
        ('{ list = "Callers", campagin = "Sales" }', "campagin"),
    ],
)
async def test_a_list_that_is_not_there_or_that_nobody_dials_is_refused(db: Database, given: str, line: str) -> None:
    text = CENTRE.replace("NAME", f"Centre {secrets.token_hex(4)}").replace(OF_SUPPORT, given)
    with pytest.raises(CentreError) as raised:
        await apply_text(db, text, "centre.toml")
    assert line in str(raised.value)
    assert "centre.toml:9" in str(raised.value)

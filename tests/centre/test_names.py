"""Names in a centre file: composed, without space around them, and with something to see."""

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

[[users]]
username = "jane"
firstName = "Jane"
lastName = "Doe"
type = "agent"

[[campaigns]]
name = "Café"
direction = "outbound"
agents = ["jane"]

[[campaigns.lists]]
name = "One"

[[campaigns.wrapCodes]]
code = 1
description = "Sale"
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"NAME"', '" NAME\\u00a0"'),
        ('name = "Café"', 'name = "Cafe\\u0301 "'),
        ('name = "One"', 'name = "\\ufeffOne\\t"'),
        ('agents = ["jane"]', 'agents = [" jane"]'),
        ('username = "jane"', 'username = "jane\\u200b"'),
        ('description = "Sale"', 'description = "  Sale"'),
    ],
)
async def test_a_name_is_the_same_however_space_stands_around_it(db: Database, old: str, new: str) -> None:
    name = f"Centre {secrets.token_hex(4)}"
    await apply_text(db, CENTRE.replace("NAME", name), "centre.toml")
    assert old in CENTRE
    changed = CENTRE.replace(old, new).replace("NAME", name)
    assert await apply_text(db, changed, "centre.toml") == []
    row = await organisations.named(db, name)
    assert row is not None
    assert 'name = "Café"' in await export_text(db, row)


@pytest.mark.parametrize("empty", ["", " ", "\\t", "\\u00a0", "\\u200b", "\\ufeff \\u3000"])
@pytest.mark.parametrize("key", ['name = "Café"', 'name = "One"', 'username = "jane"', 'description = "Sale"'])
async def test_a_name_of_nothing_that_is_seen_is_refused(db: Database, key: str, empty: str) -> None:
    text = CENTRE.replace("NAME", f"Centre {secrets.token_hex(4)}")
    text = text.replace(key, f'{key.split(" = ", 1)[0]} = "{empty}"')
    with pytest.raises(CentreError, match="is empty"):
        await apply_text(db, text, "centre.toml")


@pytest.mark.parametrize("seconds", ["12.5", '"20"', "0", "true"])
async def test_a_service_level_is_a_whole_number_of_seconds(db: Database, seconds: str) -> None:
    text = CENTRE.replace("NAME", f"Centre {secrets.token_hex(4)}").replace(
        'direction = "outbound"', (f'direction = "inbound"\nserviceLevelSeconds = {seconds}')
    )
    with pytest.raises(CentreError, match="serviceLevelSeconds"):
        await apply_text(db, text, "centre.toml")

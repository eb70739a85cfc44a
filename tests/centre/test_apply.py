from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator

import asyncpg
import pytest

from callfloor import samples
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

[[users]]
username = "max"
firstName = "Max"
lastName = ""
emailAddress = "max@example.com"
timezone = "Australia/Perth"
type = "agent"
accountActive = false

[[leadStatuses]]
code = 100
description = "Brochure"

[[campaigns]]
name = "Sales"
direction = "outbound"
mode = "preview"
agents = ["jane", "max"]
numbers = ["02 5550 0100"]

[campaigns.callingHours]
tuesday = ["10:00-12:00"]
monday = ["09:00-20:00"]

[[campaigns.lists]]
name = "One"

[[campaigns.wrapCodes]]
code = 1
description = "Sale"

[[campaigns.wrapCodes]]
code = 2
description = "No"
"""


@pytest.fixture
def name() -> str:
    return f"Centre {secrets.token_hex(4)}"


@pytest.fixture
def centre(name: str) -> str:
    return CENTRE.replace("NAME", name)


async def lines(db: Database, text: str, *, dry_run: bool = False) -> list[str]:
    return [str(change) for change in await apply_text(db, text, "centre.toml", dry_run=dry_run)]


async def stored(db: Database, name: str) -> str:
    row = await organisations.named(db, name)
    assert row is not None
    return await export_text(db, row)


async def test_a_new_centre_is_made_whole_with_defaults_for_what_is_absent(
    db: Database, name: str, centre: str
) -> None:
    assert await lines(db, centre) == [
        f'+ organisation "{name}"',
        '+ user "jane"',
        '+ user "max"',
        '+ lead status 100: "Brochure"',
        '+ campaign "Sales"',
        '+ agent "jane" of "Sales"',
        '+ agent "max" of "Sales"',
        '+ wrap code 1 of "Sales": "Sale"',
        '+ wrap code 2 of "Sales": "No"',
        '+ list "One" of "Sales"',
    ]
    row = await db.fetchrow(
        "SELECT c.timezone, c.mode, c.active, c.max_attempts, c.numbers, c.calling_hours::text AS hours, s.in_dialler,"
        " s.weight, o.country FROM organisations o JOIN campaigns c USING (organisation_id)"
        " JOIN lists s USING (organisation_id, campaign_id) WHERE o.name = $1",
        name,
    )
    assert row is not None
    assert dict(row) == {
        "timezone": "Australia/Sydney",
        "mode": "preview",
        "active": True,
        "max_attempts": 10,
        "numbers": ["+61255500100"],
        "hours": '{"monday": ["09:00-20:00"], "tuesday": ["10:00-12:00"]}',
        "in_dialler": True,
        "weight": 1,
        "country": "AU",
    }


async def test_applying_again_changes_nothing(db: Database, centre: str) -> None:
    await lines(db, centre)
    assert await lines(db, centre) == []
    assert await lines(db, centre, dry_run=True) == []


async def test_a_dry_run_says_the_same_and_writes_nothing(db: Database, name: str, centre: str) -> None:
    wanted = await lines(db, centre, dry_run=True)
    assert await organisations.named(db, name) is None
    assert await lines(db, centre) == wanted
    before = await stored(db, name)
    changed = centre.replace('name = "One"', 'name = "One"\nweight = 5').replace("Brochure", "Catalogue")
    wanted = await lines(db, changed, dry_run=True)
    assert await stored(db, name) == before
    assert await lines(db, changed) == wanted != []


async def test_every_change_is_shown_with_what_it_was_and_what_it_becomes(db: Database, name: str, centre: str) -> None:
    await lines(db, centre)
    changed = (
        centre.replace('country = "AU"', 'country = "NZ"')
        .replace('lastName = "Doe"', 'lastName = "Roe"\naccountActive = false')
        .replace('emailAddress = "max@example.com"', 'emailAddress = ""')
        .replace('name = "One"', 'name = "One"\nweight = 5\ninDialler = false')
        .replace('"Brochure"', '"Catalogue"')
        .replace('"preview"', '"predictive"\nactive = false')
        .replace('monday = ["09:00-20:00"]\n', "")
        .replace('"02 5550 0100"', '"+61255500100", "+61255500101"')
        .replace('["jane", "max"]', '["max"]')
        .replace('description = "Sale"', 'description = "Sold"')
        .replace("code = 2", "code = 3")
    )
    assert await lines(db, changed) == [
        f'~ organisation "{name}": country "AU" → "NZ"',
        '~ user "jane": lastName "Doe" → "Roe", accountActive true → false',
        '~ user "max": emailAddress "max@example.com" → none',
        '~ lead status 100: description "Brochure" → "Catalogue"',
        '~ campaign "Sales": mode "preview" → "predictive", active true → false,'
        ' numbers ["+61255500100"] → ["+61255500100", "+61255500101"], callingHours'
        ' {monday = ["09:00-20:00"], tuesday = ["10:00-12:00"]} → {tuesday = ["10:00-12:00"]}',
        '- agent "jane" of "Sales"',
        '~ wrap code 1 of "Sales": description "Sale" → "Sold"',
        '+ wrap code 3 of "Sales": "No"',
        '- wrap code 2 of "Sales": "No"',
        '~ list "One" of "Sales": inDialler true → false, weight 1 → 5',
    ]
    assert await lines(db, changed) == []
    assert '"Sold"' in await stored(db, name)


async def test_what_is_absent_from_the_file_stays(db: Database, name: str, centre: str) -> None:
    await lines(db, centre)
    before = await stored(db, name)
    least = f'[organisation]\nname = "{name}"\n\n[[campaigns]]\nname = "Sales"\n[[campaigns.lists]]\nname = "Two"\n'
    assert await lines(db, least) == ['+ list "Two" of "Sales"']
    after = await stored(db, name)
    assert after.replace('\n[[campaigns.lists]]\nname = "Two"\ninDialler = true\nweight = 1\n', "") == before


async def test_empty_agents_and_wrap_codes_remove_them_all(db: Database, name: str, centre: str) -> None:
    await lines(db, centre)
    empty = f'[organisation]\nname = "{name}"\n[[campaigns]]\nname = "Sales"\nagents = []\nwrapCodes = []\n'
    assert await lines(db, empty) == [
        '- agent "jane" of "Sales"',
        '- agent "max" of "Sales"',
        '- wrap code 1 of "Sales": "Sale"',
        '- wrap code 2 of "Sales": "No"',
    ]


async def test_an_empty_string_clears_what_may_be_empty(db: Database, name: str, centre: str) -> None:
    await lines(db, centre)
    cleared = (
        f'[organisation]\nname = "{name}"\n[[users]]\nusername = "max"\nemailAddress = ""\ntimezone = ""\n'
        '[[campaigns]]\nname = "Sales"\nmode = ""\ncallingHours = ""\n'
    )
    assert await lines(db, cleared) == [
        '~ user "max": emailAddress "max@example.com" → none, timezone "Australia/Perth" → none',
        '~ campaign "Sales": mode "preview" → none, callingHours'
        ' {monday = ["09:00-20:00"], tuesday = ["10:00-12:00"]} → none',
    ]


async def test_an_agent_may_stand_in_the_database_only(db: Database, name: str, centre: str) -> None:
    await lines(db, centre)
    more = f'[organisation]\nname = "{name}"\n[[campaigns]]\nname = "Care"\ndirection = "inbound"\nagents = ["max"]\n'
    assert await lines(db, more) == ['+ campaign "Care"', '+ agent "max" of "Care"']


async def test_mistakes_write_nothing(db: Database, name: str, centre: str) -> None:
    with pytest.raises(CentreError):
        await lines(db, centre.replace("code = 2", "code = 0"))
    assert await organisations.named(db, name) is None


async def test_a_failure_halfway_writes_nothing(db: Database, name: str, centre: str) -> None:
    await lines(db, centre)
    before = await stored(db, name)
    changed = centre.replace('"Brochure"', '"Catalogue"') + '\n[[campaigns.lists]]\nname = "Two"\n'
    # another session keeps us from adding a list, which comes last, until our statement gives up
    other = await asyncpg.connect(db.dsn)
    hasty = await Database.connect(db.dsn, size=1, statement_timeout_s=0.2)
    try:
        async with other.transaction():
            await other.execute("LOCK TABLE lists IN SHARE MODE")
            with pytest.raises(Exception, match="nothing was written"):
                await lines(hasty, changed)
    finally:
        await hasty.close()
        await other.close()
    assert await stored(db, name) == before


async def test_names_of_two_organisations_never_meet(db: Database, name: str, centre: str) -> None:
    other = centre.replace(name, f"{name} two")
    await lines(db, centre)
    assert (await lines(db, other))[0] == f'+ organisation "{name} two"'
    changed = other.replace('"Brochure"', '"Catalogue"').replace('["jane", "max"]', "[]")
    before = await stored(db, name)
    await lines(db, changed)
    assert await stored(db, name) == before


async def test_two_applies_at_once_make_one_centre(db: Database, name: str, centre: str) -> None:
    first, second = await asyncio.gather(lines(db, centre), lines(db, centre))
    assert sorted(map(len, (first, second))) == [0, 10]


@pytest.fixture
async def notifications(db: Database) -> AsyncIterator[asyncio.Queue[str]]:
    heard: asyncio.Queue[str] = asyncio.Queue()
    connection = await asyncpg.connect(db.dsn)
    await connection.add_listener("callfloor_tokens", lambda *given: heard.put_nowait(str(given[2])))
    yield heard
    await connection.close()


async def test_a_changed_organisation_empties_the_token_caches(
    db: Database, centre: str, notifications: asyncio.Queue[str]
) -> None:
    await lines(db, centre)
    changed = centre.replace("Australia/Sydney", "Australia/Hobart")
    await lines(db, changed, dry_run=True)
    assert notifications.empty()
    await lines(db, changed)
    assert await asyncio.wait_for(notifications.get(), 5) == "callfloor_tokens"


async def test_the_sample_centre_is_taken(db: Database, name: str) -> None:
    text = samples.centre().replace("Sample Centre", name)
    assert len(await lines(db, text)) > 10
    assert await lines(db, text) == []
    assert await lines(db, await stored(db, name)) == []

"""Who leads a campaign."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from uuid import uuid4

import pytest

from callfloor.engine.leases import Leases, groups
from callfloor.floor.plan import CampaignKey
from callfloor.store.db import leases
from callfloor.store.db.pool import Database
from tests.conftest import Centre


@pytest.fixture
async def engines(dsn: str, db: Database) -> AsyncGenerator[Callable[[], Leases], None]:
    made: list[Leases] = []

    def engine() -> Leases:
        made.append(Leases(dsn, db, uuid4(), lambda _: None, lambda _: None))
        return made[-1]

    yield engine
    for each in made:
        await each.close()


@pytest.fixture
async def campaigns(db: Database, centre: Centre) -> list[CampaignKey]:
    keys = [CampaignKey(centre.organisation, centre.outbound)]
    for name in ("B", "C", "D"):
        found = await db.fetchval(
            "INSERT INTO campaigns (organisation_id, name, direction, timezone)"
            " VALUES ($1, $2, 'outbound', 'Australia/Sydney') RETURNING campaign_id",
            *(centre.organisation, name),
        )
        keys.append(CampaignKey(centre.organisation, found))
    return keys


def test_campaigns_that_share_agents_directly_or_through_others_go_together() -> None:
    keys = [CampaignKey(1, number) for number in range(1, 6)]
    agents = dict(zip(keys, ([7, 8], [8, 9], [9], [1], []), strict=True))
    assert groups(agents) == [frozenset(keys[:3]), frozenset({keys[3]}), frozenset({keys[4]})]
    # the same number is another agent in another organisation
    assert len(groups({CampaignKey(1, 1): [7], CampaignKey(2, 2): [7]})) == 2


async def test_engines_share_the_campaigns_and_one_that_goes_is_replaced(
    engines: Callable[[], Leases], campaigns: list[CampaignKey]
) -> None:
    first, second = engines(), engines()
    wanted = groups(dict.fromkeys(campaigns, ()))
    for engine in (first, second):
        await engine.round([])
    for engine in (first, second):
        await engine.round(wanted)
    assert len(first.held) == len(second.held) == 2
    assert first.held | second.held == set(campaigns)
    await second.close()
    await first.round(wanted)
    assert first.held == set(campaigns)


async def test_a_group_is_led_whole_or_not_at_all(
    engines: Callable[[], Leases], campaigns: list[CampaignKey], db: Database
) -> None:
    first, second = engines(), engines()
    await first.round([frozenset({campaigns[1]})])
    await second.round([frozenset(campaigns[:3]), frozenset({campaigns[3]})])
    assert second.held == {campaigns[3]}
    # a campaign that is gone is given back
    await first.round([])
    await second.round([frozenset(campaigns[:3])])
    assert second.held == set(campaigns[:3])
    assert await leases.holds(db, *campaigns[0], second._engine)
    assert not await leases.holds(db, *campaigns[0], first._engine)

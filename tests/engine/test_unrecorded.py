"""Calls of a campaign that does not record say so, each leg of them."""

from __future__ import annotations

import msgspec
import pytest

from callfloor.contract.workspace import CompleteTransfer
from callfloor.floor.plan import CampaignKey
from callfloor.settings import Settings
from callfloor.store.db.pool import Database
from tests.conftest import Centre, alone
from tests.engine.books import equals
from tests.engine.test_inbound import QUEUE, SETTINGS, Exchange, calls, consulted, exchange, own
from tests.waiting import until

pytestmark = pytest.mark.parametrize("dsn", alone(__name__), indirect=True, scope="session")
__all__ = ["own"]


async def _records(up: Exchange, key: CampaignKey) -> bool:
    plan = up.floor.queues.plan(key)
    return plan is None or plan.record


async def test_each_leg_of_a_campaign_that_does_not_record_says_so(
    centre: Centre, own: Database, settings: Settings
) -> None:
    async with exchange(centre, own, settings, QUEUE) as (up, number, agents):
        await own.execute(
            "UPDATE campaigns SET dialling = $2 WHERE organisation_id = $1",
            *(centre.organisation, msgspec.json.encode(SETTINGS | {"record": False}).decode()),
        )
        await until(lambda: equals(_records(up, CampaignKey(centre.organisation, centre.inbound)), False))
        has_it, _ = await consulted(centre, up, number, agents)
        assert await up.do(has_it, CompleteTransfer()) is None
        await until(lambda: equals(_told(centre), ["disabled", None, "disabled"]))


async def _told(centre: Centre) -> list[str | None]:
    return [call["recordingStatus"] for call in await calls(centre)]

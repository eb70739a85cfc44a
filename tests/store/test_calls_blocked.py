"""Numbers that must not be dialled, and agents' presence."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from callfloor.store.agents import agents
from callfloor.store.calls import attempts
from callfloor.store.db.pool import Database
from callfloor.store.privacy import do_not_call
from tests.conftest import Centre
from tests.store.call_day import add_leads, new_attempt

NOW = datetime.now(UTC)
KEY = b"k" * 32
JANE, JOE = "+61491570156", "+61491570157"
HOUR = timedelta(hours=1)


async def blocked(db: Database, centre: Centre, campaign_id: int, now: datetime = NOW) -> frozenset[str]:
    return await do_not_call.blocked(db, centre.organisation, KEY, campaign_id, [JANE, JOE], now)


async def test_a_number_is_blocked_for_its_campaign_or_for_the_whole_organisation(
    db: Database, centre: Centre, other_centre: Centre
) -> None:
    await do_not_call.add(db, centre.organisation, KEY, JANE, NOW, campaign_id=centre.outbound)
    await do_not_call.add(db, centre.organisation, KEY, JOE, NOW)
    assert await blocked(db, centre, centre.outbound) == {JANE, JOE}
    assert await blocked(db, centre, centre.inbound) == {JOE}
    assert await blocked(db, other_centre, centre.outbound) == frozenset()
    other_key = await do_not_call.blocked(db, centre.organisation, b"x" * 32, centre.outbound, [JANE], NOW)
    assert other_key == frozenset()


@pytest.mark.parametrize(
    ("times", "until"),
    [
        ([NOW + HOUR], NOW + HOUR),
        ([NOW + HOUR, NOW + 2 * HOUR], NOW + 2 * HOUR),
        ([NOW + 2 * HOUR, NOW + HOUR], NOW + 2 * HOUR),
        ([NOW + HOUR, None], None),
        ([None, NOW + HOUR], None),
    ],
)
async def test_a_block_lasts_for_the_longest_time_that_it_was_given(
    db: Database, centre: Centre, times: list[datetime | None], until: datetime | None
) -> None:
    for expires_at in times:
        await do_not_call.add(db, centre.organisation, KEY, JANE, NOW, expires_at=expires_at)
    if until is None:
        assert await blocked(db, centre, 1, NOW + timedelta(days=9999)) == {JANE}
    else:
        assert await blocked(db, centre, 1, until - timedelta(microseconds=1)) == {JANE}
        assert await blocked(db, centre, 1, until) == frozenset()


@pytest.mark.parametrize("mode", ["progressive", "predictive", "preview", "manual"])
@pytest.mark.parametrize(
    ("of_campaign", "expires", "dialled"),
    [
        ("none", None, False),
        ("this", None, False),
        ("this", HOUR, False),
        ("none", -HOUR, True),
        ("none", timedelta(), True),
        ("other", None, True),
    ],
)
async def test_a_number_that_is_blocked_after_it_was_judged_is_not_dialled(
    db: Database, centre: Centre, mode: str, of_campaign: str, expires: timedelta | None, *, dialled: bool
) -> None:
    (lead, other) = await add_leads(db, centre, 2)
    judged = [new_attempt(centre, lead, mode=mode), new_attempt(centre, other, mode=mode)]
    campaign = {"none": 0, "this": centre.outbound, "other": centre.inbound}[of_campaign]
    await block(db, centre, judged[0].phone_number, campaign, None if expires is None else NOW + expires)
    started = await attempts.start(db, centre.organisation, judged, NOW)
    assert [each is not None for each in started] == [dialled, True]


async def test_a_number_of_nobodys_lead_that_is_blocked_meanwhile_is_not_dialled_by_hand(
    db: Database, centre: Centre
) -> None:
    by_hand = attempts.NewAttempt(centre.outbound, None, None, JOE, "manual", agent_id=centre.agent)
    await block(db, centre, JOE, 0, None)
    assert await attempts.start(db, centre.organisation, [by_hand], NOW) == [None]


async def block(db: Database, centre: Centre, number: str, campaign: int, expires_at: datetime | None) -> None:
    key = await db.fetchval("SELECT hash_key FROM organisations WHERE organisation_id = $1", centre.organisation)
    await do_not_call.add(db, centre.organisation, key, number, NOW, campaign_id=campaign, expires_at=expires_at)


async def test_what_is_asked_for_during_a_call_takes_effect_when_it_ends(db: Database, centre: Centre) -> None:
    org, agent = centre.organisation, centre.agent
    assert await agents.make_ready(db, org, agent, NOW)
    await agents.show(db, org, agent, "on-call", None, NOW)
    await agents.pause(db, org, agent, NOW)
    assert await agents.state(db, org, agent) == "on-call"
    await agents.show(db, org, agent, "on-wrap", None, NOW)
    assert await agents.call_ended(db, org, agent, NOW) == "paused"
    assert await agents.call_ended(db, org, agent, NOW) is None
    assert await agents.make_ready(db, org, agent, NOW)
    await agents.show(db, org, agent, "dialling", None, NOW)
    assert await agents.call_ended(db, org, agent, NOW) == "ready"


async def test_an_agent_whose_phone_was_lost_is_paused_after_the_call(db: Database, centre: Centre) -> None:
    org, agent = centre.organisation, centre.agent
    await agents.show(db, org, agent, "on-call", None, NOW)
    await agents.set_phone_reachable(db, org, agent, False, NOW)
    assert not await agents.make_ready(db, org, agent, NOW)
    assert await agents.call_ended(db, org, agent, NOW) == "paused"

"""However many engines place calls at once: no organisation and no agent calls more in a day than its limits allow."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from callfloor.contract.codes import DialStatus
from callfloor.contract.destinations import Destinations
from callfloor.contract.workspace import Refusal
from callfloor.engine.campaigns import CampaignSettings
from callfloor.floor.plan import Claimed
from callfloor.rules.dialling.destinations import policy_of
from callfloor.samples import fiction_number
from callfloor.store.calls import attempts, spending
from callfloor.store.db.pool import Database
from tests.conftest import Centre, make_centre
from tests.engine.test_one_number import Engine, campaign
from tests.engine.test_selection import NOON
from tests.store.call_day import add_leads

OUTSIDE = "+61491570313"


class Limited(Engine):
    """An engine that knows of limits."""

    async def limit(self, limits: Destinations, at: datetime = NOON) -> None:
        found = await self.open(at)
        plan = replace(found.plan, destinations=policy_of(limits, "AU", ()), organisation_zone="Australia/Sydney")
        self._campaigns[self.key] = CampaignSettings(found.setup, plan)

    async def consult(self, agent: int, at: datetime) -> Refusal | None:
        return await self._selection.may_ring(self._campaigns[self.key].plan, agent, OUTSIDE, at.timestamp())

    async def give_back(self, agent: int) -> None:
        await self._selection.limits.give_back(self._campaigns[self.key].plan, agent)


async def two(db: Database, centre: Centre, leads: int, limits: Destinations) -> list[Limited]:
    """Two engines, each with a campaign of the organisation that has so many leads."""
    other, other_list = await campaign(db, centre, "Other", None, None)
    await add_leads(db, centre, leads)
    await add_leads(db, centre, leads, list_id=other_list)
    await db.execute("UPDATE leads SET timezone = 'Australia/Sydney' WHERE organisation_id = $1", centre.organisation)
    engines = [Limited(db, centre, each) for each in (centre.outbound, other)]
    for engine in engines:
        await engine.limit(limits)
    return engines


async def placed(db: Database, centre: Centre) -> int:
    return await db.fetchval("SELECT count(*) FROM attempts WHERE organisation_id = $1", centre.organisation)


_WORK = st.lists(
    st.tuples(st.integers(0, 1), st.sampled_from(("claim", "claim", "hand", "consult")), st.integers(1, 5)),
    min_size=2,
    max_size=12,
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(work=_WORK, whole=st.integers(0, 12), own=st.integers(0, 4))
async def test_two_engines_at_once_never_pass_a_limit_and_leave_nothing_of_it(
    db: Database, app: Any, work: list[tuple[int, str, int]], whole: int, own: int
) -> None:
    centre = await make_centre(db, app)
    engines = await two(db, centre, 20, Destinations(calls_per_day=whole, agent_calls_per_day=own))
    by_agent = consulted = 0

    async def do(number: int, which: int, what: str, count: int) -> None:
        nonlocal by_agent, consulted
        if what == "claim":
            await engines[which].claim(count, NOON)
        elif what == "hand":
            answer = await engines[which].by_hand(centre.agent, f"+61{fiction_number(90_000 + number)[1:]}", None, NOON)
            by_agent += isinstance(answer, Claimed)
        else:
            granted = await engines[which].consult(centre.agent, NOON) is None
            by_agent, consulted = by_agent + granted, consulted + granted

    await asyncio.gather(*(do(number, *each) for number, each in enumerate(work)))
    assert by_agent <= own
    assert await placed(db, centre) + consulted <= whole
    # what the limit still allows is placed, by whichever asks
    for engine in engines:
        await engine.claim(20, NOON)
    assert await placed(db, centre) + consulted == whole


async def test_a_limit_that_comes_in_the_middle_of_a_day_counts_what_was_called_before(
    db: Database, centre: Centre
) -> None:
    first, second = await two(db, centre, 10, Destinations())
    assert len(await first.claim(4, NOON)) == 4
    await second.limit(Destinations(calls_per_day=6))
    assert len(await second.claim(5, NOON)) == 2
    # one that had not heard of it yet has called meanwhile
    assert len(await first.claim(3, NOON)) == 3
    await second.limit(Destinations(calls_per_day=10))
    assert len(await second.claim(5, NOON + timedelta(minutes=2))) == 1


async def test_a_day_of_the_organisation_begins_at_its_midnight(db: Database, centre: Centre) -> None:
    engine, _ = await two(db, centre, 10, Destinations(calls_per_day=2))
    assert len(await engine.claim(5, NOON)) == 2
    late = NOON + timedelta(hours=11, minutes=59)
    assert await engine.claim(5, late) == []
    assert len(await engine.claim(5, late + timedelta(minutes=2))) == 2
    # whose clock is behind counts with the others' day
    assert await engine.claim(5, late) == []


async def test_minutes_are_held_to_their_limit_while_calls_go_on(db: Database, centre: Centre) -> None:
    first, second = await two(db, centre, 10, Destinations(minutes_per_day=10))
    calls = await first.claim(5, NOON)
    for call in calls:
        await attempts.answered(db, centre.organisation, call.call, NOON)
    # five that are up are ten minutes after two
    early = NOON + timedelta(seconds=115)
    assert len(await second.claim(1, early)) == 1
    # not counted again yet, taken for what they can have become
    assert await second.claim(1, early + timedelta(seconds=4.9)) == []
    # the sixth was not answered: there is a second left of the ten minutes when they are counted
    assert len(await second.claim(1, NOON + timedelta(seconds=119.9))) == 0
    assert await second.claim(1, NOON + timedelta(seconds=121)) == []
    for call in calls:
        await first.over(call, DialStatus.ANSWERED, NOON + timedelta(seconds=122))
    assert await first.claim(1, NOON + timedelta(hours=1)) == []


async def test_a_number_outside_that_was_not_called_after_all_is_given_back(db: Database, centre: Centre) -> None:
    engine, other = await two(db, centre, 1, Destinations(agent_calls_per_day=1))
    assert await engine.consult(centre.agent, NOON) is None
    refusal = await other.consult(centre.agent, NOON)
    assert refusal is not None
    assert refusal.code == "limit-reached"
    await engine.give_back(centre.agent)
    assert await other.consult(centre.agent, NOON) is None


async def test_the_records_count_by_agent_as_the_day_does(db: Database, centre: Centre) -> None:
    engine, _ = await two(db, centre, 2, Destinations(agent_calls_per_day=5, calls_per_day=9))
    await engine.claim(2, NOON)
    await engine.by_hand(centre.agent, OUTSIDE, None, NOON)
    since, now = NOON - timedelta(hours=1), NOON + timedelta(minutes=1)
    rows = {row["agent_id"]: row["calls"] for row in await spending.spent(db, centre.organisation, since, now)}
    assert rows == {None: 2, centre.agent: 1}
    for whose, calls in ((spending.WHOLE, 3), (centre.agent, 1)):
        async with db.transaction():
            row: Any = await spending.count(db, centre.organisation, whose, since, now)
        assert (row["calls"], row["counted_calls"], row["up"]) == (calls, calls, calls)


@pytest.mark.parametrize("limits", [Destinations(), Destinations(agent_calls_per_day=3)])
async def test_dialled_leads_hold_no_row_where_they_have_no_limit(
    db: Database, centre: Centre, limits: Destinations
) -> None:
    engine, _ = await two(db, centre, 3, limits)
    assert len(await engine.claim(3, NOON)) == 3
    assert await db.fetchval("SELECT count(*) FROM calls_spent WHERE organisation_id = $1", centre.organisation) == 0

"""Why nobody is dialled: the counts of a campaign are the sums of what is said of each of its leads."""

from __future__ import annotations

import math
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from callfloor.engine.leads.explain import explain
from callfloor.engine.leads.explain_campaign import explain_campaign
from callfloor.rules.dialling.not_dialling import MEANINGS
from callfloor.store.agents import agents
from callfloor.store.db.pool import Database
from callfloor.store.people import tokens
from callfloor.store.privacy import do_not_call
from callfloor.store.setup import campaigns
from tests.conftest import Centre

ADMIN = "http://callfloor.test/admin/v1"
NUMBERS = [f"+614915701{n}" for n in (56, 57, 58, 59)] + ["+12125550123", "+442079460123", None]
TUESDAY = datetime(2026, 11, 24, 23, 30, tzinfo=UTC)  # 10:30 in Sydney


async def fill(db: Database, centre: Centre, count: int, seed: int) -> None:
    """Leads of all sorts in two lists, one of which is not dialled."""
    chance = random.Random(seed)
    off = {"listName": "Off", "campaignId": centre.outbound, "inDialler": False}
    lists = [centre.list_id, (await centre.client.post("/leads/lists", json=off)).json()["listId"]]
    rows = [
        (
            centre.organisation,
            chance.choice(lists),
            chance.choice(NUMBERS),
            chance.choice([0, 0, 2, 4, 5, 11, 9, 10]),
            TUESDAY if chance.random() < 0.1 else None,
            chance.choice([None, TUESDAY + timedelta(hours=chance.randint(-3, 60))]),
            chance.choice([0, 1, 5, 10]),
            chance.choice([None, None, "Europe/London", "Australia/Perth"]),
            chance.choice([None, centre.agent, centre.user]),
            chance.choice([None, None, TUESDAY - timedelta(hours=2)]),
        )
        for _ in range(count)
    ]
    columns = ("organisation_id", "list_id", "phone1", "status_code", "completed_at", "next_attempt_at", "attempts",
               "timezone", "agent_id", "abandoned_at")  # fmt: skip
    await db.copy("leads", columns, rows)
    key = await do_not_call.key(db, centre.organisation)
    await do_not_call.add(db, centre.organisation, key, "+61491570158", TUESDAY)


async def of_each(db: Database, centre: Centre, now: datetime) -> tuple[Counter[str | None], Counter[datetime]]:
    """What is said of every lead by itself."""
    firsts: Counter[str | None] = Counter()
    hours: Counter[datetime] = Counter()
    for row in await db.fetch("SELECT lead_id FROM leads WHERE organisation_id = $1", centre.organisation):
        explained = await explain(db, centre.organisation, row["lead_id"], now)
        assert explained is not None
        firsts[next((each.rule for each in explained.verdict.rules if not each.passed), None)] += 1
        at = explained.verdict.next_dial_at
        if at is not None and not explained.verdict.dialable:
            hours[at.replace(minute=0, second=0, microsecond=0)] += 1
    return firsts, hours


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("regime", ["AU", "none"])
async def test_the_counts_are_the_sums_of_what_is_said_of_each_lead(
    db: Database, centre: Centre, regime: str, seed: int
) -> None:
    await fill(db, centre, 120, seed)
    setting = {"campaigns": [{"name": "Support Outbound", "regime": regime, "maxAttempts": 6, "maxAttemptsPerDay": 2}]}
    assert (await centre.client.post(f"{ADMIN}/centre/apply", json=setting)).status_code == 200
    now = TUESDAY + timedelta(hours=5 * seed)
    firsts, hours = await of_each(db, centre, now)
    found = await explain_campaign(db, centre.organisation, centre.outbound, now)
    assert found is not None
    assert (found.margin, found.one_in) == (0.0, 1)
    assert dict(found.kept_out) == {rule: count for rule, count in firsts.items() if rule is not None}
    assert found.dialable == firsts[None]
    assert found.dialable + sum(count for _, count in found.kept_out) == found.leads == 120
    day = now + timedelta(hours=24)
    assert sum(count for _, count in found.opens) + found.later == hours.total()
    assert dict(found.opens) == {hour: count for hour, count in hours.items() if dict(found.opens).get(hour)}
    assert all(hour < day for hour, _ in found.opens)
    assert dict(found.kept_out).keys() <= MEANINGS.keys()


async def test_of_many_leads_some_are_judged_and_the_shares_are_near(db: Database, centre: Centre) -> None:
    await fill(db, centre, 6000, 7)
    exact = await explain_campaign(db, centre.organisation, centre.outbound, TUESDAY, judged=10_000)
    assert exact is not None
    for judged in (700, 20):
        found = await explain_campaign(db, centre.organisation, centre.outbound, TUESDAY, judged=judged)
        assert found is not None
        one_in = math.ceil((6000 - exact.completed) / judged)
        assert (found.one_in, found.leads, found.completed) == (one_in, 6000, exact.completed)
        # about as many as were asked for, whatever the number of leads
        assert abs(found.judged - judged) < 5 * math.sqrt(judged)
        assert found.margin > 0
        assert found.dialable + sum(count for _, count in found.kept_out) == 6000
        if judged == 700:
            # four deviations: one run in ten thousand would fail, were the seed another each time
            for rule, count in exact.kept_out:
                assert abs(dict(found.kept_out).get(rule, 0) - count) <= 2 * found.margin * 6000, rule


async def waits_for(centre: Centre) -> list[str]:
    answer = await centre.client.get(f"{ADMIN}/campaigns/{centre.outbound}/explain")
    assert answer.status_code == 200, answer.text
    return [each["reason"] for each in answer.json()["waitsFor"]]


async def test_what_pacing_waits_for_is_said(db: Database, centre: Centre) -> None:
    assert await waits_for(centre) == ["floor", "leads", "agents"]
    await centre.client.post("/leads", json={"listId": centre.list_id, "phone1": "0491570156"})
    assert await waits_for(centre) == ["floor", "agents"]
    commands = f"{ADMIN}/campaigns/{centre.outbound}/commands"
    await centre.client.post(commands, json={"action": "setLines", "maxLines": 0})
    assert await waits_for(centre) == ["floor", "agents", "lines"]
    await centre.client.post(commands, json={"action": "stop"})
    assert (await waits_for(centre))[:2] == ["stopped", "floor"]
    await centre.client.post(commands, json={"action": "start"})
    await agents.make_ready(db, centre.organisation, centre.agent, datetime.now(UTC))
    assert await waits_for(centre) == ["floor", "lines"]
    inbound = await centre.client.get(f"{ADMIN}/campaigns/{centre.inbound}/explain")
    assert [each["reason"] for each in inbound.json()["waitsFor"]] == ["inbound"]


async def test_a_campaign_is_explained_to_its_own_organisation_with_the_scope(
    db: Database, centre: Centre, other_centre: Centre
) -> None:
    path = f"{ADMIN}/campaigns/{centre.outbound}/explain"
    assert (await other_centre.client.get(path)).status_code == 404
    token = await tokens.create(db, centre.organisation, "reader", ["leads:read"])
    refused: Any = await centre.client.get(path, headers={"Authorization": f"Bearer {token}"})
    assert refused.status_code == 403
    setup = await campaigns.get(db, centre.organisation, centre.outbound)
    assert setup is not None

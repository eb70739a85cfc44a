"""A number is on one call at a time in an organisation, and its limits hold over all its leads, whoever dials."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import msgspec
import pytest

from callfloor.contract.codes import DialStatus, LeadStatus
from callfloor.contract.workspace import Refusal
from callfloor.engine.campaigns import past_of
from callfloor.floor.plan import CampaignKey, Claimed
from callfloor.rules.dialling.pacing import Pacer
from callfloor.rules.evidence.packing import unpack
from callfloor.store.calls import activities, attempts, legs
from callfloor.store.db.pool import Database
from tests.conftest import Centre
from tests.engine.test_selection import NOON, Dialler
from tests.factories import answer, inbound_call
from tests.store.call_day import add_leads

# Few enough that they collide all the time.
NUMBERS = ("+61491570006", "+61491570156", "+61491570157", "+61491570158")
RECYCLE = dict.fromkeys(range(2, 9), 40)
ENDS = (DialStatus.NO_ANSWER, DialStatus.BUSY, DialStatus.ANSWERED, DialStatus.ABANDONED, DialStatus.CANCELLED)


class Engine(Dialler):
    """An engine that leads one of an organisation's campaigns."""

    def __init__(self, db: Database, centre: Centre, campaign: int) -> None:
        super().__init__(db, centre, uuid4())
        self.key = CampaignKey(centre.organisation, campaign)

    async def by_hand(self, agent: int, number: str, lead: int | None, at: datetime) -> Claimed | Refusal:
        plan = self._campaigns[self.key].plan
        return await self._selection.by_hand(plan, agent, number, lead, at.timestamp())


async def campaign(db: Database, centre: Centre, name: str, per_number: int | None, per_day: int | None) -> list[int]:
    """Another outbound campaign: its id and its list's."""
    dialling = {"regime": "none", "strategy": "any", "maxAttemptsPerNumber": per_number, "maxAttemptsPerDay": per_day}
    campaign_id = await db.fetchval(
        "INSERT INTO campaigns (organisation_id, name, direction, timezone, mode, max_attempts, dialling)"
        " VALUES ($1, $2, 'outbound', 'Australia/Sydney', 'progressive', 1000, $3) RETURNING campaign_id",
        *(centre.organisation, name, msgspec.json.encode(dialling).decode()),
    )
    await db.execute("INSERT INTO campaign_agents VALUES ($1, $2, $3)", centre.organisation, campaign_id, centre.agent)
    list_id = await db.fetchval(
        "INSERT INTO lists (organisation_id, campaign_id, name) VALUES ($1, $2, 'One') RETURNING list_id",
        *(centre.organisation, campaign_id),
    )
    return [campaign_id, list_id]


async def strategy(db: Database, centre: Centre) -> None:
    outcomes = {status: {"recycleMinutes": minutes} for status, minutes in RECYCLE.items()}
    await db.execute(
        "INSERT INTO strategies (organisation_id, name, outcomes) VALUES ($1, 'any', $2)",
        *(centre.organisation, msgspec.json.encode(outcomes).decode()),
    )


async def leads_of(db: Database, centre: Centre, list_id: int, phones: Sequence[Sequence[str | None]]) -> list[int]:
    ids = await add_leads(db, centre, len(phones), list_id=list_id)
    for lead_id, (first, second) in zip(ids, phones, strict=True):
        await db.execute(
            "UPDATE leads SET phone1 = $2, phone2 = $3, timezone = 'Australia/Sydney' WHERE lead_id = $1",
            *(lead_id, first, second),
        )
    return ids


@dataclass
class Limits:
    per_number: int | None
    per_day: int | None


async def check(db: Database, centre: Centre, limits: dict[int, Limits], promised: dict[int, datetime]) -> int:
    """Look at the rows alone. Returns how many attempts there are."""
    rows = await db.fetch(
        "SELECT * FROM attempts WHERE organisation_id = $1 ORDER BY dialled_at, attempt_id", centre.organisation
    )
    forever = datetime.max.replace(tzinfo=UTC)
    for place, row in enumerate(rows):
        before = [each for each in rows[:place] if each["phone_number"] == row["phone_number"]]
        at, limit = row["dialled_at"], limits[row["campaign_id"]]
        assert all((each["hang_up_at"] or forever) <= at for each in before), "two calls at once"
        assert limit.per_number is None or len(before) < limit.per_number, "over the number's limit"
        day = at.astimezone(NOON.tzinfo).date()
        today = [each for each in before if each["dialled_at"].date() == day]
        assert limit.per_day is None or len(today) < limit.per_day, "over the number's limit of a day"
        last = before[-1] if before else None
        if last is None or row["mode"] == "manual" or last["lead_id"] == row["lead_id"]:
            continue
        rests = last["hang_up_at"] + timedelta(minutes=40)
        due = promised.get(row["lead_id"])
        assert at >= rests or (due is not None and due > last["dialled_at"]), "the number rests"
    return len(rows)


@pytest.mark.parametrize("seed", range(12))
async def test_no_number_is_on_two_calls_or_over_its_limits_whoever_dials(
    db: Database, centre: Centre, seed: int
) -> None:
    luck = random.Random(seed)
    await strategy(db, centre)
    engines: list[Engine] = []
    limits: dict[int, Limits] = {}
    leads: dict[int, int] = {}
    promised: dict[int, datetime] = {}
    # in a zone whose day is UTC's, so that whoever checks needs no calendar
    for name in ("One", "Two"):
        limit = Limits(luck.choice([None, 1, 3]), luck.choice([None, 2]))
        campaign_id, list_id = await campaign(db, centre, f"Guarded {name}", limit.per_number, limit.per_day)
        phones = [(luck.choice(NUMBERS), luck.choice([None, None, *NUMBERS])) for _ in range(6)]
        ids = await leads_of(db, centre, list_id, phones)
        await db.execute("UPDATE leads SET timezone = 'Etc/UTC' WHERE lead_id = ANY($1::bigint[])", ids)
        for lead_id in luck.sample(ids, 2):
            promised[lead_id] = NOON + timedelta(minutes=luck.randrange(0, 300))
            await db.execute(
                "UPDATE leads SET status_code = $2, next_attempt_at = $3 WHERE lead_id = $1",
                *(lead_id, LeadStatus.CALLBACK_QUEUE, promised[lead_id]),
            )
        limits[campaign_id] = limit
        leads |= dict.fromkeys(ids, campaign_id)
        engines.append(Engine(db, centre, campaign_id))
        await engines[-1].open(NOON)
    at, up = NOON, list[tuple[Engine, Claimed]]()

    async def claim(engine: Engine) -> list[tuple[Engine, Claimed]]:
        return [(engine, call) for call in await engine.claim(luck.randint(1, 4), at)]

    async def by_hand(engine: Engine) -> list[tuple[Engine, Claimed]]:
        number = luck.choice(NUMBERS)
        found = await engine.by_hand(centre.agent, number, None, at)
        return [] if isinstance(found, Refusal) else [(engine, found)]

    for _ in range(30):
        # in the same moment, on connections of their own
        work = [luck.choice([claim, claim, by_hand])(engine) for engine in engines for _ in range(2)]
        for calls in await asyncio.gather(*work):
            up += calls
        await check(db, centre, limits, promised)
        at += timedelta(minutes=luck.randint(1, 25))
        for engine, call in [each for each in up if luck.random() < 0.6]:
            up.remove((engine, call))
            await engine.over(call, luck.choice(ENDS), at)
    made = await check(db, centre, limits, promised)
    assert made > 2, "nothing was dialled: nothing was tried"


@pytest.mark.parametrize("turn", range(10))
async def test_of_two_engines_that_want_one_number_at_one_moment_exactly_one_gets_it(
    db: Database, centre: Centre, turn: int
) -> None:
    await strategy(db, centre)
    engines: list[Engine] = []
    for name in ("One", "Two"):
        campaign_id, list_id = await campaign(db, centre, f"Race {name}", 1, None)
        await leads_of(db, centre, list_id, [(NUMBERS[0], None)])
        engines.append(Engine(db, centre, campaign_id))
        await engines[-1].open(NOON)
    work = [*(engine.claim(1, NOON) for engine in engines), engines[0].by_hand(centre.agent, NUMBERS[0], None, NOON)]
    results = await asyncio.gather(*work)
    assert sum(isinstance(each, Claimed) or (isinstance(each, list) and bool(each)) for each in results) == 1


async def test_the_next_lead_of_a_number_is_told_what_it_waits_for_and_dialled_when_that_is_over(
    db: Database, centre: Centre
) -> None:
    await strategy(db, centre)
    campaign_id, list_id = await campaign(db, centre, "Alone", 2, None)
    first, _, third = await leads_of(db, centre, list_id, [(NUMBERS[0], None)] * 3)
    engine = Engine(db, centre, campaign_id)
    await engine.open(NOON)
    (call,) = await engine.claim(5, NOON)
    assert call.lead == first
    assert await engine.claim(5, NOON) == []
    refusal = await engine.by_hand(centre.agent, NUMBERS[0], None, NOON)
    assert isinstance(refusal, Refusal)
    assert (refusal.code, f"attempt {call.call}" in refusal.detail) == ("refused-number", True)
    end = NOON + timedelta(minutes=1)
    await engine.over(call, DialStatus.NO_ANSWER, end)
    fresh = Engine(db, centre, campaign_id)
    await fresh.open(end)
    assert await fresh.claim(5, end) == []
    later = end + timedelta(minutes=40)
    (again,) = await fresh.claim(5, later + timedelta(seconds=10))
    row = await db.fetchval("SELECT packed FROM evidence WHERE attempt_id = $1", again.call)
    said = msgspec.json.decode(unpack(row))
    assert (said["attemptsOfNumber"], said["attemptsOfNumberDays"]) == (1, 30)
    assert "its number is on none" in said["rules"]["in-flight"]
    await fresh.over(again, DialStatus.NO_ANSWER, later + timedelta(minutes=1))
    # two of at most two: nobody dials it any more, not by hand either
    much_later = later + timedelta(days=2)
    assert await fresh.claim(5, much_later) == []
    assert isinstance(await fresh.by_hand(centre.agent, NUMBERS[0], third, much_later), Refusal)
    # but in a month nobody remembers, as long as it is another lead
    month = Engine(db, centre, campaign_id)
    await month.open(later + timedelta(days=31))
    assert len(await month.claim(5, later + timedelta(days=31))) == 1


async def test_what_is_on_the_line_without_a_record_is_not_dialled(db: Database, centre: Centre) -> None:
    await strategy(db, centre)
    campaign_id, list_id = await campaign(db, centre, "Alone", None, None)
    await leads_of(db, centre, list_id, [(NUMBERS[0], None), (NUMBERS[1], None)])
    engine = Engine(db, centre, campaign_id)
    await engine.open(NOON)
    engine._selection.on_line = lambda _: {NUMBERS[0]: "an agent has called it"}
    assert [each.number for each in await engine.claim(5, NOON)] == [NUMBERS[1]]
    refusal = await engine.by_hand(centre.agent, NUMBERS[0], None, NOON)
    assert isinstance(refusal, Refusal)


async def test_a_caller_on_the_line_is_neither_dialled_nor_dialled_by_hand(db: Database, centre: Centre) -> None:
    await strategy(db, centre)
    campaign_id, list_id = await campaign(db, centre, "Alone", None, None)
    await leads_of(db, centre, list_id, [(NUMBERS[0], None)])
    call = (centre.inbound, NUMBERS[0], "+61255501234")
    leg = await inbound_call(db, centre.organisation, *call, NOON)
    engine = Engine(db, centre, campaign_id)
    await engine.open(NOON)
    assert await engine.claim(1, NOON) == []
    assert isinstance(await engine.by_hand(centre.agent, NUMBERS[0], None, NOON), Refusal)
    await activities.hang_up(db, centre.organisation, leg, NOON)
    assert isinstance(await engine.by_hand(centre.agent, NUMBERS[0], None, NOON), Claimed)


async def test_a_number_outside_that_an_agent_has_called_is_not_dialled_by_another_engine(
    db: Database, centre: Centre
) -> None:
    await strategy(db, centre)
    campaign_id, list_id = await campaign(db, centre, "Alone", None, None)
    await leads_of(db, centre, list_id, [(NUMBERS[0], None)])
    call = (centre.inbound, NUMBERS[1], "+61255501234")
    leg = await inbound_call(db, centre.organisation, *call, NOON)
    await activities.join_queue(db, centre.organisation, leg, NOON)
    await answer(db, centre.organisation, leg, centre.agent, NOON)
    (child,) = await legs.reserve_ids(db, 1)
    outside = legs.Leg(child, centre.inbound, "outside", outside_number=NUMBERS[0])
    await legs.next_leg(db, centre.organisation, leg, outside, NOON)
    engine = Engine(db, centre, campaign_id)
    await engine.open(NOON)
    assert await engine.claim(1, NOON) == []
    await activities.hang_up(db, centre.organisation, child, NOON)
    after = Engine(db, centre, campaign_id)
    await after.open(NOON)
    assert len(await after.claim(1, NOON)) == 1


async def test_leads_of_one_number_are_looked_at_one_after_the_other(db: Database, centre: Centre) -> None:
    await strategy(db, centre)
    campaign_id, list_id = await campaign(db, centre, "Alone", None, None)
    first, _ = await leads_of(db, centre, list_id, [(NUMBERS[0], None)] * 2)
    engine = Engine(db, centre, campaign_id)
    await engine.open(NOON)
    lead = await engine.preview(centre.agent, NOON)
    assert lead is not None
    assert lead.lead == first
    assert await engine.preview(centre.agent, NOON) is None


async def test_a_campaign_that_is_off_is_not_dialled_by_hand(db: Database, centre: Centre) -> None:
    await strategy(db, centre)
    campaign_id, _ = await campaign(db, centre, "Off", None, None)
    await db.execute("UPDATE campaigns SET active = false WHERE campaign_id = $1", campaign_id)
    engine = Engine(db, centre, campaign_id)
    await engine.open(NOON)
    refusal = await engine.by_hand(centre.agent, NUMBERS[0], None, NOON)
    assert isinstance(refusal, Refusal)
    assert "not active" in refusal.detail


async def test_who_takes_a_campaign_over_knows_how_likely_a_person_answers_and_what_was_spent(
    db: Database, centre: Centre
) -> None:
    """Four in five answered, and of these one in four was abandoned."""
    await strategy(db, centre)
    campaign_id, list_id = await campaign(db, centre, "Lively", None, None)
    ids = await add_leads(db, centre, 60, list_id=list_id)
    engine, at = Engine(db, centre, campaign_id), datetime.now(UTC) - timedelta(minutes=21)
    settings = await engine.open(at)
    for turn, _ in enumerate(ids):
        at += timedelta(seconds=20)
        (call,) = await engine.claim(1, at)
        live = turn % 5 > 0
        if live:
            await attempts.answered(db, centre.organisation, call.call, at + timedelta(seconds=8))
        ends = DialStatus.ABANDONED if turn % 5 == 1 else DialStatus.ANSWERED if live else DialStatus.NO_ANSWER
        await engine.over(call, ends, at + timedelta(seconds=15))
    past = await past_of(db, settings.plan, datetime.now(UTC))
    pacer = Pacer(settings.plan.pacing, past)
    pacer.decide(0.0)
    why = pacer.decide(1.0).why
    assert (why.live, why.abandoned) == (48, 12)
    assert why.live_rate == pytest.approx(0.8, abs=0.1)
    assert why.mode == "one-to-one", "the budget is spent"


async def test_an_attempt_in_one_organisation_says_nothing_of_another(
    db: Database, centre: Centre, other_centre: Centre
) -> None:
    for each in (centre, other_centre):
        (lead_id,) = await add_leads(db, each, 1)
        new = attempts.NewAttempt(each.outbound, lead_id, 1, "+61491570156", "progressive")
        assert await attempts.start(db, each.organisation, [new], NOON) != [None]

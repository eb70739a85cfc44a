"""Attempts: written down before they are dialled, never twice, closed with what became of the lead."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from asyncpg import Record

from callfloor.contract.codes import DialStatus, LeadStatus
from callfloor.store.calls import activities, attempts
from callfloor.store.db.pool import Database
from callfloor.store.leads import leads
from tests.conftest import Centre
from tests.store.call_day import add_leads, new_attempt

T0 = datetime.now(UTC) - timedelta(minutes=10)


def later(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


async def dialled(db: Database, centre: Centre, lead_id: int, at: datetime = T0, **fields: object) -> attempts.Started:
    (started,) = await attempts.start(db, centre.organisation, [new_attempt(centre, lead_id, **fields)], at)
    assert started is not None
    return started


async def lead_row(db: Database, centre: Centre, lead_id: int) -> Record:
    row = await leads.get(db, centre.organisation, lead_id)
    assert row is not None
    return row


async def leg_row(db: Database, centre: Centre, call: attempts.Started) -> Record:
    row = await activities.get(db, centre.organisation, call.activity_id)
    assert row is not None
    return row


async def test_an_attempt_is_written_down_with_its_activity_and_its_lead(db: Database, centre: Centre) -> None:
    (lead_id,) = await add_leads(db, centre, 1)
    call = await dialled(db, centre, lead_id, own_contact="+61255501234")
    attempt = await attempts.get(db, centre.organisation, call.attempt_id)
    assert attempt is not None
    assert (attempt["dial_status"], attempt["dialled_at"], attempt["activity_id"]) == (0, T0, call.activity_id)
    assert (attempt["root_activity_id"], attempt["list_id"]) == (call.activity_id, centre.list_id)
    leg = await leg_row(db, centre, call)
    assert (leg["type"], leg["status_id"], leg["dial_status"]) == ("call.outbound", 7, 0)
    assert (leg["contact"], leg["own_contact"], leg["created_at"]) == ("+61491570156", "+61255501234", T0)
    lead = await lead_row(db, centre, lead_id)
    assert (lead["in_flight_attempt_id"], lead["last_attempt_id"]) == (call.attempt_id, call.attempt_id)
    assert (lead["attempts"], lead["phone1_attempts"], lead["phone2_attempts"]) == (1, 1, 0)
    assert (lead["outcome_type"], lead["last_attempt_at"]) == ("progressive", T0)
    last = await db.fetchval(
        "SELECT last_dialled_at FROM list_dialled WHERE organisation_id = $1 AND list_id = $2",
        centre.organisation,
        centre.list_id,
    )
    assert last == T0


async def test_two_engines_never_dial_one_lead_twice(db: Database, centre: Centre) -> None:
    ids = await add_leads(db, centre, 40)
    wanted = [new_attempt(centre, lead_id) for lead_id in ids]
    engines = [attempts.start(db, centre.organisation, order, T0) for order in (wanted, wanted[::-1], wanted[20:])]
    results = await asyncio.gather(*engines)
    started = [call for result in results for call in result if call is not None]
    # a lead that another engine holds is passed over, so that each is dialled once
    assert len(started) == 40
    rows = await db.fetch(
        "SELECT lead_id, count(*) AS n FROM attempts WHERE organisation_id = $1 GROUP BY lead_id", centre.organisation
    )
    assert {row["lead_id"]: row["n"] for row in rows} == dict.fromkeys(ids, 1)
    for position, lead_id in enumerate(ids):
        lead = await lead_row(db, centre, lead_id)
        assert lead["attempts"] == 1
        winners = [
            results[0][position],
            results[1][::-1][position],
            results[2][position - 20] if position >= 20 else None,
        ]
        assert [call.attempt_id for call in winners if call] == [lead["in_flight_attempt_id"]]


@pytest.mark.parametrize("times", range(5))
async def test_of_two_engines_that_want_one_lead_exactly_one_gets_it(db: Database, centre: Centre, times: int) -> None:
    (lead_id,) = await add_leads(db, centre, 1)
    new = [new_attempt(centre, lead_id)]
    results = await asyncio.gather(*(attempts.start(db, centre.organisation, new, later(times)) for _ in range(2)))
    assert sorted(call is None for (call,) in results) == [False, True]


@pytest.mark.parametrize(
    "change",
    [
        {"phone_number": "+61491570157"},
        {"phone_index": 2},
        {"attempts_before": 1},
        {"campaign_id": 0},
        {"lead_id": 2**40},
    ],
)
async def test_a_lead_that_is_not_as_it_was_judged_is_not_dialled(
    db: Database, centre: Centre, change: dict[str, object]
) -> None:
    (lead_id,) = await add_leads(db, centre, 1)
    before = await lead_row(db, centre, lead_id)
    new = new_attempt(centre, **({"lead_id": lead_id} | change))  # type: ignore[arg-type]
    assert await attempts.start(db, centre.organisation, [new], T0) == [None]
    assert await lead_row(db, centre, lead_id) == before
    assert await attempts.page(db, centre.organisation, {}, None, 10) == []


@pytest.mark.parametrize("state", ["status_code = 11", "completed_at = now()"])
async def test_a_lead_that_may_not_be_dialled_is_refused(db: Database, centre: Centre, state: str) -> None:
    (lead_id,) = await add_leads(db, centre, 1)
    await db.execute(
        f"UPDATE leads SET {state} WHERE organisation_id = $1 AND lead_id = $2", centre.organisation, lead_id
    )
    assert await attempts.start(db, centre.organisation, [new_attempt(centre, lead_id)], T0) == [None]


async def test_a_lead_named_twice_in_one_start_is_dialled_once(db: Database, centre: Centre) -> None:
    ids = await add_leads(db, centre, 2)
    wanted = [new_attempt(centre, lead_id) for lead_id in (ids[0], ids[1], ids[0])]
    calls = await attempts.start(db, centre.organisation, wanted, T0)
    assert [call is None for call in calls] == [False, False, True]


async def test_another_organisations_lead_is_neither_dialled_nor_finished(
    db: Database, centre: Centre, other_centre: Centre
) -> None:
    (lead_id,) = await add_leads(db, centre, 1)
    other = other_centre.organisation
    assert await attempts.start(db, other, [new_attempt(centre, lead_id)], T0) == [None]
    assert await attempts.start(db, other, [new_attempt(other_centre, lead_id)], T0) == [None]
    call = await dialled(db, centre, lead_id)
    assert not await attempts.answered(db, other, call.attempt_id, later(1))
    assert await attempts.connected(db, other, call.attempt_id, other_centre.agent, later(1)) is None
    assert not await attempts.finish(db, other, call.attempt_id, attempts.Ended(DialStatus.BUSY), later(1))
    assert (await lead_row(db, centre, lead_id))["in_flight_attempt_id"] == call.attempt_id


async def test_an_agent_can_dial_a_number_without_a_lead_by_hand_only(db: Database, centre: Centre) -> None:
    fields: dict[str, object] = {"lead_id": None, "phone_index": None, "agent_id": centre.agent}
    manual = new_attempt(centre, **(fields | {"mode": "manual"}))  # type: ignore[arg-type]
    predictive = new_attempt(centre, **fields)  # type: ignore[arg-type]
    by_hand, by_dialler = await attempts.start(db, centre.organisation, [manual, predictive], T0)
    assert by_dialler is None
    assert by_hand is not None
    leg = await leg_row(db, centre, by_hand)
    assert (leg["type"], leg["agent_id"], leg["lead_id"]) == ("call.manual", centre.agent, None)
    assert await attempts.finish(db, centre.organisation, by_hand.attempt_id, attempts.Ended(DialStatus.BUSY), later(9))


@pytest.mark.parametrize(
    ("dial_status", "leg_status", "lead_status"),
    [
        (DialStatus.ANSWERED, 8, LeadStatus.CONTACTED),
        (DialStatus.NO_ANSWER, 8, LeadStatus.NO_ANSWER),
        (DialStatus.BUSY, 8, LeadStatus.BUSY),
        (DialStatus.DISCONNECTED, 9, LeadStatus.DISCONNECTED),
        (DialStatus.TELCO_ERROR, 9, LeadStatus.TELCO_ERROR),
        (DialStatus.ANSWERING_MACHINE, 8, LeadStatus.ANSWERING_MACHINE),
        (DialStatus.ABANDONED, 5, LeadStatus.ABANDONED),
        (DialStatus.CANCELLED, 8, LeadStatus.NO_RESULT),
        (DialStatus.REFUSED, 9, LeadStatus.NO_RESULT),
    ],
)
async def test_the_end_of_an_attempt_closes_it_its_leg_and_the_lead_together(
    db: Database, centre: Centre, dial_status: DialStatus, leg_status: int, lead_status: LeadStatus
) -> None:
    (lead_id,) = await add_leads(db, centre, 1)
    call = await dialled(db, centre, lead_id)
    ended = attempts.Ended(dial_status, next_attempt_at=later(3600))
    assert await attempts.finish(db, centre.organisation, call.attempt_id, ended, later(30))
    again = attempts.Ended(DialStatus.BUSY)
    assert not await attempts.finish(db, centre.organisation, call.attempt_id, again, later(40))
    attempt = await attempts.get(db, centre.organisation, call.attempt_id)
    assert attempt is not None
    assert (attempt["dial_status"], attempt["hang_up_at"]) == (dial_status, later(30))
    leg = await leg_row(db, centre, call)
    assert (leg["status_id"], leg["dial_status"], leg["hang_up_at"]) == (leg_status, dial_status, later(30))
    lead = await lead_row(db, centre, lead_id)
    assert lead["in_flight_attempt_id"] is None
    assert (lead["status_code"], lead["next_attempt_at"]) == (lead_status, later(3600))
    assert (lead["last_dial_status"], lead["phone1_dial_status"]) == (dial_status, dial_status)
    assert lead["phone2_dial_status"] is None


async def test_an_attempt_cannot_end_as_dialling(db: Database, centre: Centre) -> None:
    with pytest.raises(ValueError, match="Dialling"):
        await attempts.finish(db, centre.organisation, 1, attempts.Ended(DialStatus.DIALLING), T0)


async def test_an_agent_joins_an_answered_call_once(db: Database, centre: Centre) -> None:
    (lead_id,) = await add_leads(db, centre, 1)
    call = await dialled(db, centre, lead_id)
    org = centre.organisation
    assert await attempts.connected(db, org, call.attempt_id, centre.agent, later(9)) is None
    assert await attempts.answered(db, org, call.attempt_id, later(10))
    assert not await attempts.answered(db, org, call.attempt_id, later(11))
    interaction = await attempts.connected(db, org, call.attempt_id, centre.agent, later(10.0837))
    assert interaction is not None
    assert await attempts.connected(db, org, call.attempt_id, centre.agent, later(12)) is None
    assert await attempts.finish(db, org, call.attempt_id, attempts.Ended(DialStatus.ANSWERED), later(60))
    assert not await attempts.answered(db, org, call.attempt_id, later(61))
    leg = await leg_row(db, centre, call)
    assert (leg["status_id"], leg["agent_id"], leg["agent_interaction_id"]) == (3, centre.agent, interaction)
    assert (leg["connect_delay_ms"], leg["answered_at"], leg["hang_up_at"]) == (84, later(10.0837), later(60))


async def test_what_somebody_gave_the_lead_during_the_call_is_kept(db: Database, centre: Centre) -> None:
    (lead_id,) = await add_leads(db, centre, 1)
    call = await dialled(db, centre, lead_id)
    answer = await centre.client.put(
        f"/leads/{lead_id}", json={"nextAttemptTimestamp": "2031-01-02T03:04:05Z", "agentId": centre.agent}
    )
    assert answer.status_code == 200
    ended = attempts.Ended(DialStatus.ANSWERED, next_attempt_at=later(60))
    assert await attempts.finish(db, centre.organisation, call.attempt_id, ended, later(30))
    lead = await lead_row(db, centre, lead_id)
    assert (lead["status_code"], lead["agent_id"]) == (LeadStatus.CALLBACK_AGENT, centre.agent)
    assert lead["next_attempt_at"] == datetime(2031, 1, 2, 3, 4, 5, tzinfo=UTC)


async def test_a_refused_callback_is_put_back_as_it_was(db: Database, centre: Centre) -> None:
    (lead_id,) = await add_leads(db, centre, 1)
    call = await dialled(db, centre, lead_id)
    back = attempts.Ended(DialStatus.REFUSED, later(900), LeadStatus.CALLBACK_QUEUE)
    await attempts.finish(db, centre.organisation, call.attempt_id, back, later(1))
    lead = await lead_row(db, centre, lead_id)
    assert (lead["status_code"], lead["next_attempt_at"]) == (LeadStatus.CALLBACK_QUEUE, later(900))


async def test_a_wrap_up_says_what_becomes_of_the_lead_of_its_last_attempt(db: Database, centre: Centre) -> None:
    org = centre.organisation
    await db.execute("INSERT INTO wrap_codes VALUES ($1, $2, 3, 'Sold')", org, centre.outbound)
    (lead_id,) = await add_leads(db, centre, 1)
    calls: list[attempts.Started] = []
    for number in range(2):
        call = await dialled(db, centre, lead_id, later(100 * number), attempts_before=number)
        await attempts.answered(db, org, call.attempt_id, later(100 * number + 5))
        await attempts.connected(db, org, call.attempt_id, centre.agent, later(100 * number + 5))
        ended = attempts.Ended(DialStatus.ANSWERED, later(100))
        await attempts.finish(db, org, call.attempt_id, ended, later(100 * number + 20))
        calls.append(call)
    sold = activities.WrapUp(3, lead_status=LeadStatus.COMPLETED)
    assert await activities.wrap_up(db, org, calls[0].activity_id, sold, later(150))
    lead = await lead_row(db, centre, lead_id)
    assert (lead["wrap_code"], lead["status_code"], lead["completed_at"]) == (None, LeadStatus.CONTACTED, None)
    assert await activities.wrap_up(db, org, calls[1].activity_id, sold, later(160))
    lead = await lead_row(db, centre, lead_id)
    assert (lead["wrap_code"], lead["wrap_description"]) == (3, "Sold")
    assert (lead["status_code"], lead["completed_at"]) == (LeadStatus.COMPLETED, later(160))


async def test_a_transferred_dialled_call_keeps_its_lead_and_ends_with_its_attempt(
    db: Database, centre: Centre
) -> None:
    org = centre.organisation
    (lead_id,) = await add_leads(db, centre, 1)
    call = await dialled(db, centre, lead_id)
    await attempts.answered(db, org, call.attempt_id, later(5))
    await attempts.connected(db, org, call.attempt_id, centre.agent, later(5))
    child = await activities.transfer(db, org, call.activity_id, centre.outbound, centre.agent, later(30))
    assert child is not None
    assert await activities.hang_up(db, org, child, later(50))
    assert await attempts.finish(db, org, call.attempt_id, attempts.Ended(DialStatus.ANSWERED), later(50))
    first, second = await leg_row(db, centre, call), await activities.get(db, org, child)
    assert second is not None
    assert (first["hang_up_at"], second["hang_up_at"]) == (later(30), later(50))
    assert (second["lead_id"], second["attempt_id"], second["type"]) == (lead_id, call.attempt_id, "call.outbound")


async def test_a_dialled_lead_leaves_the_counts_of_its_list_as_they_are(db: Database, centre: Centre) -> None:
    ids = await add_leads(db, centre, 3)
    call = await dialled(db, centre, ids[0])
    await attempts.finish(db, centre.organisation, call.attempt_id, attempts.Ended(DialStatus.BUSY), later(5))
    row = await db.fetchrow(
        "SELECT sum(leads) AS leads, sum(dialable) AS dialable FROM list_counts"
        " WHERE organisation_id = $1 AND list_id = $2",
        centre.organisation,
        centre.list_id,
    )
    assert row is not None
    assert tuple(row) == (3, 3)

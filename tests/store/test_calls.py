"""The steps of inbound calls and e-mails, as the queue engine takes them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from asyncpg import Record

from callfloor.store.calls import activities
from callfloor.store.db.pool import Database
from tests.conftest import Centre
from tests.factories import answer, inbound_call

T0 = datetime.now(UTC) - timedelta(minutes=10)


def later(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


async def opened(db: Database, centre: Centre) -> int:
    call = (centre.inbound, "+61491570156", "+61255501234")
    return await inbound_call(db, centre.organisation, *call, T0)


async def answered(db: Database, centre: Centre) -> int:
    leg = await opened(db, centre)
    await activities.join_queue(db, centre.organisation, leg, later(5))
    assert await answer(db, centre.organisation, leg, centre.agent, later(20)) is not None
    return leg


async def row_of(db: Database, centre: Centre, leg: int) -> Record:
    row = await activities.get(db, centre.organisation, leg)
    assert row is not None
    return row


async def minutes(db: Database, centre: Centre) -> list[Record]:
    return await db.fetch(
        "SELECT * FROM campaign_minutes WHERE organisation_id = $1 ORDER BY campaign_id, minute", centre.organisation
    )


async def test_every_event_of_a_call_may_come_twice(db: Database, centre: Centre) -> None:
    leg = await opened(db, centre)
    org = centre.organisation
    assert await activities.join_queue(db, org, leg, later(5))
    assert not await activities.join_queue(db, org, leg, later(6))
    assert await answer(db, org, leg, centre.agent, later(20))
    assert await answer(db, org, leg, centre.agent, later(21)) is None
    assert await activities.hold(db, org, leg, 7)
    assert not await activities.hold(db, org, leg, 7)
    assert await activities.hang_up(db, org, leg, later(60))
    counted = await minutes(db, centre)
    assert not await activities.hang_up(db, org, leg, later(90))
    assert not await activities.leave(db, org, leg, "missed", later(91))
    assert not await activities.hold(db, org, leg, 30)
    assert await minutes(db, centre) == counted
    assert await activities.wrap_up(db, org, leg, activities.WrapUp(None), later(75))
    wrapped = await row_of(db, centre, leg)
    assert not await activities.wrap_up(db, org, leg, activities.WrapUp(None), later(80))
    assert await row_of(db, centre, leg) == wrapped
    assert (wrapped["status_id"], wrapped["hold_s"]) == (3, 7)
    assert (wrapped["hang_up_at"], wrapped["wrap_up_at"]) == (later(60), later(75))


@pytest.mark.parametrize(("joined", "status"), [(False, 4), (True, 5)])
async def test_a_caller_who_hangs_up_abandons_in_the_workflow_or_in_the_queue(
    db: Database, centre: Centre, joined: bool, status: int
) -> None:
    leg = await opened(db, centre)
    if joined:
        await activities.join_queue(db, centre.organisation, leg, later(5))
    assert await activities.hang_up(db, centre.organisation, leg, later(9))
    row = await row_of(db, centre, leg)
    assert (row["status_id"], row["hang_up_at"]) == (status, later(9))
    assert row["left_queue_at"] == (later(9) if joined else None)
    assert await answer(db, centre.organisation, leg, centre.agent, later(10)) is None


@pytest.mark.parametrize(
    ("reason", "status", "over"), [("voicemail", 6, False), ("missed", 10, True), ("failed", 9, True)]
)
async def test_an_unanswered_call_can_leave_the_queue(
    db: Database, centre: Centre, reason: activities.Leaving, status: int, over: bool
) -> None:
    leg = await opened(db, centre)
    await activities.join_queue(db, centre.organisation, leg, later(5))
    assert await activities.leave(db, centre.organisation, leg, reason, later(30))
    row = await row_of(db, centre, leg)
    assert (row["status_id"], row["left_queue_at"]) == (status, later(30))
    assert (row["hang_up_at"] is not None) is over
    assert await activities.hang_up(db, centre.organisation, leg, later(50)) is not over
    assert (await row_of(db, centre, leg))["status_id"] == status


async def test_a_clock_set_back_never_makes_a_step_precede_the_one_before(db: Database, centre: Centre) -> None:
    leg = await opened(db, centre)
    org = centre.organisation
    await activities.join_queue(db, org, leg, later(50))
    await answer(db, org, leg, centre.agent, later(40))
    await activities.hold(db, org, leg, 1000)
    await activities.hang_up(db, org, leg, later(30))
    await activities.wrap_up(db, org, leg, activities.WrapUp(None), later(20))
    row = await row_of(db, centre, leg)
    assert [row[n] for n in ("answered_at", "hang_up_at", "wrap_up_at")] == [later(50)] * 3
    assert row["hold_s"] == 0


async def test_a_transfer_makes_a_child_of_the_same_type_and_ends_the_leg(db: Database, centre: Centre) -> None:
    org = centre.organisation
    first = await answered(db, centre)
    second = await activities.transfer(db, org, first, centre.inbound, None, later(60))
    assert second is not None
    assert await activities.transfer(db, org, first, centre.inbound, None, later(61)) is None
    assert await answer(db, org, second, centre.agent, later(70)) is not None
    third = await activities.transfer(db, org, second, centre.outbound, centre.agent, later(80))
    assert third is not None
    rows = [await row_of(db, centre, leg) for leg in (first, second, third)]
    assert [(r["parent_activity_id"], r["root_activity_id"]) for r in rows] == [
        (None, first),
        (first, first),
        (second, first),
    ]
    assert {r["type"] for r in rows} == {"call.inbound"}
    assert [r["hang_up_at"] for r in rows] == [later(60), later(80), None]
    assert rows[1]["join_queue_at"] == later(60)
    assert rows[2]["answered_at"] == later(80)
    assert rows[2]["campaign_id"] == centre.outbound
    assert {r["contact"] for r in rows} == {"+61491570156"}
    assert len({r["agent_interaction_id"] for r in rows}) == 3


async def test_a_call_is_not_transferred_to_a_campaign_of_another_organisation(
    db: Database, centre: Centre, other_centre: Centre
) -> None:
    leg = await answered(db, centre)
    assert await activities.transfer(db, centre.organisation, leg, other_centre.inbound, None, later(60)) is None
    assert (await row_of(db, centre, leg))["hang_up_at"] is None


async def test_no_step_reaches_into_another_organisation(db: Database, centre: Centre, other_centre: Centre) -> None:
    leg = await opened(db, centre)
    before = await row_of(db, centre, leg)
    org = other_centre.organisation
    assert not await activities.join_queue(db, org, leg, later(5))
    assert await answer(db, org, leg, other_centre.agent, later(5)) is None
    assert not await activities.leave(db, org, leg, "missed", later(5))
    assert not await activities.hang_up(db, org, leg, later(5))
    assert not await activities.set_recording_status(db, org, leg, "enabled")
    assert not await activities.set_call_quality(db, org, leg, 3)
    assert await row_of(db, centre, leg) == before


async def test_a_wrap_code_must_be_one_of_the_campaigns(db: Database, centre: Centre) -> None:
    leg = await answered(db, centre)
    await activities.hang_up(db, centre.organisation, leg, later(60))
    with pytest.raises(activities.UnknownWrapCodeError):
        await activities.wrap_up(db, centre.organisation, leg, activities.WrapUp(7), later(70))
    assert (await row_of(db, centre, leg))["wrap_up_at"] is None
    await db.execute("INSERT INTO wrap_codes VALUES ($1, $2, 7, 'Resolved')", centre.organisation, centre.inbound)
    assert await activities.wrap_up(db, centre.organisation, leg, activities.WrapUp(7), later(70))
    row = await row_of(db, centre, leg)
    assert (row["wrap_code"], row["wrap_description"]) == (7, "Resolved")


async def test_a_call_in_progress_cannot_be_wrapped_up(db: Database, centre: Centre) -> None:
    leg = await answered(db, centre)
    assert not await activities.wrap_up(db, centre.organisation, leg, activities.WrapUp(None), later(30))
    await activities.hang_up(db, centre.organisation, leg, later(60))
    assert await activities.wrap_up(db, centre.organisation, leg, activities.WrapUp(None), later(70))


async def test_an_email_waits_for_an_agent_and_is_wrapped_up_without_a_hang_up(db: Database, centre: Centre) -> None:
    message = activities.Message("Hello", "<1@example.com>", None, "Jane <jane@example.com>", "help@example.org")
    email = activities.NewEmail("email.inbound", centre.inbound, "jane@example.com", "help@example.org", message)
    made = await activities.open_email(db, centre.organisation, email, T0)
    assert (await row_of(db, centre, made))["status_id"] == 1
    assert not await activities.hang_up(db, centre.organisation, made, later(5))
    assert await answer(db, centre.organisation, made, centre.agent, later(10))
    assert await activities.wrap_up(db, centre.organisation, made, activities.WrapUp(None), later(20))
    row = await row_of(db, centre, made)
    assert (row["status_id"], row["answered_at"], row["wrap_up_at"]) == (3, later(10), later(20))
    # e-mails are no calls
    assert await minutes(db, centre) == []


async def test_what_happens_to_a_leg_is_written_in_its_place_with_no_entry_in_an_index(db: Database) -> None:
    """A column that an index names, in keys or condition, is an entry in every index each time it changes."""
    steps = ("status_id", "answered_at", "left_queue_at", "hang_up_at", "wrap_up_at", "hold_s", "dial_status",
        "connect_delay_ms", "recording_status", "recording_parts")  # fmt: skip
    made = [row["indexdef"] for row in await db.fetch("SELECT indexdef FROM pg_indexes WHERE tablename = 'activities'")]
    assert len(made) > 5
    assert [index for index in made if any(re.search(rf"\b{step}\b", index) for step in steps)] == []
    full = await db.fetch(
        "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
        " WHERE i.inhparent = 'activities'::regclass AND NOT coalesce(c.reloptions @> ARRAY['fillfactor=80'], false)"
    )
    assert full == [], "a full page has no place for what becomes of its rows"

"""Desks in the database: one order an agent, nothing twice, nothing of a customer left."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from msgspec.structs import replace

from callfloor.contract.workspace import AtHand, Call, Dial, Hold, PreviewLead, Refusal
from callfloor.store.agents import agents, desk_commands, desk_events
from callfloor.store.db.pool import Database
from tests.conftest import Centre

NOW = datetime.now(UTC).replace(microsecond=250_000)
SOON = timedelta(seconds=30)
RINGING = Call(
    activity_id=7, direction="inbound", campaign_id=1, campaign_name="Support", number="+61491570156", lead_id=None,
    state="ringing",
)  # fmt: skip
ON_CALL = AtHand(call=replace(RINGING, state="connected", connected_timestamp=NOW))


async def publish(db: Database, centre: Centre, hand: AtHand | None, at: datetime = NOW) -> None:
    await desk_events.publish(db, centre.organisation, centre.agent, "session", hand, at)


async def missed(db: Database, centre: Centre, after: int, count: int = 100) -> desk_events.Missed:
    found = await desk_events.missed(db, centre.organisation, centre.agent, after, count)
    assert found is not None
    return found


async def test_events_count_up_and_each_shows_the_state_of_its_moment(db: Database, centre: Centre) -> None:
    org, agent = centre.organisation, centre.agent
    await agents.make_ready(db, org, agent, NOW)
    await agents.show(db, org, agent, "dialling", None, NOW)
    await publish(db, centre, AtHand(call=RINGING))
    async with db.transaction():
        await agents.show(db, org, agent, "on-call", None, NOW)
        await publish(db, centre, ON_CALL, NOW + timedelta(seconds=1))
    await agents.pause(db, org, agent, NOW, "lunch")
    found = await missed(db, centre, 0)
    assert found.whole
    assert found.last == 4
    assert [event.sequence for event in found.events] == [1, 2, 3, 4]
    assert [event.session.state for event in found.events] == ["ready", "dialling", "on-call", "on-call"]
    assert [event.session.call for event in found.events] == [None, RINGING, ON_CALL.call, ON_CALL.call]
    last = found.events[-1].session
    assert (last.wanted, last.reason) == ("paused", "lunch")
    assert await desk_events.session(db, org, agent, NOW) == last


async def test_a_journal_that_writes_a_batch_again_doubles_nothing(db: Database, centre: Centre) -> None:
    for _ in range(2):
        for second in range(3):
            await publish(db, centre, AtHand(wrap_up_seconds=second), NOW + timedelta(seconds=second))
    assert (await missed(db, centre, 0)).last == 3


async def test_writers_at_once_leave_no_gap_and_end_with_the_last_state(db: Database, centre: Centre) -> None:
    org, agent = centre.organisation, centre.agent

    async def ask(number: int) -> None:
        await (agents.make_ready if number % 2 else agents.pause)(db, org, agent, NOW)

    await agents.make_ready(db, org, agent, NOW)
    writers = [publish(db, centre, AtHand(wrap_up_seconds=n), NOW + timedelta(seconds=n)) for n in range(20)]
    await asyncio.gather(*writers, *map(ask, range(20)))
    found = await missed(db, centre, 0)
    assert [event.sequence for event in found.events] == list(range(1, found.last + 1))
    assert found.events[-1].session.state == await agents.state(db, org, agent)


async def test_what_is_not_kept_any_more_is_said(db: Database, centre: Centre) -> None:
    assert await missed(db, centre, 0) == desk_events.Missed([], True, 0)
    assert not (await missed(db, centre, 5)).whole
    old = datetime.now(UTC) - timedelta(minutes=61)
    # what other tests left in the database is not counted
    await desk_events.expire(db)
    for number in range(3):
        await publish(db, centre, AtHand(wrap_up_seconds=number), old)
    await publish(db, centre, ON_CALL)
    assert await desk_events.expire(db) == 3
    assert not (await missed(db, centre, 0)).whole
    assert not (await missed(db, centre, 2)).whole
    assert [event.sequence for event in (await missed(db, centre, 3)).events] == [4]
    assert (await missed(db, centre, 4)).whole
    assert not (await missed(db, centre, 9)).whole


async def test_seconds_that_are_left_pass(db: Database, centre: Centre) -> None:
    org, agent = centre.organisation, centre.agent
    preview = PreviewLead(lead_id=1, campaign_id=1, number="+61491570156", seconds=30)
    for state, hand in (("dialling", AtHand(preview=preview)), ("on-wrap", AtHand(wrap_up_seconds=10))):
        await agents.show(db, org, agent, state, None, NOW)  # type: ignore[arg-type]
        await publish(db, centre, hand)
        at = NOW + timedelta(seconds=4)
        await agents.pause(db, org, agent, at, state)
        told = (await missed(db, centre, 0)).events[-1].session
        for session in (told, await desk_events.session(db, org, agent, at)):
            assert session is not None
            left = session.preview.seconds if session.preview is not None else session.wrap_up_seconds
            assert left == (26 if state == "dialling" else 6)


@pytest.mark.parametrize("hand", [None, AtHand(), AtHand(wrap_up_seconds=8)])
async def test_what_changes_nothing_is_no_event(db: Database, centre: Centre, hand: AtHand | None) -> None:
    org, agent = centre.organisation, centre.agent
    await agents.show(db, org, agent, "ready" if hand in (None, AtHand()) else "on-wrap", None, NOW)
    await publish(db, centre, hand)
    for second in range(1, 4):
        again = hand
        if hand is not None and hand.wrap_up_seconds is not None:
            # the same moment, told a little later
            again = replace(hand, wrap_up_seconds=hand.wrap_up_seconds - second)
        await publish(db, centre, again, NOW + timedelta(seconds=second))
    assert (await missed(db, centre, 0)).last == 1
    await publish(db, centre, AtHand(wrap_up_seconds=60), NOW + timedelta(seconds=5))
    assert (await missed(db, centre, 0)).last == 2
    await desk_events.publish(db, org, agent, "call.ended", AtHand(), NOW + timedelta(seconds=6))
    assert (await missed(db, centre, 0)).last == 3


async def test_a_call_that_an_engine_left_behind_is_not_shown(db: Database, centre: Centre) -> None:
    await agents.make_ready(db, centre.organisation, centre.agent, NOW)
    await publish(db, centre, AtHand(call=replace(RINGING, state="connected"), wrap_up_seconds=9))
    session = await desk_events.session(db, centre.organisation, centre.agent, NOW)
    assert session is not None
    assert (session.call, session.wrap_up_seconds) == (None, None)


@pytest.mark.parametrize("during", ["dialling", "on-call", "on-wrap"])
async def test_an_agent_signs_out_when_the_call_ends(db: Database, centre: Centre, during: agents.AgentState) -> None:
    org, agent = centre.organisation, centre.agent
    await agents.show(db, org, agent, during, None, NOW)
    await agents.sign_out(db, org, agent, NOW)
    assert await agents.state(db, org, agent) == during
    await agents.set_phone_reachable(db, org, agent, False, NOW)
    assert await agents.call_ended(db, org, agent, NOW) == "signed-out"


async def test_a_wish_that_meets_a_call_that_is_being_shown_is_kept(db: Database, centre: Centre) -> None:
    org, agent = centre.organisation, centre.agent
    for ask, state in ((agents.pause, "paused"), (agents.sign_out, "signed-out")):
        await agents.make_ready(db, org, agent, NOW)
        await ask(db, org, agent, NOW)
        await agents.show(db, org, agent, "dialling", None, NOW)
        await agents.show(db, org, agent, "on-call", None, NOW)
        assert await agents.call_ended(db, org, agent, NOW) == state


async def test_the_reason_of_a_pause_outlives_the_call(db: Database, centre: Centre) -> None:
    org, agent = centre.organisation, centre.agent
    await agents.make_ready(db, org, agent, NOW)
    await agents.show(db, org, agent, "on-call", None, NOW)
    await agents.pause(db, org, agent, NOW, "lunch")
    await agents.show(db, org, agent, "on-wrap", None, NOW)
    assert await agents.call_ended(db, org, agent, NOW) == "paused"
    session = await desk_events.session(db, org, agent, NOW)
    assert session is not None
    assert (session.state, session.reason) == ("paused", "lunch")


async def test_of_two_engines_one_gets_the_command(db: Database, centre: Centre) -> None:
    org, agent = centre.organisation, centre.agent
    command = await desk_commands.ask(db, org, agent, agent, Hold(on=True), key_hash=None, within=SOON)
    assert [row["command_id"] for row in await desk_commands.waiting(db) if row["organisation_id"] == org] == [command]
    claims = await asyncio.gather(*(desk_commands.claim(db, uuid4(), [(org, command)]) for _ in range(5)))
    assert sorted(map(len, claims)) == [0, 0, 0, 0, 1]
    assert not await desk_commands.withdraw(db, org, command)
    assert await desk_commands.outcome(db, org, command) == desk_commands.Outcome(True, False, None)
    refusal = Refusal(code="no-call", detail="There is no call.")
    await desk_commands.finish(db, org, command, refusal)
    await desk_commands.finish(db, org, command, None)
    assert await desk_commands.outcome(db, org, command) == desk_commands.Outcome(True, True, refusal)
    assert await db.fetchval("SELECT command FROM workspace_commands WHERE organisation_id = $1", org) is None


async def test_a_command_that_is_withdrawn_or_too_old_is_never_obeyed(db: Database, centre: Centre) -> None:
    org, agent = centre.organisation, centre.agent
    withdrawn = await desk_commands.ask(db, org, agent, agent, Hold(on=True), key_hash=None, within=SOON)
    old = await desk_commands.ask(db, org, agent, agent, Hold(on=True), key_hash=None, within=timedelta())
    assert await desk_commands.withdraw(db, org, withdrawn)
    assert await desk_commands.claim(db, uuid4(), [(org, withdrawn), (org, old)]) == []
    assert await desk_commands.outcome(db, org, withdrawn) is None


async def test_the_same_key_is_the_same_command(db: Database, centre: Centre) -> None:
    org, agent = centre.organisation, centre.agent

    async def ask() -> int:
        return await desk_commands.ask(db, org, agent, agent, Hold(on=True), key_hash=b"key", within=SOON)

    first = await ask()
    assert await ask() == first
    await desk_commands.claim(db, uuid4(), [(org, first)])
    assert await ask() == first
    await desk_commands.finish(db, org, first, None)
    assert await ask() == first


async def test_an_erased_number_stands_on_no_desk_and_in_no_command(db: Database, centre: Centre) -> None:
    org, agent = centre.organisation, centre.agent
    number = "+61491570156"
    await agents.make_ready(db, org, agent, NOW)
    await agents.show(db, org, agent, "on-call", None, NOW)
    await publish(db, centre, ON_CALL)
    await agents.pause(db, org, agent, NOW, "calls 0491 570 156 back")
    dial = Dial(campaign_id=centre.outbound, number="0491 570 156")
    await desk_commands.ask(db, org, agent, agent, dial, key_hash=None, within=SOON)
    answer = await centre.client.delete("/customer", params={"phoneNumber": number})
    assert answer.status_code == 200, answer.text
    for table in ("workspace_sessions", "workspace_events", "workspace_commands", "agent_states"):
        for row in await db.fetch(f"SELECT t::text AS row FROM {table} t WHERE organisation_id = $1", org):
            assert "491570156" not in row["row"].replace(" ", "")
    # and what is left can still be read
    found = await missed(db, centre, 0)
    assert found.events[1].session.call is not None
    assert found.events[1].session.call.number == "[erased]"


async def test_what_nobody_came_back_for_is_dropped(db: Database, centre: Centre) -> None:
    org, agent = centre.organisation, centre.agent
    for key_hash in (b"old", b"new"):
        await desk_commands.ask(db, org, agent, agent, Hold(on=True), key_hash=key_hash, within=SOON)
    await db.execute(
        "UPDATE workspace_commands SET created_at = now() - interval '11 minutes' WHERE key_hash = $1", b"old"
    )
    await desk_commands.expire(db)
    left = await db.fetch("SELECT key_hash FROM workspace_commands WHERE organisation_id = $1", org)
    assert [row["key_hash"] for row in left] == [b"new"]

"""Agents whose desk is gone get no calls, and get them again when it is back."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from callfloor.api.workspace.desk_heartbeats import DeskHeartbeats
from callfloor.rules.routing.desks import DESK_GONE
from callfloor.settings import Settings
from callfloor.store.agents import agents, desk_events, desks
from callfloor.store.db.pool import Database
from callfloor.store.figures import agent_times
from callfloor.store.people import tokens
from tests.api.desks import client_of, token_of
from tests.api.sockets import read, served, stream
from tests.conftest import Centre, alone
from tests.engine.test_inbound import CALLER, PATIENT, QUEUE, exchange, own
from tests.waiting import until

__all__ = ["own"]
ON_FLOOR = pytest.mark.parametrize("dsn", alone(__name__), indirect=True, scope="session")
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


async def shown(db: Database, centre: Centre) -> tuple[str, str | None, str | None]:
    """State, what is wanted, and the reason."""
    sql = "SELECT state, wanted_state, reason FROM agent_states WHERE organisation_id = $1 AND agent_id = $2"
    row = await db.fetchrow(sql, centre.organisation, centre.agent)
    assert row is not None
    return row["state"], row["wanted_state"], row["reason"]


async def silence(db: Database, centre: Centre, seconds: float) -> None:
    """So long nothing was heard of the agent's desk."""
    sql = "UPDATE desks SET seen_at = now() - make_interval(secs => $3) WHERE organisation_id = $1 AND agent_id = $2"
    await db.execute(sql, centre.organisation, centre.agent, seconds)


async def arrived(db: Database, centre: Centre) -> None:
    """The agent is ready, at its desk."""
    await agents.make_ready(db, centre.organisation, centre.agent, NOW)
    await desks.heartbeat(db, [(centre.organisation, centre.agent)], NOW)


async def test_an_agent_whose_desk_is_gone_is_paused_until_it_is_back(db: Database, centre: Centre) -> None:
    own = centre.organisation, centre.agent
    await arrived(db, centre)
    await desks.pause_gone(db, later(30))
    assert await shown(db, centre) == ("ready", None, None)
    await desks.pause_gone(db, later(31))
    assert await shown(db, centre) == ("paused", None, DESK_GONE)
    session = await desk_events.session(db, *own, later(31))
    assert session is not None
    assert (session.state, session.reason) == ("paused", DESK_GONE)
    await desks.heartbeat(db, [own], later(90))
    assert await shown(db, centre) == ("ready", None, None)
    times = await agent_times.of_agent(db, *own, NOW, later(100), later(100))
    assert [(each.state, each.reason, each.seconds) for each in times] == [
        ("ready", None, 31), ("paused", DESK_GONE, 59), ("ready", None, 10),
    ]  # fmt: skip


@pytest.mark.parametrize("state", ["dialling", "on-call", "on-wrap"])
async def test_a_call_goes_on_and_no_other_follows(db: Database, centre: Centre, state: Any) -> None:
    own = centre.organisation, centre.agent
    await arrived(db, centre)
    await agents.show(db, *own, state, None, later(5))
    await desks.pause_gone(db, later(40))
    assert await shown(db, centre) == (state, "paused", DESK_GONE)
    back = state == "on-call"
    if back:
        await desks.heartbeat(db, [own], later(50))
        assert (await shown(db, centre))[:2] == (state, "ready")
    await agents.call_ended(db, *own, later(60)) if state != "dialling" else await agents.show(
        db, *own, "ready" if back else "paused", None if back else DESK_GONE, later(60)
    )
    assert (await shown(db, centre))[0] == ("ready" if back else "paused")
    await desks.heartbeat(db, [own], later(70))
    assert await shown(db, centre) == ("ready", None, None)


async def test_who_was_paused_or_left_is_not_made_ready_by_its_desk(db: Database, centre: Centre) -> None:
    own = centre.organisation, centre.agent
    await arrived(db, centre)
    await desks.pause_gone(db, later(40))
    await agents.pause(db, *own, later(41), "sent home")
    await desks.heartbeat(db, [own], later(50))
    assert await shown(db, centre) == ("paused", None, "sent home")
    await agents.make_ready(db, *own, later(51))
    await desks.pause_gone(db, later(200))
    await agents.sign_out(db, *own, later(201))
    await desks.heartbeat(db, [own], later(202))
    assert (await shown(db, centre))[0] == "signed-out"
    await agents.sign_in_paused(db, *own, later(203), DESK_GONE)
    await desks.heartbeat(db, [own], later(210))
    assert await shown(db, centre) == ("paused", None, DESK_GONE), "by its own word"


@pytest.mark.parametrize("why", ["never", "phone", "no desk"])
async def test_who_needs_no_desk_is_left_alone(db: Database, centre: Centre, why: str) -> None:
    await arrived(db, centre)
    match why:
        case "never":
            await db.execute(
                "UPDATE organisations SET desk_gone_s = NULL WHERE organisation_id = $1", centre.organisation
            )
        case "phone":
            await db.execute("UPDATE users SET phone_without_desk = true WHERE user_id = $1", centre.agent)
        case _:
            await desks.forget(db, centre.organisation, centre.agent)
    await desks.pause_gone(db, later(10_000))
    assert await shown(db, centre) == ("ready", None, None)


async def test_a_sign_that_comes_meanwhile_counts(db: Database, centre: Centre) -> None:
    """Many look, and the desk comes back, at the same moment: the agent is ready in the end."""
    own = centre.organisation, centre.agent
    await arrived(db, centre)
    for turn in range(1, 11):
        at = 100.0 * turn
        looks = (desks.pause_gone(db, later(at)) for _ in range(4))
        await asyncio.gather(*looks, desks.heartbeat(db, [own], later(at)))
        await desks.heartbeat(db, [own], later(at + 5))
        assert await shown(db, centre) == ("ready", None, None)


async def test_signs_are_written_down_every_few_seconds_and_together(
    db: Database, centre: Centre, monkeypatch: Any
) -> None:
    written: list[int] = []
    real = desks.heartbeat

    async def counted(db: Database, of: Any, now: datetime) -> None:
        written.append(len(of))
        await real(db, of, now)

    monkeypatch.setattr(desks, "heartbeat", counted)
    key = tokens.key_of(await token_of(db, centre, centre.agent))
    assert key is not None
    caller = await tokens.find(db, key)
    assert caller is not None
    signs = DeskHeartbeats(db)
    await asyncio.gather(*(signs.heard(caller) for _ in range(50)))
    for _ in range(50):
        await signs.heard(caller)
    assert written == [1]


async def test_whatever_an_agent_asks_is_a_sign_and_what_others_ask_is_none(db: Database, centre: Centre) -> None:
    seen = "SELECT count(*) FROM desks WHERE organisation_id = $1"
    async with client_of(centre, await token_of(db, centre, centre.user)) as supervisor:
        assert (await supervisor.get(f"/agents/{centre.agent}/session")).status_code == 200
    assert (await centre.client.put("/availability", json={"agentId": centre.agent, "available": True})).is_success
    assert await db.fetchval(seen, centre.organisation) == 0
    async with client_of(centre, await token_of(db, centre, centre.agent)) as desk:
        assert (await desk.get("/campaigns")).status_code == 200
    assert await db.fetchval(seen, centre.organisation) == 1


async def test_who_makes_ready_an_agent_without_its_desk_is_told(app: Any, db: Database, centre: Centre) -> None:
    now = datetime.now(UTC)
    await agents.make_ready(db, centre.organisation, centre.agent, now)
    await desks.heartbeat(db, [(centre.organisation, centre.agent)], now - timedelta(minutes=5))
    await desks.pause_gone(db, now)
    async with client_of(centre, await token_of(db, centre, centre.user)) as supervisor:
        refused = await supervisor.post(f"/agents/{centre.agent}/commands", json={"action": "ready"})
        assert (refused.status_code, refused.json()["code"]) == (409, "desk-gone")
        assert (await supervisor.get(f"/agents/{centre.agent}/session")).json()["reason"] == DESK_GONE
    # another system that shows agents their calls
    assert (await centre.client.put("/availability", json={"agentId": centre.agent, "available": True})).is_success
    await desks.pause_gone(db, now)
    assert (await shown(db, centre))[0] == "ready"


@ON_FLOOR
async def test_no_call_is_sent_to_a_dead_desk(
    app: Any, db: Database, centre: Centre, own: Database, settings: Settings
) -> None:
    token = await token_of(db, centre, centre.agent)
    async with (
        exchange(centre, own, settings, QUEUE, agents=1) as (up, number, _),
        client_of(centre, token) as desk,
        served(app) as address,
    ):
        async with stream(address, token) as events:
            await read(events, 1)
            assert (await desk.put("/session", json={"state": "ready"})).is_success
        await silence(db, centre, 31)

        async def held_back() -> bool:
            return await shown(db, centre) == ("paused", None, DESK_GONE)

        await until(held_back)
        await until(lambda: _settled(up, centre, "paused"))
        up.carrier.call_in(number, CALLER, PATIENT)

        async def waits() -> bool:
            waiting = "SELECT count(*) FROM activities WHERE organisation_id = $1 AND status_id = 2"
            return await db.fetchval(waiting, centre.organisation) == 1

        await until(waits)
        assert (await shown(db, centre))[0] == "paused"
        # another API process than the one that heard the last sign
        await desks.heartbeat(db, [(centre.organisation, centre.agent)], datetime.now(UTC))

        async def talks() -> bool:
            return (await shown(db, centre))[0] == "on-call"

        await until(talks)


async def _settled(up: Any, centre: Centre, state: str) -> bool:
    agent = up.floor.team.get(centre.agent)
    return agent is not None and agent.facts.state == state

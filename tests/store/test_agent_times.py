"""Every second of an agent's day is in one state, whatever the clocks of those who write it say."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from callfloor.store.agents import agents
from callfloor.store.db.pool import Database
from callfloor.store.figures import agent_times
from tests.conftest import Centre, make_centre

# an hour before the clocks of Sydney go forward, and so across a midnight
BEGIN = datetime(2026, 10, 3, 13, 30, tzinfo=UTC)
STATES = st.sampled_from(
    ["ready", "pause", "sign out", "dialling", "on-call", "on-wrap", "show paused", "ended", "show signed-out", "crash"]
)


async def happens(db: Database, centre: Centre, what: str, at: datetime, reason: str | None, campaign: int) -> None:
    """One of the ways in which a state comes about: what an agent asks for, or what a floor shows."""
    own = db, centre.organisation, centre.agent
    match what:
        case "ready":
            await agents.make_ready(*own, at)
        case "pause":
            await agents.sign_in_paused(*own, at, reason)
        case "sign out":
            await agents.sign_out(*own, at)
        case "dialling" | "on-call" | "on-wrap":
            await agents.show(*own, what, None, at, campaign)
        case "show paused":
            await agents.show(*own, "paused", reason, at)
        case "show signed-out":
            await agents.show(*own, "signed-out", None, at)
        case "ended":
            await agents.call_ended(*own, at)
        case _:
            # an engine died: the next one frees whoever was on its calls
            if await agents.state(*own) in ("dialling", "on-call"):
                await agents.show(*own, "paused", None, at)


async def times(db: Database, centre: Centre) -> list[Any]:
    return await db.fetch(
        "SELECT * FROM agent_times WHERE organisation_id = $1 AND agent_id = $2 ORDER BY began_at",
        centre.organisation,
        centre.agent,
    )


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.tuples(STATES, st.floats(0, 5000), st.floats(-2, 2), st.sampled_from([None, "tea", "lunch"]), st.booleans()),
        max_size=14,
    )
)
async def test_the_parts_add_up_to_the_time_signed_in(
    db: Database, app: Any, steps: list[tuple[str, float, float, str | None, bool]]
) -> None:
    centre = await make_centre(db, app)
    at, signed_in = BEGIN, list[tuple[datetime, datetime | None]]()
    for what, seconds, skew, reason, first in steps:
        at += timedelta(seconds=seconds)
        # the process that writes has a clock of its own
        await happens(db, centre, what, at + timedelta(seconds=skew), reason, centre.outbound if first else 77)
        state = await agents.state(db, centre.organisation, centre.agent)
        rows = await times(db, centre)
        open_rows = [row for row in rows if row["ended_at"] is None]
        # what is open now is what the agent does now
        assert [row["state"] for row in open_rows] == ([] if state == "signed-out" else [state])
    rows = await times(db, centre)
    for row, following in pairwise(rows):
        assert row["ended_at"] is not None
        assert row["began_at"] < row["ended_at"] <= following["began_at"]
    for row in rows:
        if not signed_in or signed_in[-1][1] != row["began_at"]:
            signed_in.append((row["began_at"], row["ended_at"]))
        else:
            signed_in[-1] = signed_in[-1][0], row["ended_at"]
    now = max([at, *(row["ended_at"] or row["began_at"] for row in rows)]) + timedelta(seconds=10)
    # cut into days of a zone that changes its clocks, or into quarters of an hour: the sum is the same to the second
    naive = sum(math.floor((end or now).timestamp()) - math.floor(begin.timestamp()) for begin, end in signed_in)
    # another reason for a pause counts from this moment, by the database's clock
    begin = BEGIN - timedelta(hours=3)
    days = [begin + timedelta(hours=hours) for hours in range(0, 24, 2)]
    days += [days[-1] + timedelta(days=100 * n) for n in range(1, 3 + (now - begin) // timedelta(days=100))]
    found = await agent_times.of_agent(db, centre.organisation, centre.agent, begin, now, now)
    assert sum(part.seconds for part in found) == naive
    cut = 0
    for first, last in pairwise(days):
        parts = await agent_times.of_agent(
            db, centre.organisation, centre.agent, first, max(first, min(last, now)), now
        )
        cut += sum(part.seconds for part in parts)
    assert cut == naive
    for part in found:
        assert (part.campaign is not None) <= (part.state in ("dialling", "on-call", "on-wrap"))
        assert part.reason is None or part.state == "paused"


async def test_a_move_ends_when_the_agent_signs_out(db: Database, centre: Centre) -> None:
    now = datetime.now(UTC)
    await agents.make_ready(db, centre.organisation, centre.agent, now)
    await agents.move(db, centre.organisation, centre.agent, centre.inbound, centre.user, now)
    both = [(centre.organisation, centre.inbound), (centre.organisation, centre.outbound)]
    assert [row["campaign_id"] for row in await agents.members(db, both)] == [centre.inbound]
    await agents.sign_out(db, centre.organisation, centre.agent, now + timedelta(seconds=1))
    assert len(await agents.members(db, both)) == 2

"""An agent's time over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from callfloor.store.agents import agents
from callfloor.store.db.pool import Database
from tests.conftest import Centre

REPORTS = "http://callfloor.test/reports/v1"
BEGIN = datetime(2026, 10, 3, 13, 59, 50, tzinfo=UTC)


async def times(centre: Centre, begin: datetime, end: datetime) -> Any:
    params = {"from": begin.isoformat(), "to": end.isoformat()}
    answer = await centre.client.get(f"{REPORTS}/agents/{centre.agent}/times", params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_the_parts_of_a_day_are_shown_and_add_up(db: Database, centre: Centre) -> None:
    own = db, centre.organisation, centre.agent
    await agents.make_ready(*own, BEGIN)
    await agents.show(*own, "on-call", None, BEGIN + timedelta(seconds=20), centre.inbound)
    await agents.show(*own, "paused", "lunch", BEGIN + timedelta(seconds=50))
    await agents.sign_out(*own, BEGIN + timedelta(seconds=110))
    found = await times(centre, BEGIN - timedelta(hours=1), BEGIN + timedelta(hours=1))
    assert found["seconds"] == {"ready": 20, "on-call": 30, "paused": 60}
    assert (found["signedInSeconds"], found["pauses"]) == (110, [{"reason": "lunch", "seconds": 60}])
    assert [part["campaignId"] for part in found["times"]] == [None, centre.inbound, None]
    assert found["times"][0]["begin"] == "2026-10-03T23:59:50+10:00"
    midnight = BEGIN + timedelta(seconds=10)
    before, after = await times(centre, BEGIN, midnight), await times(centre, midnight, midnight + timedelta(days=1))
    assert (before["signedInSeconds"], after["signedInSeconds"]) == (10, 100)
    # a part that lies in both is shown whole in each
    assert before["times"][-1]["begin"] == after["times"][0]["begin"]


@pytest.mark.parametrize(
    ("begin", "end", "parameter"),
    [("2026-10-03", "2026-10-03", "to"), ("2026-10-03", "2026-11-30", "to"), ("soon", "2026-10-04", "from")],
)
async def test_a_period_that_cannot_be_is_named(centre: Centre, begin: str, end: str, parameter: str) -> None:
    answer = await centre.client.get(f"{REPORTS}/agents/{centre.agent}/times", params={"from": begin, "to": end})
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["parameter"] == parameter


async def test_agents_of_others_are_not_there(centre: Centre, other_centre: Centre) -> None:
    path = f"{REPORTS}/agents/{centre.agent}/times?from=2026-10-03&to=2026-10-04"
    assert (await other_centre.client.get(path)).status_code == 404
    user = f"{REPORTS}/agents/{centre.user}/times?from=2026-10-03&to=2026-10-04"
    assert (await centre.client.get(user)).status_code == 404

"""Simulations that people asked for: done in processes of their own, one at a time of an organisation, cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from callfloor.jobs import what_ifs as jobs
from callfloor.store.db.pool import Database
from callfloor.store.figures import what_ifs
from tests.conftest import Centre, alone
from tests.waiting import until

pytestmark = pytest.mark.parametrize("dsn", alone(__name__), indirect=True, scope="session")
ASKED = "http://callfloor.test/reports/v1/what-ifs"
REPORTS = "http://callfloor.test/reports/v1"
CAMPAIGN = "SELECT campaign_id FROM campaigns WHERE organisation_id = $1 AND direction = 'outbound' LIMIT 1"


@pytest.fixture
async def campaign(db: Database, centre: Centre) -> AsyncIterator[int]:
    await db.execute("DELETE FROM what_ifs")
    yield await db.fetchval(CAMPAIGN, centre.organisation)
    await db.execute("DELETE FROM what_ifs")


async def ask(centre: Centre, campaign: int, **given: Any) -> httpx2.Response:
    return await centre.client.post(
        ASKED, json={"campaignId": campaign, "agents": [2], "modes": ["progressive"], **given}
    )


async def test_a_campaign_is_simulated_and_says_by_what(
    db: Database, centre: Centre, campaign: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "WALL_S", 0.0)
    answer = await ask(centre, campaign, agents=[2, 3], given={"talkSeconds": 60})
    assert answer.status_code == 202, answer.text
    path = f"http://callfloor.test{answer.headers['location']}"
    assert answer.json()["state"] == "waiting"
    assert await jobs.simulate_next(db)
    found = (await centre.client.get(path)).json()
    assert (found["state"], found["progress"], found["reason"]) == ("done", 1.0, None)
    assert [(each["agents"], each["mode"], each["cap"], each["runs"]) for each in found["points"]] == [
        (2, "progressive", None, 3),
        (3, "progressive", None, 3),
    ]
    assert found["assumptions"]["talkSeconds"] == {"value": 60.0, "cv": 0.8, "source": "given", "samples": 0}
    assert found["assumptions"]["liveShare"]["source"] == "default"
    listed = (await centre.client.get(ASKED, params={"campaignId": campaign})).json()
    assert [each["whatIfId"] for each in listed["items"]] == [found["whatIfId"]]
    assert not await jobs.simulate_next(db)


async def test_one_that_is_deleted_ends_and_its_processes_with_it(
    db: Database, centre: Centre, campaign: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "LOOK_S", 0.01)
    # of a program that never says anything
    monkeypatch.setattr(jobs, "RUNS", "tests.jobs.silent")
    started: list[asyncio.subprocess.Process] = []
    start = asyncio.create_subprocess_exec

    async def watched(*command: str, **given: Any) -> asyncio.subprocess.Process:
        started.append(await start(*command, **given))
        return started[-1]

    monkeypatch.setattr(asyncio, "create_subprocess_exec", watched)
    path = f"http://callfloor.test{(await ask(centre, campaign)).headers['location']}"
    work = asyncio.create_task(jobs.simulate_next(db))
    await until(lambda: _is(bool(started)))
    assert (await centre.client.get(path)).json()["state"] == "running"
    assert (await centre.client.delete(path)).status_code == 204
    assert await work
    assert [each.returncode for each in started] == [-9] * len(started)
    assert (await centre.client.get(path)).status_code == 404
    assert (await centre.client.delete(path)).status_code == 404


async def _is(value: bool) -> bool:
    return value


async def test_a_process_that_dies_fails_it_and_three_wait_at_most(
    db: Database, centre: Centre, campaign: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "RUNS", "no.such.module")
    answers = [await ask(centre, campaign) for _ in range(4)]
    assert [each.status_code for each in answers] == [202, 202, 202, 409]
    assert await jobs.simulate_next(db)
    found = (await centre.client.get(f"http://callfloor.test{answers[0].headers['location']}")).json()
    assert (found["state"], found["points"]) == ("failed", [])
    assert "ended" in found["reason"]
    assert (await ask(centre, campaign)).status_code == 202


async def test_one_of_an_organisation_runs_at_a_time_and_is_taken_up_again_when_its_worker_is_gone(
    db: Database, centre: Centre, campaign: int
) -> None:
    for _ in range(2):
        await ask(centre, campaign)
    now, lease = datetime.now(UTC), timedelta(seconds=10)
    first = await what_ifs.claim(db, now, lease)
    assert first is not None
    assert await what_ifs.claim(db, now, lease) is None
    again = await what_ifs.claim(db, now + 2 * lease, lease)
    assert again is not None
    assert (again.what_if_id, again.tries) == (first.what_if_id, 2)
    # who was thought gone says nothing of it any more
    assert not await what_ifs.progress(db, first, 0.5, now + lease)
    assert not await what_ifs.finish(db, first, [], None, now)
    assert await what_ifs.progress(db, again, 0.5, now + lease)


async def test_what_cannot_be_simulated_is_refused(centre: Centre, campaign: int) -> None:
    for given, pointer in (
        ({"campaignId": 999_999}, "/campaignId"),
        ({"agents": list(range(1, 13)), "modes": ["progressive", "predictive"]}, "/agents"),
        ({"given": {"liveShare": 0.7, "busyShare": 0.4}}, "/given"),
        ({"agents": []}, "/agents"),
    ):
        answer = await ask(centre, campaign, **given)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["pointer"] == pointer
    measured = await centre.client.get(f"{REPORTS}/campaigns/{campaign}/measured")
    assert measured.status_code == 200
    assert measured.json()["assumptions"]["wrapUpSeconds"]["source"] == "default"
    assert (await centre.client.get(f"{REPORTS}/campaigns/999999/measured")).status_code == 404

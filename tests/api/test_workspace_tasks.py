"""What callers left to do, at desks."""

from __future__ import annotations

from datetime import UTC, datetime

from callfloor.store.calls import tasks
from callfloor.store.db.pool import Database
from tests.api.desks import client_of, token_of
from tests.conftest import Centre
from tests.factories import inbound_call
from tests.store.call_day import put_agents


async def test_a_task_is_one_agent_s_from_taking_to_finishing(db: Database, centre: Centre) -> None:
    now = datetime.now(UTC)
    (other,) = await put_agents(db, centre, ["ready"], now)
    call = (centre.inbound, "+61491570156", "+61255500200")
    activity = await inbound_call(db, centre.organisation, *call, now)
    for _ in range(2):
        # a write that is repeated makes no second task
        await tasks.add(db, centre.organisation, centre.inbound, "voicemail", activity, now)
    async with (
        client_of(centre, await token_of(db, centre, centre.agent)) as mine,
        client_of(centre, await token_of(db, centre, other)) as theirs,
    ):
        (task,) = (await mine.get("/tasks")).json()["tasks"]
        assert (task["kind"], task["number"], task["agentId"], task["done"]) == (
            "voicemail", "+61491570156", None, False,
        )  # fmt: skip
        assert task["messageUri"] is None
        assert (await mine.get(f"/tasks/{task['taskId']}/message")).status_code == 404
        assert (await mine.post(f"/tasks/{task['taskId']}/finish")).status_code == 409
        assert (await mine.post(f"/tasks/{task['taskId']}/take")).json()["agentId"] == centre.agent
        # taking it twice is no harm
        assert (await mine.post(f"/tasks/{task['taskId']}/take")).status_code == 200
        assert (await theirs.get("/tasks")).json()["tasks"] == []
        refused = await theirs.post(f"/tasks/{task['taskId']}/take")
        assert (refused.status_code, refused.json()["type"].rsplit("/", 1)[-1]) == (409, "task-not-free")
        assert (await theirs.post(f"/tasks/{task['taskId']}/finish")).status_code == 409
        assert (await mine.post(f"/tasks/{task['taskId']}/finish")).json()["done"]
        assert (await mine.get("/tasks")).json()["tasks"] == []
        assert (await mine.post(f"/tasks/{task['taskId']}/take")).status_code == 409


async def test_tasks_of_queues_that_an_agent_does_not_serve_are_not_there(db: Database, centre: Centre) -> None:
    now = datetime.now(UTC)
    call = (centre.inbound, None, "+61255500200")
    activity = await inbound_call(db, centre.organisation, *call, now)
    await tasks.add(db, centre.organisation, centre.inbound, "callback", activity, now)
    task = await db.fetchval("SELECT task_id FROM tasks WHERE organisation_id = $1", centre.organisation)
    await db.execute("DELETE FROM campaign_agents WHERE organisation_id = $1", centre.organisation)
    async with client_of(centre, await token_of(db, centre, centre.agent)) as client:
        assert (await client.get("/tasks")).json()["tasks"] == []
        assert (await client.post(f"/tasks/{task}/take")).status_code == 404

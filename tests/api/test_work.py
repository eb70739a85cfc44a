"""Work does not die with its holder: it goes back when an agent is gone, and supervisors move it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from structlog.testing import capture_logs

from callfloor.rules.dialling.callbacks import Moved
from callfloor.store.agents import agents, requeue
from callfloor.store.calls import activities, tasks
from callfloor.store.db.pool import Database
from callfloor.store.leads import callbacks
from tests.api.desks import add_agent, client_of, token_of
from tests.conftest import Centre, alone
from tests.factories import inbound_call
from tests.mail.post import Letters

# housekeeping looks at every organisation
pytestmark = pytest.mark.parametrize("dsn", alone(__name__), indirect=True, scope="session")
NUMBER = "+61491570156"
QUARTER = timedelta(minutes=15)


@pytest.fixture
async def db(dsn: str) -> AsyncGenerator[Database, None]:
    database = await Database.connect(dsn, size=6)
    yield database
    await database.close()


async def returned(db: Database, centre: Centre, at: datetime) -> int:
    """How many pieces of the organisation's work went back at that time. (Others are on the same server.)"""
    await requeue.of_agents_gone(db, at)
    return await db.fetchval(
        """SELECT (SELECT count(*) FROM emails WHERE organisation_id = $1 AND moved_at = $2)
            + (SELECT count(*) FROM tasks WHERE organisation_id = $1 AND moved_at = $2)
            + (SELECT count(*) FROM leads WHERE organisation_id = $1 AND callback_moved_at = $2)
            + (SELECT count(*) FROM activities WHERE organisation_id = $1 AND wrap_up_at = $2)""",
        *(centre.organisation, at),
    )


async def colleague(db: Database, centre: Centre) -> int:
    other = await add_agent(db, centre, "jane.roe")
    for campaign in (centre.inbound, centre.outbound):
        await db.execute("INSERT INTO campaign_agents VALUES ($1, $2, $3)", centre.organisation, campaign, other)
    return other


async def message(db: Database, centre: Centre, at: datetime) -> int:
    """A voicemail's task."""
    activity = await inbound_call(db, centre.organisation, centre.inbound, NUMBER, "+61255500200", at)
    await tasks.add(db, centre.organisation, centre.inbound, "voicemail", activity, at)
    return await db.fetchval("SELECT task_id FROM tasks WHERE activity_id = $1", activity)


async def wish(db: Database, centre: Centre, at: datetime, number: str = NUMBER) -> tuple[int, int]:
    """A caller wants to be called back: the task, and its lead."""
    activity = await inbound_call(db, centre.organisation, centre.inbound, number, "+61255500200", at)
    await activities.hang_up(db, centre.organisation, activity, at)
    where = centre.organisation, centre.inbound, centre.list_id, activity, number
    await db.execute("UPDATE campaigns SET mode = 'predictive' WHERE campaign_id = $1", centre.outbound)
    await db.execute("""UPDATE campaigns SET dialling = '{"regime": "none"}' WHERE campaign_id = $1""", centre.outbound)
    assert await callbacks.register(db, *where, at)
    row = await db.fetchrow("SELECT task_id, lead_id FROM tasks WHERE activity_id = $1", activity)
    assert row is not None
    return row["task_id"], row["lead_id"]


async def lead(db: Database, lead_id: int) -> tuple[Any, ...]:
    row = await db.fetchrow(
        "SELECT status_code, agent_id, callback_was_of, callback_moved_why FROM leads WHERE lead_id = $1", lead_id
    )
    assert row is not None
    return tuple(row.values())


async def own_callback(centre: Centre, at: datetime, agent: int) -> int:
    body = {"listId": centre.list_id, "phone1": "0491570157", "nextAttemptTimestamp": at.isoformat(), "agentId": agent}
    answer = await centre.client.post("/leads", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()["leadId"]


async def test_what_an_agent_holds_who_signs_out_goes_back_after_the_time_that_is_set_and_no_sooner(
    db: Database, centre: Centre, desk: httpx2.AsyncClient, letters: Letters
) -> None:
    now = datetime.now(UTC)
    first, second = await letters.come(now), await letters.come(now + timedelta(seconds=1))
    task = await message(db, centre, now)
    await agents.make_ready(db, centre.organisation, centre.agent, now)
    mine = await own_callback(centre, now + timedelta(seconds=2), centre.agent)
    later = await own_callback(centre, now + timedelta(days=2), centre.agent)
    assert (await desk.post("/emails/take", json={"activityId": first.activity_id})).status_code == 200
    path = f"/emails/{first.activity_id}"
    assert (await desk.put(f"{path}/draft", json={"text": "Dear Jane,"})).status_code == 204
    assert (await desk.post(f"/tasks/{task}/take")).status_code == 200
    # nobody is gone who is signed in, for however long
    assert await returned(db, centre, now + timedelta(days=1)) == 0
    left = datetime.now(UTC) + timedelta(minutes=1)
    await agents.sign_out(db, centre.organisation, centre.agent, left)
    assert await returned(db, centre, left + QUARTER - timedelta(seconds=1)) == 0
    back = left + QUARTER
    assert await returned(db, centre, back) == 3
    assert await returned(db, centre, back + QUARTER) == 0, "once"
    shown = (await desk.get("/emails")).json()
    assert [each["activityId"] for each in shown["waiting"]] == [first.activity_id, second.activity_id], "its place"
    assert (shown["waiting"][0]["moved"]["reason"], shown["own"]) == ("agent-signed-out", [])
    assert (await desk.get("/session")).json()["email"] is None
    assert (await desk.post("/emails/take", json={})).json()["draft"]["text"] == "Dear Jane,"
    (again,) = (await desk.get("/tasks")).json()["tasks"]
    assert (again["agentId"], again["moved"]["agentId"]) == (None, centre.agent)
    assert await lead(db, mine) == (9, None, centre.agent, 3)
    assert (await lead(db, later))[:2] == (10, centre.agent), "it is not due yet"
    moved = (await centre.client.get(f"/leads/{mine}")).json()["callbackMoved"]
    assert moved["reason"] == "agent-signed-out"


@pytest.mark.parametrize(("minutes", "gone_after"), [(0, 0), (60, 60)])
async def test_each_campaign_says_after_which_time(
    db: Database, centre: Centre, desk: httpx2.AsyncClient, letters: Letters, minutes: int, gone_after: int
) -> None:
    await db.execute(
        "UPDATE campaigns SET dialling = jsonb_build_object('returnAfterMinutes', $2::integer) WHERE campaign_id = $1",
        *(centre.inbound, minutes),
    )
    now = datetime.now(UTC)
    await letters.come(now)
    await desk.post("/emails/take", json={})
    left = now + timedelta(minutes=5)
    await agents.make_ready(db, centre.organisation, centre.agent, now)
    await agents.sign_out(db, centre.organisation, centre.agent, left)
    at = left + timedelta(minutes=gone_after)
    assert await returned(db, centre, at - timedelta(seconds=1)) == 0
    assert await returned(db, centre, at) == 1


async def test_an_agent_who_never_signs_in_keeps_its_e_mail_for_that_time_after_the_last_word_of_a_draft(
    db: Database, centre: Centre, desk: httpx2.AsyncClient, letters: Letters
) -> None:
    now = datetime.now(UTC)
    letter = await letters.come(now)
    await desk.post("/emails/take", json={})
    await db.execute(
        "UPDATE emails SET draft = 'Dear', draft_by = $2, draft_at = $3 WHERE activity_id = $1",
        *(letter.activity_id, centre.agent, now + timedelta(minutes=10)),
    )
    assert await returned(db, centre, now + timedelta(minutes=24)) == 0
    assert await returned(db, centre, now + timedelta(minutes=25)) == 1


async def test_an_account_that_is_closed_holds_nothing_whoever_closed_it(
    db: Database, centre: Centre, desk: httpx2.AsyncClient, letters: Letters
) -> None:
    now = datetime.now(UTC)
    answered, waiting = await letters.come(now), await letters.come(now)
    task = await message(db, centre, now)
    later = await own_callback(centre, now + timedelta(days=2), centre.agent)
    for each in (answered, waiting):
        await desk.post("/emails/take", json={"activityId": each.activity_id})
    await desk.post(f"/emails/{answered.activity_id}/answers", json={"text": "Yes."})
    await desk.post(f"/tasks/{task}/take")
    await agents.make_ready(db, centre.organisation, centre.agent, now)
    await db.execute("UPDATE users SET account_active = false WHERE user_id = $1", centre.agent)
    assert await returned(db, centre, now + timedelta(minutes=1)) == 4
    rows = await db.fetch(
        "SELECT status_id, agent_id, wrap_up_at IS NULL AS open FROM activities WHERE activity_id = ANY($1)"
        " ORDER BY activity_id",
        [answered.activity_id, waiting.activity_id],
    )
    assert [tuple(row.values()) for row in rows] == [(3, centre.agent, False), (2, None, True)], "answered: closed"
    assert await lead(db, later) == (9, None, centre.agent, 1)


async def test_the_log_says_what_goes_back_at_once_of_an_agent_who_is_gone_for_good(
    db: Database, centre: Centre, desk: httpx2.AsyncClient, letters: Letters
) -> None:
    now = datetime.now(UTC)
    letter, task = await letters.come(now), await message(db, centre, now)
    await desk.post("/emails/take", json={"activityId": letter.activity_id})
    await desk.post(f"/tasks/{task}/take")
    with capture_logs() as said:
        await requeue.of_agent(db, centre.organisation, centre.agent, Moved.INACTIVE, now)
        await requeue.of_agent(db, centre.organisation, centre.agent, Moved.INACTIVE, now)
    (line,) = [line for line in said if line["event"] == "work-returned"]
    assert (line["count"], line["agent"], line["reason"]) == (2, centre.agent, "agent-inactive")


async def test_answered_means_that_an_answer_was_written(
    centre: Centre, desk: httpx2.AsyncClient, letters: Letters
) -> None:
    now = datetime.now(UTC) - timedelta(minutes=1)
    ids = [(await letters.come(now)).activity_id for _ in range(4)]

    async def said(activity: int) -> tuple[str, bool, bool]:
        data = (await centre.client.get(f"/activities/{activity}")).json()["data"]
        times = data["timestamps"]
        return data["activityStatusName"], times["taken"] is not None, times["answered"] is not None

    assert await said(ids[0]) == ("In Queue", False, False)
    for activity in ids:
        await desk.post("/emails/take", json={"activityId": activity})
        assert await said(activity) == ("Taken", True, False)
    await desk.post(f"/emails/{ids[0]}/answers", json={"text": "Yes."})
    assert await said(ids[0]) == ("Answered", True, True)
    for activity in ids[:2]:
        await desk.post(f"/emails/{activity}/close", json={})
    assert await said(ids[0]) == ("Answered", True, True)
    assert await said(ids[1]) == ("Not Answered", True, False)
    handed = await desk.post(f"/emails/{ids[2]}/transfer", json={"campaignId": centre.inbound})
    assert (await said(ids[2]), await said(handed.json()["activityId"])) == (
        ("Not Answered", True, False),
        ("In Queue", False, False),
    )
    assert (await desk.post(f"/emails/{ids[3]}/return")).status_code == 204
    assert await said(ids[3]) == ("In Queue", False, False)
    assert (await desk.post(f"/emails/{ids[3]}/return")).status_code == 409


async def test_a_supervisor_moves_an_e_mail_with_its_draft(
    db: Database, centre: Centre, desk: httpx2.AsyncClient, supervisor: httpx2.AsyncClient, letters: Letters
) -> None:
    other = await colleague(db, centre)
    stranger = await add_agent(db, centre, "no.member")
    letter = (await letters.come(datetime.now(UTC))).activity_id
    path = f"/work/emails/{letter}/move"
    assert (await supervisor.post(path, json={"agentId": centre.agent})).status_code == 204, "out of the queue"
    assert (await desk.get("/session")).json()["email"]["activityId"] == letter
    await desk.put(f"/emails/{letter}/draft", json={"text": "Dear Jane,"})
    for agent, status in ((stranger, 409), (centre.user, 422), (999_999, 422)):
        assert (await supervisor.post(path, json={"agentId": agent})).status_code == status
    assert (await supervisor.post(path, json={"agentId": other})).status_code == 204
    assert (await desk.get("/session")).json()["email"] is None
    assert (await desk.post(f"/emails/{letter}/answers", json={"text": "Mine."})).status_code == 409
    (held,) = (await supervisor.get(f"/work/emails?agentId={other}")).json()["items"]
    assert (held["activityId"], held["draft"], held["moved"]["reason"]) == (letter, True, "supervisor")
    async with client_of(centre, await token_of(db, centre, other)) as theirs:
        assert (await theirs.get(f"/emails/{letter}")).json()["draft"]["text"] == "Dear Jane,"
        assert (await supervisor.post(path, json={"agentId": None})).status_code == 204
        assert (await theirs.post(f"/emails/{letter}/answers", json={"text": "Mine."})).status_code == 409
    assert (await supervisor.get(f"/work/emails?agentId={other}")).json()["items"] == []
    await desk.post("/emails/take", json={})
    await desk.post(f"/emails/{letter}/answers", json={"text": "Yes."})
    assert (await supervisor.post(path, json={"agentId": None})).status_code == 409, "nobody has to answer it again"
    await desk.post(f"/emails/{letter}/close", json={})
    assert (await supervisor.post(path, json={"agentId": other})).status_code == 409
    assert (await supervisor.post("/work/emails/999999/move", json={"agentId": other})).status_code == 404


async def test_a_supervisor_moves_tasks_and_callbacks_and_lists_what_is_overdue(
    db: Database, centre: Centre, desk: httpx2.AsyncClient, supervisor: httpx2.AsyncClient
) -> None:
    other, now = await colleague(db, centre), datetime.now(UTC)
    task = await message(db, centre, now)
    asked, of_task = await wish(db, centre, now - timedelta(minutes=5))
    coming = await own_callback(centre, now + timedelta(days=1), centre.agent)
    listed = (await supervisor.get("/work/callbacks?overdue=true")).json()["items"]
    assert [(each["leadId"], each["overdue"], each["agentId"]) for each in listed] == [(of_task, True, None)]
    first = (await supervisor.get("/work/callbacks?limit=1")).json()
    rest = (await supervisor.get(first["metadata"]["nextUri"].removeprefix("/workspace/v1"))).json()
    assert [each["leadId"] for each in first["items"] + rest["items"]] == [of_task, coming]
    assert (await supervisor.post(f"/work/tasks/{task}/move", json={"agentId": other})).status_code == 204
    assert (await supervisor.post(f"/work/tasks/{asked}/move", json={"agentId": other})).status_code == 204
    assert (await desk.get("/tasks")).json()["tasks"] == []
    assert (await lead(db, of_task))[:2] == (10, other)
    (its,) = (await supervisor.get(f"/work/callbacks?agentId={other}&overdue=true")).json()["items"]
    assert its["leadId"] == of_task
    move = f"/work/callbacks/{coming}/move"
    assert (await supervisor.post(move, json={"agentId": other})).status_code == 204
    assert (await lead(db, coming)) == (10, other, centre.agent, 4)
    assert (await supervisor.post(move, json={"agentId": None})).status_code == 204
    assert (await lead(db, coming))[:3] == (9, None, other)
    assert [each["taskId"] for each in (await supervisor.get("/work/tasks")).json()["items"]] == [asked, task]
    await centre.client.put(f"/leads/{coming}", json={"statusCode": 11})
    assert (await supervisor.post(move, json={"agentId": other})).status_code == 409
    assert (await supervisor.post("/work/callbacks/999999/move", json={"agentId": None})).status_code == 404


@pytest.mark.parametrize("how", ["task", "status", "completed", "deleted", "own status"])
async def test_a_callback_and_its_task_are_one_thing_that_is_done_once(
    db: Database, centre: Centre, desk: httpx2.AsyncClient, how: str
) -> None:
    now = datetime.now(UTC)
    task, lead_id = await wish(db, centre, now)
    (shown,) = (await desk.get("/tasks")).json()["tasks"]
    assert (shown["leadId"], shown["agentId"], shown["done"]) == (lead_id, None, False)
    assert (await desk.post(f"/tasks/{task}/take")).json()["agentId"] == centre.agent
    assert (await lead(db, lead_id))[:2] == (10, centre.agent), "nobody else calls meanwhile"
    assert [each["leadId"] for each in (await desk.get("/callbacks")).json()["items"]] == [lead_id]
    match how:
        case "task":
            assert (await desk.post(f"/tasks/{task}/finish")).json()["done"]
            assert (await centre.client.get(f"/leads/{lead_id}")).json()["lastStatusDescription"] == "Contacted"
        case "status":
            await centre.client.put(f"/leads/{lead_id}", json={"statusCode": 11})
        case "completed":
            await centre.client.put(f"/leads/{lead_id}", json={"isCompleted": True})
        case "deleted":
            await centre.client.delete(f"/leads/{lead_id}")
        case _:
            await db.execute("INSERT INTO lead_statuses VALUES ($1, 100, 'Sold')", centre.organisation)
            await centre.client.put(f"/leads/{lead_id}", json={"statusCode": 100})
    assert (await desk.get("/tasks")).json()["tasks"] == []
    assert (await desk.get("/callbacks")).json()["items"] == []
    assert (await desk.post(f"/tasks/{task}/finish")).status_code == 409
    assert (await desk.post(f"/tasks/{task}/take")).status_code == 409
    await requeue.of_agents_gone(db, now)
    assert await db.fetchval("SELECT done_at FROM tasks WHERE task_id = $1", task) is not None


async def test_a_callback_that_is_being_made_is_not_taken_and_one_that_failed_is_still_to_be_made(
    db: Database, centre: Centre, desk: httpx2.AsyncClient
) -> None:
    task, lead_id = await wish(db, centre, datetime.now(UTC))
    await db.execute("UPDATE leads SET in_flight_attempt_id = 1, status_code = 1 WHERE lead_id = $1", lead_id)
    refused = await desk.post(f"/tasks/{task}/take")
    assert (refused.status_code, "at this moment" in refused.json()["detail"]) == (409, True)
    await db.execute("UPDATE leads SET in_flight_attempt_id = NULL, status_code = 4 WHERE lead_id = $1", lead_id)
    assert (await desk.post(f"/tasks/{task}/take")).status_code == 200
    assert (await desk.post(f"/tasks/{task}/return")).json()["agentId"] is None
    assert (await lead(db, lead_id))[:2] == (9, None)


async def test_an_agent_who_does_not_work_where_a_caller_is_called_back_from_does_not_take_the_callback(
    db: Database, centre: Centre, desk: httpx2.AsyncClient
) -> None:
    task, lead_id = await wish(db, centre, datetime.now(UTC))
    await db.execute("DELETE FROM campaign_agents WHERE campaign_id = $1", centre.outbound)
    refused = await desk.post(f"/tasks/{task}/take")
    assert (refused.status_code, "campaign" in refused.json()["detail"]) == (409, True)
    assert (await lead(db, lead_id))[:2] == (9, None)


async def test_a_caller_who_asks_twice_is_called_back_once(
    db: Database, centre: Centre, desk: httpx2.AsyncClient
) -> None:
    now = datetime.now(UTC)
    _, lead_id = await wish(db, centre, now)
    activity = await inbound_call(db, centre.organisation, centre.inbound, NUMBER, "+61255500200", now)
    where = centre.organisation, centre.inbound, centre.list_id, activity, NUMBER
    assert await callbacks.register(db, *where, now + timedelta(minutes=3))
    assert [each["leadId"] for each in (await desk.get("/tasks")).json()["tasks"]] == [lead_id]
    assert len((await centre.client.get("/leads")).json()["items"]) == 1

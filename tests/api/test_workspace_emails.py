"""E-mails at a desk."""

from __future__ import annotations

import base64
from collections.abc import AsyncGenerator
from datetime import UTC, datetime

import httpx2
import pytest

from callfloor.store.db.pool import Database
from tests.api.desks import add_agent, client_of, token_of
from tests.conftest import Centre
from tests.mail.post import Letters, make_mailbox


@pytest.fixture
async def stranger(db: Database, centre: Centre) -> AsyncGenerator[httpx2.AsyncClient]:
    """An agent of the same organisation who is in none of the campaigns."""
    other = await add_agent(db, centre, "jane.roe")
    async with client_of(centre, await token_of(db, centre, other)) as client:
        yield client


async def test_a_letter_is_taken_read_answered_and_closed(
    db: Database, centre: Centre, desk: httpx2.AsyncClient, letters: Letters
) -> None:
    assert (await desk.post("/emails/take", json={})).status_code == 404
    now = datetime.now(UTC)
    first, second = await letters.come(now), await letters.come(now)
    shown = (await desk.get("/emails")).json()
    assert [each["activityId"] for each in shown["waiting"]] == [first.activity_id, second.activity_id]
    assert (shown["waiting"][0]["from"], shown["own"]) == ("Jane <jane@example.com>", [])
    taken = (await desk.post("/emails/take", json={})).json()
    assert (taken["activityId"], taken["text"]) == (first.activity_id, "This is letter 1.")
    assert [each["activityId"] for each in (await desk.get("/emails")).json()["own"]] == [first.activity_id]
    at_hand = {"activityId": first.activity_id, "campaignId": centre.inbound}
    assert (await desk.get("/session")).json()["email"] == at_hand
    path = f"/emails/{first.activity_id}"
    file = {"fileName": "bill.txt", "contentType": "text/plain", "content": base64.b64encode(b"2").decode()}
    sent = await desk.post(f"{path}/answers", json={"text": "Here it is.", "files": [file]})
    assert sent.status_code == 201, sent.text
    answer = (await desk.get(f"/emails/{sent.json()['activityId']}")).json()
    assert (answer["type"], answer["text"], answer["delivery"]) == ("email.outbound", "Here it is.", "waiting")
    assert answer["conversation"] == [first.activity_id, answer["activityId"]]
    bytes_ = await desk.get(answer["files"][0]["uri"].removeprefix("/workspace/v1"))
    assert (bytes_.status_code, bytes_.content) == (200, b"2")
    assert bytes_.headers["Content-Disposition"].startswith("attachment")
    assert (await desk.post(f"{path}/close", json={"wrapCode": 77})).status_code == 422
    assert (await desk.post(f"{path}/close", json={})).status_code == 204
    again = await desk.post(f"{path}/answers", json={"text": "More."})
    assert (again.status_code, again.json()["type"].rsplit("/", 1)[1]) == (409, "email-not-held")
    assert (await desk.get("/emails")).json()["own"] == []
    events = (await desk.get("/events?after=0")).json()["events"]
    assert [(each["type"], each["session"]["email"]) for each in events] == [
        ("email.offered", at_hand),
        ("session", None),
    ]


async def test_with_a_key_an_answer_goes_out_once(
    db: Database, centre: Centre, desk: httpx2.AsyncClient, letters: Letters
) -> None:
    letter = await letters.come(datetime.now(UTC))
    await desk.post("/emails/take", json={"activityId": letter.activity_id})
    headers = {"Idempotency-Key": "answer"}
    for _ in range(2):
        sent = await desk.post(f"/emails/{letter.activity_id}/answers", json={"text": "Yes."}, headers=headers)
        assert sent.status_code == 201
    count = "SELECT count(*) FROM outgoing_mail WHERE organisation_id = $1"
    assert await db.fetchval(count, centre.organisation) == 1


async def test_who_left_the_campaign_is_shown_no_answer_again_and_nobody_is_shown_anothers(
    db: Database, desk: httpx2.AsyncClient, stranger: httpx2.AsyncClient, centre: Centre, letters: Letters
) -> None:
    letter = await letters.come(datetime.now(UTC))
    path = f"/emails/{letter.activity_id}"
    headers, asked = {"Idempotency-Key": "take"}, {"activityId": letter.activity_id}
    taken = await desk.post("/emails/take", json=asked, headers=headers)
    assert (taken.status_code, taken.json()["text"]) == (200, "This is letter 1.")
    theirs = await stranger.post("/emails/take", json=asked, headers=headers)
    assert theirs.status_code == 422
    assert "letter" not in theirs.text
    again = await desk.post("/emails/take", json=asked, headers=headers)
    assert (again.headers["Idempotent-Replayed"], again.json()) == ("true", taken.json())
    closing = {"Idempotency-Key": "close"}
    me = (await stranger.get("/session")).json()["agentId"]
    await desk.post(f"{path}/transfer", json={"campaignId": centre.inbound, "agentId": me}, headers=closing)
    await db.execute("DELETE FROM campaign_agents WHERE organisation_id = $1", centre.organisation)
    await db.execute(
        "UPDATE activities SET agent_id = $3 WHERE organisation_id = $1 AND activity_id = $2",
        centre.organisation,
        letter.activity_id,
        me,
    )
    for method, rest, body, key in (
        ("POST", "/emails/take", asked, headers),
        ("POST", f"{path}/transfer", {"campaignId": centre.inbound, "agentId": me}, closing),
    ):
        gone = await desk.request(method, rest, json=body, headers=key)
        assert (gone.status_code, "letter" in gone.text) == (404, False)


async def test_who_is_in_none_of_its_campaigns_sees_no_letter_until_it_is_given_one(
    db: Database, desk: httpx2.AsyncClient, stranger: httpx2.AsyncClient, centre: Centre, letters: Letters
) -> None:
    letter = await letters.come(datetime.now(UTC))
    path = f"/emails/{letter.activity_id}"
    assert (await stranger.get("/emails")).json() == {"waiting": [], "own": []}
    refused = await stranger.post("/emails/take", json={"activityId": letter.activity_id})
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/activityId")
    for method, rest, body in (
        ("GET", "", None),
        ("POST", "/answers", {"text": "Mine."}),
        ("POST", "/close", {}),
        ("POST", "/transfer", {"campaignId": centre.inbound}),
    ):
        assert (await stranger.request(method, path + rest, json=body)).status_code == 404
    await desk.post("/emails/take", json={})
    me = (await stranger.get("/session")).json()["agentId"]
    given = await desk.post(f"{path}/transfer", json={"campaignId": centre.inbound, "agentId": me})
    assert given.status_code == 200, given.text
    child = given.json()["activityId"]
    assert [each["activityId"] for each in (await stranger.get("/emails")).json()["own"]] == [child]
    assert (await stranger.post(f"/emails/{child}/answers", json={"text": "Now mine."})).status_code == 201
    back = await stranger.post(f"/emails/{child}/transfer", json={"campaignId": centre.inbound})
    assert back.status_code == 200
    assert [each["activityId"] for each in (await desk.get("/emails")).json()["waiting"]] == [back.json()["activityId"]]


async def test_a_mailbox_that_sends_nothing_cannot_answer(
    db: Database, centre: Centre, desk: httpx2.AsyncClient
) -> None:
    letters = Letters(db, await make_mailbox(db, centre, send=None))
    letter = await letters.come(datetime.now(UTC))
    await desk.post("/emails/take", json={})
    answer = await desk.post(f"/emails/{letter.activity_id}/answers", json={"text": "No."})
    assert (answer.status_code, answer.json()["type"].rsplit("/", 1)[1]) == (409, "email-unanswerable")

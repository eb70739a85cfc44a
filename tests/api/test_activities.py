"""Activities over the API, written by the steps of the store, field by field as the contract has them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import combinations
from typing import Any

import pytest

from callfloor.contract.codes import DialStatus
from callfloor.store.calls import activities, attempts
from callfloor.store.db.pool import Database
from tests.conftest import Centre
from tests.factories import answer, inbound_call
from tests.store.call_day import CallDay, add_leads, new_attempt

# 10:00:00.6 in Sydney, standard time: half seconds show whether durations agree with the timestamps shown
T0 = datetime(2026, 6, 1, 0, 0, 0, 600_000, tzinfo=UTC)


def later(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


async def read(centre: Centre, activity_id: int) -> dict[str, Any]:
    answer = await centre.client.get(f"/activities/{activity_id}")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def walk(centre: Centre, query: str) -> list[dict[str, Any]]:
    """Every item of every page."""
    items: list[dict[str, Any]] = []
    uri: str | None = f"/platform-api/v3.0/activities?{query}"
    while uri is not None:
        answer = await centre.client.get(f"http://callfloor.test{uri}")
        assert answer.status_code == 200, answer.text
        items += answer.json()["items"]
        uri = answer.json()["metadata"]["nextUri"]
    return items


async def add_media(db: Database, centre: Centre, kind: str, activity_id: int, **columns: Any) -> int:
    values = {"content_type": "audio/wav", "size": 1000, "sha256": "ab" * 32, "duration_s": 9} | columns
    names = ["organisation_id", "kind", "activity_id", *values]
    marks = ", ".join(f"${number}" for number in range(1, len(names) + 1))
    sql = f"INSERT INTO media ({', '.join(names)}) VALUES ({marks}) RETURNING media_id"
    return int(await db.fetchval(sql, centre.organisation, kind, activity_id, *values.values()))


async def inbound(db: Database, centre: Centre) -> int:
    org = centre.organisation
    call = (centre.inbound, "+61491570156", "+61255501234")
    leg = await inbound_call(db, org, *call, T0)
    await activities.join_queue(db, org, leg, later(6.5))
    await answer(db, org, leg, centre.agent, later(20.2))
    await activities.hold(db, org, leg, 20)
    await activities.hang_up(db, org, leg, later(100.9))
    return leg


async def test_an_inbound_call_shows_every_field_of_the_contract(db: Database, centre: Centre) -> None:
    org = centre.organisation
    await db.execute("INSERT INTO wrap_codes VALUES ($1, $2, 7, 'Resolved')", org, centre.inbound)
    leg = await inbound(db, centre)
    await activities.wrap_up(db, org, leg, activities.WrapUp(7), later(130))
    await activities.set_recording_status(db, org, leg, "enabled")
    await activities.set_call_quality(db, org, leg, 4.25)
    await activities.set_survey(db, org, leg, activities.Survey(True, later(102), 5, "After the call"))
    recording = await add_media(
        db, centre, "recording", leg, deleted_at=later(900), deleted_by=1059, deletion_reason="Asked for"
    )
    voicemail = await add_media(db, centre, "voicemail", leg, duration_s=4)
    await add_media(db, centre, "voicemail", leg, deleted_at=later(900))
    row = await activities.get(db, org, leg)
    assert row is not None
    assert await read(centre, leg) == {
        "type": "call.inbound",
        "data": {
            "activityId": leg,
            "parentActivityId": None,
            "rootActivityId": leg,
            "activityStatusId": 3,
            "activityStatusName": "Answered",
            "source": "+61491570156",
            "destination": "+61255501234",
            "campaignId": centre.inbound,
            "campaignName": "Support Inbound",
            "agentInteractionId": row["agent_interaction_id"],
            "agentId": centre.agent,
            "agentFullName": "John Doe",
            "legType": "first",
            "outsideNumber": None,
            "phoneLosses": 0,
            "phoneLostSeconds": 0,
            "wrapCode": 7,
            "wrapDescription": "Resolved",
            # 10:00:00.6, 10:00:07.1, 10:00:20.8, 10:01:41.5, 10:02:10.6
            "durations": {"ivr": 7, "queue": 13, "hold": 20, "talk": 61, "wrap": 29, "interaction": 110},
            "timestamps": {
                "created": "2026-06-01T10:00:00+10:00",
                "joinQueue": "2026-06-01T10:00:07+10:00",
                "answered": "2026-06-01T10:00:20+10:00",
                "hangUp": "2026-06-01T10:01:41+10:00",
                "wrapUp": "2026-06-01T10:02:10+10:00",
            },
            "recordingStatus": "enabled",
            "recordingMetadata": {
                "mediaId": recording,
                "mediaUri": f"/platform-api/v3.0/media/{recording}",
                "duration": 9,
                "deleted": True,
                "deletedTimestamp": "2026-06-01T10:15:00+10:00",
                "deletedBy": 1059,
                "deletionReason": "Asked for",
                "contentType": "audio/wav",
                "size": 1000,
                "sha256": "ab" * 32,
                "activityId": leg,
            },
            "voicemailMetadata": [
                {
                    "mediaId": voicemail,
                    "mediaUri": f"/platform-api/v3.0/media/{voicemail}",
                    "duration": 4,
                    "contentType": "audio/wav",
                    "size": 1000,
                    "sha256": "ab" * 32,
                    "activityId": leg,
                }
            ],
            "survey": {
                "started": True,
                "startTimestamp": "2026-06-01T10:01:42+10:00",
                "workflowId": 5,
                "workflowName": "After the call",
            },
            "callQualityScore": 4.25,
        },
    }


async def test_links_to_media_carry_the_prefix_that_the_request_came_by(db: Database, centre: Centre) -> None:
    leg = await inbound(db, centre)
    recording = await add_media(db, centre, "recording", leg)
    answer = await centre.client.get(f"http://callfloor.test/v3.0/activities/{leg}")
    assert answer.json()["data"]["recordingMetadata"]["mediaUri"] == f"/v3.0/media/{recording}"


async def test_a_step_that_never_happened_is_null(db: Database, centre: Centre) -> None:
    call = (centre.inbound, None, "+61255501234")
    leg = await inbound_call(db, centre.organisation, *call, T0)
    nulls = {"ivr": None, "queue": None, "hold": None, "interaction": None, "wrap": None, "talk": None}
    data = (await read(centre, leg))["data"]
    assert data["durations"] == nulls
    assert data["timestamps"] == {
        "created": "2026-06-01T10:00:00+10:00",
        "joinQueue": None,
        "answered": None,
        "hangUp": None,
        "wrapUp": None,
    }
    assert (data["activityStatusName"], data["source"]) == ("In Workflow", None)
    assert (data["recordingMetadata"], data["voicemailMetadata"], data["survey"]) == (None, [], None)
    await activities.join_queue(db, centre.organisation, leg, later(5))
    assert (await read(centre, leg))["data"]["durations"] == nulls | {"ivr": 5}
    await activities.hang_up(db, centre.organisation, leg, later(9))
    data = (await read(centre, leg))["data"]
    assert data["durations"] == nulls | {"ivr": 5, "queue": 4}
    assert data["activityStatusName"] == "Abandoned in Queue"
    assert data["timestamps"]["hangUp"] == "2026-06-01T10:00:09+10:00"


async def test_a_dialled_call_shows_every_field_of_the_contract(db: Database, centre: Centre) -> None:
    org = centre.organisation
    (lead_id,) = await add_leads(db, centre, 1)
    (call,) = await attempts.start(db, org, [new_attempt(centre, lead_id)], T0)
    assert call is not None
    data = (await read(centre, call.activity_id))["data"]
    assert (data["activityStatusName"], data["dialStatusName"], data["dialStatusId"]) == ("Dialling", "Dialling", 0)
    assert data["durations"] == {"dial": None, "interaction": None, "talk": None, "hold": None, "wrap": None}
    await attempts.answered(db, org, call.attempt_id, later(8))
    interaction = await attempts.connected(db, org, call.attempt_id, centre.agent, later(8.085))
    await activities.hold(db, org, call.activity_id, 3)
    await attempts.finish(db, org, call.attempt_id, attempts.Ended(DialStatus.ANSWERED), later(60))
    await activities.wrap_up(db, org, call.activity_id, activities.WrapUp(None), later(75.4))
    assert await read(centre, call.activity_id) == {
        "type": "call.outbound",
        "data": {
            "activityId": call.activity_id,
            "parentActivityId": None,
            "rootActivityId": call.activity_id,
            "activityStatusId": 3,
            "activityStatusName": "Answered",
            "campaignId": centre.outbound,
            "campaignName": "Support Outbound",
            "agentInteractionId": interaction,
            "agentId": centre.agent,
            "agentFullName": "John Doe",
            "legType": "first",
            "outsideNumber": None,
            "phoneLosses": 0,
            "phoneLostSeconds": 0,
            "wrapCode": None,
            "wrapDescription": None,
            "attemptId": call.attempt_id,
            "dialStatusId": 1,
            "dialStatusName": "Answered",
            "phoneIndex": 1,
            "phoneNumber": "+61491570156",
            "leadId": lead_id,
            "durations": {"dial": 8, "interaction": 68, "talk": 49, "hold": 3, "wrap": 16},
            "timestamps": {
                "created": "2026-06-01T10:00:00+10:00",
                "answered": "2026-06-01T10:00:08+10:00",
                "hangUp": "2026-06-01T10:01:00+10:00",
                "wrapUp": "2026-06-01T10:01:16+10:00",
            },
            "connectDelayMs": 85,
            "recordingStatus": None,
            "recordingMetadata": None,
            "callQualityScore": None,
        },
    }


async def test_a_call_that_no_agent_joined_was_rung_but_not_talked(db: Database, centre: Centre) -> None:
    (lead_id,) = await add_leads(db, centre, 1)
    (call,) = await attempts.start(db, centre.organisation, [new_attempt(centre, lead_id, mode="manual")], T0)
    assert call is not None
    await attempts.answered(db, centre.organisation, call.attempt_id, later(8))
    await attempts.finish(db, centre.organisation, call.attempt_id, attempts.Ended(DialStatus.ABANDONED), later(11))
    activity = await read(centre, call.activity_id)
    assert activity["type"] == "call.manual"
    data = activity["data"]
    assert data["durations"] == {"dial": 11, "interaction": None, "talk": None, "hold": None, "wrap": None}
    assert (data["dialStatusName"], data["activityStatusName"]) == ("Abandoned", "Abandoned in Queue")
    assert (data["timestamps"]["answered"], data["connectDelayMs"]) == (None, None)


async def test_the_leg_that_a_transfer_made_was_not_dialled(db: Database, centre: Centre) -> None:
    org = centre.organisation
    (lead_id,) = await add_leads(db, centre, 1)
    (call,) = await attempts.start(db, org, [new_attempt(centre, lead_id)], T0)
    assert call is not None
    await attempts.answered(db, org, call.attempt_id, later(5))
    await attempts.connected(db, org, call.attempt_id, centre.agent, later(5))
    child = await activities.transfer(db, org, call.activity_id, centre.outbound, centre.agent, later(30))
    assert child is not None
    await activities.hang_up(db, org, child, later(50))
    data = (await read(centre, child))["data"]
    assert (data["parentActivityId"], data["rootActivityId"]) == (call.activity_id, call.activity_id)
    assert (data["leadId"], data["attemptId"], data["dialStatusId"]) == (lead_id, call.attempt_id, None)
    assert data["durations"] == {"dial": None, "interaction": 20, "talk": 20, "hold": 0, "wrap": None}


@pytest.mark.parametrize(("kind", "own_first"), [("email.inbound", False), ("email.outbound", True)])
async def test_an_email_shows_every_field_of_the_contract(
    db: Database, centre: Centre, kind: Any, own_first: bool
) -> None:
    jane, ours = "Jane <jane@example.com>", "help@example.org"
    sender, to = (ours, jane) if own_first else (jane, ours)
    message = activities.Message("Where is it?", "<1@example.com>", "<0@example.org>", sender, to)
    agent = centre.agent if own_first else None
    email = activities.NewEmail(kind, centre.inbound, "jane@example.com", ours, message, agent)
    made = await activities.open_email(db, centre.organisation, email, T0)
    interaction = await answer(db, centre.organisation, made, centre.agent, later(60))
    await activities.wrap_up(db, centre.organisation, made, activities.WrapUp(None), later(90))
    file = await add_media(db, centre, "attachment", made, file_name="order.pdf", content_type="application/pdf")
    await add_media(db, centre, "attachment", made, deleted_at=later(95))
    row = await activities.get(db, centre.organisation, made)
    assert row is not None
    assert (interaction is None) is own_first
    assert await read(centre, made) == {
        "type": kind,
        "data": {
            "activityId": made,
            "parentActivityId": None,
            "rootActivityId": made,
            "activityStatusId": 3,
            "activityStatusName": "Answered",
            "campaignId": centre.inbound,
            "campaignName": "Support Inbound",
            "agentInteractionId": row["agent_interaction_id"],
            "agentId": centre.agent,
            "agentFullName": "John Doe",
            "wrapCode": None,
            "wrapDescription": None,
            "from": sender,
            "to": to,
            "subject": "Where is it?",
            "messageId": "<1@example.com>",
            "inReplyTo": "<0@example.org>",
            "timestamps": {
                "created": "2026-06-01T10:00:00+10:00",
                "answered": "2026-06-01T10:00:00+10:00" if own_first else "2026-06-01T10:01:00+10:00",
                "wrapUp": "2026-06-01T10:01:30+10:00",
                "taken": None,
            },
            "attachments": [
                {
                    "mediaId": file,
                    "mediaUri": f"/platform-api/v3.0/media/{file}",
                    "fileName": "order.pdf",
                    "contentType": "application/pdf",
                    "size": 1000,
                }
            ],
        },
    }


async def test_an_activity_of_another_organisation_is_not_found(
    db: Database, centre: Centre, other_centre: Centre
) -> None:
    leg = await inbound(db, centre)
    assert (await other_centre.client.get(f"/activities/{leg}")).status_code == 404
    for query in ("limit=10", f"campaignId={centre.inbound}"):
        assert (await other_centre.client.get(f"/activities?{query}")).json()["items"] == []


async def test_an_unknown_activity_type_is_refused_with_the_known_ones(centre: Centre) -> None:
    answer = await centre.client.get("/activities?activityType=call.inbond")
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["parameter"] == "activityType"
    for known in ("call.inbound", "call.outbound", "call.manual", "email.inbound", "email.outbound"):
        assert known in error["message"]


def matches(activity: dict[str, Any], name: str, value: Any) -> bool:
    data = activity["data"]
    created = datetime.fromisoformat(data["timestamps"]["created"])
    return {
        "campaignId": data["campaignId"] == value,
        "activityType": activity["type"] == value,
        "leadId": data.get("leadId") == value,
        "createdTimestampFrom": name == "createdTimestampFrom" and created >= datetime.fromisoformat(value),
        "createdTimestampTo": name == "createdTimestampTo" and created <= datetime.fromisoformat(value),
    }[name]


async def test_every_filter_and_every_pair_gives_what_a_filter_of_all_gives(db: Database, centre: Centre) -> None:
    now = datetime.now(UTC)
    day = CallDay(db, centre, now - timedelta(days=1), now, seed=11)
    leads = await add_leads(db, centre, 30)
    day.plan(30, leads)
    await day.run_until(now)
    everything = await walk(centre, "limit=1000")
    keys = [(a["data"]["timestamps"]["created"], a["data"]["activityId"]) for a in everything]
    assert [key[0] for key in keys] == sorted((key[0] for key in keys), reverse=True)
    assert len(everything) >= 60
    middle = [key[0] for key in keys][len(keys) // 3 : len(keys) // 3 * 2]
    filters = {
        "campaignId": [centre.inbound, centre.outbound],
        "activityType": ["call.inbound", "call.outbound", "call.manual", "email.inbound"],
        "leadId": leads[:3],
        "createdTimestampFrom": [middle[-1], middle[5]],
        "createdTimestampTo": [middle[0], middle[7]],
    }
    pairs: list[tuple[str, ...]] = [(name,) for name in filters]
    pairs += list(combinations(filters, 2))
    for names in pairs:
        for choice in range(4):
            wanted = {name: filters[name][choice % len(filters[name])] for name in names}
            query = "&".join(f"{name}={value}" for name, value in wanted.items())
            found = await walk(centre, f"{query}&limit=7".replace("+", "%2B"))
            expected = [a for a in everything if all(matches(a, name, value) for name, value in wanted.items())]
            assert found == expected, names


async def test_a_walk_shows_each_activity_once_while_calls_come_in(db: Database, centre: Centre) -> None:
    org = centre.organisation
    same = [later(0), later(0), later(1)]
    for number in range(24):
        call = (centre.inbound, None, None)
        await inbound_call(db, org, *call, same[number % 3])
    before = {a["data"]["activityId"] for a in await walk(centre, "limit=1000")}
    seen: list[int] = []
    uri: str | None = "/platform-api/v3.0/activities?limit=5"
    while uri is not None:
        page = (await centre.client.get(f"http://callfloor.test{uri}")).json()
        seen += [a["data"]["activityId"] for a in page["items"]]
        await inbound_call(db, org, centre.inbound, None, None, later(60))
        uri = page["metadata"]["nextUri"]
    assert len(seen) == len(set(seen))
    assert set(seen) == before

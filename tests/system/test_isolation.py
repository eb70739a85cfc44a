"""No operation, whatever it is given, shows or changes anything of another organisation."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from callfloor.api.operation import Operation
from callfloor.api.routes import OPERATIONS
from callfloor.contract.codes import DialStatus
from callfloor.jobs.imports import import_next
from callfloor.media.blobs import open_blobs
from callfloor.settings import Settings
from callfloor.store import attempts, media
from callfloor.store.pool import Database
from tests.conftest import Centre

NUMBER = "+61491570156"


@dataclass
class Owned:
    """One of everything that an organisation can own."""

    centre: Centre
    lead: int
    attempt: int
    activity: int
    recording: int
    voicemail: int
    uuid: str

    def path(self, operation: Operation) -> str:
        media_id = self.voicemail if operation.path.endswith("/voicemail") else self.recording
        values = {
            "activityId": self.activity, "campaignId": self.centre.outbound, "mediaId": media_id,
            "listId": self.centre.list_id, "leadId": self.lead, "attemptId": self.attempt, "uuid": self.uuid,
        }  # fmt: skip
        if operation.path.endswith("/inbound"):
            values["campaignId"] = self.centre.inbound
        return re.sub(r"{(\w+)}", lambda name: str(values[name[1]]), operation.path)


BODIES: dict[str, Any] = {
    "create_lead": lambda owned: {"listId": owned.centre.list_id},
    "update_lead": lambda owned: {"customerKey": "taken"},
    "create_list": lambda owned: {"listName": "New", "campaignId": owned.centre.outbound},
    "update_list": lambda owned: {"weight": 9},
    "update_availability": lambda owned: {"agentId": owned.centre.agent, "available": True},
    "create_import": lambda owned: {"leads": [{"listId": owned.centre.list_id}]},
    "create_import_without_slash": lambda owned: {"leads": [{"listId": owned.centre.list_id}]},
}
QUERIES: dict[str, Any] = {
    "list_activities": lambda owned: {"leadId": owned.lead, "campaignId": owned.centre.outbound},
    "list_leads": lambda owned: {"listId": owned.centre.list_id, "campaignId": owned.centre.outbound},
    "list_lists": lambda owned: {"campaignId": owned.centre.outbound},
    "list_attempts": lambda owned: {"leadId": owned.lead, "campaignId": owned.centre.outbound},
    "erase_customer": lambda owned: {"phoneNumber": NUMBER},
    "delete_media": lambda owned: {"reason": "not theirs"},
}
# what answers with an empty page or zeros instead of 404, because it names no object in its path or body
COLLECTIONS = {"list_activities", "list_leads", "list_lists", "list_attempts", "list_users", "erase_customer"}
# accepted as a whole; each row is then refused
IMPORTS = {"create_import", "create_import_without_slash"}


@pytest.fixture
async def owned(centre: Centre, db: Database, settings: Settings) -> Owned:
    now = datetime.now(UTC)
    body = {"listId": centre.list_id, "phone1": NUMBER, "customerKey": "mine"}
    lead = (await centre.client.post("/leads", json=body)).json()["leadId"]
    (started,) = await attempts.start(
        db, centre.organisation, [attempts.NewAttempt(centre.outbound, lead, 1, NUMBER, "progressive", 0)], now
    )
    assert started is not None
    ended = attempts.Ended(DialStatus.NO_ANSWER)
    await attempts.finish(db, centre.organisation, started.attempt_id, ended, now)
    blobs = open_blobs(settings.media_location)
    ids: list[int] = []
    kinds: tuple[media.Kind, ...] = ("recording", "voicemail")
    for kind in kinds:
        stored = await blobs.put(centre.organisation, f"{kind} of {centre.organisation}".encode())
        ids.append(
            await media.add(
                db, centre.organisation, kind, started.activity_id, stored,
                content_type="audio/wav", duration_s=1, file_name=None, at=now,
            )
        )  # fmt: skip
    headers = {"Content-Type": "text/csv"}
    sent = await centre.client.post(
        f"/leads/bulk?listId={centre.list_id}", content=b"customerKey,phone1\na,1\n", headers=headers
    )
    while await import_next(db):
        pass
    return Owned(centre, lead, started.attempt_id, started.activity_id, ids[0], ids[1], sent.json()["uuid"])


async def everything(db: Database, organisation: int) -> str:
    """Every row of the organisation, as text."""
    tables = await db.fetch(
        "SELECT DISTINCT table_name FROM information_schema.columns"
        " WHERE table_schema = current_schema() AND column_name = 'organisation_id' ORDER BY 1"
    )
    rows = [
        row["row"]
        for table in tables
        for row in await db.fetch(
            f"SELECT t::text AS row FROM {table['table_name']} t WHERE organisation_id = $1 ORDER BY 1", organisation
        )
    ]
    return "\n".join(rows)


def request(operation: Operation, owned: Owned) -> dict[str, Any]:
    given: dict[str, Any] = {}
    if operation.operation_id in BODIES:
        given["json"] = BODIES[operation.operation_id](owned)
    if operation.operation_id in QUERIES:
        given["params"] = QUERIES[operation.operation_id](owned)
    return given


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.operation_id)
async def test_an_operation_keeps_to_its_own_organisation(
    operation: Operation, owned: Owned, other_centre: Centre, db: Database
) -> None:
    before = await everything(db, owned.centre.organisation)
    answer = await other_centre.client.request(operation.method, owned.path(operation), **request(operation, owned))
    if operation.operation_id in IMPORTS:
        assert answer.status_code == 202
        while await import_next(db):
            pass
        state = (await other_centre.client.get(f"/leads/bulk/{answer.json()['uuid']}")).json()
        assert (state["result"]["inserted"], state["result"]["invalid"]) == (0, 1)
    elif operation.operation_id in COLLECTIONS:
        assert answer.status_code == 200
        if operation.operation_id == "list_users":
            assert {item["userId"] for item in answer.json()["items"]} == {other_centre.agent, other_centre.user}
        elif operation.operation_id == "erase_customer":
            assert answer.json()["leadData"] == {"leads": 0, "importRows": 0}
            assert answer.json()["callData"] == dict.fromkeys(("activities", "attempts", "recordings", "voicemails"), 0)
        else:
            assert answer.json()["items"] == []
    else:
        assert answer.status_code == 404
    assert await everything(db, owned.centre.organisation) == before


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.operation_id)
async def test_the_owner_meets_no_404(operation: Operation, owned: Owned) -> None:
    """The test above would pass for any operation that never finds anything."""
    answer = await owned.centre.client.request(operation.method, owned.path(operation), **request(operation, owned))
    assert answer.status_code in (200, 201, 202, 204), answer.text

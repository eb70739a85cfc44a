"""No operation, whatever it is given, shows or changes anything of another organisation."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest
from msgspec.structs import replace

from callfloor.api.operation import Operation
from callfloor.api.routes import OPERATIONS, WORKSPACE_OPERATIONS
from callfloor.contract.alerts import AlertRule
from callfloor.contract.codes import DialStatus
from callfloor.contract.workspace import AtHand
from callfloor.jobs.imports.chunks import import_next
from callfloor.media.blobs import open_blobs
from callfloor.rules.alerting.conditions import Subject
from callfloor.settings import Settings
from callfloor.store.agents import agents
from callfloor.store.calls import attempts, media, tasks
from callfloor.store.db.pool import Database
from callfloor.store.figures import alerts
from callfloor.store.privacy import do_not_call, registers
from tests.api.desks import RINGING, client_of, publish, token_of, wait_in_queue
from tests.conftest import Centre
from tests.mail.post import Letters, make_mailbox

NUMBER = "+61491570156"
OTHER_NUMBER = "+61491570158"


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
    blocked: int

    def path(self, operation: Operation) -> str:
        media_id = self.voicemail if operation.path.endswith("/voicemail") else self.recording
        values = {
            "activityId": self.activity, "campaignId": self.centre.outbound, "mediaId": media_id,
            "listId": self.centre.list_id, "leadId": self.lead, "attemptId": self.attempt, "uuid": self.uuid,
            "entryId": self.blocked,
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
    "add_do_not_call": lambda owned: {"phoneNumber": "+61491570157"},
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
    "list_do_not_call": lambda owned: {"phoneNumber": NUMBER},
    "lift_do_not_call": lambda owned: {"phoneNumber": NUMBER, "reason": "not theirs"},
    "lift_do_not_call_entry": lambda owned: {"reason": "not theirs"},
}
# what answers with an empty page or zeros instead of 404, because it names no object in its path or body
COLLECTIONS = {
    "list_activities", "list_leads", "list_lists", "list_attempts", "list_users", "erase_customer", "list_do_not_call",
    "list_lifted_do_not_call", "list_registers",
}  # fmt: skip
# makes something of the caller's own
MAKES = {"add_do_not_call"}
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
    key = await do_not_call.key(db, centre.organisation)
    blocked, _ = await do_not_call.add(db, centre.organisation, key, NUMBER, now)
    await do_not_call.add(db, centre.organisation, key, OTHER_NUMBER, now)
    await do_not_call.lift(
        db, centre.organisation, key, [do_not_call.WHOLE_ORGANISATION], [OTHER_NUMBER], now, reason="mine"
    )
    await registers.washed(db, centre.organisation, "DNCR", now)
    return Owned(centre, lead, started.attempt_id, started.activity_id, ids[0], ids[1], sent.json()["uuid"], blocked)


async def everything(db: Database, organisation: int) -> str:
    """Every row of the organisation, as text; of the audit what others did to it."""
    tables = await db.fetch(
        "SELECT DISTINCT table_name FROM information_schema.columns"
        " WHERE table_schema = current_schema() AND column_name = 'organisation_id' ORDER BY 1"
    )
    # its own are written a moment after they were done
    own = "AND token_id NOT IN (SELECT token_id FROM tokens WHERE organisation_id = $1)"
    rows = [
        row["row"]
        for table in tables
        for but in [own if table["table_name"] == "audit_entries" else ""]
        for row in await db.fetch(
            f"SELECT t::text AS row FROM {table['table_name']} t WHERE organisation_id = $1 {but} ORDER BY 1",
            organisation,
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
    elif operation.operation_id in MAKES:
        assert answer.status_code == 201
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
        # what the address names is not there, and what only the body names is no id of theirs
        named = "{" in operation.path or operation.operation_id == "lift_do_not_call"
        assert answer.status_code == (404 if named else 422), answer.text
    assert await everything(db, owned.centre.organisation) == before


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.operation_id)
async def test_the_owner_meets_no_404(operation: Operation, owned: Owned) -> None:
    """The test above would pass for any operation that never finds anything."""
    answer = await owned.centre.client.request(operation.method, owned.path(operation), **request(operation, owned))
    assert answer.status_code in (200, 201, 202, 204), answer.text


# The workspace

DESK_BODIES: dict[str, Any] = {
    "update_session": {"state": "ready"},
    "send_command": {"action": "pause", "reason": "mine"},
    "send_agent_command": {"action": "forceSignOut"},
    "send_caller_command": {"action": "moveUp"},
    "answer_email": {"text": "Hello."},
    "close_email": {},
    "put_call_draft": {"note": "mine"},
    "add_diagnosis": {"complaint": "noise"},
    "hold_own_phone": {"device": "0" * 32},
    "save_email_draft": {"text": "Dear Jane,"},
    "silence_alert": {"minutes": 5},
    "move_email": {"agentId": None},
    "move_task": {"agentId": None},
    "move_callback": {"agentId": None},
}


# what an agent does with an e-mail that it has taken
HELD = {"answer_email", "transfer_email", "close_email", "save_email_draft", "return_email"}


@dataclass
class Seated:
    """An agent of an organisation with a call, a lead, a callback and an e-mail with a file at hand; `email` is its
    activity, `task` a message that a caller left, `waiting` somebody in a queue."""

    owned: Owned
    email: int
    file: int
    task: int
    callback: int
    waiting: int
    alert: int

    def given(self, operation: Operation) -> dict[str, Any]:
        """Names of what the operation is asked for."""
        centre, body = self.owned.centre, DESK_BODIES.get(operation.operation_id)
        values = {"agentId": centre.agent, "activityId": self.email, "mediaId": self.file, "taskId": self.task}
        values |= {"leadId": self.callback, "alertId": self.alert}
        if operation.operation_id == "send_caller_command":
            values["activityId"] = self.waiting
        if operation.operation_id.endswith("call_draft") or operation.operation_id == "add_diagnosis":
            values["activityId"] = RINGING.activity_id
        path = re.sub(r"{(\w+)}", lambda name: str(values[name[1]]), operation.path)
        if operation.operation_id == "take_email":
            body = {"activityId": self.email}
        if operation.operation_id == "transfer_email":
            body = {"campaignId": centre.inbound}
        query = {"agentId": centre.agent, "after": 0} if operation.operation_id == "list_events" else None
        return {"method": operation.method, "url": path, "json": body, "params": query}


@pytest.fixture
async def seated(owned: Owned, db: Database, settings: Settings) -> Seated:
    centre, now = owned.centre, datetime.now(UTC)
    await agents.make_ready(db, centre.organisation, centre.agent, now)
    await publish(db, centre, AtHand(call=replace(RINGING, number=NUMBER, lead_id=owned.lead)))
    body = {
        "listId": centre.list_id, "phone1": "+61491570157", "agentId": centre.agent,
        "nextAttemptTimestamp": "2030-01-02T01:00:00Z",
    }  # fmt: skip
    callback = (await centre.client.post("/leads", json=body)).json()["leadId"]
    letters = Letters(db, await make_mailbox(db, centre))
    email = (await letters.come(now)).activity_id
    stored = await open_blobs(settings.media_location).put(centre.organisation, b"a file")
    file = await media.add(
        db, centre.organisation, "attachment", email, media.StoredContent(stored.sha256, stored.size),
        content_type="text/plain", duration_s=None, file_name="file.txt", at=now,
    )  # fmt: skip
    await tasks.add(db, centre.organisation, centre.inbound, "voicemail", owned.activity, now)
    task = await db.fetchval("SELECT task_id FROM tasks WHERE organisation_id = $1", centre.organisation)
    await media.add(
        db, centre.organisation, "voicemail", owned.activity, media.StoredContent(stored.sha256, stored.size),
        content_type="audio/wav", duration_s=1, file_name="message.wav", at=now,
    )  # fmt: skip
    waiting = await wait_in_queue(db, centre, now, NUMBER)
    of = centre.inbound, centre.agent
    subject = Subject("one", "Support Inbound", holds=True, value=5, campaign_id=of[0], agent_id=of[1])
    await alerts.fire(db, centre.organisation, AlertRule("Waits", "callers-waiting"), 3, subject, now)
    alert = await db.fetchval("SELECT alert_id FROM alerts WHERE organisation_id = $1", centre.organisation)
    return Seated(owned, email, file, task, callback, waiting, alert)


async def asked(seated: Seated, operation: Operation, of: Centre, db: Database) -> httpx2.Response:
    """The operation on what `seated` has, by the agent, or the supervisor, of an organisation."""
    watches = operation.access == "workspace:supervise" or operation.operation_id == "list_events"
    async with client_of(of, await token_of(db, of, of.user if watches else of.agent)) as client:
        return await client.request(**seated.given(operation))


@pytest.mark.parametrize("operation", WORKSPACE_OPERATIONS, ids=lambda operation: operation.operation_id)
async def test_a_desk_keeps_to_its_own_organisation(
    operation: Operation, seated: Seated, other_centre: Centre, db: Database
) -> None:
    before = await everything(db, seated.owned.centre.organisation)
    answer = await asked(seated, operation, other_centre, db)
    named = seated.given(operation)["params"] or "{" in operation.path
    if named or operation.operation_id in ("take_email", "get_own_lead"):
        assert answer.status_code == (422 if operation.operation_id == "take_email" else 404), answer.text
    else:
        assert answer.status_code == 200, answer.text
        ids = {seated.owned.centre.agent, seated.owned.centre.inbound, seated.owned.centre.outbound, seated.email}
        assert not ids & {int(number) for number in re.findall(r"Id\": ?(\d+)", answer.text)}
    assert NUMBER not in answer.text
    assert await everything(db, seated.owned.centre.organisation) == before


@pytest.mark.parametrize("operation", WORKSPACE_OPERATIONS, ids=lambda operation: operation.operation_id)
async def test_the_owner_of_a_desk_meets_no_404(operation: Operation, seated: Seated, db: Database) -> None:
    centre = seated.owned.centre
    if operation.operation_id in HELD:
        async with client_of(centre, await token_of(db, centre, centre.agent)) as client:
            await client.post("/emails/take", json={"activityId": seated.email})
    if operation.operation_id in ("finish_task", "return_task"):
        async with client_of(centre, await token_of(db, centre, centre.agent)) as client:
            await client.post(f"/tasks/{seated.task}/take")
    answer = await asked(seated, operation, centre, db)
    # the caller is there, but no engine is
    expected = (503,) if operation.operation_id == "send_caller_command" else (200, 201, 204)
    assert answer.status_code in expected, answer.text

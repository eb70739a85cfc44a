"""Leads: list, create, read, update, delete."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from callfloor.api.audits import batched, changes
from callfloor.api.call import ENCODE, Answer, Call, held, invalid, not_found, unknown_id
from callfloor.api.operation import operation
from callfloor.api.platform import lead_faults
from callfloor.api.platform.lead_callbacks import (
    callback_kept,
    callback_kept_by_new,
    hold_agent_of,
    lift_what_it_brought,
    may_lift_do_not_call,
    moved_of,
    schedule,
)
from callfloor.api.threads import beside
from callfloor.contract.codes import DIAL_STATUS_NAMES, LEAD_STATUS_NAMES, LeadStatus
from callfloor.contract.fields import Note
from callfloor.contract.leads import (
    LARGEST_LEAD_DATA,
    MOST_FIELDS,
    Lead,
    LeadCreate,
    LeadCreated,
    LeadPhone,
    LeadTimestamps,
    LeadUpdate,
    LeadUpdateQuery,
    OutcomesInfo,
)
from callfloor.errors import (
    CallbackRefused,
    Conflict,
    DoNotCallStays,
    LeadCompleted,
    LeadInDialler,
    LegalHold,
    StaleVersion,
)
from callfloor.rules.dialling.strategy import CALLBACKS
from callfloor.rules.values.customer_keys import customer_key
from callfloor.rules.values.faults import listed
from callfloor.rules.values.leads import (
    PHONES,
    LeadFault,
    contacts,
    each_once,
    merged_data,
    phone_notes,
    prepare,
)
from callfloor.rules.values.phones import PhoneError, normalise
from callfloor.rules.values.times import UnknownZone, format_timestamp, zone
from callfloor.rules.values.zone_names import given_zone
from callfloor.store.leads import leads, lists
from callfloor.store.people.callers import Organisation
from callfloor.store.privacy import do_not_call, legal_holds
from callfloor.store.privacy.do_not_call import Asked

LEAD_EXAMPLE: dict[str, Any] = {
    "leadId": 999,
    "campaignId": 2,
    "campaignName": "Sales Outbound",
    "listId": 100,
    "listName": "List One",
    "timezone": "Australia/Sydney",
    "completed": False,
    "customerKey": "10000001",
    "agentId": 1002,
    "agentFullName": "John Doe",
    "dataFields": {"firstName": "Jane", "plan": "gold"},
    "lastStatusCode": 3,
    "lastStatusDescription": "Abandoned",
    "phones": [
        {
            "phoneIndex": 1,
            "phoneNumber": "+61491570156",
            "attempts": 1,
            "lastDialStatusId": 7,
            "lastDialStatusName": "Abandoned",
        }
    ],
    "outcomeType": "preview",
    "outcomesInfo": {
        "attempts": 1,
        "lastAttemptId": 501,
        "lastDialStatusId": 7,
        "lastDialStatusName": "Abandoned",
        "wrapCode": None,
        "wrapDescription": None,
    },
    "timestamps": {
        "uploaded": "2021-08-01T09:00:00+10:00",
        "updated": "2021-08-01T13:55:06+10:00",
        "lastAttempt": "2021-08-01T13:55:06+10:00",
        "nextAttempt": None,
        "completed": None,
    },
    "callbackMoved": None,
}
CREATE_EXAMPLE = {
    "listId": 100,
    "customerKey": "10000001",
    "timezone": "Australia/Sydney",
    "phone1": "+61491570156",
    "phone2": "0491 570 157",
    "leadData": {"firstName": "Jane", "plan": "gold"},
}


@operation(
    "POST",
    "/leads",
    scope="leads:write",
    summary="Create lead",
    tag="leads",
    status=201,
    example={"leadId": 999, "inDialler": True},
    request=CREATE_EXAMPLE,
    problems=[CallbackRefused],
    audits=batched("lead.create", "lead"),
    further=lead_faults.of_create,
    keeps=True,
)
async def create_lead(call: Call, body: LeadCreate) -> Answer[LeadCreated]:
    """Create one lead. `inDialler` says whether its list is set to dial and nothing on the lead keeps it out.

    A `nextAttemptTimestamp` makes a callback, as in an update, unless `statusCode` says what the lead is.
    """
    country, new_ranges = call.caller.organisation.country, call.caller.organisation.new_number_ranges
    try:
        new = await beside(call.body_bytes, prepare, body, country, call.zone, new_ranges)
    except LeadFault as fault:
        raise listed(await lead_faults.of_new(call, body)) from fault
    lead = leads.NewLead(organisation_id=call.organisation, **new)
    if new["status_code"] in (*CALLBACKS, LeadStatus.DO_NOT_CALL):
        async with call.db.transaction():
            await do_not_call.asked(call.db, Asked("lead-update", call.actor))
            await callback_kept_by_new(call, new)
            (outcome,) = await leads.insert_together(call.db, [lead])
    elif call.db.in_transaction:
        (outcome,) = await leads.insert_together(call.db, [lead])
    else:
        outcome = await call.services.lead_inserts.get(call.organisation, lead)
    if not isinstance(outcome, leads.InsertOutcome):
        raise invalid("leadData", "invalid", "holds a value that cannot be stored") from outcome
    if outcome.lead_id is None:
        raise await lead_faults.unknown(call, body)
    created = LeadCreated(lead_id=outcome.lead_id, in_dialler=outcome.in_dialler, warnings=_notes(body, new))
    call.audit.entry(outcome.lead_id)
    location = f"{call.prefix}/leads/{outcome.lead_id}"
    return Answer(created, headers={"Location": location}, lead_id=outcome.lead_id)


@operation(
    "GET",
    "/leads/{leadId}",
    scope="leads:read",
    summary="Get lead details",
    tag="leads",
    etag=True,
    example=LEAD_EXAMPLE,
    audits=batched("lead.read", "lead"),
)
async def get_lead(call: Call, lead_id: int) -> Lead:
    """One lead."""
    row = await call.services.lead_reads.get(call.organisation, lead_id)
    if row is None:
        raise not_found("lead")
    return lead_of(row)


@operation(
    "PUT",
    "/leads/{leadId}",
    scope="leads:write",
    summary="Update lead details",
    tag="leads",
    etag=True,
    example=LEAD_EXAMPLE,
    request={
        "phone2": None,
        "leadData": {"plan": "silver"},
        "nextAttemptTimestamp": "2021-08-02T10:00:00+10:00",
    },
    problems=[LeadCompleted, LeadInDialler, StaleVersion, CallbackRefused, DoNotCallStays, Conflict],
    audits=changes("lead.update", "lead"),
    further=lead_faults.of_update,
    keeps=True,
)
async def update_lead(call: Call, lead_id: int, query: LeadUpdateQuery, body: LeadUpdate) -> Answer[Lead]:
    """Change the fields that are given; null, or an empty text, clears a field that can be empty.

    `leadData` merges by key, and a null value removes its key. `agentId` with `nextAttemptTimestamp` makes a callback
    for that agent, `nextAttemptTimestamp` alone one for the queue, and the lead is no agent's any more. Clearing one
    half clears the callback, and so does another `statusCode`. One that would not be kept is refused with
    `callback-refused`. A lead can only be completed, never opened again. Do Not Call stays, unless
    `liftDoNotCall=true` is sent with a token that has the scope `do-not-call:write`; what the lead
    brought onto the do-not-call list is lifted then, and a number that is on a list for another reason stays blocked.
    """
    may_lift = may_lift_do_not_call(call, query.lift_do_not_call)
    async with call.db.transaction():
        members = await hold_agent_of(call, body)
        row = await leads.get_locked(call.db, call.organisation, lead_id)
        if row is None:
            raise not_found("lead")
        call.expect_version(lead_of(row))
        await do_not_call.asked(call.db, Asked("lead-update", call.actor))
        if found := await lead_faults.of_change(call, body):
            raise listed(found)
        changed = await _changed(call, row, body, members, may_lift=may_lift)
        await leads.update(call.db, call.organisation, lead_id, changed)
        updated = await leads.get(call.db, call.organisation, lead_id)
        if updated is None:
            raise not_found("lead")
        await lift_what_it_brought(call, row, updated)
    given = zip(body.__struct_fields__, body.__struct_encode_fields__, strict=True)
    call.audit.entry(fields=[shown for name, shown in given if getattr(body, name) is not UNSET])
    lead, notes = lead_of(updated), _notes(body, changed)
    return Answer(msgspec.structs.replace(lead, warnings=notes), lead_id=lead_id, version=lead)


@operation(
    "DELETE",
    "/leads/{leadId}",
    scope="leads:write",
    summary="Delete lead",
    tag="leads",
    status=204,
    problems=[LeadInDialler, StaleVersion, LegalHold],
    audits=changes("lead.delete", "lead"),
)
async def delete_lead(call: Call, lead_id: int) -> None:
    """Delete a lead. Its attempts and activities stay, with `leadId` kept."""
    async with call.db.transaction():
        row = await leads.get_locked(call.db, call.organisation, lead_id)
        if row is None:
            raise not_found("lead")
        call.expect_version(lead_of(row))
        if row["in_flight_attempt_id"] is not None:
            raise LeadInDialler("The lead is being dialled now; delete it when the call is over.")
        if holds := await legal_holds.held(call.db, call.organisation, [lead_id], ()):
            raise held("The lead", holds)
        await leads.delete(call.db, call.organisation, lead_id)


async def _changed(
    call: Call, row: leads.LeadRecord, body: LeadUpdate, members: frozenset[tuple[int, int]], *, may_lift: bool
) -> dict[str, Any]:
    """Every changeable column, with the request's changes applied."""
    values = {name: row[name] for name in ("list_id", "customer_key", "timezone", *PHONES, "completed_at")}
    values |= {name: row[name] for name in ("data", "identifiers", "status_code", "agent_id", "next_attempt_at")}
    await _move(call, row, body, values)
    if body.customer_key is not UNSET:
        values["customer_key"] = customer_key(body.customer_key)
    if body.timezone is not UNSET:
        values["timezone"] = _zone_name(body.timezone, call.caller.organisation.country)
    for name in PHONES:
        text: Any = getattr(body, name)
        if text is not UNSET:
            values[name] = _phone(text, name, call.caller.organisation)
    values |= each_once({name: values[name] for name in PHONES})
    if isinstance(body.lead_data, dict):
        merged = merged_data(msgspec.json.decode(row["data"]), body.lead_data)
        encoded = ENCODE(merged)
        if len(merged) > MOST_FIELDS or len(encoded) > LARGEST_LEAD_DATA:
            raise invalid("leadData", "too-large", f"would have over {MOST_FIELDS} fields or 64 KiB")
        values["data"] = encoded.decode()
    elif body.lead_data is None:
        values["data"] = "{}"
    data, key = values["data"], values["customer_key"]
    values["identifiers"] = await beside(len(data), lambda: contacts(msgspec.json.decode(data), key))
    if body.is_completed is False and row["completed_at"] is not None:
        raise LeadCompleted("A completed lead cannot be opened again.")
    values |= schedule(call, row, body)
    if (body.is_completed is True or values["status_code"] == LeadStatus.COMPLETED) and row["completed_at"] is None:
        values["completed_at"] = call.now
    await callback_kept(call, row, values, members, may_lift=may_lift)
    return values


async def _move(call: Call, row: leads.LeadRecord, body: LeadUpdate, values: dict[str, Any]) -> None:
    values["campaign_id"] = row["campaign_id"]
    if body.list_id is UNSET or body.list_id is None or body.list_id == row["list_id"]:
        return
    target = await lists.get(call.db, call.organisation, body.list_id)
    if target is None:
        raise unknown_id("listId", "list")
    if target["campaign_id"] != row["campaign_id"] and row["in_flight_attempt_id"] is not None:
        raise LeadInDialler("The lead is being dialled now; move it to another campaign when the call is over.")
    values["list_id"], values["campaign_id"] = body.list_id, target["campaign_id"]


def _zone_name(name: str | None, country: str) -> str | None:
    try:
        return None if name is None or not name.strip() else given_zone(name, country)
    except UnknownZone as error:
        raise invalid("timezone", "unknown-timezone", str(error)) from error


def _notes(body: LeadCreate | LeadUpdate, kept: dict[str, Any]) -> list[Note] | UnsetType:
    given = {name: getattr(body, name) for name in PHONES}
    return [Note(field=name, code=code, message=text) for name, code, text in phone_notes(given, kept)] or UNSET


def _phone(text: str | None, name: str, organisation: Organisation) -> str | None:
    if text is None or not text.strip():
        return None
    try:
        return normalise(text, organisation.country, organisation.new_number_ranges)
    except PhoneError as error:
        raise invalid(name, error.code, str(error)) from error


def lead_of(row: leads.LeadRecord) -> Lead:
    """The contract's lead from a row of the store."""
    at = zone(row["campaign_timezone"])
    completed: datetime | None = row["completed_at"]

    def shown(moment: datetime | None) -> str | None:
        return None if moment is None else format_timestamp(moment, at)

    status: int = row["status_code"]
    dial_status: int | None = row["last_dial_status"]
    return Lead(
        lead_id=row["lead_id"],
        campaign_id=row["campaign_id"],
        campaign_name=row["campaign_name"],
        list_id=row["list_id"],
        list_name=row["list_name"],
        timezone=row["timezone"],
        completed=completed is not None,
        customer_key=row["customer_key"],
        agent_id=row["agent_id"],
        agent_full_name=row["agent_full_name"],
        data_fields=msgspec.Raw(row["data"].encode()),
        last_status_code=status,
        last_status_description=LEAD_STATUS_NAMES.get(status) or row["own_status"],
        phones=[_phone_of(row, index) for index in (1, 2, 3) if row[f"phone{index}"] is not None],
        outcome_type=row["outcome_type"],
        outcomes_info=OutcomesInfo(
            attempts=row["attempts"],
            last_attempt_id=row["last_attempt_id"],
            last_dial_status_id=dial_status,
            last_dial_status_name=None if dial_status is None else DIAL_STATUS_NAMES[dial_status],
            wrap_code=row["wrap_code"],
            wrap_description=row["wrap_description"],
        ),
        timestamps=LeadTimestamps(
            uploaded=format_timestamp(row["uploaded_at"], at),
            updated=format_timestamp(row["updated_at"], at),
            last_attempt=shown(row["last_attempt_at"]),
            next_attempt=shown(row["next_attempt_at"]),
            completed=shown(completed),
        ),
        callback_moved=moved_of(row, at),
    )


def _phone_of(row: leads.LeadRecord, index: Literal[1, 2, 3]) -> LeadPhone:
    status: int | None = row[f"phone{index}_dial_status"]
    return LeadPhone(
        phone_index=index,
        phone_number=row[f"phone{index}"],
        attempts=row[f"phone{index}_attempts"],
        last_dial_status_id=status,
        last_dial_status_name=None if status is None else DIAL_STATUS_NAMES[status],
    )

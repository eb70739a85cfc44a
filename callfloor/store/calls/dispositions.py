"""What an agent says of a call's customer: kept whole, or refused with the reason, before the wrap-up is over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import msgspec
from asyncpg import Record

from callfloor.contract.codes import LEAD_STATUS_NAMES, LeadStatus
from callfloor.contract.dialling import NewLeads
from callfloor.contract.fields import Scalar
from callfloor.contract.leads import LARGEST_LEAD_DATA, MOST_FIELDS
from callfloor.contract.workspace import Refusal
from callfloor.rules.dialling.callbacks import (
    CallbackChange,
    CallbackError,
    CallbackFields,
    apply_change,
    status_without,
)
from callfloor.rules.dialling.strategy import CALLBACKS
from callfloor.rules.values.leads import contacts, merged_data
from callfloor.rules.values.times import format_timestamp, zone
from callfloor.store.db.pool import Database
from callfloor.store.leads import callbacks, leads
from callfloor.store.leads.callbacks import ProposedCallback
from callfloor.store.leads.leads import NewLead
from callfloor.store.privacy import do_not_call

CALL_SQL = """
SELECT a.campaign_id, a.lead_id, a.contact, a.erased_at, c.dialling ->> 'newLeads' AS new_leads, c.name AS campaign
FROM activities a
JOIN campaigns c ON c.organisation_id = a.organisation_id AND c.campaign_id = a.campaign_id
WHERE a.organisation_id = $1 AND a.activity_id = $2"""
LIST_SQL = """
SELECT l.list_id, l.campaign_id FROM lists l
JOIN campaigns c ON c.organisation_id = l.organisation_id AND c.campaign_id = l.campaign_id
WHERE l.organisation_id = $1 AND c.name = $2 AND l.name = $3"""
SET_LEAD_SQL = "UPDATE activities SET lead_id = $3 WHERE organisation_id = $1 AND activity_id = $2"

NO_LEAD = (
    "This call has no lead that could keep that. Choose one of its number (chooseLead), or have the campaign name a"
    " list for new leads (newLeads in the centre file)."
)
NO_NUMBER = "The caller shows no number, so that there is nobody to call back or to keep anything of."


@dataclass(frozen=True, slots=True)
class Disposition:
    """`at`: a callback (aware), for `agent` alone where that is given. `data` merges into the lead's; null removes."""

    status_code: int | None = None
    at: datetime | None = None
    agent: int | None = None
    data: Mapping[str, Scalar] | None = None

    @property
    def only_do_not_call(self) -> bool:
        return self.status_code == LeadStatus.DO_NOT_CALL and self.at is None and not self.data


async def save(
    db: Database, organisation: int, activity_id: int, disposition: Disposition, now: datetime
) -> Refusal | None:
    """Keep what an agent says of the customer of a call: on the call's lead, or on a new one in the list that the
    campaign names. A refusal changes nothing."""
    async with db.transaction():
        agents = [] if disposition.agent is None else [disposition.agent]
        active = await callbacks.members(db, organisation, agents)
        call = await db.fetchrow(CALL_SQL, organisation, activity_id)
        if call is None or call["erased_at"] is not None:
            return Refusal(code="no-lead", detail="The customer of this call was erased: nothing more is kept.")
        lead = None
        if call["lead_id"] is not None:
            lead = await leads.get_locked(db, organisation, call["lead_id"])
        if lead is None:
            return await _on_a_new_lead(db, organisation, activity_id, call, disposition, active, now)
        return await _on_its_lead(db, organisation, lead, disposition, active, now)


async def _on_its_lead(
    db: Database,
    organisation: int,
    lead: Record,
    disposition: Disposition,
    active: frozenset[tuple[int, int]],
    now: datetime,
) -> Refusal | None:
    current = CallbackFields(lead["agent_id"], lead["next_attempt_at"], lead["status_code"])
    if _promises_no_time(current, disposition):
        return _without_time(disposition)
    try:
        after = apply_change(current, _change(disposition), status_without(lead["attempts"], lead["last_dial_status"]))
    except CallbackError as error:
        return _contradiction(error, disposition)
    if current.status_code == LeadStatus.DO_NOT_CALL != after.status_code:
        detail = "The customer is not to be called any more (the lead is Do Not Call): a wrap-up does not lift that."
        return Refusal(code="do-not-call", detail=detail)
    values = {"agent_id": after.agent_id, "next_attempt_at": after.at, "status_code": after.status_code}
    if after.callback and after != current:
        facts = callbacks.facts_of_row(lead, values)
        refusal = await _kept(
            db, organisation, ProposedCallback(lead["campaign_id"], facts, lead["lead_id"]), active, now
        )
        if refusal is not None:
            return refusal
    data = merged_data(msgspec.json.decode(lead["data"], type=dict[str, Scalar]), disposition.data or {})
    encoded = msgspec.json.encode(data)
    if disposition.data and _too_large(data, encoded):
        return _TOO_LARGE
    if after.status_code == LeadStatus.COMPLETED:
        values["completed_at"] = lead["completed_at"] or now
    if disposition.data:
        values |= {"data": encoded.decode(), "identifiers": contacts(data, lead["customer_key"])}
    await leads.update(db, organisation, lead["lead_id"], dict(lead) | values)
    return None


async def _on_a_new_lead(
    db: Database,
    organisation: int,
    activity_id: int,
    call: Record,
    disposition: Disposition,
    active: frozenset[tuple[int, int]],
    now: datetime,
) -> Refusal | None:
    number: str | None = call["contact"]
    if number is None:
        return Refusal(code="no-lead", detail=NO_NUMBER)
    if disposition.only_do_not_call:
        # the number is blocked, which needs no lead
        key = await do_not_call.key(db, organisation)
        await do_not_call.add(db, organisation, key, number, now, reason="asked in a call")
        return None
    target = await _list_for(db, organisation, call)
    if isinstance(target, Refusal):
        return target
    if _promises_no_time(CallbackFields(), disposition):
        return _without_time(disposition)
    try:
        asked = apply_change(CallbackFields(), _change(disposition))
    except CallbackError as error:
        return _contradiction(error, disposition)
    if asked.callback:
        facts = callbacks.facts_of(asked, (number, None, None), None)
        refusal = await _kept(db, organisation, ProposedCallback(target["campaign_id"], facts), active, now)
        if refusal is not None:
            return refusal
    data = merged_data({}, disposition.data or {})
    encoded = msgspec.json.encode(data)
    if _too_large(data, encoded):
        return _TOO_LARGE
    new = NewLead(
        organisation_id=organisation,
        list_id=target["list_id"],
        data=msgspec.Raw(encoded),
        status_code=asked.status_code,
        phone1=number,
        next_attempt_at=asked.at,
        agent_id=asked.agent_id,
        identifiers=contacts(data, None),
    )
    (made,) = await leads.insert_many(db, [new])
    if made.lead_id is None:
        return Refusal(code="no-lead", detail="The lead's status is none of the organisation's any more.")
    await db.execute(SET_LEAD_SQL, organisation, activity_id, made.lead_id)
    return None


async def _list_for(db: Database, organisation: int, call: Record) -> Record | Refusal:
    """Where the campaign wants new leads."""
    if call["new_leads"] is None:
        return Refusal(code="no-lead", detail=NO_LEAD)
    named = msgspec.json.decode(call["new_leads"], type=NewLeads)
    found = await db.fetchrow(LIST_SQL, organisation, named.campaign or call["campaign"], named.list)
    if found is None:
        detail = "The list that the campaign names for new leads is there no more: mend newLeads in the centre file."
        return Refusal(code="no-lead", detail=detail)
    return found


def _change(disposition: Disposition) -> CallbackChange:
    # what is not said stays as it is; a callback for the queue is no agent's
    if disposition.at is None:
        return CallbackChange(status_code=disposition.status_code)
    return CallbackChange(disposition.agent, disposition.at, disposition.status_code)


async def _kept(
    db: Database, organisation: int, wished: ProposedCallback, active: frozenset[tuple[int, int]], now: datetime
) -> Refusal | None:
    (refused,) = await callbacks.refusals(db, organisation, [wished], active, now)
    if refused is None:
        return None
    shown = None if refused.next_at is None else format_timestamp(refused.next_at, zone(refused.zone))
    return Refusal(code=refused.reason, detail=refused.detail, next_timestamp=shown)


def _promises_no_time(current: CallbackFields, disposition: Disposition) -> bool:
    """Whether the status is a callback's and nobody has said when: the time at which a lead that is no callback may be
    dialled again is nobody's promise."""
    return disposition.status_code in CALLBACKS and disposition.at is None and not current.callback


def _without_time(disposition: Disposition) -> Refusal:
    name = LEAD_STATUS_NAMES[disposition.status_code or 0]
    return Refusal(code="contradiction", detail=f"leadStatus {name} promises a call: say when, in callback.timestamp.")


def _contradiction(error: CallbackError, disposition: Disposition) -> Refusal:
    """In the words of a wrap-up, which has other fields than a lead."""
    status = "" if disposition.status_code is None else LEAD_STATUS_NAMES[disposition.status_code]
    match error.field:
        case "agentId":
            detail = f"callback.own is true, but leadStatus is {status}: leave one of them out."
        case "nextAttemptTimestamp":
            detail = f"A customer whose leadStatus is {status} is not called: leave callback or leadStatus out."
        case _:
            detail = f"leadStatus {status} is a callback of yours alone: give callback with own true, or leave it out."
    return Refusal(code="contradiction", detail=detail)


_TOO_LARGE = Refusal(
    code="too-large",
    detail=f"The lead's data would have over {MOST_FIELDS} fields or 64 KiB: write less, or clear some.",
)


def _too_large(data: Mapping[str, Scalar], encoded: bytes) -> bool:
    return len(data) > MOST_FIELDS or len(encoded) > LARGEST_LEAD_DATA

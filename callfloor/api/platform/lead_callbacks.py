"""Callbacks of leads over the API: what a request asks for, and why it would not be kept."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import UNSET

from callfloor.api.call import Call, invalid
from callfloor.contract.codes import LeadStatus, Scope
from callfloor.contract.leads import CallbackMoved, LeadUpdate
from callfloor.errors import CallbackRefused, DoNotCallStays, FieldError, ScopeMissing
from callfloor.rules.dialling.callbacks import (
    CallbackChange,
    CallbackError,
    CallbackFields,
    Moved,
    Refused,
    apply_change,
    completing,
    status_without,
)
from callfloor.rules.values.times import format_timestamp
from callfloor.store.leads import callbacks, leads, lists
from callfloor.store.leads.callbacks import ProposedCallback
from callfloor.store.people import users
from callfloor.store.privacy import do_not_call
from callfloor.store.privacy.do_not_call import Doing

# Whoever has it may let people be called again who asked not to be.
LIFTS: Scope = "do-not-call:write"
# What a callback depends on besides itself.
_CONDITIONS = ("campaign_id", "phone1", "phone2", "phone3", "timezone")


async def hold_agent_of(call: Call, body: LeadUpdate) -> frozenset[tuple[int, int]]:
    """The agent that a request names, as it is until the transaction ends."""
    named = [body.agent_id] if isinstance(body.agent_id, int) else []
    return await callbacks.members(call.db, call.organisation, named)


def may_lift_do_not_call(call: Call, asked: bool | None) -> bool:
    """Whether a request says that it lifts Do Not Call. Raises `ScopeMissing`."""
    if asked and not call.caller.scopes & {LIFTS, "admin"}:
        raise ScopeMissing(f"liftDoNotCall needs the scope {LIFTS}, which the token lacks.")
    return bool(asked)


async def lift_what_it_brought(call: Call, before: leads.LeadRecord, after: leads.LeadRecord) -> None:
    """A lead that is Do Not Call no more takes the wish that it brought off the lists."""
    if before["status_code"] == LeadStatus.DO_NOT_CALL != after["status_code"]:
        by = Doing("lead-update", call.actor)
        await do_not_call.lift_of_leads(call.db, call.organisation, [before["lead_id"]], call.now, by)


def schedule(call: Call, row: leads.LeadRecord, body: LeadUpdate) -> dict[str, Any]:
    """Agent, next attempt and status of a lead after a request. Raises `Invalid`."""
    current = CallbackFields(row["agent_id"], row["next_attempt_at"], row["status_code"])
    # an empty text clears, as null does
    text = body.next_attempt_timestamp or (None if body.next_attempt_timestamp == "" else body.next_attempt_timestamp)
    at = UNSET if text is UNSET else call.timestamp(text, "nextAttemptTimestamp", in_body=True)
    change = CallbackChange(body.agent_id, at, body.status_code)
    if body.is_completed is True and row["completed_at"] is None:
        change = completing(current, change)
    without = status_without(row["attempts"], row["last_dial_status"])
    try:
        after = apply_change(current, change, without)
    except CallbackError as error:
        raise invalid(error.field, error.code, error.message) from error
    return {"agent_id": after.agent_id, "next_attempt_at": after.at, "status_code": after.status_code}


async def callback_kept(
    call: Call,
    row: leads.LeadRecord,
    values: dict[str, Any],
    members: frozenset[tuple[int, int]],
    *,
    may_lift: bool,
) -> None:
    """Raise `CallbackRefused` when a request asks for a callback that would not be kept, or takes away what a
    standing one needs, `DoNotCallStays` when it would lift Do Not Call and may not. `values`: the lead's columns after
    the request."""
    asked = CallbackFields(values["agent_id"], values["next_attempt_at"], values["status_code"])
    before = CallbackFields(row["agent_id"], row["next_attempt_at"], row["status_code"])
    blocked = before.status_code == LeadStatus.DO_NOT_CALL and not may_lift
    if blocked and asked.status_code != before.status_code and not asked.callback:
        raise DoNotCallStays(
            "The lead is Do Not Call, and no update lifts that unless it says so: send ?liftDoNotCall=true with a token"
            f" that has the scope {LIFTS}."
        )
    same = asked == before and all(values[name] == row[name] for name in _CONDITIONS)
    if not asked.callback or same:
        return
    if asked.agent_id is not None and asked.agent_id == before.agent_id:
        members |= await callbacks.members(call.db, call.organisation, [asked.agent_id], hold=False)
    facts = callbacks.facts_of_row(row, values)
    if blocked:
        raise refused(Refused("do-not-call", "The lead's status is Do Not Call."))
    lifts = before.status_code == LeadStatus.DO_NOT_CALL != asked.status_code
    await _kept(call, ProposedCallback(values["campaign_id"], facts, row["lead_id"], lifts), members)


async def callback_kept_by_new(call: Call, new: dict[str, Any]) -> None:
    """Raise `CallbackRefused` when a new lead's callback would not be kept. What does not exist is not looked at."""
    asked = CallbackFields(new["agent_id"], new["next_attempt_at"], new["status_code"])
    of_list = await lists.get(call.db, call.organisation, new["list_id"])
    if not asked.callback or of_list is None:
        return
    named = [] if asked.agent_id is None else [asked.agent_id]
    if named and not await users.is_agent(call.db, call.organisation, named[0]):
        return
    members = await callbacks.members(call.db, call.organisation, named)
    facts = callbacks.facts_of(asked, (new["phone1"], new["phone2"], new["phone3"]), new["timezone"])
    await _kept(call, ProposedCallback(of_list["campaign_id"], facts), members)


async def _kept(call: Call, wished: ProposedCallback, members: frozenset[tuple[int, int]]) -> None:
    (found,) = await callbacks.refusals(call.db, call.organisation, [wished], members, call.now)
    if found is not None:
        raise refused(found)


def refused(found: Refused) -> CallbackRefused:
    fault = FieldError(found.reason, found.detail, pointer=f"/{found.field}")
    return CallbackRefused(found.reason, found.detail, found.next_timestamp, errors=[fault])


def moved_of(row: leads.LeadRecord, at: ZoneInfo) -> CallbackMoved | None:
    """Whose the lead's callback was before it became the queue's."""
    if row["status_code"] != LeadStatus.CALLBACK_QUEUE or row["callback_was_of"] is None:
        return None
    moved_at: datetime = row["callback_moved_at"]
    if row["last_attempt_at"] is not None and row["last_attempt_at"] > moved_at:
        # that callback was made
        return None
    why = Moved(row["callback_moved_why"]).word
    return CallbackMoved(agent_id=row["callback_was_of"], reason=why, timestamp=format_timestamp(moved_at, at))

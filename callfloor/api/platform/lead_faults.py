"""All that is wrong with a lead of a request, said at once: kinds of values, what they must be, what they name."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET

from callfloor.api.call import Call
from callfloor.api.threads import beside
from callfloor.contract.codes import LEAD_STATUS_NAMES
from callfloor.contract.leads import LeadCreate, LeadUpdate
from callfloor.errors import FieldError, Invalid
from callfloor.rules.values.faults import fitting, listed
from callfloor.rules.values.leads import every_fault, every_fault_of, read
from callfloor.store.leads import leads

# In the place of a list that is missing or cannot be read; that is said already.
_NO_LIST = 1


async def of_create(call: Call, value: object) -> list[FieldError]:
    """Other faults of a body that is no `LeadCreate`."""
    lead = await beside(call.body_bytes, fitting, LeadCreate, value, listId=_NO_LIST)
    return [] if lead is None else await of_new(call, lead)


async def of_update(call: Call, value: object) -> list[FieldError]:
    """Other faults of a body that is no `LeadUpdate`."""
    update = await beside(call.body_bytes, fitting, LeadUpdate, value)
    return [] if update is None else await of_change(call, update)


async def of_new(call: Call, lead: LeadCreate) -> list[FieldError]:
    """Every fault of a new lead."""
    return await _all(call, lead, await beside(call.body_bytes, every_fault, lead, *_about(call)))


async def of_change(call: Call, update: LeadUpdate) -> list[FieldError]:
    """Every fault of an update that does not depend on the lead."""
    names = {field.name for field in msgspec.structs.fields(LeadCreate)} - {"list_id"}
    given = {name: value for name in names if (value := getattr(update, name)) is not UNSET}
    lead = LeadCreate(list_id=_NO_LIST, **given)
    found = await beside(call.body_bytes, every_fault_of, read, lead, *_about(call))
    return await _all(call, update, found)


async def unknown(call: Call, lead: LeadCreate | LeadUpdate) -> Invalid:
    """The problem of a lead that names what is not there: all that is not."""
    return listed(await _missing(call, lead))


async def _all(call: Call, lead: LeadCreate | LeadUpdate, found: list[Any]) -> list[FieldError]:
    of_values = [FieldError(fault.code, fault.message, pointer=f"/{fault.field}") for fault in found]
    pointers = {each.pointer for each in of_values}
    return [*of_values, *(each for each in await _missing(call, lead) if each.pointer not in pointers)]


async def _missing(call: Call, lead: LeadCreate | LeadUpdate) -> list[FieldError]:
    lists = [lead.list_id] if isinstance(lead.list_id, int) else []
    agents = [lead.agent_id] if isinstance(lead.agent_id, int) else []
    own = isinstance(lead.status_code, int) and lead.status_code not in LEAD_STATUS_NAMES
    if not (lists or agents or own):
        return []
    known = await leads.known_references(call.db, call.organisation, lists, agents)
    return known.missing(lead.list_id, lead.agent_id, lead.status_code)


def _about(call: Call) -> tuple[Any, ...]:
    organisation = call.caller.organisation
    return organisation.country, call.zone, organisation.new_number_ranges

"""What a row of an import does to a lead: to a new one, or to one that is there. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from msgspec import UNSET

from callfloor.contract.codes import LeadStatus
from callfloor.contract.imports import ImportLead
from callfloor.contract.leads import LARGEST_LEAD_DATA, MOST_FIELDS
from callfloor.rules.dialling.callbacks import CallbackChange, CallbackFields, completing, status_without
from callfloor.rules.imports.import_cells import is_absent
from callfloor.rules.imports.import_words import PHONES
from callfloor.rules.values.leads import (
    LeadFault,
    callback_columns,
    contacts,
    each_once,
    every_fault_of,
    merged_data,
    read,
)
from callfloor.rules.values.phones import is_known

_TEXTS = {"customerKey": "customer_key", "timezone": "timezone", **{phone: phone for phone in PHONES}}
# What a lead is before anything is known of it.
BLANK: Mapping[str, Any] = {
    "customer_key": None, "timezone": None, "phone1": None, "phone2": None, "phone3": None, "next_attempt_at": None,
    "status_code": int(LeadStatus.NEW), "agent_id": None, "completed_at": None, "data": {}, "attempts": 0,
    "last_dial_status": None,
}  # fmt: skip


@dataclass(slots=True)
class Row:
    """A row that was read. `columns` are those of a new lead, `change` what it says of agent, time and status."""

    number: int
    columns: dict[str, Any]
    change: CallbackChange
    completed: bool | None
    # leadData as it was sent; None: nothing of it
    data: Mapping[str, Any] | None
    # fields that were sent as null or empty, by their names in the contract
    cleared: frozenset[str]
    # phones that were written as `n/a` or the like, that stand in the row twice, and whose range is not known
    absent: int
    duplicate: int
    unknown: int

    @property
    def key(self) -> str | None:
        return self.columns["customer_key"]

    @property
    def list_id(self) -> int:
        return self.columns["list_id"]

    @property
    def phones(self) -> list[str]:
        return [number for name in PHONES if (number := self.columns[name]) is not None]


def row_of(
    number: int,
    lead: ImportLead,
    sent: Mapping[str, Any] | None,
    country: str,
    at: ZoneInfo,
    new_ranges: Collection[str] = (),
) -> Row:
    """Read a row. `sent`: its members as they came, where clearing counts; None: nothing is cleared, because nothing is
    there. Raises `LeadFault` for the first field that cannot be taken."""
    absent = _without_absent(lead)
    columns, change = _read(lead, country, at, new_ranges)
    cleared: frozenset[str] = frozenset()
    if sent is not None:
        cleared = frozenset(name for name, value in sent.items() if value is None or value == "")
        change = CallbackChange(
            _said("agentId", change.agent_id, cleared),
            _said("nextAttemptTimestamp", change.at, cleared),
            UNSET if change.status_code is None else change.status_code,
        )
    kept = [phone for name in PHONES if (phone := columns[name]) is not None]
    # one number alone is nobody's duplicate
    several = lead.phone2 or lead.phone3
    duplicate = _written(lead.phone1) + _written(lead.phone2) + _written(lead.phone3) - len(kept) if several else 0
    # without new ranges no other number is taken
    unknown = sum(not is_known(phone) for phone in kept) if new_ranges else 0
    return Row(number, columns, change, lead.is_completed, lead.lead_data, cleared, absent, duplicate, unknown)


def faults_of(
    lead: ImportLead, country: str, at: ZoneInfo, new_ranges: Collection[str] = (), *, new: bool = False
) -> list[LeadFault]:
    """All faults of a row. `new`: it can only be a new lead, of which is known what its agent, time and status come
    to."""
    _without_absent(lead)
    return every_fault_of(_read_new if new else _read, lead, country, at, new_ranges)


def _read_new(lead: Any, country: str, at: ZoneInfo, new_ranges: Collection[str]) -> None:
    _, change = _read(lead, country, at, new_ranges)
    callback_columns(CallbackFields(), completing(CallbackFields(), change) if lead.is_completed else change)


def _read(lead: Any, country: str, at: ZoneInfo, new_ranges: Collection[str]) -> tuple[dict[str, Any], CallbackChange]:
    columns, change = read(lead, country, at, new_ranges)
    if not lead.do_not_call:
        return columns, change
    if change.status_code is not None and change.status_code != LeadStatus.DO_NOT_CALL:
        raise LeadFault("doNotCall", "contradiction", "says yes, and statusCode another status: leave one of them out")
    return columns, replace(change, status_code=int(LeadStatus.DO_NOT_CALL))


def _without_absent(lead: ImportLead) -> int:
    """Take out phones that say that there is none; returns how many."""
    count = 0
    if (one := lead.phone1) and not one[-1].isdigit() and is_absent(one):
        lead.phone1, count = None, 1
    if (two := lead.phone2) and not two[-1].isdigit() and is_absent(two):
        lead.phone2, count = None, count + 1
    if (three := lead.phone3) and not three[-1].isdigit() and is_absent(three):
        lead.phone3, count = None, count + 1
    return count


def _written(phone: str | None) -> bool:
    return bool(phone) and not phone.isspace()


def _said(name: str, value: Any, cleared: frozenset[str]) -> Any:
    """None is cleared, unless nothing was sent."""
    if name in cleared:
        return None
    return UNSET if value is None else value


# What nearly every row says of agent, time and status, and what comes of it.
_NOTHING = CallbackChange(None, UNSET, None)
_AS_NEW = callback_columns(CallbackFields(), _NOTHING) | {"completed": False}


def new_columns(row: Row) -> dict[str, Any]:
    """Columns of a new lead of which nothing is known. Raises `LeadFault`."""
    if row.change == _NOTHING and not row.completed:
        return row.columns | _AS_NEW
    change = completing(CallbackFields(), row.change) if row.completed else row.change
    return row.columns | callback_columns(CallbackFields(), change) | {"completed": bool(row.completed)}


def changed(lead: Mapping[str, Any], row: Row, country: str, now: datetime, *, may_lift: bool) -> dict[str, Any]:
    """The changeable columns of a lead (as in `BLANK`) after a row, as an update of one lead would leave them: what the
    row leaves out stays, null and empty clear, own fields are merged.

    Raises `LeadFault` for what the lead does not allow: to be opened again, to be called against its wish, to have more
    data than a lead has.
    """
    found = dict(lead)
    for name, column in _TEXTS.items():
        if row.columns[column] is not None or name in row.cleared:
            found[column] = row.columns[column]
    found |= each_once({phone: found[phone] for phone in PHONES})
    if row.data is not None or "leadData" in row.cleared:
        data = {} if row.data is None else merged_data(lead["data"], row.data)
        if len(data) > MOST_FIELDS or len(msgspec.json.encode(data)) > LARGEST_LEAD_DATA:
            raise LeadFault(
                "leadData", "too-large", f"would have over {MOST_FIELDS} fields or 64 KiB with what is there"
            )
        found["data"] = data
    found["identifiers"] = contacts(found["data"], found["customer_key"])
    if row.completed is False and lead["completed_at"] is not None:
        raise LeadFault("isCompleted", "lead-completed", "is false, but a completed lead cannot be opened again")
    current = CallbackFields(lead["agent_id"], lead["next_attempt_at"], lead["status_code"])
    change = completing(current, row.change) if row.completed and lead["completed_at"] is None else row.change
    found |= callback_columns(current, change, status_without(lead["attempts"], lead["last_dial_status"]))
    if lead["status_code"] == LeadStatus.DO_NOT_CALL != found["status_code"] and not may_lift:
        message = "the lead is Do Not Call, and only an import with liftDoNotCall=true may change that"
        raise LeadFault("statusCode", "do-not-call-stays", message)
    done = row.completed or found["status_code"] == LeadStatus.COMPLETED
    if done and lead["completed_at"] is None:
        found["completed_at"] = now
    return found

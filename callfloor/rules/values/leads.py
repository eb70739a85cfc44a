"""What a lead that comes in must be, whichever way it comes: one at a time or in bulk."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from msgspec import UNSET

from callfloor.contract.codes import FIRST_OWN_LEAD_STATUS, LeadStatus
from callfloor.contract.fields import Scalar
from callfloor.contract.leads import LARGEST_LEAD_DATA, LeadCreate
from callfloor.rules.dialling.callbacks import CallbackChange, CallbackError, CallbackFields, apply_change
from callfloor.rules.privacy.identifiers import identifiers, is_counter
from callfloor.rules.values.customer_keys import customer_key
from callfloor.rules.values.phones import PhoneError, is_known, normalise
from callfloor.rules.values.times import TimestampError, UnknownZone, parse_timestamp
from callfloor.rules.values.zone_names import given_zone

_STANDARD = frozenset(int(status) for status in LeadStatus)
_EMPTY = msgspec.Raw(b"{}")


PHONES = ("phone1", "phone2", "phone3")


class LeadFault(ValueError):
    """A field of a lead cannot be taken. `field` is its contract name."""

    def __init__(self, field: str, code: str, message: str) -> None:
        super().__init__(message)
        self.field, self.code, self.message = field, code, message


def prepare(lead: LeadCreate, country: str, at: ZoneInfo, new_ranges: Collection[str] = ()) -> dict[str, Any]:
    """Columns of a new lead: phones in E.164 and each once, times aware, empty text as None.

    `country`, `at` and `new_ranges` (see `rules.phones`) are the organisation's. Raises `LeadFault` for the first
    field that cannot be taken. Whether list, agent and own status exist is the store's to say.
    """
    columns, change = read(lead, country, at, new_ranges)
    return columns | callback_columns(CallbackFields(), change)


def read(
    lead: LeadCreate, country: str, at: ZoneInfo, new_ranges: Collection[str] = ()
) -> tuple[dict[str, Any], CallbackChange]:
    """`prepare` without what agent, time and status come to: that depends on the lead that they are said of. An empty
    time is None, a null is UNSET."""
    data = _EMPTY
    if lead.lead_data:
        encoded = msgspec.json.encode(lead.lead_data)
        if b"\\u0000" in encoded and any("\x00" in f"{name}{value}" for name, value in lead.lead_data.items()):
            raise LeadFault("leadData", "nul-character", "contains a NUL character")
        if len(encoded) > LARGEST_LEAD_DATA:
            raise LeadFault("leadData", "too-large", "has over 64 KiB")
        data = msgspec.Raw(encoded)
    if lead.customer_key is not None and "\x00" in lead.customer_key:
        raise LeadFault("customerKey", "nul-character", "contains a NUL character")
    key = customer_key(lead.customer_key)
    status = lead.status_code or 0
    if status not in _STANDARD and status < FIRST_OWN_LEAD_STATUS:
        raise LeadFault("statusCode", "unknown-status", "is not a lead status: use 0 to 12 or one of your own")
    next_at = _time(lead.next_attempt_timestamp, at) if lead.next_attempt_timestamp else UNSET
    columns = {
        "list_id": lead.list_id,
        "customer_key": key,
        "timezone": _zone_name(lead.timezone, country) if lead.timezone else None,
        **_phones(lead, country, new_ranges),
        "data": data,
        "identifiers": contacts(lead.lead_data or {}, key),
    }
    return columns, CallbackChange(lead.agent_id, next_at, lead.status_code)


def callback_columns(current: CallbackFields, change: CallbackChange, without: int = LeadStatus.NEW) -> dict[str, Any]:
    """Agent, time and status of a lead after a change. Raises `LeadFault`."""
    try:
        after = apply_change(current, change, without)
    except CallbackError as error:
        raise LeadFault(error.field, error.code, error.message) from error
    return {"next_attempt_at": after.at, "status_code": after.status_code, "agent_id": after.agent_id}


def every_fault(lead: LeadCreate, country: str, at: ZoneInfo, new_ranges: Collection[str] = ()) -> list[LeadFault]:
    """All faults that `prepare` would find one after the other."""
    return every_fault_of(prepare, lead, country, at, new_ranges)


def every_fault_of(reader: Callable[..., object], lead: LeadCreate, *about: object) -> list[LeadFault]:
    """All faults that a reader of leads finds, each field looked at without those before."""
    found: list[LeadFault] = []
    attributes = _attributes(type(lead))
    while True:
        try:
            reader(lead, *about)
        except LeadFault as fault:
            found.append(fault)
            lead = msgspec.structs.replace(lead, **{attributes[fault.field]: None})
        else:
            return found


@cache
def _attributes(kind: type[msgspec.Struct]) -> dict[str, str]:
    """The attributes of a lead by their names in the contract."""
    return {field.encode_name: field.name for field in msgspec.structs.fields(kind)}


def contacts(data: Mapping[str, Scalar], customer_key: str | None) -> list[str] | None:
    """Under which keys (`rules.identifiers`) an erasure finds numbers and addresses in a lead's own fields, their
    names, and its customer key; None when there are none.

    A customer key of digits alone is left out: it has an index of its own, and most are plain counters.
    """
    key = () if customer_key is None or is_counter(customer_key) else (customer_key,)
    return identifiers((*data, *data.values(), *key)) or None


def merged_data(old: Mapping[str, Scalar], changes: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """`leadData` after an update: changes win by key, and a null removes its key."""
    return {
        name: value for name, value in (dict(old) | dict(changes)).items() if value is not None or name not in changes
    }


def each_once(phones: dict[str, str | None]) -> dict[str, str | None]:
    """One number is one phone: where it stands again, in the order of the fields, it is left out."""
    first = {number: name for name, number in reversed(phones.items())}
    return {name: number if first[number] == name else None for name, number in phones.items()}


def phone_notes(given: Mapping[str, object], kept: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """What to say about phones that were taken: field, code and message. `given`: texts of the request by field;
    `kept`: what became of them."""
    notes: list[tuple[str, str, str]] = []
    for name in PHONES:
        text, number = given.get(name), kept[name]
        if number is None and isinstance(text, str) and text.strip():
            notes.append((name, "duplicate-phone", "is the number of another of the lead's phones and was left out"))
        elif number is not None and text and not is_known(number):
            notes.append((name, "unknown-range", "is outside the ranges of numbers that its country is known to have"))
    return notes


def _phones(lead: LeadCreate, country: str, new_ranges: Collection[str]) -> dict[str, str | None]:
    one, two, three = lead.phone1, lead.phone2, lead.phone3
    found = {
        "phone1": _phone(one, "phone1", country, new_ranges) if one else None,
        "phone2": _phone(two, "phone2", country, new_ranges) if two else None,
        "phone3": _phone(three, "phone3", country, new_ranges) if three else None,
    }
    return each_once(found) if two or three else found


def _phone(text: str, field: str, country: str, new_ranges: Collection[str]) -> str | None:
    if text.isspace():
        return None
    try:
        return normalise(text, country, new_ranges)
    except PhoneError as error:
        raise LeadFault(field, error.code, str(error)) from error


def _zone_name(name: str, country: str) -> str | None:
    if name.isspace():
        return None
    try:
        return given_zone(name, country)
    except UnknownZone as error:
        raise LeadFault("timezone", "unknown-timezone", str(error)) from error


def _time(text: str, at: ZoneInfo) -> Any:
    try:
        return parse_timestamp(text, at)
    except TimestampError as error:
        raise LeadFault("nextAttemptTimestamp", "invalid-timestamp", str(error)) from error

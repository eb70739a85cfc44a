"""Which of a lead's phones is dialled next: of the usable ones that are free, the one that was tried least."""

from __future__ import annotations

from datetime import datetime

from callfloor.contract.codes import DialStatus
from callfloor.rules.dialling.lead_facts import INDEXES, LeadFacts, PhoneIndex
from callfloor.rules.dialling.strategy import CALLBACKS


def next_phone(
    lead: LeadFacts, blocked: frozenset[int], now: datetime, max_per_number: int | None = None
) -> PhoneIndex | None:
    """The phone to dial next: of the usable ones that are free, else will be first, the one that was tried least;
    phone1 before phone2 before phone3."""
    return min(usable(lead, blocked, max_per_number), key=lambda index: _turn(lead, index, now), default=None)


def _turn(lead: LeadFacts, index: PhoneIndex, now: datetime) -> tuple[bool, datetime, int, int]:
    busy = lead.numbers[index - 1].on_call is not None
    return busy, free_at(lead, index, now), lead.phone_attempts[index - 1], index


def free_at(lead: LeadFacts, index: PhoneIndex, now: datetime) -> datetime:
    """From when on the phone's number may be dialled, calls that are up apart."""
    return lead.numbers[index - 1].free_at(now, _promised(lead))


def usable(lead: LeadFacts, blocked: frozenset[int], max_per_number: int | None) -> list[PhoneIndex]:
    """Phones that are neither blocked, nor known not to exist, nor tried too often. Two may be the same number."""
    gone = {
        number
        for number, status in zip(lead.phones, lead.phone_dial_statuses, strict=True)
        if status == DialStatus.DISCONNECTED
    }
    return [
        index
        for index in INDEXES
        if (number := lead.phones[index - 1]) is not None
        and index not in blocked
        and number not in gone
        and (max_per_number is None or _tried(lead, index) < max_per_number)
    ]


def _tried(lead: LeadFacts, index: PhoneIndex) -> int:
    """How often the phone's number was called: by the lead ever, or for all its leads lately."""
    number = lead.phones[index - 1]
    by_lead = sum(tried for each, tried in zip(lead.phones, lead.phone_attempts, strict=True) if each == number)
    return max(by_lead, lead.numbers[index - 1].attempts)


def rested(lead: LeadFacts, phone: PhoneIndex, now: datetime) -> bool:
    """Whether the phone's number does not rest after an attempt for another lead."""
    rests = lead.numbers[phone - 1].rest(_promised(lead))
    return rests is None or rests <= now


def _promised(lead: LeadFacts) -> datetime | None:
    """When a callback is due."""
    return lead.next_attempt_at if lead.status_code in CALLBACKS else None

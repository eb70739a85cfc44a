"""What is looked at to say whether a lead may be dialled: of the lead, of its list, of its campaign."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from callfloor.rules.dialling.destinations import ANYWHERE, Policy
from callfloor.rules.dialling.hours import Hours
from callfloor.rules.dialling.number_facts import FREE, NumberFacts
from callfloor.rules.dialling.register_wash import Wash

PhoneIndex = Literal[1, 2, 3]
INDEXES: tuple[PhoneIndex, PhoneIndex, PhoneIndex] = (1, 2, 3)


@dataclass(frozen=True, slots=True)
class LeadFacts:
    """`phone_attempts` and `phone_dial_statuses` (the last of each): by phone. `attempts_today`: on the contact's day,
    counted only where the campaign limits them. `abandoned_at`: when it last answered and was given no agent.
    `numbers`: what is known of each phone's number over all its leads."""

    completed_at: datetime | None
    status_code: int
    phones: tuple[str | None, str | None, str | None]
    phone_attempts: tuple[int, int, int]
    attempts: int
    next_attempt_at: datetime | None
    callback_agent_id: int | None
    zone: str | None
    in_flight: bool
    phone_dial_statuses: tuple[int | None, int | None, int | None] = (None, None, None)
    attempts_today: int = 0
    abandoned_at: datetime | None = None
    numbers: tuple[NumberFacts, NumberFacts, NumberFacts] = (FREE, FREE, FREE)


@dataclass(frozen=True, slots=True)
class ListFacts:
    """`never_again`: statuses whose leads the list's strategy does not call again by itself."""

    in_dialler: bool
    weight: int
    never_again: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class CampaignFacts:
    """`hours`: the campaign's, in its zone; `contact_hours`: in the contact's, None: the same. `holidays`: the calendar
    whose days are kept free of calls. `abandoned_rest`: so long a lead that was abandoned is called only with an agent
    reserved. `wash`: of a national register; None: none is asked for. `destinations`: where the organisation calls."""

    direction: str
    active: bool
    zone: str
    hours: Hours | None
    max_attempts: int
    contact_hours: Hours | None = None
    holidays: str | None = None
    max_per_number: int | None = None
    max_per_day: int | None = None
    abandoned_rest: timedelta = timedelta(0)
    wash: Wash | None = None
    destinations: Policy = ANYWHERE

"""Why a lead may or may not be dialled now: one function for the dialler and for those who ask it to explain."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal
from zoneinfo import ZoneInfo

from callfloor.contract.codes import LeadStatus
from callfloor.rules.hours import Hours, is_open, next_all_open, next_open
from callfloor.rules.times import format_timestamp, zone

PhoneIndex = Literal[1, 2, 3]
_INDEXES: tuple[PhoneIndex, PhoneIndex, PhoneIndex] = (1, 2, 3)
# Rules that only the clock has to meet: while nothing else fails, there is a next time.
TIME_RULES = frozenset({"next-attempt", "window", "contact-window"})


@dataclass(frozen=True, slots=True)
class LeadFacts:
    completed_at: datetime | None
    status_code: int
    phones: tuple[str | None, str | None, str | None]
    # attempts by phone, and in all
    phone_attempts: tuple[int, int, int]
    attempts: int
    next_attempt_at: datetime | None
    callback_agent_id: int | None
    zone: str | None
    in_flight: bool


@dataclass(frozen=True, slots=True)
class ListFacts:
    in_dialler: bool
    weight: int


@dataclass(frozen=True, slots=True)
class CampaignFacts:
    direction: str
    active: bool
    zone: str
    hours: Hours | None
    max_attempts: int


@dataclass(frozen=True, slots=True)
class RuleResult:
    """`detail` says in plain words what holds or what to do; it never has a number in it that could be a phone's."""

    rule: str
    passed: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """`next_dial_at` (UTC): now when dialable, later when only the clock is in the way, else None."""

    rules: tuple[RuleResult, ...]
    dialable: bool
    next_dial_at: datetime | None
    phone_index: PhoneIndex | None


def on_lead_in_dialler(*, completed: bool, has_phone: bool, status_code: int) -> bool:
    """Whether nothing on the lead itself keeps it out of the dialler."""
    return not completed and has_phone and status_code != LeadStatus.DO_NOT_CALL


def judge(
    lead: LeadFacts, of_list: ListFacts, campaign: CampaignFacts, blocked: frozenset[int], now: datetime
) -> Verdict:
    """Every rule on a lead at `now`. `blocked`: indexes of its phones that are on a do-not-call list."""
    results = (
        *_lead_rules(lead, blocked),
        *_setting_rules(of_list, campaign),
        *_attempt_rules(lead, campaign),
        *_time_rules(lead, campaign, now),
    )
    failed = {result.rule for result in results if not result.passed}
    dialable = not failed
    return Verdict(
        rules=results,
        dialable=dialable,
        next_dial_at=_next_time(lead, campaign, now) if failed <= TIME_RULES else None,
        phone_index=next_phone(lead, blocked),
    )


def next_phone(lead: LeadFacts, blocked: frozenset[int]) -> PhoneIndex | None:
    """The phone to dial next: of those not blocked the one tried least, phone1 before phone2 before phone3."""
    usable: list[PhoneIndex] = [
        index for index in _INDEXES if lead.phones[index - 1] is not None and index not in blocked
    ]
    if not usable:
        return None
    return min(usable, key=lambda index: (lead.phone_attempts[index - 1], index))


def _lead_rules(lead: LeadFacts, blocked: frozenset[int]) -> Iterator[RuleResult]:
    done = lead.completed_at is not None
    yield RuleResult("completion", not done, "The lead is completed." if done else "The lead is not completed.")
    present = {index for index in _INDEXES if lead.phones[index - 1] is not None}
    yield RuleResult(
        "phone",
        bool(present),
        f"The lead has {len(present)} phone(s)." if present else "The lead has no phone: give it phone1, 2 or 3.",
    )
    if lead.status_code == LeadStatus.DO_NOT_CALL:
        yield RuleResult("do-not-call", False, "The lead's status is Do Not Call.")
    elif present and present <= blocked:
        yield RuleResult("do-not-call", False, "Every phone of the lead is on a do-not-call list.")
    else:
        some = sorted(present & blocked)
        detail = f"phone{', phone'.join(map(str, some))} on a do-not-call list; others are not." if some else ""
        yield RuleResult("do-not-call", True, detail or "No phone of the lead is on a do-not-call list.")


def _setting_rules(of_list: ListFacts, campaign: CampaignFacts) -> Iterator[RuleResult]:
    if not of_list.in_dialler:
        yield RuleResult("list", False, "The list is not in the dialler: set inDialler to true.")
    elif of_list.weight == 0:
        yield RuleResult("list", False, "The list has weight 0: give it a weight of 1 to 100.")
    else:
        yield RuleResult("list", True, f"The list is in the dialler with weight {of_list.weight}.")
    if campaign.direction != "outbound":
        yield RuleResult("campaign", False, "The campaign is inbound and dials nobody.")
    elif not campaign.active:
        yield RuleResult("campaign", False, "The campaign is not active.")
    else:
        yield RuleResult("campaign", True, "The campaign is outbound and active.")


def _attempt_rules(lead: LeadFacts, campaign: CampaignFacts) -> Iterator[RuleResult]:
    yield RuleResult(
        "attempts",
        lead.attempts < campaign.max_attempts,
        f"{lead.attempts} of at most {campaign.max_attempts} attempts were made.",
    )
    busy = lead.in_flight
    yield RuleResult("in-flight", not busy, "The lead is being dialled now." if busy else "No call to the lead is up.")


def _time_rules(lead: LeadFacts, campaign: CampaignFacts, now: datetime) -> Iterator[RuleResult]:
    at = zone(campaign.zone)
    due = lead.next_attempt_at is None or lead.next_attempt_at <= now
    if lead.next_attempt_at is None:
        yield RuleResult("next-attempt", True, "No time is set for the next attempt.")
    else:
        verb = "was" if due else "is"
        text = f"The next attempt {verb} due at {format_timestamp(lead.next_attempt_at, at)}."
        yield RuleResult("next-attempt", due, text)
    yield _window("window", "campaign", campaign.hours, at, now)
    contact = at if lead.zone is None else zone(lead.zone)
    yield _window("contact-window", "contact", campaign.hours, contact, now)


def _window(rule: str, whose: str, hours: Hours | None, at: ZoneInfo, now: datetime) -> RuleResult:
    if hours is None:
        return RuleResult(rule, True, "The campaign has no calling hours and may call at any time.")
    clock = format_timestamp(now, at)
    if is_open(hours, at, now):
        return RuleResult(rule, True, f"It is {clock} in the {whose}'s zone {at.key}, inside the calling hours.")
    opening = next_open(hours, at, now)
    until = f"they open at {format_timestamp(opening, at)}" if opening else "they never open"
    return RuleResult(rule, False, f"It is {clock} in the {whose}'s zone {at.key}, outside the calling hours; {until}.")


def _next_time(lead: LeadFacts, campaign: CampaignFacts, now: datetime) -> datetime | None:
    earliest = max(now, lead.next_attempt_at or now).astimezone(UTC)
    if campaign.hours is None:
        return earliest
    at = zone(campaign.zone)
    contact = at if lead.zone is None else zone(lead.zone)
    return next_all_open(((campaign.hours, at), (campaign.hours, contact)), earliest)

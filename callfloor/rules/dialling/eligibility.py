"""Why a lead may or may not be dialled now: one set of rules for the dialler and for those who ask it to explain."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Literal

from callfloor.contract.codes import LEAD_STATUS_NAMES, LeadStatus
from callfloor.rules.dialling.contact_zone import contact_zones
from callfloor.rules.dialling.destinations import Denied
from callfloor.rules.dialling.hours import Hours, is_open, next_all_open, next_open
from callfloor.rules.dialling.lead_facts import INDEXES, CampaignFacts, LeadFacts, ListFacts, PhoneIndex
from callfloor.rules.dialling.number_facts import COUNTED_DAYS, FREE, NumberFacts
from callfloor.rules.dialling.phone_choice import free_at, next_phone, rested, usable
from callfloor.rules.dialling.register_wash import wash_allows, wash_says
from callfloor.rules.values.times import format_timestamp, next_midnight, zone

# Rules that only the clock has to meet: while nothing else fails, there is a next time.
TIME_RULES = frozenset({"next-attempt", "window", "contact-window", "attempts-today", "abandoned"})


@dataclass(frozen=True, slots=True)
class RuleResult:
    """`detail` says in plain words what holds or what to do; it never has a number in it that could be a phone's."""

    rule: str
    passed: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """`next_dial_at` (UTC): now when dialable, later when only the clock is in the way, else None. `zones`: those that
    the contact may be in, all of which had to allow; none: nobody knows."""

    rules: tuple[RuleResult, ...]
    dialable: bool
    next_dial_at: datetime | None
    phone_index: PhoneIndex | None
    zones: tuple[str, ...]


# A rule, whether it holds, and how to say so: most are only looked at.
_Check = tuple[str, bool, Callable[[], str]]


def judge(
    lead: LeadFacts,
    of_list: ListFacts,
    campaign: CampaignFacts,
    blocked: frozenset[int],
    now: datetime,
    *,
    agents: frozenset[int] | None = None,
) -> Verdict:
    """Every rule on a lead at `now`. `blocked`: indexes of its phones that are on a do-not-call list.

    `agents`: who may be reserved for the call. None: whoever it needs, which is what an explanation supposes, because
    the dialler waits for a reserved agent where one is needed.
    """
    denied = _denied(lead, campaign)
    closed = blocked | denied.keys()
    phone = next_phone(lead, closed, now, campaign.max_per_number)
    zones = _zones(lead, campaign, phone)
    results = tuple(
        RuleResult(rule, passed, say())
        for rule, passed, say in _checks(lead, of_list, campaign, blocked, denied, phone, zones, agents, now)
    )
    failed = {result.rule for result in results if not result.passed}
    return Verdict(
        rules=results,
        dialable=not failed,
        next_dial_at=_next_time(lead, campaign, closed, agents, now) if failed <= TIME_RULES else None,
        phone_index=phone,
        zones=zones,
    )


def first_failing_rule(
    lead: LeadFacts,
    of_list: ListFacts,
    campaign: CampaignFacts,
    blocked: frozenset[int],
    now: datetime,
    *,
    agents: frozenset[int] | None = None,
) -> tuple[str | None, datetime | None]:
    """The first rule that keeps a lead from being dialled now, and when it is dialled next. `judge` without words."""
    denied = _denied(lead, campaign)
    closed = blocked | denied.keys()
    phone = next_phone(lead, closed, now, campaign.max_per_number)
    zones = _zones(lead, campaign, phone)
    checks = _checks(lead, of_list, campaign, blocked, denied, phone, zones, agents, now)
    failed = [rule for rule, passed, _ in checks if not passed]
    by_clock = TIME_RULES.issuperset(failed)
    return (failed or [None])[0], _next_time(lead, campaign, closed, agents, now) if by_clock else None


def may_dial(
    lead: LeadFacts,
    of_list: ListFacts,
    campaign: CampaignFacts,
    blocked: frozenset[int],
    now: datetime,
    *,
    agents: frozenset[int] | None = None,
) -> PhoneIndex | None:
    """The phone to dial now; None: not dialable. `judge` without words."""
    denied = _denied(lead, campaign)
    phone = next_phone(lead, blocked | denied.keys() if denied else blocked, now, campaign.max_per_number)
    zones = _zones(lead, campaign, phone)
    for _, passed, _ in _checks(lead, of_list, campaign, blocked, denied, phone, zones, agents, now):
        if not passed:
            return None
    return phone


def _denied(lead: LeadFacts, campaign: CampaignFacts) -> dict[int, Denied]:
    """Phones that the organisation does not call, by index."""
    policy = campaign.destinations
    if policy.anywhere:
        return {}
    found = ((index, policy.denied(number)) for index in INDEXES if (number := lead.phones[index - 1]) is not None)
    return {index: why for index, why in found if why is not None}


def needs_agent(
    lead: LeadFacts, campaign: CampaignFacts, phone: PhoneIndex | None, now: datetime
) -> int | Literal["any"] | None:
    """Whether an agent must be held free for the call to this phone: a certain one, any, or none."""
    if lead.status_code == LeadStatus.CALLBACK_AGENT and lead.callback_agent_id is not None:
        return lead.callback_agent_id
    return "any" if _rests_until(lead, campaign, phone, now) is not None else None


def _zones(lead: LeadFacts, campaign: CampaignFacts, phone: PhoneIndex | None) -> tuple[str, ...]:
    return contact_zones(lead.zone, None if phone is None else lead.phones[phone - 1], campaign.zone)


def _checks(
    lead: LeadFacts,
    of_list: ListFacts,
    campaign: CampaignFacts,
    blocked: frozenset[int],
    denied: dict[int, Denied],
    phone: PhoneIndex | None,
    zones: tuple[str, ...],
    agents: frozenset[int] | None,
    now: datetime,
) -> Iterator[_Check]:
    yield from _lead_checks(lead, blocked, denied, phone, agents)
    if not campaign.destinations.anywhere:
        yield "destination", not _all_denied(lead, blocked, denied), partial(_of_denied, denied)
    yield from _setting_checks(lead, of_list, campaign)
    if campaign.wash is not None:
        yield "register-wash", wash_allows(campaign.wash, now), partial(wash_says, campaign.wash, now)
    yield from _attempt_checks(lead, campaign, phone, now)
    yield from _time_checks(lead, campaign, phone, zones, agents, now)


def _all_denied(lead: LeadFacts, blocked: frozenset[int], denied: dict[int, Denied]) -> bool:
    """Whether of the phones that may be called at all none is where the organisation calls."""
    left = {index for index in INDEXES if lead.phones[index - 1] is not None} - blocked
    return bool(left) and left <= denied.keys()


def _of_denied(denied: dict[int, Denied]) -> str:
    if not denied:
        return "Every phone of the lead is where the organisation calls."
    return " ".join(f"phone{index}: {why.detail}" for index, why in denied.items())


def _lead_checks(
    lead: LeadFacts,
    blocked: frozenset[int],
    denied: dict[int, Denied],
    phone: PhoneIndex | None,
    agents: frozenset[int] | None,
) -> Iterator[_Check]:
    done = lead.completed_at is not None
    yield "completion", not done, lambda: "The lead is completed." if done else "The lead is not completed."
    present = [index for index in INDEXES if lead.phones[index - 1] is not None]
    stopped = lead.status_code == LeadStatus.DO_NOT_CALL or (bool(present) and blocked.issuperset(present))
    # one that is blocked has a rule of its own
    told = stopped or _all_denied(lead, blocked, denied)
    yield "phone", bool(present) and (phone is not None or told), partial(_of_phones, lead, phone)
    yield "do-not-call", not stopped, partial(_of_blocked, lead, blocked)
    own = lead.status_code == LeadStatus.CALLBACK_AGENT and lead.callback_agent_id is not None
    there = not own or agents is None or lead.callback_agent_id in agents
    yield (
        "callback-agent",
        there,
        lambda: (
            "The callback is for its own agent, and waits until that one is ready."
            if own
            else "Any agent may call the lead."
        ),
    )


def _of_phones(lead: LeadFacts, phone: PhoneIndex | None) -> str:
    count = sum(number is not None for number in lead.phones)
    if not count:
        return "The lead has no phone: give it phone1, 2 or 3."
    if phone is None:
        return (
            f"None of the lead's {count} phone(s) can be dialled: disconnected, blocked or tried often enough, for this"
            f" lead or in the last {COUNTED_DAYS} days for all leads of the number."
        )
    return f"The lead has {count} phone(s); phone{phone} is next."


def _of_blocked(lead: LeadFacts, blocked: frozenset[int]) -> str:
    if lead.status_code == LeadStatus.DO_NOT_CALL:
        return "The lead's status is Do Not Call."
    some = [index for index in INDEXES if index in blocked and lead.phones[index - 1] is not None]
    if not some:
        return "No phone of the lead is on a do-not-call list."
    if len(some) == sum(number is not None for number in lead.phones):
        return "Every phone of the lead is on a do-not-call list."
    return f"phone{', phone'.join(map(str, some))} on a do-not-call list; others are not."


def _setting_checks(lead: LeadFacts, of_list: ListFacts, campaign: CampaignFacts) -> Iterator[_Check]:
    yield "list", of_list.in_dialler and of_list.weight > 0, partial(_of_list, of_list)
    yield "campaign", campaign.direction == "outbound" and campaign.active, partial(_of_campaign, campaign)
    done = lead.status_code in of_list.never_again and lead.next_attempt_at is None
    yield "strategy", not done, partial(_of_strategy, lead, done)


def _of_list(of_list: ListFacts) -> str:
    if not of_list.in_dialler:
        return "The list is not in the dialler: set inDialler to true."
    if of_list.weight == 0:
        return "The list has weight 0: give it a weight of 1 to 100."
    return f"The list is in the dialler with weight {of_list.weight}."


def _of_campaign(campaign: CampaignFacts) -> str:
    if campaign.direction != "outbound":
        return "The campaign is inbound and dials nobody."
    return "The campaign is outbound and active." if campaign.active else "The campaign is not active."


def _of_strategy(lead: LeadFacts, done: bool) -> str:
    name = LEAD_STATUS_NAMES.get(lead.status_code, str(lead.status_code))
    if done:
        return f"The strategy does not call leads of status {name} again: give the lead a nextAttemptTimestamp."
    return f"The strategy calls leads of status {name}."


def _attempt_checks(
    lead: LeadFacts, campaign: CampaignFacts, phone: PhoneIndex | None, now: datetime
) -> Iterator[_Check]:
    most = campaign.max_attempts
    yield "attempts", lead.attempts < most, lambda: f"{lead.attempts} of at most {most} attempts were made."
    number = FREE if phone is None else lead.numbers[phone - 1]
    a_day = campaign.max_per_day
    if a_day is not None:
        over = number.day_until is not None and number.day_until > now
        yield "attempts-today", lead.attempts_today < a_day and not over, partial(_of_day, lead, a_day, phone, over)
    yield "in-flight", not lead.in_flight and number.on_call is None, partial(_of_calls, lead, phone, number)


def _of_day(lead: LeadFacts, a_day: int, phone: PhoneIndex | None, over: bool) -> str:
    if over and lead.attempts_today < a_day:
        return (
            f"phone{phone} was called {a_day} times on the contact's day, for other leads too: at most {a_day} a day."
        )
    return f"{lead.attempts_today} of at most {a_day} attempts a day were made on the contact's day."


def _of_calls(lead: LeadFacts, phone: PhoneIndex | None, number: NumberFacts) -> str:
    if lead.in_flight:
        return "The lead is being dialled now."
    if number.on_call is not None:
        return f"phone{phone} is on a call now: {number.on_call}."
    return "No call to the lead is up, and its number is on none."


def _time_checks(
    lead: LeadFacts,
    campaign: CampaignFacts,
    phone: PhoneIndex | None,
    zones: tuple[str, ...],
    agents: frozenset[int] | None,
    now: datetime,
) -> Iterator[_Check]:
    due = lead.next_attempt_at is None or lead.next_attempt_at <= now
    free = phone is None or rested(lead, phone, now)
    yield "next-attempt", due and free, partial(_of_due, lead, campaign, phone, due, free)
    rests = _rests_until(lead, campaign, phone, now)
    yield "abandoned", rests is None or agents is None or bool(agents), partial(_of_rest, campaign, rests)
    yield (
        "window",
        _allows(campaign.hours, campaign.zone, campaign.holidays, now),
        partial(_of_window, "campaign", campaign.hours, (campaign.zone,), campaign.holidays, now),
    )
    hours = campaign.contact_hours or campaign.hours
    if zones:
        allowed = all(_allows(hours, name, campaign.holidays, now) for name in zones)
        yield "contact-window", allowed, partial(_of_window, "contact", hours, zones, campaign.holidays, now)
    else:
        anywhere = _allows_anywhere(campaign)
        yield "contact-window", anywhere, partial(_of_nowhere, phone, anywhere)


def _of_due(lead: LeadFacts, campaign: CampaignFacts, phone: PhoneIndex | None, due: bool, rested: bool) -> str:
    until = None if rested or phone is None else lead.numbers[phone - 1].rests_until
    if due and until is not None:
        clock = format_timestamp(until, zone(campaign.zone))
        return f"phone{phone} was called for another lead, or by hand, and rests until {clock}."
    if lead.next_attempt_at is None:
        return "No time is set for the next attempt."
    clock = format_timestamp(lead.next_attempt_at, zone(campaign.zone))
    return f"The next attempt {'was' if due else 'is'} due at {clock}."


def _rests_until(lead: LeadFacts, campaign: CampaignFacts, phone: PhoneIndex | None, now: datetime) -> datetime | None:
    """Until when an abandoned lead, or the number, may only be called with an agent reserved; None: it need not."""
    of_number = None if phone is None else lead.numbers[phone - 1].abandoned_at
    abandoned_at = max((at for at in (lead.abandoned_at, of_number) if at is not None), default=None)
    if abandoned_at is None:
        return None
    end = abandoned_at + campaign.abandoned_rest
    return end if end > now else None


def _of_rest(campaign: CampaignFacts, rests: datetime | None) -> str:
    if rests is None:
        return "No call to the lead was abandoned lately."
    clock = format_timestamp(rests, zone(campaign.zone))
    return f"A call to the lead was abandoned: until {clock} it is called only with an agent reserved."


def _allows(hours: Hours | None, name: str, holidays: str | None, now: datetime) -> bool:
    return hours is None or is_open(hours, zone(name), now, holidays)


def _allows_anywhere(campaign: CampaignFacts) -> bool:
    """Whether a contact may be called now wherever on earth it is."""
    hours = campaign.contact_hours or campaign.hours
    return hours is None or (hours.always and campaign.holidays is None)


def _of_nowhere(phone: PhoneIndex | None, anywhere: bool) -> str:
    number = "The number" if phone is None else f"phone{phone}"
    if anywhere:
        return f"{number} is of no country, and the calling hours allow calls at any time."
    return f"{number} is of no country, so nobody knows what time it is there: give the lead a timezone."


def _of_window(whose: str, hours: Hours | None, zones: tuple[str, ...], holidays: str | None, now: datetime) -> str:
    if hours is None:
        return "The campaign has no calling hours and may call at any time."
    closed = [name for name in zones if not _allows(hours, name, holidays, now)]
    at = zone((closed or zones)[0])
    clock = format_timestamp(now, at)
    others = f" (one of {len(zones)} that its number may be in)" if len(zones) > 1 else ""
    if not closed:
        return f"It is {clock} in the {whose}'s zone {at.key}{others}, inside the calling hours."
    opening = next_open(hours, at, now, holidays)
    until = f"they open at {format_timestamp(opening, at)}" if opening else "they never open"
    return f"It is {clock} in the {whose}'s zone {at.key}{others}, outside the calling hours; {until}."


def _next_time(
    lead: LeadFacts, campaign: CampaignFacts, blocked: frozenset[int], agents: frozenset[int] | None, now: datetime
) -> datetime | None:
    """The first time at which the clock allows. Which phone is dialled then, and so where the contact is, depends on
    whose number is free by then."""
    earliest = max(now, lead.next_attempt_at or now)
    free = {
        index: max(earliest, free_at(lead, index, now))
        for index in usable(lead, blocked, campaign.max_per_number)
        if lead.numbers[index - 1].on_call is None
    }
    starts = sorted(set(free.values()))
    for start, end in zip(starts, [*starts[1:], None], strict=True):
        phone = next_phone(lead, blocked, start, campaign.max_per_number)
        opening = _opening(lead, campaign, phone, agents, now, start)
        if opening is not None and (end is None or opening < end):
            return opening
    return None


def _opening(
    lead: LeadFacts,
    campaign: CampaignFacts,
    phone: PhoneIndex | None,
    agents: frozenset[int] | None,
    now: datetime,
    start: datetime,
) -> datetime | None:
    """From `start` on, with this phone."""
    zones = _zones(lead, campaign, phone)
    times = [start]
    rests = _rests_until(lead, campaign, phone, now)
    if rests is not None and agents is not None and not agents:
        times.append(rests)
    if campaign.max_per_day is not None and lead.attempts_today >= campaign.max_per_day:
        times += [next_midnight(now, zone(name)) for name in zones or (campaign.zone,)]
    if not zones and not _allows_anywhere(campaign):
        return None
    windows = [(campaign.hours, campaign.zone)]
    windows += [(campaign.contact_hours or campaign.hours, name) for name in zones]
    return next_all_open(
        [(hours, zone(name), campaign.holidays) for hours, name in windows if hours is not None],
        max(times).astimezone(UTC),
    )

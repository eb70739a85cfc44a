"""Why a lead may be dialled: each rule turns with its own fact, and the next time is when it really may."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callfloor.rules.dialling.eligibility import TIME_RULES, Verdict, judge
from callfloor.rules.dialling.hours import WEEKDAYS, parse_hours
from callfloor.rules.dialling.lead_facts import CampaignFacts, LeadFacts, ListFacts
from callfloor.rules.dialling.number_facts import FREE, NumberFacts
from callfloor.rules.dialling.phone_choice import next_phone

NOW = datetime(2024, 7, 1, 2, 0, tzinfo=UTC)  # Monday noon in Sydney
LEAD = LeadFacts(
    None, 0, ("+61491570156", None, "+61491570157"), (1, 0, 0), 1, None, None, "Australia/Sydney", in_flight=False
)
LIST = ListFacts(in_dialler=True, weight=1)
CAMPAIGN = CampaignFacts("outbound", True, "Australia/Sydney", parse_hours({"monday": ["09:00-17:00"]}), 10)


def failed(verdict: Verdict) -> set[str]:
    return {result.rule for result in verdict.rules if not result.passed}


def test_a_lead_that_nothing_keeps_out_is_dialable_now() -> None:
    verdict = judge(LEAD, LIST, CAMPAIGN, frozenset(), NOW)
    assert verdict.dialable
    assert verdict.next_dial_at == NOW
    assert [result.rule for result in verdict.rules] == [
        "completion", "phone", "do-not-call", "callback-agent", "list", "campaign", "strategy", "attempts", "in-flight",
        "next-attempt", "abandoned", "window", "contact-window",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("what", "changes", "rule"),
    [
        ("lead", {"completed_at": NOW}, "completion"),
        ("lead", {"phones": (None, None, None)}, "phone"),
        ("lead", {"status_code": 11}, "do-not-call"),
        ("lead", {"attempts": 10}, "attempts"),
        ("lead", {"in_flight": True}, "in-flight"),
        ("lead", {"next_attempt_at": NOW + timedelta(minutes=1)}, "next-attempt"),
        ("lead", {"zone": "America/New_York"}, "contact-window"),
        ("list", {"in_dialler": False}, "list"),
        ("list", {"weight": 0}, "list"),
        ("campaign", {"direction": "inbound"}, "campaign"),
        ("campaign", {"active": False}, "campaign"),
        ("campaign", {"zone": "America/New_York"}, "window"),
    ],
)
def test_each_rule_turns_with_its_own_fact(what: str, changes: dict[str, Any], rule: str) -> None:
    facts: dict[str, Any] = {"lead": replace(LEAD, zone="Australia/Sydney"), "list": LIST, "campaign": CAMPAIGN}
    facts[what] = replace(facts[what], **changes)
    verdict = judge(facts["lead"], facts["list"], facts["campaign"], frozenset(), NOW)
    assert failed(verdict) == {rule}
    assert not verdict.dialable


def test_only_when_every_phone_is_blocked_is_the_lead_do_not_call() -> None:
    assert failed(judge(LEAD, LIST, CAMPAIGN, frozenset({1}), NOW)) == set()
    assert failed(judge(LEAD, LIST, CAMPAIGN, frozenset({1, 3}), NOW)) == {"do-not-call"}


DAYTIME = parse_hours({key: ["08:00-21:00"] for key in ("monday", "tuesday", "wednesday")})
ALWAYS = parse_hours({key: ["00:00-24:00"] for key in WEEKDAYS})


def of_number(number: str, now: datetime, **changes: Any) -> Verdict:
    """A lead without a zone of its own, in a campaign of Chicago's."""
    lead = replace(LEAD, phones=(number, None, None), zone=None)
    return judge(lead, LIST, CampaignFacts("outbound", True, "America/Chicago", None, 10, **changes), frozenset(), now)


def test_a_number_of_a_range_that_nobody_knows_is_called_by_its_country_s_clock() -> None:
    # 17:11 in Chicago, 23:11 in London
    now = datetime(2026, 11, 24, 23, 11, tzinfo=UTC)
    for number in ("+447700900123", "+447911123456", "+442079460123"):
        verdict = of_number(number, now, contact_hours=DAYTIME)
        assert failed(verdict) == {"contact-window"}
        assert verdict.next_dial_at == datetime(2026, 11, 25, 8, 0, tzinfo=UTC)
    assert of_number("+13125550123", now, contact_hours=DAYTIME).dialable


def test_a_number_of_no_country_is_only_called_when_any_hour_does() -> None:
    now = datetime(2026, 11, 24, 16, 0, tzinfo=UTC)
    for number in ("+881612345678", "+80012345678"):
        verdict = of_number(number, now, contact_hours=DAYTIME)
        assert failed(verdict) == {"contact-window"}
        assert verdict.next_dial_at is None
        said = next(result.detail for result in verdict.rules if result.rule == "contact-window")
        assert said == "phone1 is of no country, so nobody knows what time it is there: give the lead a timezone."
        assert not of_number(number, now, contact_hours=ALWAYS, holidays="US").dialable
        assert of_number(number, now, contact_hours=ALWAYS).dialable
        assert of_number(number, now).dialable


moments = st.integers(-5_000, 5_000).map(lambda minutes: NOW + timedelta(minutes=minutes))
numbers = st.just(FREE) | st.builds(
    NumberFacts,
    attempts=st.integers(0, 4),
    on_call=st.sampled_from([None, None, "that of attempt 3"]),
    dialled_at=st.none() | moments,
    rests_until=st.none() | moments,
    day_until=st.none() | moments,
    abandoned_at=st.none() | moments,
)
leads = st.builds(
    LeadFacts,
    completed_at=st.none(),
    status_code=st.sampled_from([0, 4, 9, 11]),
    phones=st.tuples(*[st.sampled_from([None, "+61491570156", "+12025550123", "+447700900123"])] * 3),
    phone_attempts=st.tuples(*[st.integers(0, 4)] * 3),
    attempts=st.integers(0, 12),
    next_attempt_at=st.none() | moments,
    callback_agent_id=st.none(),
    zone=st.sampled_from([None, "Australia/Perth", "Europe/London", "America/New_York"]),
    in_flight=st.booleans(),
    attempts_today=st.integers(0, 1),
    numbers=st.tuples(numbers, numbers, numbers),
)
campaigns = st.builds(
    CampaignFacts,
    direction=st.just("outbound"),
    active=st.booleans(),
    zone=st.sampled_from(["Australia/Sydney", "Europe/London"]),
    hours=st.none()
    | st.sampled_from([CAMPAIGN.hours, parse_hours({d: ["20:00-03:00"] for d in ("friday", "sunday")})]),
    max_attempts=st.just(10),
    max_per_number=st.sampled_from([None, 2]),
    max_per_day=st.just(2),
)


@given(leads, campaigns, st.frozensets(st.sampled_from([1, 2, 3])))
def test_the_next_time_is_the_first_at_which_the_lead_may_be_dialled(
    lead: LeadFacts, campaign: CampaignFacts, blocked: frozenset[int]
) -> None:
    verdict = judge(lead, LIST, campaign, blocked, NOW)
    assert verdict.dialable == (not failed(verdict))
    if not failed(verdict) <= TIME_RULES:
        assert verdict.next_dial_at is None
        return
    if verdict.next_dial_at is None:
        # both windows are never open together in the next two weeks
        assert failed(verdict)
        return
    assert judge(lead, LIST, campaign, blocked, verdict.next_dial_at).dialable
    if verdict.next_dial_at > NOW:
        before = verdict.next_dial_at - timedelta(seconds=1)
        assert not judge(lead, LIST, campaign, blocked, before).dialable


@given(leads, st.frozensets(st.sampled_from([1, 2, 3])))
def test_phones_take_turns(lead: LeadFacts, blocked: frozenset[int]) -> None:
    chosen = next_phone(lead, blocked, NOW)
    usable = [n for n in (1, 2, 3) if lead.phones[n - 1] is not None and n not in blocked]
    if not usable:
        assert chosen is None
        return
    assert chosen in usable
    # whose number is on a call comes last, then whose number rests
    turn = {index: (lead.numbers[index - 1].on_call is not None, rest_of(lead, index), lead.phone_attempts[index - 1])
            for index in usable}  # fmt: skip
    assert all((turn[chosen], chosen) <= (turn[other], other) for other in usable)


def rest_of(lead: LeadFacts, index: int) -> datetime:
    number = lead.numbers[index - 1]
    promised = lead.next_attempt_at if lead.status_code in (9, 10) else None
    rests = number.rests_until or NOW
    if promised is not None and number.dialled_at is not None and promised > number.dialled_at:
        rests = NOW
    return max(NOW, rests, number.day_until or NOW)


@pytest.mark.parametrize(
    ("number", "rule"),
    [
        (NumberFacts(on_call="that of attempt 7, to lead 9"), "in-flight"),
        (NumberFacts(rests_until=NOW + timedelta(minutes=1)), "next-attempt"),
        (NumberFacts(day_until=NOW + timedelta(minutes=1)), "attempts-today"),
        (NumberFacts(attempts=2), "phone"),
    ],
)
def test_a_number_is_kept_from_all_its_leads_by_what_happened_on_one(number: NumberFacts, rule: str) -> None:
    lead = replace(LEAD, phones=("+61491570156", None, None), numbers=(number, FREE, FREE))
    campaign = replace(CAMPAIGN, max_per_number=2, max_per_day=5)
    assert failed(judge(lead, LIST, campaign, frozenset(), NOW)) == {rule}
    # its other phone is free
    other = replace(lead, phones=("+61491570156", "+61491570157", None))
    assert judge(other, LIST, campaign, frozenset(), NOW).phone_index == 2


def test_a_number_that_was_abandoned_for_one_lead_is_called_with_an_agent_held_for_another() -> None:
    number = NumberFacts(abandoned_at=NOW - timedelta(hours=1))
    lead = replace(LEAD, numbers=(number, FREE, FREE))
    campaign = replace(CAMPAIGN, abandoned_rest=timedelta(hours=72))
    assert failed(judge(lead, LIST, campaign, frozenset(), NOW, agents=frozenset())) == set()
    lead = replace(lead, phones=("+61491570156", None, None))
    assert failed(judge(lead, LIST, campaign, frozenset(), NOW, agents=frozenset())) == {"abandoned"}


def test_a_callback_that_came_due_after_the_last_attempt_does_not_wait_for_a_rest() -> None:
    number = NumberFacts(dialled_at=NOW - timedelta(minutes=10), rests_until=NOW + timedelta(minutes=50))
    lead = replace(LEAD, phones=("+61491570156", None, None), numbers=(number, FREE, FREE), status_code=9)
    late = replace(lead, next_attempt_at=NOW - timedelta(minutes=5))
    assert failed(judge(late, LIST, CAMPAIGN, frozenset(), NOW)) == set()
    before = replace(lead, next_attempt_at=NOW - timedelta(minutes=15))
    assert failed(judge(before, LIST, CAMPAIGN, frozenset(), NOW)) == {"next-attempt"}


@given(leads, campaigns)
def test_no_detail_holds_a_number(lead: LeadFacts, campaign: CampaignFacts) -> None:
    assert not any("91570156" in result.detail for result in judge(lead, LIST, campaign, frozenset(), NOW).rules)

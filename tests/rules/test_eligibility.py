"""Why a lead may be dialled: each rule turns with its own fact, and the next time is when it really may."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callfloor.rules.eligibility import (
    TIME_RULES,
    CampaignFacts,
    LeadFacts,
    ListFacts,
    Verdict,
    judge,
    next_phone,
    on_lead_in_dialler,
)
from callfloor.rules.hours import parse_hours

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


leads = st.builds(
    LeadFacts,
    completed_at=st.none(),
    status_code=st.sampled_from([0, 4, 11]),
    phones=st.tuples(*[st.sampled_from([None, "+61491570156"])] * 3),
    phone_attempts=st.tuples(*[st.integers(0, 4)] * 3),
    attempts=st.integers(0, 12),
    next_attempt_at=st.none() | st.integers(-5_000, 5_000).map(lambda minutes: NOW + timedelta(minutes=minutes)),
    callback_agent_id=st.none(),
    zone=st.sampled_from([None, "Australia/Perth", "Europe/London", "America/New_York"]),
    in_flight=st.booleans(),
)
campaigns = st.builds(
    CampaignFacts,
    direction=st.just("outbound"),
    active=st.booleans(),
    zone=st.sampled_from(["Australia/Sydney", "Europe/London"]),
    hours=st.none()
    | st.sampled_from([CAMPAIGN.hours, parse_hours({d: ["20:00-03:00"] for d in ("friday", "sunday")})]),
    max_attempts=st.just(10),
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
    chosen = next_phone(lead, blocked)
    usable = [n for n in (1, 2, 3) if lead.phones[n - 1] is not None and n not in blocked]
    if not usable:
        assert chosen is None
        return
    assert chosen in usable
    for other in usable:
        assert (lead.phone_attempts[chosen - 1], chosen) <= (lead.phone_attempts[other - 1], other)


@given(leads, campaigns)
def test_no_detail_holds_a_number(lead: LeadFacts, campaign: CampaignFacts) -> None:
    assert not any("91570156" in result.detail for result in judge(lead, LIST, campaign, frozenset(), NOW).rules)


def test_what_on_a_lead_keeps_it_out() -> None:
    assert on_lead_in_dialler(completed=False, has_phone=True, status_code=0)
    assert not on_lead_in_dialler(completed=True, has_phone=True, status_code=0)
    assert not on_lead_in_dialler(completed=False, has_phone=False, status_code=0)
    assert not on_lead_in_dialler(completed=False, has_phone=True, status_code=11)

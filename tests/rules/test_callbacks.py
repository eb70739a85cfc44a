"""What a callback is, whoever asks for one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from callfloor.contract.codes import LeadStatus
from callfloor.rules.dialling.callbacks import (
    CallbackChange,
    CallbackError,
    CallbackFields,
    Refused,
    apply_change,
    refusal,
    status_without,
)
from callfloor.rules.dialling.eligibility import judge
from callfloor.rules.dialling.hours import parse_hours
from callfloor.rules.dialling.lead_facts import CampaignFacts, LeadFacts, ListFacts

T = datetime(2027, 3, 1, 0, 0, tzinfo=UTC)
LATER = T + timedelta(hours=5)
QUEUE, AGENT = LeadStatus.CALLBACK_QUEUE, LeadStatus.CALLBACK_AGENT
NOTHING, OF_QUEUE, OF_AGENT = CallbackFields(), CallbackFields(None, T, QUEUE), CallbackFields(7, T, AGENT)
RESTING, OWNED = CallbackFields(None, T, LeadStatus.BUSY), CallbackFields(7, None, LeadStatus.NEW)


@pytest.mark.parametrize(
    ("current", "change", "after"),
    [
        (NOTHING, CallbackChange(8, T), CallbackFields(8, T, AGENT)),
        (NOTHING, CallbackChange(at=T), OF_QUEUE),
        (NOTHING, CallbackChange(None, T, None), OF_QUEUE),
        (OWNED, CallbackChange(at=T), OF_QUEUE),
        (OF_AGENT, CallbackChange(at=LATER), CallbackFields(None, LATER, QUEUE)),
        (OF_AGENT, CallbackChange(8, LATER), CallbackFields(8, LATER, AGENT)),
        (OF_AGENT, CallbackChange(8), CallbackFields(8, T, AGENT)),
        (OF_QUEUE, CallbackChange(8), CallbackFields(8, T, AGENT)),
        (OF_QUEUE, CallbackChange(None), OF_QUEUE),
        (OF_AGENT, CallbackChange(None), CallbackFields(None, None, LeadStatus.NO_ANSWER)),
        (OF_AGENT, CallbackChange(at=None), CallbackFields(None, None, LeadStatus.NO_ANSWER)),
        (OF_QUEUE, CallbackChange(at=None), CallbackFields(None, None, LeadStatus.NO_ANSWER)),
        (OF_AGENT, CallbackChange(8, None), CallbackFields(8, None, LeadStatus.NO_ANSWER)),
        (RESTING, CallbackChange(8), CallbackFields(8, T, LeadStatus.BUSY)),
        (RESTING, CallbackChange(at=None), CallbackFields(None, None, LeadStatus.BUSY)),
        (NOTHING, CallbackChange(8), CallbackFields(8, None, LeadStatus.NEW)),
        (NOTHING, CallbackChange(8, T, AGENT), CallbackFields(8, T, AGENT)),
        (NOTHING, CallbackChange(at=T, status_code=QUEUE), OF_QUEUE),
        (OF_AGENT, CallbackChange(status_code=QUEUE), OF_QUEUE),
        # a status and a time: when to call next, and no promise to anybody
        (NOTHING, CallbackChange(8, T, LeadStatus.NEW), CallbackFields(8, T, LeadStatus.NEW)),
        (OF_AGENT, CallbackChange(status_code=LeadStatus.NEW), CallbackFields(None, None, LeadStatus.NEW)),
        (OF_AGENT, CallbackChange(status_code=100), CallbackFields(None, None, 100)),
        (OF_AGENT, CallbackChange(at=LATER, status_code=LeadStatus.BUSY), CallbackFields(None, LATER, LeadStatus.BUSY)),
        (
            RESTING,
            CallbackChange(status_code=LeadStatus.DO_NOT_CALL),
            CallbackFields(None, None, LeadStatus.DO_NOT_CALL),
        ),
        (OWNED, CallbackChange(status_code=LeadStatus.COMPLETED), CallbackFields(7, None, LeadStatus.COMPLETED)),
    ],
)
def test_what_is_said_of_a_lead_makes_a_whole_callback_or_none(
    current: CallbackFields, change: CallbackChange, after: CallbackFields
) -> None:
    assert apply_change(current, change, LeadStatus.NO_ANSWER) == after


@pytest.mark.parametrize(
    ("current", "change", "field"),
    [
        (NOTHING, CallbackChange(status_code=QUEUE), "statusCode"),
        (NOTHING, CallbackChange(8, status_code=AGENT), "statusCode"),
        (NOTHING, CallbackChange(at=T, status_code=AGENT), "statusCode"),
        (NOTHING, CallbackChange(8, T, QUEUE), "agentId"),
        (OF_AGENT, CallbackChange(None, status_code=AGENT), "statusCode"),
        (NOTHING, CallbackChange(at=T, status_code=LeadStatus.DO_NOT_CALL), "nextAttemptTimestamp"),
        (NOTHING, CallbackChange(8, T, LeadStatus.COMPLETED), "nextAttemptTimestamp"),
    ],
)
def test_what_contradicts_itself_is_refused_by_field(
    current: CallbackFields, change: CallbackChange, field: str
) -> None:
    with pytest.raises(CallbackError) as raised:
        apply_change(current, change)
    assert raised.value.field == field


STATUSES = st.sampled_from([*LeadStatus, 100])
AGENTS = st.sampled_from([7, 8])
TIMES = st.sampled_from([T, LATER])


@st.composite
def standings(draw: st.DrawFn) -> CallbackFields:
    """Whole ones, as the rule leaves them."""
    wishes = st.builds(CallbackChange, maybe(AGENTS), maybe(TIMES), maybe(STATUSES))
    current = CallbackFields()
    for change in draw(st.lists(wishes, max_size=4)):
        try:
            current = apply_change(current, change)
        except CallbackError:
            continue
    return current


def maybe(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.just(UNSET) | st.none() | values


@given(standings(), maybe(AGENTS), maybe(TIMES), maybe(STATUSES))
def test_no_series_of_wishes_leaves_half_a_callback(current: CallbackFields, agent: Any, at: Any, status: Any) -> None:
    try:
        after = apply_change(current, CallbackChange(agent, at, status))
    except CallbackError:
        return
    if after.callback:
        assert after.at is not None
        assert (after.agent_id is not None) == (after.status_code == AGENT)
    if isinstance(at, datetime) and status in (UNSET, None):
        assert (after.agent_id, after.at) == (agent if isinstance(agent, int) else None, at)
        assert after.status_code == (AGENT if isinstance(agent, int) else QUEUE)
    if at is None and current.callback and status in (UNSET, None):
        assert not after.callback
    if current.callback and not after.callback and not isinstance(at, datetime):
        assert after.at is None
        assert after.agent_id == (agent if isinstance(agent, int) else None)
    if not isinstance(agent, int) and current == after:
        # saying it again changes nothing
        assert apply_change(after, CallbackChange(agent, at, status)) == after


def test_a_lead_without_its_callback_is_what_its_last_attempt_left() -> None:
    assert status_without(0, None) == LeadStatus.NEW
    assert status_without(1, 1) == LeadStatus.CONTACTED
    assert status_without(2, 3) == LeadStatus.BUSY
    assert status_without(1, 0) == LeadStatus.NO_RESULT


WEEKDAYS = {day: ["09:00-17:00"] for day in ("monday", "tuesday", "wednesday", "thursday", "friday")}
CAMPAIGN = CampaignFacts("outbound", True, "Australia/Sydney", None, 3, contact_hours=parse_hours(WEEKDAYS))
NOW = datetime(2027, 3, 1, 1, 0, tzinfo=UTC)
# noon on a Wednesday in Sydney, and on the Sunday before
OPEN, SHUT = datetime(2027, 3, 10, 1, 0, tzinfo=UTC), datetime(2027, 3, 7, 1, 0, tzinfo=UTC)
LEAD = LeadFacts(None, AGENT, ("+61491570156", None, None), (0, 0, 0), 0, OPEN, 7, "Australia/Sydney", False)
MEMBERS = frozenset({7})
NOBODY: frozenset[int] = frozenset()


def refused(lead: LeadFacts, campaign: CampaignFacts = CAMPAIGN, blocked: frozenset[int] = NOBODY) -> Refused:
    found = refusal(lead, campaign, blocked, MEMBERS, NOW)
    assert found is not None
    return found


def test_a_callback_that_can_be_kept_is_not_refused() -> None:
    assert refusal(LEAD, CAMPAIGN, NOBODY, MEMBERS, NOW) is None
    # switches, and a call that is up, only delay it
    resting = replace(CAMPAIGN, active=False)
    assert refusal(replace(LEAD, in_flight=True), resting, NOBODY, MEMBERS, NOW) is None


@pytest.mark.parametrize(
    ("lead", "campaign", "blocked", "reason"),
    [
        ({"callback_agent_id": 8}, {}, NOBODY, "agent-unavailable"),
        ({"completed_at": T}, {}, NOBODY, "lead-completed"),
        ({}, {}, frozenset({1}), "do-not-call"),
        ({"status_code": LeadStatus.DO_NOT_CALL}, {}, NOBODY, "do-not-call"),
        ({"phones": (None, None, None)}, {}, NOBODY, "no-phone"),
        ({"phone_dial_statuses": (4, None, None)}, {}, NOBODY, "no-phone"),
        ({"attempts": 3}, {}, NOBODY, "attempts-used"),
        ({}, {"direction": "inbound"}, NOBODY, "not-dialled"),
        ({}, {"contact_hours": parse_hours({})}, NOBODY, "outside-hours"),
    ],
)
def test_a_callback_that_no_time_would_save_is_refused_with_its_reason(
    lead: dict[str, Any], campaign: dict[str, Any], blocked: frozenset[int], reason: str
) -> None:
    found = refused(replace(LEAD, **lead), replace(CAMPAIGN, **campaign), blocked)
    assert (found.reason, found.next_at) == (reason, None)


def test_a_time_when_nobody_may_call_is_refused_with_the_next_that_would_do() -> None:
    found = refused(replace(LEAD, next_attempt_at=SHUT))
    assert (found.reason, found.next_timestamp) == ("outside-hours", "2027-03-08T09:00:00+11:00")
    assert "2027-03-08T09:00:00+11:00" in found.detail
    # and that one does
    assert refusal(replace(LEAD, next_attempt_at=found.next_at), CAMPAIGN, NOBODY, MEMBERS, NOW) is None


def test_a_time_that_has_passed_is_due_as_soon_as_somebody_may_call() -> None:
    lead = replace(LEAD, next_attempt_at=SHUT - timedelta(days=700))
    assert refusal(lead, CAMPAIGN, NOBODY, MEMBERS, SHUT) is None


@given(st.integers(0, 60 * 24 * 14), st.sampled_from([None, "Australia/Perth", "Europe/London"]))
def test_whatever_is_offered_instead_is_taken_and_is_what_the_dialler_would_say(minutes: int, zone: str | None) -> None:
    lead = replace(LEAD, next_attempt_at=NOW + timedelta(minutes=minutes), zone=zone)
    found = refusal(lead, CAMPAIGN, NOBODY, MEMBERS, NOW)
    said = judge(lead, ListFacts(True, 1), CAMPAIGN, NOBODY, NOW).next_dial_at
    if found is None:
        assert said == lead.next_attempt_at or minutes == 0
    else:
        assert found.next_at == said
        again = refusal(replace(lead, next_attempt_at=found.next_at), CAMPAIGN, NOBODY, MEMBERS, NOW)
        assert again is None

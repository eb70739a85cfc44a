"""Alerts: they do not flap, are told once, and none is lost over a restart."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from callfloor.contract.alerts import AlertKind, AlertRule
from callfloor.contract.live_floor import AgentCounts, FloorCampaign, FloorQueue
from callfloor.rules.alerting.conditions import KINDS, USUAL, Facts, Limit, Node, rules_of, subjects
from callfloor.rules.alerting.standing import QUIET, Standing, Timing, step
from callfloor.rules.alerting.wording import email

START = datetime(2026, 5, 4, 9, tzinfo=UTC)
# seconds since the last look, and whether the condition holds
LOOKS = st.lists(st.tuples(st.integers(1, 90), st.booleans()), max_size=60)
TIMINGS = st.builds(
    Timing,
    st.integers(0, 120).map(lambda each: timedelta(seconds=each)),
    st.integers(0, 120).map(lambda each: timedelta(seconds=each)),
)
Seen = list[tuple[datetime, bool, tuple[str, ...]]]


def day(looks: list[tuple[int, bool]], timing: Timing, silenced_until: datetime | None = None) -> Seen:
    """Each look with its events. What is remembered goes through the database between any two: a restart is nothing."""
    at, standing = START, QUIET
    seen: Seen = []
    for seconds, holds in looks:
        at += timedelta(seconds=seconds)
        standing, events = step(standing, holds, at, timing, silenced_until)
        standing = msgspec.json.decode(msgspec.json.encode(standing), type=Standing)
        seen.append((at, holds, events))
    return seen


@given(LOOKS, TIMINGS)
def test_it_fires_and_clears_in_turn_and_only_after_the_time_that_was_asked_for(
    looks: list[tuple[int, bool]], timing: Timing
) -> None:
    seen = day(looks, timing)
    changes = [(at, event) for at, _, events in seen for event in events if event != "told"]
    assert [event for _, event in changes] == ["fires", "clears"] * (len(changes) // 2) + ["fires"] * (len(changes) % 2)
    for at, event in changes:
        wanted, least = (True, timing.after) if event == "fires" else (False, timing.clear)
        since = at
        for when, holds, _ in reversed([each for each in seen if each[0] <= at]):
            if holds != wanted:
                break
            since = when
        assert at - since >= least
    # between two firings lies the time that it takes to clear and to fire
    fired = [at for at, event in changes if event == "fires"]
    for before, after in pairwise(fired):
        assert after - before >= timing.after + timing.clear


@given(LOOKS, TIMINGS)
def test_whatever_held_for_long_enough_is_told_once_before_it_is_over(
    looks: list[tuple[int, bool]], timing: Timing
) -> None:
    held_since: datetime | None = None
    is_open, told = False, 0
    for at, holds, events in day(looks, timing):
        held_since = (held_since or at) if holds else None
        for event in events:
            if event == "fires":
                is_open, told = True, 0
            told += event == "told"
            if event == "clears":
                assert told == 1
                is_open = False
        if held_since is not None and at - held_since >= timing.after:
            assert is_open
            assert told == 1


@given(LOOKS, TIMINGS, st.integers(0, 1800))
def test_nobody_is_told_in_a_silence_and_what_is_left_at_its_end_is_told_then(
    looks: list[tuple[int, bool]], timing: Timing, seconds: int
) -> None:
    until = START + timedelta(seconds=seconds)
    loud, quiet = day(looks, timing), day(looks, timing, until)
    # what is found is the same
    assert [[e for e in each if e != "told"] for *_, each in loud] == [
        [e for e in each if e != "told"] for *_, each in quiet
    ]
    assert not any("told" in events for at, _, events in quiet if at < until)
    is_open, told = False, False
    for at, holds, events in quiet:
        if "fires" in events:
            is_open, told = True, False
        told |= "told" in events
        if "clears" in events:
            is_open = False
        if is_open and holds and at >= until:
            assert told


QUEUE = FloorQueue(
    campaign_id=1,
    name="Support",
    active=True,
    led=True,
    waiting=12,
    longest_since=START - timedelta(seconds=150),
    agents=AgentCounts(signed_in=3, ready=0, dialling=0, on_call=3, on_wrap=0, paused=0),
    utilisation=1.0,
)
CAMPAIGN = FloorCampaign(
    campaign_id=2,
    name="Sales",
    mode="predictive",
    active=True,
    led=True,
    max_lines=None,
    ringing=1,
    talking=2,
    agents=AgentCounts(signed_in=3, ready=1, dialling=0, on_call=2, on_wrap=0, paused=0),
    utilisation=0.7,
    live_answers=100,
    abandoned=4,
    abandonment_rate=0.04,
    abandonment_cap=0.03,
    abandonment_left=0,
    window_days=1.0,
    cap_binds=True,
    cap_binds_timestamp=None,
    dialable_leads=20,
    leads_run_out_timestamp=START + timedelta(minutes=10),
)
FACTS = Facts(
    at=START,
    campaigns=[CAMPAIGN],
    queues=[QUEUE],
    nodes=[Node("trunk", up=False)],
    limits=[Limit("near calls-per-day 0", "near calls-per-day", None)],
    service_levels={1: 0.5},
    failed_jobs=2,
)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "not-led"])
def test_each_kind_holds_at_its_usual_threshold_where_it_is_bad_and_says_so(kind: AlertKind) -> None:
    rule = AlertRule("one", kind)
    found = {each.about: each for each in subjects(rule, FACTS)}
    bad = [each for each in found.values() if each.holds]
    assert len(bad) == 1
    subject, body = email(rule, bad[0], START, "Acme")
    assert bad[0].about in subject
    assert "None" not in subject + body
    assert "{" not in subject + body


def test_a_campaign_that_is_off_and_another_than_that_of_the_rule_are_passed_over() -> None:
    off = Facts(at=START, queues=[replace(QUEUE, active=False)], campaigns=[replace(CAMPAIGN, active=False)])
    assert not any(True for kind in KINDS for each in subjects(AlertRule("one", kind), off) if each.key != "jobs")
    assert [each.about for each in subjects(AlertRule("one", "agents-ready", campaign="Sales"), FACTS)] == ["Sales"]


def test_nobody_is_missed_at_night() -> None:
    nobody = AgentCounts(signed_in=0, ready=0, dialling=0, on_call=0, on_wrap=0, paused=0)
    quiet = replace(QUEUE, agents=nobody, waiting=0, longest_since=None)
    for queue, missed in ((quiet, False), (replace(quiet, waiting=1), True)):
        facts = Facts(at=START, queues=[queue], campaigns=[replace(CAMPAIGN, agents=nobody, dialable_leads=0)])
        assert [each.holds for each in subjects(AlertRule("one", "agents-ready"), facts)] == [False, missed]
        assert not any(each.holds for each in subjects(AlertRule("one", "leads-run-out"), facts))


def test_a_campaign_that_nobody_leads_is_told_of() -> None:
    facts = Facts(at=START, queues=[replace(QUEUE, led=False)], campaigns=[CAMPAIGN])
    assert [each.about for each in subjects(AlertRule("one", "not-led"), facts) if each.holds] == ["Support"]


def test_a_rule_of_ones_own_takes_the_place_of_the_usual_one_of_its_kind() -> None:
    own = AlertRule("Trunks", "node-down", active=False)
    assert rules_of([own]) == (own, *(rule for rule in USUAL if rule.kind != "node-down"))
    assert rules_of([]) == USUAL

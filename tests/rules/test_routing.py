"""The rules of routing, one by one; against a naive router in test_routing_machine.py."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callfloor.rules.routing.queues import IdleAgent, Kind, QueueRules, Waiting
from callfloor.rules.routing.routing import Due, Router

QUEUES = ("sales", "support", "billing")


def router(*agents: IdleAgent, rules: QueueRules | None = None) -> Router:
    made = Router()
    for queue in QUEUES:
        made.configure(queue, rules or QueueRules(), 0.0)
    for agent in agents:
        made.agent_idle(agent)
    return made


def agent(number: int = 1, idle_since: float = 0.0, **skills: int) -> IdleAgent:
    return IdleAgent(number, dict.fromkeys(QUEUES, 0), idle_since, skills)


def call(number: int, joined_at: float = 0.0, priority: float | None = None, kind: Kind = "call") -> Waiting:
    return Waiting(number, "sales", joined_at, priority, kind=kind)


def served(of: Router, now: float, by: IdleAgent | None = None) -> list[int]:
    """Whom an agent who is idle again and again takes."""
    order: list[int] = []
    while True:
        of.agent_idle(by or agent())
        contact = of.match_for_agent((by or agent()).id, now)
        if contact is None:
            return order
        order.append(contact.id)


def test_a_minute_of_waiting_counts_as_a_point_of_priority() -> None:
    late, early = call(1, 100.0, 2.0), call(2, 0.0, 0.0)
    for now in (100.0, 5000.0):
        floor = router()
        for each in (late, early):
            floor.join(each, now)
        assert served(floor, now) == [1, 2]
    floor = router()
    for each in (replace(late, joined_at=121.0), early):
        floor.join(each, 121.0)
    assert served(floor, 121.0) == [2, 1]


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 9)), min_size=1, max_size=12), st.integers(500, 900))
def test_with_ageing_nobody_of_the_same_priority_is_overtaken(callers: list[tuple[int, int]], now: int) -> None:
    floor = router(rules=QueueRules(ageing_per_s=1 / 64))
    for number, (joined_at, priority) in enumerate(callers):
        floor.join(call(number, joined_at, priority), now)
    order = served(floor, now)
    assert sorted(order) == list(range(len(callers)))
    aged = [callers[number][1] + (now - callers[number][0]) / 64 for number in order]
    assert aged == sorted(aged, reverse=True)
    for priority in range(10):
        joined = [callers[number][0] for number in order if callers[number][1] == priority]
        assert joined == sorted(joined)


@given(st.lists(st.integers(0, 100), max_size=8), st.integers(0, 7), st.integers(0, 100))
def test_who_comes_back_from_a_phone_is_the_first(priorities: list[int], joined_at: int, priority: int) -> None:
    floor = router()
    for number, each in enumerate(priorities):
        floor.join(call(number, 0.0, each), 8.0)
    floor.join(replace(call(99, joined_at, priority), returned=True), 8.0)
    assert floor.position(99) == 1
    assert served(floor, 8.0)[0] == 99


def test_who_comes_back_finds_a_full_queue_open() -> None:
    floor = router(rules=QueueRules(longest_queue=1))
    assert floor.join(call(1), 0.0) is None
    assert floor.join(call(2), 0.0) == "full"
    assert floor.join(call(3, kind="email"), 0.0) is None
    assert floor.join(replace(call(2), returned=True), 0.0) is None
    # a call that waits there already may change its priority
    assert floor.join(call(2, priority=5.0), 0.0) == "full"
    assert floor.join(call(2), 0.0) == "full"
    floor.leave(1)
    assert floor.join(call(2, priority=5.0), 0.0) is None
    assert [each.id for each in floor.waiting("sales")] == [2, 3]


def test_calls_come_before_e_mails_and_an_agents_first_queue_before_its_second() -> None:
    floor = router()
    floor.join(call(1, priority=9.0, kind="email"), 0.0)
    floor.join(replace(call(2, priority=8.0), queue="support"), 0.0)
    floor.join(call(3), 0.0)
    floor.join(replace(call(4, priority=99.0), queue="billing"), 0.0)
    assert served(floor, 0.0, IdleAgent(1, {"sales": 1, "support": 2}, 0.0)) == [3, 2, 1]
    assert floor.length("billing") == 1


def test_queues_may_age_apart() -> None:
    floor = router()
    floor.configure("support", QueueRules(ageing_per_s=1.0), 0.0)
    slow = call(1, priority=10.0)
    for now, order in ((9.0, [1, 2]), (11.0, [2, 1])):
        for fast in (replace(call(2), queue="support"), replace(call(2), queue="support", agent=1)):
            for each in (slow, fast):
                floor.join(each, now)
            assert served(floor, now) == order


def test_who_comes_back_is_before_other_queues_of_the_same_order_alone() -> None:
    floor = router()
    floor.join(call(1, priority=9.0), 0.0)
    floor.join(replace(call(2), queue="support", returned=True), 0.0)
    floor.join(replace(call(3), queue="billing", returned=True), 0.0)
    assert served(floor, 0.0, IdleAgent(1, {"sales": 0, "support": 0, "billing": 1}, 0.0)) == [2, 1, 3]


def test_of_those_relaxed_at_once_the_first_served_is_told_first() -> None:
    floor = router(agent(), rules=QueueRules(skills={"de": 1}, relax_after_s=60.0))
    floor.configure("support", QueueRules({"de": 1}, 60.0, ageing_per_s=1.0), 0.0)
    floor.join(call(1, priority=10.0), 0.0)
    floor.join(replace(call(2), queue="support"), 0.0)
    assert [each.id for each in floor.due(60.0).matched] == [2, 1]


def test_levels_are_halved_until_nothing_is_asked_for() -> None:
    rules = QueueRules(skills={"de": 5}, relax_after_s=60.0)
    for waited, level in ((0.0, 5), (59.9, 5), (60.0, 2), (120.0, 1), (180.0, 0)):
        for has in range(6):
            floor = router(agent(de=has), rules=rules)
            floor.join(call(1), 0.0)
            assert (floor.match_for_contact(1, waited) is not None) == (has >= level)


def test_a_relaxed_contact_is_told_when_somebody_idle_can_take_it() -> None:
    floor = router(agent(de=1), rules=QueueRules(skills={"de": 5}, relax_after_s=60.0, longest_wait_s=150.0))
    floor.join(call(1), 0.0)
    assert (floor.next_due(), floor.due(60.0)) == (60.0, Due())
    assert (floor.next_due(), floor.due(120.0)) == (120.0, Due(matched=(call(1),)))
    assert (floor.next_due(), floor.due(150.0)) == (150.0, Due(too_late=(call(1),)))
    assert (floor.next_due(), floor.due(180.0)) == (180.0, Due(matched=(call(1),)))
    assert (floor.next_due(), floor.due(999.0)) == (None, Due())
    assert floor.match_for_contact(1, 999.0) == agent(de=1)


@pytest.mark.parametrize("level", [5, 2, 1, 0])
def test_a_relaxed_contact_is_served_once(level: int) -> None:
    floor = router(rules=QueueRules(skills={"de": 5}, relax_after_s=60.0))
    floor.join(call(1), 0.0)
    floor.join(call(2, 60.0), 60.0)
    # by then nobody need know German
    floor.due(180.0)
    assert served(floor, 180.0) == [1]
    assert served(floor, 180.0, agent(2, de=level)) == ([2] if level else [])
    assert floor.waiting("sales") == (() if level else (call(2, 60.0),))


def test_a_match_before_the_timer_does_not_swallow_what_is_due() -> None:
    floor = router(rules=QueueRules(skills={"de": 1}, relax_after_s=60.0, longest_wait_s=90.0))
    floor.join(call(1), 0.0)
    floor.match_for_contact(2, 91.0)
    assert floor.next_due() == 60.0
    floor.agent_idle(agent())
    assert floor.due(91.0) == Due((call(1),), (call(1),))


def test_a_contact_goes_to_who_is_idle_for_the_longest_time() -> None:
    for order in permutations([agent(1, 5.0), agent(2, 3.0), agent(3, 3.0), agent(4, 1.0)]):
        floor = router(*order)
        for number in range(4):
            floor.join(call(number), 5.0)
        found = [floor.match_for_contact(number, 5.0) for number in range(4)]
        assert [each.id for each in found if each] == [4, 2, 3, 1]


def test_a_contact_for_one_agent_waits_for_that_agent_alone() -> None:
    rules = QueueRules(skills={"de": 9})
    floor = router(agent(1, de=9), IdleAgent(2, {}, 0.0), rules=rules)
    floor.join(replace(call(1), agent=3), 0.0)
    floor.join(replace(call(2), agent=2), 0.0)
    assert floor.match_for_agent(1, 0.0) is None
    assert floor.match_for_contact(1, 0.0) is None
    found = floor.match_for_contact(2, 0.0)
    assert found is not None
    assert found.id == 2
    (left,) = floor.agent_gone(3)
    assert floor.join(replace(left, agent=None), 0.0) is None
    assert floor.match_for_contact(1, 0.0) == agent(1, de=9)


@given(st.permutations([call(number, number % 3, number % 2) for number in range(6)]))
def test_the_order_of_joining_does_not_matter(callers: Iterable[Waiting]) -> None:
    floor = router()
    for each in callers:
        floor.join(each, 3.0)
    assert served(floor, 3.0) == [3, 1, 5, 0, 4, 2]


def test_the_expected_wait_is_the_position_times_handling_time_over_agents() -> None:
    floor = router()
    for number in range(3):
        floor.join(call(number, number), 3.0)
    assert [floor.expected_wait_s(number, 180.0, 2) for number in range(3)] == [90.0, 180.0, 270.0]
    assert floor.expected_wait_s(0, 180.0, 0) is None
    assert floor.expected_wait_s(0, None, 2) is None
    assert floor.expected_wait_s(9, 180.0, 2) is None


def test_events_that_are_late_or_doubled_do_no_harm() -> None:
    floor = router()
    floor.leave(1)
    floor.agent_busy(1)
    assert floor.agent_gone(1) == ()
    assert floor.close("sales") == ()
    assert floor.join(call(1), 0.0) == "closed"
    assert floor.match_for_agent(1, 0.0) is None
    assert (floor.position(1), floor.next_due()) == (None, None)


def test_what_waits_long_ago_is_forgotten() -> None:
    floor = router(rules=QueueRules(longest_wait_s=3600.0))
    for number in range(10_000):
        floor.join(call(number), 0.0)
        floor.leave(number)
    floor.join(call(1), 1.0)
    assert floor.next_due() == 3600.0


def test_rules_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="relax_after_s"):
        QueueRules(relax_after_s=0.0)
    with pytest.raises(ValueError, match="ageing_per_s"):
        QueueRules(ageing_per_s=-1.0)

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from callfloor.rules.dialling.budget import Bucket, Budget

DAY = 86_400.0


@given(st.integers(0, 10_000), st.floats(0.005, 0.2))
def test_who_abandons_only_what_is_left_never_passes_the_cap(seed: int, cap: float) -> None:
    luck = random.Random(seed)
    budget, at = Budget(cap, 30 * DAY, 5.0), 0.0
    live = lost = 0
    for _ in range(400):
        at += luck.expovariate(1 / 60)
        budget.answered(at)
        live += 1
        if budget.left(at) >= 1.0 and luck.random() < 0.5:
            budget.lost(at)
            lost += 1
        assert lost <= cap * live
    assert (budget.live, budget.abandoned) == (live, lost)


@given(st.lists(st.tuples(st.floats(0, 3 * DAY), st.integers(0, 50), st.integers(0, 5)), max_size=8))
def test_the_window_forgets_and_what_it_holds_can_be_carried_over(past: list[tuple[float, int, int]]) -> None:
    buckets = [Bucket(*each) for each in past]
    budget = Budget(0.03, DAY, 5.0, buckets)
    budget.advance(1000.0)
    kept = [each for each in buckets if each.age_s <= DAY]
    assert budget.live == sum(each.live for each in kept)
    assert budget.abandoned == sum(each.abandoned for each in kept)
    again = Budget(0.03, DAY, 5.0, budget.buckets(1000.0))
    again.advance(77.0)
    assert (again.live, again.abandoned, again.left(77.0)) == (budget.live, budget.abandoned, budget.left(1000.0))
    again.advance(77.0 + 2 * DAY)
    assert (again.live, again.abandoned) == (0, 0)


def test_savings_of_a_quiet_time_are_not_spent_on_another() -> None:
    budget = Budget(0.03, 30 * DAY, 5.0)
    for call in range(10_000):
        budget.answered(float(call))
    assert budget.tokens == 5.0
    for call in range(6):
        budget.lost(10_000.0 + call)
    assert budget.tokens < 0


@given(st.integers(0, 10_000), st.integers(0, 400))
def test_a_stretch_keeps_the_cap_whatever_was_saved_before_it(seed: int, before: int) -> None:
    luck, cap = random.Random(seed), 0.03
    budget, at = Budget(cap, 30 * DAY, 5.0), 0.0
    for _ in range(before):
        at += 10.0
        budget.answered(at)
    budget.begin(at)
    began, live, lost = at, 0, 0
    while at - began < 4 * 3600:
        at += luck.expovariate(1 / 20)
        budget.answered(at)
        live += 1
        if budget.left(at) >= 1.0 and luck.random() < 0.5:
            budget.lost(at)
            lost += 1
        if at - began >= 3600:
            assert lost <= cap * live
        assert lost <= cap * live + 1.0
        assert budget.abandoned <= cap * budget.live

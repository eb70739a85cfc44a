from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from callfloor.rules.dialling.list_shares import FairShare

WEIGHTS = st.dictionaries(st.integers(1, 9), st.integers(0, 100), min_size=1, max_size=6)


@given(WEIGHTS, st.integers(1, 400))
def test_every_list_has_its_share_within_one_turn(weights: dict[int, int], turns: int) -> None:
    fair = FairShare()
    had = Counter(fair.pick(weights) for _ in range(turns))
    total = sum(weights.values())
    if not total:
        assert had == {None: turns}
        return
    for each, weight in weights.items():
        share = turns * weight / total
        # stride scheduling is at most a turn ahead of another list, of which there may be several
        assert abs(had[each] - share) <= len(weights)
        assert weight > 0 or not had[each]


@given(WEIGHTS.filter(lambda weights: sum(weight > 0 for weight in weights.values()) > 1), st.integers(1, 200))
def test_a_list_that_was_empty_does_not_catch_up(weights: dict[int, int], turns: int) -> None:
    fair = FairShare()
    late = min(each for each, weight in weights.items() if weight > 0)
    for _ in range(turns):
        assert fair.pick(weights, {late}) != late
    others = sum(weights.values())
    had = Counter(fair.pick(weights) for _ in range(2 * others))
    assert abs(had[late] - 2 * weights[late]) <= len(weights) + 1

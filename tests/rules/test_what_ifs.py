"""What a what-if goes by and comes to: shares stay shares, and nothing that is given is overruled."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callfloor.contract.codes import DialStatus
from callfloor.contract.what_ifs import Outcome, WhatIfBody, WhatIfGiven
from callfloor.rules.figures.what_ifs import Past, Point, assumed, points, summed_up, too_much

CALLS = st.builds(
    Past,
    st.sampled_from([int(status) for status in DialStatus]),
    st.none() | st.floats(0, 60),
    st.none() | st.floats(0, 3600),
    st.none() | st.floats(0, 600),
)
SHARES = ("live_share", "machine_share", "busy_share", "disconnected_share", "failed_share")
TOLD = st.fixed_dictionaries({}, optional=dict.fromkeys(SHARES[1:], st.floats(0, 0.24))).map(
    lambda shares: WhatIfGiven(**shares)
)


@given(st.lists(CALLS, max_size=80), TOLD)
def test_shares_are_no_more_than_one_and_what_is_given_stands(past: list[Past], told: WhatIfGiven) -> None:
    assert not too_much(told)
    found = assumed(past, told)
    shares = {name: getattr(found, name) for name in SHARES}
    assert sum(share.value for share in shares.values()) <= 1 + 1e-9
    for name, share in shares.items():
        wanted = getattr(told, name)
        assert (share.source == "given") == (wanted is not None)
        assert wanted is None or share.value == wanted
    for name in ("answer_seconds", "ring_out_seconds", "talk_seconds", "wrap_up_seconds"):
        assert getattr(found, name).value >= 1


def test_a_campaign_that_called_enough_is_measured_and_one_that_did_not_says_so() -> None:
    live = [Past(DialStatus.ANSWERED, 10.0, 100.0 + each, 15.0) for each in range(20)]
    rest = [Past(DialStatus.NO_ANSWER, 27.0, None, None)] * 25 + [Past(DialStatus.ABANDONED, 10.0, None, None)] * 5
    ours = [Past(DialStatus.CANCELLED, 3.0, None, None)] * 50
    found = assumed(live + rest + ours, WhatIfGiven())
    assert (found.live_share.value, found.live_share.source, found.live_share.samples) == (0.5, "measured", 50)
    assert found.talk_seconds.value == pytest.approx(109.5)
    assert found.talk_seconds.source == "measured"
    few = assumed(live[:19] + ours, WhatIfGiven())
    assert (few.live_share.source, few.talk_seconds.source, few.talk_seconds.samples) == ("default", "default", 19)


def test_caps_are_of_the_predictive_mode_alone_and_nothing_is_asked_twice() -> None:
    body = WhatIfBody(campaign_id=1, agents=[20, 10, 20], modes=["progressive", "predictive"], caps=[0.03, 0.01])
    assert points(body, 0.05) == [
        Point(10, "progressive", None),
        Point(20, "progressive", None),
        *(Point(agents, "predictive", cap) for cap in (0.01, 0.03) for agents in (10, 20)),
    ]
    assert points(WhatIfBody(campaign_id=1, agents=[5]), 0.05) == [Point(5, "predictive", 0.05)]


def outcome(utilisation: float, live: int, abandoned: int) -> Outcome:
    return Outcome(utilisation=utilisation, live_answers=live, abandoned=abandoned, talks_per_hour=2.0 * live)


def test_the_error_is_student_s() -> None:
    found = summed_up(
        Point(10, "predictive", 0.03), [outcome(0.8, 100, 2), outcome(0.9, 100, 4), outcome(0.85, 100, 3)]
    )
    assert found.utilisation.mean == pytest.approx(0.85)
    # t of 2 degrees of freedom × 0.05 ÷ √3
    assert found.utilisation.error == pytest.approx(4.303 * 0.05 / 3**0.5)
    assert found.abandonment.mean == pytest.approx(0.03)
    assert found.abandonment.error == pytest.approx(4.303 * 0.01 / 3**0.5)


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 500), st.floats(0, 1)), min_size=2, max_size=10))
def test_whatever_the_runs_came_to_is_summed_up(runs: list[tuple[float, int, float]]) -> None:
    given: list[Any] = [outcome(utilisation, live, int(live * share)) for utilisation, live, share in runs]
    found = summed_up(Point(10, "progressive", None), given)
    assert 0 <= found.abandonment.mean <= 1
    assert found.abandonment.error >= 0
    assert found.utilisation.error >= 0

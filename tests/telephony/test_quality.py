"""The E-model's scores."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callfloor.telephony.quality import mean_opinion, quality

REAL = (
    "ssrc=1474018574;themssrc=3390111744;lp=0;rxjitter=0.000000;rxcount=200;txjitter=0.000375;txcount=0;rlp=0;"
    "rtt=0.000000;rxmes=0.000000;txmes=0.000000"
)


def test_scores_are_those_of_the_standard() -> None:
    # G.107 annex B: R = 93.2 is MOS 4.41, R = 50 is 2.58
    assert mean_opinion(0, 0) == pytest.approx(4.41, abs=0.01)
    assert mean_opinion(0.208, 0) == pytest.approx(2.58, abs=0.02)
    # 400 ms one way: R = 93.2 - 9.6 - 24.5
    assert mean_opinion(0, 400) == pytest.approx(3.05, abs=0.02)


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 2_000), st.floats(0, 2_000))
def test_more_loss_or_delay_never_sounds_better(loss: float, other: float, delay: float, later: float) -> None:
    best = mean_opinion(min(loss, other), min(delay, later))
    worst = mean_opinion(max(loss, other), max(delay, later))
    # the standard's curve is not monotonous near its foot
    assert 1 <= worst <= best + 0.01
    assert best <= 4.5


def test_what_asterisk_counts_is_read() -> None:
    assert quality(REAL) == pytest.approx(4.4, abs=0.02)
    assert quality(REAL.replace("lp=0;rxj", "lp=20;rxj")) == pytest.approx(3.4, abs=0.2)


def test_the_worse_direction_counts() -> None:
    lost = REAL.replace("txcount=0;rlp=0", "txcount=100;rlp=100")
    assert quality(lost) == pytest.approx(1.7, abs=0.3)


@pytest.mark.parametrize("statistics", ["", "nonsense", "rxcount=0;txcount=0", "rxcount=nan;lp=x", "rxcount=-5"])
def test_a_call_without_sound_has_no_score(statistics: str) -> None:
    assert quality(statistics) is None

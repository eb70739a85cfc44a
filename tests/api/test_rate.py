"""Rate limits admit what they promise, whatever the arrivals."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from callfloor.api.rate import RateLimits, map_memory


@given(st.lists(st.floats(0, 0.5), max_size=200), st.integers(1, 50))
def test_never_more_than_the_burst_and_the_rate(gaps: list[float], rate: int) -> None:
    limits = RateLimits(map_memory(None), rate)
    at, admitted = 1_000.0, 0
    for gap in gaps:
        at += gap
        verdict = limits.take(7, None, now=at)
        admitted += verdict.allowed
        assert 0 <= verdict.remaining <= verdict.limit
        assert (verdict.retry_after_s == 0) == verdict.allowed
        assert admitted <= 2 * rate + rate * (at - 1_000.0) + 1


@given(st.integers(1, 50))
def test_a_steady_caller_at_the_rate_is_never_refused(rate: int) -> None:
    limits = RateLimits(map_memory(None), rate)
    assert all(limits.take(7, None, now=1_000.0 + number / rate).allowed for number in range(300))


def test_after_the_wait_that_is_told_a_request_passes() -> None:
    limits = RateLimits(map_memory(None), 10)
    at = 1_000.0
    while (verdict := limits.take(7, None, now=at)).allowed:
        pass
    assert limits.take(7, None, now=at + verdict.retry_after_s).allowed


def test_tokens_do_not_share_a_bucket_and_one_may_have_its_own_rate() -> None:
    limits = RateLimits(map_memory(None), 1)
    assert [limits.take(1, None, now=5.0).allowed for _ in range(3)] == [True, True, False]
    assert limits.take(2, None, now=5.0).allowed
    assert all(limits.take(3, 100, now=5.0).allowed for _ in range(150))


def test_processes_that_share_memory_share_the_bucket() -> None:
    memory = map_memory(None)
    left, right = RateLimits(memory, 1), RateLimits(memory, 1)
    assert [each.take(1, None, now=5.0).allowed for each in (left, right, left)] == [True, True, False]

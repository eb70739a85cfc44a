"""Every test is run once, whatever the number of workers; half of them begin with what waits."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tests.order import WAITING, order

NAMES = st.lists(st.sampled_from([*WAITING, "tests/rules/test_calls.py::", "tests/api/test_leads.py::"]), max_size=200)


@given(NAMES, st.integers(1, 6))
def test_each_test_is_run_once(names: list[str], workers: int) -> None:
    assert sorted(order(names, workers)) == list(range(len(names)))


@given(st.integers(0, 40), st.integers(1, 4))
def test_what_waits_begins_half_of_the_shares(waiting: int, pairs: int) -> None:
    workers = 2 * pairs
    names = ["tests/rules/test_calls.py::"] * 100 * workers
    names += [each for each in WAITING[: 2 * pairs] for _ in range(waiting)]
    ordered = [names[at] for at in order(names, workers)]
    share = len(names) // workers
    for worker in range(workers):
        begins = ordered[worker * share : (worker + 1) * share]
        waits = [name.startswith(WAITING) for name in begins]
        assert waits == sorted(waits, reverse=True), "first it waits, then it works"
        assert any(waits) == (worker < pairs and waiting > 0)


def test_what_is_said_to_wait_is_there() -> None:
    root = Path(__file__).parents[2]
    for each in WAITING:
        assert list(root.glob(each + "*")), each

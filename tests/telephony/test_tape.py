"""A tape is as long as what was recorded on it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from callfloor.telephony.simulated.recording import Tape


def test_a_tape_that_nothing_ran_on_is_empty() -> None:
    tape = Tape()
    assert tape.take(5.0) is None
    tape.insert(0)
    assert tape.take(5.0) is None


def test_a_pause_leaves_its_time_out() -> None:
    tape = Tape()
    tape.insert(3)
    tape.run(10.0)
    tape.pause(True, 14.0)
    tape.run(15.0)
    tape.pause(False, 20.0)
    assert tape.take(26.0) == (3, 10.0)
    assert tape.next_part == 4


@given(st.lists(st.tuples(st.sampled_from(["run", "pause", "go on"]), st.integers(1, 9)), max_size=20))
def test_its_length_is_the_time_in_which_it_ran(steps: list[tuple[str, int]]) -> None:
    tape, now, running, started, length = Tape(), 0, False, False, 0
    tape.insert(0)
    for what, seconds in steps:
        if what == "run" and not started:
            tape.run(now)
            running = started = True
        elif what == "pause":
            tape.pause(True, now)
            running = False
        elif what == "go on" and started:
            tape.pause(False, now)
            running = True
        now += seconds
        length += seconds if running else 0
    assert tape.take(now) == ((0, length) if started else None)

"""When a desk is gone, and of whom calls are held back for it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callfloor.api.workspace.socket import HEARTBEAT_S
from callfloor.contract.centre import USUAL_DESK_GONE_S
from callfloor.contract.codes import AgentState, Wanted
from callfloor.rules.routing.agents import AgentFacts, AgentInput, advance
from callfloor.rules.routing.desks import DESK_GONE, LEAST_GONE_S, SEEN_EVERY_S, is_gone, takes_calls

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)


@given(st.floats(0, 10_000), st.one_of(st.none(), st.integers(LEAST_GONE_S, 3600)), st.booleans())
def test_a_desk_is_gone_after_its_time_and_never_where_none_is_needed(
    silent_s: float, after_s: int | None, without_desk: bool
) -> None:
    gone = is_gone(NOW - timedelta(seconds=silent_s), NOW, after_s, without_desk=without_desk)
    assert gone is (
        after_s is not None and not without_desk and timedelta(seconds=silent_s) > timedelta(seconds=after_s)
    )


def test_a_desk_that_lives_is_never_gone() -> None:
    """The oldest that its last sign can be, in time and on paper."""
    assert HEARTBEAT_S + SEEN_EVERY_S <= LEAST_GONE_S < USUAL_DESK_GONE_S


@pytest.mark.parametrize("state", get_args(AgentState))
@pytest.mark.parametrize("wanted", [None, *get_args(Wanted)])
def test_calls_are_held_back_from_whoever_would_get_one(state: AgentState, wanted: Wanted | None) -> None:
    after = AgentFacts(state, wanted)
    for step in (AgentInput.RELEASED, AgentInput.CONNECTED, AgentInput.CALL_ENDED, AgentInput.WRAPPED):
        after = advance(after, step) if after.busy else after
    assert takes_calls(state, wanted) is (after.state == "ready" and (wanted in (None, "ready")))
    if takes_calls(state, wanted):
        held = advance(AgentFacts(state, wanted), AgentInput.PAUSE, DESK_GONE)
        assert (held.state if not held.busy else held.wanted) == "paused"
        assert held.reason == DESK_GONE

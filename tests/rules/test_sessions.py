"""What a desk shows is of one moment, whatever was told first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callfloor.contract.codes import AgentState
from callfloor.contract.workspace import Call, Party, PreviewLead, Session
from callfloor.rules.routing.sessions import coherent, ended

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
PREVIEW = PreviewLead(lead_id=3, campaign_id=2, number="+61491570156", seconds=20)
_CALLS = st.builds(
    Call,
    activity_id=st.just(7),
    direction=st.sampled_from(["inbound", "manual"]),
    campaign_id=st.just(1),
    campaign_name=st.none(),
    number=st.just("+61491570157"),
    lead_id=st.none(),
    state=st.sampled_from(["ringing", "connected", "wrap-up"]),
    connected_timestamp=st.sampled_from([None, NOW - timedelta(seconds=95)]),
    held=st.booleans(),
    consulting=st.booleans(),
    parties=st.sampled_from([(), (Party(party=-1, agent_id=None, number="+61491570158", state="joined"),)]),
)
_SESSIONS = st.builds(
    Session,
    agent_id=st.just(1),
    sequence=st.just(5),
    state=st.sampled_from(get_args(AgentState)),
    since=st.just(NOW),
    call=st.none() | _CALLS,
    preview=st.none() | st.just(PREVIEW),
    wrap_up_seconds=st.none() | st.just(12.0),
)
BELONGS = {"dialling": "ringing", "on-call": "connected", "on-wrap": "wrap-up"}


@given(_SESSIONS)
def test_a_session_is_never_a_mixture(told: Session) -> None:
    shown = coherent(told)
    assert coherent(shown) == shown
    assert shown.state == told.state
    if shown.call is not None:
        assert shown.call.state == BELONGS.get(shown.state)
    if shown.preview is not None:
        assert (shown.state, shown.call) == ("dialling", None)
    assert shown.wrap_up_seconds is None or shown.state == "on-wrap"
    if told.call is not None and told.call.state == BELONGS.get(told.state):
        assert shown.call == told.call


@pytest.mark.parametrize(("began", "seconds"), [(NOW - timedelta(seconds=95), 95), (None, None)])
def test_a_call_that_is_over_says_how_long_it_was(began: datetime | None, seconds: int | None) -> None:
    call = Call(
        activity_id=7, direction="inbound", campaign_id=1, campaign_name=None, number=None, lead_id=None,
        state="connected", connected_timestamp=began, held=True, muted=True, recording=True,
    )  # fmt: skip
    over = ended(call, NOW)
    assert (over.state, over.seconds, over.ended_timestamp) == ("wrap-up", seconds, NOW)
    assert not any((over.held, over.muted, over.recording))

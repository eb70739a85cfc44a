"""Every event in every state of an agent."""

from __future__ import annotations

from itertools import product
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from callfloor.rules.routing.agents import MISSED_CALL, AgentFacts, AgentInput, AgentState, Wanted, advance

STATES: tuple[AgentState, ...] = get_args(AgentState)
WANTED: tuple[Wanted | None, ...] = (None, *get_args(Wanted))
ASKED = (AgentInput.READY, AgentInput.PAUSE, AgentInput.SIGN_OUT)


def after(*happened: AgentInput) -> AgentFacts:
    agent = AgentFacts()
    for each in happened:
        agent = advance(agent, each, "lunch" if each is AgentInput.PAUSE else None)
    return agent


def test_a_call_and_its_wrap_up_end_in_ready() -> None:
    call = (AgentInput.READY, AgentInput.RESERVED, AgentInput.CONNECTED)
    assert after(*call).state == "on-call"
    assert after(*call, AgentInput.CALL_ENDED).state == "on-wrap"
    assert after(*call, AgentInput.CALL_ENDED, AgentInput.WRAPPED) == AgentFacts("ready")


def test_what_is_asked_for_during_a_call_comes_after_its_wrap_up() -> None:
    call = (AgentInput.READY, AgentInput.CONNECTED)
    ended = (AgentInput.CALL_ENDED, AgentInput.WRAPPED)
    assert after(*call, AgentInput.PAUSE).state == "on-call"
    assert after(*call, AgentInput.PAUSE, *ended) == AgentFacts("paused", None, "lunch")
    assert after(*call, AgentInput.SIGN_OUT, *ended) == AgentFacts("signed-out")
    assert after(*call, AgentInput.PAUSE, AgentInput.READY, *ended) == AgentFacts("ready")


def test_a_missed_call_pauses_the_agent_and_says_why() -> None:
    assert after(AgentInput.READY, AgentInput.RESERVED, AgentInput.MISSED) == AgentFacts("paused", None, MISSED_CALL)


def test_every_event_has_a_meaning_in_every_state() -> None:
    for state, wanted, happened in product(STATES, WANTED, AgentInput):
        agent = advance(AgentFacts(state, wanted if state in ("dialling", "on-call", "on-wrap") else None), happened)
        assert agent.busy or agent.wanted is None
        assert agent.reason is None or agent.state == "paused" or agent.wanted == "paused"
        if happened in ASKED:
            # nobody is thrown out of a call
            assert agent.busy == (state in ("dialling", "on-call", "on-wrap"))


@given(st.lists(st.sampled_from(AgentInput)))
def test_no_event_but_a_call_brings_an_agent_on_a_call_and_nobody_signed_out_gets_one(
    happened: list[AgentInput],
) -> None:
    agent = AgentFacts()
    for each in happened:
        before, agent = agent, advance(agent, each)
        if agent.state == "on-call" and before.state != "on-call":
            assert each is AgentInput.CONNECTED
            assert before.state in ("ready", "dialling")
        if before.state in ("signed-out", "paused") and agent.state != before.state:
            # a paused agent may dial by hand
            assert each in (*ASKED, AgentInput.MISSED) or (before.state, each) == ("paused", AgentInput.RESERVED)
        if each in (AgentInput.READY, AgentInput.PAUSE, AgentInput.SIGN_OUT, AgentInput.RESERVED):
            assert advance(agent, each, agent.reason) == agent

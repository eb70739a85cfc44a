"""The life of an agent on the floor: signed out, ready, reserved for a call, on it, in wrap-up, paused.

A table without I/O: total, so that events that are late, doubled or out of order do no harm. What somebody asks for
during a call (ready, pause, sign-out) is kept until the call and its wrap-up end.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from callfloor.contract.codes import AgentState, Wanted


class AgentInput(Enum):
    """What happens to an agent."""

    READY = "ready"
    PAUSE = "pause"
    SIGN_OUT = "sign-out"
    # a call is dialled for this agent alone, or a lead is shown before it is dialled
    RESERVED = "reserved"
    # that call came to nothing
    RELEASED = "released"
    CONNECTED = "connected"
    CALL_ENDED = "call-ended"
    WRAPPED = "wrapped"
    # the phone rang and nobody took the call
    MISSED = "missed"


@dataclass(frozen=True, slots=True)
class AgentFacts:
    """`wanted`: what becomes of the agent after the call and its wrap-up; None: ready again. `reason` of a pause."""

    state: AgentState = "signed-out"
    wanted: Wanted | None = None
    reason: str | None = None

    @property
    def busy(self) -> bool:
        """Whether a call or its wrap-up holds the agent."""
        return self.state in _BUSY


_BUSY = frozenset({"dialling", "on-call", "on-wrap"})
MISSED_CALL = "missed call"


def advance(agent: AgentFacts, happened: AgentInput, reason: str | None = None) -> AgentFacts:
    """The agent after an event. `reason`: of a pause, as its asker words it."""
    match happened:
        case AgentInput.READY:
            if agent.busy:
                return replace(agent, wanted=None, reason=None)
            return agent if agent.state == "ready" else AgentFacts("ready")
        case AgentInput.PAUSE:
            if agent.busy:
                return replace(agent, wanted="paused", reason=reason)
            return agent if agent.state == "signed-out" else AgentFacts("paused", None, reason)
        case AgentInput.SIGN_OUT:
            return replace(agent, wanted="signed-out", reason=None) if agent.busy else AgentFacts()
        case AgentInput.RESERVED:
            if agent.state == "paused":
                # a call of the agent's own; the pause goes on behind it
                return AgentFacts("dialling", "paused", agent.reason)
            return AgentFacts("dialling") if agent.state == "ready" else agent
        case AgentInput.RELEASED:
            return _after(agent) if agent.state == "dialling" else agent
        case AgentInput.CONNECTED:
            return replace(agent, state="on-call") if agent.state in ("ready", "dialling") else agent
        case AgentInput.CALL_ENDED:
            return replace(agent, state="on-wrap") if agent.state == "on-call" else agent
        case AgentInput.WRAPPED:
            return _after(agent) if agent.state == "on-wrap" else agent
        case AgentInput.MISSED:
            if agent.state in ("signed-out", "on-call", "on-wrap"):
                return agent
            return AgentFacts() if agent.wanted == "signed-out" else AgentFacts("paused", None, MISSED_CALL)


def _after(agent: AgentFacts) -> AgentFacts:
    if agent.wanted == "paused":
        return AgentFacts("paused", None, agent.reason)
    return AgentFacts() if agent.wanted == "signed-out" else AgentFacts("ready")

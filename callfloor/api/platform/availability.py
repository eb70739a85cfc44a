"""Agent availability."""

from __future__ import annotations

from callfloor.api.audits import changes
from callfloor.api.call import Call, unknown_id
from callfloor.api.operation import operation
from callfloor.contract.availability import Availability, AvailabilityUpdate
from callfloor.errors import AgentPhoneUnreachable, NotAnAgent
from callfloor.store.agents import agents, desks

EXAMPLE = {"agentId": 1002, "available": True}


@operation(
    "PUT",
    "/availability",
    scope="agents:write",
    summary="Update agent presence",
    tag="availability",
    example=EXAMPLE,
    request=EXAMPLE,
    problems=[NotAnAgent, AgentPhoneUnreachable],
    audits=changes("agent.availability", "agent"),
)
async def update_availability(call: Call, body: AvailabilityUpdate) -> Availability:
    """Make an agent ready for calls (true, signed in if need be) or pause it (false).

    During a call it takes effect when the call and its wrap-up end. Pausing an agent who is signed out leaves it
    signed out. An agent who is made ready so needs no desk; once a desk of its own shows a sign of life, it must not
    go away.
    """
    active = await agents.is_active_agent(call.db, call.organisation, body.agent_id)
    if active is None:
        raise unknown_id("agentId", "agent")
    if not active:
        raise NotAnAgent("The user is not an agent with an active account.")
    if not body.available:
        await agents.pause(call.db, call.organisation, body.agent_id, call.now)
    else:
        # whoever makes agents ready so shows them their calls
        await desks.forget(call.db, call.organisation, body.agent_id)
        if not await agents.make_ready(call.db, call.organisation, body.agent_id, call.now):
            raise AgentPhoneUnreachable("The agent's phone cannot be reached, so the agent cannot be signed in.")
    call.audit.entry(body.agent_id, after={"available": body.available})
    return Availability(agent_id=body.agent_id, available=body.available)

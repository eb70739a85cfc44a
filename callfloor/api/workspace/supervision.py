"""Supervisors' commands: for agents, and for callers who wait."""

from __future__ import annotations

from typing import assert_never

import msgspec

from callfloor.api.audits import own
from callfloor.api.call import Call, not_found, unknown_id
from callfloor.api.operation import operation
from callfloor.api.workspace.commands import OBEYED, checked, obey
from callfloor.api.workspace.examples import SESSION
from callfloor.api.workspace.people import (
    SUPERVISED,
    expect_reach,
    expect_work,
    reach,
    session_of,
    still_supervises,
    supervisor_of,
)
from callfloor.api.workspace.session import make_ready, pause
from callfloor.contract.workspace import (
    EndCall,
    LetCallerGo,
    Monitor,
    MoveCallerUp,
    Session,
    StopMonitoring,
    Target,
    Transfer,
    TransferCall,
    TransferCaller,
)
from callfloor.contract.workspace_api import (
    AgentSupervision,
    CallerSupervision,
    EndAgentCall,
    ForceAgentSignOut,
    LetGo,
    MonitorAgent,
    MoveAgent,
    MoveUp,
    PauseAgent,
    ReadyAgent,
    StopMonitoringAgent,
    TakeOut,
    TransferAgentCall,
)
from callfloor.errors import AgentPhoneUnreachable, CommandRefused
from callfloor.store.agents import agents, desk_options, desks
from callfloor.store.calls import legs


@operation(
    "POST",
    "/agents/{agentId}/commands",
    scope="workspace:supervise",
    summary="Supervisor's command for an agent",
    tag="supervision",
    example=SESSION,
    request={"action": "monitor", "how": "whisper"},
    problems=[*SUPERVISED, *OBEYED, AgentPhoneUnreachable],
    apart=True,
    audits=own("agent.command", "agent"),
    replayable=still_supervises,
)
async def send_agent_command(call: Call, agent_id: int, body: AgentSupervision) -> Session:
    """Listen to an agent's call, speak into it, end or transfer it; make the agent ready, pause it, sign it out, or
    have it work for another campaign. The answer is the agent's session after it.

    What the agent is on is never cut but by `endCall`: a pause, a sign-out or a move takes effect behind the call and
    its wrap-up. What cannot be done is a 409 whose `code` says why.
    """
    supervisor = supervisor_of(call.caller)
    expect_reach(call.caller, agent_id)
    at_hand = (await session_of(call, agent_id)).call
    how = body.how if isinstance(body, MonitorAgent) else msgspec.to_builtins(body)["action"]
    call.audit.entry(action=f"agent.{how}", activityId=None if at_hand is None else at_hand.activity_id)
    match body:
        case ForceAgentSignOut() | ReadyAgent() | PauseAgent() | MoveAgent():
            async with call.db.transaction():
                await _now(call, agent_id, body, supervisor)
                await call.audit.write()
        case MonitorAgent():
            await obey(call, agent_id, supervisor, Monitor(agent_id=agent_id, how=body.how))
        case StopMonitoringAgent():
            await obey(call, agent_id, supervisor, StopMonitoring(agent_id=agent_id))
        case EndAgentCall():
            await obey(call, agent_id, supervisor, EndCall(agent_id=agent_id))
        case TransferAgentCall(to=to):
            to = await _known(call, agent_id, to)
            await obey(call, agent_id, supervisor, TransferCall(agent_id=agent_id, to=to))
        case _:
            assert_never(body)
    return await session_of(call, agent_id)


async def _now(
    call: Call, agent_id: int, body: ForceAgentSignOut | ReadyAgent | PauseAgent | MoveAgent, supervisor: int
) -> None:
    """What needs no floor to be done."""
    match body:
        case ForceAgentSignOut():
            await agents.sign_out(call.db, call.organisation, agent_id, call.now)
        case ReadyAgent():
            if await desks.desk_gone(call.db, call.organisation, agent_id, call.now):
                raise CommandRefused("desk-gone", "The agent's desk is gone: it is ready again when the desk is back.")
            await make_ready(call, agent_id)
        case PauseAgent(reason=reason):
            await pause(call, agent_id, reason)
        case MoveAgent(campaign_id=campaign):
            if campaign is not None and not await desk_options.exists(call.db, call.organisation, "campaign", campaign):
                raise unknown_id("campaignId", "campaign")
            await agents.move(call.db, call.organisation, agent_id, campaign, supervisor, call.now)


@operation(
    "POST",
    "/callers/{activityId}/commands",
    scope="workspace:supervise",
    summary="Supervisor's command for a caller who waits",
    tag="supervision",
    request={"action": "transfer", "to": {"campaignId": 2}},
    problems=[*SUPERVISED, *OBEYED],
    status=204,
    apart=True,
    audits=own("caller.command", "activity"),
    replayable=still_supervises,
)
async def send_caller_command(call: Call, activity_id: int, body: CallerSupervision) -> None:
    """Put a caller who waits in a queue before all others, give it to another queue or to an agent who is ready, or
    hang up. 404 when nobody waits on this activity any more."""
    supervisor = supervisor_of(call.caller)
    call.audit.entry(action=f"caller.{msgspec.to_builtins(body)['action']}")
    campaign = await legs.waits_for(call.db, call.organisation, activity_id)
    if campaign is None:
        raise not_found("caller who waits")
    expect_work(call.caller, "caller who waits", None, campaign)
    match body:
        case MoveUp():
            await obey(call, supervisor, supervisor, MoveCallerUp(activity_id=activity_id), campaign)
        case TakeOut(to=to):
            agents = reach(call.caller)
            if to.agent_id is not None and agents is not None and to.agent_id not in agents:
                raise unknown_id("to/agentId", "agent of your teams")
            to = await _known(call, supervisor, to)
            await obey(call, supervisor, supervisor, TransferCaller(activity_id=activity_id, to=to), campaign)
        case LetGo():
            await obey(call, supervisor, supervisor, LetCallerGo(activity_id=activity_id), campaign)
        case _:
            assert_never(body)


async def _known(call: Call, agent_id: int, to: Target) -> Target:
    """The target with its number as the floor takes it. Raises `Invalid`."""
    command = await checked(call, agent_id, Transfer(to=to))
    return command.to if isinstance(command, Transfer) else to

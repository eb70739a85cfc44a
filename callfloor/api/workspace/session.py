"""An agent's own session, the lead at hand, callbacks, and what may be chosen from."""

from __future__ import annotations

import msgspec

from callfloor.api.audits import unaudited
from callfloor.api.call import Call, not_found
from callfloor.api.cursors import page_limit, page_of, page_start
from callfloor.api.operation import operation
from callfloor.api.platform.leads import LEAD_EXAMPLE, lead_of
from callfloor.api.workspace.examples import SESSION
from callfloor.api.workspace.people import OWN, agent_of, session_of
from callfloor.contract.fields import Page, PageQuery
from callfloor.contract.leads import Lead, OwnCallback
from callfloor.contract.workspace import Session
from callfloor.contract.workspace_api import (
    Choices,
    Colleague,
    LeadStatusChoice,
    OwnCampaign,
    Queue,
    SessionUpdate,
    WrapCode,
)
from callfloor.engine.leads.explain import next_times
from callfloor.errors import AgentPhoneUnreachable
from callfloor.rules.values.times import format_timestamp, zone
from callfloor.store.agents import agents, desk_options
from callfloor.store.leads import leads


@operation(
    "GET",
    "/session",
    scope="workspace",
    summary="Own session",
    tag="session",
    example=SESSION,
    problems=OWN,
)
async def get_session(call: Call) -> Session:
    """All that your desk shows now. Events behind its `sequence` are not part of it yet."""
    return await session_of(call, agent_of(call.caller))


@operation(
    "PUT",
    "/session",
    scope="workspace",
    summary="Sign in, pause or sign out",
    tag="session",
    example=SESSION | {"state": "paused", "reason": "lunch", "call": None},
    request={"state": "paused", "reason": "lunch"},
    problems=[*OWN, AgentPhoneUnreachable],
    audits=unaudited("what an agent does at its own desk stands in its times and its calls"),
)
async def update_session(call: Call, body: SessionUpdate) -> Session:
    """Become ready (signed in if need be), paused or signed out.

    During a call it takes effect when the call and its wrap-up end: `wanted` says so. `paused` when you are signed out
    signs you in, paused.
    """
    agent_id = agent_of(call.caller)
    match body.state:
        case "ready":
            await make_ready(call, agent_id)
        case "paused":
            await pause(call, agent_id, body.reason)
        case "signed-out":
            await agents.sign_out(call.db, call.organisation, agent_id, call.now)
    return await session_of(call, agent_id)


_UNREACHABLE = "The agent's phone cannot be reached, so the agent cannot be signed in."


async def make_ready(call: Call, agent_id: int) -> None:
    """Raises `AgentPhoneUnreachable`."""
    if not await agents.make_ready(call.db, call.organisation, agent_id, call.now):
        raise AgentPhoneUnreachable(_UNREACHABLE)


async def pause(call: Call, agent_id: int, reason: str | None) -> None:
    """Raises `AgentPhoneUnreachable`."""
    if not await agents.sign_in_paused(call.db, call.organisation, agent_id, call.now, reason):
        raise AgentPhoneUnreachable(_UNREACHABLE)


@operation(
    "GET",
    "/lead",
    scope="workspace",
    summary="Lead at hand",
    tag="session",
    example=LEAD_EXAMPLE,
    problems=OWN,
)
async def get_own_lead(call: Call) -> Lead:
    """The lead of the call that you are on, are to take or wrap up, or of the preview; 404 when there is none."""
    session = await session_of(call, agent_of(call.caller))
    at_hand = session.call or session.preview
    lead_id = None if at_hand is None else at_hand.lead_id
    row = None if lead_id is None else await call.services.lead_reads.get(call.organisation, lead_id)
    if row is None:
        raise not_found("lead at hand")
    return lead_of(row)


@operation(
    "GET",
    "/callbacks",
    scope="workspace",
    summary="Own callbacks",
    tag="session",
    example={
        "metadata": {"nextUri": None},
        "items": [LEAD_EXAMPLE | {"nextDialTimestamp": "2021-08-02T10:00:00+10:00"}],
    },
    query={"limit": 20},
    problems=OWN,
)
async def list_callbacks(call: Call, query: PageQuery) -> Page[OwnCallback]:
    """Leads that wait for you to call them back, soonest first.

    `timestamps.nextAttempt` is what was promised; `nextDialTimestamp` is when the call can be made, which is later
    once that time has passed or the hours have changed.
    """
    agent_id, count = agent_of(call.caller), page_limit(query) + 1
    rows = await leads.callbacks(call.db, call.organisation, agent_id, page_start(call, query), count)
    times = await next_times(call.db, call.organisation, rows, call.now)

    def shown(row: leads.LeadRecord) -> OwnCallback:
        at = times.get(row["lead_id"])
        next_dial = None if at is None else format_timestamp(at, zone(row["campaign_timezone"]))
        lead = lead_of(row)
        return OwnCallback(**msgspec.structs.asdict(lead), next_dial_timestamp=next_dial)

    return page_of(call, query, rows, shown, lambda row: (row["next_attempt_at"], row["lead_id"]))


@operation(
    "GET",
    "/campaigns",
    scope="workspace",
    summary="Own campaigns, and whom to transfer to",
    tag="session",
    example={
        "campaigns": [
            {
                "campaignId": 2,
                "name": "Sales Outbound",
                "direction": "outbound",
                "mode": "preview",
                "active": True,
                "wrapCodes": [{"code": 10, "description": "Sold"}],
            }
        ],
        "queues": [{"campaignId": 1, "name": "Support", "agents": 4}],
        "colleagues": [{"agentId": 1003, "fullName": "Jane Roe", "state": "ready"}],
        "leadStatuses": [{"code": 100, "description": "Sold"}],
    },
    problems=OWN,
)
async def list_choices(call: Call) -> Choices:
    """Your campaigns with their wrap codes, and the queues and colleagues that a call may be given to."""
    agent_id, db, organisation = agent_of(call.caller), call.db, call.organisation
    return Choices(
        campaigns=[
            OwnCampaign(
                campaign_id=row["campaign_id"],
                name=row["name"],
                direction=row["direction"],
                mode=row["mode"],
                active=row["active"],
                wrap_codes=[WrapCode(code=code, description=text) for code, text in desk_options.codes_of(row)],
            )
            for row in await desk_options.campaigns(db, organisation, agent_id)
        ],
        queues=[Queue(**row) for row in await desk_options.queues(db, organisation)],
        colleagues=[Colleague(**row) for row in await desk_options.colleagues(db, organisation, agent_id)],
        lead_statuses=[LeadStatusChoice(**row) for row in await desk_options.statuses(db, organisation)],
    )

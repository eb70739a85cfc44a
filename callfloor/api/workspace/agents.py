"""What supervisors see of agents."""

from __future__ import annotations

from asyncpg import Record

from callfloor.api.call import Call
from callfloor.api.cursors import EPOCH, page_limit, page_of, page_start
from callfloor.api.operation import operation
from callfloor.api.workspace.examples import SESSION
from callfloor.api.workspace.people import SUPERVISED, expect_reach, local, reach, session_of
from callfloor.contract.fields import Page, PageQuery
from callfloor.contract.workspace import Session
from callfloor.contract.workspace_api import WatchedAgent
from callfloor.store.agents import desk_events


@operation(
    "GET",
    "/agents",
    scope="workspace:supervise",
    summary="Agents and their sessions",
    tag="supervision",
    example={
        "metadata": {"nextUri": None},
        "items": [{"agentId": 1002, "username": "john.doe", "fullName": "John Doe", "session": SESSION}],
    },
    query={"limit": 100},
    problems=SUPERVISED,
)
async def list_agents(call: Call, query: PageQuery) -> Page[WatchedAgent]:
    """Every active agent of your teams with its session, by id; of all where there are no teams."""
    agents = reach(call.caller)
    after = page_start(call, query)
    first, count = after[1] if after else 0, page_limit(query) + 1
    rows = await desk_events.sessions(call.db, call.organisation, first, count, agents)

    def agent_of(row: Record) -> WatchedAgent:
        return WatchedAgent(
            agent_id=row["agent_id"],
            username=row["username"],
            full_name=row["full_name"],
            session=local(desk_events.session_of(row, call.now), call.zone),
        )

    return page_of(call, query, rows, agent_of, lambda row: (EPOCH, row["agent_id"]))


@operation(
    "GET",
    "/agents/{agentId}/session",
    scope="workspace:supervise",
    summary="An agent's session",
    tag="supervision",
    example=SESSION,
    problems=SUPERVISED,
)
async def get_agent_session(call: Call, agent_id: int) -> Session:
    """All that an agent's desk shows now. `GET /events?agentId=` goes on from it."""
    expect_reach(call.caller, agent_id)
    return await session_of(call, agent_id)

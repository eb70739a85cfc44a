"""What happened to an agent, behind a sequence: over HTTP, and for the WebSocket."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from callfloor.api.call import Call, not_found
from callfloor.api.operation import operation
from callfloor.api.workspace.examples import EVENT
from callfloor.api.workspace.people import OWN, agent_of, expect_reach, local, local_event
from callfloor.contract.workspace import Event
from callfloor.contract.workspace_api import EventList, EventsQuery
from callfloor.errors import NotASupervisor, ScopeMissing
from callfloor.rules.values.times import local_time
from callfloor.store.agents import desk_events
from callfloor.store.db.pool import Database
from callfloor.store.people.callers import Caller

MOST = 500


def watched(caller: Caller, agent_id: int | None) -> int:
    """The agent whose events somebody may see: its own, or for a supervisor another's. Raises problems."""
    if agent_id is None or (caller.person is not None and caller.person.user_id == agent_id):
        return agent_of(caller)
    if not caller.may("workspace:supervise"):
        raise ScopeMissing("The token lacks the scope workspace:supervise.")
    expect_reach(caller, agent_id)
    return agent_id


async def behind(
    db: Database, organisation: int, agent_id: int, after: int | None, zone: ZoneInfo
) -> tuple[list[Event], int] | None:
    """Events behind a sequence, MOST at most, and the agent's last one. A snapshot where there is nothing to go on
    from. None: there is no such agent."""
    if after is not None:
        missed = await desk_events.missed(db, organisation, agent_id, after, MOST)
        if missed is None:
            return None
        if missed.whole:
            return [local_event(event, zone) for event in missed.events], missed.last
    now = datetime.now(UTC)
    session = await desk_events.session(db, organisation, agent_id, now)
    if session is None:
        return None
    at = local_time(now, zone)
    snapshot = Event(sequence=session.sequence, type="snapshot", timestamp=at, session=local(session, zone))
    return [snapshot], session.sequence


_LIST: dict[str, Any] = {"events": [EVENT], "sequence": 42}


@operation(
    "GET",
    "/events",
    scope="workspace",
    summary="Events",
    tag="events",
    example=_LIST,
    query={"after": 41},
    problems=[*OWN, NotASupervisor],
)
async def list_events(call: Call, query: EventsQuery) -> EventList:
    """Events behind `after`, as the WebSocket of this address sends them.

    Without `after`, and when events behind it are not kept any more (an hour), the one event is a `snapshot`: the
    session as it is. Apply what follows behind its sequence. With `Upgrade: websocket` the events go on as they
    happen; see the workspace's guide.
    """
    agent_id = watched(call.caller, query.agent_id)
    found = await behind(call.db, call.organisation, agent_id, query.after, call.zone)
    if found is None:
        raise not_found("agent")
    return EventList(events=found[0], sequence=found[1])

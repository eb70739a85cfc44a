"""Who is signed in, and whose session they may see."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from callfloor.api.call import Call, not_found
from callfloor.contract.workspace import Event, Session
from callfloor.contract.workspace_emails import WorkMoved
from callfloor.errors import NotAnAgent, NotASupervisor, NotFound, NotSignedIn, Problem
from callfloor.rules.values.times import local_time
from callfloor.store.agents import desk_events
from callfloor.store.email.emails import Moving
from callfloor.store.people.callers import Caller

OWN: tuple[type[Problem], ...] = (NotSignedIn, NotAnAgent)
SUPERVISED: tuple[type[Problem], ...] = (NotSignedIn, NotASupervisor)


def agent_of(caller: Caller) -> int:
    """The agent who is signed in. Raises `NotSignedIn`, `NotAnAgent`."""
    if caller.person is None:
        raise NotSignedIn("Nobody is signed in: the token is a program's. Sign in, or use a token of a person.")
    if not caller.person.is_agent:
        raise NotAnAgent("Only an agent has a session of its own.")
    return caller.person.user_id


def supervisor_of(caller: Caller) -> int:
    """The supervisor who is signed in. Raises `NotSignedIn`, `NotASupervisor`."""
    if caller.person is None:
        raise NotSignedIn("Nobody is signed in: the token is a program's. Sign in, or use a token of a person.")
    if caller.person.is_agent:
        raise NotASupervisor("An agent does not watch others; sign in a user who is no agent.")
    return caller.person.user_id


def reach(caller: Caller) -> frozenset[int] | None:
    """The agents whom the supervisor who is signed in may see and command; None: all. Raises `NotSignedIn`,
    `NotASupervisor`."""
    supervisor_of(caller)
    return caller.reach


def expect_reach(caller: Caller, agent_id: int) -> None:
    """Raise `NotFound` for an agent of other teams, besides what `reach` raises."""
    agents = reach(caller)
    if agents is not None and agent_id not in agents:
        raise NotFound("There is no such agent in the teams that you lead.")


async def still_supervises(call: Call, arguments: dict[str, Any], answer: Any) -> None:
    """For a replay: raise what the operation would raise today for a supervisor who is none any more, or whose teams
    the agent that the path names has left."""
    supervisor_of(call.caller)
    if "agent_id" in arguments:
        expect_reach(call.caller, arguments["agent_id"])


def expect_work(caller: Caller, what: str, agent_id: int | None, campaign_id: int) -> None:
    """Raise `NotFound` for work that agents of other teams have, or that waits in a queue of other teams."""
    if caller.supervised is not None and not caller.supervised.work(agent_id, campaign_id):
        raise NotFound(f"There is no such {what} in the teams that you lead.")


async def session_of(call: Call, agent_id: int) -> Session:
    """An agent's session, as it is now. Raises `NotFound`."""
    found = await desk_events.session(call.db, call.organisation, agent_id, call.now)
    if found is None:
        raise not_found("agent")
    return local(found, call.zone)


def local(session: Session, zone: ZoneInfo) -> Session:
    """The session with its times in a zone, in whole seconds, as everywhere in the API."""
    call = session.call
    if call is not None:
        call = replace(
            call,
            connected_timestamp=_shown(call.connected_timestamp, zone),
            ended_timestamp=_shown(call.ended_timestamp, zone),
            leads=tuple(replace(lead, callback_timestamp=_shown(lead.callback_timestamp, zone)) for lead in call.leads),
        )
    return replace(session, since=local_time(session.since, zone), call=call)


def local_event(event: Event, zone: ZoneInfo) -> Event:
    return replace(event, timestamp=local_time(event.timestamp, zone), session=local(event.session, zone))


def moved_of(moving: Moving | None, zone: ZoneInfo) -> WorkMoved | None:
    """Whose work it was before, as the API says it."""
    if moving is None:
        return None
    return WorkMoved(agent_id=moving.agent_id, reason=moving.why.word, timestamp=local_time(moving.at, zone))


def _shown(at: datetime | None, zone: ZoneInfo) -> datetime | None:
    return None if at is None else local_time(at, zone)

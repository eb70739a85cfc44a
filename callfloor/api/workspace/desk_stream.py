"""An agent's events as they happen.

What is sent is read from the database, so that nothing is kept for a client: one that was away names the last sequence
that it has and goes on from there, at this process or another.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import msgspec

from callfloor.api.decoding import Query
from callfloor.api.workspace.events import behind, watched
from callfloor.api.workspace.feed import desk, heard
from callfloor.api.workspace.socket import Connection, until_heartbeat
from callfloor.contract.codes import Scope
from callfloor.contract.workspace import Heartbeat
from callfloor.contract.workspace_api import EventsQuery
from callfloor.errors import NotFound, Unavailable
from callfloor.rules.values.times import local_time
from callfloor.store.people.callers import Caller

RETRY_S = 1.0


class DeskStream:
    """`/events`."""

    path, name = "/workspace/v1/events", "events"
    scope: Scope = "workspace"
    query = Query(EventsQuery)

    def admit(self, caller: Caller, query: EventsQuery) -> None:
        """Raises problems."""
        watched(caller, query.agent_id)

    async def run(self, connection: Connection, caller: Caller, query: EventsQuery) -> None:
        """Tell what lies behind the query's sequence, and what happens. Raises problems."""
        services, organisation = connection.services, caller.organisation
        agent_id, after = watched(caller, query.agent_id), query.after
        # whoever goes on from a sequence is told when it has caught up; a snapshot says it by itself
        replaying = after is not None
        with services.feed.watch(desk(organisation.organisation_id, agent_id)) as event:
            while True:
                event.clear()
                try:
                    if not connection.settled(caller):
                        caller = await connection.admitted(query)
                    await services.desks.heard(caller)
                    found = await behind(services.db, organisation.organisation_id, agent_id, after, organisation.zone)
                except Unavailable:
                    # the database is away; nothing is lost meanwhile
                    await asyncio.sleep(RETRY_S)
                    continue
                if found is None:
                    raise NotFound("There is no such agent in this organisation.")
                events, last = found
                for each in events:
                    await connection.tell(msgspec.json.encode(each).decode())
                    after, replaying = each.sequence, replaying and each.type != "snapshot"
                if after == last and (replaying or not await heard(event, until_heartbeat(caller))):
                    replaying = False
                    await self._heartbeat(connection, last, query)

    async def _heartbeat(self, connection: Connection, sequence: int, query: EventsQuery) -> None:
        try:
            caller = await connection.admitted(query)
        except Unavailable:
            return
        now = local_time(datetime.now(UTC), caller.organisation.zone)
        await connection.tell(msgspec.json.encode(Heartbeat(sequence=sequence, timestamp=now)).decode())

"""The floor's changes as they are seen, one reading a second for everybody who watches."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from callfloor.api.decoding import Query
from callfloor.api.workspace.feed import heard
from callfloor.api.workspace.floor.channel import Channel
from callfloor.api.workspace.floor.operations import view_of
from callfloor.api.workspace.people import supervisor_of
from callfloor.api.workspace.socket import Connection, until_heartbeat
from callfloor.contract.codes import Scope
from callfloor.contract.live_floor import FloorQuery
from callfloor.errors import Unavailable
from callfloor.store.people.callers import Caller

RETRY_S = 1.0


class FloorStream:
    """`/floor/events`."""

    path, name = "/workspace/v1/floor/events", "floor-events"
    scope: Scope = "workspace:supervise"
    query = Query(FloorQuery)

    def admit(self, caller: Caller, query: FloorQuery) -> None:
        """Raises problems."""
        supervisor_of(caller)

    async def run(self, connection: Connection, caller: Caller, query: FloorQuery) -> None:
        """Tell what lies behind the query's cursor, or all of it, and then what changes. Raises problems."""
        after = query.after
        while True:
            view = view_of(caller)
            try:
                async with connection.services.floors.watching(caller.organisation, view) as channel:
                    caller = await self._follow(connection, channel, caller, query, after)
                    # somebody may see more, or less, from now on
                    after = None
            except Unavailable:
                # the database is away, and there is no picture yet
                await asyncio.sleep(RETRY_S)

    async def _follow(
        self, connection: Connection, channel: Channel, caller: Caller, query: FloorQuery, after: str | None
    ) -> Caller:
        """Tell one channel's changes, until the caller's view is another: returns it as it is then."""
        sequence, view = channel.position(after), channel.view
        fresh = True
        while view_of(caller) == view:
            changed = channel.changed
            if sequence is None or not channel.goes_on(sequence):
                text, sequence = channel.snapshot(), channel.sequence
                await connection.tell(text)
                fresh = True
            else:
                texts, sequence = channel.behind(sequence), channel.sequence
                for text in texts:
                    await connection.tell(text)
            if sequence != channel.sequence:
                continue
            if fresh:
                fresh = False
                await connection.tell(channel.current())
                if sequence != channel.sequence:
                    continue
            if not await heard(changed, until_heartbeat(caller)):
                with suppress(Unavailable):
                    caller = await connection.admitted(query)
                await connection.tell(channel.heartbeat())
            elif not connection.settled(caller):
                with suppress(Unavailable):
                    caller = await connection.admitted(query)
        return caller

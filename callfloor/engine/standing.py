"""How an engine, and the telephone servers and trunks that it uses, are: said now and then to who watches the floor."""

from __future__ import annotations

from collections.abc import Set
from datetime import UTC, datetime
from uuid import UUID

from callfloor.clock import Clock
from callfloor.floor.floor import Floor
from callfloor.floor.plan import CampaignKey
from callfloor.store.db.pool import Database
from callfloor.store.figures import floor_nodes
from callfloor.store.figures.floor_nodes import Node, NodeKind
from callfloor.telephony.carrier import Carrier

# What changed is said at once; that nothing did, so often.
LOOK_S, ALIVE_S = 1.0, 4.0


class Standing:
    """`led`: campaigns that the engine leads."""

    def __init__(
        self, db: Database, clock: Clock, carrier: Carrier, engine: UUID, led: Set[CampaignKey], floor: Floor
    ) -> None:
        self._db, self._clock, self._carrier, self._engine = db, clock, carrier, engine
        self._led, self._floor = led, floor
        self._name = f"engine {str(engine)[:8]}"
        # since when each is as it is
        self._since: dict[tuple[NodeKind, str], tuple[bool, datetime]] = {}
        self._said: tuple[list[int], list[Node]] | None = None
        self._said_at = 0.0

    async def say(self) -> None:
        """Look, and say it where it is new or was said long ago."""
        now = datetime.fromtimestamp(self._clock.now(), UTC)
        told = sorted({key.organisation for key in self._led}), self._nodes(now)
        if told == self._said and self._clock.elapsed() - self._said_at < ALIVE_S:
            return
        await floor_nodes.say(self._db, told[0], self._engine, told[1], now)
        self._said, self._said_at = told, self._clock.elapsed()

    def _nodes(self, now: datetime) -> list[Node]:
        standing = self._carrier.standing()
        calls = self._floor.contacts.everyone()
        return [
            self._node("engine", self._name, True, len(calls), now),
            *(self._node("telephony", node.name, node.up, node.calls, now) for node in standing.nodes),
            *(self._node("trunk", trunk.name, True, trunk.lines, now) for trunk in standing.trunks),
        ]

    def _node(self, kind: NodeKind, name: str, up: bool, calls: int, now: datetime) -> Node:
        was, since = self._since.get((kind, name), (not up, now))
        if was != up:
            since = now
        self._since[kind, name] = up, since
        return Node(kind, name, up, since, calls)

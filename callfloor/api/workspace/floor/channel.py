"""One view of an organisation's floor, and what changed in it: numbered, and encoded once however many watch.

The difference between two pictures does not ask how much time lies between them. So a channel that nobody watched for a
while goes on, and whoever comes back is told the difference, or begins anew where it is too old for that.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

import msgspec

from callfloor.contract.live_floor import Floor, FloorChanges, FloorCurrent, FloorHeartbeat, FloorSnapshot, Part
from callfloor.jobs.watching.picture import Picture, agent_without_number, caller_without_number
from callfloor.store.people.callers import Supervised

# What is kept for those who come back: so many messages, and so many bytes.
KEPT, KEPT_BYTES = 300, 4_000_000
_ENCODE = msgspec.json.Encoder().encode
_PARTS = ("agents", "callers", "queues", "campaigns", "trunks", "nodes", "alerts")

T = TypeVar("T")
K = TypeVar("K", int, str)


@dataclass(frozen=True, slots=True)
class View:
    """What somebody may see: `numbers` in clear, and which agents, queues and campaigns (None: every one)."""

    numbers: bool
    supervised: Supervised | None = None

    def of(self, picture: Picture) -> Picture:
        """The picture as it is seen."""
        agents, callers = picture.agents, picture.callers
        queues, campaigns, supervised = picture.queues, picture.campaigns, self.supervised
        alerts = picture.alerts
        if supervised is not None:
            agents = {key: agent for key, agent in agents.items() if key in supervised.agents}
            callers = {key: each for key, each in callers.items() if supervised.work(None, each.campaign_id)}
            queues = {key: each for key, each in queues.items() if key in supervised.campaigns}
            campaigns = {key: each for key, each in campaigns.items() if key in supervised.campaigns}
            # what is everybody's is everybody's concern
            alerts = {
                key: each for key, each in alerts.items() if supervised.concerned(each.agent_id, each.campaign_id)
            }
        if not self.numbers:
            agents = {key: agent_without_number(agent) for key, agent in agents.items()}
            callers = {key: caller_without_number(caller) for key, caller in callers.items()}
        return replace(picture, agents=agents, callers=callers, queues=queues, campaigns=campaigns, alerts=alerts)


def part(before: Mapping[K, T], after: Mapping[K, T]) -> Part[T, K] | None:
    """What became new or other, and the keys of what is gone; None: nothing did."""
    changed = tuple(item for key, item in after.items() if before.get(key) != item)
    gone = tuple(key for key in before if key not in after)
    return Part(changed=changed, gone=gone) if changed or gone else None


class Channel:
    """What one view shows. `watchers`: who waits for changes now."""

    def __init__(self, view: View, picture: Picture) -> None:
        self.view = view
        self.watchers = 0
        self._id = secrets.token_hex(4)
        self._picture = view.of(picture)
        self.sequence = 0
        # changes by sequence, oldest first, and the bytes that they have
        self._kept: deque[tuple[int, str]] = deque()
        self._bytes = 0
        self._snapshot: str | None = None
        self._changed = asyncio.Event()

    @property
    def at(self) -> datetime:
        """When the floor was last looked at."""
        return self._picture.at

    def show(self, picture: Picture) -> None:
        """The floor is like this now."""
        before, after = self._picture, self.view.of(picture)
        self._picture = after
        changes = FloorChanges(
            sequence=self.sequence + 1,
            cursor=f"{self._id}-{self.sequence + 1}",
            timestamp=after.at,
            agents=part(before.agents, after.agents),
            callers=part(before.callers, after.callers),
            queues=part(before.queues, after.queues),
            campaigns=part(before.campaigns, after.campaigns),
            trunks=part(before.trunks, after.trunks),
            nodes=part(before.nodes, after.nodes),
            alerts=part(before.alerts, after.alerts),
        )
        if not any(getattr(changes, name) for name in _PARTS):
            return
        self.sequence += 1
        self._snapshot = None
        text = _text(changes)
        self._kept.append((self.sequence, text))
        self._bytes += len(text)
        while len(self._kept) > KEPT or self._bytes > KEPT_BYTES:
            self._bytes -= len(self._kept.popleft()[1])
        self._changed.set()
        self._changed = asyncio.Event()

    @property
    def cursor(self) -> str:
        return f"{self._id}-{self.sequence}"

    @property
    def changed(self) -> asyncio.Event:
        """Set at the next change. Take it before you look at what there is, or you may miss one."""
        return self._changed

    def floor(self) -> Floor:
        """All of it."""
        picture = self._picture
        return Floor(
            cursor=self.cursor,
            sequence=self.sequence,
            timestamp=picture.at,
            agents=tuple(picture.agents.values()),
            callers=tuple(picture.callers.values()),
            queues=tuple(picture.queues.values()),
            campaigns=tuple(picture.campaigns.values()),
            trunks=tuple(picture.trunks.values()),
            nodes=tuple(picture.nodes.values()),
            alerts=tuple(picture.alerts.values()),
        )

    def position(self, cursor: str | None) -> int | None:
        """The sequence that a cursor names; None: it is of another channel, or what came behind it is not kept."""
        name, _, number = (cursor or "").rpartition("-")
        if name != self._id or not number.isascii() or not number.isdigit():
            return None
        return int(number) if self.goes_on(int(number)) else None

    def goes_on(self, sequence: int) -> bool:
        """Whether everything behind this sequence is kept."""
        first = self._kept[0][0] if self._kept else self.sequence + 1
        return first - 1 <= sequence <= self.sequence

    def behind(self, sequence: int) -> list[str]:
        """Changes behind a sequence from which it `goes_on`, as they are sent."""
        missing = self.sequence - sequence
        return [text for _, text in list(self._kept)[len(self._kept) - missing :]] if missing else []

    def snapshot(self) -> str:
        """All of it, as it is sent."""
        if self._snapshot is None:
            given = FloorSnapshot(sequence=self.sequence, cursor=self.cursor, timestamp=self.at, floor=self.floor())
            self._snapshot = _text(given)
        return self._snapshot

    def current(self) -> str:
        """That one has everything, as it is sent."""
        return _text(FloorCurrent(sequence=self.sequence, cursor=self.cursor, timestamp=self.at))

    def heartbeat(self) -> str:
        return _text(FloorHeartbeat(sequence=self.sequence, cursor=self.cursor, timestamp=self.at))

    @contextmanager
    def watched(self) -> Generator[None]:
        """While somebody waits for changes."""
        self.watchers += 1
        try:
            yield
        finally:
            self.watchers -= 1


def _text(message: msgspec.Struct) -> str:
    return _ENCODE(message).decode()

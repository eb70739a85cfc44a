"""Who talks to the SMTP server: how many at once, and who has to go when there is no room."""

from __future__ import annotations

from collections import Counter
from typing import Protocol

MOST = 400
MOST_PER_ADDRESS = 150
# One that said something so long ago may be sent away for a newcomer.
QUIET_S = 5.0


class Client(Protocol):
    """A connection. `heard` is when it last said something, in seconds of the loop's clock."""

    address: str
    heard: float

    def send_away(self) -> None:
        """End the conversation; the client may come again."""
        ...


class Clients:
    """Silent connections cost nobody else the way in: the one that has been silent for longest makes room."""

    def __init__(self, most: int = MOST, most_per_address: int = MOST_PER_ADDRESS) -> None:
        self._most, self._most_per_address = most, most_per_address
        self._connected: dict[Client, None] = {}
        self._count: Counter[str] = Counter()

    def enter(self, client: Client, now: float) -> bool:
        """Whether there is room for the client, or somebody made some. Who entered has to leave."""
        if self._count[client.address] >= self._most_per_address:
            if not self._make_room(now, [each for each in self._connected if each.address == client.address]):
                return False
        elif len(self._connected) >= self._most and not self._make_room(now, list(self._connected)):
            return False
        self._connected[client] = None
        self._count[client.address] += 1
        return True

    def leave(self, client: Client) -> None:
        """Nothing happens when it has not entered, or has left."""
        if client in self._connected:
            del self._connected[client]
            self._count[client.address] -= 1
            if not self._count[client.address]:
                del self._count[client.address]

    def _make_room(self, now: float, among: list[Client]) -> bool:
        quietest = min(among, key=lambda client: client.heard)
        if now - quietest.heard < QUIET_S:
            return False
        self.leave(quietest)
        quietest.send_away()
        return True

"""One Asterisk: its connection, and what is seen there when it is looked at."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from callfloor.clock import Clock, Timer
from callfloor.telephony.asterisk.ari import AriEvent, AriUnreachable, Bridge, Channel
from callfloor.telephony.asterisk.call_context import Surroundings
from callfloor.telephony.asterisk.recordings import StoredRecordings
from callfloor.telephony.asterisk.setup import Setup

log = structlog.get_logger("callfloor.telephony")

# How often Asterisk is asked to say something on the connection, and how long that may take.
BEAT_S, ECHO_S = 2.0, 4.0
# Whoever lost the application to another program leaves it so long to that.
TAKEN_S = 10.0
# Two thirds of what Asterisk says of a call is of no interest here.
HEARD = (
    "StasisStart",
    "StasisEnd",
    "ChannelStateChange",
    "ChannelDestroyed",
    "ChannelDtmfReceived",
    "EndpointStateChange",
    "PlaybackFinished",
    "RecordingFinished",
    "RecordingFailed",
    "ApplicationReplaced",
    "ChannelUserevent",
)


@dataclass(frozen=True, slots=True)
class Seen:
    """Everything that a node has, by name."""

    channels: dict[str, Channel]
    bridges: dict[str, Bridge]


class Node:
    """`hear`: who is told every event. `connected`: new calls may go there. `gone`: it has been away for so long that
    its calls are taken for ended."""

    def __init__(self, around: Surroundings, setup: Setup, clock: Clock) -> None:
        self.around, self.ari = around, around.ari
        self._setup, self._clock = setup, clock
        self.connected = self.gone = False
        self.hear: Callable[[Node, AriEvent], None] = _unheard
        self._deadline: Timer = clock.call_later(0.0, _nothing)

    @property
    def name(self) -> str:
        return self.around.node

    @property
    def stored(self) -> StoredRecordings:
        return self.around.stored

    async def run(
        self,
        looked: Callable[[Node, Seen], Awaitable[None]],
        gone: Callable[[Node], None],
    ) -> None:
        """Stay connected, for ever. `looked` is called at each connection, before the node is used."""

        waiting = False

        def lost() -> None:
            nonlocal waiting
            self.connected = False
            if not waiting:
                waiting = True
                self._deadline = self._clock.call_later(self._setup.gone_s, given_up)

        def given_up() -> None:
            if not self.connected:
                self.gone = True
                log.error("node-gone", node=self.name)
                gone(self)

        echo, taken = asyncio.Event(), False

        async def beat() -> None:
            """Raises `AriUnreachable` when what Asterisk says does not come here. An application whose connection is
            made anew while Asterisk tidies up the one before may be taken away, or be there and deaf."""
            echo.clear()
            await self.ari.post("events/user/callfloor-beat", application=self._setup.app)
            try:
                async with asyncio.timeout(ECHO_S):
                    await echo.wait()
            except TimeoutError:
                raise AriUnreachable("the connection is there and nothing comes") from None

        async def connected() -> None:
            nonlocal taken, waiting
            taken = False
            allowed = [{"type": kind} for kind in HEARD]
            await self.ari.request("PUT", f"applications/{self._setup.app}/eventFilter", body={"allowed": allowed})
            await beat()
            self._deadline.cancel()
            waiting = False
            await looked(self, await self.look())
            self.connected, self.gone = True, False
            while True:
                await asyncio.sleep(BEAT_S)
                if taken:
                    await asyncio.sleep(TAKEN_S)
                await beat()

        lost()
        loop = asyncio.get_running_loop()

        def hear(event: AriEvent) -> None:
            nonlocal taken
            echo.set()
            if event.type == "ApplicationReplaced":
                taken = True
                lost()
            # by itself, so that whoever fails at one event is told the next
            loop.call_soon(self.hear, self, event)

        try:
            await self.ari.listen(self._setup.app, hear, connected, lost)
        finally:
            self._deadline.cancel()

    async def look(self) -> Seen:
        """Raises `AriError`."""
        channels, bridges = await self.ari.channels(), await self.ari.bridges()
        return Seen({channel.id: channel for channel in channels}, {bridge.id: bridge for bridge in bridges})


def _nothing() -> None:
    pass


def _unheard(_node: Node, _event: AriEvent) -> None:
    pass

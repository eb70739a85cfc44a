"""One Asterisk: its connection, and what is seen there when it is looked at."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from callfloor.clock import Clock, Timer
from callfloor.telephony.ari import AriError, AriEvent, Bridge, Channel
from callfloor.telephony.asterisk.around import Surroundings
from callfloor.telephony.asterisk.recordings import StoredRecordings
from callfloor.telephony.asterisk.setup import Setup

log = structlog.get_logger("callfloor.telephony")

AGAIN_S = 0.5
# Two thirds of what Asterisk says of a call is of no interest here.
HEARD = (
    "StasisStart",
    "StasisEnd",
    "ChannelStateChange",
    "ChannelDestroyed",
    "ChannelDtmfReceived",
    "PlaybackFinished",
    "RecordingFinished",
    "RecordingFailed",
    "ApplicationReplaced",
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

        def lost() -> None:
            self.connected = False
            self._deadline = self._clock.call_later(self._setup.gone_s, given_up)

        def given_up() -> None:
            if not self.connected:
                self.gone = True
                log.error("node-gone", node=self.name)
                gone(self)

        async def connected() -> None:
            self._deadline.cancel()
            while True:
                try:
                    allowed = [{"type": kind} for kind in HEARD]
                    await self.ari.request(
                        "PUT", f"applications/{self._setup.app}/eventFilter", body={"allowed": allowed}
                    )
                    await looked(self, await self.look())
                except AriError as error:
                    log.warning("node-not-ready", node=self.name, kind=type(error).__name__, detail=str(error))
                    await asyncio.sleep(AGAIN_S)
                else:
                    self.connected, self.gone = True, False
                    return

        lost()
        loop = asyncio.get_running_loop()

        def hear(event: AriEvent) -> None:
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

"""Who is in a call besides the customer, and the bridge where they meet."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

import structlog

from callfloor.telephony.asterisk import names
from callfloor.telephony.asterisk.ari import AriError
from callfloor.telephony.asterisk.call_context import Surroundings
from callfloor.telephony.asterisk.prompts import Player
from callfloor.telephony.asterisk.request_queue import Work
from callfloor.telephony.asterisk.requests import Requests
from callfloor.telephony.carrier import AgentMissed, CallId, Joined, Left, PartyId

log = structlog.get_logger("callfloor.telephony")

BEEP = "sound:beep"
# A phone that has an endpoint to itself, as those have that register.
_OWN = re.compile(r"(PJSIP/[^/@{}]+)(?:/.*)?", re.ASCII)


@dataclass(slots=True, eq=False)
class Leg:
    """A party's phone. `kept`: it is connected between calls. `placed`: Asterisk was asked to call it. `up`: it
    answered. `joined`: it is in the call."""

    party: PartyId
    channel: str
    kept: bool = False
    placed: bool = False
    up: bool = False
    joined: bool = False
    muted: bool = False


def own_endpoint(dialled: str) -> str | None:
    """The endpoint of a dial string, that it alone is reached by; None: it is one of many behind another one."""
    found = _OWN.fullmatch(dialled)
    return None if found is None else found[1]


class Meeting:
    """`bridged`: the customer is in the bridge. `held`: it is to hear music instead. `alone`: it hears music when
    nothing else is played. `met`: what is to be done when somebody has joined."""

    def __init__(
        self,
        around: Surroundings,
        work: Work,
        requests: Requests,
        player: Player,
        call: CallId,
        channel: str,
        met: Callable[[str], Awaitable[None]],
    ) -> None:
        self._around, self._work, self._requests, self._player = around, work, requests, player
        self._call, self._channel, self._met = call, channel, met
        self.legs: dict[PartyId, Leg] = {}
        self.bridge: str | None = None
        self.bridged = self.held = self.alone = self.over = self._music = False

    def joined(self) -> list[PartyId]:
        return [leg.party for leg in self.legs.values() if leg.joined]

    def join(self, leg: Leg, endpoint: str, caller: str | None, ring_s: float) -> None:
        """Bring a phone in; one that is up already is connected at once."""
        self.legs[leg.party] = leg
        self._work.add(partial(self._connect, leg) if leg.up else partial(self._ring, leg, endpoint, caller, ring_s))

    def _is_there(self, leg: Leg) -> bool:
        return not self.over and self.legs.get(leg.party) is leg

    async def _ring(self, leg: Leg, endpoint: str, caller: str | None, ring_s: float) -> None:
        if not self._is_there(leg):
            return
        if (phone := own_endpoint(endpoint)) is not None:
            # whether it stays online is told from now on
            subscription = f"applications/{self._around.setup.app}/subscription"
            await self._requests.ask("POST", subscription, eventSource=f"endpoint:{phone}")
        try:
            await self._requests.call_phone(leg.channel, endpoint, caller, ring_s)
        except AriError as error:
            log.warning("party-not-called", call=self._call, kind=type(error).__name__, detail=str(error))
            self.gone(leg)
        leg.placed = True

    def answers(self, leg: Leg) -> None:
        if not leg.up:
            leg.up = True
            self._work.add(partial(self._connect, leg))

    async def _connect(self, leg: Leg) -> None:
        if not self._is_there(leg):
            await self._release(leg)
            return
        try:
            await self._bring_in([leg.channel])
        except AriError as error:
            log.warning("party-not-connected", call=self._call, kind=type(error).__name__, detail=str(error))
            await self._release(leg)
            self.gone(leg)
            return
        leg.joined = True
        if leg.muted:
            await self._mute(leg, True)
        if leg.kept:
            await self._requests.ask("POST", f"channels/{leg.channel}/play", media=BEEP)
        if self.bridge is not None:
            await self._met(self.bridge)
        if self._is_there(leg):
            self._around.say(Joined(self._call, leg.party))

    async def _bring_in(self, channels: list[str]) -> None:
        """Put channels into the bridge, with the customer where that is not on hold. Raises `AriError`."""
        if self.bridge is None:
            bridge = names.bridge(self._call)
            await self._around.ari.post(f"bridges/{bridge}", type="mixing", name=bridge)
            self.bridge = bridge
        if not self.held and not self.bridged:
            # a prompt would keep the customer out until it is over
            self._player.stop()
            await self._player.silence()
            await self._play_music(False)
            channels = [*channels, self._channel]
        if channels:
            await self._around.ari.post(f"bridges/{self.bridge}/addChannel", channel=",".join(channels))
            self.bridged = self.bridged or self._channel in channels

    def gone(self, leg: Leg, *, lost: bool = False) -> None:
        """The party's phone is down, or was never up. `lost`: it did not say so itself."""
        if self._is_there(leg):
            del self.legs[leg.party]
            self._left(leg)
            self._around.say(Left(self._call, leg.party, lost) if leg.joined else AgentMissed(self._call, leg.party))

    def _left(self, leg: Leg) -> None:
        if leg.joined and not self.joined():
            self.alone = True
            self._work.add(self.tune)

    def leave(self, party: PartyId) -> Leg | None:
        leg = self.legs.pop(party, None)
        if leg is not None:
            self._work.add(partial(self._release, leg))
            self._left(leg)
        return leg

    async def _release(self, leg: Leg) -> None:
        if not leg.kept or not leg.up:
            await self._requests.ask("DELETE", f"channels/{leg.channel}")
            return
        if leg.muted:
            await self._mute(leg, False)
        if self.bridge is not None and leg.joined:
            await self._requests.ask("POST", f"bridges/{self.bridge}/removeChannel", channel=leg.channel)

    def mute(self, party: PartyId, on: bool) -> None:
        leg = self.legs.get(party)
        if leg is not None and leg.muted != on:
            leg.muted = on
            if leg.joined:
                self._work.add(partial(self._mute, leg, on))

    async def _mute(self, leg: Leg, on: bool) -> None:
        await self._requests.ask("POST" if on else "DELETE", f"channels/{leg.channel}/mute", direction="in")

    def hold(self, on: bool) -> None:
        self.held = on
        self._work.add(self.tune)

    async def tune(self) -> None:
        """Let the customer hear music, or the parties, or neither, as it is to be now."""
        if self.over:
            return
        if self.held or (self.alone and not self.joined() and self._player.playing is None):
            if not self._music:
                await self.take_out()
                await self._play_music(True)
            return
        await self._play_music(False)
        if self.joined() and not self.bridged:
            await self._bring_in([])

    async def _play_music(self, on: bool) -> None:
        if self._music != on:
            self._music = on
            await self._requests.ask("POST" if on else "DELETE", f"channels/{self._channel}/moh")

    async def take_out(self) -> None:
        """The customer out of the bridge, and hearing nothing. The parties stay."""
        self._player.stop()
        await self._player.silence()
        await self._play_music(False)
        if self.bridged:
            self.bridged = False
            await self._requests.ask("POST", f"bridges/{self.bridge}/removeChannel", channel=self._channel)

    def adopt(self, legs: list[Leg], bridge: str | None, *, bridged: bool) -> None:
        """What Asterisk has of a call that another engine began."""
        self.legs = {leg.party: leg for leg in legs}
        self.bridge, self.bridged = bridge, bridged
        self.held = self._music = bool(self.joined()) and not bridged

    async def close(self) -> None:
        for leg in self.legs.values():
            if not leg.kept:
                await self._release(leg)
            elif leg.muted:
                await self._mute(leg, False)
        # a phone that is kept may be in the next call's bridge by now; else it leaves this one with its end
        if self.bridge is not None:
            await self._requests.ask("DELETE", f"bridges/{self.bridge}")

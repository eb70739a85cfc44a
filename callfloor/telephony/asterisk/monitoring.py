"""Supervisors who listen in: unheard, heard by the agent alone, or in the call.

A supervisor's phone is called. For the first two it shares a bridge with a channel that Asterisk spies on the agent's
through; for the third it is in the call's own. Who listens when an engine dies is known by the names of the channels.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from functools import partial
from itertools import count

import structlog

from callfloor.telephony.asterisk import names
from callfloor.telephony.asterisk.ari import AriError
from callfloor.telephony.asterisk.call import Call
from callfloor.telephony.carrier import AgentId, CallId, ListenerLeft, Listening

log = structlog.get_logger("callfloor.telephony")
_serial = count(1)


@dataclass(slots=True, eq=False)
class Listener:
    """`phone`: the supervisor's channel. `spy`: what the agent is heard through. `in_call`: in the call's bridge."""

    call: Call
    agent: AgentId
    supervisor: AgentId
    how: Listening
    phone: str
    up: bool = False
    spy: str | None = None
    bridge: str | None = None
    in_call: bool = False
    gone: bool = False


@dataclass(slots=True)
class Listeners:
    """Everybody who listens in, by call and supervisor."""

    endpoint: Callable[[AgentId], str]
    ring_s: float
    _of: dict[tuple[CallId, AgentId], Listener] = field(default_factory=dict[tuple[CallId, AgentId], Listener])

    def listen(self, call: Call, agent: AgentId, supervisor: AgentId, how: Listening) -> None:
        known = self._of.get((call.id, supervisor))
        if known is not None:
            known.agent, known.how = agent, how
            if known.up:
                call.work.add(partial(self._tune, known))
            return
        phone = names.ear(call.id, supervisor, next(_serial))
        made = self._of[call.id, supervisor] = Listener(call, agent, supervisor, how, phone)
        call.work.add(partial(self._ring, made))

    def adopt(self, call: Call, channels: Iterable[str], bridges: Collection[str]) -> None:
        """Those whom another engine had called. Whom they listen to, and how, only that one knew."""
        for supervisor in self.of(call):
            del self._of[call.id, supervisor]
        found = {channel: name for channel in channels if (name := names.read(channel)) is not None}
        spies = {name.party: channel for channel, name in found.items() if name.kind == "spy"}
        for channel, name in found.items():
            if name.kind == "ear":
                bridge = names.listening_bridge(call.id, name.party)
                self._of[call.id, name.party] = Listener(
                    call, 0, name.party, "monitor", channel,
                    up=True, spy=spies.get(name.party), bridge=bridge if bridge in bridges else None,
                )  # fmt: skip

    def of(self, call: Call) -> tuple[AgentId, ...]:
        """Who listens to it."""
        return tuple(supervisor for of, supervisor in self._of if of == call.id)

    def stop(self, call: Call, supervisor: AgentId) -> None:
        listener = self._of.pop((call.id, supervisor), None)
        if listener is not None:
            listener.gone = True
            call.work.add(partial(self._take_away, listener))

    def stop_all(self, call: Call) -> None:
        """The call is over."""
        for supervisor in self.of(call):
            self.stop(call, supervisor)

    def entered(self, call: Call, channel: str, name: names.Name) -> bool:
        """A channel is in our application. False: it is none of a listener."""
        listener = self._of.get((call.id, name.party))
        if listener is None or channel not in (listener.phone, listener.spy):
            return False
        if channel == listener.phone:
            listener.up = True
            call.work.add(partial(self._tune, listener))
        else:
            call.work.add(partial(self._meet, listener, channel))
        return True

    def left(self, call: Call, channel: str, name: names.Name) -> None:
        """A channel is gone. With the phone, so is the listener."""
        listener = self._of.get((call.id, name.party))
        if listener is not None and channel == listener.phone:
            self.stop(call, name.party)
            call.around.say(ListenerLeft(call.id, name.party))

    async def _ring(self, listener: Listener) -> None:
        if listener.gone:
            return
        try:
            await listener.call.requests.call_phone(
                listener.phone, self.endpoint(listener.supervisor), None, self.ring_s
            )
        except AriError as error:
            log.warning("supervisor-not-called", call=listener.call.id, detail=str(error))
            if self._of.pop((listener.call.id, listener.supervisor), None) is not None:
                listener.call.around.say(ListenerLeft(listener.call.id, listener.supervisor))

    async def _tune(self, listener: Listener) -> None:
        """Bring the supervisor where it is to be now."""
        call = listener.call
        if listener.gone or call.over:
            return
        await self._unspy(listener)
        if listener.how == "barge":
            if call.meeting.bridge is not None and not listener.in_call:
                await call.ari.post(f"bridges/{call.meeting.bridge}/addChannel", channel=listener.phone)
                listener.in_call = True
            return
        if listener.in_call:
            listener.in_call = False
            await call.requests.ask("POST", f"bridges/{call.meeting.bridge}/removeChannel", channel=listener.phone)
        leg = call.meeting.legs.get(listener.agent)
        if leg is None or not leg.joined:
            return
        listener.spy = names.spy(call.id, listener.supervisor, next(_serial))
        whisper = "out" if listener.how == "whisper" else "none"
        path = f"channels/{leg.channel}/snoop/{listener.spy}"
        await call.ari.post(path, spy="both", whisper=whisper, app=call.around.setup.app)

    async def _meet(self, listener: Listener, spy: str) -> None:
        """Phone and spy in a bridge of their own."""
        call = listener.call
        if listener.gone or listener.spy != spy or call.over:
            await call.requests.ask("DELETE", f"channels/{spy}")
            return
        bridge = names.listening_bridge(call.id, listener.supervisor)
        if listener.bridge is None:
            await call.ari.post(f"bridges/{bridge}", type="mixing", name=bridge)
            listener.bridge = bridge
        await call.ari.post(f"bridges/{bridge}/addChannel", channel=f"{listener.phone},{spy}")

    async def _unspy(self, listener: Listener) -> None:
        if listener.spy is not None:
            await listener.call.requests.ask("DELETE", f"channels/{listener.spy}")
            listener.spy = None

    async def _take_away(self, listener: Listener) -> None:
        call = listener.call
        await self._unspy(listener)
        await call.requests.ask("DELETE", f"channels/{listener.phone}")
        if listener.bridge is not None:
            await call.requests.ask("DELETE", f"bridges/{listener.bridge}")

"""Every call of the carrier, and what Asterisk says of it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import structlog

from callfloor.telephony.asterisk import causes, names
from callfloor.telephony.asterisk.ari import AriEvent, AriNotThere, Channel
from callfloor.telephony.asterisk.bridge import Leg
from callfloor.telephony.asterisk.call import Call
from callfloor.telephony.asterisk.monitoring import Listeners
from callfloor.telephony.asterisk.node import Node
from callfloor.telephony.asterisk.request_queue import Work
from callfloor.telephony.carrier import AgentId, CallId, CarrierEvent, Ended, Offer, Offered, Withdrawn
from callfloor.telephony.quality import quality

log = structlog.get_logger("callfloor.telephony")

# So many calls that are over are remembered, for commands and channels that come too late.
REMEMBERED = 20_000
INCOMING, DETECTED = "incoming", "amd"

# Node and channel.
Key = tuple[str, str]


class Calls:
    """`legs`: parties' phones. `lines`: agents' phones that stay connected. `offers`: calls that came in and were not
    accepted or refused yet. `past`: on which node a call was that is over."""

    def __init__(self, listeners: Listeners, work: Callable[[], Work], tell: Callable[[CarrierEvent], None]) -> None:
        self.listeners = listeners
        self._work, self._tell = work, tell
        self.up: dict[CallId, Call] = {}
        self._customers: dict[Key, Call] = {}
        self.legs: dict[Key, tuple[Call, Leg]] = {}
        self.lines: dict[Key, AgentId] = {}
        self.offers: dict[Offer, tuple[Node, str]] = {}
        self.past: OrderedDict[CallId, str] = OrderedDict()

    def add(self, call: Call) -> Call:
        self.up[call.id] = call
        self._customers[call.around.node, call.channel] = call
        for leg in call.meeting.legs.values():
            self.legs[call.around.node, leg.channel] = call, leg
            if leg.kept:
                self.lines[call.around.node, leg.channel] = leg.party
        return call

    def of(self, node: Node) -> list[Call]:
        return [call for call in self.up.values() if call.around is node.around]

    def say(self, event: CarrierEvent) -> None:
        """To whoever listens. Nothing follows the end of a call."""
        if isinstance(event, Ended) and event.call in self.up:
            self._forget(self.up[event.call])
        self._tell(event)

    def _forget(self, call: Call) -> None:
        node = call.around.node
        self.listeners.stop_all(call)
        del self.up[call.id]
        self._customers.pop((node, call.channel), None)
        for leg in call.meeting.legs.values():
            self.legs.pop((node, leg.channel), None)
        self.past[call.id] = node
        while len(self.past) > REMEMBERED:
            self.past.popitem(last=False)

    def hang_up_channel(self, node: Node, channel: str, reason: str = "normal") -> None:
        """One that belongs to no call."""

        async def hang_up() -> None:
            try:
                await node.ari.delete(f"channels/{channel}", reason=reason)
            except AriNotThere:
                return

        self._work().add(hang_up)

    # What Asterisk says

    def event(self, node: Node, event: AriEvent) -> None:
        channel = event.channel or event.peer
        if event.type == "ApplicationReplaced":
            log.error("application-taken", node=node.name)
        elif event.playback is not None:
            customer = self._customers.get((node.name, event.playback.target_uri.removeprefix("channel:")))
            if customer is not None:
                customer.player.ended(event.playback.id)
        elif event.recording is not None:
            node.around.stored.closed(event.recording.name)
            of = names.read_recording(event.recording.name)
            if of is not None and of[0] in self.up:
                self.up[of[0]].recorded(event.recording.name)
        elif event.endpoint is not None:
            if event.endpoint.state == "offline":
                self._phone_lost(node, event.endpoint.channel_ids)
        elif channel is not None:
            self._channel_event(node, event, channel)

    def _phone_lost(self, node: Node, channels: list[str]) -> None:
        """A phone's registration went with its connection: what it was on would be silent until that is noticed."""
        for channel in channels:
            known = self.legs.get((node.name, channel))
            if known is not None and known[1].joined:
                self.hang_up_channel(node, channel)
                self.channel_gone(node, channel, lost=True)

    def _channel_event(self, node: Node, event: AriEvent, channel: Channel) -> None:
        customer = self._customers.get((node.name, channel.id))
        match event.type:
            case "StasisStart":
                self._entered(node, channel, event.args)
            case "StasisEnd":
                self.withdrawn(node, channel.id)
            case "ChannelStateChange" if customer is not None and channel.state == "Ringing":
                customer.rings()
            case "ChannelDtmfReceived" if customer is not None:
                customer.pressed(event.digit)
            case "ChannelDestroyed" if customer is not None:
                customer.destroyed(event.cause, event.tech_cause, quality(channel.channelvars.get(names.QUALITY, "")))
            case "ChannelDestroyed":
                self.channel_gone(node, channel.id, lost=event.cause == causes.SILENT)
            case _:
                pass

    def _entered(self, node: Node, channel: Channel, args: list[str]) -> None:
        """A channel is in our application."""
        key = node.name, channel.id
        if (call := self._customers.get(key)) is not None:
            if args[:1] == [DETECTED]:
                call.detected(args[1] if len(args) > 1 else "")
            else:
                call.answers()
        elif key in self.legs:
            call, leg = self.legs[key]
            if leg.kept:
                self.lines[key] = leg.party
            call.meeting.answers(leg)
        elif args[:1] == [INCOMING]:
            self.offered(node, channel, args[1] if len(args) > 1 else "")
        elif (name := names.read(channel.id)) is not None:
            known = self.up.get(name.call)
            if known is not None and name.kind == "tape":
                return
            if known is None or not self.listeners.entered(known, channel.id, name):
                # of a call that is over, or a phone that nobody waits for any more
                self.hang_up_channel(node, channel.id)

    def offered(self, node: Node, channel: Channel, number: str) -> None:
        offer = f"{node.name}/{channel.id}"
        if offer in self.offers:
            return
        self.offers[offer] = node, channel.id
        setup = node.around.setup
        self.say(Offered(offer, setup.e164(number) or number, setup.e164(channel.caller.number)))

    def withdrawn(self, node: Node, channel: str) -> None:
        offer = f"{node.name}/{channel}"
        if self.offers.pop(offer, None) is not None:
            self.say(Withdrawn(offer))

    def offers_of(self, node: Node) -> list[str]:
        return [channel for at, channel in self.offers.values() if at is node]

    def channel_gone(self, node: Node, channel: str, *, lost: bool = False) -> None:
        """Any channel but a customer's. `lost`: nobody hung it up."""
        key = node.name, channel
        self.withdrawn(node, channel)
        self.lines.pop(key, None)
        call, leg = self.legs.pop(key, (None, None))
        if call is not None and leg is not None:
            call.meeting.gone(leg, lost=lost)
        elif (name := names.read(channel)) is not None and name.call in self.up:
            self.listeners.left(self.up[name.call], channel, name)

    def node_gone(self, node: Node) -> None:
        """It has been away for too long, and its calls with it."""
        for channel in self.offers_of(node):
            self.withdrawn(node, channel)
        for key in [key for key in self.lines if key[0] == node.name]:
            del self.lines[key]
        for call in self.of(node):
            call.lost()

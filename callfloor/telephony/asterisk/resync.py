"""What a node has against what we know: after a connection, when events were missed, and when somebody asks which calls
are up.
"""

from __future__ import annotations

from collections import defaultdict
from functools import partial

import structlog

from callfloor.telephony.asterisk import names
from callfloor.telephony.asterisk.ari import AriError, AriNotThere, Bridge, Channel
from callfloor.telephony.asterisk.bridge import Leg
from callfloor.telephony.asterisk.call import GONE_S, Call
from callfloor.telephony.asterisk.calls import DETECTED, INCOMING, Calls
from callfloor.telephony.asterisk.node import Node, Seen

log = structlog.get_logger("callfloor.telephony")

# Channels in one subscription: their names are in the request's address.
AT_ONCE = 50


class Resync:
    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def looked(self, node: Node, seen: Seen) -> None:
        """At a connection: whatever was said before it was missed. Raises `AriError`."""
        for call in self._calls.of(node):
            self._compare(node, call, seen)
            call.work.add(call.look_again)
        for channel in self._calls.offers_of(node):
            if channel not in seen.channels:
                self._calls.withdrawn(node, channel)
        for channel in seen.channels.values():
            self._strange(node, channel)

    async def audit(self, node: Node) -> None:
        """Calls that are gone without a word, and calls that another engine began. Raises `AriError`."""
        placed = [call for call in self._calls.of(node) if call.placed and not call.over]
        seen = await node.look()
        for call in placed:
            if call.channel not in seen.channels and not call.over:
                # its end may be on its way
                call.around.clock.call_later(GONE_S, call.missing)
        await self._adopt(node, seen)

    def _compare(self, node: Node, call: Call, seen: Seen) -> None:
        if call.over:
            return
        channel = seen.channels.get(call.channel)
        if channel is None:
            if call.placed:
                call.around.clock.call_later(GONE_S, call.missing)
            return
        entered = _arguments(channel)
        if channel.up and entered is not None:
            if entered[:1] == [DETECTED]:
                call.detected(entered[1] if len(entered) > 1 else "")
            else:
                call.answers()
        for leg in list(call.meeting.legs.values()):
            phone = seen.channels.get(leg.channel)
            if phone is None and leg.placed:
                call.around.clock.call_later(GONE_S, partial(self._calls.channel_gone, node, leg.channel))
            elif phone is not None and phone.up and not leg.up:
                call.meeting.answers(leg)

    def _strange(self, node: Node, channel: Channel) -> None:
        """A channel that may be of a call that we gave up, or of one that came in while we were away."""
        name = names.read(channel.id)
        if name is not None:
            if name.call in self._calls.past:
                log.warning("channel-left-behind", node=node.name, call=name.call)
                self._calls.hang_up_channel(node, channel.id)
            return
        entered = _arguments(channel)
        if entered is not None and entered[:1] == [INCOMING] and not channel.up and len(entered) > 1:
            self._calls.offered(node, channel, entered[1])

    async def _adopt(self, node: Node, seen: Seen) -> None:
        """Know calls that others began: their channels say which they are."""
        legs: dict[int, list[Channel]] = defaultdict(list)
        ears: dict[int, list[str]] = defaultdict(list)
        customers: dict[int, Channel] = {}
        for channel in seen.channels.values():
            name = names.read(channel.id)
            if name is None:
                call_id = await self._came_in_as(node, channel)
                if call_id is not None:
                    customers[call_id] = channel
            elif name.kind == "customer":
                customers[name.call] = channel
            elif name.kind == "party":
                legs[name.call].append(channel)
            elif name.kind in ("ear", "spy"):
                ears[name.call].append(channel.id)
        strangers = [
            each
            for each in customers
            if each not in self._calls.past and (each not in self._calls.up or not self._known(each).ours)
        ]
        new = [customers[each] for each in strangers if each not in self._calls.up]
        await self._subscribe(node, [*new, *(leg for each in strangers for leg in legs[each])])
        for each in strangers:
            call = Call(each, customers[each].id, node.around)
            bridge = seen.bridges.get(names.bridge(each))
            await self._take_over(node, call, customers[each], legs[each], bridge)
            if each not in self._calls.up or not self._known(each).ours:
                self._calls.add(call)
                self._calls.listeners.adopt(call, ears[each], seen.bridges)

    def _known(self, call: int) -> Call:
        return self._calls.up[call]

    async def _came_in_as(self, node: Node, channel: Channel) -> int | None:
        entered = _arguments(channel)
        known = any(call.channel == channel.id and call.ours for call in self._calls.of(node))
        if known or entered is None or entered[:1] != [INCOMING] or not channel.up:
            return None
        value = await _variable(node, channel.id, names.CALL)
        return int(value) if value.lstrip("-").isdecimal() else None

    async def _subscribe(self, node: Node, channels: list[Channel]) -> None:
        app = node.around.setup.app
        for start in range(0, len(channels), AT_ONCE):
            sources = ",".join(f"channel:{channel.id}" for channel in channels[start : start + AT_ONCE])
            try:
                await node.ari.post(f"applications/{app}/subscription", eventSource=sources)
            except AriNotThere:
                continue
            except AriError as error:
                # one of them has just ended
                log.info("not-subscribed", node=node.name, detail=str(error))

    async def _take_over(
        self, node: Node, call: Call, customer: Channel, phones: list[Channel], bridge: Bridge | None
    ) -> None:
        inside: set[str] = set() if bridge is None else set(bridge.channels)
        legs = [
            Leg(name.party, phone.id, placed=True, up=phone.up, joined=phone.id in inside)
            for phone in phones
            if (name := names.read(phone.id)) is not None
        ]
        legs += [
            Leg(agent, channel, kept=True, placed=True, up=True, joined=True)
            for channel in inside
            if (agent := names.agent_of_line(channel)) is not None
        ]
        part = await _variable(node, customer.id, names.PART)
        live = part.isdecimal() and await _is_live(node, call, int(part))
        call.adopt(
            answered=customer.up,
            legs=sorted(legs, key=lambda leg: leg.channel),
            bridge=None if bridge is None else bridge.id,
            bridged=customer.id in inside,
            part=part,
            live=live,
        )
        call.ours = False


def _arguments(channel: Channel) -> list[str] | None:
    """What our application was entered with; None: it is elsewhere."""
    if channel.dialplan.app_name != "Stasis":
        return None
    return channel.dialplan.app_data.split(",")[1:]


async def _variable(node: Node, channel: str, name: str) -> str:
    try:
        return str((await node.ari.get(f"channels/{channel}/variable", variable=name))["value"])
    except AriNotThere:
        return ""


async def _is_live(node: Node, call: Call, part: int) -> bool:
    for name in (names.recording(call.id, part), names.recording_side(call.id, part, "in")):
        try:
            await node.ari.get(f"recordings/live/{name}")
        except AriNotThere:
            continue
        return True
    return False

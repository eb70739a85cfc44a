"""The carrier that is Asterisk, one or several, over ARI.

Calls are spread over the nodes that are connected, and stay on theirs. What a node says while we are not connected is
lost, so it is looked at as a whole at every connection. A node that stays away takes its calls with it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, Callable
from functools import partial
from itertools import count, cycle
from types import TracebackType
from typing import Self

from callfloor.clock import Clock
from callfloor.telephony.asterisk import names
from callfloor.telephony.asterisk.ari import Ari, AriError, AriNode, AriNotThere
from callfloor.telephony.asterisk.bridge import Leg
from callfloor.telephony.asterisk.call import Call
from callfloor.telephony.asterisk.call_context import Surroundings
from callfloor.telephony.asterisk.calls import Calls
from callfloor.telephony.asterisk.monitoring import Listeners
from callfloor.telephony.asterisk.node import Node
from callfloor.telephony.asterisk.prompts import Prompts
from callfloor.telephony.asterisk.recordings import StoredRecordings
from callfloor.telephony.asterisk.request_queue import Tasks, Work
from callfloor.telephony.asterisk.resync import Resync
from callfloor.telephony.asterisk.setup import PromptSource, Setup, dialable
from callfloor.telephony.carrier import (
    AgentId,
    CallId,
    CarrierEvent,
    CarrierLostError,
    CarrierNode,
    CarrierStanding,
    CarrierTrunk,
    Cause,
    Ended,
    Line,
    Listening,
    LiveCall,
    Offer,
    PartyId,
)

_serial = count(1)


class AsteriskCarrier:
    """Use as a context: it is connected inside."""

    def __init__(self, setup: Setup, clock: Clock, prompts: PromptSource | None = None) -> None:
        self._setup, self._clock = setup, clock
        self._listener: Callable[[CarrierEvent], None] = _nobody
        self._tasks = Tasks()
        self._calls = Calls(Listeners(self._agent_endpoint, setup.agent_ring_s), self._work, self._tell)
        self._resync = Resync(self._calls)
        self._nodes = {node.name: self._node(node, prompts) for node in setup.nodes}
        self._turn = cycle(range(len(setup.trunks)))

    def _node(self, node: AriNode, prompts: PromptSource | None) -> Node:
        ari = Ari(node)
        around = Surroundings(
            node=node.name,
            ari=ari,
            setup=self._setup,
            clock=self._clock,
            stored=StoredRecordings(ari, self._setup.recordings),
            prompts=Prompts(self._setup, prompts),
            say=self._calls.say,
            work=self._work,
        )
        return Node(around, self._setup, self._clock)

    def _work(self) -> Work:
        return Work(self._tasks)

    def _tell(self, event: CarrierEvent) -> None:
        self._listener(event)

    async def __aenter__(self) -> Self:
        for node in self._nodes.values():
            node.hear = self._calls.event
            self._tasks.start(partial(node.run, self._resync.looked, self._calls.node_gone))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._tasks.close()
        for node in self._nodes.values():
            await node.ari.close()

    def listen(self, listener: Callable[[CarrierEvent], None]) -> None:
        self._listener = listener

    @property
    def nodes(self) -> list[Node]:
        return list(self._nodes.values())

    # A call's life

    def originate(self, line: Line) -> None:
        if line.call in self._calls.up or line.call in self._calls.past:
            return
        node = min(
            (node for node in self._nodes.values() if node.connected), key=lambda node: self._load(node), default=None
        )
        if node is None or not dialable(line.number):
            cause: Cause = "failed" if dialable(line.number) else "invalid"
            self._clock.call_later(0.0, partial(self._tell, Ended(line.call, cause)))
            return
        call = self._calls.add(Call(line.call, names.customer(line.call), node.around, line))
        call.dial(line, self._ways(line.number))

    def _ways(self, number: str) -> list[str]:
        """How the number can be called: over each trunk, whose turn it is first."""
        trunks, first = self._setup.trunks, next(self._turn)
        return [trunk.format(number=number) for trunk in (*trunks[first:], *trunks[:first])]

    def _load(self, node: Node) -> int:
        return len(self._calls.of(node)) if len(self._nodes) > 1 else 0

    def accept(self, offer: Offer, call: CallId) -> None:
        if call in self._calls.up:
            return
        node, channel = self._calls.offers.pop(offer, (None, ""))
        if node is not None:
            self._calls.add(Call(call, channel, node.around)).accept()

    def refuse(self, offer: Offer) -> None:
        node, channel = self._calls.offers.pop(offer, (None, ""))
        if node is not None:
            self._calls.hang_up_channel(node, channel, "busy")

    def hang_up(self, call: CallId) -> None:
        if (known := self._known(call)) is not None:
            known.hang_up()

    def _known(self, call: CallId) -> Call | None:
        """A call that something is to be done with: from now on it is ours."""
        known = self._calls.up.get(call)
        if known is None or known.over:
            return None
        known.ours = True
        return known

    def _answered(self, call: CallId) -> Call | None:
        known = self._known(call)
        return known if known is not None and known.answered else None

    # Who is in it

    def _agent_endpoint(self, agent: AgentId) -> str:
        return self._setup.agent.format(agent=agent)

    def join(self, call: CallId, agent: AgentId) -> None:
        known = self._answered(call)
        if known is None or agent in known.meeting.legs:
            return
        shown = known.line.number if known.line is not None else None
        leg = self._leg(known, agent)
        known.meeting.join(leg, self._agent_endpoint(agent), shown or self._setup.caller, self._setup.agent_ring_s)

    def _leg(self, call: Call, agent: AgentId) -> Leg:
        """The phone that an agent has in its hand already, or one to be called."""
        node = call.around.node
        leg = Leg(agent, names.party(call.id, agent, next(_serial)))
        if self._setup.kept_lines:
            free = (
                key
                for key, of in self._calls.lines.items()
                if of == agent and key[0] == node and key not in self._calls.legs
            )
            held = next(free, None)
            leg = Leg(agent, names.line(agent, next(_serial)) if held is None else held[1], kept=True)
            leg.placed = leg.up = held is not None
        self._calls.legs[node, leg.channel] = call, leg
        return leg

    def call_out(self, call: CallId, party: PartyId, number: str, caller: str | None, ring_s: float) -> None:
        known = self._answered(call)
        if known is None or party in known.meeting.legs:
            return
        leg = Leg(party, names.party(call, party, next(_serial)))
        if not dialable(number):
            known.meeting.legs[party] = leg
            self._clock.call_later(0.0, partial(known.meeting.gone, leg))
            return
        self._calls.legs[known.around.node, leg.channel] = known, leg
        known.meeting.join(leg, self._ways(number)[0], caller or self._setup.caller, ring_s)

    def leave(self, call: CallId, party: PartyId) -> None:
        known = self._known(call)
        leg = None if known is None else known.meeting.leave(party)
        if known is not None and leg is not None:
            self._calls.legs.pop((known.around.node, leg.channel), None)

    def listen_in(self, call: CallId, agent: AgentId, supervisor: AgentId, how: Listening) -> None:
        known = self._answered(call)
        if known is not None and agent in known.meeting.joined():
            self._calls.listeners.listen(known, agent, supervisor, how)

    def stop_listening(self, call: CallId, supervisor: AgentId) -> None:
        if (known := self._known(call)) is not None:
            self._calls.listeners.stop(known, supervisor)

    # What they hear

    def play(self, call: CallId, message: str) -> None:
        if (known := self._answered(call)) is not None:
            known.play(message)

    def stop_playing(self, call: CallId) -> None:
        if (known := self._known(call)) is not None:
            known.stop_playing()

    def hold(self, call: CallId, on: bool) -> None:
        if (known := self._answered(call)) is not None:
            known.meeting.hold(on)

    def mute(self, call: CallId, party: PartyId, on: bool) -> None:
        if (known := self._known(call)) is not None:
            known.meeting.mute(party, on)

    def send_digits(self, call: CallId, digits: str) -> None:
        if (known := self._answered(call)) is not None:
            known.send_digits(digits)

    # What is kept of it

    def record(self, call: CallId, part: int) -> None:
        if (known := self._known(call)) is not None:
            known.record(part)

    def stop_recording(self, call: CallId) -> None:
        if (known := self._known(call)) is not None:
            known.stop_recording()

    def pause_recording(self, call: CallId, on: bool) -> None:
        if (known := self._known(call)) is not None:
            known.pause_recording(on)

    def record_message(self, call: CallId, part: int, longest_s: float) -> None:
        if (known := self._answered(call)) is not None:
            known.record_message(part, longest_s)

    def standing(self) -> CarrierStanding:
        up = [call for call in self._calls.up.values() if not call.over]
        placed = Counter(
            next((trunk for trunk in self._setup.trunks if trunk.format(number=call.line.number) == call.way), None)
            for call in up
            if call.line is not None
        )
        return CarrierStanding(
            tuple(CarrierNode(each.name, each.connected, len(self._calls.of(each))) for each in self.nodes),
            tuple(CarrierTrunk(trunk, placed[trunk]) for trunk in self._setup.trunks),
        )

    async def calls(self) -> list[LiveCall]:
        for node in self._nodes.values():
            if node.gone:
                continue
            if not node.connected:
                raise CarrierLostError(f"{node.name} is not connected")
            try:
                await self._resync.audit(node)
            except AriError as error:
                raise CarrierLostError(str(error)) from error
        return [_live(call, self._calls.listeners.of(call)) for call in self._calls.up.values()]

    async def recording(self, call: CallId, part: int = 0) -> AsyncGenerator[bytes]:
        for node in self._where(call):
            try:
                async for piece in node.stored.read(call, part):
                    yield piece
            except AriNotThere:
                continue
            except (AriError, OSError) as error:
                raise CarrierLostError(str(error)) from error
            return
        raise CarrierLostError(f"there is no recording of call {call}")

    async def kept_recordings(self) -> list[tuple[CallId, int]]:
        kept: set[tuple[CallId, int]] = set()
        for node in self._nodes.values():
            if node.connected:
                try:
                    kept |= await node.stored.kept()
                except (AriError, OSError) as error:
                    raise CarrierLostError(str(error)) from error
        return sorted(kept)

    async def forget_recording(self, call: CallId, part: int = 0) -> None:
        for node in self._where(call):
            try:
                await node.stored.remove(call, part)
            except (AriError, OSError) as error:
                raise CarrierLostError(str(error)) from error

    def _where(self, call: CallId) -> list[Node]:
        """The node that has or had a call; any, where that is not known any more, and those first that can be asked."""
        up = self._calls.up.get(call)
        name = up.around.node if up is not None else self._calls.past.get(call)
        if name is not None:
            return [self._nodes[name]]
        return sorted(self._nodes.values(), key=lambda node: not node.connected)


def _live(call: Call, listeners: tuple[AgentId, ...]) -> LiveCall:
    agent = next((party for party in call.meeting.joined() if party > 0), None)
    part = call.tape.next_part if call.tape.part is None else call.tape.part
    others = tuple(each for each in call.meeting.legs if each != agent)
    return LiveCall(call.id, call.answered, agent, part, others, listeners)


def _nobody(_: CarrierEvent) -> None:
    pass

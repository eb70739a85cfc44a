"""The driver on the testbed's Asterisk, and everything it said."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from itertools import count
from typing import Any, TypeVar

from callfloor.clock import LoopClock
from callfloor.telephony.asterisk.ari import AriNode
from callfloor.telephony.asterisk.carrier import AsteriskCarrier
from callfloor.telephony.asterisk.setup import PromptSource, Setup
from callfloor.telephony.carrier import Answered, CarrierEvent, Ended, Joined, Line, Offered
from testbed import scenarios
from testbed.bed import Bed

E = TypeVar("E")
# Above what a database of a test gives out.
_calls = count(10**12)
WAITS_S = 30.0


def setup_for(*beds: Bed, **changed: Any) -> Setup:
    nodes = tuple(AriNode(bed.asterisk.url, bed.asterisk.user, bed.asterisk.password) for bed in beds)
    given: dict[str, Any] = {"agent": "PJSIP/{agent}@agents", "information": "sound:vm-goodbye"}
    return Setup(**{"nodes": nodes, **given, **changed})


class Exchange:
    def __init__(self, carrier: AsteriskCarrier) -> None:
        self.carrier = carrier
        self.heard: list[CarrierEvent] = []
        self._news = asyncio.Event()
        carrier.listen(self._hear)

    def _hear(self, event: CarrierEvent) -> None:
        self.heard.append(event)
        self._news.set()

    async def until(self, what: Callable[[], Any], seconds: float = WAITS_S) -> Any:
        """What `what` gives, as soon as that is something; looked at after every event."""
        async with asyncio.timeout(seconds):
            while not (found := what()):
                self._news.clear()
                try:
                    async with asyncio.timeout(0.05):
                        await self._news.wait()
                except TimeoutError:
                    continue
            return found

    def of(self, call: int) -> list[CarrierEvent]:
        return [event for event in self.heard if getattr(event, "call", None) == call]

    async def told(self, call: int, kind: type[E]) -> E:
        """The call's event of that kind, when it is there."""
        return await self.until(lambda: next((event for event in self.of(call) if isinstance(event, kind)), None))

    def dial(
        self, behaviour: scenarios.Behaviour, *, ring_s: float = 5.0, detect: bool = False, record: bool = False
    ) -> int:
        call = next(_calls)
        number = scenarios.number(behaviour, call)
        self.carrier.originate(Line(call, number, "+61491570157", ring_s, detect, record))
        return call

    async def answered(self, behaviour: scenarios.Behaviour = scenarios.ANSWERS, **options: Any) -> int:
        call = self.dial(behaviour, **options)
        await self.told(call, Answered)
        return call

    async def talking(self, agent: int, **options: Any) -> int:
        """A call that an agent has joined."""
        call = await self.answered(**options)
        self.carrier.join(call, agent)
        await self.told(call, Joined)
        return call

    async def over(self, call: int) -> Ended:
        return await self.told(call, Ended)

    async def hang_up(self, call: int) -> Ended:
        self.carrier.hang_up(call)
        return await self.over(call)

    async def offered(self) -> Offered:
        """The last call that came in, of those that nothing was done with."""
        return await self.until(lambda: next((each for each in self.heard if isinstance(each, Offered)), None))


@asynccontextmanager
async def exchange(*beds: Bed, store: PromptSource | None = None, **changed: Any) -> AsyncGenerator[Exchange]:
    """A driver that is connected to all of its nodes."""
    async with AsteriskCarrier(setup_for(*beds, **changed), LoopClock(asyncio.get_running_loop()), store) as carrier:
        made = Exchange(carrier)
        await made.until(lambda: all(node.connected for node in carrier.nodes))
        yield made


def new_call() -> int:
    return next(_calls)

"""Customers who call by themselves, for a demo: numbers of the ranges kept for fiction, at random moments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from callfloor.clock import Clock
from callfloor.telephony.simulated.behaviour import Behaviour
from callfloor.telephony.simulated.carrier import SimulatedCarrier

# ACMA: numbers for use in creative works.
_PREFIXES = ("+6125550", "+6135550", "+6175550", "+6185550")
WITHHELD = 0.05


class SimulatedCallers:
    """`numbers`: those that may be called now. `per_minute`: calls, in the mean. `behaviour`: of who calls."""

    def __init__(
        self,
        clock: Clock,
        seed: int,
        carrier: SimulatedCarrier,
        numbers: Callable[[], Sequence[str]],
        per_minute: float,
        behaviour: Behaviour,
    ) -> None:
        self._clock, self._random = clock, Random(seed)  # noqa: S311 – no secret comes of it
        self._carrier, self._numbers = carrier, numbers
        self._per_s, self._behaviour = per_minute / 60, behaviour

    def begin(self) -> None:
        """Call from now on, for as long as the clock runs."""
        self._clock.call_later(self._random.expovariate(self._per_s), self._call)

    def _call(self) -> None:
        numbers = self._numbers()
        if numbers:
            caller = f"{self._random.choice(_PREFIXES)}{self._random.randrange(10_000):04d}"
            hidden = self._random.random() < WITHHELD
            self._carrier.call_in(self._random.choice(numbers), None if hidden else caller, self._behaviour)
        self.begin()

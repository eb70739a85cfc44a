"""Customers who call by themselves, in a demo or a scenario: from numbers kept for fiction, at random moments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from callfloor.clock import Clock, Timer
from callfloor.rules.workflow.caller_script import CallerScript
from callfloor.telephony.simulated.behaviour import Behaviour
from callfloor.telephony.simulated.carrier import SimulatedCarrier

# ACMA: numbers for use in creative works.
_PREFIXES = ("+6125550", "+6135550", "+6175550", "+6185550")
WITHHELD = 0.05


class SimulatedCallers:
    """`numbers`: those that may be called now. `scripts`: what callers do, drawn for each; none: what `behaviour` says.
    Nobody calls before `become`."""

    def __init__(
        self,
        clock: Clock,
        seed: int,
        carrier: SimulatedCarrier,
        numbers: Callable[[], Sequence[str]],
        scripts: Sequence[CallerScript] = (),
    ) -> None:
        self._clock, self._random = clock, Random(seed)  # noqa: S311 – no secret comes of it
        self._carrier, self._numbers, self._scripts = carrier, numbers, scripts
        self._per_s, self._behaviour = 0.0, Behaviour()
        self._next: Timer | None = None

    def become(self, per_minute: float, behaviour: Behaviour) -> None:
        """From now on so many call, in the mean, and behave like that, for as long as the clock runs."""
        self._behaviour = behaviour
        if self._next is not None and per_minute / 60 == self._per_s:
            return
        self._per_s = per_minute / 60
        if self._next is not None:
            self._next.cancel()
            self._next = None
        if self._per_s > 0:
            self._wait()

    def _wait(self) -> None:
        self._next = self._clock.call_later(self._random.expovariate(self._per_s), self._call)

    def _call(self) -> None:
        numbers = self._numbers()
        if numbers:
            caller = f"{self._random.choice(_PREFIXES)}{self._random.randrange(10_000):04d}"
            hidden = self._random.random() < WITHHELD
            number, shown = self._random.choice(numbers), None if hidden else caller
            script = self._random.choice(self._scripts) if self._scripts else None
            self._carrier.call_in(number, shown, self._behaviour, script)
        self._wait()

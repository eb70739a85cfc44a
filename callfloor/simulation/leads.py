"""The leads of a simulated day: as many as are asked for, each dialled once in a while."""

from __future__ import annotations

from callfloor.contract.codes import DialStatus
from callfloor.floor.plan import Preview

# Numbers that Australia keeps for fiction.
_NUMBERS = tuple(f"+614915701{number}" for number in ("56", "57", "58", "59"))


class Leads:
    def __init__(self) -> None:
        self._next = 0

    def take(self, now: float, *, reserved: bool) -> Preview | None:
        self._next += 1
        return Preview(self._next, 1, _NUMBERS[self._next % len(_NUMBERS)], 0)

    def skipped(self, lead: int, now: float) -> None:
        pass

    def ended(self, lead: int, status: DialStatus, at: float) -> None:
        pass

"""Records that keep what was written, so that a test can ask for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from callfloor.floor.ports import writes
from callfloor.simulation.figures import Tally
from callfloor.simulation.leads import Leads
from callfloor.simulation.memory_records import MemoryRecords

W = TypeVar("W", bound=writes.Write)


class Written(MemoryRecords):
    """Those of a simulated day, with `written` in its order."""

    def __init__(self, now: Callable[[], float]) -> None:
        super().__init__(Tally(0.0, 1e12), Leads(), now)
        self.written: list[writes.Write] = []

    def write(self, what: writes.Write) -> None:
        super().write(what)
        self.written.append(what)

    def of(self, kind: type[W]) -> list[W]:
        """What was written of this kind."""
        return [each for each in self.written if isinstance(each, kind)]

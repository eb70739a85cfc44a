"""From sums to the rows of a report. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from callfloor.contract.reports import Figure, PausedFor
from callfloor.rules.figures.measures import MEASURES, PAUSED_BY_REASON
from callfloor.rules.figures.sums import add


@dataclass(slots=True)
class Cell:
    """What one row is made of. `paused`: seconds by reason, empty: none was given."""

    sums: dict[str, int] = field(default_factory=dict[str, int])
    paused: dict[str, int] = field(default_factory=dict[str, int])

    def take(self, other: Cell) -> None:
        """Add another one up with this one."""
        add(self.sums, other.sums)
        for reason, seconds in other.paused.items():
            self.paused[reason] = self.paused.get(reason, 0) + seconds


def figures(cell: Cell, measures: Sequence[str]) -> dict[str, Figure]:
    """The figures of a row, in the order of `measures`."""
    return {
        name: _paused(cell.paused) if name == PAUSED_BY_REASON else MEASURES[name].of(cell.sums) for name in measures
    }


def _paused(seconds: Mapping[str, int]) -> list[PausedFor]:
    return [PausedFor(reason=reason or None, seconds=of) for reason, of in sorted(seconds.items())]


def total(cells: Collection[Cell]) -> Cell:
    """All of them in one."""
    whole = Cell()
    for cell in cells:
        whole.take(cell)
    return whole


def folded(cells: Mapping[tuple[int, object], Cell], hours: Sequence[int]) -> dict[tuple[int, object], Cell]:
    """Intervals of an hour each (`hours`: which of the day) as the hours of one day."""
    found: dict[tuple[int, object], Cell] = {}
    for (interval, _), cell in cells.items():
        found.setdefault((0, hours[interval]), Cell()).take(cell)
    return found

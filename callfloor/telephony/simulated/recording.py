"""How long the parts of a simulated call's recording are."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Tape:
    """Times are seconds of the carrier's clock. `part`: what is recorded, or is as soon as a party joins."""

    part: int | None = None
    next_part: int = 0
    _since: float | None = None
    _before: float = 0.0
    _paused: bool = False

    def insert(self, part: int) -> None:
        """Record as this part, from `run` on. What ran before is over: `take` it first."""
        self.part, self.next_part = part, max(self.next_part, part + 1)
        self._since, self._before, self._paused = None, 0.0, False

    def run(self, now: float) -> None:
        """Somebody is there to be recorded."""
        if self.part is not None and self._since is None and not self._paused:
            self._since = now

    def pause(self, on: bool, now: float) -> None:
        if self._paused == on or (self._since is None and self._before == 0.0 and on):
            return
        if on:
            self._before, self._since = self._length(now), None
        else:
            self._since = now
        self._paused = on

    def take(self, now: float) -> tuple[int, float] | None:
        """End the part: its number and length; None when nothing was recorded."""
        part, length = self.part, self._length(now)
        empty = part is None or (self._since is None and self._before == 0.0)
        self.part, self._since, self._before, self._paused = None, None, 0.0, False
        if part is None or empty:
            return None
        return part, length

    def _length(self, now: float) -> float:
        return self._before + (now - self._since if self._since is not None else 0.0)

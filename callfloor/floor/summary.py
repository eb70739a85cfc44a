"""One line of the log a minute while the floor works: what was done since the last, and what is going on now."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import structlog

from callfloor.floor.floor import Floor

log = structlog.get_logger("callfloor.floor")

SUMMARY_S = 60.0


@dataclass(slots=True)
class Tally:
    """Outbound calls of this engine."""

    claimed: int = 0
    answered: int = 0
    connected: int = 0
    ended: int = 0


class Summary:
    """`tally`: counted up by whoever writes down what happens."""

    def __init__(self, floor: Floor, tally: Tally) -> None:
        self._floor, self._tally, self._before = floor, tally, asdict(tally)

    async def say(self) -> None:
        now = asdict(self._tally)
        done = {name: count - self._before[name] for name, count in now.items()}
        self._before, lines = now, len(self._floor.contacts.attempts())
        if lines or any(done.values()):
            log.info("dialling", **done, lines=lines, agents=len(self._floor.team.everyone()))

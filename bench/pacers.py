"""Other pacing to compare the product's with, and a product's pacer that keeps what happens minute by minute."""

from __future__ import annotations

from dataclasses import dataclass, field

from callfloor.rules.dialling.pacing import Decision, Pacer, PacingSettings, Past

GOLDEN = 0.6180339887498949


class FixedRatio:
    """So many lines an idle agent, whatever happens; what is waiting or ringing is taken off.

    2.4 lines mean two lines in six cases of ten and three in the others. The case is chosen anew, evenly, whenever an
    agent comes free or a line ends, and not at each decision, or the larger one would always win in the end.
    """

    def __init__(self, ratio: float) -> None:
        self._ratio = ratio
        self._share = 0.0
        self._idle: set[int] = set()
        self._lines: set[int] = set()
        self._waiting: set[int] = set()

    def agent_idle(self, agent: int, at: float) -> None:
        self._idle.add(agent)
        self._choose()

    def agent_gone(self, agent: int, at: float) -> None:
        self._idle.discard(agent)

    agent_talking = agent_wrapping = agent_gone

    def dialled(self, line: int, at: float) -> None:
        self._lines.add(line)

    def detecting(self, line: int, at: float) -> None:
        pass

    joining = missed = detecting

    def ended_unanswered(self, line: int, at: float) -> None:
        self._lines.discard(line)
        self._choose()

    def answered(self, line: int, at: float) -> None:
        self._lines.discard(line)
        self._waiting.add(line)
        self._choose()

    def joined(self, line: int, agent: int, at: float) -> None:
        self._waiting.discard(line)

    def abandoned(self, line: int, at: float) -> None:
        self._waiting.discard(line)

    def _choose(self) -> None:
        self._share = (self._share + GOLDEN) % 1.0

    def decide(self, at: float, most: int | None = None) -> Decision:
        wanted = self._ratio * max(0, len(self._idle) - len(self._waiting))
        return Decision(max(0, int(wanted + self._share) - len(self._lines)), (), None)


@dataclass
class Minute:
    """`busy_s` of `staffed_s` agents talked or wrapped up."""

    live: int = 0
    abandoned: int = 0
    busy_s: float = 0.0
    staffed_s: float = 0.0


@dataclass
class Minutes:
    """What happened, minute by minute of a day."""

    all: list[Minute] = field(default_factory=list)

    def at(self, second: float) -> Minute:
        while len(self.all) <= second // 60:
            self.all.append(Minute())
        return self.all[int(second // 60)]

    def spent(self, since: float, until: float, *, busy: bool) -> None:
        """One agent's time."""
        while since < until:
            minute, end = self.at(since), min(until, (since // 60 + 1) * 60)
            minute.staffed_s += end - since
            minute.busy_s += (end - since) * busy
            since = end


class WatchedPacer(Pacer):
    """The product's, with what it hears written down in `minutes`."""

    def __init__(self, settings: PacingSettings, past: Past | None, minutes: Minutes) -> None:
        super().__init__(settings, past)
        self._minutes = minutes
        self._doing: dict[int, tuple[float, bool]] = {}

    def answered(self, line: int, at: float) -> None:
        super().answered(line, at)
        self._minutes.at(at).live += 1

    def abandoned(self, line: int, at: float) -> None:
        super().abandoned(line, at)
        self._minutes.at(at).abandoned += 1

    def agent_idle(self, agent: int, at: float) -> None:
        super().agent_idle(agent, at)
        self._now(agent, at, busy=False)

    def agent_talking(self, agent: int, at: float) -> None:
        super().agent_talking(agent, at)
        self._now(agent, at, busy=True)

    def agent_wrapping(self, agent: int, at: float) -> None:
        super().agent_wrapping(agent, at)
        self._now(agent, at, busy=True)

    def agent_gone(self, agent: int, at: float) -> None:
        super().agent_gone(agent, at)
        # one whose phone is being joined is gone for a moment, and no longer counts as idle
        self._end(agent, at)

    def _now(self, agent: int, at: float, *, busy: bool) -> None:
        self._end(agent, at)
        self._doing[agent] = (at, busy)

    def _end(self, agent: int, at: float) -> None:
        since, busy = self._doing.pop(agent, (at, False))
        self._minutes.spent(since, at, busy=busy)

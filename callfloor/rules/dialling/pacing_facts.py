"""What pacing is told and what it says: its settings, what it saw and decided, and what it passes on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import msgspec

# Ids of the caller's, opaque here.
Line = int
Agent = int

Mode = Literal["look-ahead", "one-to-one", "stopped"]


@dataclass(frozen=True, slots=True)
class PacingSettings:
    """`abandonment_cap`: share of the live answers over the rolling window. `persons_taken_for_machines`: share of the
    persons who answer on whom detection hangs up. `ring_s`: a line is given up after so long. `minimum_ring_s`: a line
    that rang for less may not be cancelled."""

    abandonment_cap: float = 0.03
    persons_taken_for_machines: float = 0.0
    grace_s: float = 2.0
    ring_s: float = 28.0
    minimum_ring_s: float = 0.0
    window_s: float = 30 * 86400.0

    @property
    def cap_of_heard(self) -> float:
        """Share of the persons whom detection lets through that may find no agent.

        A person who is taken for a machine and hung up on was abandoned (16 CFR 310.4 (b)(1)(iv): whoever answers and
        is not connected within two seconds; Ofcom, Persistent misuse, 2016, A1: a reasoned estimate of false positives
        is added to the abandoned and to the live calls). Of n persons, e n are lost like that and (1 - e) n are heard,
        of whom a share c may be abandoned: e n + c (1 - e) n = cap n. With errors beyond the cap, nobody may be.
        """
        wrong = self.persons_taken_for_machines
        return self.abandonment_cap if wrong == 0 else max(0.0, (self.abandonment_cap - wrong) / (1.0 - wrong))


class PacingInputs(msgspec.Struct, frozen=True, rename="camel"):
    """What a decision saw: plain numbers, kept as evidence with each attempt. `busy`: agents who talk or wrap up.
    `lines`: ringing. `waiting`: people who answered and have no agent yet. `threshold`: the greatest risk taken that
    who answers finds no agent."""

    idle: int
    busy: int
    lines: int
    waiting: int
    live_rate: float
    live_rate_spread: float
    live: int
    abandoned: int
    threshold: float
    mode: Mode


@dataclass(frozen=True, slots=True)
class Decision:
    """`lines`: dial so many more now. `cancel`: hang these up, nobody has answered them and the budget cannot bear
    that somebody does."""

    lines: int
    cancel: tuple[Line, ...]
    why: PacingInputs


class Past(msgspec.Struct, frozen=True):
    """What a pacer has learned and spent, for the one that goes on after a restart."""

    buckets: tuple[tuple[float, int, int], ...] = ()
    talk_s: tuple[float, ...] = ()
    wrap_s: tuple[float, ...] = ()
    answer_s: tuple[float, ...] = ()
    other_s: tuple[float, ...] = ()
    live_rate: tuple[float, ...] = ()
    log_threshold: float | None = None

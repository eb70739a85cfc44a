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
    """`abandonment_cap`: share of the live answers over the rolling window. `ring_s`: a line is given up after so
    long. `minimum_ring_s`: a line that rang for less may not be cancelled."""

    abandonment_cap: float = 0.03
    grace_s: float = 2.0
    ring_s: float = 28.0
    minimum_ring_s: float = 0.0
    window_s: float = 30 * 86400.0


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

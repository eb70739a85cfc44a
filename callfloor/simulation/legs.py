"""A leg of a simulated day's call, with what became of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from callfloor.floor.ports.writes import Leaving, LegKind
from callfloor.telephony.carrier import AgentId


@dataclass(slots=True)
class Leg:
    """Times are seconds since the epoch."""

    campaign: int
    opened_at: float
    parent: int | None = None
    kind: LegKind | None = None
    number: str | None = None
    joined_at: float | None = None
    answered_at: float | None = None
    agent: AgentId | None = None
    left: Leaving | None = None
    ended_at: float | None = None
    held_s: float = 0.0
    phone_losses: int = 0
    phone_lost_s: float = 0.0
    parts: list[float] = field(default_factory=list[float])
    messages: list[float] = field(default_factory=list[float])
    answers: dict[str, int] = field(default_factory=dict[str, int])

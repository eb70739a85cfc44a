"""What a simulated day comes to for those who called, by the definitions of docs/figures.md."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from callfloor.simulation.legs import Leg


class CallerFigures(msgspec.Struct, frozen=True, rename="camel"):
    """Of callers who came after warm-up. `service_level` is a share of 1, None without anybody to count; waits are of
    all who came to the queue, in seconds."""

    received: int
    answered: int
    abandoned_in_workflow: int
    abandoned_in_queue: int
    missed: int
    voicemails: int
    service_level: float | None
    service_level_seconds: float
    mean_wait_seconds: float
    longest_wait_seconds: float


def caller_figures(legs: Iterable[Leg], start: float, end: float, within_s: float) -> CallerFigures:
    """`legs`: first ones, of callers. Times as theirs; who is still there at `end` has waited until then."""
    counted = [leg for leg in legs if start <= leg.opened_at <= end]
    waits = [(leg, _wait(leg, end)) for leg in counted if leg.joined_at is not None]
    in_time = sum(leg.answered_at is not None and wait <= within_s for leg, wait in waits)
    late = sum(wait > within_s or leg.left == "missed" for leg, wait in waits)
    gave_up = [leg for leg in counted if leg.ended_at is not None and leg.answered_at is None and leg.left is None]
    return CallerFigures(
        received=len(counted),
        answered=sum(leg.answered_at is not None for leg in counted),
        abandoned_in_workflow=sum(leg.joined_at is None for leg in gave_up),
        abandoned_in_queue=sum(leg.joined_at is not None for leg in gave_up),
        missed=sum(leg.left == "missed" for leg in counted),
        voicemails=sum(leg.left == "voicemail" for leg in counted),
        service_level=in_time / (in_time + late) if in_time + late else None,
        service_level_seconds=within_s,
        mean_wait_seconds=sum(wait for _, wait in waits) / max(1, len(waits)),
        longest_wait_seconds=max((wait for _, wait in waits), default=0.0),
    )


def _wait(leg: Leg, end: float) -> float:
    until = next(at for at in (leg.answered_at, leg.ended_at, end) if at is not None)
    return until - (leg.joined_at or 0.0)

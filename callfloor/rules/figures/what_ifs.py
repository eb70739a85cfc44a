"""What a what-if goes by, and what its runs come to. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from callfloor.contract.campaigns import CampaignMode
from callfloor.contract.codes import DialStatus
from callfloor.contract.what_ifs import (
    Assumption,
    Assumptions,
    Estimate,
    Outcome,
    Run,
    WhatIfBody,
    WhatIfGiven,
    WhatIfPoint,
)

# With fewer calls than this a share, with fewer times a time, says too little of the campaign.
ENOUGH_CALLS, ENOUGH_TIMES = 50, 20
# Of the 95 % interval, by degrees of freedom from 1 on (Student's t, two-sided).
_T95 = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)
# what `callfloor simulate` takes where nothing is said, and the pacing document's base case
_DEFAULT_SHARES = {"live": 0.25, "machine": 0.0, "busy": 0.0, "disconnected": 0.0, "failed": 0.0}
_DEFAULT_TIMES = {"answer": (12.0, 0.4), "ring_out": (28.0, 0.0), "talk": (120.0, 0.8), "wrap_up": (20.0, 0.5)}
_STATUSES = {
    "live": (DialStatus.ANSWERED, DialStatus.ABANDONED),
    "machine": (DialStatus.ANSWERING_MACHINE,),
    "busy": (DialStatus.BUSY,),
    "disconnected": (DialStatus.DISCONNECTED,),
    "failed": (DialStatus.TELCO_ERROR,),
}
# calls that say nothing of the customer
_OURS = (DialStatus.CANCELLED, DialStatus.REFUSED)


@dataclass(frozen=True, slots=True)
class Past:
    """A call that is over: how it ended, and what it took in seconds, where that was."""

    dial_status: int
    rang_s: float | None
    talk_s: float | None
    wrap_s: float | None


@dataclass(frozen=True, slots=True)
class Point:
    """One size of the team in one mode. `cap` None: of a mode that needs none."""

    agents: int
    mode: CampaignMode
    cap: float | None


def points(body: WhatIfBody, own_cap: float) -> list[Point]:
    """What is to be simulated, without doubles, by mode, cap and size. `own_cap`: the campaign's."""
    caps = sorted(set(body.caps)) or [own_cap]
    return [
        Point(agents, mode, cap)
        for mode in dict.fromkeys(body.modes)
        for cap in (caps if mode == "predictive" else [None])
        for agents in sorted(set(body.agents))
    ]


def assumed(past: Sequence[Past], given: WhatIfGiven) -> Assumptions:
    """What was measured, with what is given in its place, and defaults where too little was measured. Measured shares
    beside given ones give way, so that all together are no more than 1."""
    asked = [call for call in past if call.dial_status not in _OURS]
    shares = {name: _share(name, asked) for name in _STATUSES}
    told = {
        "live": given.live_share,
        "machine": given.machine_share,
        "busy": given.busy_share,
        "disconnected": given.disconnected_share,
        "failed": given.failed_share,
    }
    fixed = {name: share for name, share in told.items() if share is not None}
    left, rest = max(0.0, 1.0 - sum(fixed.values())), sum(each.value for each in shares.values())
    rest -= sum(shares[name].value for name in fixed)
    for name in shares:
        if name in fixed:
            shares[name] = Assumption(value=fixed[name], cv=None, source="given", samples=0)
        elif rest > left:
            shares[name].value *= left / rest
    live = [call for call in asked if call.dial_status in _STATUSES["live"]]
    out = [call for call in asked if call.dial_status == DialStatus.NO_ANSWER]
    return Assumptions(
        live_share=shares["live"],
        machine_share=shares["machine"],
        busy_share=shares["busy"],
        disconnected_share=shares["disconnected"],
        failed_share=shares["failed"],
        answer_seconds=_time("answer", (call.rang_s for call in live), given.answer_seconds),
        ring_out_seconds=_time("ring_out", (call.rang_s for call in out), given.ring_out_seconds),
        talk_seconds=_time("talk", (call.talk_s for call in live), given.talk_seconds),
        wrap_up_seconds=_time("wrap_up", (call.wrap_s for call in live), given.wrap_up_seconds),
    )


def too_much(given: WhatIfGiven) -> bool:
    """Whether the shares that are given are more than all calls."""
    told = given.live_share, given.machine_share, given.busy_share, given.disconnected_share, given.failed_share
    return sum(share or 0.0 for share in told) > 1 + 1e-9


def _share(name: str, asked: Sequence[Past]) -> Assumption:
    if len(asked) < ENOUGH_CALLS:
        return Assumption(value=_DEFAULT_SHARES[name], cv=None, source="default", samples=len(asked))
    share = sum(call.dial_status in _STATUSES[name] for call in asked) / len(asked)
    # of a campaign that has reached nobody yet nothing could be simulated
    least = 0.5 / len(asked) if name == "live" else 0.0
    return Assumption(value=max(least, share), cv=None, source="measured", samples=len(asked))


def _time(name: str, seen: Iterable[float | None], given: float | None) -> Assumption:
    times = [seconds for seconds in seen if seconds is not None]
    mean, cv = _DEFAULT_TIMES[name]
    enough = len(times) >= ENOUGH_TIMES
    if enough:
        mean = max(1.0, fmean(times))
        cv = min(3.0, stdev(times) / mean)
    if given is not None:
        return Assumption(value=given, cv=cv, source="given", samples=0)
    return Assumption(value=mean, cv=cv, source="measured" if enough else "default", samples=len(times))


def run_of(point: Point, by: Assumptions, seed: int, grace_s: float, taken_for_machines: float) -> Run:
    """One simulated hour of a point."""

    def spread(time: Assumption) -> tuple[float, float]:
        return time.value, time.cv or 0.0

    return Run(
        seed=seed,
        agents=point.agents,
        mode=point.mode,
        cap=point.cap or 0.0,
        grace_seconds=grace_s,
        taken_for_machines=taken_for_machines,
        live=by.live_share.value,
        machine=by.machine_share.value,
        busy=by.busy_share.value,
        disconnected=by.disconnected_share.value,
        failed=by.failed_share.value,
        answer=spread(by.answer_seconds),
        ring_out=by.ring_out_seconds.value,
        talk=spread(by.talk_seconds),
        wrap_up=spread(by.wrap_up_seconds),
    )


def summed_up(point: Point, outcomes: Sequence[Outcome]) -> WhatIfPoint:
    """What the runs of a point come to: of two at least, each weighing the same in utilisation, each live answer the
    same in abandonment."""
    live = sum(each.live_answers for each in outcomes)
    abandonment = sum(each.abandoned for each in outcomes) / max(1, live)
    # of a ratio: what each run has more or less than the rate lets expect (Cochran, Sampling Techniques, § 6.3)
    residuals = [(each.abandoned - abandonment * each.live_answers) * len(outcomes) / max(1, live) for each in outcomes]
    return WhatIfPoint(
        agents=point.agents,
        mode=point.mode,
        cap=point.cap,
        runs=len(outcomes),
        utilisation=Estimate(
            mean=fmean(each.utilisation for each in outcomes), error=_error([each.utilisation for each in outcomes])
        ),
        abandonment=Estimate(mean=abandonment, error=_error(residuals)),
        talks_per_hour=fmean(each.talks_per_hour for each in outcomes),
    )


def _error(values: Sequence[float]) -> float:
    free = len(values) - 1
    return _T95[min(free, len(_T95)) - 1] * stdev(values) / math.sqrt(len(values))

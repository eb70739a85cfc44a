"""What a campaign would come to with other agents, another mode, another cap: simulated, before anybody is called."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from callfloor.contract.campaigns import CampaignMode
from callfloor.contract.fields import Id, PageQuery, Request, Struct

WhatIfState = Literal["waiting", "running", "done", "failed"]
# points of one question
MOST_POINTS = 12
Share = Annotated[float, Meta(ge=0, le=1)]
Seconds = Annotated[float, Meta(ge=1, le=7200)]


class WhatIfGiven(Request, kw_only=True):
    """What is to be taken instead of what the campaign measured: shares of the calls that are placed, 0 to 1, and mean
    times in seconds. What is left out is measured."""

    live_share: Annotated[float, Meta(ge=0.01, le=1)] | None = None
    machine_share: Share | None = None
    busy_share: Share | None = None
    disconnected_share: Share | None = None
    failed_share: Share | None = None
    answer_seconds: Seconds | None = None
    ring_out_seconds: Seconds | None = None
    talk_seconds: Seconds | None = None
    wrap_up_seconds: Seconds | None = None


class WhatIfBody(Request, kw_only=True):
    """Each size of the team is simulated in each mode, in `predictive` under each cap: at most 12 points in all."""

    campaign_id: Id
    agents: Annotated[list[Annotated[int, Meta(ge=1, le=200)]], Meta(min_length=1, max_length=12)]
    modes: Annotated[list[CampaignMode], Meta(min_length=1, max_length=3)] = msgspec.field(
        default_factory=lambda: ["predictive"]
    )
    caps: Annotated[
        list[Annotated[float, Meta(ge=0, le=0.2)]],
        Meta(max_length=4, description="Shares of the live answers that may be abandoned; none: the campaign's own."),
    ] = msgspec.field(default_factory=list[float])
    given: WhatIfGiven = msgspec.field(default_factory=WhatIfGiven)


class Assumption(Struct):
    """One thing that is assumed of customers or agents. `value`: a share of 1, or mean seconds; `cv`: standard
    deviation ÷ mean, of times. `source`: `given` in the question, `measured` from `samples` calls of the campaign,
    or `default` where too few were measured."""

    value: float
    cv: float | None
    source: Literal["given", "measured", "default"]
    samples: int


class Assumptions(Struct):
    """What a simulation goes by. The shares are of the calls that are placed; what they leave rings out."""

    live_share: Assumption
    machine_share: Assumption
    busy_share: Assumption
    disconnected_share: Assumption
    failed_share: Assumption
    answer_seconds: Assumption
    ring_out_seconds: Assumption
    talk_seconds: Assumption
    wrap_up_seconds: Assumption


class Measured(Struct):
    """What a campaign has measured of itself in the last 28 days, and what it would be asked with."""

    campaign_id: int
    mode: CampaignMode
    abandonment_cap: float
    agents: Annotated[int, Meta(description="Who may be given its calls.")]
    assumptions: Assumptions


class Estimate(Struct):
    """Mean of the runs, and how far off it may be (half of the 95 % interval by Student's t). Shares of 1."""

    mean: float
    error: float


class WhatIfPoint(Struct):
    """What one size, mode and cap came to in `runs` simulated hours. `utilisation`: talk and wrap-up ÷ time signed in;
    `abandonment`: abandoned ÷ live answers; `talks_per_hour`: talks of all agents together."""

    agents: int
    mode: CampaignMode
    cap: float | None
    runs: int
    utilisation: Estimate
    abandonment: Estimate
    talks_per_hour: float


class WhatIf(Struct):
    """A simulation. `progress`: share of 1; `points` are there when it is `done`. `reason`: why it failed."""

    what_if_id: int
    campaign_id: int
    state: WhatIfState
    progress: float
    reason: str | None
    question: WhatIfBody
    assumptions: Assumptions
    points: list[WhatIfPoint]
    created: datetime
    finished: datetime | None


class WhatIfsQuery(PageQuery, kw_only=True):
    campaign_id: Id | None = None


class Run(Request, kw_only=True):
    """One simulated hour: what a process that simulates is told. Shares of 1; (mean seconds, standard deviation ÷
    mean). `taken_for_machines`: share of the persons whom detection hangs up on."""

    seed: int
    agents: int
    mode: CampaignMode
    cap: float
    grace_seconds: float
    taken_for_machines: float
    live: float
    machine: float
    busy: float
    disconnected: float
    failed: float
    answer: tuple[float, float]
    ring_out: float
    talk: tuple[float, float]
    wrap_up: tuple[float, float]


class Outcome(Request, kw_only=True):
    """What it came to."""

    utilisation: float
    live_answers: int
    abandoned: int
    talks_per_hour: float

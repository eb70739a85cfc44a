"""What a campaign would come to: simulated in the job process, and read when it is done."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from asyncpg import Record

from callfloor.api.audits import changes
from callfloor.api.call import Answer, Call, invalid, not_found, unknown_id
from callfloor.api.cursors import EPOCH, page_limit, page_of, page_start
from callfloor.api.operation import operation
from callfloor.contract.fields import Page
from callfloor.contract.what_ifs import (
    MOST_POINTS,
    Assumptions,
    Measured,
    WhatIf,
    WhatIfBody,
    WhatIfGiven,
    WhatIfsQuery,
)
from callfloor.errors import SimulationsWait
from callfloor.rules.figures.what_ifs import Past, assumed, points, too_much
from callfloor.rules.values.times import local_time
from callfloor.store.figures import what_ifs
from callfloor.store.setup import campaigns
from callfloor.store.setup.campaigns import CampaignSetup

PREFIX = "/reports/v1"
MEASURED_FOR = timedelta(days=28)
MEASURED_CALLS = 2_000
# of an organisation, that wait or run
MOST_OPEN = 3


def _assumption(value: float, cv: float | None = None, source: str = "measured", samples: int = 812) -> dict[str, Any]:
    return {"value": value, "cv": cv, "source": source, "samples": samples}


_ASSUMPTIONS = {
    "liveShare": _assumption(0.27),
    "machineShare": _assumption(0.31),
    "busyShare": _assumption(0.02),
    "disconnectedShare": _assumption(0.04),
    "failedShare": _assumption(0.0),
    "answerSeconds": _assumption(11.4, 0.42, samples=219),
    "ringOutSeconds": _assumption(27.8, 0.01, samples=292),
    "talkSeconds": _assumption(95.0, 0.9, "given", 0),
    "wrapUpSeconds": _assumption(18.2, 0.6, samples=214),
}
_QUESTION = {
    "campaignId": 2,
    "agents": [10, 20],
    "modes": ["predictive"],
    "caps": [0.03],
    "given": {
        "liveShare": None,
        "machineShare": None,
        "busyShare": None,
        "disconnectedShare": None,
        "failedShare": None,
        "answerSeconds": None,
        "ringOutSeconds": None,
        "talkSeconds": 95.0,
        "wrapUpSeconds": None,
    },
}
_POINT = {
    "agents": 20,
    "mode": "predictive",
    "cap": 0.03,
    "runs": 5,
    "utilisation": {"mean": 0.871, "error": 0.016},
    "abandonment": {"mean": 0.024, "error": 0.005},
    "talksPerHour": 559.2,
}
_EXAMPLE: dict[str, Any] = {
    "whatIfId": 3,
    "campaignId": 2,
    "state": "done",
    "progress": 1.0,
    "reason": None,
    "question": _QUESTION,
    "assumptions": _ASSUMPTIONS,
    "points": [_POINT],
    "created": "2021-08-01T09:12:45+10:00",
    "finished": "2021-08-01T09:12:54+10:00",
}


@operation(
    "GET",
    "/campaigns/{campaignId}/measured",
    scope="reports:read",
    summary="What a campaign measured of itself",
    tag="what-if",
    example={
        "campaignId": 2,
        "mode": "predictive",
        "abandonmentCap": 0.03,
        "agents": 20,
        "assumptions": _ASSUMPTIONS,
    },
)
async def get_measured(call: Call, campaign_id: int) -> Measured:
    """Who answers, after how long, how long talks and wrap-ups take: of the last 2,000 calls within 28 days. Where
    there are too few (50 for a share, 20 for a time) a default stands, and says so. A simulation goes by these unless
    others are given."""
    setup = await _outbound(call, campaign_id)
    if setup is None:
        raise not_found("campaign")
    return Measured(
        campaign_id=campaign_id,
        mode=setup.mode or "progressive",
        abandonment_cap=_cap(setup),
        agents=len(setup.agents),
        assumptions=await _assumptions(call, campaign_id, WhatIfGiven()),
    )


@operation(
    "GET",
    "/what-ifs",
    scope="reports:read",
    summary="Simulations",
    tag="what-if",
    example={"metadata": {"nextUri": None}, "items": [_EXAMPLE]},
    query={"campaignId": 2, "limit": 20},
)
async def list_what_ifs(call: Call, query: WhatIfsQuery) -> Page[WhatIf]:
    """Those of the last 30 days, the last one first."""
    before = page_start(call, query)
    given = query.campaign_id, before[1] if before else 0, page_limit(query) + 1
    rows = await what_ifs.page(call.db, call.organisation, *given)
    return page_of(call, query, rows, lambda row: _shown(call, row), lambda row: (EPOCH, row["what_if_id"]))


@operation(
    "POST",
    "/what-ifs",
    scope="reports:write",
    summary="Simulate a campaign",
    tag="what-if",
    status=202,
    example=_EXAMPLE | {"state": "waiting", "progress": 0.0, "points": [], "finished": None},
    request={"campaignId": 2, "agents": [10, 20], "modes": ["predictive"], "given": {"talkSeconds": 95.0}},
    problems=[SimulationsWait],
    audits=changes("what-if.create", "what-if"),
    keeps=True,
)
async def create_what_if(call: Call, body: WhatIfBody) -> Answer[WhatIf]:
    """Ask for a simulation, by the dialler's own floor and pacing, of an outbound campaign: each size of the team in
    each mode and under each cap, for half an hour of a campaign that runs already, several times with other customers.
    It takes some ten seconds and runs outside the API; `GET` says how far it is. Nobody is called. At most three of an
    organisation wait or run."""
    setup = await _outbound(call, body.campaign_id)
    if setup is None:
        raise unknown_id("campaignId", "outbound campaign")
    cap = _cap(setup)
    if len(points(body, cap)) > MOST_POINTS:
        raise invalid("agents", "too-many", f"with these modes and caps is more than {MOST_POINTS} points in all")
    if too_much(body.given):
        raise invalid("given", "too-much", "has shares that add up to more than 1")
    asked = what_ifs.Asked(
        body,
        await _assumptions(call, body.campaign_id, body.given),
        setup.dialling.grace_seconds if setup.dialling.grace_seconds is not None else setup.regime.grace_s,
        setup.dialling.persons_taken_for_machines,
        cap,
    )
    made = await what_ifs.insert(call.db, call.organisation, asked, MOST_OPEN, call.now)
    if made is None:
        raise SimulationsWait(f"{MOST_OPEN} simulations wait or run: wait for one, or delete it.")
    call.audit.entry(made, campaign=body.campaign_id)
    return Answer(_shown(call, await _known(call, made)), headers={"Location": f"{PREFIX}/what-ifs/{made}"})


@operation(
    "GET",
    "/what-ifs/{whatIfId}",
    scope="reports:read",
    summary="A simulation",
    tag="what-if",
    example=_EXAMPLE,
)
async def get_what_if(call: Call, what_if_id: int) -> WhatIf:
    """How far it is, and what it came to."""
    return _shown(call, await _known(call, what_if_id))


@operation(
    "DELETE",
    "/what-ifs/{whatIfId}",
    scope="reports:write",
    summary="Cancel or delete a simulation",
    tag="what-if",
    status=204,
    audits=changes("what-if.delete", "what-if"),
)
async def delete_what_if(call: Call, what_if_id: int) -> None:
    """One that runs ends within a second."""
    if not await what_ifs.delete(call.db, call.organisation, what_if_id):
        raise not_found("simulation")


async def _outbound(call: Call, campaign_id: int) -> CampaignSetup | None:
    setup = await campaigns.get(call.db, call.organisation, campaign_id)
    return setup if setup is not None and setup.facts.direction == "outbound" else None


def _cap(setup: CampaignSetup) -> float:
    own = setup.dialling.abandonment_cap
    return setup.regime.abandonment_cap if own is None else min(own, setup.regime.abandonment_cap)


async def _assumptions(call: Call, campaign_id: int, given: WhatIfGiven) -> Assumptions:
    rows = await campaigns.recent(call.db, call.organisation, campaign_id, call.now - MEASURED_FOR, MEASURED_CALLS)
    past = [Past(row["dial_status"], row["rang_s"], row["talk_s"], row["wrap_s"]) for row in rows]
    return assumed(past, given)


async def _known(call: Call, what_if_id: int) -> Record:
    row = await what_ifs.get(call.db, call.organisation, what_if_id)
    if row is None:
        raise not_found("simulation")
    return row


def _shown(call: Call, row: Record) -> WhatIf:
    return WhatIf(
        what_if_id=row["what_if_id"],
        campaign_id=row["campaign_id"],
        state=row["state"],
        progress=round(row["progress"], 3),
        reason=row["reason"],
        question=what_ifs.question_of(row),
        assumptions=what_ifs.assumptions_of(row),
        points=what_ifs.points_of(row),
        created=local_time(row["created_at"], call.zone),
        finished=None if row["finished_at"] is None else local_time(row["finished_at"], call.zone),
    )

"""Figures of a period: by intervals of a zone, and by campaign, agent or whatever else they are grouped by."""

from __future__ import annotations

from typing import Any

import msgspec

from callfloor.api.call import Call
from callfloor.api.operation import operation
from callfloor.api.reports.asking import period, shown, viewer_of
from callfloor.contract.reports import Figures, FiguresQuery, Measures
from callfloor.jobs.reporting.answers import MEDIA_TYPES
from callfloor.jobs.reporting.question import INFO, asked

CSV, XLSX = MEDIA_TYPES["csv"], MEDIA_TYPES["xlsx"]
_EXAMPLE_MEASURES = ("handled", "averageHandlingTime", "occupancy")
_EXAMPLE_FIGURES = {"handled": 41, "averageHandlingTime": 212.4, "occupancy": 0.8125}
EXAMPLE: dict[str, Any] = {
    "from": "2021-08-01T00:00:00+10:00",
    "to": "2021-09-01T00:00:00+10:00",
    "zone": "Australia/Sydney",
    "interval": "month",
    "groupBy": "agent",
    "asOf": "2021-09-01T09:12:45+10:00",
    "measures": [msgspec.to_builtins(INFO[name]) for name in _EXAMPLE_MEASURES],
    "rows": [
        {
            "begin": "2021-08-01T00:00:00+10:00",
            "end": "2021-09-01T00:00:00+10:00",
            "key": 1002,
            "name": "John Doe",
            "campaignId": None,
            "final": True,
            "revisedTimestamp": None,
            "callsTemplate": "/reports/v1/calls?from=2021-08-01T00%3A00%3A00%2B10%3A00"
            "&to=2021-09-01T00%3A00%3A00%2B10%3A00&agentId=1002{&measure}",
            "figures": _EXAMPLE_FIGURES,
        }
    ],
    "total": _EXAMPLE_FIGURES,
}


@operation(
    "GET",
    "/measures",
    scope="reports:read",
    summary="What can be measured",
    tag="figures",
    example={"measures": EXAMPLE["measures"]},
)
async def list_measures(call: Call) -> Measures:
    """Every measure, and what it can be grouped by. docs/figures.md has the formula of each, and what it leaves out."""
    return Measures(measures=list(INFO.values()))


@operation(
    "GET",
    "/figures",
    scope="reports:read",
    summary="Figures of a period",
    tag="figures",
    example=EXAMPLE,
    query={
        "from": "2021-08-01",
        "to": "2021-09-01",
        "interval": "month",
        "groupBy": "agent",
        "measures": ",".join(_EXAMPLE_MEASURES),
    },
    answers=(CSV, XLSX),
)
async def get_figures(call: Call, query: FiguresQuery) -> Figures:
    """Figures of a period, exact at the moment of `asOf`. Sums of rows add up to `total`; where a row can be counted
    twice (an agent of two teams) the total has it once. A supervisor of teams gets the rows of its own agents and teams
    only; figures that are of no person are the same for everyone.

    As CSV or a workbook the last line is the total; what a spreadsheet would take for a formula has an apostrophe in
    front."""
    viewer = viewer_of(call)
    return await shown(call, viewer, await asked(viewer, query, *period(call, query)), query.format)

"""Figures of a period: by intervals of a zone, and by campaign, agent or whatever else they are grouped by."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from callfloor.api.call import Call, invalid
from callfloor.api.operation import operation
from callfloor.api.reports.question import INFO, Report, asked, teams_of
from callfloor.contract.codes import DIAL_STATUS_NAMES
from callfloor.contract.reports import FigureRow, Figures, FiguresQuery, Group, Measures
from callfloor.rules.figures import tables
from callfloor.rules.figures.measures import MEASURES, PAUSED_BY_REASON, groups_of
from callfloor.rules.figures.tables import Cell
from callfloor.store.figures import reports

MOST_ROWS = 20_000
_EXAMPLE_MEASURES = ("handled", "averageHandlingTime", "occupancy")
_EXAMPLE_FIGURES = {"handled": 41, "averageHandlingTime": 212.4, "occupancy": 0.8125}
EXAMPLE: dict[str, Any] = {
    "from": "2021-08-01T00:00:00+10:00",
    "to": "2021-09-01T00:00:00+10:00",
    "zone": "Australia/Sydney",
    "interval": "month",
    "groupBy": "agent",
    "asOf": "2021-09-01T09:12:45+10:00",
    "measures": [
        {"name": name, "title": MEASURES[name].title, "unit": MEASURES[name].unit, "groups": list(groups_of(name))}
        for name in _EXAMPLE_MEASURES
    ],
    "rows": [
        {
            "begin": "2021-08-01T00:00:00+10:00",
            "end": "2021-09-01T00:00:00+10:00",
            "key": 1002,
            "name": "John Doe",
            "campaignId": None,
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
)
async def get_figures(call: Call, query: FiguresQuery) -> Figures:
    """Figures of a period, exact at the moment of `asOf`. Sums of rows add up to `total`; where a row can be counted
    twice (an agent of two teams) the total has it once. A supervisor of teams gets the rows of its own agents and teams
    only; figures that are of no person are the same for everyone."""
    report = await asked(call, query)
    cells = await _cells(call, report)
    whole = tables.total(cells.values())
    if report.hours:
        cells = tables.folded(cells, report.hours)
    elif report.group == "team":
        cells = tables.by_team(cells, await teams_of(call))
    if report.group != "none":
        cells = {key: each for key, each in cells.items() if tables.says_something(each, report.measures)}
    if len(cells) > MOST_ROWS:
        raise invalid(
            "interval", "too-many", f"makes {len(cells):,} rows; at most {MOST_ROWS:,} are given", in_body=False
        )
    if report.group == "none":
        # a chart has no holes
        cells = {(number, None): Cell() for number in range(len(report.edges) - 1)} | cells
    names = await _named(call, report.group, {key for _, key in cells})
    if report.group == "list":
        _count_leads(cells, whole, names)
    rows = [
        _row(report, interval, key, cells[interval, key], names)
        for interval, key in sorted(cells, key=lambda each: (each[0], each[1] is None, _order(each[1])))
    ]
    return Figures(
        begin=_local(report.begin, report.zone),
        end=_local(report.end, report.zone),
        zone=report.zone.key,
        interval=report.interval,
        group_by=report.group,
        as_of=_local(call.now, report.zone),
        measures=[INFO[name] for name in report.measures],
        rows=rows,
        total=tables.figures(whole, report.measures),
    )


async def _cells(call: Call, report: Report) -> dict[tuple[int, Any], Cell]:
    """What each interval and key comes to; of teams: each agent."""
    question = reports.Question(report.group, report.edges, report.campaigns, report.agents)
    found: dict[tuple[int, Any], Cell] = {}

    def cell(key: reports.Key) -> Cell:
        return found.setdefault((key.interval, _key(report.group, key)), Cell())

    for key, sums in (await reports.sums(call.db, call.organisation, question, call.now)).items():
        cell(key).take(Cell(sums))
    if PAUSED_BY_REASON in report.measures:
        for key, sums in (await reports.paused(call.db, call.organisation, question, call.now)).items():
            cell(key).take(Cell(paused={key.text: sums.get("paused_s", 0)}))
    return found


def _key(group: Group, key: reports.Key) -> Any:
    """As rows of the group show it."""
    match group:
        case "none" | "hourOfDay":
            return None
        case "campaign" | "queue":
            return key.campaign or None
        case "wrapCode":
            return key.campaign, key.id
        case "dialStatus":
            return None if key.id < 0 else key.id
        case "number":
            return key.text or None
        case "agent" | "team" | "list":
            return key.id or None


def _order(key: Any) -> Any:
    return 0 if key is None else key


async def _named(call: Call, group: Group, keys: Collection[Any]) -> Mapping[Any, Any]:
    """What people call each key."""
    ids = [key for key in keys if key is not None]
    match group:
        case "campaign" | "queue":
            return await reports.campaigns(call.db, call.organisation, ids)
        case "agent":
            return await reports.agents(call.db, call.organisation, ids)
        case "list":
            return await reports.lists(call.db, call.organisation, ids)
        case "team":
            found = await reports.teams(call.db, call.organisation, None)
            return {row["team_id"]: row for row in found}
        case "wrapCode":
            codes = await reports.wrap_codes(call.db, call.organisation, {key[0] for key in ids})
            return {key: {"name": description} for key, description in codes.items()}
        case "dialStatus":
            return {key: {"name": DIAL_STATUS_NAMES[key]} for key in ids}
        case "none" | "hourOfDay" | "number":
            return {}


def _count_leads(cells: Mapping[tuple[int, Any], Cell], whole: Cell, names: Mapping[Any, Any]) -> None:
    """How many leads the lists have now, for their penetration."""
    for (_, key), cell in cells.items():
        if key in names:
            cell.sums["leads"] = names[key]["leads"]
    whole.sums["leads"] = sum(each["leads"] for each in names.values())


def _row(report: Report, interval: int, key: Any, cell: Cell, names: Mapping[Any, Any]) -> FigureRow:
    campaign, shown = None, key
    if report.group == "wrapCode":
        campaign, code = key
        shown = code or None
    whole = bool(report.hours)
    return FigureRow(
        begin=_local(report.begin if whole else report.edges[interval], report.zone),
        end=_local(report.end if whole else report.edges[interval + 1], report.zone),
        key=shown,
        name=names[key]["name"] if key in names else None,
        campaign_id=campaign,
        figures=tables.figures(cell, report.measures),
    )


def _local(at: datetime, zone: ZoneInfo) -> datetime:
    return at.astimezone(zone).replace(microsecond=0)

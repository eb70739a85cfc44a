"""Figures of a period: by intervals of a zone, and by campaign, agent or whatever else they are grouped by."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any, cast
from zoneinfo import ZoneInfo

import msgspec
from starlette.responses import Response

from callfloor.api.call import Call, invalid
from callfloor.api.operation import operation
from callfloor.api.reports.calls import link, template
from callfloor.api.reports.question import INFO, Report, asked
from callfloor.contract.codes import DIAL_STATUS_NAMES
from callfloor.contract.reports import FigureRow, Figures, FiguresQuery, Group, Measures
from callfloor.rules.figures import sheets, tables
from callfloor.rules.figures.measures import PAUSED_BY_REASON
from callfloor.rules.figures.tables import Cell
from callfloor.store.figures import reports

MOST_ROWS = 20_000
CSV, XLSX = "text/csv", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
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
    report = await asked(call, query)
    found = await figures_of(call, report)
    accepted = call.headers.get(b"accept", b"").lower()
    if query.format == "csv" or (query.format == "json" and CSV.encode() in accepted):
        return cast("Figures", await _file(report, "csv", CSV, sheets.csv_of, found))
    if query.format == "xlsx" or (query.format == "json" and XLSX.encode() in accepted):
        return cast("Figures", await _file(report, "xlsx", XLSX, sheets.xlsx_of, found))
    return found


async def _file(
    report: Report, suffix: str, media_type: str, write: Callable[[Figures], bytes], found: Figures
) -> Response:
    first, last = (at.astimezone(report.zone).date() for at in (report.begin, report.end))
    name = f"report-{report.group}-{first}-{last}.{suffix}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(await asyncio.to_thread(write, found), media_type=media_type, headers=headers)


async def figures_of(call: Call, report: Report) -> Figures:
    """What a report comes to at this moment."""
    question = reports.Question(report.group, report.edges, report.campaigns, report.agents, report.teams)
    pauses = PAUSED_BY_REASON in report.measures
    answer = await reports.answer(call.db, call.organisation, question, call.now, pauses=pauses)
    cells = _cells(report, answer.sums, answer.paused)
    if answer.once is None:
        whole = tables.total(cells.values())
    else:
        whole = tables.total(_cells(report, answer.once, answer.paused_once or {}).values())
    if report.hours:
        cells = tables.folded(cells, report.hours)
    if report.group == "none":
        # a chart has no holes
        cells = {(number, None): Cell() for number in range(len(report.edges) - 1)} | cells
    names = await _named(call, report.group, {key for _, key in cells})
    if report.group == "list":
        _count_leads(cells, whole, names)
    # a second of work, where there are thousands of rows
    rows = await asyncio.to_thread(_rows, call, report, answer, cells, names)
    if len(rows) > MOST_ROWS:
        raise invalid(
            "interval", "too-many", f"makes {len(rows):,} rows; at most {MOST_ROWS:,} are given", in_body=False
        )
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


def _cells(
    report: Report, sums: Mapping[reports.Key, dict[str, int]], paused: Mapping[reports.Key, dict[str, int]]
) -> dict[tuple[int, Any], Cell]:
    """What each interval and key comes to."""
    found: dict[tuple[int, Any], Cell] = {}

    def cell(key: reports.Key) -> Cell:
        return found.setdefault((key.interval, _key(report.group, key)), Cell())

    for key, each in sums.items():
        cell(key).take(Cell(each))
    for key, each in paused.items():
        cell(key).take(Cell(paused={key.text: each.get("paused_s", 0)}))
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


@dataclass(frozen=True, slots=True)
class _Interval:
    """What its rows have in common. `link`: the beginning of that of a row, None: rows have none."""

    begin: datetime
    end: datetime
    final: bool
    revised: datetime | None
    link: str | None


def _intervals(call: Call, report: Report, answer: reports.Answer) -> list[_Interval]:
    if report.hours:
        changes = [at for at in answer.revised if at is not None]
        revised = _local(max(changes), report.zone) if changes else None
        whole = _local(report.begin, report.zone), _local(report.end, report.zone)
        return [_Interval(*whole, all(answer.final), revised, None)]
    edges = [_local(at, report.zone) for at in report.edges]
    return [
        _Interval(
            begin, end, final, None if revised is None else _local(revised, report.zone), link(call, report, number)
        )
        for number, ((begin, end), final, revised) in enumerate(
            zip(pairwise(edges), answer.final, answer.revised, strict=True)
        )
    ]


def _rows(
    call: Call,
    report: Report,
    answer: reports.Answer,
    cells: Mapping[tuple[int, Any], Cell],
    names: Mapping[Any, Any],
) -> list[FigureRow]:
    """In the order of intervals and keys; of those that are told apart, the ones of which a figure is not nothing."""
    every = _intervals(call, report, answer)
    rows: list[FigureRow] = []
    for number, key in sorted(cells, key=lambda each: (each[0], each[1] is None, _order(each[1]))):
        figures = tables.figures(cells[number, key], report.measures)
        if report.group != "none" and not any(figures.values()):
            continue
        interval = every[number]
        campaign, shown = key if report.group == "wrapCode" else (None, key)
        rows.append(
            FigureRow(
                begin=interval.begin,
                end=interval.end,
                key=(shown or None) if report.group == "wrapCode" else shown,
                name=names[key]["name"] if key in names else None,
                campaign_id=campaign,
                final=interval.final,
                revised_timestamp=interval.revised,
                calls_template=None if interval.link is None else template(report, interval.link, key),
                figures=figures,
            )
        )
    return rows


def _local(at: datetime, zone: ZoneInfo) -> datetime:
    return at.astimezone(zone).replace(microsecond=0)

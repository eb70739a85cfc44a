"""What a report comes to: its rows and their total."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any, Literal

from callfloor.contract.codes import DIAL_STATUS_NAMES
from callfloor.contract.reports import FigureRow, Figures, Group
from callfloor.jobs.reporting.links import link, template
from callfloor.jobs.reporting.question import INFO, Report
from callfloor.jobs.reporting.viewer import Viewer, refused
from callfloor.rules.figures import sheets, tables
from callfloor.rules.figures.measures import PAUSED_BY_REASON
from callfloor.rules.figures.tables import Cell
from callfloor.rules.values.times import local_time
from callfloor.store.figures import reports

MOST_ROWS = 20_000
Suffix = Literal["csv", "xlsx"]
MEDIA_TYPES: Mapping[Suffix, str] = {
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_WRITE: Mapping[Suffix, Callable[[Figures], bytes]] = {"csv": sheets.csv_of, "xlsx": sheets.xlsx_of}


async def file_of(found: Figures, suffix: Suffix) -> bytes:
    """A report as a table."""
    return await asyncio.to_thread(_WRITE[suffix], found)


def file_name(report: Report, suffix: Suffix) -> str:
    first, last = (at.astimezone(report.zone).date() for at in (report.begin, report.end))
    return f"report-{report.group}-{first}-{last}.{suffix}"


async def figures_of(viewer: Viewer, report: Report) -> Figures:
    """What a report comes to at this moment."""
    question = reports.Question(report.group, report.edges, report.campaigns, report.agents, report.teams)
    pauses = PAUSED_BY_REASON in report.measures
    answer = await reports.answer(viewer.db, viewer.organisation, question, viewer.now, pauses=pauses)
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
    names = await _named(viewer, report.group, {key for _, key in cells})
    if report.group == "list":
        _count_leads(cells, whole, names)
    # a second of work, where there are thousands of rows
    rows = await asyncio.to_thread(_rows, report, answer, cells, names)
    if len(rows) > MOST_ROWS:
        raise refused("interval", "too-many", f"makes {len(rows):,} rows; at most {MOST_ROWS:,} are given")
    return Figures(
        begin=local_time(report.begin, report.zone),
        end=local_time(report.end, report.zone),
        zone=report.zone.key,
        interval=report.interval,
        group_by=report.group,
        as_of=local_time(viewer.now, report.zone),
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


async def _named(viewer: Viewer, group: Group, keys: Collection[Any]) -> Mapping[Any, Any]:
    """What people call each key."""
    ids = [key for key in keys if key is not None]
    match group:
        case "campaign" | "queue":
            return await reports.campaigns(viewer.db, viewer.organisation, ids)
        case "agent":
            return await reports.agents(viewer.db, viewer.organisation, ids)
        case "list":
            return await reports.lists(viewer.db, viewer.organisation, ids)
        case "team":
            found = await reports.teams(viewer.db, viewer.organisation, None)
            return {row["team_id"]: row for row in found}
        case "wrapCode":
            codes = await reports.wrap_codes(viewer.db, viewer.organisation, {key[0] for key in ids})
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


def _intervals(report: Report, answer: reports.Answer) -> list[_Interval]:
    if report.hours:
        changes = [at for at in answer.revised if at is not None]
        revised = local_time(max(changes), report.zone) if changes else None
        whole = local_time(report.begin, report.zone), local_time(report.end, report.zone)
        return [_Interval(*whole, all(answer.final), revised, None)]
    edges = [local_time(at, report.zone) for at in report.edges]
    return [
        _Interval(
            begin, end, final, None if revised is None else local_time(revised, report.zone), link(report, number)
        )
        for number, ((begin, end), final, revised) in enumerate(
            zip(pairwise(edges), answer.final, answer.revised, strict=True)
        )
    ]


def _rows(
    report: Report,
    answer: reports.Answer,
    cells: Mapping[tuple[int, Any], Cell],
    names: Mapping[Any, Any],
) -> list[FigureRow]:
    """In the order of intervals and keys; of those that are told apart, the ones of which a figure is not nothing."""
    every = _intervals(report, answer)
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

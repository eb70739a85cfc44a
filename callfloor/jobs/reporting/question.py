"""What a report is asked for, and whether it can be had."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from callfloor.contract.reports import FiguresQuery, Group, Interval, MeasureInfo, SavedQuery
from callfloor.jobs.reporting.viewer import Viewer, refused
from callfloor.rules.figures import intervals
from callfloor.rules.figures.measures import MEASURES, PAUSED_BY_REASON, groups_of, is_time, of_group
from callfloor.rules.values.times import zone as zone_of
from callfloor.store.figures import reports

Asked = FiguresQuery | SavedQuery
# Groups whose figures are one person's, or some people's, each.
OF_PEOPLE = frozenset({"agent", "team"})
INFO: Mapping[str, MeasureInfo] = {
    name: MeasureInfo(
        name=name, title=each.title, unit=each.unit, groups=list(each.groups), calls=each.calls is not None
    )
    for name, each in MEASURES.items()
} | {
    PAUSED_BY_REASON: MeasureInfo(
        name=PAUSED_BY_REASON,
        title="Paused, by reason",
        unit="seconds",
        groups=list(groups_of(PAUSED_BY_REASON)),
        calls=False,
    )
}


@dataclass(frozen=True, slots=True)
class Report:
    """What was asked for, once it is known to be possible. `hours`: of intervals that are folded into hours of a day;
    `agents`: whose figures these are, `None`: everybody's and nobody's; `teams`: while in which of these, `None`:
    whatever they were in."""

    begin: datetime
    end: datetime
    zone: ZoneInfo
    interval: Interval
    group: Group
    measures: Sequence[str]
    edges: Sequence[datetime]
    hours: Sequence[int]
    campaigns: Collection[int] | None
    agents: Collection[int] | None
    teams: Collection[int] | None
    # what was given, as a link says it again
    filters: Mapping[str, int | None]


async def asked(viewer: Viewer, query: Asked, begin: datetime, end: datetime) -> Report:
    """Raises `Invalid` for what is not there, or does not go together. `begin`, `end`: edges of quarter-hours."""
    zone = await _zone(viewer, query)
    measures = _measures(query)
    whose = await _whose(viewer, query)
    edges, hours = _intervals(query, begin, end, zone)
    campaigns = None if query.campaign_id is None else {query.campaign_id}
    if query.group_by == "queue":
        queues = set(await reports.queues(viewer.db, viewer.organisation))
        campaigns = queues if campaigns is None else queues & campaigns
    filters = {"campaignId": query.campaign_id, "agentId": query.agent_id, "teamId": query.team_id}
    group = query.group_by
    return Report(begin, end, zone, query.interval, group, measures, edges, hours, campaigns, *whose, filters)


def between(begin: datetime, end: datetime, *, quarters: bool = True) -> tuple[datetime, datetime]:
    """A period, of whole quarters of an hour unless it is said otherwise. Raises `Invalid`."""
    for name, at in (("from", begin), ("to", end)):
        if quarters and not intervals.is_edge(at):
            raise refused(name, "not-a-quarter", "must be a whole quarter of an hour, such as 09:15")
    if end <= begin:
        raise refused("to", "order", "must be later than from")
    if end - begin > intervals.LONGEST:
        raise refused("to", "too-long", f"must be at most {intervals.LONGEST.days} days after from")
    return begin, end


async def _zone(viewer: Viewer, query: Asked) -> ZoneInfo:
    if query.campaign_id is None:
        if query.zone == "campaign":
            raise refused("zone", "missing", "is a campaign's: name it in campaignId")
        return viewer.zone
    found = await reports.campaigns(viewer.db, viewer.organisation, [query.campaign_id])
    if query.campaign_id not in found:
        raise refused("campaignId", "not-found", "names no campaign of this organisation")
    return zone_of(found[query.campaign_id]["timezone"]) if query.zone == "campaign" else viewer.zone


def _intervals(
    query: Asked, begin: datetime, end: datetime, zone: ZoneInfo
) -> tuple[Sequence[datetime], Sequence[int]]:
    if query.group_by == "hourOfDay":
        if query.interval != "none":
            raise refused("interval", "not-possible", "must be none with hourOfDay")
        return intervals.hours_of_day(begin, end, zone)
    try:
        return intervals.edges(begin, end, query.interval, zone), ()
    except intervals.TooManyIntervals:
        most = f"{intervals.MOST_INTERVALS:,}"
        message = f"cuts the period into more than {most}: ask for a longer interval, or a shorter period"
        raise refused("interval", "too-many", message) from None


def _measures(query: Asked) -> list[str]:
    """What is to be shown. Raises `Invalid` naming each measure that does not go with what else is asked for."""
    possible = [
        name
        for name in of_group(query.group_by)
        if not (is_time(name) and query.campaign_id is not None)
        and ((query.agent_id is None and query.team_id is None) or "agent" in groups_of(name))
    ]
    if query.measures is None:
        return possible
    wanted = list(dict.fromkeys(name.strip() for name in query.measures.split(",") if name.strip()))
    if not wanted:
        raise refused("measures", "missing", "must name one at least, or be left out")
    for name in wanted:
        if name not in INFO:
            raise refused("measures", "unknown", f"{name[:60]} is none of {', '.join(INFO)}")
        groups = groups_of(name)
        if query.group_by not in groups:
            with_it = ", ".join(of_group(query.group_by))
            raise refused(
                "measures", "not-with-group",
                f"{name} goes with {', '.join(groups)}; with {query.group_by} go {with_it}",
            )  # fmt: skip
        if name not in possible:
            why = "an agent's time is no campaign's" if is_time(name) else "it is of no agent"
            parameter = "campaignId" if is_time(name) and query.campaign_id is not None else "agentId"
            raise refused("measures", "not-with-filter", f"{name} does not go with {parameter}: {why}")
    return wanted


Whose = tuple[Collection[int] | None, Collection[int] | None]


async def _whose(viewer: Viewer, query: Asked) -> Whose:
    """Whose figures are asked for and may be seen: agents, and teams that they were in; None: everybody's."""
    if query.agent_id is None and query.team_id is None:
        if query.group_by == "team":
            return None, await _led(viewer)
        return (viewer.seen if query.group_by in OF_PEOPLE else None), None
    if query.group_by not in ("none", "hourOfDay", *OF_PEOPLE, "wrapCode"):
        parameter = "agentId" if query.agent_id is not None else "teamId"
        raise refused(parameter, "not-possible", f"does not go with {query.group_by}")
    agents, teams = await whose(viewer, query.agent_id, query.team_id)
    return agents, await _led(viewer) if teams is None and query.group_by == "team" else teams


async def whose(viewer: Viewer, agent_id: int | None, team_id: int | None) -> Whose:
    """The agents, and the team that they were in, that are named and seen; None: all. A team's figures are those of all
    who were in it, seen now or not. Raises `Invalid`."""
    agents = viewer.seen
    teams: Collection[int] | None = None
    if team_id is not None:
        led = await _led(viewer)
        if team_id not in await _every_team(viewer) or (led is not None and team_id not in led):
            raise refused("teamId", "not-found", "names no team of this organisation that you see")
        agents, teams = None, (team_id,)
    if agent_id is not None:
        there = await reports.agents(viewer.db, viewer.organisation, [agent_id])
        if not there or not (teams is not None or sees(viewer, agent_id)):
            raise refused("agentId", "not-found", "names no agent of this organisation that you see")
        agents = (agent_id,)
    return agents, teams


def sees(viewer: Viewer, agent_id: int) -> bool:
    """Whether an agent's figures may be shown."""
    return viewer.seen is None or agent_id in viewer.seen


async def _every_team(viewer: Viewer) -> set[int]:
    return {row["team_id"] for row in await reports.teams(viewer.db, viewer.organisation, None)}


async def _led(viewer: Viewer) -> frozenset[int] | None:
    """The teams whose figures the caller may see; None: all."""
    if viewer.seen is None:
        return None
    found = await reports.teams(viewer.db, viewer.organisation, viewer.person)
    return frozenset(row["team_id"] for row in found if row["led"])

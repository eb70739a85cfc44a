"""What a report is asked for, and whether it can be had."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from callfloor.api.call import Call, invalid
from callfloor.contract.reports import CountedQuery, FiguresQuery, Group, Interval, MeasureInfo
from callfloor.rules.figures import intervals
from callfloor.rules.figures.measures import MEASURES, PAUSED_BY_REASON, groups_of, is_time, of_group
from callfloor.rules.values.times import zone as zone_of
from callfloor.store.figures import reports
from callfloor.store.people.callers import Caller

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


async def asked(call: Call, query: FiguresQuery) -> Report:
    """Raises `Invalid` for what is not there, or does not go together."""
    begin, end = period(call, query)
    zone = await _zone(call, query)
    measures = _measures(query)
    whose = await _whose(call, query)
    edges, hours = _intervals(query, begin, end, zone)
    campaigns = None if query.campaign_id is None else {query.campaign_id}
    if query.group_by == "queue":
        queues = set(await reports.queues(call.db, call.organisation))
        campaigns = queues if campaigns is None else queues & campaigns
    filters = {"campaignId": query.campaign_id, "agentId": query.agent_id, "teamId": query.team_id}
    group = query.group_by
    return Report(begin, end, zone, query.interval, group, measures, edges, hours, campaigns, *whose, filters)


def period(call: Call, query: FiguresQuery | CountedQuery) -> tuple[datetime, datetime]:
    """Raises `Invalid`."""
    begin, end = _edge(call, query.begin, "from"), _edge(call, query.end, "to")
    if end <= begin:
        raise invalid("to", "order", "must be later than from", in_body=False)
    if end - begin > intervals.LONGEST:
        raise invalid("to", "too-long", f"must be at most {intervals.LONGEST.days} days after from", in_body=False)
    return begin, end


def _edge(call: Call, text: str, name: str) -> datetime:
    at = call.timestamp(text, name)
    if at is None or not intervals.is_edge(at):
        raise invalid(name, "not-a-quarter", "must be a whole quarter of an hour, such as 09:15", in_body=False)
    return at


async def _zone(call: Call, query: FiguresQuery) -> ZoneInfo:
    if query.campaign_id is None:
        if query.zone == "campaign":
            raise invalid("zone", "missing", "is a campaign's: name it in campaignId", in_body=False)
        return call.zone
    found = await reports.campaigns(call.db, call.organisation, [query.campaign_id])
    if query.campaign_id not in found:
        raise invalid("campaignId", "not-found", "names no campaign of this organisation", in_body=False)
    return zone_of(found[query.campaign_id]["timezone"]) if query.zone == "campaign" else call.zone


def _intervals(
    query: FiguresQuery, begin: datetime, end: datetime, zone: ZoneInfo
) -> tuple[Sequence[datetime], Sequence[int]]:
    if query.group_by == "hourOfDay":
        if query.interval != "none":
            raise invalid("interval", "not-possible", "must be none with hourOfDay", in_body=False)
        return intervals.hours_of_day(begin, end, zone)
    try:
        return intervals.edges(begin, end, query.interval, zone), ()
    except intervals.TooManyIntervals:
        most = f"{intervals.MOST_INTERVALS:,}"
        message = f"cuts the period into more than {most}: ask for a longer interval, or a shorter period"
        raise invalid("interval", "too-many", message, in_body=False) from None


def _measures(query: FiguresQuery) -> list[str]:
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
        raise invalid("measures", "missing", "must name one at least, or be left out", in_body=False)
    for name in wanted:
        if name not in INFO:
            raise invalid("measures", "unknown", f"{name[:60]} is none of {', '.join(INFO)}", in_body=False)
        groups = groups_of(name)
        if query.group_by not in groups:
            with_it = ", ".join(of_group(query.group_by))
            raise invalid(
                "measures", "not-with-group",
                f"{name} goes with {', '.join(groups)}; with {query.group_by} go {with_it}", in_body=False,
            )  # fmt: skip
        if name not in possible:
            why = "an agent's time is no campaign's" if is_time(name) else "it is of no agent"
            parameter = "campaignId" if is_time(name) and query.campaign_id is not None else "agentId"
            raise invalid("measures", "not-with-filter", f"{name} does not go with {parameter}: {why}", in_body=False)
    return wanted


Whose = tuple[Collection[int] | None, Collection[int] | None]


async def _whose(call: Call, query: FiguresQuery) -> Whose:
    """Whose figures are asked for and may be seen: agents, and teams that they were in; None: everybody's."""
    if query.agent_id is None and query.team_id is None:
        if query.group_by == "team":
            return None, await _led(call)
        return (seen_by(call.caller) if query.group_by in OF_PEOPLE else None), None
    if query.group_by not in ("none", "hourOfDay", *OF_PEOPLE, "wrapCode"):
        parameter = "agentId" if query.agent_id is not None else "teamId"
        raise invalid(parameter, "not-possible", f"does not go with {query.group_by}", in_body=False)
    agents, teams = await whose(call, query)
    return agents, await _led(call) if teams is None and query.group_by == "team" else teams


async def whose(call: Call, query: FiguresQuery | CountedQuery) -> Whose:
    """The agents, and the team that they were in, that are named and seen; None: all. A team's figures are those of all
    who were in it, seen now or not. Raises `Invalid`."""
    agents = seen_by(call.caller)
    teams: Collection[int] | None = None
    if query.team_id is not None:
        led = await _led(call)
        if query.team_id not in await _every_team(call) or (led is not None and query.team_id not in led):
            raise invalid("teamId", "not-found", "names no team of this organisation that you see", in_body=False)
        agents, teams = None, (query.team_id,)
    if query.agent_id is not None:
        there = await reports.agents(call.db, call.organisation, [query.agent_id])
        if not there or not (teams is not None or sees(call.caller, query.agent_id)):
            raise invalid("agentId", "not-found", "names no agent of this organisation that you see", in_body=False)
        agents = (query.agent_id,)
    return agents, teams


def seen_by(caller: Caller) -> frozenset[int] | None:
    """The agents whose figures the caller may see; None: all. A supervisor sees those of its teams; an auditor or a
    program supervises nobody, and sees all."""
    return caller.reach if caller.may("workspace:supervise") else None


def sees(caller: Caller, agent_id: int) -> bool:
    """Whether the caller may see an agent's figures."""
    seen = seen_by(caller)
    return seen is None or agent_id in seen


async def _every_team(call: Call) -> set[int]:
    return {row["team_id"] for row in await reports.teams(call.db, call.organisation, None)}


async def _led(call: Call) -> frozenset[int] | None:
    """The teams whose figures the caller may see; None: all."""
    if seen_by(call.caller) is None:
        return None
    person = call.caller.person
    found = await reports.teams(call.db, call.organisation, None if person is None else person.user_id)
    return frozenset(row["team_id"] for row in found if row["led"])

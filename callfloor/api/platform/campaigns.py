"""Campaign statistics."""

from __future__ import annotations

from typing import Any

from asyncpg import Record

from callfloor.api.call import Call, not_found
from callfloor.api.operation import operation
from callfloor.api.platform.registers import WASH_EXAMPLE, wash_of
from callfloor.contract.campaigns import (
    CampaignAgents,
    DiallerStatistics,
    InboundStatistics,
    ListStatistics,
    OutboundStatistics,
    StatisticsQuery,
)
from callfloor.errors import WrongDirection
from callfloor.rules.values.times import format_timestamp, zone
from callfloor.store.figures import statistics
from callfloor.store.privacy.registers import Washed
from callfloor.store.setup import campaigns

AGENTS_EXAMPLE = {"loggedIn": 9, "ready": 0, "dialling": 0, "onCall": 6, "onWrap": 1, "paused": 2}
OUTBOUND_EXAMPLE: dict[str, Any] = {
    "campaignId": 1,
    "campaignName": "Support Outbound",
    "agents": {"loggedIn": 3, "ready": 1, "dialling": 1, "onCall": 1, "onWrap": 0, "paused": 0},
    "isActive": True,
    "createdDate": "2020-07-06T13:55:06+10:00",
    "lastUpdated": "2020-07-06T13:55:06+10:00",
    "lists": [
        {
            "listId": 100,
            "listName": "List One",
            "inDialler": True,
            "weight": 1,
            "leads": 1200,
            "dialable": 900,
            "completed": 250,
            "lastDialledTimestamp": "2021-08-01T13:54:58+10:00",
        }
    ],
    "dialler": {
        "mode": "progressive",
        "linesInUse": 2,
        "attempts": 120,
        "liveAnswers": 40,
        "abandoned": 1,
        "abandonmentRate": 0.025,
        "averageConnectDelayMs": 85,
    },
    "registerWash": WASH_EXAMPLE,
    "timestamp": "2021-08-01T13:55:06+10:00",
    "timezone": "Australia/Sydney",
}
INBOUND_EXAMPLE: dict[str, Any] = {
    "campaignId": 1,
    "campaignName": "Support Inbound",
    "maxCallWaitingTime": 18,
    "averageWaitingTime": 9,
    "estimatedCallWaitingTime": 30,
    "agents": AGENTS_EXAMPLE,
    "callsWaiting": 0,
    "callsReceived": 2,
    "callsAbandonedInWorkflow": 0,
    "callsAbandonedInQueue": 0,
    "callsMissed": 0,
    "callsOverflowed": 0,
    "callsToVoicemail": 0,
    "serviceLevelSeconds": 20.0,
    "serviceLevel": 0.5,
    "timestamp": "2020-07-06T13:55:06+10:00",
    "timezone": "Australia/Sydney",
}


@operation(
    "GET",
    "/campaign/{campaignId}/statistics/outbound",
    scope="campaigns:read",
    summary="Outbound campaign statistics",
    tag="campaign",
    example=OUTBOUND_EXAMPLE,
    query={"period": "hour"},
    problems=[WrongDirection],
)
async def get_outbound_statistics(call: Call, campaign_id: int, query: StatisticsQuery) -> OutboundStatistics:
    """Agents, lists and dialler of an outbound campaign at this moment.

    The dialler's attempts, answers and delays are over the period, by when the call was dialled, and leave out calls
    that agents dialled by hand. `liveAnswers` counts persons who answered, `abandoned` those of them whom no agent
    joined.
    """
    found = await statistics.outbound(call.db, call.organisation, campaign_id, query.period or "hour", call.now)
    if found is None:
        raise not_found("campaign")
    row = found.campaign
    if row["direction"] != "outbound":
        raise WrongDirection("This is an inbound campaign: ask for statistics/inbound.")
    setup = await campaigns.get(call.db, call.organisation, campaign_id)
    at = zone(row["timezone"])
    live, abandoned = int(row["live_answers"]), int(row["abandoned"])
    return OutboundStatistics(
        campaign_id=row["campaign_id"],
        campaign_name=row["name"],
        agents=_agents_of(row),
        is_active=row["active"],
        created_date=format_timestamp(row["created_at"], at),
        last_updated=format_timestamp(row["updated_at"], at),
        lists=[
            ListStatistics(
                list_id=each.list_id,
                list_name=each.name,
                in_dialler=each.in_dialler,
                weight=each.weight,
                leads=each.leads,
                dialable=each.dialable,
                completed=each.completed,
                last_dialled_timestamp=(
                    None if each.last_dialled_at is None else format_timestamp(each.last_dialled_at, at)
                ),
            )
            for each in found.lists
        ],
        dialler=DiallerStatistics(
            mode=row["mode"],
            lines_in_use=row["lines_in_use"],
            attempts=int(row["attempts"]),
            live_answers=live,
            abandoned=abandoned,
            abandonment_rate=round(abandoned / live, 4) if live else None,
            average_connect_delay_ms=_average(row["connect_delay_ms"], row["connected"]),
        ),
        register_wash=None if setup is None or setup.facts.wash is None else wash_of(call, Washed.of(setup)),
        timestamp=format_timestamp(call.now, at),
        timezone=row["timezone"],
    )


@operation(
    "GET",
    "/campaign/{campaignId}/statistics/inbound",
    scope="campaigns:read",
    summary="Inbound campaign statistics",
    tag="campaign",
    example=INBOUND_EXAMPLE,
    query={"period": "day"},
    problems=[WrongDirection],
)
async def get_inbound_statistics(call: Call, campaign_id: int, query: StatisticsQuery) -> InboundStatistics:
    """Agents, queue and calls of an inbound campaign at this moment; times are seconds.

    `callsReceived` counts what came to the campaign: calls, and those that agents or other queues gave to its queue.
    Waiting times are over the legs that joined the queue in the period, those waiting now with their time so far.
    `estimatedCallWaitingTime` is what a caller who joined now would wait, from the handling time of the period's
    calls, else of the last day's, and the agents who are not paused; null when there is none of them, or no call was
    handled. docs/figures.md has every definition.
    """
    row = await statistics.inbound(call.db, call.organisation, campaign_id, query.period or "hour", call.now)
    if row is None:
        raise not_found("campaign")
    if row["direction"] != "inbound":
        raise WrongDirection("This is an outbound campaign: ask for statistics/outbound.")
    return InboundStatistics(
        campaign_id=row["campaign_id"],
        campaign_name=row["name"],
        max_call_waiting_time=max(row["longest_wait_s"], row["longest_still_waiting_s"]),
        average_waiting_time=_average(row["waiting_s"] + row["still_waiting_s"], row["waited"] + row["still_waiting"])
        or 0,
        estimated_call_waiting_time=_estimated_wait_s(row),
        agents=_agents_of(row),
        calls_waiting=row["calls_waiting"],
        calls_received=int(row["received"]),
        calls_abandoned_in_workflow=int(row["in_workflow"]),
        calls_abandoned_in_queue=int(row["in_queue"]),
        calls_missed=int(row["missed"]),
        calls_overflowed=int(row["overflowed"]),
        calls_to_voicemail=int(row["voicemails"]),
        service_level_seconds=round(row["service_level_s"]),
        service_level=_service_level(row),
        timestamp=format_timestamp(call.now, zone(row["timezone"])),
        timezone=row["timezone"],
    )


def _agents_of(row: Record) -> CampaignAgents:
    names = ("logged_in", "ready", "dialling", "on_call", "on_wrap", "paused")
    return CampaignAgents(**{name: row[name] for name in names})


def _average(total: int, of: int) -> int | None:
    """To the nearest whole number, halves up; None of nothing."""
    return int((2 * total + of) // (2 * of)) if of else None


def _service_level(row: Record) -> float | None:
    in_time, late = int(row["in_time"]), int(row["too_late"]) + row["waiting_too_long"]
    return round(in_time / (in_time + late), 4) if in_time + late else None


def _estimated_wait_s(row: Record) -> int | None:
    working = row["logged_in"] - row["paused"]
    if working == 0:
        return None
    if row["ready"] > 0 and row["calls_waiting"] == 0:
        return 0
    if row["average_of"] == 0:
        return None
    return _average((row["calls_waiting"] + 1) * row["average_sum_s"], row["average_of"] * working)

"""The floor as it is at one moment, out of what a reading found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from callfloor.contract.live_floor import (
    AgentCounts,
    FloorAgent,
    FloorAlert,
    FloorCall,
    FloorCaller,
    FloorCampaign,
    FloorNode,
    FloorQueue,
    FloorTrunk,
)
from callfloor.contract.workspace import Call, Session
from callfloor.rules.figures import live_floor
from callfloor.rules.routing.sessions import coherent
from callfloor.rules.values.times import local_time
from callfloor.store.figures.live_floor import AgentRow, AlertRow, CallerRow, CampaignRow, NodeRow, Rows


@dataclass(frozen=True, slots=True)
class Window:
    """What a campaign may abandon, and what came of that before the minutes of a reading. `began`: when dialling did,
    today."""

    cap: float
    days: float
    live: int = 0
    abandoned: int = 0
    today_live: int = 0
    today_abandoned: int = 0
    began: datetime | None = None


@dataclass(frozen=True, slots=True)
class Picture:
    """Each part by the keys of its items."""

    at: datetime
    agents: Mapping[int, FloorAgent] = field(default_factory=dict[int, FloorAgent])
    callers: Mapping[int, FloorCaller] = field(default_factory=dict[int, FloorCaller])
    queues: Mapping[int, FloorQueue] = field(default_factory=dict[int, FloorQueue])
    campaigns: Mapping[int, FloorCampaign] = field(default_factory=dict[int, FloorCampaign])
    trunks: Mapping[str, FloorTrunk] = field(default_factory=dict[str, FloorTrunk])
    nodes: Mapping[str, FloorNode] = field(default_factory=dict[str, FloorNode])
    alerts: Mapping[int, FloorAlert] = field(default_factory=dict[int, FloorAlert])


def picture(rows: Rows, windows: Mapping[int, Window], now: datetime, zone: ZoneInfo) -> Picture:
    """What the rows show; times in `zone`. Campaigns without a window are left out until they have one."""
    counts = _counts(rows.agents)
    waiting: dict[int, CallerRow] = {}
    for row in rows.callers:
        waiting.setdefault(row.campaign_id, row)
    inbound = [row for row in rows.campaigns if row.direction == "inbound"]
    outbound = [row for row in rows.campaigns if row.direction == "outbound" and row.campaign_id in windows]
    return Picture(
        at=local_time(now, zone),
        agents={row.agent_id: _agent(row, zone) for row in rows.agents},
        callers={row.activity_id: _caller(row, zone) for row in rows.callers},
        queues={
            row.campaign_id: _queue(row, counts.get(row.campaign_id), waiting.get(row.campaign_id), zone)
            for row in inbound
        },
        campaigns={
            row.campaign_id: _campaign(row, counts.get(row.campaign_id), windows[row.campaign_id], now, zone)
            for row in outbound
        },
        trunks={row.name: FloorTrunk(name=row.name, lines=row.calls) for row in rows.nodes if row.kind == "trunk"},
        nodes={row.name: node for row in rows.nodes if (node := _node(row, zone)) is not None},
        alerts={row.alert_id: _alert(row, zone) for row in rows.alerts},
    )


def _alert(row: AlertRow, zone: ZoneInfo) -> FloorAlert:
    return FloorAlert(
        alert_id=row.alert_id,
        rule=row.rule,
        kind=row.kind,
        severity=row.severity,
        about=row.about,
        campaign_id=row.campaign_id,
        agent_id=row.agent_id,
        full_name=row.full_name,
        value=row.value,
        threshold=row.threshold,
        fired=local_time(row.fired_at, zone),
        acknowledged_by=row.acknowledged_by,
        silenced_until=None if row.silenced_until is None else local_time(row.silenced_until, zone),
    )


def agent_without_number(agent: FloorAgent) -> FloorAgent:
    """As those see it who may not see numbers."""
    call = agent.call
    return agent if call is None else replace(agent, call=replace(call, number=live_floor.masked(call.number)))


def caller_without_number(caller: FloorCaller) -> FloorCaller:
    """As those see it who may not see numbers."""
    return replace(caller, number=live_floor.masked(caller.number))


_STATES = {"ready": "ready", "dialling": "dialling", "on-call": "on_call", "on-wrap": "on_wrap", "paused": "paused"}


def _counts(agents: list[AgentRow]) -> dict[int, AgentCounts]:
    found: dict[int, Counter[str]] = {}
    for agent in agents:
        for campaign in agent.campaigns:
            found.setdefault(campaign, Counter())[_STATES[agent.state]] += 1
    return {campaign: AgentCounts(signed_in=of.total(), **of) for campaign, of in found.items()}


def _busy(counts: AgentCounts) -> float | None:
    return live_floor.utilisation(counts.on_call + counts.on_wrap, counts.signed_in - counts.paused)


def _agent(row: AgentRow, zone: ZoneInfo) -> FloorAgent:
    hand = row.at_hand
    session = coherent(
        Session(
            agent_id=row.agent_id,
            sequence=0,
            state=row.state,
            since=row.since,
            reason=row.reason,
            wanted=row.wanted,
            call=hand.call,
            preview=hand.preview,
            wrap_up_seconds=hand.wrap_up_seconds,
        )
    )
    return FloorAgent(
        agent_id=row.agent_id,
        username=row.username,
        full_name=row.full_name,
        state=row.state,
        since=local_time(row.since, zone),
        reason=row.reason,
        wanted=row.wanted,
        campaign_ids=row.campaigns,
        call=None if session.call is None else _call(session.call, zone),
        preview_lead_id=None if session.preview is None else session.preview.lead_id,
    )


def _call(call: Call, zone: ZoneInfo) -> FloorCall:
    connected = call.connected_timestamp
    return FloorCall(
        activity_id=call.activity_id,
        direction=call.direction,
        campaign_id=call.campaign_id,
        campaign_name=call.campaign_name,
        number=call.number,
        lead_id=call.lead_id,
        state=call.state,
        connected_timestamp=None if connected is None else local_time(connected, zone),
        held=call.held,
        muted=call.muted,
        consulting=call.consulting,
        parties=len(call.parties),
    )


def _caller(row: CallerRow, zone: ZoneInfo) -> FloorCaller:
    return FloorCaller(
        activity_id=row.activity_id,
        campaign_id=row.campaign_id,
        number=row.number,
        lead_id=row.lead_id,
        since=local_time(row.since, zone),
    )


def _queue(row: CampaignRow, counts: AgentCounts | None, first: CallerRow | None, zone: ZoneInfo) -> FloorQueue:
    agents = counts or AgentCounts()
    return FloorQueue(
        campaign_id=row.campaign_id,
        name=row.name,
        active=row.active,
        led=row.led,
        waiting=0 if first is None else first.total,
        longest_since=None if first is None else local_time(first.since, zone),
        agents=agents,
        utilisation=_busy(agents),
    )


def _campaign(
    row: CampaignRow, counts: AgentCounts | None, window: Window, now: datetime, zone: ZoneInfo
) -> FloorCampaign:
    agents = counts or AgentCounts()
    live, abandoned = window.live + row.live, window.abandoned + row.abandoned
    left = live_floor.abandonment_left(window.cap, live, abandoned)
    binds = live_floor.cap_binds_at(
        now.astimezone(UTC),
        window.cap,
        live=live,
        abandoned=abandoned,
        today_live=window.today_live + row.live,
        today_abandoned=window.today_abandoned + row.abandoned,
        began=window.began or now,
    )
    runs_out = live_floor.leads_run_out_at(now, row.dialable, row.attempts)
    return FloorCampaign(
        campaign_id=row.campaign_id,
        name=row.name,
        mode=row.mode,
        active=row.active,
        led=row.led,
        max_lines=row.max_lines,
        ringing=row.ringing,
        talking=row.talking,
        agents=agents,
        utilisation=_busy(agents),
        live_answers=live,
        abandoned=abandoned,
        abandonment_rate=round(abandoned / live, 4) if live else None,
        abandonment_cap=window.cap,
        abandonment_left=left,
        window_days=window.days,
        cap_binds=row.mode == "predictive" and left == 0,
        cap_binds_timestamp=None if binds is None else binds.astimezone(zone),
        dialable_leads=row.dialable,
        leads_run_out_timestamp=None if runs_out is None else runs_out.astimezone(zone),
    )


def _node(row: NodeRow, zone: ZoneInfo) -> FloorNode | None:
    if row.kind == "trunk":
        return None
    state = "up" if row.up else "down"
    return FloorNode(name=row.name, kind=row.kind, state=state, since=local_time(row.since, zone), calls=row.calls)

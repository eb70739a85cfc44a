"""Campaigns as they dial: everything that a centre file says of them, in one reading."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import msgspec
from asyncpg import Record

from callfloor.contract.campaigns import CampaignMode
from callfloor.contract.dialling import Dialling, Outcome, Strategy
from callfloor.contract.workflows import QueueSettings
from callfloor.regimes import regime_of
from callfloor.rules.dialling.holidays import has_calendar
from callfloor.rules.dialling.hours import Hours, clip, parse_hours
from callfloor.rules.dialling.lead_facts import CampaignFacts, ListFacts
from callfloor.rules.dialling.regimes import Regime
from callfloor.rules.dialling.register_wash import Wash
from callfloor.rules.dialling.strategy import DEFAULT, never_again
from callfloor.store.db.pool import Database
from callfloor.store.figures.statistics import UNDECIDED
from callfloor.store.setup import organisations

# `of`: the organisation
_columns = """c.organisation_id, c.campaign_id, c.name, c.direction, c.timezone, c.mode, c.active, c.let_go,
    c.calling_hours, c.max_attempts, c.numbers, c.dialling, c.queue, o.country, o.new_number_ranges, o.hash_key,
    o.destinations, o.tell_of_monitoring, o.timezone AS organisation_timezone,
    (SELECT coalesce(array_agg(m.agent_id), '{{}}') FROM campaign_agents m
     WHERE m.organisation_id = {of} AND m.campaign_id = c.campaign_id) AS agents,
    (SELECT coalesce(array_agg(v.agent_id), '{{}}') FROM agent_moves v
     WHERE v.organisation_id = {of} AND v.campaign_id = c.campaign_id) AS moved_here,
    (SELECT coalesce(array_agg(w.code ORDER BY w.code), '{{}}') FROM wrap_codes w
     WHERE w.organisation_id = {of} AND w.campaign_id = c.campaign_id) AS wrap_codes,
    (SELECT coalesce(json_agg(json_build_array(l.list_id, l.in_dialler, l.weight, l.strategy) ORDER BY l.list_id),
        '[]')::text
     FROM lists l WHERE l.organisation_id = {of} AND l.campaign_id = c.campaign_id) AS lists,
    (SELECT coalesce(json_object_agg(s.name, s.outcomes), '{{}}')::text FROM strategies s
     WHERE s.organisation_id = {of}) AS strategies,
    (SELECT coalesce(json_object_agg(r.name, r.last_washed_at), '{{}}')::text FROM do_not_call_registers r
     WHERE r.organisation_id = {of}) AS washed""".format
_OF_ONE, _OF_EACH = _columns(of="$1"), _columns(of="c.organisation_id")
_FROM = "campaigns c JOIN organisations o ON o.organisation_id = c.organisation_id"
GET_SQL = f"SELECT {_OF_ONE} FROM {_FROM} WHERE c.organisation_id = $1 AND c.campaign_id = $2"
OF_ORGANISATION_SQL = f"SELECT {_OF_ONE} FROM {_FROM} WHERE c.organisation_id = $1 ORDER BY c.campaign_id"
OUTBOUND_SQL = f"SELECT {_OF_EACH} FROM {_FROM} WHERE c.direction = 'outbound'"
INBOUND_SQL = f"SELECT {_OF_EACH} FROM {_FROM} WHERE c.direction = 'inbound'"
# The rolling window's live answers by hour, and what the last calls of the campaign took.
SPENT_SQL = f"""
SELECT date_trunc('hour', minute) AS hour, sum(live_answers)::integer AS live, sum(abandoned)::integer AS abandoned
FROM (
    SELECT minute, live_answers, abandoned FROM campaign_minutes
    WHERE organisation_id = $1 AND campaign_id = $2 AND minute >= $3
    UNION ALL
    SELECT dialled_at, 1, 0 FROM attempts
    WHERE organisation_id = $1 AND campaign_id = $2 AND dialled_at >= $3 AND mode <> 'manual' AND dial_status IN (1, 7)
        AND {UNDECIDED}
) AS m
GROUP BY 1 HAVING sum(live_answers) > 0 ORDER BY 1"""
RECENT_SQL = """
SELECT a.dialled_at, a.dial_status,
    extract(epoch FROM coalesce(a.answered_at, a.hang_up_at) - a.dialled_at)::float8 AS rang_s,
    extract(epoch FROM v.hang_up_at - v.answered_at)::float8 AS talk_s,
    extract(epoch FROM v.wrap_up_at - v.hang_up_at)::float8 AS wrap_s
FROM (
    SELECT * FROM attempts WHERE organisation_id = $1 AND campaign_id = $2 AND dialled_at >= $3
        AND hang_up_at IS NOT NULL
    ORDER BY dialled_at DESC, attempt_id DESC LIMIT $4
) AS a
LEFT JOIN activities v ON v.organisation_id = $1 AND v.activity_id = a.activity_id
    AND v.created_at = a.dialled_at AND v.created_at >= $3
ORDER BY a.dialled_at DESC, a.attempt_id DESC"""


@dataclass(frozen=True, slots=True)
class ListSetup:
    facts: ListFacts
    strategy: Strategy


@dataclass(frozen=True, slots=True)
class CampaignSetup:
    """A campaign. `lists` by id; `hash_key`: the organisation's, for numbers that must not be dialled. `mode` None:
    it is inbound, and callers wait in its `queue`. `let_go`: when it is off, what rings or waits is let go."""

    organisation: int
    campaign: int
    name: str
    mode: CampaignMode | None
    numbers: tuple[str, ...]
    let_go: bool
    dialling: Dialling
    queue: QueueSettings
    regime: Regime
    facts: CampaignFacts
    lists: Mapping[int, ListSetup]
    country: str
    new_number_ranges: frozenset[str]
    # of the organisation, whose days its limits are counted by
    zone: str
    tell_of_monitoring: bool
    agents: frozenset[int]
    wrap_codes: tuple[int, ...]
    hash_key: bytes

    @property
    def abandonment_cap(self) -> float:
        """Its own, or what its regime allows, whichever is less."""
        own = self.dialling.abandonment_cap
        return self.regime.abandonment_cap if own is None else min(own, self.regime.abandonment_cap)


class _List(msgspec.Struct, array_like=True):
    list_id: int
    in_dialler: bool
    weight: int
    strategy: str | None


async def get(db: Database, organisation: int, campaign_id: int) -> CampaignSetup | None:
    row = await db.fetchrow(GET_SQL, organisation, campaign_id)
    return None if row is None else _setup(row)


async def of(db: Database, organisation: int) -> list[CampaignSetup]:
    """Every campaign of an organisation, by id."""
    return [_setup(row) for row in await db.fetch(OF_ORGANISATION_SQL, organisation)]


async def outbound(db: Database) -> list[CampaignSetup]:
    """Every outbound campaign of every organisation."""
    return [_setup(row) for row in await db.fetch(OUTBOUND_SQL)]


async def inbound(db: Database) -> list[CampaignSetup]:
    """Every inbound campaign of every organisation."""
    return [_setup(row) for row in await db.fetch(INBOUND_SQL)]


def _setup(row: Record) -> CampaignSetup:
    dialling = msgspec.json.decode(row["dialling"], type=Dialling)
    regime = regime_of(dialling.regime, row["country"])
    named = {
        name: Strategy(name, outcomes)
        for name, outcomes in msgspec.json.decode(row["strategies"], type=dict[str, dict[int, Outcome]]).items()
    }
    usual = named.get(dialling.strategy or "", DEFAULT)
    lists: dict[int, ListSetup] = {}
    for each in msgspec.json.decode(row["lists"], type=list[_List]):
        strategy = named.get(each.strategy or "", usual)
        lists[each.list_id] = ListSetup(ListFacts(each.in_dialler, each.weight, never_again(strategy)), strategy)
    # a centre file is held to the regime, but the regime may have become stricter since
    own = None if dialling.contact_hours is None else clip(parse_hours(dialling.contact_hours), regime.hours)
    # those of the regime's own country, where it is one's
    calendar = regime.name if has_calendar(regime.name) else row["country"]
    closed = regime.closed_on_holidays and has_calendar(calendar)
    facts = CampaignFacts(
        direction=row["direction"],
        active=row["active"],
        zone=row["timezone"],
        hours=_hours(row["calling_hours"]),
        max_attempts=row["max_attempts"],
        contact_hours=own or regime.hours,
        holidays=dialling.holidays or (calendar if closed else None),
        max_per_number=dialling.max_attempts_per_number,
        max_per_day=dialling.max_attempts_per_day,
        abandoned_rest=regime.abandoned_rest,
        wash=_wash(regime, dialling, row["washed"]),
        destinations=organisations.policy(row),
    )
    return CampaignSetup(
        organisation=row["organisation_id"],
        campaign=row["campaign_id"],
        name=row["name"],
        mode=row["mode"] or ("progressive" if row["direction"] == "outbound" else None),
        numbers=tuple(row["numbers"]),
        let_go=row["let_go"],
        dialling=dialling,
        queue=msgspec.json.decode(row["queue"], type=QueueSettings),
        regime=regime,
        facts=facts,
        lists=lists,
        country=row["country"],
        new_number_ranges=frozenset(row["new_number_ranges"]),
        zone=row["organisation_timezone"],
        tell_of_monitoring=row["tell_of_monitoring"],
        agents=frozenset((*row["agents"], *row["moved_here"])),
        wrap_codes=tuple(row["wrap_codes"]),
        hash_key=row["hash_key"],
    )


def _wash(regime: Regime, dialling: Dialling, encoded: str) -> Wash | None:
    if regime.register is None or dialling.register_wash == "off":
        return None
    last = msgspec.json.decode(encoded, type=dict[str, datetime]).get(regime.register.name)
    return Wash(regime.register, last, required=dialling.register_wash == "required")


def _hours(encoded: str | None) -> Hours | None:
    return None if encoded is None else parse_hours(msgspec.json.decode(encoded, type=dict[str, list[str]]))


# What a switch would touch: lines that ring, people who talk, and callers who wait, at this moment.
STANDING_SQL = """
SELECT c.campaign_id, c.direction, c.active, c.let_go,
    (SELECT count(*) FROM attempts a WHERE a.organisation_id = $1 AND a.campaign_id = c.campaign_id
        AND a.hang_up_at IS NULL AND a.answered_at IS NULL) AS ringing,
    (SELECT count(*) FROM open_legs o JOIN activities v USING (organisation_id, activity_id, created_at)
        WHERE o.organisation_id = $1 AND o.campaign_id = c.campaign_id AND v.join_queue_at IS NOT NULL
        AND v.answered_at IS NULL AND v.left_queue_at IS NULL AND v.hang_up_at IS NULL) AS waiting,
    (SELECT count(*) FROM (
            SELECT activity_id, created_at FROM open_legs
            WHERE organisation_id = $1 AND campaign_id = c.campaign_id
            UNION
            SELECT activity_id, dialled_at FROM attempts
            WHERE organisation_id = $1 AND campaign_id = c.campaign_id AND hang_up_at IS NULL
        ) AS o
        JOIN activities v ON v.organisation_id = $1 AND v.activity_id = o.activity_id AND v.created_at = o.created_at
        WHERE v.created_at >= $3 AND v.answered_at IS NOT NULL AND v.hang_up_at IS NULL AND v.type LIKE 'call.%')
        AS talking
FROM campaigns c WHERE c.organisation_id = $1 AND c.name = $2"""
SWITCH_SQL = """
UPDATE campaigns SET active = $3, let_go = $4, updated_at = now() WHERE organisation_id = $1 AND campaign_id = $2"""
LOCK_SQL = """
SELECT campaign_id, name, direction, active, let_go, (dialling ->> 'maxLines')::integer AS max_lines FROM campaigns
WHERE organisation_id = $1 AND campaign_id = $2 FOR NO KEY UPDATE"""
SET_LINES_SQL = """
UPDATE campaigns SET updated_at = now(),
    dialling = dialling - 'maxLines' || jsonb_strip_nulls(jsonb_build_object('maxLines', $3::integer))
WHERE organisation_id = $1 AND campaign_id = $2"""
NAMES_SQL = "SELECT name FROM campaigns WHERE organisation_id = $1 ORDER BY name"


async def standing(db: Database, organisation: int, name: str, since: datetime) -> Record | None:
    """Whether the campaign of that name is on, and how many lines ring, customers talk and callers wait; calls that
    began before `since` are not looked for. None: there is none of that name."""
    return await db.fetchrow(STANDING_SQL, organisation, name, since)


async def get_locked(db: Database, organisation: int, campaign_id: int) -> Record | None:
    """What commands change of a campaign, locked until the end of the transaction in progress."""
    return await db.fetchrow(LOCK_SQL, organisation, campaign_id)


async def set_lines(db: Database, organisation: int, campaign_id: int, most: int | None) -> None:
    """How many lines may ring at once; None: as many as pacing wants."""
    await db.execute(SET_LINES_SQL, organisation, campaign_id, most)


async def switch(db: Database, organisation: int, campaign_id: int, *, active: bool, let_go: bool = False) -> None:
    """Turn a campaign on or off. `let_go`: what rings or waits does not go on."""
    await db.execute(SWITCH_SQL, organisation, campaign_id, active, let_go)


async def names(db: Database, organisation: int) -> list[str]:
    return [row["name"] for row in await db.fetch(NAMES_SQL, organisation)]


async def spent(db: Database, organisation: int, campaign_id: int, since: datetime) -> list[Record]:
    """Live answers and abandoned calls since then, by hour, oldest first."""
    return await db.fetch(SPENT_SQL, organisation, campaign_id, since)


async def recent(db: Database, organisation: int, campaign_id: int, since: datetime, count: int) -> list[Record]:
    """The last calls since then that are over, newest first: when each was dialled and ended in what, and how long it
    rang, talked and wrapped up, in seconds."""
    return await db.fetch(RECENT_SQL, organisation, campaign_id, since, count)

"""Callbacks: whether one will be kept, what becomes of those whose agent is gone, and callers who ask for one."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

import msgspec
import structlog
from asyncpg import Record

from callfloor.contract.codes import LeadStatus
from callfloor.rules.dialling.callbacks import CallbackChange, CallbackFields, Moved, Refused, apply_change, refusal
from callfloor.rules.dialling.lead_facts import LeadFacts
from callfloor.rules.dialling.number_facts import FREE, NumberFacts
from callfloor.rules.dialling.strategy import CALLBACKS
from callfloor.rules.values.times import day_begun, zone
from callfloor.store.calls import tasks
from callfloor.store.db.pool import Database
from callfloor.store.leads import dial_order, leads, number_history
from callfloor.store.leads.leads import NewLead
from callfloor.store.people.callers import Supervised, bounds, is_supervised
from callfloor.store.privacy import do_not_call
from callfloor.store.setup import campaigns, organisations
from callfloor.store.setup.campaigns import CampaignSetup

log = structlog.get_logger("callfloor.callbacks")

MEMBERS_SQL = """
SELECT m.campaign_id, m.agent_id FROM campaign_agents m
JOIN users u ON u.organisation_id = m.organisation_id AND u.user_id = m.agent_id
WHERE m.organisation_id = $1 AND m.agent_id = ANY($2::bigint[]) AND u.user_type = 'agent' AND u.account_active
ORDER BY m.agent_id, m.campaign_id"""
# Whoever closes an account or takes an agent out of a campaign waits until the callback is written, and moves it then.
HELD_MEMBERS_SQL = f"{MEMBERS_SQL} FOR SHARE OF m, u"
TO_QUEUE_SQL = f"""
UPDATE leads l SET status_code = {LeadStatus.CALLBACK_QUEUE:d}, agent_id = NULL, callback_was_of = $2,
    callback_moved_at = $4, callback_moved_why = $5, updated_at = greatest(l.updated_at, $4)
FROM lists s
WHERE l.organisation_id = $1 AND l.agent_id = $2 AND l.status_code = {LeadStatus.CALLBACK_AGENT:d}
    AND l.next_attempt_at IS NOT NULL AND l.completed_at IS NULL
    AND s.organisation_id = l.organisation_id AND s.list_id = l.list_id
    AND ($3::bigint IS NULL OR s.campaign_id = $3) AND ($6::bigint[] IS NULL OR l.lead_id = ANY($6))
RETURNING l.lead_id"""
MOVE_SQL = f"""
UPDATE leads SET agent_id = $3, callback_was_of = coalesce(agent_id, callback_was_of), callback_moved_at = $4,
    callback_moved_why = $5, updated_at = greatest(updated_at, $4),
    status_code = CASE WHEN $3::bigint IS NULL THEN {LeadStatus.CALLBACK_QUEUE:d} ELSE {LeadStatus.CALLBACK_AGENT:d} END
WHERE organisation_id = $1 AND lead_id = $2 AND agent_id IS DISTINCT FROM $3"""
# A page of each list in the order of its index (leads_dialling_idx), however many there are.
WAITING_SQL = f"""
SELECT l.lead_id, l.list_id, l.agent_id, l.status_code, l.next_attempt_at, l.phone1, l.phone2, l.phone3,
    l.customer_key, l.callback_was_of, l.callback_moved_at, l.callback_moved_why, s.campaign_id,
    c.name AS campaign_name, c.timezone AS campaign_timezone
FROM lists s
JOIN campaigns c ON c.organisation_id = s.organisation_id AND c.campaign_id = s.campaign_id
CROSS JOIN unnest('{{{LeadStatus.CALLBACK_QUEUE:d},{LeadStatus.CALLBACK_AGENT:d}}}'::integer[]) AS k (status)
CROSS JOIN LATERAL (
    SELECT * FROM leads l
    WHERE l.organisation_id = $1 AND l.list_id = s.list_id AND l.status_code = k.status AND l.dialable
        AND l.in_flight_attempt_id IS NULL AND l.next_attempt_at IS NOT NULL
        AND ($2::bigint IS NULL OR l.agent_id = $2) AND ($4::timestamptz IS NULL OR l.next_attempt_at < $4)
        AND {is_supervised("l.agent_id", "s.campaign_id", 8)}
        AND (l.next_attempt_at, l.lead_id) > ($5::timestamptz, $6::bigint)
    ORDER BY l.next_attempt_at, l.lead_id LIMIT $7) AS l
WHERE s.organisation_id = $1 AND ($3::bigint IS NULL OR s.campaign_id = $3)
ORDER BY l.next_attempt_at, l.lead_id LIMIT $7"""
# A callback of the same number in the same list that is still to be made.
WAITS_SQL = f"""
SELECT l.lead_id FROM leads l
WHERE l.organisation_id = $1 AND l.list_id = $2 AND l.phone1 = $3 AND l.completed_at IS NULL
    AND l.in_flight_attempt_id IS NULL
    AND l.status_code IN ({LeadStatus.CALLBACK_QUEUE:d}, {LeadStatus.CALLBACK_AGENT:d})
ORDER BY l.lead_id LIMIT 1 FOR UPDATE"""
EARLIER_SQL = """
UPDATE leads SET next_attempt_at = least(next_attempt_at, $3), updated_at = greatest(updated_at, $3)
WHERE organisation_id = $1 AND lead_id = $2"""
_CHANGEABLE = ("completed_at", "status_code", "phone1", "phone2", "phone3", "next_attempt_at", "agent_id", "timezone")
CAMPAIGNS_OF_SQL = "SELECT list_id, campaign_id FROM lists WHERE organisation_id = $1 AND list_id = ANY($2::bigint[])"


# Callers may call twice at once: the second waits for the first, and finds its callback.
LOCK_NUMBER_SQL = "SELECT pg_advisory_xact_lock(hashtextextended('callfloor callback ' || $2, $1))"
# Of a number's callbacks that nobody has made yet. A promise of the queue that lies later is kept now.
STANDING_SQL = f"""
SELECT lead_id, status_code = {LeadStatus.CALLBACK_QUEUE:d} AND next_attempt_at > $3 AS later FROM (
    SELECT * FROM leads WHERE organisation_id = $1 AND phone1 = $2
    UNION ALL SELECT * FROM leads WHERE organisation_id = $1 AND phone2 = $2
    UNION ALL SELECT * FROM leads WHERE organisation_id = $1 AND phone3 = $2
) AS l
WHERE status_code IN ({LeadStatus.CALLBACK_QUEUE:d}, {LeadStatus.CALLBACK_AGENT:d}) AND completed_at IS NULL
    AND next_attempt_at IS NOT NULL
ORDER BY lead_id LIMIT 1"""
SOONER_SQL = f"""
UPDATE leads SET next_attempt_at = $3, updated_at = greatest(updated_at, $3)
WHERE organisation_id = $1 AND lead_id = $2 AND status_code = {LeadStatus.CALLBACK_QUEUE:d} AND completed_at IS NULL
    AND next_attempt_at > $3"""
POLICY_SQL = "SELECT timezone, country, new_number_ranges, destinations FROM organisations WHERE organisation_id = $1"
ASKED_FOR_SQL = """
SELECT count(*) AS of_day, count(*) FILTER (WHERE a.contact = $3) AS of_number
FROM tasks t LEFT JOIN activities a ON a.organisation_id = t.organisation_id AND a.activity_id = t.activity_id
WHERE t.organisation_id = $1 AND t.kind = 'callback' AND t.created_at >= $2"""


@dataclass(frozen=True, slots=True)
class ProposedCallback:
    """A lead as it would be with its callback, and the campaign of its list. `lead_id` None: it is new. `lifts`: its
    status Do Not Call ends with it, and what that brought onto the lists."""

    campaign_id: int
    lead: LeadFacts
    lead_id: int | None = None
    lifts: bool = False


async def members(
    db: Database, organisation: int, agents: Collection[int], *, hold: bool = True
) -> frozenset[tuple[int, int]]:
    """(campaign, agent) of these agents that are active. `hold`: kept so until the transaction ends, for whoever gives
    them a callback; comes before any lead is locked, as it does where agents are changed."""
    if not agents:
        return frozenset()
    rows = await db.fetch(HELD_MEMBERS_SQL if hold else MEMBERS_SQL, organisation, sorted(agents))
    return frozenset((row["campaign_id"], row["agent_id"]) for row in rows)


async def refusals(
    db: Database,
    organisation: int,
    wished: Sequence[ProposedCallback],
    active: Collection[tuple[int, int]],
    now: datetime,
) -> list[Refused | None]:
    """Why each of these callbacks would not be kept, at its position; None: it will be. `active`: their agents, as
    `members` found them."""
    found: list[Refused | None] = [None] * len(wished)
    lifted = [each.lead_id for each in wished if each.lifts and each.lead_id is not None]
    for campaign_id in {each.campaign_id for each in wished}:
        setup = await campaigns.get(db, organisation, campaign_id)
        if setup is None:
            raise LookupError("a list's campaign is there")
        here = [(position, each) for position, each in enumerate(wished) if each.campaign_id == campaign_id]
        of_campaign = frozenset(agent for campaign, agent in active if campaign == campaign_id)
        until = await _blocked_until(db, setup, [each.lead for _, each in here], now, lifted)
        numbers = {number for _, each in here for number in each.lead.phones if number is not None}
        counted = await _counted(db, setup, numbers, now)
        for position, each in here:
            lead = await _with_calls_of_numbers(db, setup, await _on_its_day(db, setup, each, now), counted, now)
            found[position] = _refusal(lead, setup, until, of_campaign, now)
    return found


async def _blocked_until(
    db: Database, setup: CampaignSetup, facts: Sequence[LeadFacts], now: datetime, lifted: Collection[int]
) -> Mapping[str, datetime | None]:
    numbers = {number for lead in facts for number in lead.phones if number is not None}
    where = setup.organisation, setup.hash_key, setup.campaign
    return await do_not_call.blocked_until(db, *where, numbers, now, lifted)


async def _counted(db: Database, setup: CampaignSetup, numbers: Collection[str], at: datetime) -> Mapping[str, int]:
    """How often numbers were called lately as seen at `at`, over all their leads, where the campaign limits that."""
    if setup.facts.max_per_number is None or not numbers:
        return {}
    found = await number_history.calls(db, setup.organisation, numbers, at)
    return {number: row["attempts"] for number, row in found.items()}


async def _with_calls_of_numbers(
    db: Database, setup: CampaignSetup, lead: LeadFacts, counted: Mapping[str, int], now: datetime
) -> LeadFacts:
    """The lead with how often its numbers will have been called when the callback is due: other leads' calls count."""
    most, at = setup.facts.max_per_number, lead.next_attempt_at
    if most is not None and at is not None and at > now and any(counted.get(n or "", 0) >= most for n in lead.phones):
        counted = await _counted(db, setup, [number for number in lead.phones if number is not None], at)
    made = [0 if number is None else counted.get(number, 0) for number in lead.phones]
    one, two, three = (NumberFacts(attempts=each) if each else FREE for each in made)
    return replace(lead, numbers=(one, two, three))


async def _on_its_day(db: Database, setup: CampaignSetup, wished: ProposedCallback, now: datetime) -> LeadFacts:
    """The lead with the attempts that its callback's day has seen already."""
    lead = wished.lead
    if setup.facts.max_per_day is None or wished.lead_id is None or not lead.attempts:
        return lead
    at = max(lead.next_attempt_at or now, now)
    row = {"lead_id": wished.lead_id, "attempts": lead.attempts, "timezone": lead.zone}
    row |= dict(zip(("phone1", "phone2", "phone3"), lead.phones, strict=True))
    today = await dial_order.dialled_today(db, setup, [row], at)
    return replace(lead, attempts_today=today.get(wished.lead_id, 0))


def _refusal(
    lead: LeadFacts,
    setup: CampaignSetup,
    until: Mapping[str, datetime | None],
    members: frozenset[int],
    now: datetime,
) -> Refused | None:
    def blocked(at: datetime) -> frozenset[int]:
        return frozenset(
            index
            for index, number in enumerate(lead.phones, 1)
            if number is not None and number in until and ((end := until[number]) is None or end > at)
        )

    at = max(lead.next_attempt_at or now, now)
    found = refusal(lead, setup.facts, blocked(at), members, now)
    ends = [end for number in lead.phones if number is not None and (end := until.get(number)) is not None]
    if found is None or found.reason != "do-not-call" or not ends or lead.status_code == LeadStatus.DO_NOT_CALL:
        return found
    # the number may be called again some day
    again = refusal(replace(lead, next_attempt_at=min(ends)), setup.facts, blocked(min(ends)), members, now)
    return replace(found, next_at=min(ends) if again is None else again.next_at, zone=setup.facts.zone)


async def refused_rows(db: Database, organisation: int, rows: Sequence[NewLead], now: datetime) -> dict[int, Refused]:
    """Which of these new leads, by position, have a callback that would not be kept."""
    asked = [(position, row) for position, row in enumerate(rows) if row.status_code in CALLBACKS]
    if not asked:
        return {}
    active = await members(db, organisation, {row.agent_id for _, row in asked if row.agent_id is not None})
    of_list = await campaigns_of(db, organisation, {row.list_id for _, row in asked})
    wished = [
        ProposedCallback(
            of_list[row.list_id],
            facts_of(
                CallbackFields(row.agent_id, row.next_attempt_at, row.status_code),
                (row.phone1, row.phone2, row.phone3),
                row.timezone,
            ),
        )
        for _, row in asked
    ]
    found = await refusals(db, organisation, wished, active, now)
    return {position: each for (position, _), each in zip(asked, found, strict=True) if each is not None}


async def campaigns_of(db: Database, organisation: int, list_ids: Collection[int]) -> dict[int, int]:
    """The campaign of each of these lists that there is."""
    return {
        row["list_id"]: row["campaign_id"] for row in await db.fetch(CAMPAIGNS_OF_SQL, organisation, list(list_ids))
    }


async def to_queue(
    db: Database,
    organisation: int,
    agent_id: int,
    why: Moved,
    now: datetime,
    campaign_id: int | None = None,
    only: Sequence[int] | None = None,
) -> int:
    """The agent can make its callbacks (of one campaign, of these leads, or all) no more: they are the queue's. Each
    lead says so, and the log. Returns how many there were."""
    moved = len(await db.fetch(TO_QUEUE_SQL, organisation, agent_id, campaign_id, now, why, only))
    if moved:
        reason = why.name.lower().replace("_", "-")
        log.info("callbacks-to-queue", organisation=organisation, agent=agent_id, count=moved, reason=reason)
    return moved


async def move(
    db: Database, organisation: int, lead_id: int, agent_id: int | None, now: datetime
) -> Literal["none", "being-called", "not-a-member"] | None:
    """A supervisor gives a callback to an agent, or (None) to the queue, with its time; else why not."""
    async with db.transaction():
        active = await members(db, organisation, [] if agent_id is None else [agent_id])
        row = await leads.get_locked(db, organisation, lead_id)
        if row is None or row["completed_at"] is not None or row["status_code"] not in CALLBACKS:
            being_called = row is not None and row["in_flight_attempt_id"] is not None
            return "being-called" if being_called else "none"
        if agent_id is not None and (row["campaign_id"], agent_id) not in active:
            return "not-a-member"
        await db.execute(MOVE_SQL, organisation, lead_id, agent_id, now, Moved.SUPERVISOR)
        return None


async def waiting(
    db: Database,
    organisation: int,
    agent_id: int | None,
    campaign_id: int | None,
    due_by: datetime | None,
    after: tuple[datetime, int],
    count: int,
    supervised: Supervised | None = None,
) -> Sequence[Record]:
    """Supervised callbacks that are to be made, soonest first, behind `after` (time, lead): of this agent, this
    campaign, and promised for a time before `due_by`; None: any."""
    return await db.fetch(WAITING_SQL, organisation, agent_id, campaign_id, due_by, *after, count, *bounds(supervised))


async def register(
    db: Database, organisation: int, campaign_id: int, list_id: int, activity_id: int, number: str, at: datetime
) -> bool:
    """Make a lead of a caller (E.164) in a list of an outbound campaign, due at once, and note the wish by the call.

    Who is to be called back already is that once. A caller's number proves nothing: the destination policy limits how
    often a day a number, and the organisation, is promised a call. False: the number would not be called back, or
    there is no such list.
    """
    async with db.transaction():
        await db.execute(LOCK_NUMBER_SQL, organisation, number)
        current = await db.fetchrow(STANDING_SQL, organisation, number, at)
        if current is not None:
            if current["later"]:
                await db.execute(SOONER_SQL, organisation, current["lead_id"], at)
            return True
        of_list = await campaigns_of(db, organisation, {list_id})
        if not of_list or not await _may_ask(db, organisation, activity_id, number, at):
            return False
        asked = apply_change(CallbackFields(), CallbackChange(at=at))
        wished = ProposedCallback(of_list[list_id], facts_of(asked, (number, None, None), None))
        (refused,) = await refusals(db, organisation, [wished], (), at)
        if refused is not None:
            log.info("callback-refused", organisation=organisation, activity=activity_id, reason=refused.reason)
            return False
        waits = await db.fetchval(WAITS_SQL, organisation, list_id, number)
        if waits is not None:
            # whoever asks twice is called back once, at the earlier time, by one task
            await db.execute(EARLIER_SQL, organisation, waits, at)
            return True
        new = NewLead(
            organisation_id=organisation,
            list_id=list_id,
            data=msgspec.Raw(msgspec.json.encode({"callbackFor": activity_id})),
            status_code=asked.status_code,
            phone1=number,
            next_attempt_at=asked.at,
            agent_id=asked.agent_id,
        )
        (outcome,) = await leads.insert_many(db, [new])
        if outcome.lead_id is None:
            return False
        await tasks.add(db, organisation, campaign_id, "callback", activity_id, at, outcome.lead_id)
        return True


async def _may_ask(db: Database, organisation: int, activity_id: int, number: str, at: datetime) -> bool:
    """Whether the day's callbacks of the number and of the organisation are not used up."""
    row = await db.fetchrow(POLICY_SQL, organisation)
    if row is None:
        return False
    limits = organisations.destinations(row)
    asked = await db.fetchrow(ASKED_FOR_SQL, organisation, day_begun(at, zone(row["timezone"])), number)
    of_day, of_number = (0, 0) if asked is None else (asked["of_day"], asked["of_number"])
    if of_number < limits.callbacks_per_number and of_day < limits.callbacks_per_day:
        return True
    reason = "callbacks-per-number" if of_number >= limits.callbacks_per_number else "callbacks-per-day"
    log.warning("callback-refused", organisation=organisation, activity=activity_id, reason=reason)
    return False


def facts_of(
    asked: CallbackFields, phones: tuple[str | None, str | None, str | None], timezone: str | None
) -> LeadFacts:
    """The facts of a lead that is new."""
    return LeadFacts(None, asked.status_code, phones, (0, 0, 0), 0, asked.at, asked.agent_id, timezone, False)


def facts_of_row(row: Record | Mapping[str, Any], values: Mapping[str, Any]) -> LeadFacts:
    """The facts of a row of `leads` with these columns changed."""
    changed = {name: values[name] for name in _CHANGEABLE if name in values}
    return dial_order.lead_facts(dict(row) | changed)

"""Calls that agents dial by hand: the same law, without a list."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from asyncpg import Record

from callfloor.contract.workspace import Refusal
from callfloor.engine.day_limits import DayLimits
from callfloor.engine.leads.candidates import Busy, number_facts, read_page
from callfloor.floor.calls.outgoing import as_refusal
from callfloor.floor.plan import CampaignPlan, Claimed
from callfloor.rules.dialling.contact_zone import contact_zones
from callfloor.rules.dialling.eligibility import Verdict, judge
from callfloor.rules.dialling.lead_facts import LeadFacts, ListFacts
from callfloor.rules.dialling.number_facts import COUNTED_DAYS, FREE, NumberFacts
from callfloor.rules.evidence import evidence as evidence_rules
from callfloor.rules.values.times import zone
from callfloor.store.calls import attempts, evidence
from callfloor.store.calls.attempts import NewAttempt
from callfloor.store.db import leases
from callfloor.store.db.pool import Database
from callfloor.store.leads import dial_order, number_history
from callfloor.store.privacy import do_not_call
from callfloor.store.setup.campaigns import CampaignSetup
from callfloor.telephony.carrier import AgentId

# What the dialler's order and lists ask for besides does not bind a person who dials, nor do rests.
RULES = frozenset(
    {
        "campaign",
        "do-not-call",
        "destination",
        "register-wash",
        "window",
        "contact-window",
        "attempts",
        "attempts-today",
        "in-flight",
        "phone",
    }
)
_ANY_LIST = ListFacts(in_dialler=True, weight=1)


async def place(
    db: Database,
    engine: UUID,
    limits: DayLimits,
    setup: CampaignSetup,
    plan: CampaignPlan,
    agent: AgentId,
    number: str,
    lead_id: int | None,
    at: float,
    busy: Busy,
) -> Claimed | Refusal:
    """Write down a call of an agent to a number (E.164), if it may be called now. `lead_id`: whose number it is, and
    whose limits count besides the number's own. `busy`: numbers that are on the line here, and with what."""
    now = datetime.fromtimestamp(at, UTC)
    row = None if lead_id is None else await dial_order.lead(db, setup.organisation, lead_id)
    if lead_id is not None and (row is None or row["campaign_id"] != setup.campaign):
        return Refusal(code="unknown-target", detail="This campaign has no such lead.")
    index = 1
    if row is None:
        facts = await _stranger(db, setup, number, now, busy)
    else:
        facts, _ = (await read_page(db, setup, [row], now)).facts(row, busy)
        if number not in facts.phones:
            return Refusal(code="unknown-target", detail="The lead has no such number: leave leadId out or mend it.")
        index = facts.phones.index(number) + 1
        facts = _with_phone(facts, index)
    of_number = facts.numbers[index - 1]
    if of_number.on_call is not None:
        return Refusal(code="refused-number", detail=f"This number is on a call now: {of_number.on_call}.")
    blocked = await do_not_call.blocked(db, setup.organisation, setup.hash_key, setup.campaign, [number], now)
    verdict = judge(facts, _ANY_LIST, setup.facts, frozenset({index}) if blocked else frozenset[int](), now)
    refused = [rule for rule in verdict.rules if rule.rule in RULES and not rule.passed]
    if blocked:
        return Refusal(code="refused-number", detail="This number is on a do-not-call list.")
    if refused:
        return Refusal(code="refused-number", detail=" ".join(rule.detail for rule in refused))
    return await _start(db, engine, limits, setup, plan, agent, number, row, index, verdict, of_number, now)


async def _stranger(db: Database, setup: CampaignSetup, number: str, now: datetime, busy: Busy) -> LeadFacts:
    calls, why = (await number_history.calls(db, setup.organisation, [number], now)).get(number), busy.get(number)
    of_number = FREE if why is None else NumberFacts(on_call=why)
    if calls is not None:
        zones = contact_zones(None, number, setup.facts.zone) or (setup.facts.zone,)
        of_number = number_facts(setup, None, None, zones, calls, now, why)
    phones = number, None, None
    return LeadFacts(None, 0, phones, (0, 0, 0), 0, None, None, None, False, numbers=(of_number, FREE, FREE))


def _with_phone(facts: LeadFacts, index: int) -> LeadFacts:
    """The lead as if it had this phone alone: the one that is dialled is the one that is judged."""
    first, second, third = (number if each == index else None for each, number in enumerate(facts.phones, 1))
    return replace(facts, phones=(first, second, third))


async def _start(
    db: Database,
    engine: UUID,
    limits: DayLimits,
    setup: CampaignSetup,
    plan: CampaignPlan,
    agent: AgentId,
    number: str,
    row: Record | None,
    index: int,
    verdict: Verdict,
    of_number: NumberFacts,
    now: datetime,
) -> Claimed | Refusal:
    lead_id = None if row is None else int(row["lead_id"])
    new = NewAttempt(
        campaign_id=setup.campaign,
        lead_id=lead_id,
        phone_index=None if row is None else index,
        phone_number=number,
        mode="manual",
        attempts_before=0 if row is None else row["attempts"],
        agent_id=agent,
        own_contact=plan.numbers[0] if plan.numbers else None,
        of_number_before=of_number.attempts,
    )
    async with db.transaction():
        if not await leases.holds(db, *plan.key, engine):
            return Refusal(code="unavailable", detail="Another engine has taken the campaign over: try again.")
        held = await limits.hold(plan, agent, 1, now)
        if held.denied is not None:
            return as_refusal(held.denied)
        (started,) = await attempts.start(db, setup.organisation, [new], now)
        if started is None:
            return Refusal(
                code="refused-number", detail="The number or its lead is being dialled, or has changed: try again."
            )
        public = {
            "attemptId": started.attempt_id,
            "campaignId": setup.campaign,
            "mode": "manual",
            "phoneIndex": new.phone_index,
            "regime": setup.regime.name,
            "rules": {each.rule: each.detail for each in verdict.rules if each.rule in RULES},
            "localTimes": {name: now.astimezone(zone(name)).isoformat() for name in (setup.facts.zone, *verdict.zones)},
            "doNotCallCheckedAt": now,
            "attemptsBefore": new.attempts_before,
            "maxAttempts": setup.facts.max_attempts,
            "attemptsOfNumber": of_number.attempts,
            "attemptsOfNumberDays": COUNTED_DAYS,
            "maxAttemptsPerNumber": setup.facts.max_per_number,
            "maxAttemptsPerDay": setup.facts.max_per_day,
            "agentReserved": True,
        }
        personal = {"phoneNumber": number} | ({} if lead_id is None else {"leadId": str(lead_id)})
        salts = {name: secrets.token_bytes(evidence_rules.LEAST_SALT) for name in personal}
        record = evidence_rules.record(started.attempt_id, public, personal, salts)
        await evidence.insert(db, setup.organisation, [record], now)
        await limits.spend(held, 1)
    return Claimed(started.attempt_id, started.activity_id, lead_id, number, new.own_contact, agent, manual=True)

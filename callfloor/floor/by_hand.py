"""Calls that agents dial by hand: the same law, without a list."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from uuid import UUID

from asyncpg import Record

from callfloor.contract.workspace import Refusal
from callfloor.floor.candidates import read_page
from callfloor.floor.plan import CampaignPlan, Claimed
from callfloor.rules import evidence as evidence_rules
from callfloor.rules.eligibility import LeadFacts, ListFacts, Verdict, judge
from callfloor.rules.times import zone
from callfloor.store import attempts, do_not_call, evidence, leases, selection
from callfloor.store.attempts import NewAttempt
from callfloor.store.campaigns import CampaignSetup
from callfloor.store.pool import Database
from callfloor.telephony.carrier import AgentId

# What the dialler's order and lists ask for besides does not bind a person who dials.
RULES = frozenset({"do-not-call", "window", "contact-window", "attempts", "attempts-today", "in-flight", "phone"})
_ANY_LIST = ListFacts(in_dialler=True, weight=1)


async def place(
    db: Database,
    engine: UUID,
    setup: CampaignSetup,
    plan: CampaignPlan,
    agent: AgentId,
    number: str,
    lead_id: int | None,
    at: float,
) -> Claimed | Refusal:
    """Write down a call of an agent to a number (E.164), if it may be called now. `lead_id`: whose number it is, and
    whose limits count."""
    now = datetime.fromtimestamp(at, UTC)
    row = None if lead_id is None else await selection.lead(db, setup.organisation, lead_id)
    if lead_id is not None and (row is None or row["campaign_id"] != setup.campaign):
        return Refusal(code="unknown-target", detail="This campaign has no such lead.")
    facts, index = _stranger(number), 1
    if row is not None:
        page = await read_page(db, setup, [row], now)
        of_lead, _ = page.facts(row)
        if number not in of_lead.phones:
            return Refusal(code="unknown-target", detail="The lead has no such number: leave leadId out or mend it.")
        facts, index = of_lead, of_lead.phones.index(number) + 1
    blocked = await do_not_call.blocked(db, setup.organisation, setup.hash_key, setup.campaign, [number], now)
    of_number = frozenset({index}) if blocked else frozenset[int]()
    verdict = judge(facts, _ANY_LIST, setup.facts, of_number, now)
    refused = [rule for rule in verdict.rules if rule.rule in RULES and not rule.passed]
    if blocked:
        return Refusal(code="refused-number", detail="This number is on a do-not-call list.")
    if refused:
        return Refusal(code="refused-number", detail=" ".join(rule.detail for rule in refused))
    return await _start(db, engine, setup, plan, agent, number, row, index, verdict, now)


def _stranger(number: str) -> LeadFacts:
    return LeadFacts(None, 0, (number, None, None), (0, 0, 0), 0, None, None, None, False)


async def _start(
    db: Database,
    engine: UUID,
    setup: CampaignSetup,
    plan: CampaignPlan,
    agent: AgentId,
    number: str,
    row: Record | None,
    index: int,
    verdict: Verdict,
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
    )
    async with db.transaction():
        if not await leases.holds(db, *plan.key, engine):
            return Refusal(code="unavailable", detail="Another engine has taken the campaign over: try again.")
        (started,) = await attempts.start(db, setup.organisation, [new], now)
        if started is None:
            return Refusal(code="refused-number", detail="The lead has changed or is being dialled: look at it again.")
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
            "agentReserved": True,
        }
        personal = {"phoneNumber": number} | ({} if lead_id is None else {"leadId": str(lead_id)})
        salts = {name: secrets.token_bytes(evidence_rules.LEAST_SALT) for name in personal}
        record = evidence_rules.record(started.attempt_id, public, personal, salts)
        await evidence.insert(db, setup.organisation, [record], now)
    return Claimed(started.attempt_id, started.activity_id, lead_id, number, new.own_contact, agent, manual=True)

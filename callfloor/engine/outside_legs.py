"""Legs to numbers outside in the database: whether the number may be called, and why it was, as evidence."""

from __future__ import annotations

import secrets
from datetime import datetime

from callfloor.contract.workspace import Refusal
from callfloor.floor.ports.writes import NewLeg
from callfloor.rules.evidence import evidence as evidence_rules
from callfloor.store.calls import evidence, legs
from callfloor.store.db.pool import Database
from callfloor.store.privacy import do_not_call
from callfloor.store.setup.campaigns import CampaignSetup

BLOCKED = Refusal(
    code="refused-number",
    detail="This number is on a do-not-call list: calls are given to it only where transferToDoNotCall of the centre "
    "file's destinations says so.",
)


async def refusal(db: Database, setup: CampaignSetup, number: str, now: datetime) -> Refusal | None:
    """Why a call of the campaign may not be given to the number (E.164); None: it may."""
    if setup.facts.destinations.limits.transfer_to_do_not_call:
        return None
    blocked = await do_not_call.blocked(db, setup.organisation, setup.hash_key, setup.campaign, [number], now)
    return BLOCKED if blocked else None


async def next_leg(db: Database, organisation: int, activity: int, following: NewLeg, at: datetime) -> None:
    """The leg is over, and another one of its call follows it."""
    async with db.transaction():
        await legs.next_leg(db, organisation, activity, _row(following), at)
        await _explain(db, organisation, activity, following, at)


async def second_leg(db: Database, organisation: int, activity: int, beside: NewLeg, at: datetime) -> None:
    """Another leg of the call begins while this one goes on."""
    async with db.transaction():
        await legs.second_leg(db, organisation, activity, _row(beside), at)
        await _explain(db, organisation, activity, beside, at)


def _row(leg: NewLeg) -> legs.Leg:
    return legs.Leg(leg.activity, leg.campaign, leg.kind, leg.agent, leg.number)


async def _explain(db: Database, organisation: int, parent: int, leg: NewLeg, at: datetime) -> None:
    """Keep why the number was called, and for whom. A write that is repeated keeps it once."""
    if leg.number is None or leg.asked_by is None:
        return
    public = {
        "activityId": leg.activity,
        "parentActivityId": parent,
        "campaignId": leg.campaign,
        "mode": "consultation" if leg.kind == "consult" else "transfer",
        "agentId": leg.asked_by,
        "rules": {
            "destination": "The organisation's destination policy allows the number.",
            "do-not-call": "The number was looked up before, or calls may be given to numbers that are on a list.",
        },
    }
    personal = {"phoneNumber": leg.number}
    salts = {"phoneNumber": secrets.token_bytes(evidence_rules.LEAST_SALT)}
    await evidence.insert_once(db, organisation, evidence_rules.record(-leg.activity, public, personal, salts), at)

"""Why a lead is dialled now or is not, and when its turn comes: the dialler's own judgement, asked for one lead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from asyncpg import Record

from callfloor.engine.leads.candidates import Page, next_of, read_page
from callfloor.rules.dialling.eligibility import Verdict, judge
from callfloor.rules.dialling.strategy import priority
from callfloor.store.db.pool import Database
from callfloor.store.leads import dial_order
from callfloor.store.leads.dial_order import Mark
from callfloor.store.setup import campaigns
from callfloor.store.setup.campaigns import CampaignSetup

# So many leads at the head of a list are looked at to find one's place.
MOST_COUNTED = 1000


@dataclass(frozen=True, slots=True)
class Explained:
    """`position`: the lead's place among the leads of its list that may be dialled now, 1 is next; None when it may
    not, or when it is none of the list's first `MOST_COUNTED` due ones. `zone`: the campaign's."""

    verdict: Verdict
    position: int | None
    zone: str


async def explain(db: Database, organisation: int, lead_id: int, now: datetime) -> Explained | None:
    """What the dialler would say of a lead if every agent of the campaign were free; None: no such lead."""
    row = await dial_order.lead(db, organisation, lead_id)
    setup = None if row is None else await campaigns.get(db, organisation, row["campaign_id"])
    if row is None or setup is None:
        return None
    facts, blocked = (await read_page(db, setup, [row], now)).facts(row)
    of_list = setup.lists[row["list_id"]].facts
    verdict = judge(facts, of_list, setup.facts, blocked, now, agents=setup.agents)
    position = await _position(db, setup, row, now) if verdict.dialable else None
    return Explained(verdict, position, setup.facts.zone)


async def next_times(
    db: Database, organisation: int, rows: Sequence[Record], now: datetime
) -> dict[int, datetime | None]:
    """When (UTC) each of these leads (rows of `store.leads`) is called next, as `explain` says it, by lead."""
    found: dict[int, datetime | None] = {}
    for campaign_id in {row["campaign_id"] for row in rows}:
        setup = await campaigns.get(db, organisation, campaign_id)
        here = [row for row in rows if row["campaign_id"] == campaign_id]
        if setup is None:
            continue
        page = await read_page(db, setup, here, now)
        for row in here:
            facts, blocked = page.facts(row)
            of_list = setup.lists[row["list_id"]].facts
            verdict = judge(facts, of_list, setup.facts, blocked, now, agents=setup.agents)
            found[row["lead_id"]] = verdict.next_dial_at
    return found


async def _position(db: Database, setup: CampaignSetup, lead: Record, now: datetime) -> int | None:
    list_id = lead["list_id"]
    agents = list(setup.agents)
    due = await dial_order.callbacks(db, setup.organisation, [list_id], now, agents, MOST_COUNTED, [])
    before, found = _count(setup, await read_page(db, setup, due, now), lead["lead_id"], now, frozenset())
    if found:
        return before + 1
    strategy = setup.lists[list_id].strategy
    statuses = await dial_order.dialled_statuses(db, setup.organisation)
    turns = [(status, priority(strategy, status), Mark()) for status in statuses]
    rows: Sequence[Record] = await dial_order.walk(db, setup.organisation, list_id, turns, now, MOST_COUNTED)
    called = frozenset(row["lead_id"] for row in due)
    after, found = _count(setup, await read_page(db, setup, rows, now), lead["lead_id"], now, called)
    return before + after + 1 if found else None


def _count(setup: CampaignSetup, page: Page, lead_id: int, now: datetime, skip: frozenset[int]) -> tuple[int, bool]:
    """How many leads of the page may be dialled before this one, and whether it is there."""
    before = 0
    while (each := next_of(setup, page, now, skip, list(setup.agents), reserved=False)) is not None:
        if each.row["lead_id"] == lead_id:
            return before, True
        before += 1
    return before, False

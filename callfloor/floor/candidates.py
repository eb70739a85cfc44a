"""Leads in their order, judged one after the other by the rules of the moment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from asyncpg import Record

from callfloor.rules.eligibility import LeadFacts, PhoneIndex, may_dial, needs_agent
from callfloor.store import do_not_call, selection
from callfloor.store.campaigns import CampaignSetup
from callfloor.store.pool import Database
from callfloor.store.selection import lead_facts
from callfloor.telephony.carrier import AgentId


@dataclass(frozen=True, slots=True)
class Candidate:
    """A lead that may be dialled now. `blocked`: those of its phones that must not be. `agent`: who is held free."""

    row: Record
    facts: LeadFacts
    phone: PhoneIndex
    blocked: frozenset[int]
    agent: AgentId | None

    @property
    def number(self) -> str:
        number = self.facts.phones[self.phone - 1]
        if number is None:
            raise AssertionError("a phone that was chosen is there")
        return number


@dataclass(slots=True)
class Page:
    """Leads in their order, of which the first `at` are done with. `blocked`: numbers that must not be dialled;
    `today`: attempts of the lead's day."""

    rows: Sequence[Record]
    blocked: frozenset[str]
    today: Mapping[int, int]
    at: int = 0

    @property
    def left(self) -> int:
        return len(self.rows) - self.at

    def facts(self, row: Record) -> tuple[LeadFacts, frozenset[int]]:
        """What the rules look at, and the indexes of the phones that must not be dialled."""
        facts = lead_facts(row, self.today.get(row["lead_id"], 0))
        return facts, frozenset(
            index for index, number in enumerate(facts.phones, 1) if number is not None and number in self.blocked
        )


async def read_page(db: Database, setup: CampaignSetup, rows: Sequence[Record], now: datetime) -> Page:
    """These rows of leads with what else decides on them."""
    if not rows:
        return Page(rows, frozenset(), {})
    return Page(rows, await _blocked(db, setup, rows, now), await selection.dialled_today(db, setup, rows, now))


def next_of(
    setup: CampaignSetup,
    page: Page,
    now: datetime,
    skip: frozenset[int],
    agents: list[AgentId],
    *,
    reserved: bool,
) -> Candidate | None:
    """The next lead of the page that may be dialled and is not in `skip`; those before it are done with.

    `agents`: who is free, out of which the agent that the lead needs is taken. `reserved`: an agent is held for the
    call whether the lead needs one or not.
    """
    while page.left and not (reserved and not agents):
        row = page.rows[page.at]
        page.at += 1
        if row["lead_id"] in skip:
            continue
        facts, stopped = page.facts(row)
        of_list = setup.lists[row["list_id"]].facts
        phone = may_dial(facts, of_list, setup.facts, stopped, now, agents=frozenset(agents))
        if phone is None:
            continue
        needed = needs_agent(facts, setup.facts, now)
        agent: AgentId | None = None
        if needed is not None or reserved:
            agent = needed if isinstance(needed, int) else agents[0]
            agents.remove(agent)
        return Candidate(row, facts, phone, stopped, agent)
    return None


async def _blocked(db: Database, setup: CampaignSetup, rows: Iterable[Record], now: datetime) -> frozenset[str]:
    numbers = {row[name] for row in rows for name in ("phone1", "phone2", "phone3") if row[name] is not None}
    return await do_not_call.blocked(db, setup.organisation, setup.hash_key, setup.campaign, numbers, now)

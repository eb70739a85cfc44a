"""Leads in their order, judged one after the other by the rules of the moment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType

from asyncpg import Record

from callfloor.contract.codes import DialStatus
from callfloor.rules.dialling.contact_zone import contact_zones
from callfloor.rules.dialling.eligibility import may_dial, needs_agent
from callfloor.rules.dialling.lead_facts import LeadFacts, PhoneIndex
from callfloor.rules.dialling.number_facts import FREE, NumberFacts, rests_until
from callfloor.rules.dialling.strategy import DEFAULT, lead_status_after
from callfloor.rules.values.times import next_midnight, zone
from callfloor.store.db.pool import Database
from callfloor.store.leads import dial_order, number_history
from callfloor.store.leads.dial_order import lead_facts
from callfloor.store.privacy import do_not_call
from callfloor.store.setup.campaigns import CampaignSetup
from callfloor.telephony.carrier import AgentId

# What keeps numbers from being called that no record says: on the line, looked at, or chosen a moment ago.
Busy = Mapping[str, str]
_NOBODY: Busy = MappingProxyType({})


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
    """Leads of a campaign in their order, of which the first `at` are done with. `blocked`: numbers that must not be
    dialled; `today`: attempts of the lead's day; `calls`: what numbers had (`numbers.calls`)."""

    setup: CampaignSetup
    rows: Sequence[Record]
    now: datetime
    blocked: frozenset[str]
    today: Mapping[int, int]
    calls: Mapping[str, Record]
    at: int = 0

    @property
    def left(self) -> int:
        return len(self.rows) - self.at

    def facts(self, row: Record, busy: Busy = _NOBODY) -> tuple[LeadFacts, frozenset[int]]:
        """What the rules look at, and the indexes of the phones that must not be dialled."""
        facts = lead_facts(row, self.today.get(row["lead_id"], 0))
        first, second, third = facts.phones
        if self.calls or busy:
            of_phones = self._number(row, first, busy), self._number(row, second, busy), self._number(row, third, busy)
            facts = replace(facts, numbers=of_phones)
        return facts, frozenset(
            index for index, number in enumerate(facts.phones, 1) if number is not None and number in self.blocked
        )

    def _number(self, row: Record, number: str | None, busy: Busy) -> NumberFacts:
        calls = None if number is None else self.calls.get(number)
        why = None if number is None else busy.get(number)
        if calls is None or number is None:
            return FREE if why is None else NumberFacts(on_call=why)
        return number_facts(self.setup, row["lead_id"], row["list_id"], self._zones(row, number), calls, self.now, why)

    def _zones(self, row: Record, number: str) -> tuple[str, ...]:
        return contact_zones(row["timezone"], number, self.setup.facts.zone) or (self.setup.facts.zone,)


def number_facts(
    setup: CampaignSetup,
    lead_id: int | None,
    list_id: int | None,
    zones: Iterable[str],
    calls: Record,
    now: datetime,
    busy: str | None = None,
) -> NumberFacts:
    """What a number's calls mean for this campaign and lead. `zones`: where the contact may be."""
    day_until: datetime | None = None
    a_day = setup.facts.max_per_day
    if a_day is not None and calls["of_day"] is not None:
        for name in zones:
            at = zone(name)
            today = now.astimezone(at).date()
            if sum(each.astimezone(at).date() == today for each in calls["of_day"]) >= a_day:
                begins = next_midnight(now, at)
                day_until = begins if day_until is None else max(day_until, begins)
    dialled_at = rests = None
    if calls["last"] is not None:
        began, ended, status, of_lead = calls["last"]
        if ended is not None and (lead_id is None or of_lead != lead_id):
            of_list = None if list_id is None else setup.lists.get(list_id)
            strategy = DEFAULT if of_list is None else of_list.strategy
            dialled_at, rests = began, rests_until(strategy, lead_status_after(DialStatus(status)), ended)
    return NumberFacts(
        attempts=calls["attempts"],
        on_call=_on_call(calls) or busy,
        dialled_at=dialled_at,
        rests_until=rests,
        day_until=day_until,
        abandoned_at=calls["abandoned_at"],
    )


def _on_call(calls: Record) -> str | None:
    if calls["up"] is not None:
        of_lead = "" if calls["up_lead"] is None else f", to lead {calls['up_lead']}"
        return f"that of attempt {calls['up']}{of_lead}"
    activity = calls["activity_id"]
    return None if activity is None else f"somebody is on the line with it, activity {activity}"


async def read_page(db: Database, setup: CampaignSetup, rows: Sequence[Record], now: datetime) -> Page:
    """These rows of leads with what else decides on them."""
    if not rows:
        return Page(setup, rows, now, frozenset(), {}, {})
    of_rows = {row[name] for row in rows for name in ("phone1", "phone2", "phone3") if row[name] is not None}
    blocked = await do_not_call.blocked(db, setup.organisation, setup.hash_key, setup.campaign, of_rows, now)
    today = await dial_order.dialled_today(db, setup, rows, now)
    return Page(setup, rows, now, blocked, today, await number_history.calls(db, setup.organisation, of_rows, now))


def next_of(
    setup: CampaignSetup,
    page: Page,
    now: datetime,
    skip: frozenset[int],
    agents: list[AgentId],
    *,
    reserved: bool,
    busy: Busy = _NOBODY,
) -> Candidate | None:
    """The next lead of the page that may be dialled and is not in `skip`; those before it are done with.

    `agents`: who is free, out of which the agent that the lead needs is taken. `reserved`: an agent is held for the
    call whether the lead needs one or not. `busy`: numbers that are on a call or will be, and which.
    """
    while page.left and not (reserved and not agents):
        row = page.rows[page.at]
        page.at += 1
        if row["lead_id"] in skip:
            continue
        facts, stopped = page.facts(row, busy)
        of_list = setup.lists[row["list_id"]].facts
        phone = may_dial(facts, of_list, setup.facts, stopped, now, agents=frozenset(agents))
        if phone is None:
            continue
        needed = needs_agent(facts, setup.facts, phone, now)
        agent: AgentId | None = None
        if needed is not None or reserved:
            agent = needed if isinstance(needed, int) else agents[0]
            agents.remove(agent)
        return Candidate(row, facts, phone, stopped, agent)
    return None

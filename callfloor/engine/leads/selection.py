"""Which leads are dialled next, out of the database: callbacks that are due, then lists by weight, in their order.

There is no hopper: leads are judged when they are dialled, by the rules of that moment, and the attempt is written in
the same transaction. Leads at the head of a list that may not be dialled now (it is night where they live) are walked
past and remembered as walked, until the walk begins anew.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from asyncpg import Record

from callfloor.contract.codes import DialStatus, LeadStatus
from callfloor.contract.workspace import Refusal
from callfloor.engine import outside_legs
from callfloor.engine.campaigns import CampaignSettings
from callfloor.engine.day_limits import DayLimits
from callfloor.engine.leads import manual_calls as by_hand
from callfloor.engine.leads.candidates import Busy, Candidate, Page, next_of, read_page
from callfloor.floor.calls.outgoing import DestinationListener, as_refusal
from callfloor.floor.plan import CampaignKey, CampaignPlan, Claimed, Preview
from callfloor.floor.ports.records import Claim
from callfloor.rules.dialling.eligibility import judge
from callfloor.rules.dialling.list_shares import FairShare
from callfloor.rules.dialling.number_facts import COUNTED_DAYS
from callfloor.rules.dialling.strategy import DEFAULT, after_attempt, lead_status_after, outcome_of, priority
from callfloor.rules.evidence import evidence as evidence_rules
from callfloor.rules.values.times import zone
from callfloor.store.calls import attempts, evidence
from callfloor.store.calls.attempts import Ended, LeadRecord, NewAttempt
from callfloor.store.db import leases
from callfloor.store.db.pool import Database
from callfloor.store.leads import dial_order
from callfloor.store.leads.dial_order import Mark
from callfloor.store.setup.campaigns import CampaignSetup
from callfloor.telephony.carrier import AgentId

FIRST_PAGE, PAGE = 16, 1000
# Leads that one claim walks past at most; the next goes on from there.
MOST_WALKED = 20_000
# A walk begins anew so often, or when it took a twentieth of that.
ANEW_S = 5.0

GONE = Refusal(code="refused-number", detail="The lead is gone, or in a list that is not dialled.")
CHANGED = Refusal(code="refused-number", detail="The lead has changed or is being dialled: look at it again.")


@dataclass(slots=True)
class _Walk:
    """Where a campaign's walk through its lists stands."""

    fair: FairShare = field(default_factory=FairShare)
    marks: dict[tuple[int, int], Mark] = field(default_factory=dict[tuple[int, int], Mark])
    began: float = 0.0
    spent: float = 0.0
    statuses: tuple[int, ...] = ()
    # leads that agents look at: the list and the number of each
    looked_at: dict[int, tuple[int, str]] = field(default_factory=dict[int, tuple[int, str]])


# Numbers (E.164) of an organisation that are on a call here, whether or not that is written down yet, and which.
OnLine = Callable[[int], Busy]


class Selection:
    """`engine`: whose lease every claim is checked against. `told`, if anybody, hears of limits of a day, to which
    every call that is written down is held."""

    def __init__(
        self,
        db: Database,
        engine: UUID,
        campaigns: Mapping[CampaignKey, CampaignSettings],
        on_line: OnLine,
        told: DestinationListener | None = None,
    ) -> None:
        self._db, self._engine, self._campaigns = db, engine, campaigns
        self.limits = DayLimits(db, told)
        self.on_line = on_line
        self._walks: dict[CampaignKey, _Walk] = {}

    async def claim(self, claim: Claim, now: float) -> list[Claimed]:
        """Choose leads and write their attempts down."""
        setup = self._campaigns[claim.plan.key].setup
        at = datetime.fromtimestamp(now, UTC)
        chosen = await self._choose(setup, claim.plan.key, claim.count, list(claim.agents), claim.reserved, at)
        return await self._start(setup, claim, chosen, at) if chosen else []

    async def preview(self, plan: CampaignPlan, agent: AgentId, now: float) -> Preview | None:
        """The lead that the agent is to look at."""
        setup = self._campaigns[plan.key].setup
        at = datetime.fromtimestamp(now, UTC)
        found = await self._choose(setup, plan.key, 1, [agent], True, at)
        if not found:
            return None
        lead = found[0]
        self._walk(plan.key).looked_at[lead.row["lead_id"]] = lead.row["list_id"], lead.number
        return Preview(lead.row["lead_id"], lead.phone, lead.number, lead.facts.attempts)

    async def start(self, plan: CampaignPlan, lead: Preview, agent: AgentId, now: float) -> Claimed | Refusal:
        """Write the attempt of a lead that was looked at down, or say why it may not be dialled any more."""
        setup = self._campaigns[plan.key].setup
        at = datetime.fromtimestamp(now, UTC)
        self._walk(plan.key).looked_at.pop(lead.lead, None)
        row = await dial_order.lead(self._db, plan.key.organisation, lead.lead)
        if row is None or row["list_id"] not in setup.lists:
            return GONE
        page = await read_page(self._db, setup, [row], at)
        busy = self._busy(plan.key.organisation)
        lead_now = next_of(setup, page, at, frozenset(), [agent], reserved=True, busy=busy)
        if lead_now is None:
            facts, stopped = page.facts(row, busy)
            of_list = setup.lists[row["list_id"]].facts
            rules = judge(facts, of_list, setup.facts, stopped, at, agents=frozenset([agent])).rules
            why = " ".join(each.detail for each in rules if not each.passed)
            return Refusal(code="refused-number", detail=f"The lead may not be called any more. {why}".rstrip())
        started = await self._start(setup, Claim(plan, 1, [agent], True, None), [lead_now], at)
        return started[0] if started else CHANGED

    async def by_hand(
        self, plan: CampaignPlan, agent: AgentId, number: str, lead: int | None, now: float
    ) -> Claimed | Refusal:
        """Write down a call that the agent dials."""
        setup = self._campaigns[plan.key].setup
        busy = self.on_line(plan.key.organisation)
        return await by_hand.place(self._db, self._engine, self.limits, setup, plan, agent, number, lead, now, busy)

    async def may_ring(self, plan: CampaignPlan, agent: AgentId, number: str, now: float) -> Refusal | None:
        """Why a call of the campaign may not be given to a number outside (E.164); None: it may, as far as the records
        know, and is counted."""
        settings = self._campaigns.get(plan.key)
        at = datetime.fromtimestamp(now, UTC)
        refusal = None if settings is None else await outside_legs.refusal(self._db, settings.setup, number, at)
        if refusal is not None:
            return refusal
        async with self._db.transaction():
            held = await self.limits.hold(plan, agent, 1, at)
            if held.denied is not None:
                return as_refusal(held.denied)
            await self.limits.spend(held, 1)
        return None

    async def skip(
        self, plan: CampaignPlan, lead: Preview, agent: AgentId, reason: str, now: float, *, keep_promise: bool
    ) -> None:
        """The lead rests as after a call without result. `keep_promise`: a callback keeps its time."""
        list_id, _ = self._walk(plan.key).looked_at.get(lead.lead, (0, ""))
        of_list = self._campaigns[plan.key].setup.lists.get(list_id)
        strategy = DEFAULT if of_list is None else of_list.strategy
        minutes = outcome_of(strategy, LeadStatus.NO_RESULT).recycle_minutes or 0.0
        at = datetime.fromtimestamp(now, UTC)
        until = at + timedelta(minutes=minutes)
        organisation = plan.key.organisation
        await dial_order.skip(self._db, organisation, lead.lead, agent, reason, at, until, keep_promise=keep_promise)
        self._walk(plan.key).looked_at.pop(lead.lead, None)

    def unseen(self, plan: CampaignPlan, lead: Preview) -> None:
        """Nobody looks at the lead."""
        walk = self._walks.get(plan.key)
        if walk is not None:
            walk.looked_at.pop(lead.lead, None)

    def ended(self, key: CampaignKey, status: DialStatus, record: LeadRecord | None, at: datetime) -> Ended:
        """What an attempt that ended means for its lead."""
        settings = self._campaigns.get(key)
        of_list = None if settings is None or record is None else settings.setup.lists.get(record.list_id)
        if settings is None or record is None or of_list is None:
            return Ended(status)
        left = lead_status_after(status)
        after = after_attempt(
            of_list.strategy, settings.setup.facts.max_attempts, left, record.attempts, record.same, at
        )
        gone = status is DialStatus.DISCONNECTED and not record.other_phone
        completed = after.completed or gone
        return Ended(status, None if completed else after.next_attempt_at, completed=completed)

    def completes_contacted(self, key: CampaignKey) -> list[int]:
        """The lists whose strategy does not call somebody again who was contacted."""
        settings = self._campaigns.get(key)
        if settings is None:
            return []
        lists = settings.setup.lists.items()
        return [list_id for list_id, of_list in lists if LeadStatus.CONTACTED in of_list.facts.never_again]

    async def recycle_on_start(self, key: CampaignKey, now: datetime) -> None:
        """The campaign was switched on: leads whose outcome says so rest no longer."""
        for list_id, of_list in self._campaigns[key].setup.lists.items():
            statuses = [status for status, outcome in of_list.strategy.outcomes.items() if outcome.recycle_on_start]
            if statuses:
                await dial_order.recycle(self._db, key.organisation, list_id, statuses, now)

    def forget(self, key: CampaignKey) -> None:
        """The campaign is another engine's now."""
        self._walks.pop(key, None)

    def _walk(self, key: CampaignKey) -> _Walk:
        return self._walks.setdefault(key, _Walk())

    def _busy(self, organisation: int) -> dict[str, str]:
        """Numbers that are on the line here, or whose lead an agent looks at."""
        looked_at = (each.looked_at.values() for key, each in self._walks.items() if key.organisation == organisation)
        return {number: "an agent looks at a lead of it" for each in looked_at for _, number in each} | dict(
            self.on_line(organisation)
        )

    async def _choose(
        self,
        setup: CampaignSetup,
        key: CampaignKey,
        count: int,
        agents: list[AgentId],
        reserved: bool,
        now: datetime,
    ) -> list[Candidate]:
        """`agents` who are chosen for a call are taken out of the list."""
        began = time.monotonic()
        walk = self._walk(key)
        if began - walk.began > max(ANEW_S, 20 * walk.spent):
            walk.marks.clear()
            walk.began, walk.spent = began, 0.0
            walk.statuses = await dial_order.dialled_statuses(self._db, key.organisation)
        weights = {each: of.facts.weight for each, of in setup.lists.items() if of.facts.in_dialler}
        skip = frozenset(walk.looked_at)
        size = count + FIRST_PAGE
        rows = await dial_order.callbacks(self._db, key.organisation, list(weights), now, agents, size, list(skip))
        page = await read_page(self._db, setup, rows, now)
        busy = self._busy(key.organisation)
        chosen: list[Candidate] = []
        while len(chosen) < count:
            lead = next_of(setup, page, now, skip, agents, reserved=reserved, busy=busy)
            if lead is None:
                break
            _choose(lead, chosen, busy)
        skip |= {row["lead_id"] for row in rows}
        empty: set[int] = set()
        pages: dict[int, Page] = {}
        walked = 0
        while len(chosen) < count and (list_id := walk.fair.pick(weights, empty)) is not None:
            lead = None
            while lead is None and walked < MOST_WALKED and not (reserved and not agents):
                page = pages.get(list_id)
                if page is None or not page.left:
                    turns = self._turns(setup, walk, list_id)
                    rows = await dial_order.walk(
                        self._db, key.organisation, list_id, turns, now, size if page is None else PAGE
                    )
                    if not rows:
                        break
                    page = pages[list_id] = await read_page(self._db, setup, rows, now)
                before = page.at
                lead = next_of(setup, page, now, skip, agents, reserved=reserved, busy=busy)
                walked += self._remember(walk, list_id, page.rows[before : page.at - (lead is not None)])
            if lead is None:
                empty.add(list_id)
            else:
                _choose(lead, chosen, busy)
        walk.spent += time.monotonic() - began if walked else 0.0
        return chosen

    def _turns(self, setup: CampaignSetup, walk: _Walk, list_id: int) -> list[tuple[int, int, Mark]]:
        strategy = setup.lists[list_id].strategy
        return [
            (status, priority(strategy, status), walk.marks.setdefault((list_id, status), Mark()))
            for status in walk.statuses
        ]

    def _remember(self, walk: _Walk, list_id: int, rows: Sequence[Record]) -> int:
        """These may not be dialled now: the walk goes on behind them."""
        for row in rows:
            mark = walk.marks[(list_id, row["status_code"])]
            if row["next_attempt_at"] is None:
                mark.lead = row["lead_id"]
            else:
                mark.due, mark.due_lead = row["next_attempt_at"], row["lead_id"]
        return len(rows)

    async def _start(
        self, setup: CampaignSetup, claim: Claim, chosen: Sequence[Candidate], now: datetime
    ) -> list[Claimed]:
        """Write the attempts down, with why each was allowed. Leads that changed since are left out."""
        organisation, plan = setup.organisation, claim.plan
        async with self._db.transaction():
            if not await leases.holds(self._db, *plan.key, self._engine):
                return []
            room = await self.limits.hold(plan, None, len(chosen), now)
            chosen = chosen[: room.calls]
            held = await dial_order.lock_unchanged(self._db, organisation, [each.row for each in chosen])
            kept = [each for each in chosen if each.row["lead_id"] in held]
            wanted = [self._attempt(plan, each) for each in kept]
            started = await attempts.start(self._db, organisation, wanted, now)
            placed = [(each, new, ids) for each, new, ids in zip(kept, wanted, started, strict=True) if ids is not None]
            rows = [self._evidence(setup, claim, each, ids.attempt_id, now) for each, _, ids in placed]
            await evidence.insert(self._db, organisation, rows, now)
            await self.limits.spend(room, len(placed))
        return [
            Claimed(
                ids.attempt_id,
                ids.activity_id,
                each.row["lead_id"],
                each.number,
                new.own_contact,
                each.agent,
                own=each.row["status_code"] == LeadStatus.CALLBACK_AGENT,
                status=each.row["status_code"],
                due=each.row["next_attempt_at"],
            )
            for each, new, ids in placed
        ]

    def _attempt(self, plan: CampaignPlan, lead: Candidate) -> NewAttempt:
        lead_id: int = lead.row["lead_id"]
        return NewAttempt(
            campaign_id=plan.key.campaign,
            lead_id=lead_id,
            phone_index=lead.phone,
            phone_number=lead.number,
            mode=plan.mode or "manual",
            attempts_before=lead.facts.attempts,
            agent_id=None,
            # a lead sees the same number each time it is called
            own_contact=plan.numbers[lead_id % len(plan.numbers)] if plan.numbers else None,
            of_number_before=lead.facts.numbers[lead.phone - 1].attempts,
        )

    def _evidence(
        self, setup: CampaignSetup, claim: Claim, lead: Candidate, attempt_id: int, now: datetime
    ) -> evidence_rules.EvidenceRow:
        agents = None if lead.agent is None else frozenset((lead.agent,))
        of_list = setup.lists[lead.row["list_id"]].facts
        verdict = judge(lead.facts, of_list, setup.facts, lead.blocked, now, agents=agents)
        public = {
            "attemptId": attempt_id,
            "campaignId": setup.campaign,
            "listId": lead.row["list_id"],
            "mode": claim.plan.mode,
            "phoneIndex": lead.phone,
            "regime": setup.regime.name,
            "rules": {each.rule: each.detail for each in verdict.rules},
            "localTimes": {name: now.astimezone(zone(name)).isoformat() for name in (setup.facts.zone, *verdict.zones)},
            "doNotCallCheckedAt": now,
            "attemptsBefore": lead.facts.attempts,
            "maxAttempts": setup.facts.max_attempts,
            "attemptsOfPhone": lead.facts.phone_attempts[lead.phone - 1],
            "attemptsOfNumber": lead.facts.numbers[lead.phone - 1].attempts,
            "attemptsOfNumberDays": COUNTED_DAYS,
            "maxAttemptsPerNumber": setup.facts.max_per_number,
            "maxAttemptsPerDay": setup.facts.max_per_day,
            "agentReserved": lead.agent is not None,
            "pacing": claim.why,
        }
        personal = {"phoneNumber": lead.number, "leadId": str(lead.row["lead_id"])}
        salts = {name: secrets.token_bytes(evidence_rules.LEAST_SALT) for name in personal}
        return evidence_rules.record(attempt_id, public, personal, salts)


def _choose(lead: Candidate, chosen: list[Candidate], busy: dict[str, str]) -> None:
    """One lead of a number at a time."""
    chosen.append(lead)
    busy[lead.number] = f"lead {lead.row['lead_id']} is about to be dialled"

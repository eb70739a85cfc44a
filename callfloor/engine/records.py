"""The floor's records in PostgreSQL: what it asks; what it writes is in `writes`."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial

import msgspec
import structlog

from callfloor import metrics
from callfloor.contract.workspace import CallerLead, Refusal
from callfloor.engine.journal import Journal
from callfloor.engine.leads.selection import Selection
from callfloor.engine.recordings.fetch import Recordings
from callfloor.engine.writes import DatabaseWrites, moment
from callfloor.errors import Problem
from callfloor.floor.plan import CampaignKey, CampaignPlan, Claimed, Preview
from callfloor.floor.ports.records import UNAVAILABLE, Claim
from callfloor.floor.ports.writes import WrapUp
from callfloor.rules.routing.agents import AgentState
from callfloor.store.agents import agents
from callfloor.store.calls import dispositions, legs
from callfloor.store.db.faults import REFUSALS
from callfloor.store.db.pool import Database
from callfloor.store.leads import callbacks, caller_leads
from callfloor.telephony.carrier import AgentId

log = structlog.get_logger("callfloor.floor")

# Ids of legs that are kept at hand; more are fetched when half of them are used up.
IDS = 1000


class DatabaseRecords(DatabaseWrites):
    """`selection` chooses leads; `journal` keeps the order of what is written. `now`: seconds since the epoch."""

    def __init__(
        self,
        db: Database,
        journal: Journal,
        selection: Selection,
        recordings: Recordings,
        now: Callable[[], float],
    ) -> None:
        super().__init__(db, journal, selection, recordings)
        self._now = now
        self._ids: deque[int] = deque()
        self._reserving = False

    # Ids

    async def reserve(self) -> None:
        """Have ids at hand. Raises `Problem` when the database is away."""
        self._ids.extend(await legs.reserve_ids(self._db, IDS))

    def new_activity(self) -> int | None:
        if len(self._ids) < IDS // 2 and not self._reserving:
            self._reserving = True
            self._begin(self._reserve())
        return self._ids.popleft() if self._ids else None

    async def _reserve(self) -> None:
        try:
            await self.reserve()
        except Problem:
            log.warning("ids-wait", reason="database unavailable")
        except REFUSALS as error:
            log.error("ids-refused", kind=type(error).__name__)
        finally:
            self._reserving = False

    # Leads

    def claim(self, claim: Claim, done: Callable[[list[Claimed]], None]) -> None:
        self._begin(self._claim(claim, done))

    async def _claim(self, claim: Claim, done: Callable[[list[Claimed]], None]) -> None:
        claimed: list[Claimed] = []
        try:
            claimed = await self._selection.claim(claim, self._now())
        except Problem:
            # whatever was committed without our hearing of it is found and closed by the engine
            log.warning("claim-failed", campaign=claim.plan.key.campaign, reason="database unavailable")
        except REFUSALS as error:
            log.error("claim-refused", campaign=claim.plan.key.campaign, kind=type(error).__name__)
        self.tally.claimed += len(claimed)
        metrics.PLACED.inc(len(claimed))
        done(claimed)

    def preview(self, plan: CampaignPlan, agent: AgentId, done: Callable[[Preview | None], None]) -> None:
        self._begin(self._preview(plan, agent, done))

    async def _preview(self, plan: CampaignPlan, agent: AgentId, done: Callable[[Preview | None], None]) -> None:
        lead: Preview | None = None
        try:
            lead = await self._selection.preview(plan, agent, self._now())
        except Problem:
            log.warning("preview-failed", campaign=plan.key.campaign, reason="database unavailable")
        except REFUSALS as error:
            log.error("preview-refused", campaign=plan.key.campaign, kind=type(error).__name__)
        done(lead)

    def start(
        self, plan: CampaignPlan, lead: Preview, agent: AgentId, done: Callable[[Claimed | Refusal], None]
    ) -> None:
        self._begin(self._start(plan, lead, agent, done))

    async def _start(
        self, plan: CampaignPlan, lead: Preview, agent: AgentId, done: Callable[[Claimed | Refusal], None]
    ) -> None:
        claimed: Claimed | Refusal = UNAVAILABLE
        try:
            claimed = await self._selection.start(plan, lead, agent, self._now())
        except Problem:
            log.warning("start-failed", campaign=plan.key.campaign, reason="database unavailable")
        except REFUSALS as error:
            log.error("start-refused", campaign=plan.key.campaign, kind=type(error).__name__)
        done(claimed)

    # By hand

    def dial(
        self,
        plan: CampaignPlan,
        agent: AgentId,
        number: str,
        lead: int | None,
        done: Callable[[Claimed | Refusal], None],
    ) -> None:
        self._begin(self._dial(plan, agent, number, lead, done))

    async def _dial(
        self,
        plan: CampaignPlan,
        agent: AgentId,
        number: str,
        lead: int | None,
        done: Callable[[Claimed | Refusal], None],
    ) -> None:
        result: Claimed | Refusal = UNAVAILABLE
        try:
            result = await self._selection.by_hand(plan, agent, number, lead, self._now())
        except Problem:
            log.warning("dial-failed", campaign=plan.key.campaign, reason="database unavailable")
        except REFUSALS as error:
            log.error("dial-refused", campaign=plan.key.campaign, kind=type(error).__name__)
        done(result)

    def may_ring(self, plan: CampaignPlan, agent: AgentId, number: str, done: Callable[[Refusal | None], None]) -> None:
        self._begin(self._may_ring(plan, agent, number, done))

    async def _may_ring(
        self, plan: CampaignPlan, agent: AgentId, number: str, done: Callable[[Refusal | None], None]
    ) -> None:
        refusal: Refusal | None = UNAVAILABLE
        try:
            refusal = await self._selection.may_ring(plan, agent, number, self._now())
        except Problem:
            log.warning("may-ring-failed", campaign=plan.key.campaign, reason="database unavailable")
        except REFUSALS as error:
            log.error("may-ring-refused", campaign=plan.key.campaign, kind=type(error).__name__)
        done(refusal)

    # Whose number it is

    def leads_of(self, organisation: int, number: str, done: Callable[[tuple[CallerLead, ...]], None]) -> None:
        self._begin(self._leads_of(organisation, number, done))

    async def _leads_of(self, organisation: int, number: str, done: Callable[[tuple[CallerLead, ...]], None]) -> None:
        try:
            found = await caller_leads.of_number(self._db, organisation, number)
        except Problem:
            log.warning("caller-unknown", reason="database unavailable")
            return
        except REFUSALS as error:
            log.error("caller-unknown", kind=type(error).__name__)
            return
        done(found)

    def with_lead(self, organisation: int, activity: int, lead: int | None, done: Callable[[bool], None]) -> None:
        self._journal.write(
            partial(caller_leads.choose, self._db, organisation, activity, lead), done, lambda: done(False)
        )

    def callback(
        self,
        key: CampaignKey,
        list_id: int,
        activity: int,
        number: str | None,
        at: float,
        done: Callable[[bool], None],
    ) -> None:
        if number is None:
            done(False)
            return
        self._begin(self._callback(key, list_id, activity, number, at, done))

    async def _callback(
        self, key: CampaignKey, list_id: int, activity: int, number: str, at: float, done: Callable[[bool], None]
    ) -> None:
        made = False
        try:
            made = await callbacks.register(self._db, *key, list_id, activity, number, moment(at))
        except Problem:
            log.warning("callback-failed", activity=activity, reason="database unavailable")
        except REFUSALS as error:
            log.error("callback-refused", activity=activity, kind=type(error).__name__)
        done(made)

    # After the call

    def wish(
        self, plan: CampaignPlan, activity: int, wrap: WrapUp, at: float, done: Callable[[Refusal | None], None]
    ) -> None:
        given = dispositions.Disposition(
            wrap.lead_status,
            None if wrap.next_attempt_at is None else moment(wrap.next_attempt_at),
            wrap.callback_agent,
            None if wrap.lead_data is None else msgspec.json.decode(wrap.lead_data),
        )
        # behind all that was written of the call, which the wish may be the lead of
        grant = partial(dispositions.save, self._db, plan.key.organisation, activity, given, moment(at))
        self._journal.write(grant, done, lambda: done(UNAVAILABLE))

    # Agents

    def agent_free(self, organisation: int, agent: AgentId, at: float, done: Callable[[AgentState], None]) -> None:
        self._count(agent)
        if self._unwritten.get(agent):
            self._free_later(organisation, agent, at, done)
        else:
            # somebody may wait for this agent: it does not queue behind what is written of others
            self._begin(self._free_now(organisation, agent, at, done))

    def _free_later(self, organisation: int, agent: AgentId, at: float, done: Callable[[AgentState], None]) -> None:
        # where nobody knows what the agent asked for meanwhile, it gets no call before it says that it is ready
        self._journal.write(partial(self._free, organisation, agent, at), done, lambda: done("paused"))

    async def _free_now(self, organisation: int, agent: AgentId, at: float, done: Callable[[AgentState], None]) -> None:
        try:
            state = await self._free(organisation, agent, at)
        except (Problem, *REFUSALS):
            self._free_later(organisation, agent, at, done)
            return
        # whatever was read of it meanwhile is old
        self._count(agent)
        done(state)

    async def _free(self, organisation: int, agent: AgentId, at: float) -> AgentState:
        ended = await agents.call_ended(self._db, organisation, agent, moment(at))
        # None: the call was never shown
        return ended or await agents.state(self._db, organisation, agent)

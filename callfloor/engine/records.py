"""The floor's records in PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import msgspec
import structlog

from callfloor import metrics
from callfloor.contract.codes import DialStatus
from callfloor.contract.workspace import Refusal
from callfloor.engine.call_records import CallDatabase, moment
from callfloor.engine.journal import Journal
from callfloor.engine.leads.selection import Selection
from callfloor.engine.recordings.fetch import Recordings
from callfloor.errors import Problem
from callfloor.floor.plan import CampaignKey, CampaignPlan, Claimed, Preview
from callfloor.floor.ports.records import UNAVAILABLE, Claim, WrapUp
from callfloor.floor.summary import Tally
from callfloor.rules.routing.agents import AgentState
from callfloor.store.agents import agents
from callfloor.store.calls import activities, attempts, dispositions
from callfloor.store.db.faults import REFUSALS
from callfloor.store.db.pool import Database
from callfloor.store.leads import caller_leads
from callfloor.telephony.carrier import AgentId, CallId

log = structlog.get_logger("callfloor.floor")


class DatabaseRecords(CallDatabase):
    """`selection` chooses leads; `journal` keeps the order of what is written."""

    def __init__(
        self,
        db: Database,
        journal: Journal,
        selection: Selection,
        recordings: Recordings,
        now: Callable[[], float],
    ) -> None:
        super().__init__(db, journal, selection, recordings, now)
        self.tally = Tally()
        self._ending: set[CallId] = set()
        # states of each agent that are still to be written
        self._unwritten: dict[AgentId, int] = {}
        # counts each agent's writes, so that an older reading of its state can be told
        self.writes: dict[AgentId, int] = {}

    def holds(self, call: CallId) -> bool:
        """Whether the call's end is still to be written."""
        return call in self._ending

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

    def skip(self, plan: CampaignPlan, lead: Preview, agent: AgentId, reason: str, *, keep_promise: bool) -> None:
        at = self._now()
        self._journal.write(lambda: self._selection.skip(plan, lead, agent, reason, at, keep_promise=keep_promise))

    def unseen(self, plan: CampaignPlan, lead: Preview) -> None:
        self._selection.unseen(plan, lead)

    def put_back(self, plan: CampaignPlan, claimed: Claimed, at: float) -> None:
        self._ending.add(claimed.call)
        over = partial(self._ending.discard, claimed.call)
        ended = attempts.Ended(DialStatus.CANCELLED, claimed.due, claimed.status)
        finish = partial(attempts.finish, self._db, plan.key.organisation, claimed.call, ended, moment(at))
        self._journal.write(finish, lambda _: over(), over)

    # Calls

    def answered(self, key: CampaignKey, call: CallId, at: float) -> None:
        self.tally.answered += 1
        metrics.ANSWERED.inc()
        self._journal.write(partial(attempts.answered, self._db, key.organisation, call, moment(at)))

    def connected(self, key: CampaignKey, call: CallId, agent: AgentId, at: float) -> None:
        self.tally.connected += 1
        metrics.CONNECTED.inc()
        self._journal.write(partial(attempts.connected, self._db, key.organisation, call, agent, moment(at)))

    def finished(
        self, plan: CampaignPlan, call: CallId, activity: int, status: DialStatus, recorded_s: float | None, at: float
    ) -> None:
        self.tally.ended += 1
        metrics.ENDED.labels(status.name.lower()).inc()
        self._ending.add(call)
        over = partial(self._ending.discard, call)
        finish = partial(self._finish, plan, call, activity, status, recorded_s is not None, at)
        self._journal.write(finish, lambda _: over(), over)
        if recorded_s is not None:
            # the lead and the agent do not wait for the sound
            self.part(plan.key.organisation, activity, call, 0, recorded_s, at)

    async def _finish(
        self, plan: CampaignPlan, call: CallId, activity: int, status: DialStatus, recorded: bool, at: float
    ) -> None:
        organisation, ended_at = plan.key.organisation, moment(at)
        record = await attempts.lead_record(self._db, organisation, call, status)
        ended = self._selection.ended(plan.key, status, record, ended_at)
        if not await attempts.finish(self._db, organisation, call, ended, ended_at):
            return
        if status is DialStatus.ANSWERED and not plan.record and not recorded:
            await activities.set_recording_status(self._db, organisation, activity, "disabled")

    def wish(
        self, plan: CampaignPlan, activity: int, wrap: WrapUp, at: float, done: Callable[[Refusal | None], None]
    ) -> None:
        given = dispositions.Wishes(
            wrap.lead_status,
            None if wrap.next_attempt_at is None else moment(wrap.next_attempt_at),
            wrap.callback_agent,
            None if wrap.lead_data is None else msgspec.json.decode(wrap.lead_data),
        )
        # behind all that was written of the call, which the wish may be the lead of
        grant = partial(dispositions.grant, self._db, plan.key.organisation, activity, given, moment(at))
        self._journal.write(grant, done, lambda: done(UNAVAILABLE))

    def wrapped(self, plan: CampaignPlan, activity: int, wrap: WrapUp, at: float) -> None:
        self._journal.write(partial(self._wrap_up, plan.key, activity, wrap, at))

    async def _wrap_up(self, key: CampaignKey, activity: int, wrap: WrapUp, at: float) -> None:
        organisation, completes_in = key.organisation, self._selection.completes_contacted(key)
        if wrap.lead_status is not None or wrap.next_attempt_at is not None:
            # the agent has said what becomes of the lead
            completes_in = []
        given = activities.WrapUp(wrap.wrap_code, wrap.lead_status, completes_in)
        try:
            await activities.wrap_up(self._db, organisation, activity, given, moment(at))
        except activities.UnknownWrapCodeError:
            # the code was taken from the campaign during the call
            await activities.wrap_up(self._db, organisation, activity, replace(given, wrap_code=None), moment(at))
        if wrap.helped is not None:
            await caller_leads.helped(self._db, organisation, *wrap.helped, moment(at))

    # Agents

    def agent(
        self,
        organisation: int,
        agent: AgentId,
        state: AgentState,
        reason: str | None,
        at: float,
        campaign: int | None = None,
    ) -> None:
        self._count(agent)
        self._unwritten[agent] = self._unwritten.get(agent, 0) + 1
        show = partial(agents.show, self._db, organisation, agent, state, reason, moment(at), campaign)
        self._journal.write(show, lambda _: self._written(agent), lambda: self._written(agent))

    def _written(self, agent: AgentId) -> None:
        self._unwritten[agent] -= 1

    def pause_agent(self, organisation: int, agent: AgentId, reason: str, at: float) -> None:
        self._journal.write(partial(agents.pause, self._db, organisation, agent, moment(at), reason))

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

    def _count(self, agent: AgentId) -> None:
        self.writes[agent] = self.writes.get(agent, 0) + 1

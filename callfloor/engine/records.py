"""The floor's records in PostgreSQL: what it asks; what it writes is in `writes`."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import TypeVar

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
T = TypeVar("T")

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

    @property
    def unwritten(self) -> int:
        """How many writes are on their way to the database."""
        return self._journal.waiting

    # Ids

    async def reserve(self) -> None:
        """Have ids at hand. Raises `Problem` when the database is away."""
        self._ids.extend(await legs.reserve_ids(self._db, IDS))

    def new_activity(self) -> int | None:
        if len(self._ids) < IDS // 2 and not self._reserving:
            self._reserving = True
            self._begin(self._reserve())
        return self._ids.popleft() if self._ids else None

    def new_caller(self) -> int | None:
        return None if self._journal.full else self.new_activity()

    async def _reserve(self) -> None:
        try:
            await self.reserve()
        except Problem:
            log.warning("ids-wait", reason="database unavailable")
        except REFUSALS as error:
            log.error("ids-refused", kind=type(error).__name__)
        finally:
            self._reserving = False

    def _ask(
        self,
        asked: str,
        work: Callable[[float], Awaitable[T]],
        otherwise: T,
        done: Callable[[T], None],
        **about: object,
    ) -> None:
        """Tell `done` what `work`, which is given the time, comes to; or `otherwise`, where the database is away or
        refuses it."""
        self._begin(self._answer(asked, work, otherwise, done, about))

    async def _answer(
        self,
        asked: str,
        work: Callable[[float], Awaitable[T]],
        otherwise: T,
        done: Callable[[T], None],
        about: Mapping[str, object],
    ) -> None:
        answer = otherwise
        try:
            answer = await work(self._now())
        except Problem:
            log.warning(f"{asked}-failed", reason="database unavailable", **about)
        except REFUSALS as error:
            log.error(f"{asked}-refused", kind=type(error).__name__, **about)
        done(answer)

    # Leads

    def claim(self, claim: Claim, done: Callable[[list[Claimed]], None]) -> None:
        if self._journal.full:
            # what is up is written down first
            done([])
            return

        def counted(claimed: list[Claimed]) -> None:
            self.tally.claimed += len(claimed)
            metrics.PLACED.inc(len(claimed))
            done(claimed)

        # whatever was committed without our hearing of it is found and closed by the engine
        work = partial(self._selection.claim, claim)
        self._ask("claim", work, list[Claimed](), counted, campaign=claim.plan.key.campaign)

    def preview(self, plan: CampaignPlan, agent: AgentId, done: Callable[[Preview | None], None]) -> None:
        self._ask("preview", partial(self._selection.preview, plan, agent), None, done, campaign=plan.key.campaign)

    def start(
        self, plan: CampaignPlan, lead: Preview, agent: AgentId, done: Callable[[Claimed | Refusal], None]
    ) -> None:
        work = partial(self._selection.start, plan, lead, agent)
        self._ask("start", work, UNAVAILABLE, done, campaign=plan.key.campaign)

    # By hand

    def dial(
        self,
        plan: CampaignPlan,
        agent: AgentId,
        number: str,
        lead: int | None,
        done: Callable[[Claimed | Refusal], None],
    ) -> None:
        work = partial(self._selection.by_hand, plan, agent, number, lead)
        self._ask("dial", work, UNAVAILABLE, done, campaign=plan.key.campaign)

    def may_ring(self, plan: CampaignPlan, agent: AgentId, number: str, done: Callable[[Refusal | None], None]) -> None:
        work = partial(self._selection.may_ring, plan, agent, number)
        self._ask("may-ring", work, UNAVAILABLE, done, campaign=plan.key.campaign)

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
        register = partial(callbacks.register, self._db, *key, list_id, activity, number, moment(at))
        self._ask("callback", lambda _: register(), False, done, activity=activity)

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

"""The floor's records of calls in PostgreSQL: callers, legs, recordings, messages."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from functools import partial
from typing import Any

import structlog

from callfloor import metrics
from callfloor.contract.workspace import CallerLead, EventType, Refusal, Session
from callfloor.engine import outside_legs
from callfloor.engine.journal import Journal
from callfloor.engine.leads.selection import Selection
from callfloor.engine.recordings.fetch import RecordingKind, Recordings, enter
from callfloor.errors import Problem
from callfloor.floor.plan import CampaignKey, CampaignPlan, Claimed
from callfloor.floor.ports.call_records import Leaving, NewLeg
from callfloor.floor.ports.records import UNAVAILABLE
from callfloor.store.agents import desk_events
from callfloor.store.calls import activities, legs, tasks
from callfloor.store.db.faults import REFUSALS
from callfloor.store.db.pool import Database
from callfloor.store.leads import callbacks, caller_leads
from callfloor.telephony.carrier import AgentId, CallId

log = structlog.get_logger("callfloor.floor")

# Ids of legs that are kept at hand; more are fetched when half of them are used up.
IDS = 1000


def moment(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)


class CallDatabase:
    """`journal` keeps the order of what is written."""

    def __init__(
        self,
        db: Database,
        journal: Journal,
        selection: Selection,
        recordings: Recordings,
        now: Callable[[], float],
    ) -> None:
        self._db, self._journal, self._selection, self._recordings = db, journal, selection, recordings
        self._now = now
        self._tasks: set[asyncio.Task[None]] = set()
        self._ids: deque[int] = deque()
        self._keeping: set[tuple[CallId, int]] = set()
        self._reserving = False

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

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

    # Legs

    def open_call(self, key: CampaignKey, activity: int, caller: str | None, number: str, at: float) -> None:
        metrics.CALLERS.inc()
        self._journal.write(
            partial(legs.open_call, self._db, key.organisation, activity, key.campaign, caller, number, moment(at))
        )

    def join_queue(self, key: CampaignKey, activity: int, at: float) -> None:
        self._journal.write(partial(legs.join_queue, self._db, key.organisation, activity, key.campaign, moment(at)))

    def answer(self, organisation: int, activity: int, agent: AgentId | None, at: float) -> None:
        self._journal.write(partial(legs.answer, self._db, organisation, activity, agent, moment(at)))

    def recording(self, organisation: int, activity: int, part: int | None) -> None:
        if part is None:
            write = partial(activities.set_recording_status, self._db, organisation, activity, "disabled")
        else:
            write = partial(activities.add_recording_part, self._db, organisation, activity, part)
        self._journal.write(write)

    def leave(self, organisation: int, activity: int, reason: Leaving, at: float) -> None:
        self._journal.write(partial(activities.leave, self._db, organisation, activity, reason, moment(at)))

    def hang_up(self, organisation: int, activity: int, at: float) -> None:
        self._journal.write(partial(activities.hang_up, self._db, organisation, activity, moment(at)))

    def next_leg(self, organisation: int, activity: int, following: NewLeg, at: float) -> None:
        self._journal.write(partial(outside_legs.next_leg, self._db, organisation, activity, following, moment(at)))

    def second_leg(self, organisation: int, activity: int, beside: NewLeg, at: float) -> None:
        self._journal.write(partial(outside_legs.second_leg, self._db, organisation, activity, beside, moment(at)))

    def held(self, organisation: int, activity: int, seconds: float) -> None:
        self._journal.write(partial(activities.hold, self._db, organisation, activity, round(seconds)))

    def phone_lost(self, organisation: int, activity: int, times: int, seconds: float) -> None:
        self._journal.write(partial(activities.phone_lost, self._db, organisation, activity, times, round(seconds)))

    # Sound

    def part(self, organisation: int, activity: int, call: CallId, part: int, seconds: float, at: float) -> None:
        self._begin(self._keep(organisation, activity, "recording", call, part, at))

    def message(self, key: CampaignKey, activity: int, call: CallId, part: int, seconds: float, at: float) -> None:
        add = partial(tasks.add, self._db, key.organisation, key.campaign, "voicemail", activity, moment(at))
        self._journal.write(add)
        self._begin(self._keep(key.organisation, activity, "voicemail", call, part, at))

    def no_message(self, organisation: int, activity: int, call: CallId, part: int) -> None:
        self._journal.write(partial(legs.no_message, self._db, organisation, activity, part))
        self._begin(self._recordings.forget(call, part))

    def keeps(self, call: CallId, part: int) -> bool:
        """Whether that part is on its way to the media store."""
        return (call, part) in self._keeping

    async def _keep(
        self, organisation: int, activity: int, kind: RecordingKind, call: CallId, part: int, at: float
    ) -> None:
        self._keeping.add((call, part))
        stored = await self._recordings.store(organisation, call, part)

        def written(_: object) -> None:
            self._keeping.discard((call, part))
            if stored is not None:
                self._begin(self._recordings.forget(call, part))

        # where it cannot be entered the carrier keeps it, and the sweep of left recordings looks at it again
        entered = partial(enter, self._db, organisation, activity, kind, stored, moment(at))
        self._journal.write(entered, written, lambda: self._keeping.discard((call, part)))

    # After the call

    def survey(self, organisation: int, activity: int, workflow_id: int | None, workflow: str, at: float) -> None:
        asked = activities.Survey(True, moment(at), workflow_id, workflow)
        self._journal.write(partial(activities.set_survey, self._db, organisation, activity, asked))

    def answer_question(self, organisation: int, activity: int, question: str, answer: int, at: float) -> None:
        self._journal.write(
            partial(legs.answer_question, self._db, organisation, activity, question, answer, moment(at))
        )

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

    def quality(self, organisation: int, activity: int, score: float) -> None:
        self._journal.write(partial(activities.set_call_quality, self._db, organisation, activity, score))

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

    def may_ring(self, plan: CampaignPlan, number: str, done: Callable[[Refusal | None], None]) -> None:
        self._begin(self._may_ring(plan, number, done))

    async def _may_ring(self, plan: CampaignPlan, number: str, done: Callable[[Refusal | None], None]) -> None:
        refusal: Refusal | None = UNAVAILABLE
        try:
            refusal = await self._selection.may_ring(plan.key, number, self._now())
        except Problem:
            log.warning("may-ring-failed", campaign=plan.key.campaign, reason="database unavailable")
        except REFUSALS as error:
            log.error("may-ring-refused", campaign=plan.key.campaign, kind=type(error).__name__)
        done(refusal)

    # Desks

    def tell(self, organisation: int, agent: AgentId, what: EventType, session: Session, at: float) -> None:
        self._journal.write(partial(desk_events.publish, self._db, organisation, agent, what, session, moment(at)))

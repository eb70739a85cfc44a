"""What the floor writes down, in PostgreSQL: what each value is there."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, Concatenate, ParamSpec, assert_never

from callfloor import metrics
from callfloor.contract.codes import DialStatus
from callfloor.engine import outside_legs
from callfloor.engine.journal import Journal
from callfloor.engine.leads.selection import Selection
from callfloor.engine.recordings.fetch import RecordingKind, Recordings, enter
from callfloor.floor.plan import CampaignKey
from callfloor.floor.ports import writes
from callfloor.floor.summary import Tally
from callfloor.store.agents import agents, desk_events
from callfloor.store.calls import activities, attempts, legs, tasks
from callfloor.store.db.pool import Database
from callfloor.store.leads import caller_leads
from callfloor.telephony.carrier import AgentId, CallId

P = ParamSpec("P")


def moment(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)


class DatabaseWrites:
    """`journal` keeps the order of what is written, `selection` knows what an end means for a lead."""

    def __init__(self, db: Database, journal: Journal, selection: Selection, recordings: Recordings) -> None:
        self._db, self._journal, self._selection, self._recordings = db, journal, selection, recordings
        self._tasks: set[asyncio.Task[None]] = set()
        self.tally = Tally()
        self._ending: set[CallId] = set()
        self._keeping: set[tuple[CallId, int]] = set()
        # states of each agent that are still to be written
        self._unwritten: dict[AgentId, int] = {}
        # counts each agent's writes, so that an older reading of its state can be told
        self.writes: dict[AgentId, int] = {}

    def holds(self, call: CallId) -> bool:
        """Whether the call's end is still to be written."""
        return call in self._ending

    def keeps(self, call: CallId, part: int) -> bool:
        """Whether that part is on its way to the media store."""
        return (call, part) in self._keeping

    def write(self, what: writes.Write) -> None:
        """Write it down, behind all that was written before."""
        at = moment(what.at)
        match what:
            case writes.AttemptAnswered():
                self.tally.answered += 1
                metrics.ANSWERED.inc()
                self._put(attempts.answered, what.organisation, what.call, at)
            case writes.AttemptConnected():
                self.tally.connected += 1
                metrics.CONNECTED.inc()
                self._put(attempts.connected, what.organisation, what.call, what.agent, at)
            case writes.AttemptFinished():
                self._finished(what)
            case writes.AttemptPutBack():
                ended = attempts.Ended(DialStatus.CANCELLED, what.due, what.lead_status)
                self._end(what.call, partial(attempts.finish, self._db, what.organisation, what.call, ended, at))
            case writes.LeadSkipped(plan, lead, when):
                skip = self._selection.skip
                promise = what.keep_promise
                self._journal.write(partial(skip, plan, lead, what.agent, what.reason, when, keep_promise=promise))
            case writes.LeadUnseen(plan, lead):
                self._selection.unseen(plan, lead)
            case writes.CallOpened():
                metrics.CALLERS.inc()
                self._put(legs.open_call, what.organisation, what.activity, what.campaign, what.caller, what.number, at)
            case writes.QueueJoined():
                self._put(legs.join_queue, what.organisation, what.activity, what.campaign, at)
            case writes.LegAnswered():
                self._put(legs.answer, what.organisation, what.activity, what.agent, at)
            case writes.LegFollowed():
                self._put(outside_legs.next_leg, what.organisation, what.activity, what.following, at)
            case writes.LegAdded():
                self._put(outside_legs.second_leg, what.organisation, what.activity, what.beside, at)
            case writes.LegHeld():
                self._put(activities.hold, what.organisation, what.activity, round(what.seconds))
            case writes.PhoneLost():
                self._put(activities.phone_lost, what.organisation, what.activity, what.times, round(what.seconds))
            case writes.CallerLeft():
                self._put(activities.leave, what.organisation, what.activity, what.reason, at)
            case writes.LegEnded():
                self._put(activities.hang_up, what.organisation, what.activity, at)
            case writes.QualityMeasured():
                self._put(activities.set_call_quality, what.organisation, what.activity, what.score)
            case writes.RecordingSet():
                if what.part is None:
                    self._put(activities.set_recording_status, what.organisation, what.activity, "disabled")
                else:
                    self._put(activities.add_recording_part, what.organisation, what.activity, what.part)
            case writes.PartRecorded():
                self._begin(self._keep(what, "recording"))
            case writes.VoicemailLeft():
                self._put(tasks.add, what.organisation, what.campaign, "voicemail", what.activity, at)
                self._begin(self._keep(what, "voicemail"))
            case writes.VoicemailEmpty():
                self._put(legs.drop_voicemail, what.organisation, what.activity, what.part)
                self._begin(self._recordings.forget(what.call, what.part))
            case writes.SurveyBegun():
                asked = activities.Survey(True, at, what.workflow_id, what.workflow)
                self._put(activities.set_survey, what.organisation, what.activity, asked)
            case writes.QuestionAnswered():
                self._put(legs.answer_question, what.organisation, what.activity, what.question, what.answer, at)
            case writes.WrappedUp():
                self._journal.write(partial(self._wrap_up, what))
            case writes.AgentChanged():
                self._agent_changed(what)
            case writes.AgentPaused():
                self._put(agents.pause, what.organisation, what.agent, at, what.reason)
            case writes.OutsideNotCalled():
                self._journal.write(partial(self._selection.limits.give_back, what.plan, what.agent))
            case writes.DeskTold():
                self._put(desk_events.publish, what.organisation, what.agent, what.event, what.session, at)
            case _:
                assert_never(what)

    def _put(
        self, do: Callable[Concatenate[Database, P], Awaitable[object]], *args: P.args, **kwargs: P.kwargs
    ) -> None:
        self._journal.write(partial(do, self._db, *args, **kwargs))

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # Attempts

    def _end(self, call: CallId, do: Callable[[], Awaitable[object]]) -> None:
        self._ending.add(call)
        over = partial(self._ending.discard, call)
        self._journal.write(do, lambda _: over(), over)

    def _finished(self, what: writes.AttemptFinished) -> None:
        self.tally.ended += 1
        metrics.ENDED.labels(what.status.name.lower()).inc()
        self._end(what.call, partial(self._finish, what))
        if what.recorded_s is not None:
            # the lead and the agent do not wait for the sound
            self.write(
                writes.PartRecorded(
                    what.organisation, what.activity, what.at, call=what.call, part=0, seconds=what.recorded_s
                )
            )

    async def _finish(self, what: writes.AttemptFinished) -> None:
        organisation, status, ended_at = what.organisation, what.status, moment(what.at)
        record = await attempts.lead_record(self._db, organisation, what.call, status)
        ended = self._selection.ended(CampaignKey(organisation, what.campaign), status, record, ended_at)
        if not await attempts.finish(self._db, organisation, what.call, ended, ended_at):
            return
        if status is DialStatus.ANSWERED and not what.recorded and what.recorded_s is None:
            await activities.set_recording_status(self._db, organisation, what.activity, "disabled")

    # Sound

    async def _keep(self, what: writes.PartRecorded | writes.VoicemailLeft, kind: RecordingKind) -> None:
        call, part = what.call, what.part
        self._keeping.add((call, part))
        stored = await self._recordings.store(what.organisation, call, part)

        def written(_: object) -> None:
            self._keeping.discard((call, part))
            if stored is not None:
                self._begin(self._recordings.forget(call, part))

        # where it cannot be entered the carrier keeps it, and the sweep of left recordings looks at it again
        entered = partial(enter, self._db, what.organisation, what.activity, kind, stored, moment(what.at))
        self._journal.write(entered, written, lambda: self._keeping.discard((call, part)))

    # Agents

    async def _wrap_up(self, what: writes.WrappedUp) -> None:
        organisation, activity, wrap, at = what.organisation, what.activity, what.wrap, moment(what.at)
        completes_in = self._selection.completes_contacted(CampaignKey(organisation, what.campaign))
        if wrap.lead_status is not None or wrap.next_attempt_at is not None:
            # the agent has said what becomes of the lead
            completes_in = []
        given = activities.WrapUp(wrap.wrap_code, wrap.lead_status, completes_in)
        try:
            await activities.wrap_up(self._db, organisation, activity, given, at)
        except activities.UnknownWrapCodeError:
            # the code was taken from the campaign during the call
            await activities.wrap_up(self._db, organisation, activity, replace(given, wrap_code=None), at)
        if wrap.helped is not None:
            await caller_leads.fulfil_callback(self._db, organisation, *wrap.helped, at)

    def _agent_changed(self, what: writes.AgentChanged) -> None:
        agent = what.agent
        self._count(agent)
        self._unwritten[agent] = self._unwritten.get(agent, 0) + 1
        show = partial(
            agents.show, self._db, what.organisation, agent, what.state, what.reason, moment(what.at), what.campaign
        )
        self._journal.write(show, lambda _: self._written(agent), lambda: self._written(agent))

    def _written(self, agent: AgentId) -> None:
        self._unwritten[agent] -= 1

    def _count(self, agent: AgentId) -> None:
        self.writes[agent] = self.writes.get(agent, 0) + 1

"""What becomes of calls that an engine left when it ended: those that are up go on, and the others are closed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import structlog
from asyncpg import Record

from callfloor.clock import Clock
from callfloor.contract.codes import ActivityStatus, DialStatus
from callfloor.floor.calls.contacts import Contact, Party, Stage
from callfloor.floor.floor import Floor
from callfloor.floor.plan import CampaignPlan, Claimed
from callfloor.floor.ports import writes
from callfloor.floor.ports.records import Records
from callfloor.telephony.carrier import CallId, Carrier, LiveCall

log = structlog.get_logger("callfloor.floor")


class Recovery:
    def __init__(self, clock: Clock, carrier: Carrier, records: Records, floor: Floor) -> None:
        self._clock, self._carrier, self._records, self._floor = clock, carrier, records, floor

    def go_on(
        self,
        plan: CampaignPlan,
        unfinished: Sequence[Record],
        legs: Sequence[Record],
        live: Mapping[CallId, LiveCall],
    ) -> None:
        """Carry on with a campaign's calls. `unfinished`: as of `attempts.unfinished`; `legs`: as of
        `legs.open_legs`; `live`: what the carrier says is up."""
        for attempt in unfinished:
            known = live.get(attempt["attempt_id"])
            if known is None:
                self.close(plan, attempt)
            else:
                self._attempt_found(plan, attempt, known)
        for leg in legs:
            self._leg_found(plan, leg, live)

    def close(self, plan: CampaignPlan, attempt: Record) -> None:
        """End an attempt of which nobody knows what became, for what is certain; its lead rests as after any call."""
        if attempt["connect_delay_ms"] is not None:
            status = DialStatus.ANSWERED
        elif attempt["answered_at"] is not None:
            status = DialStatus.ABANDONED
        else:
            status = DialStatus.CANCELLED
        log.warning("attempt-closed", attempt=attempt["attempt_id"], status=status.name)
        organisation, campaign = plan.key
        finished = writes.AttemptFinished(
            *(organisation, attempt["attempt_id"], self._clock.now()),
            campaign=campaign, activity=attempt["activity_id"], status=status, recorded_s=None, recorded=plan.record,
        )  # fmt: skip
        self._records.write(finished)

    def _attempt_found(self, plan: CampaignPlan, row: Record, live: LiveCall) -> None:
        """An attempt without an end, whose call is up."""
        manual = row["mode"] == "manual"
        call = Claimed(row["attempt_id"], row["activity_id"], row["lead_id"], row["phone_number"], manual=manual)
        connected, over = row["connect_delay_ms"] is not None, row["leg_over"]
        self._floor.adopt(plan.key, call, answered=live.answered, agent=live.agent, connected=connected, over=over)
        if not over:
            self._with_agent_alone(live)

    def _leg_found(self, plan: CampaignPlan, row: Record, live: Mapping[CallId, LiveCall]) -> None:
        """A leg without an end: of a call that came in, or of one that was transferred."""
        placed: bool = row["attempt_id"] is not None
        known = live.get(row["attempt_id"] if placed else -row["root_activity_id"])
        again = known is not None and known.agent is None and row["answered_at"] is not None
        if placed and row["parent_activity_id"] is None and not again:
            # it ends with its attempt
            return
        activity, now = row["activity_id"], self._clock.now()
        leg = plan.key.organisation, activity, now
        if row["leg_type"] == "consult":
            # the second agent is let go with the engine that brought it in
            self._records.write(writes.LegEnded(*leg))
            return
        if known is None:
            log.warning("call-closed", activity=activity)
            if row["answered_at"] is None and row["leg_type"] != "outside":
                self._records.write(writes.CallerLeft(*leg, reason="failed"))
            self._records.write(writes.LegEnded(*leg))
            return
        self._with_agent_alone(known)
        outside = next((party for party in known.others if party < 0), None)
        if row["leg_type"] == "outside" and known.agent is None:
            again = outside is None
        elif again and outside is not None:
            # the customer talks to a number outside, and no leg is left of it
            self._records.write(writes.LegEnded(*leg))
            return
        if known.agent is not None and row["answered_at"] is None:
            self._records.write(writes.LegAnswered(*leg, agent=known.agent))
            part = known.part if plan.record else None
            self._records.write(writes.RecordingSet(*leg, part=part))
        joined: datetime | None = row["join_queue_at"]
        waited = 0.0 if joined is None else now - joined.timestamp()
        message = row["status_id"] == ActivityStatus.VOICEMAIL
        stage = Stage.WORKFLOW if joined is None or message else Stage.QUEUE
        if known.agent is not None:
            stage = Stage.TALKING
        elif row["leg_type"] == "outside":
            stage = Stage.OUTSIDE
        contact = Contact(
            call=known.call,
            plan=plan,
            activity=activity,
            direction=row["type"].removeprefix("call."),
            number=row["contact"],
            own=row["own_contact"],
            stage=stage,
            began_at=self._clock.elapsed(),
            lead=row["lead_id"],
            agent=known.agent,
            part=known.part,
            parts={known.part: activity},
            queue=None if joined is None else plan.key,
            joined_at=self._clock.elapsed() - waited,
            message_of=plan.key if message else None,
            connected_at=now,
        )
        if stage is Stage.OUTSIDE and outside is not None:
            contact.parties[outside] = Party(outside, row["outside_number"], row["answered_at"] is not None)
        self._floor.adopt_contact(contact, again=again)

    def _with_agent_alone(self, live: LiveCall) -> None:
        """Who is consulted, rings, listens or waits on hold was the business of an engine that is no more: the agent
        goes on with the customer alone. Numbers outside that a customer was left with go on."""
        for supervisor in live.listeners:
            self._carrier.stop_listening(live.call, supervisor)
        for party in live.others:
            if live.agent is not None or party > 0:
                self._carrier.leave(live.call, party)
        if live.agent is not None:
            self._carrier.hold(live.call, False)

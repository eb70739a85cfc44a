"""The engine: a floor on a database, in real time. It leads campaigns by lease, and takes over what others left.

Whatever it holds in memory can be lost at any moment: an attempt is committed before its line is seized, and whoever
leads the campaign next finds it, asks the carrier, and carries on or closes it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial
from uuid import uuid4

import asyncpg
import structlog

from callfloor.cancellation import cancelled
from callfloor.clock import Clock
from callfloor.engine.campaigns import CampaignSettings, load, past_of, receptions, together
from callfloor.engine.command_link import WorkspaceLink
from callfloor.engine.journal import Journal
from callfloor.engine.leads.selection import Selection
from callfloor.engine.leads.wash_warnings import WashWarnings
from callfloor.engine.leases import ROUND_S, Leases
from callfloor.engine.measure import MEASURE_S, Measure
from callfloor.engine.recordings.fetch import Recordings
from callfloor.engine.recordings.orphans import Leftovers
from callfloor.engine.records import DatabaseRecords
from callfloor.engine.recovery import Recovery
from callfloor.engine.roster import Roster
from callfloor.engine.spending import DestinationLog, SpendingReader
from callfloor.engine.standing import LOOK_S, Standing
from callfloor.engine.workflow_functions import Functions
from callfloor.engine.writes import moment
from callfloor.errors import Problem
from callfloor.floor.agents.commands import Work
from callfloor.floor.calls.reception import FunctionOutcome
from callfloor.floor.floor import Floor
from callfloor.floor.plan import CampaignKey
from callfloor.floor.ports.desk import Desk
from callfloor.floor.summary import SUMMARY_S, Summary
from callfloor.media.blobs import Blobs
from callfloor.rules.workflow.workflow_events import CallFunction
from callfloor.store.agents import agents, desks
from callfloor.store.calls import activities, attempts
from callfloor.store.calls import legs as inbound
from callfloor.store.db import installation
from callfloor.store.db.faults import REFUSALS
from callfloor.store.db.listen import Listener
from callfloor.store.db.pool import Database
from callfloor.store.figures.floor_alarms import Alarm, raise_alarm
from callfloor.store.privacy.keys import Key
from callfloor.store.setup import workflows
from callfloor.telemetry import Seldom
from callfloor.telephony.carrier import CallId, Carrier, CarrierLostError

log = structlog.get_logger("callfloor.floor")

TICK_S = 0.25
ROSTER_S = 1.0
AUDIT_S = 5.0
SWEEP_S = 20.0
DESKS_S = 2.0
# So long a database that is away is waited for when the process ends.
LAST_WRITES_S = 5.0
# An attempt that nobody knows is left alone for so long: its claim may still be coming back.
UNKNOWN_S = 15.0


class Engine:
    """`functions`: who asks the HTTP functions of workflows; None: each of them fails."""

    def __init__(
        self,
        dsn: str,
        db: Database,
        clock: Clock,
        carrier: Carrier,
        blobs: Blobs,
        desk: Desk,
        functions: Functions | None = None,
        phone_grace_s: float = 30.0,
    ) -> None:
        self._dsn, self._db, self._clock, self._carrier = dsn, db, clock, carrier
        self.id = uuid4()
        self._settings: dict[CampaignKey, CampaignSettings] = {}
        self._journal = Journal(db)
        destinations = DestinationLog(clock, self._raised)
        self._selection = Selection(db, self.id, self._settings, self._on_line, destinations)
        recordings = Recordings(carrier, blobs)
        self.records = DatabaseRecords(db, self._journal, self._selection, recordings, clock.now)
        ask = None if functions is None else self._ask
        self.floor = Floor(clock, carrier, self.records, desk, ask=ask, destinations=destinations)
        self.floor.lost_phones.grace_s = phone_grace_s
        self._recovery = Recovery(clock, carrier, self.records, self.floor)
        self._spending = SpendingReader(db, clock, self.floor.outgoing)
        self._leases = Leases(dsn, db, self.id, self._gained, self._lost)
        # campaigns that are led and whose calls have been found again: the floor dials for these
        self._dialling: set[CampaignKey] = set()
        self._standing = Standing(db, clock, carrier, self.id, self._dialling, self.floor)
        self._roster = Roster(self.floor, self._journal, self.records, db, self._dialling)
        self._leftovers = Leftovers(db, carrier, recordings, self._in_hand, self._dialling)
        work, self._washes = Work(clock, self.floor, self.records), WashWarnings()
        self.link = WorkspaceLink(dsn, db, self.id, self.floor.team, self._journal, work, self._dialling)
        self._functions, self._function_keys = functions, dict[int, Key | None]()
        # calls of nobody's, and how many audits have seen them so
        self._left: dict[CallId, int] = {}
        self._look = asyncio.Event()
        # look at the agents at once when somebody asks something of one; what is not heard costs a second
        self._listener = Listener(dsn, "agents", {agents.CHANNEL: lambda _: self._look.set()}, self._look.set)
        self._held = self._ending = False
        self._recoveries, self._asking = set[asyncio.Task[None]](), set[asyncio.Task[None]]()

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set. Calls that are up then are left to the carrier and to the next engine."""
        journal = asyncio.create_task(self._journal.run())
        work = (
            self._every(ROUND_S, self._lead),
            self._every(ROSTER_S, self._read_roster, self._look),
            self._every(AUDIT_S, self._audit),
            self._every(SWEEP_S, self._leftovers.sweep),
            self._every(SUMMARY_S, Summary(self.floor, self.records.tally).say),
            self._every(LOOK_S, self._standing.say),
            self._every(DESKS_S, self._look_for_desks),
            self._every(MEASURE_S, Measure(self.floor, self._journal, self._dialling).take),
            self._tick(),
            self._listener.run(),
            self.link.run(),
        )
        running = [asyncio.create_task(each) for each in work]
        stopping = asyncio.create_task(stop.wait())
        try:
            done, _ = await asyncio.wait([*running, journal, stopping], return_when=asyncio.FIRST_COMPLETED)
            for task in done - {stopping}:
                task.result()
        finally:
            self._ending = True
            await cancelled({*running, stopping, *self._recoveries, *self._asking})
            if not journal.done():
                # what was said and done until now is kept before another engine may go on from it
                await self._journal.close(LAST_WRITES_S)
            await cancelled({journal})
            await self._leases.close()

    async def _every(
        self, seconds: float, work: Callable[[], Awaitable[None]], wake: asyncio.Event | None = None
    ) -> None:
        wake, seldom = wake or asyncio.Event(), Seldom()
        while True:
            try:
                await work()
            except (Problem, CarrierLostError) as error:
                if seldom.is_due(type(error).__name__):
                    log.warning("engine-waits", kind=type(error).__name__)
            except REFUSALS as error:
                log.error("engine-fault", kind=type(error).__name__)
            wake.clear()
            try:
                async with asyncio.timeout(seconds):
                    await wake.wait()
            except TimeoutError:
                continue

    async def _tick(self) -> None:
        while True:
            self.floor.tick()
            await asyncio.sleep(TICK_S)

    async def _look_for_desks(self) -> None:
        await desks.pause_gone(self._db, moment(self._clock.now()))

    def _on_line(self, organisation: int) -> dict[str, str]:
        """What selection asks before it chooses leads, which is made before the floor."""
        return self.floor.on_line(organisation)

    # Campaigns

    async def _lead(self) -> None:
        """Take what is free, and dial as it is set up now."""
        routes = await workflows.load(self._db)
        settings = await load(self._db, routes)
        was_held, self._held = self._held, await installation.held(self._db) is not None
        if was_held and not self._held:
            log.info("hold-over", campaigns=len(self._dialling))
        if self._held:
            # a copy of another's database calls nobody by itself
            settings = {key: each if each.plan.mode is None else each.resting() for key, each in settings.items()}
        await self._spending.read(each.plan for each in settings.values())
        before = dict(self._settings)
        self._settings.clear()
        self._settings.update(settings)
        ours = [settings[key].setup for key in self._dialling & settings.keys()]
        self._washes.look(ours, moment(self._clock.now()))
        for key in self._dialling & settings.keys():
            plan = settings[key].plan
            was_off = key in before and not before[key].plan.active and not was_held
            if plan.mode is not None and plan.active and was_off:
                await self._selection.recycle_on_start(key, moment(self._clock.now()))
            self.floor.configure(plan)
        skills = {agent: levels for each in routes.values() for agent, levels in each.skills.items()}
        if skills != self.floor.queues.skills:
            self.floor.queues.skills = skills
            for agent in self.floor.team.everyone():
                self.floor.queues.watch(agent)
        self._function_keys = {organisation: each.function_key for organisation, each in routes.items()}
        self.floor.callers.configure(*receptions(routes, moment(self._clock.now())))
        await self._leases.round(together(settings, routes))

    def _raised(self, organisation: int, alarm: Alarm, at: datetime) -> None:
        """Supervisors are to see this."""
        self._journal.write(partial(raise_alarm, self._db, organisation, alarm, at))

    def _gained(self, key: CampaignKey) -> None:
        settings = self._settings.get(key)
        outbound = settings is not None and settings.plan.mode is not None
        # of a copy of another's database nothing is dialled until somebody adopts it
        log.info("campaign-held" if self._held and outbound else "campaign-led", campaign=key.campaign)
        task = asyncio.create_task(self._recover(key))
        self._recoveries.add(task)
        task.add_done_callback(self._recoveries.discard)

    def _lost(self, key: CampaignKey) -> None:
        # at the end every campaign is left, on purpose
        (log.info if self._ending else log.warning)("campaign-left", campaign=key.campaign)
        self._dialling.discard(key)
        self._selection.forget(key)
        self.floor.drop(key)

    async def _recover(self, key: CampaignKey) -> None:
        """Carry on where the engine before stopped."""
        while key in self._leases.held:
            settings = self._settings.get(key)
            if settings is None:
                return
            try:
                now = moment(self._clock.now())
                past = None if settings.plan.mode is None else await past_of(self._db, settings.plan, now)
                live = {call.call: call for call in await self._carrier.calls()}
                rows = await attempts.unfinished(self._db, *key)
                legs = await inbound.open_legs(self._db, *key, now)
                await self.records.reserve()
            except (Problem, CarrierLostError, *REFUSALS) as error:
                log.warning("recovery-waits", campaign=key.campaign, kind=type(error).__name__)
                await asyncio.sleep(1.0)
                continue
            if key not in self._leases.held:
                return
            self.floor.configure(settings.plan, past)
            self._recovery.go_on(settings.plan, rows, legs, live)
            code = settings.plan.default_wrap_code
            self._journal.write(partial(activities.wrap_up_left, self._db, *key, code, now))
            self._dialling.add(key)
            self._look.set()
            return

    async def _audit(self) -> None:
        """Find calls that the carrier lost, and attempts that nobody knows."""
        known = self.floor.placed_before(self._clock.elapsed() - AUDIT_S)
        calls = await self._carrier.calls()
        live: set[CallId] = {call.call for call in calls}
        # some may have ended meanwhile
        gone = {call for call in known - live if self.floor.has(call)}
        if gone:
            log.warning("calls-lost", count=len(gone))
            self.floor.lost(gone)
        await self._let_go({call.call for call in calls if call.answered and call.agent is None and not call.others})
        limit = moment(self._clock.now() - UNKNOWN_S)
        for key in list(self._dialling):
            for row in await attempts.unfinished(self._db, *key):
                call = row["attempt_id"]
                unknown = not self.floor.has(call) and not self.records.holds(call) and row["dialled_at"] < limit
                if unknown and key in self._dialling:
                    self._recovery.close(self._settings[key].plan, row)

    def _in_hand(self, call: CallId, part: int) -> bool:
        """Whether a recording is the business of a call that the floor knows, or is being fetched."""
        return self.floor.has(call) or self.records.holds(call) or self.records.keeps(call, part)

    async def _let_go(self, alone: set[CallId]) -> None:
        """Hang up on customers whom nobody knows any more, and who are with nobody: an engine died while they were
        asked how it was, or before their call was written down."""
        roots = {call: root for call in alone if (root := self.floor.left(call)) is not None}
        self._left = {call: self._left.get(call, 0) + 1 for call in roots}
        suspects = [call for call, times in self._left.items() if times > 1]
        if not suspects:
            return
        organisations = sorted({key.organisation for key in self._settings})
        legs: dict[int, list[asyncpg.Record]] = {}
        for row in await inbound.legs(self._db, organisations, [roots[call] for call in suspects]):
            legs.setdefault(row["root_activity_id"], []).append(row)
        for call in suspects:
            of_call = legs.get(roots[call], [])
            led = any((row["organisation_id"], row["campaign_id"]) in self._dialling for row in of_call)
            unwritten = not of_call and self._left[call] * AUDIT_S > UNKNOWN_S
            if unwritten or (led and not any(row["open"] for row in of_call)):
                log.warning("call-let-go", call=call)
                self._carrier.hang_up(call)

    def _ask(self, organisation: int, call: CallFunction, done: Callable[[FunctionOutcome], None]) -> None:
        """Ask an organisation's HTTP function how a caller goes on."""

        async def ask(functions: Functions) -> None:
            done(await functions.call(call, self._function_keys[organisation]))

        if self._functions is not None:
            task = asyncio.create_task(ask(self._functions))
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)

    # Agents

    async def _read_roster(self) -> None:
        self._roster.read()

"""Rules held against the floor: by one process for each organisation, however many there are, and whoever watches."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import structlog

from callfloor.contract.alerts import AlertRule
from callfloor.errors import Problem
from callfloor.jobs.watching.reading import FloorReader
from callfloor.rules.alerting.conditions import Facts, Limit, Node, Subject, rules_of, subjects, threshold_of
from callfloor.rules.alerting.standing import QUIET, Standing, Timing, step
from callfloor.rules.alerting.wording import email
from callfloor.rules.values.times import zone as zone_of
from callfloor.store.db.faults import REFUSALS
from callfloor.store.db.pool import Database, acting_for
from callfloor.store.figures import alerts, saved_reports
from callfloor.store.figures.live_floor import NodeRow, Rows

log = structlog.get_logger("callfloor.alerts")

# Between two looks at one organisation's floor.
LOOK = timedelta(seconds=5)
KEPT = timedelta(days=90)


class Watch:
    """This process's. `looks`: how many it took, since it began."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._readers: dict[int, FloorReader] = {}
        self.looks = 0

    async def round(self, now: datetime) -> None:
        """Look at each organisation that nobody has looked at for a while. Any number of processes may do so at once,
        and end at any moment. Raises problems of the database."""
        for organisation, name, zone in await alerts.due(self._db, now - LOOK):
            with acting_for(organisation):
                if not await alerts.claim(self._db, organisation, now, now - LOOK):
                    continue
                try:
                    await self._look(organisation, name, zone_of(zone), now)
                except (Problem, *REFUSALS) as error:
                    # others' alerts do not wait for it
                    log.warning("alerts-wait", organisation=organisation, kind=type(error).__name__)

    async def _look(self, organisation: int, name: str, zone: ZoneInfo, now: datetime) -> None:
        """Hold what was claimed at `now` against the rules."""
        reader = self._readers.setdefault(organisation, FloorReader(self._db, organisation, zone))
        reader.zone = zone
        rows, picture = await reader.read(now)
        self.looks += 1
        figures = await alerts.figures(self._db, organisation, now)
        facts = Facts(
            at=now,
            campaigns=picture.campaigns.values(),
            queues=picture.queues.values(),
            nodes=tuple(_nodes(rows.nodes)),
            limits=tuple(_limits(rows)),
            service_levels=figures.service_levels,
            failed_jobs=figures.failed_jobs,
        )
        async with self._db.transaction():
            was = await alerts.locked(self._db, organisation, now)
            if was is None:
                return
            rules = rules_of((await alerts.rules(self._db, organisation)).values())
            silences = await alerts.silences(self._db, organisation, now)
            standings: alerts.Standings = {}
            for rule in rules:
                if rule.active:
                    until = silences.get(rule.name)
                    found = await self._hold(organisation, name, rule, facts, was.get(rule.name, {}), until)
                    if found:
                        standings[rule.name] = found
            await self._end(organisation, was, {rule.name for rule in rules if rule.active}, now)
            if standings != was:
                await alerts.keep(self._db, organisation, standings)

    async def _hold(
        self,
        organisation: int,
        name: str,
        rule: AlertRule,
        facts: Facts,
        was: dict[str, Standing],
        silenced_until: datetime | None,
    ) -> dict[str, Standing]:
        """How each subject of a rule stands now, but for those that are quiet."""
        timing = Timing(timedelta(seconds=rule.after_s), timedelta(seconds=rule.clear_s))
        seen = {each.key: each for each in subjects(rule, facts)}
        found: dict[str, Standing] = {}
        # what is there no longer does not hold any more
        for key in [*seen, *(key for key in was if key not in seen)]:
            of = seen.get(key) or Subject(key, "", holds=False)
            standing, events = step(was.get(key, QUIET), of.holds, facts.at, timing, silenced_until)
            for event in events:
                if event == "fires":
                    await alerts.fire(self._db, organisation, rule, threshold_of(rule), of, facts.at)
                    log.info("alert", organisation=organisation, kind=rule.kind)
                elif event == "clears":
                    await alerts.clear(self._db, organisation, rule.name, key, facts.at)
                else:
                    await self._tell(organisation, name, rule, of, facts.at)
            if standing != QUIET:
                found[key] = standing
        return found

    async def _tell(self, organisation: int, name: str, rule: AlertRule, of: Subject, at: datetime) -> None:
        """By e-mail, who may still get one."""
        if rule.mailbox is None or not rule.recipients:
            return
        allowed = await saved_reports.allowed(self._db, organisation, rule.recipients)
        recipients = [each for each in rule.recipients if each.lower() in allowed]
        if recipients:
            text = email(rule, of, at.astimezone(self._readers[organisation].zone), name)
            await alerts.mail(self._db, organisation, rule, of.key, at, recipients, text)

    async def _end(self, organisation: int, was: alerts.Standings, rules: set[str], now: datetime) -> None:
        """What a rule found that is there no longer, or rests, is over."""
        for rule, standings in was.items():
            if rule not in rules:
                for key in standings:
                    await alerts.clear(self._db, organisation, rule, key, now)


def _nodes(rows: list[NodeRow]) -> Iterator[Node]:
    """An engine that went is missed only where no other one does its work."""
    serving = any(row.kind == "engine" and row.up for row in rows)
    for row in rows:
        yield Node(row.name, row.up or (row.kind == "engine" and serving))


def _limits(rows: Rows) -> Iterator[Limit]:
    for row in rows.alarms:
        about = f"{row.kind} {row.reason}"
        yield Limit(f"{about} {row.agent_id or 0}", about, row.agent_id)

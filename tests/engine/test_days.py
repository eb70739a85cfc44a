"""Random days of dialling on a real database, watched by somebody who reckons with nothing of the product's."""

from __future__ import annotations

import os
import random
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import holidays
import msgspec
import pytest
from asyncpg import Record

from callfloor.contract.codes import DialStatus, LeadStatus
from callfloor.floor.plan import Claimed
from callfloor.store.db.pool import Database
from callfloor.store.privacy import do_not_call
from tests.conftest import Centre
from tests.engine.test_selection import NUMBERS, ZONES, Dialler
from tests.store.call_day import add_leads

# `make test-long` takes 1,000
DAYS = int(os.environ.get("CALLFLOOR_DAYS", "6"))
STEP = timedelta(minutes=20)
WEEK = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
# days on which a clock is changed somewhere, a leap day, the turn of a year, a holiday, and plain ones
DATES = [
    "2026-10-03", "2027-04-03", "2026-03-28", "2026-10-24", "2026-10-31", "2027-03-13", "2028-02-28", "2026-12-24",
    "2026-12-31", "2027-01-25", "2026-11-18", "2026-11-21",
]  # fmt: skip
WINDOWS = (["08:00-20:00"], ["20:00-02:00"], ["01:30-03:30"], ["00:00-24:00"], [])
# where the numbers of leads without a zone may be
POSSIBLE = {
    "+12025550123": ["America/New_York"],
    "+447700900123": ["Europe/London"],
}


def minutes(clock: str) -> int:
    hours, _, rest = clock.partition(":")
    return int(hours) * 60 + int(rest)


def is_open(hours: Mapping[str, list[str]] | None, zone: str, at: datetime, closed: str) -> bool:
    """Whether a window is open, by the calendar and the clock on the wall there."""
    if hours is None:
        return True
    local = at.astimezone(ZoneInfo(zone))
    now = local.hour * 60 + local.minute
    for day, shift in ((local.date(), 0), (local.date() - timedelta(days=1), 24 * 60)):
        if is_holiday(closed, day):
            continue
        for window in hours.get(WEEK[day.weekday()], []):
            begin, end = map(minutes, window.split("-"))
            if begin <= now + shift < (end if end > begin else end + 24 * 60):
                return True
    return False


def is_holiday(region: str, day: date) -> bool:
    return day in holidays.country_holidays(region, years=day.year)


class Watcher:
    """Knows the settings and every attempt, and says what must never happen."""

    def __init__(self, campaign: dict[str, Any], blocked: set[str]) -> None:
        self.campaign, self.blocked = campaign, blocked
        self.up: dict[int, Claimed] = {}
        self.dialled: dict[int, list[tuple[datetime, str]]] = {}
        self.of_number: dict[str, list[datetime]] = {}
        self.abandoned: dict[int, datetime] = {}

    def dials(self, call: Claimed, lead: Record, at: datetime) -> None:
        said = self.campaign
        before = self.dialled.setdefault(call.lead, [])
        assert call.lead not in {each.lead for each in self.up.values()}, "dialled twice at once"
        assert call.number not in {each.number for each in self.up.values()}, "on two calls at once"
        assert lead["completed_at"] is None
        assert lead["status_code"] != LeadStatus.DO_NOT_CALL
        assert call.number in (lead["phone1"], lead["phone2"], lead["phone3"])
        assert call.number not in self.blocked, "on a do-not-call list"
        assert is_open(said["hours"], said["zone"], at, said["closed"]), "outside the campaign's hours"
        zones = [lead["timezone"]] if lead["timezone"] else POSSIBLE[call.number]
        for zone in zones:
            assert is_open(said["contact_hours"], zone, at, said["closed"]), f"outside the contact's hours in {zone}"
        assert len(before) < said["max_attempts"], "over the lead's attempts"
        of_number = self.of_number.setdefault(call.number, [])
        assert said["per_number"] is None or len(of_number) < said["per_number"], "over the number's attempts"
        if said["per_day"] is not None:
            for zone in zones:
                day = at.astimezone(ZoneInfo(zone)).date()
                today = sum(when.astimezone(ZoneInfo(zone)).date() == day for when, _ in before)
                assert today < said["per_day"], "over the day's attempts"
                today = sum(when.astimezone(ZoneInfo(zone)).date() == day for when in of_number)
                assert today < said["per_day"], "over the day's attempts of the number"
        if lead["status_code"] == LeadStatus.CALLBACK_AGENT and lead["agent_id"] is not None:
            assert call.agent == lead["agent_id"], "somebody else's callback"
        if call.lead in self.abandoned and at - self.abandoned[call.lead] < said["rest"]:
            assert call.agent is not None, "abandoned, and dialled again without an agent reserved"
        before.append((at, call.number))
        of_number.append(at)
        self.up[call.call] = call


async def set_up(db: Database, centre: Centre, luck: random.Random) -> dict[str, Any]:
    """A random campaign, as the watcher knows it."""
    regime = luck.choice(["none", "AU", "GB"])
    weekly = [None, *({day: luck.choice(WINDOWS) for day in WEEK} for _ in range(3))]
    said: dict[str, Any] = {
        "hours": luck.choice(weekly),
        "contact_hours": {day: luck.choice(WINDOWS) for day in WEEK},
        "zone": luck.choice(["Australia/Sydney", "Europe/London"]),
        "closed": luck.choice(["AU", "US", "GB"]),
        "max_attempts": luck.choice([1, 3, 10]),
        "per_number": luck.choice([None, 1, 2]),
        "per_day": luck.choice([None, 1, 2]),
        "rest": {"none": timedelta(hours=24), "AU": timedelta(hours=24), "GB": timedelta(hours=72)}[regime],
    }
    outcomes = {status: {"recycleMinutes": luck.choice([0, 15, 120])} for status in range(2, 9)}
    await db.execute(
        "INSERT INTO strategies (organisation_id, name, outcomes) VALUES ($1, 'any', $2)",
        *(centre.organisation, msgspec.json.encode(outcomes).decode()),
    )
    dialling = {
        "regime": regime,
        "contactHours": said["contact_hours"],
        "holidays": said["closed"],
        "strategy": "any",
        "maxAttemptsPerNumber": said["per_number"],
        "maxAttemptsPerDay": said["per_day"],
    }
    hours = None if said["hours"] is None else msgspec.json.encode(said["hours"]).decode()
    await db.execute(
        "UPDATE campaigns SET timezone = $2, calling_hours = $3, max_attempts = $4, dialling = $5"
        " WHERE campaign_id = $1",
        *(centre.outbound, said["zone"], hours, said["max_attempts"], msgspec.json.encode(dialling).decode()),
    )
    return said


async def upload(db: Database, centre: Centre, luck: random.Random) -> None:
    for lead_id in await add_leads(db, centre, 40):
        phones = luck.choices(NUMBERS, k=3)
        zone = luck.choice(ZONES)
        if any(phone is not None and phone not in POSSIBLE for phone in phones):
            # Australia's mobiles may be anywhere in it
            zone = zone or "Australia/Sydney"
        await db.execute(
            "UPDATE leads SET phone1 = $2, phone2 = $3, phone3 = $4, timezone = $5, status_code = $6, agent_id = $7"
            " WHERE lead_id = $1",
            *(lead_id, *phones, zone, luck.choice([0, 0, 0, 10, 11]), luck.choice([None, centre.agent])),
        )


@pytest.mark.parametrize("seed", range(DAYS))
async def test_nothing_that_must_never_happen_does(db: Database, centre: Centre, seed: int) -> None:
    luck = random.Random(seed)
    said = await set_up(db, centre, luck)
    await upload(db, centre, luck)
    blocked = {number for number in NUMBERS if number is not None and luck.random() < 0.2}
    key = await db.fetchval("SELECT hash_key FROM organisations WHERE organisation_id = $1", centre.organisation)
    at = datetime.fromisoformat(luck.choice(DATES)).replace(tzinfo=UTC) + timedelta(minutes=luck.randrange(0, 1440))
    for number in blocked:
        await do_not_call.add(db, centre.organisation, key, number, at - timedelta(days=1))
    watcher = Watcher(said, blocked)
    engines = [Dialler(db, centre, uuid4()) for _ in range(2)]
    engine = engines[0]
    await engine.open(at)
    end = at + timedelta(hours=30)
    while at < end:
        if luck.random() < 0.05:
            engine = luck.choice(engines)
            await engine.open(at)
        rows = await db.fetch("SELECT * FROM leads WHERE organisation_id = $1", centre.organisation)
        leads = {row["lead_id"]: row for row in rows}
        free = [centre.agent] if luck.random() < 0.5 else []
        for call in await engine.claim(luck.randint(1, 8), at, free, reserved=luck.random() < 0.3):
            watcher.dials(call, leads[call.lead], at)
        at += STEP * luck.random()
        for call in [each for each in watcher.up.values() if luck.random() < 0.7]:
            del watcher.up[call.call]
            statuses = [DialStatus.NO_ANSWER, DialStatus.BUSY, DialStatus.ANSWERED, DialStatus.ABANDONED]
            status = luck.choice([*statuses, DialStatus.ANSWERING_MACHINE, DialStatus.TELCO_ERROR])
            if status is DialStatus.ABANDONED:
                watcher.abandoned[call.lead] = at
            await engine.over(call, status, at)
        at += STEP * luck.random()

"""Retention deletes what is due, keeps what is held, leaves figures as they were, and goes on where it was killed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from callfloor.contract.codes import DialStatus
from callfloor.jobs import audit, retention
from callfloor.media.blobs import open_blobs
from callfloor.rules.audit.entries import SYSTEM, Entry
from callfloor.rules.privacy.retention import KINDS, Kind, Rule
from callfloor.settings import Settings
from callfloor.store.audit import entries, reading
from callfloor.store.calls import activities, attempts, media
from callfloor.store.db.pool import Database
from callfloor.store.privacy import legal_holds
from callfloor.store.privacy import retention as stored
from tests.conftest import Centre
from tests.factories import inbound_call

NOW = datetime(2026, 6, 30, 3, 0, tzinfo=UTC)
OLD = NOW - timedelta(days=100)
NUMBER, OURS = "+61491570156", "+61491570157"


async def set_rules(db: Database, organisation: int, *rules: Rule) -> None:
    async with db.transaction():
        await stored.put_rules(db, organisation, rules)


async def everything(days: int = 30) -> list[Rule]:
    return [Rule(0, kind, days) for kind in KINDS]


async def old_call(db: Database, settings: Settings, centre: Centre, at: datetime = OLD) -> int:
    """A call that is over, with a recording; returns its activity."""
    activity = await inbound_call(db, centre.organisation, centre.inbound, NUMBER, OURS, at)
    await activities.hang_up(db, centre.organisation, activity, at)
    blob = await open_blobs(settings.media_location).put(centre.organisation, f"call {activity}".encode())
    content = media.StoredContent(blob.sha256, blob.size)
    await media.add(
        db, centre.organisation, "recording", activity, content,
        content_type="audio/wav", duration_s=1, file_name=None, at=at,
    )  # fmt: skip
    return activity


async def old_lead(db: Database, centre: Centre, at: datetime = OLD) -> tuple[int, int]:
    """A completed lead, and an attempt on it."""
    body = {"listId": centre.list_id, "phone1": NUMBER, "customerKey": f"k{at.timestamp()}"}
    lead = (await centre.client.post("/leads", json=body)).json()["leadId"]
    new = attempts.NewAttempt(centre.outbound, lead, 1, NUMBER, "progressive", 0)
    (started,) = await attempts.start(db, centre.organisation, [new], at)
    assert started is not None
    await attempts.finish(db, centre.organisation, started.attempt_id, attempts.Ended(DialStatus.NO_ANSWER), at)
    await db.execute(
        "UPDATE leads SET completed_at = $3, updated_at = $3 WHERE organisation_id = $1 AND lead_id = $2",
        centre.organisation, lead, at,
    )  # fmt: skip
    return lead, started.attempt_id


async def figures(db: Database, organisation: int) -> list[Any]:
    minutes = await db.fetch(
        "SELECT * FROM campaign_minutes WHERE organisation_id = $1 ORDER BY campaign_id, minute", organisation
    )
    calls = await db.fetch(
        "SELECT type, status_id, count(*) FROM activities WHERE organisation_id = $1 GROUP BY 1, 2 ORDER BY 1, 2",
        organisation,
    )
    dialled = await db.fetch(
        "SELECT dial_status, count(*) FROM attempts WHERE organisation_id = $1 GROUP BY 1 ORDER BY 1", organisation
    )
    return [minutes, calls, dialled]


async def numbers(db: Database, organisation: int) -> int:
    return await db.fetchval(
        """SELECT (SELECT count(*) FROM activities WHERE organisation_id = $1 AND contact IS NOT NULL)
            + (SELECT count(*) FROM attempts WHERE organisation_id = $1 AND phone_number IS NOT NULL)
            + (SELECT count(*) FROM evidence WHERE organisation_id = $1 AND personal <> '{}')
            + (SELECT count(*) FROM leads WHERE organisation_id = $1)
            + (SELECT count(*) FROM media WHERE organisation_id = $1 AND deleted_at IS NULL)""",
        organisation,
    )


async def test_a_run_deletes_what_a_dry_run_counts_and_figures_stay(
    db: Database, settings: Settings, centre: Centre
) -> None:
    await old_call(db, settings, centre)
    await old_lead(db, centre)
    await set_rules(db, centre.organisation, *await everything())
    before = await figures(db, centre.organisation)
    said = await retention.planned(db, centre.organisation, NOW)
    counts = await retention.run(db, centre.organisation, NOW)
    wanted = {"recordings": 1, "calls": said["calls"], "attempts": 1, "leads": 1}
    assert counts == {part: count for part, count in said.items() if count} == wanted
    assert await numbers(db, centre.organisation) == 0
    assert await figures(db, centre.organisation) == before
    # and again: there is nothing left
    assert await retention.run(db, centre.organisation, NOW) == {}


async def test_what_is_younger_or_has_no_rule_stays(db: Database, settings: Settings, centre: Centre) -> None:
    await old_call(db, settings, centre)
    await old_lead(db, centre)
    there = await numbers(db, centre.organisation)
    assert await retention.run(db, centre.organisation, NOW) == {}
    await set_rules(db, centre.organisation, *await everything(days=101))
    assert await retention.run(db, centre.organisation, NOW) == {}
    # the campaigns' own rules stand in the place of the organisation's
    own = [Rule(campaign, kind, 200) for campaign in (centre.inbound, centre.outbound) for kind in KINDS[:-1]]
    await set_rules(db, centre.organisation, *await everything(days=30), *own)
    assert await retention.run(db, centre.organisation, NOW) == {}
    assert await numbers(db, centre.organisation) == there


@pytest.mark.parametrize("kind", ["lead", "call", "campaign"])
async def test_what_is_held_stays_until_it_is_lifted(
    db: Database, settings: Settings, centre: Centre, kind: str
) -> None:
    call = await old_call(db, settings, centre)
    lead, _ = await old_lead(db, centre)
    await set_rules(db, centre.organisation, *await everything())
    objects = {"lead": [lead], "call": [call], "campaign": [centre.inbound, centre.outbound]}[kind]
    holds: list[int] = []
    for each in objects:
        row = await legal_holds.place(db, centre.organisation, kind, each, "case 7", None, NOW)
        assert row is not None
        holds.append(row["hold_id"])
    counts = await retention.run(db, centre.organisation, NOW)
    gone = {"lead": {"recordings", "calls"}, "call": {"attempts", "leads"}, "campaign": set[str]()}[kind]
    assert counts is not None
    assert gone <= set(counts)
    assert not ({"leads", "attempts"} if kind == "lead" else {"recordings"}) & set(counts)
    for hold in holds:
        assert await legal_holds.lift(db, centre.organisation, hold, NOW) is not None
    await retention.run(db, centre.organisation, NOW)
    assert await numbers(db, centre.organisation) == 0


async def test_a_run_that_stops_anywhere_goes_on_and_counts_exactly(
    db: Database, settings: Settings, centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 1)
    for number in range(3):
        await old_call(db, settings, centre, OLD - timedelta(hours=number))
        await old_lead(db, centre, OLD - timedelta(hours=number))
    await set_rules(db, centre.organisation, *await everything())
    said = {part: count for part, count in (await retention.planned(db, centre.organisation, NOW)).items() if count}
    counts, rounds = None, 0
    while counts is None:
        counts = await retention.run(db, centre.organisation, NOW, batches=1)
        rounds += 1
    assert rounds == sum(said.values()) + 1
    assert counts == said
    (run,) = await stored.runs(db, centre.organisation, 9)
    assert run["counts"] == said
    assert run["finished_at"] == NOW


async def test_the_audit_says_what_its_retention_removed(db: Database, centre: Centre) -> None:
    for day in (100, 99, 1):
        at = NOW - timedelta(days=day)
        await entries.record(db, centre.organisation, SYSTEM, at, [Entry("list.update", "list", (day,))])
        while await audit.seal(db, at + timedelta(minutes=1)):
            pass
    while await audit.seal(db, NOW):
        pass
    kind: Kind = "audit"
    await set_rules(db, centre.organisation, Rule(0, kind, 30))
    assert await retention.run(db, centre.organisation, NOW) == {"audit": 2}
    while await audit.seal(db, NOW + timedelta(minutes=1)):
        pass
    found = await reading.verify(db, centre.organisation)
    assert (found.faults, found.first, found.last) == ([], 3, 5)
    left = [row["action"] for row in await reading.page(db, centre.organisation, reading.Wanted(), None, 9)]
    assert sorted(left) == ["audit.remove", "list.update", "retention.delete"]

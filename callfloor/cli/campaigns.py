"""`callfloor campaign`: campaigns that are switched off and on while they work."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from asyncpg import Record

from callfloor.cli import recorded, session
from callfloor.cli.failures import CommandError, harmless
from callfloor.engine.leads.explain_campaign import CampaignExplained, explain_campaign
from callfloor.rules.audit.entries import Entry, difference
from callfloor.rules.dialling.not_dialling import MEANINGS
from callfloor.rules.values.names import unknown
from callfloor.rules.values.times import format_timestamp, zone
from callfloor.settings import Settings
from callfloor.store.db.pool import Database
from callfloor.store.setup import campaigns

# Calls last no longer.
LONGEST_CALL = timedelta(hours=12)


async def _found(db: Database, settings_of: Record, name: str) -> Record:
    organisation = settings_of["organisation_id"]
    row = await campaigns.standing(db, organisation, name, datetime.now(UTC) - LONGEST_CALL)
    if row is None:
        raise CommandError(f"campaign {harmless(name)}: {unknown(name, await campaigns.names(db, organisation))}")
    return row


async def _switch(
    db: Database, organisation: int, row: Record, action: str, *, active: bool = False, let_go: bool = False
) -> None:
    was = {"active": row["active"]}
    said = Entry(action, "campaign", (row["campaign_id"],), None, difference(was, {"active": active}))
    async with db.transaction():
        await campaigns.switch(db, organisation, row["campaign_id"], active=active, let_go=let_go)
        await recorded.record(db, organisation, said)


def stop(settings: Settings, organisation: str | None, name: str, *, now: bool, dry_run: bool) -> None:
    """Switch a campaign off. `now`: lines that ring and callers who wait are let go. Raises `CommandError`."""

    async def work(db: Database) -> None:
        of = await session.organisation(db, organisation)
        row = await _found(db, of, name)
        if not dry_run:
            await _switch(db, of["organisation_id"], row, "campaign.stopAtOnce" if now else "campaign.stop", let_go=now)
        print(_stopped(row, name, now=now, dry_run=dry_run))

    session.run(settings, work)


def start(settings: Settings, organisation: str | None, name: str, *, dry_run: bool) -> None:
    """Switch a campaign on. Raises `CommandError`."""

    async def work(db: Database) -> None:
        of = await session.organisation(db, organisation)
        row = await _found(db, of, name)
        if not dry_run:
            await _switch(db, of["organisation_id"], row, "campaign.start", active=True)
        was = "was on already" if row["active"] else "would be on" if dry_run else "is on"
        print(f"campaign {harmless(name)} {was}")

    session.run(settings, work)


def explain(settings: Settings, organisation: str | None, name: str) -> None:
    """Print why nobody, or not more, is dialled. Raises `CommandError`."""

    async def work(db: Database) -> None:
        of = await session.organisation(db, organisation)
        row = await _found(db, of, name)
        now = datetime.now(UTC)
        found = await explain_campaign(db, of["organisation_id"], row["campaign_id"], now)
        for line in () if found is None else _explained(found):
            print(line)

    session.run(settings, work)


def _explained(found: CampaignExplained) -> Iterator[str]:
    at = zone(found.zone)
    for each in found.waits:
        yield f"waits: {each.detail}"
    about = "" if found.one_in == 1 else f" (of {found.judged:,} that were judged; give or take {found.margin:.1%})"
    yield f"{found.leads:,} leads, {found.dialable:,} may be dialled now{about}"
    width = max((len(f"{count:,}") for _, count in found.kept_out), default=0)
    for rule, count in found.kept_out:
        yield f"  {count:>{width},}  {rule}: {MEANINGS[rule]}"
    for hour, count in found.opens:
        yield f"  {count:>{width},}  become dialable from {format_timestamp(hour, at)} on, within the hour"
    if found.later:
        yield f"  {found.later:>{width},}  become dialable later than in a day"


def _stopped(row: Record, name: str, *, now: bool, dry_run: bool) -> str:
    was = "would be off" if dry_run else "is off" if row["active"] or row["let_go"] != now else "was off already"
    ringing, waiting, talking = row["ringing"], row["waiting"], row["talking"]
    if row["direction"] == "outbound":
        what = f"{ringing} lines that ring " + ("are let go" if now else "ring on, and who answers gets an agent")
    else:
        what = f"{waiting} callers who wait " + ("are sent on" if now else "are answered still; new ones are not taken")
    return f"campaign {harmless(name)} {was}: {what}; {talking} calls that are talked on go on"

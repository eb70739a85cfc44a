"""`callfloor retention` and `callfloor hold`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from asyncpg import Record

from callfloor.cli import recorded, session
from callfloor.cli.failures import CommandError, harmless
from callfloor.jobs.retention import planned
from callfloor.jobs.retention import run as delete_due
from callfloor.rules.audit.entries import Entry
from callfloor.rules.privacy.retention import Rule
from callfloor.settings import Settings
from callfloor.store.db.pool import Database
from callfloor.store.privacy import legal_holds, retention

RUNS_SHOWN = 10
MOST_HOLDS = 10_000


def run(settings: Settings, organisation: str | None, *, dry_run: bool) -> None:
    """Delete what is due, or count it."""

    async def work(db: Database) -> dict[str, int] | None:
        number = (await session.organisation(db, organisation))["organisation_id"]
        now = datetime.now(UTC)
        if dry_run:
            return await planned(db, number, now)
        await recorded.record(db, number, Entry("retention.run", "retention"))
        return await delete_due(db, number, now)

    counts = session.run(settings, work)
    verb = "would go" if dry_run else "went"
    if counts is None:
        print("another process ended this run: callfloor retention show")
    elif not any(counts.values()):
        print("nothing is due")
    for part, count in (counts or {}).items():
        if count:
            print(f"{count} {part} {verb}")


def show(settings: Settings, organisation: str | None) -> None:
    """Print the rules and the last runs."""

    async def work(db: Database) -> tuple[list[Rule], list[dict[str, Any]]]:
        number = (await session.organisation(db, organisation))["organisation_id"]
        return await retention.rules(db, number), await retention.runs(db, number, RUNS_SHOWN)

    rules, runs = session.run(settings, work)
    if not rules:
        print("no rules: everything is kept")
    for rule in rules:
        of = f" of campaign {rule.campaign_id}" if rule.campaign_id else ""
        print(f"{rule.kind}{of}: {rule.days} days")
    for each in runs:
        ended = "goes on" if each["finished_at"] is None else "done"
        counts = ", ".join(f"{count} {part}" for part, count in each["counts"].items()) or "nothing was due"
        print(f"run {each['run_id']} of {each['started_at']:%Y-%m-%d %H:%M} UTC, {ended}: {counts}")


def place(settings: Settings, organisation: str | None, object_type: str, object_id: int, reason: str) -> None:
    """Place a legal hold and print its id. Raises `CommandError`."""

    async def work(db: Database) -> int:
        number, now = (await session.organisation(db, organisation))["organisation_id"], datetime.now(UTC)
        async with db.transaction():
            row = await legal_holds.place(db, number, object_type, object_id, reason, None, now)
            if row is None:
                raise CommandError(f"there is no {object_type} {object_id}")
            told = {"objectType": object_type, "objectId": object_id}
            said = Entry("hold.place", "hold", (row["hold_id"],), None, told)
            await recorded.record(db, number, said)
        return row["hold_id"]

    print(f"hold {session.run(settings, work)} placed on {object_type} {object_id}")


def lift(settings: Settings, organisation: str | None, hold_id: int) -> None:
    """Lift a legal hold. Raises `CommandError`."""

    async def work(db: Database) -> None:
        number, now = (await session.organisation(db, organisation))["organisation_id"], datetime.now(UTC)
        async with db.transaction():
            if await legal_holds.lift(db, number, hold_id, now) is None:
                raise CommandError(f"there is no hold {hold_id} that stands")
            await recorded.record(db, number, Entry("hold.lift", "hold", (hold_id,)))

    session.run(settings, work)
    print(f"hold {hold_id} lifted")


def holds(settings: Settings, organisation: str | None) -> None:
    """Print the holds that stand."""

    async def work(db: Database) -> list[Record]:
        number = (await session.organisation(db, organisation))["organisation_id"]
        return await legal_holds.holds(db, number, 0, MOST_HOLDS, lifted=False)

    rows = session.run(settings, work)
    for row in rows:
        placed = f"{row['placed_at']:%Y-%m-%d}"
        print(harmless(f"{row['hold_id']} {row['object_type']} {row['object_id']} since {placed}: {row['reason']}"))
    if not rows:
        print("no holds")

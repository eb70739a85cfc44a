"""`callfloor key`."""

from __future__ import annotations

from datetime import UTC, datetime

from callfloor import master_key
from callfloor.cli import recorded, session
from callfloor.rules.audit.entries import Entry
from callfloor.rules.values.times import format_timestamp, zone
from callfloor.settings import Settings
from callfloor.store.db.pool import Database
from callfloor.store.privacy import keys
from callfloor.store.privacy.keys import PURPOSES, Purpose


def show(settings: Settings, organisation: str | None) -> None:
    """Print an organisation's keys, without their secrets."""

    async def work(db: Database) -> None:
        row = await session.organisation(db, organisation)
        number, at = row["organisation_id"], zone(row["timezone"])
        for purpose in PURPOSES:
            await keys.current(db, number, purpose)
        for each in await keys.every(db, number):
            since, until = each["created_at"], each["retired_at"]
            state = f"under master key {each['master_id']}"
            if until is not None:
                state = f"retired {format_timestamp(until, at)}, checks what it signed"
            print(f"{each['purpose']:<8}  {each['key_id']}  since {format_timestamp(since, at)}  {state}")

    session.run(settings, work)


def rotate(settings: Settings, organisation: str | None, purpose: Purpose) -> None:
    """Make a new key and say what is to be done with it."""

    async def work(db: Database) -> str:
        number = (await session.organisation(db, organisation))["organisation_id"]
        async with db.transaction():
            made = await keys.rotate(db, number, purpose, datetime.now(UTC))
            await recorded.record(db, number, Entry("key.rotate", "key", (), made.id, {"purpose": purpose}))
        return made.id

    print(f"{purpose} key {session.run(settings, work)} signs from now on")
    if purpose == "signing":
        print("give those who check its public half: callfloor certificate key --all")
    else:
        print("give those who check its secret: callfloor function key")


def rewrap(settings: Settings) -> None:
    """Put every key under the current master key."""
    done = session.run(settings, keys.rewrap)
    current = master_key.current().current
    print(f"{done} keys put under master key {current}; older master keys are needed no more")

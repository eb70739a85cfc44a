"""`callfloor audit`."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

from asyncpg import Record

from callfloor.cli import session
from callfloor.cli.evidence import parse_day
from callfloor.cli.failures import FAILURE, harmless
from callfloor.rules.audit.verification import Verified
from callfloor.settings import Settings
from callfloor.store.audit import chain, reading
from callfloor.store.calls.evidence import midnight
from callfloor.store.db.pool import Database


def wanted(
    first: str | None, last: str | None, action: str | None, object_type: str | None, object_id: int | None
) -> reading.Wanted:
    """Raises `CommandError` for what is no day."""
    from_day, to_day = parse_day(first, "--from"), parse_day(last, "--to")
    return reading.Wanted(
        begin=None if from_day is None else midnight(from_day),
        end=None if to_day is None else midnight(to_day) + timedelta(days=1) - timedelta(microseconds=1),
        action=action,
        object_type=object_type,
        object_id=object_id,
    )


def show(settings: Settings, organisation: str | None, which: reading.Wanted, count: int) -> None:
    """Print the newest entries, one a line."""

    async def work(db: Database) -> list[Record]:
        row = await session.organisation(db, organisation)
        return await reading.page(db, row["organisation_id"], which, None, count)

    rows = session.run(settings, work)
    for row in rows:
        print(harmless(_line(row)))
    if not rows:
        # an action that is misspelt looks like one that nobody did
        print("no entries of that kind" if which != reading.Wanted() else "no entries yet", file=sys.stderr)


def _line(row: Record) -> str:
    who = row["actor_name"] or row["actor_id"] or ""
    ids = " ".join(map(str, row["object_ids"][:5])) + (" …" if len(row["object_ids"]) > 5 else "")
    at = row["happened_at"].astimezone(UTC).isoformat(timespec="seconds")
    whence = f" from {row['address']}" if row["address"] else ""
    details = "" if row["details"] == "{}" else f" {row['details']}"
    return f"{at} {row['action']} {ids or row['object_name'] or ''} by {row['actor_type']} {who}{whence}{details}"


def export(settings: Settings, organisation: str | None, which: reading.Wanted) -> None:
    """Print entries as JSON Lines, newest first."""

    async def work(db: Database) -> None:
        row = await session.organisation(db, organisation)
        async for rows in reading.every(db, row["organisation_id"], which):
            for each in rows:
                sys.stdout.write(json.dumps(_plain(each), ensure_ascii=False) + "\n")

    session.run(settings, work)
    sys.stdout.flush()


def _plain(row: Record) -> dict[str, Any]:
    request = row["request_id"]
    return {
        "entryId": row["entry_id"],
        "timestamp": row["happened_at"].astimezone(UTC).isoformat(),
        "actor": {
            "type": row["actor_type"],
            "id": row["actor_id"],
            "name": row["actor_name"],
            "tokenId": row["token_id"],
        },
        "address": row["address"],
        "requestId": None if request is None else str(request),
        "action": row["action"],
        "object": {"type": row["object_type"], "ids": list(row["object_ids"]), "name": row["object_name"]},
        "details": json.loads(row["details"]),
        "position": row["position"],
        "hash": None if row["hash"] is None else row["hash"].hex(),
    }


def verify(settings: Settings, organisation: str | None) -> None:
    """Check the whole chain; exits with 1 and names what is wrong when it is not as it was written."""

    async def work(db: Database) -> tuple[str, Verified, int]:
        row = await session.organisation(db, organisation)
        number = row["organisation_id"]
        return row["name"], await reading.verify(db, number), await chain.count_unsealed(db, number)

    started = datetime.now(UTC)
    name, found, unsealed = session.run(settings, work)
    for fault in found.faults:
        print(harmless(f"{name}: {fault}"), file=sys.stderr)
    more = found.fault_count - len(found.faults)
    if more:
        print(f"and {more} more", file=sys.stderr)
    said = (
        f"audit of {name} at {started.isoformat(timespec='seconds')}: {found.entries} entries from position"
        f" {found.first} to {found.last}, {found.days} signed days, {unsealed} entries not sealed yet"
    )
    print(harmless(said + ("" if found.whole else f"; {found.fault_count} faults")))
    if not found.whole:
        raise SystemExit(FAILURE)

"""`callfloor db`."""

from __future__ import annotations

import asyncio
from datetime import UTC

from callfloor.commands import session
from callfloor.settings import Settings
from callfloor.store import migrate


def migrate_database(settings: Settings) -> None:
    """Bring the database to this version and print each migration that was applied."""
    with session.database(settings, migrated=False) as dsn:
        done = asyncio.run(migrate.migrate(dsn))
    for name in done:
        print(f"applied {name}")
    if not done:
        print("up to date")


def show_status(settings: Settings) -> None:
    """Print every migration and when it was applied."""
    with session.database(settings, migrated=False) as dsn:
        steps = asyncio.run(migrate.status(dsn))
    for step in steps:
        applied = step.applied_at
        when = "not applied" if applied is None else f"applied {applied.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        print(f"{step.name}  {when}")

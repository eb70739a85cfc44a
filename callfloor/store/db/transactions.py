"""What became of a transaction whose commit was not answered: PostgreSQL keeps that for a long time."""

from __future__ import annotations

from callfloor.store.db.pool import Database

NAME_SQL = "SELECT pg_current_xact_id()::text"
STATUS_SQL = "SELECT pg_xact_status($1::text::xid8)"


async def name(db: Database) -> str:
    """The transaction in progress, as it can be asked for later."""
    return await db.fetchval(NAME_SQL)


async def committed(db: Database, transaction: str) -> bool | None:
    """Whether it was; None: it is not over yet. One that is too old to be known counts as not committed."""
    status = await db.fetchval(STATUS_SQL, transaction)
    return None if status == "in progress" else status == "committed"

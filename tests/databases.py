"""Databases for tests: migrated once on each server, then copied, which takes a tenth of the time."""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import asyncpg

from callfloor.store.db import roles
from callfloor.store.db.migrate import migrate

# of roles, which are the server's: the workers of a run, and other runs, share them
ROLE_PASSWORD = "of the tests"


def _beside(address: str, name: str) -> str:
    """The address of another database on the same server."""
    head, _, tail = address.partition("?")
    return f"{head.rsplit('/', 1)[0]}/{name}" + (f"?{tail}" if tail else "")


async def make_roles(url: str) -> None:
    """The roles that the application connects as, with what they may do in this database."""
    # one at a time on a server: locks by number are those of one of its databases
    server = await asyncpg.connect(_beside(url, "postgres"))
    try:
        await server.execute("SELECT pg_advisory_lock(hashtext('callfloor test roles'))")
        for role in (roles.API, roles.WORK):
            await roles.make(url, role, ROLE_PASSWORD, quiet=True)
    finally:
        await server.close()


class Databases:
    """Migrated databases. Nothing is connected to a template, as PostgreSQL demands of one that it copies."""

    def __init__(self) -> None:
        # by the address of an empty name, which is the server's
        self._templates: dict[str, str] = {}

    @asynccontextmanager
    async def fresh(self, server: str) -> AsyncGenerator[str]:
        """The address of a database of its own, that is gone afterwards. `server`: an address of any database there."""
        template = await self._template(server)
        name = f"callfloor_test_{secrets.token_hex(4)}"
        admin = await asyncpg.connect(server)
        try:
            # files can be copied where nothing waits for the disk; elsewhere that costs two checkpoints
            fast = await admin.fetchval("SELECT current_setting('fsync') = 'off'")
            strategy = "FILE_COPY" if fast else "WAL_LOG"
            await admin.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY {strategy}")
            await _wait_for_no_disk(admin, name)
            yield _beside(server, name)
            await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
        finally:
            await admin.close()

    async def _template(self, server: str) -> str:
        key = _beside(server, "")
        if key not in self._templates:
            name = f"callfloor_test_{secrets.token_hex(4)}"
            admin = await asyncpg.connect(server)
            try:
                await admin.execute(f"CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE template0")
                await _wait_for_no_disk(admin, name)
            finally:
                await admin.close()
            await migrate(_beside(server, name))
            await make_roles(_beside(server, name))
            self._templates[key] = name
        return self._templates[key]

    async def close(self) -> None:
        for server, name in self._templates.items():
            admin = await asyncpg.connect(_beside(server, "postgres"))
            try:
                await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
            finally:
                await admin.close()


async def _wait_for_no_disk(admin: asyncpg.Connection, name: str) -> None:
    """What a commit of tests says is not to outlive the server: those about that have servers of their own."""
    await admin.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")

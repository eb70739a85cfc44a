"""The two roles that the application connects as, beside the owner of the tables, who migrates.

`callfloor_api` is that of the API: row-level security binds it. `callfloor_work` is that of the floor, the jobs and the
mail, which work for all organisations: it passes row-level security. Neither is a superuser, owns anything, or can
become the other.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

import asyncpg
from asyncpg import Record

from callfloor.store.db import row_security

API, WORK = "callfloor_api", "callfloor_work"
# `%L`: the password, quoted by the server
MAKE_SQL = """
SELECT format('%s ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION %s PASSWORD %L',
    CASE WHEN EXISTS (SELECT FROM pg_roles WHERE rolname = $1) THEN 'ALTER' ELSE 'CREATE' END,
    $1::text, CASE WHEN $2 THEN 'BYPASSRLS' ELSE 'NOBYPASSRLS' END, $3::text)"""
# Errors quote data: those of an embedded server's sessions do not reach its log.
QUIET = "log_min_messages"
LOCK_SQL = "SELECT pg_advisory_xact_lock(hashtextextended('callfloor roles', 0))"
SUPERUSER_SQL = "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"
GIVEN_SQL = "SELECT has_table_privilege('organisations', 'SELECT')"
WORKS_SQL = "SELECT rolbypassrls FROM pg_roles WHERE rolname = $1"


@dataclass(frozen=True, slots=True)
class Addresses:
    """Of the database, for each that connects: who migrates, the API, and the floor, jobs and mail."""

    owner: str
    api: str
    work: str

    @classmethod
    def one(cls, url: str) -> Addresses:
        """One role does all."""
        return cls(url, url, url)


async def make(owner: str, role: str, password: str, *, quiet: bool = False) -> None:
    """Make a role, or give it this password, and give it the tables. `owner`: the address of who may make roles, of a
    database that is migrated. `quiet`: the errors of its sessions stay out of the server's log, as a superuser may say.

    Raises `asyncpg.InsufficientPrivilegeError`.
    """
    name, works = row_security.quoted(role), role == WORK
    async with _connected(owner) as connection, connection.transaction():
        await connection.execute(LOCK_SQL)
        await connection.execute(await connection.fetchval(MAKE_SQL, role, works, password))
        if quiet:
            await connection.execute(f"ALTER ROLE {name} SET {QUIET} = 'log'")
        await row_security.give(connection, role, works=works)


async def give(owner: str, role: str) -> bool:
    """Give a role that is there the tables; False: it is not. `owner`: the address of the tables' owner."""
    async with _connected(owner) as connection, connection.transaction():
        works = await connection.fetchval(WORKS_SQL, role)
        if works is not None:
            await row_security.give(connection, role, works=works)
        return works is not None


async def is_superuser(url: str) -> bool:
    """Whether the address is a superuser's."""
    async with _connected(url) as connection:
        return bool(await connection.fetchval(SUPERUSER_SQL))


async def reaches(url: str) -> bool:
    """Whether one may sign in with the address, and has been given the tables."""
    try:
        async with _connected(url) as connection:
            return bool(await connection.fetchval(GIVEN_SQL))
    except asyncpg.InvalidAuthorizationSpecificationError:
        return False


@asynccontextmanager
async def _connected(url: str) -> AsyncGenerator[asyncpg.Connection[Record]]:
    connection = await asyncpg.connect(url, timeout=5)
    try:
        yield connection
    finally:
        await connection.close()


def address(url: str, role: str, password: str) -> str:
    """The address of the same database for another role."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    # what only a superuser may say in the address stands in the role
    query = "&".join(each for each in parts.query.split("&") if QUIET not in each)
    netloc = f"{quote(role, safe='')}:{quote(password, safe='')}@{host}"
    return parts._replace(netloc=netloc, query=query).geturl()

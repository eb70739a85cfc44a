"""What each table is in a database that Citus distributes, and how it is made that (docs/scaling.md).

Every table has a place here, which a test asks for. What is of organisations stands together, an organisation's rows on
one node. Citus itself is no part of Callfloor: what is called here are its functions.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal

import asyncpg

# Any process of any host that changes this database's schema waits for the others on this key.
LOCK_KEY = 0x63616C6C666C6F6F  # "callfloo"

Kind = Literal["reference", "distributed", "local"]

# whole on every node: it is small, every other table names it, and its names are unique over all of them
_REFERENCE = ("organisations",)
# on the coordinator alone: of the installation, and of no organisation
_LOCAL = ("schema_migrations",)
# by organisation_id, all together; `users` first, beside which the others are put
ANCHOR = "users"
_DISTRIBUTED = (
    ANCHOR, "tokens", "campaigns", "campaign_agents", "wrap_codes", "lead_statuses", "lists", "leads", "list_counts",
    "do_not_call", "attempts", "activities", "campaign_minutes", "list_dialled", "media", "blob_deletions",
    "agent_states", "imports", "import_chunks", "import_errors", "idempotency_keys", "erasures", "strategies",
    "evidence", "evidence_days", "campaign_leases", "lead_skips", "workflows", "sounds", "prompts", "user_skills",
    "closures", "tasks", "survey_answers", "workspace_sessions", "workspace_events", "workspace_commands", "mailboxes",
    "mailbox_progress", "emails", "outgoing_mail", "do_not_call_lifted", "do_not_call_registers",
    "identifier_renewals", "floor_nodes", "agent_moves", "agent_times", "report_sums", "report_progress",
    "report_marks", "report_quarters", "report_days", "service_levels", "conversion_codes", "saved_reports",
    "what_ifs",
    "report_deliveries", "alert_rules", "alerts", "alert_silences", "alert_watches",
    "roles", "teams", "team_members", "team_times", "passwords",
    "sign_in_sessions", "password_links", "sign_in_failures", "organisation_keys", "call_drafts",
    "totp_secrets", "recovery_codes", "passkeys", "identities", "spent_challenges",
    "audit_entries", "audit_days", "audit_heads",
    "phone_holders", "call_diagnoses", "desks", "calls_spent", "floor_alarms", "organisation_storage", "open_legs",
    "retention_rules", "retention_runs", "legal_holds", "workflow_versions", "workflow_drafts", "planned_closures",
)  # fmt: skip
KINDS: dict[str, Kind] = {
    **dict.fromkeys(_REFERENCE, "reference"),
    **dict.fromkeys(_LOCAL, "local"),
    **dict.fromkeys(_DISTRIBUTED, "distributed"),
}
COLUMN = "organisation_id"

HAS_CITUS_SQL = "SELECT to_regproc('create_distributed_table') IS NOT NULL"
# Tables and their partitions; a table stands behind those that its foreign keys name.
TABLES_SQL = """
WITH RECURSIVE found AS (
    SELECT c.oid, c.relname::text AS name, c.reltuples, ARRAY(
        SELECT k.confrelid FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'f' AND k.confrelid <> c.oid
    ) AS names
    FROM pg_class c
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
), depth AS (
    SELECT oid, 0 AS behind FROM found
    UNION
    SELECT f.oid, d.behind + 1 FROM found f JOIN depth d ON d.oid = ANY(f.names) WHERE d.behind < 30
)
SELECT f.oid, f.name, greatest(sum(coalesce(p.reltuples, 0)), f.reltuples, 0)::bigint AS rows, max(d.behind) AS behind
FROM found f JOIN depth d ON d.oid = f.oid
LEFT JOIN pg_inherits i ON i.inhparent = f.oid LEFT JOIN pg_class p ON p.oid = i.inhrelid
GROUP BY f.oid, f.name, f.reltuples"""
# What Citus has: by hash (h), or whole on every node (n).
PLACED_SQL = "SELECT logicalrelid::oid AS oid, partmethod::text AS method FROM pg_dist_partition"
REFERENCE_SQL = "SELECT create_reference_table($1::text::regclass)"
FIRST_SQL = """
SELECT create_distributed_table($1::text::regclass, 'organisation_id', colocate_with := 'none', shard_count := $2)"""
OTHER_SQL = "SELECT create_distributed_table($1::text::regclass, 'organisation_id', colocate_with := 'users')"
# Rows that were here before are copied to the nodes, and then are in the way here.
TRUNCATE_SQL = "SELECT truncate_local_data_after_distributing_table($1::text::regclass)"
FUNCTIONS_SQL = """
SELECT p.oid::regprocedure::text AS name FROM pg_proc p
WHERE p.pronamespace = current_schema()::regnamespace AND p.prokind = 'f'
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e') ORDER BY p.oid"""
FUNCTION_SQL = "SELECT create_distributed_function($1::text::regprocedure)"
# 32: of TRUNCATE. What stands on partitions is their table's.
TRIGGERS_SQL = """
SELECT g.tgrelid::regclass::text AS table, quote_ident(g.tgname) AS name, pg_get_triggerdef(g.oid) AS made
FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid
WHERE c.relnamespace = current_schema()::regnamespace AND NOT g.tgisinternal AND g.tgparentid = 0
    AND ($1::text IS NULL AND g.tgtype & 32 > 0 OR g.tgrelid = $1::text::regclass)"""
# Row triggers stand on the tables (counts, do-not-call, agents' time), and what a transaction says of itself
# (SET LOCAL) has to be heard where its rows are.
SETTINGS = {"citus.enable_unsafe_triggers": "on", "citus.propagate_set_commands": "local"}
ON_WORKERS_SQL = "SELECT success, result FROM run_command_on_workers($1)"
DATABASE_SQL = "SELECT quote_ident(current_database())"


class DistributionError(RuntimeError):
    """The database cannot be distributed; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Step:
    """A table that is still to be placed. `rows`: about so many, which have to be copied."""

    name: str
    kind: Kind
    rows: int


async def plan(dsn: str) -> list[Step]:
    """What `distribute` would do, in its order; nothing: all is done. Raises `DistributionError`."""
    connection = await asyncpg.connect(dsn)
    try:
        if not await connection.fetchval(HAS_CITUS_SQL):
            raise DistributionError(
                "this database has no Citus: install it on every node, put citus into shared_preload_libraries, and "
                "run CREATE EXTENSION citus in the database (docs/scaling.md)"
            )
        return await _steps(connection)
    finally:
        await connection.close()


async def distribute(dsn: str, shards: int, told: Callable[[Step], None]) -> int:
    """Place every table that is not placed yet, each in a transaction of its own; returns how many there were. Cut off
    at any point it is done by doing it again. `told` hears of each table before it is begun. Raises
    `DistributionError`."""
    await plan(dsn)
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", LOCK_KEY)
        await _settle(connection)
    finally:
        await connection.close()
    # a connection of its own: the settings hold from the next one on
    connection = await asyncpg.connect(dsn, command_timeout=None)
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", LOCK_KEY)
        return await place(connection, shards, told)
    finally:
        await connection.close()


async def keep(connection: asyncpg.Connection) -> None:
    """Place what a migration has added, where the database is distributed."""
    if not await connection.fetchval(HAS_CITUS_SQL):
        return
    placed = {row["oid"] for row in await connection.fetch(PLACED_SQL)}
    if await connection.fetchval("SELECT $1::text::regclass::oid", ANCHOR) in placed:
        await place(connection, 0, lambda _: None)


async def place(connection: asyncpg.Connection, shards: int, told: Callable[[Step], None]) -> int:
    """`distribute`, on a connection that holds the lock of migrations."""
    steps = await _steps(connection)
    for step in steps:
        told(step)
        # rows that are copied are not counted again
        async with connection.transaction(), _without_triggers(connection, step.name):
            if step.kind == "reference":
                await connection.execute(REFERENCE_SQL, step.name)
            elif step.name == ANCHOR:
                await connection.execute(FIRST_SQL, step.name, shards)
            else:
                await connection.execute(OTHER_SQL, step.name)
    # what triggers call has to be where the rows are
    for row in await connection.fetch(FUNCTIONS_SQL):
        await connection.execute(FUNCTION_SQL, row["name"])
    async with connection.transaction(), _without_triggers(connection, None):
        for table in await connection.fetch(TABLES_SQL):
            if KINDS[table["name"]] != "local":
                await connection.execute(TRUNCATE_SQL, table["name"])
    return len(steps)


@asynccontextmanager
async def _without_triggers(connection: asyncpg.Connection, table: str | None) -> AsyncGenerator[None, None]:
    """Take the triggers of a table away for as long as that takes, or (None) those of TRUNCATE of all tables."""
    triggers = await connection.fetch(TRIGGERS_SQL, table)
    for each in triggers:
        await connection.execute(f"DROP TRIGGER {each['name']} ON {each['table']}")
    yield
    for each in triggers:
        await connection.execute(each["made"])


async def _steps(connection: asyncpg.Connection) -> list[Step]:
    placed = {row["oid"]: row["method"] for row in await connection.fetch(PLACED_SQL)}
    wanted = {"reference": "n", "distributed": "h"}
    found: list[tuple[tuple[bool, bool, int, str], Step]] = []
    for row in await connection.fetch(TABLES_SQL):
        kind = KINDS.get(row["name"])
        if kind is None:
            raise DistributionError(
                f"nobody has said whether table {row['name']} is distributed: it is none of this version's. Bring the "
                "database to this version first (callfloor db migrate)"
            )
        if kind == "local":
            continue
        method = placed.get(row["oid"])
        if method is not None and method != wanted[kind]:
            raise DistributionError(
                f"table {row['name']} is placed in another way (pg_dist_partition: {method}): undo that first "
                "(undistribute_table)"
            )
        if method is None:
            order = kind != "reference", row["name"] != ANCHOR, row["behind"], row["name"]
            found.append((order, Step(row["name"], kind, row["rows"])))
    return [step for _, step in sorted(found, key=lambda each: each[0])]


async def _settle(connection: asyncpg.Connection) -> None:
    database = await connection.fetchval(DATABASE_SQL)
    for name, value in SETTINGS.items():
        command = f"ALTER DATABASE {database} SET {name} = '{value}'"
        await connection.execute(command)
        for answer in await connection.fetch(ON_WORKERS_SQL, command):
            if not answer["success"]:
                raise DistributionError(
                    f"a worker does not take the setting {name}: {answer['result']}. Set it there, or let this user "
                    "own the database"
                )

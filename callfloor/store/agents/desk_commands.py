"""What agents and supervisors ask of the floor, and what became of it.

A command is claimed, and that is committed, before anything is done: so it is done once or not at all. One that nobody
claims in time is withdrawn by whoever asked, and never obeyed later.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import msgspec
from asyncpg import Record

from callfloor.contract.workspace import AnyCommand, Refusal
from callfloor.rules.privacy.customers import Customer
from callfloor.store.db.pool import Database

# Something is asked of an agent's floor, or of a campaign's (0: of the agent's): `ORGANISATION AGENT COMMAND CAMPAIGN`.
CHANNEL = "callfloor_commands"
# Something that was asked is done, or refused: `ORGANISATION COMMAND`.
OUTCOMES = "callfloor_outcomes"
KEPT = "10 minutes"

# The same key again: what nobody claimed yet is asked anew, what is being done is left alone (no row).
ASK_SQL = f"""
WITH asked AS (
    INSERT INTO workspace_commands AS c (organisation_id, agent_id, actor_id, command, key_hash, expires_at,
        campaign_id)
    VALUES ($1, $2, $3, $4::jsonb, $5, clock_timestamp() + $6, $7)
    ON CONFLICT (organisation_id, key_hash) DO UPDATE SET expires_at = excluded.expires_at WHERE c.engine IS NULL
    RETURNING agent_id, command_id, campaign_id
)
SELECT command_id, pg_notify('{CHANNEL}', concat_ws(' ', $1::bigint, agent_id, command_id,
    coalesce(campaign_id, 0))) FROM asked"""
OF_KEY_SQL = "SELECT command_id FROM workspace_commands WHERE organisation_id = $1 AND key_hash = $2"
WAITING_SQL = """
SELECT organisation_id, agent_id, command_id, coalesce(campaign_id, 0) AS campaign_id FROM workspace_commands
WHERE engine IS NULL AND expires_at > clock_timestamp() ORDER BY command_id"""
CLAIM_SQL = """
UPDATE workspace_commands c SET engine = $1
FROM unnest($2::bigint[], $3::bigint[]) AS w (organisation_id, command_id)
WHERE c.organisation_id = w.organisation_id AND c.command_id = w.command_id AND c.engine IS NULL
    AND c.expires_at > statement_timestamp()
RETURNING c.organisation_id, c.command_id, c.agent_id, c.actor_id, c.command"""
FINISH_SQL = f"""
WITH done AS (
    UPDATE workspace_commands SET done_at = now(), refusal = $3::jsonb, command = NULL
    WHERE organisation_id = $1 AND command_id = $2 AND done_at IS NULL
    RETURNING command_id
)
SELECT pg_notify('{OUTCOMES}', concat_ws(' ', $1::bigint, command_id)) FROM done"""
OUTCOME_SQL = """
SELECT engine IS NOT NULL AS claimed, done_at IS NOT NULL AS done, refusal FROM workspace_commands
WHERE organisation_id = $1 AND command_id = $2"""
WITHDRAW_SQL = """
DELETE FROM workspace_commands WHERE organisation_id = $1 AND command_id = $2 AND engine IS NULL RETURNING 1"""
FORGET_SQL = "DELETE FROM workspace_commands WHERE organisation_id = $1 AND command_id = $2"
EXPIRE_SQL = f"DELETE FROM workspace_commands WHERE created_at < now() - interval '{KEPT}'"
MENTIONS_SQL = """
SELECT command_id, command, refusal FROM workspace_commands
WHERE organisation_id = $1 AND concat(command, chr(10), refusal) ~* $2
FOR UPDATE"""
SCRUB_SQL = """
UPDATE workspace_commands SET command = $3::jsonb, refusal = $4::jsonb
WHERE organisation_id = $1 AND command_id = $2"""


@dataclass(frozen=True, slots=True)
class Asked:
    """A command that an engine has claimed. `command`: JSON."""

    organisation: int
    command_id: int
    agent_id: int
    actor_id: int
    command: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """`claimed`: an engine has it; `done`: and did it, or refused."""

    claimed: bool
    done: bool
    refusal: Refusal | None


async def ask(
    db: Database,
    organisation: int,
    agent_id: int,
    actor_id: int,
    command: AnyCommand,
    *,
    key_hash: bytes | None,
    within: timedelta,
    campaign: int | None = None,
) -> int:
    """Ask the floor that `agent_id` works on, or the one that leads `campaign`, for `actor_id`, and return the
    command's id. It must be claimed `within` that time. The same key again is the same command. Commit it at once: no
    engine sees it before."""
    encoded = msgspec.json.encode(command).decode()
    command_id = await db.fetchval(ASK_SQL, organisation, agent_id, actor_id, encoded, key_hash, within, campaign)
    return command_id or await db.fetchval(OF_KEY_SQL, organisation, key_hash)


async def waiting(db: Database) -> list[Record]:
    """Organisation, agent, id and campaign (0: none) of every command that nobody claimed yet."""
    return await db.fetch(WAITING_SQL)


async def claim(db: Database, engine: UUID, commands: Sequence[tuple[int, int]]) -> list[Asked]:
    """Take those of the commands (organisation, id) that nobody else has and that are not too old, in order."""
    rows = await db.fetch(CLAIM_SQL, engine, [each[0] for each in commands], [each[1] for each in commands])
    claimed = [
        Asked(row["organisation_id"], row["command_id"], row["agent_id"], row["actor_id"], row["command"])
        for row in rows
    ]
    return sorted(claimed, key=lambda each: each.command_id)


async def finish(db: Database, organisation: int, command_id: int, refusal: Refusal | None) -> None:
    """The command is done, or refused. May be repeated."""
    text = None if refusal is None else msgspec.json.encode(refusal).decode()
    await db.execute(FINISH_SQL, organisation, command_id, text)


async def outcome(db: Database, organisation: int, command_id: int) -> Outcome | None:
    """What became of a command so far; None: it was withdrawn."""
    row = await db.fetchrow(OUTCOME_SQL, organisation, command_id)
    if row is None:
        return None
    refusal = None if row["refusal"] is None else msgspec.json.decode(row["refusal"], type=Refusal)
    return Outcome(row["claimed"], row["done"], refusal)


async def withdraw(db: Database, organisation: int, command_id: int) -> bool:
    """Take back a command that nobody claimed; False: an engine has it."""
    return await db.fetchval(WITHDRAW_SQL, organisation, command_id) is not None


async def forget(db: Database, organisation: int, command_id: int) -> None:
    """Whoever asked has heard."""
    await db.execute(FORGET_SQL, organisation, command_id)


async def expire(db: Database) -> None:
    """Drop what was left behind by whoever asked and did not come back."""
    await db.execute(EXPIRE_SQL)


async def erase(db: Database, organisation: int, customer: Customer) -> None:
    """Take a customer out of what is being asked."""
    for row in await db.fetch(MENTIONS_SQL, organisation, customer.sought.pattern):
        left = [_scrubbed(row[name], customer) for name in ("command", "refusal")]
        await db.execute(SCRUB_SQL, organisation, row["command_id"], *left)


def _scrubbed(text: str | None, customer: Customer) -> str | None:
    return None if text is None else msgspec.json.encode(customer.scrubbed(msgspec.json.decode(text))).decode()

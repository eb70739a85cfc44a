"""Removing what administrators set. What calls, leads or e-mails refer to stays: it is switched off instead."""

from __future__ import annotations

from callfloor.store.db.pool import Database
from callfloor.store.people import tokens

USER_USED_SQL = """
SELECT EXISTS (SELECT FROM activities WHERE organisation_id = $1 AND agent_id = $2)
    OR EXISTS (SELECT FROM agent_times WHERE organisation_id = $1 AND agent_id = $2)
    OR EXISTS (SELECT FROM agent_states WHERE organisation_id = $1 AND agent_id = $2)
    OR EXISTS (SELECT FROM leads WHERE organisation_id = $1 AND agent_id = $2)"""
CAMPAIGN_USED_SQL = """
SELECT EXISTS (SELECT FROM attempts WHERE organisation_id = $1 AND campaign_id = $2)
    OR EXISTS (SELECT FROM activities WHERE organisation_id = $1 AND campaign_id = $2)
    OR EXISTS (SELECT FROM campaign_minutes WHERE organisation_id = $1 AND campaign_id = $2)
    OR EXISTS (SELECT FROM agent_times WHERE organisation_id = $1 AND campaign_id = $2)
    OR EXISTS (SELECT FROM do_not_call WHERE organisation_id = $1 AND campaign_id = $2)
    OR EXISTS (SELECT FROM do_not_call_lifted WHERE organisation_id = $1 AND campaign_id = $2)"""
LIST_USED_SQL = """
SELECT EXISTS (SELECT FROM leads WHERE organisation_id = $1 AND list_id = $2)
    OR EXISTS (SELECT FROM list_dialled WHERE organisation_id = $1 AND list_id = $2)
    OR EXISTS (SELECT FROM imports WHERE organisation_id = $1 AND list_id = $2)"""
MAILBOX_USED_SQL = """
SELECT EXISTS (
    SELECT FROM emails e JOIN mailboxes m ON m.organisation_id = e.organisation_id AND m.mailbox_id = e.mailbox_id
    WHERE e.organisation_id = $1 AND m.name = $2)
    OR EXISTS (
    SELECT FROM outgoing_mail e JOIN mailboxes m ON m.organisation_id = e.organisation_id
        AND m.mailbox_id = e.mailbox_id
    WHERE e.organisation_id = $1 AND m.name = $2)"""
# List by list, as the index has them.
LEAD_STATUS_USED_SQL = """
SELECT EXISTS (SELECT FROM lists s CROSS JOIN LATERAL (
    SELECT FROM leads l WHERE l.organisation_id = $1 AND l.list_id = s.list_id AND l.status_code = $2 LIMIT 1) AS one
    WHERE s.organisation_id = $1)"""

USER_SQL = "DELETE FROM users WHERE organisation_id = $1 AND user_id = $2"
CAMPAIGN_SQL = "DELETE FROM campaigns WHERE organisation_id = $1 AND campaign_id = $2"
RETENTION_SQL = "DELETE FROM retention_rules WHERE organisation_id = $1 AND campaign_id = $2"
LIST_COUNTS_SQL = "DELETE FROM list_counts WHERE organisation_id = $1 AND list_id = $2"
LIST_SQL = "DELETE FROM lists WHERE organisation_id = $1 AND list_id = $2"
MAILBOX_SQL = "DELETE FROM mailboxes WHERE organisation_id = $1 AND name = $2"
LEAD_STATUS_SQL = "DELETE FROM lead_statuses WHERE organisation_id = $1 AND code = $2"
STRATEGY_SQL = "DELETE FROM strategies WHERE organisation_id = $1 AND name = $2"
PROMPT_SQL = "DELETE FROM prompts WHERE organisation_id = $1 AND name = $2"
CLOSURES_SQL = """
DELETE FROM closures WHERE organisation_id = $1
    AND workflow_id = (SELECT workflow_id FROM workflows WHERE organisation_id = $1 AND name = $2)"""
PLANNED_CLOSURES_SQL = """
DELETE FROM planned_closures WHERE organisation_id = $1
    AND workflow_id = (SELECT workflow_id FROM workflows WHERE organisation_id = $1 AND name = $2)"""
WORKFLOW_SQL = "DELETE FROM workflows WHERE organisation_id = $1 AND name = $2"
ROLE_SQL = "DELETE FROM roles WHERE organisation_id = $1 AND name = $2"
TEAM_SQL = "DELETE FROM teams WHERE organisation_id = $1 AND name = $2"


async def user_used(db: Database, organisation: int, user_id: int) -> bool:
    """Whether a call, an e-mail, a lead or a time worked is a user's."""
    return await db.fetchval(USER_USED_SQL, organisation, user_id)


async def campaign_used(db: Database, organisation: int, campaign_id: int) -> bool:
    """Whether anything ever happened in a campaign. Its lists are asked for by themselves."""
    return await db.fetchval(CAMPAIGN_USED_SQL, organisation, campaign_id)


async def list_used(db: Database, organisation: int, list_id: int) -> bool:
    """Whether a list has or had leads."""
    return await db.fetchval(LIST_USED_SQL, organisation, list_id)


async def mailbox_used(db: Database, organisation: int, name: str) -> bool:
    """Whether an e-mail came or goes by a mailbox."""
    return await db.fetchval(MAILBOX_USED_SQL, organisation, name)


async def lead_status_used(db: Database, organisation: int, code: int) -> bool:
    """Whether a lead has the status."""
    return await db.fetchval(LEAD_STATUS_USED_SQL, organisation, code)


async def remove_user(db: Database, organisation: int, user_id: int) -> None:
    """With its password, sessions and tokens, which are refused at once."""
    await db.execute(USER_SQL, organisation, user_id)
    await tokens.changed(db)


async def remove_campaign(db: Database, organisation: int, campaign_id: int) -> None:
    """With its wrap codes; its lists are gone before."""
    await db.execute(RETENTION_SQL, organisation, campaign_id)
    await db.execute(CAMPAIGN_SQL, organisation, campaign_id)


async def remove_list(db: Database, organisation: int, list_id: int) -> None:
    """A list without leads."""
    await db.execute(LIST_COUNTS_SQL, organisation, list_id)
    await db.execute(LIST_SQL, organisation, list_id)


async def remove_mailbox(db: Database, organisation: int, name: str) -> None:
    await db.execute(MAILBOX_SQL, organisation, name)


async def remove_lead_status(db: Database, organisation: int, code: int) -> None:
    await db.execute(LEAD_STATUS_SQL, organisation, code)


async def remove_strategy(db: Database, organisation: int, name: str) -> None:
    await db.execute(STRATEGY_SQL, organisation, name)


async def remove_prompt(db: Database, organisation: int, name: str) -> None:
    """Its sound stays for a day: calls may be playing it."""
    await db.execute(PROMPT_SQL, organisation, name)


async def remove_workflow(db: Database, organisation: int, name: str) -> None:
    """Calls that go through it go on: the floor keeps what they began with."""
    await db.execute(CLOSURES_SQL, organisation, name)
    await db.execute(PLANNED_CLOSURES_SQL, organisation, name)
    await db.execute(WORKFLOW_SQL, organisation, name)


async def remove_role(db: Database, organisation: int, name: str) -> None:
    await db.execute(ROLE_SQL, organisation, name)
    await tokens.changed(db)


async def remove_team(db: Database, organisation: int, name: str) -> None:
    await db.execute(TEAM_SQL, organisation, name)
    await tokens.changed(db)

"""People as providers know them (single sign-on), and what a provider says of their roles and teams."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from asyncpg import Record

from callfloor.contract.single_sign_on import SingleSignOn
from callfloor.store.db.pool import Database
from callfloor.store.people import tokens
from callfloor.store.setup import organisations

# Nobody is signed in yet: no organisation is stood for.
PROVIDER_SQL = "SELECT organisation_id, single_sign_on FROM sign_in_provider($1)"
SETTINGS_SQL = "SELECT single_sign_on::text AS single_sign_on, hash_key FROM organisations WHERE organisation_id = $1"
_SHOWN = "u.user_id, u.user_type, u.username, u.account_active, u.roles"
LINKED_SQL = f"""
SELECT {_SHOWN} FROM identities i JOIN users u ON u.organisation_id = i.organisation_id AND u.user_id = i.user_id
WHERE i.organisation_id = $1 AND i.issuer = $2 AND i.subject = $3"""
NAMED_SQL = f"SELECT {_SHOWN} FROM users u WHERE u.organisation_id = $1 AND u.username = $2"
# two: nobody is meant
ADDRESSED_SQL = f"""
SELECT {_SHOWN} FROM users u WHERE u.organisation_id = $1 AND lower(u.email_address) = lower($2) LIMIT 2"""
LINK_SQL = """
INSERT INTO identities (organisation_id, issuer, subject, user_id, linked_at, last_used_at)
VALUES ($1, $2, $3, $4, $5, $5)
ON CONFLICT DO NOTHING RETURNING user_id"""
USED_SQL = """
UPDATE identities SET last_used_at = $4 WHERE organisation_id = $1 AND issuer = $2 AND subject = $3"""
FORGET_SQL = "DELETE FROM identities WHERE organisation_id = $1 AND user_id = $2"
SET_ROLES_SQL = "UPDATE users SET roles = $3, updated_at = now() WHERE organisation_id = $1 AND user_id = $2"
TEAMS_SQL = """
SELECT t.name, m.user_id IS NOT NULL AS belongs FROM teams t LEFT JOIN team_members m
    ON m.organisation_id = t.organisation_id AND m.team_id = t.team_id AND m.user_id = $2
WHERE t.organisation_id = $1 AND t.name = ANY ($3::text[])"""
JOIN_SQL = """
INSERT INTO team_members (organisation_id, team_id, user_id, leads)
SELECT t.organisation_id, t.team_id, $2, $4 FROM teams t WHERE t.organisation_id = $1 AND t.name = ANY ($3::text[])
ON CONFLICT DO NOTHING"""
LEAVE_SQL = """
DELETE FROM team_members m WHERE m.organisation_id = $1 AND m.user_id = $2 AND m.team_id IN (
    SELECT t.team_id FROM teams t WHERE t.organisation_id = $1 AND t.name = ANY ($3::text[]))"""


async def provider(db: Database, organisation: str | None) -> tuple[int, SingleSignOn] | None:
    """The organisation, and whom it trusts; None: nobody, or several could be meant."""
    row = await db.fetchrow(PROVIDER_SQL, organisation)
    found = None if row is None else organisations.single_sign_on(row)
    return None if row is None or found is None else (row["organisation_id"], found)


async def settings(db: Database, organisation: int) -> tuple[SingleSignOn | None, bytes] | None:
    """Whom the organisation trusts, and its key; None: it is gone."""
    row = await db.fetchrow(SETTINGS_SQL, organisation)
    return None if row is None else (organisations.single_sign_on(row), row["hash_key"])


async def linked(db: Database, organisation: int, issuer: str, subject: str) -> Record | None:
    """The user whom the provider knows by this subject."""
    return await db.fetchrow(LINKED_SQL, organisation, issuer, subject)


async def meant(db: Database, organisation: int, username: str | None, email: str | None) -> Record | None:
    """The user of that name, or, where no name is given, of that address. None: nobody, or several."""
    if username is not None:
        return await db.fetchrow(NAMED_SQL, organisation, username)
    rows = await db.fetch(ADDRESSED_SQL, organisation, email)
    return rows[0] if len(rows) == 1 else None


async def link(db: Database, organisation: int, issuer: str, subject: str, user_id: int, now: datetime) -> bool:
    """False: the user, or the subject, is linked already."""
    return await db.fetchval(LINK_SQL, organisation, issuer, subject, user_id, now) is not None


async def used(db: Database, organisation: int, issuer: str, subject: str, now: datetime) -> None:
    await db.execute(USED_SQL, organisation, issuer, subject, now)


async def forget(db: Database, organisation: int, user_id: int) -> None:
    """The next to come with this user's name is linked anew."""
    await db.execute(FORGET_SQL, organisation, user_id)


async def set_roles(db: Database, organisation: int, user_id: int, roles: Collection[str]) -> None:
    """At once for who is signed in."""
    await db.execute(SET_ROLES_SQL, organisation, user_id, sorted(roles))
    await tokens.changed(db)


async def set_teams(
    db: Database, organisation: int, user_id: int, decided: Collection[str], given: Collection[str], *, leads: bool
) -> tuple[list[str], list[str]]:
    """Put a user into the teams that are `given` of those that are `decided`, and out of the others of them; which it
    came into, and which it left."""
    rows = await db.fetch(TEAMS_SQL, organisation, user_id, list(decided))
    came = sorted(row["name"] for row in rows if row["name"] in given and not row["belongs"])
    left = sorted(row["name"] for row in rows if row["name"] not in given and row["belongs"])
    if came:
        await db.execute(JOIN_SQL, organisation, user_id, came, leads)
    if left:
        await db.execute(LEAVE_SQL, organisation, user_id, left)
    if came or left:
        await tokens.changed(db)
    return came, left

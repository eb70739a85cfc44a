"""Teams and roles of an organisation."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from asyncpg import Record

from callfloor.store.db.pool import Database
from callfloor.store.people import tokens

OF_USER_SQL = """
SELECT t.team_id, t.name, m.leads FROM team_members m JOIN teams t USING (organisation_id, team_id)
WHERE m.organisation_id = $1 AND m.user_id = $2 ORDER BY t.name"""
EVERY_SQL = """
SELECT t.team_id, t.name,
    coalesce(array_agg(m.user_id ORDER BY m.user_id) FILTER (WHERE m.leads), '{}') AS leaders,
    coalesce(array_agg(m.user_id ORDER BY m.user_id) FILTER (WHERE NOT m.leads), '{}') AS members
FROM teams t LEFT JOIN team_members m USING (organisation_id, team_id)
WHERE t.organisation_id = $1 AND t.team_id > $2 GROUP BY t.team_id, t.name ORDER BY t.team_id LIMIT $3"""
NAMED_SQL = """
SELECT t.name, u.username, m.leads
FROM teams t LEFT JOIN team_members m USING (organisation_id, team_id)
LEFT JOIN users u ON u.organisation_id = m.organisation_id AND u.user_id = m.user_id
WHERE t.organisation_id = $1 ORDER BY t.team_id, u.username"""
IDS_SQL = "SELECT team_id, name FROM teams WHERE organisation_id = $1"
PUT_SQL = """
INSERT INTO teams (organisation_id, name) VALUES ($1, $2)
ON CONFLICT (organisation_id, name) DO UPDATE SET name = excluded.name RETURNING team_id"""
EMPTY_SQL = "DELETE FROM team_members WHERE organisation_id = $1 AND team_id = $2"
FILL_SQL = """
INSERT INTO team_members (organisation_id, team_id, user_id, leads)
SELECT $1, $2, n.user_id, n.leads FROM unnest($3::bigint[], $4::boolean[]) AS n (user_id, leads)"""
ROLES_SQL = "SELECT name, scopes FROM roles WHERE organisation_id = $1 ORDER BY name"
PUT_ROLE_SQL = """
INSERT INTO roles (organisation_id, name, scopes) VALUES ($1, $2, $3)
ON CONFLICT (organisation_id, name) DO UPDATE SET scopes = excluded.scopes"""


async def of_user(db: Database, organisation: int, user_id: int) -> list[Record]:
    """Id and name of the teams that a user is in, and whether it leads them."""
    return await db.fetch(OF_USER_SQL, organisation, user_id)


async def page(db: Database, organisation: int, after: int, count: int) -> list[Record]:
    """At most `count` teams with ids above `after`, by id, each with the ids of its leaders and members."""
    return await db.fetch(EVERY_SQL, organisation, after, count)


async def ids(db: Database, organisation: int) -> dict[str, int]:
    """By name."""
    return {row["name"]: row["team_id"] for row in await db.fetch(IDS_SQL, organisation)}


async def named(db: Database, organisation: int) -> dict[str, tuple[list[str], list[str]]]:
    """Usernames of leaders and of members, by team."""
    found: dict[str, tuple[list[str], list[str]]] = {}
    for row in await db.fetch(NAMED_SQL, organisation):
        leaders, members = found.setdefault(row["name"], ([], []))
        if row["username"] is not None:
            (leaders if row["leads"] else members).append(row["username"])
    return found


async def put(db: Database, organisation: int, name: str, leaders: Collection[int], members: Collection[int]) -> None:
    """Make a team, or say who is in it; at once for who is signed in."""
    team_id = await db.fetchval(PUT_SQL, organisation, name)
    await db.execute(EMPTY_SQL, organisation, team_id)
    leads = [True] * len(leaders) + [False] * len(members)
    await db.execute(FILL_SQL, organisation, team_id, [*leaders, *members], leads)
    await tokens.changed(db)


async def roles(db: Database, organisation: int) -> Mapping[str, Sequence[str]]:
    """The scopes of the organisation's own roles, by name."""
    return {row["name"]: tuple(row["scopes"]) for row in await db.fetch(ROLES_SQL, organisation)}


async def put_role(db: Database, organisation: int, name: str, scopes: Collection[str]) -> None:
    """Make a role, or say what it may; at once for who is signed in."""
    await db.execute(PUT_ROLE_SQL, organisation, name, sorted(scopes))
    await tokens.changed(db)

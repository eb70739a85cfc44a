"""Roles and teams, and who may do something for whom."""

from __future__ import annotations

from asyncpg import Record

from callfloor.api.call import Call, not_found
from callfloor.api.cursors import EPOCH, page_limit, page_of, page_start
from callfloor.api.operation import operation
from callfloor.contract.auth import Role, Team
from callfloor.contract.fields import Page, PageMetadata, PageQuery
from callfloor.errors import BeyondOwnScopes
from callfloor.rules.people.roles import READY_MADE, roles_of, scopes_of, within
from callfloor.store.people import teams, users


async def others(call: Call, user_id: int) -> None:
    """Whether the caller may act for a user: nobody does for one who may do more. Raises `NotFound`,
    `BeyondOwnScopes`."""
    row = await users.get(call.db, call.organisation, user_id)
    if row is None:
        raise not_found("user")
    own = await teams.roles(call.db, call.organisation)
    roles = roles_of(row["roles"], row["user_type"])
    scopes = scopes_of(roles, (scope for role in roles for scope in own.get(role, ())))
    if not within(scopes, call.caller.scopes):
        raise BeyondOwnScopes("This user may do more than you: somebody who may do as much has to do it.")


@operation(
    "GET",
    "/roles",
    scope="users:read",
    summary="Roles",
    tag="people",
    example={
        "metadata": {"nextUri": None},
        "items": [{"name": "agent", "scopes": ["workspace"], "readyMade": True}],
    },
)
async def list_roles(call: Call) -> Page[Role]:
    """The ready-made roles and the organisation's own, each with its scopes. All are on one page."""
    own = await teams.roles(call.db, call.organisation)
    found = [Role(name=name, scopes=list(scopes), ready_made=True) for name, scopes in READY_MADE.items()]
    found += [Role(name=name, scopes=list(scopes), ready_made=False) for name, scopes in own.items()]
    return Page(metadata=PageMetadata(next_uri=None), items=found)


@operation(
    "GET",
    "/teams",
    scope="users:read",
    summary="Teams",
    tag="people",
    example={
        "metadata": {"nextUri": None},
        "items": [{"teamId": 1, "name": "Day shift", "leaders": [1001], "members": [1002, 1003]}],
    },
    query={"limit": 20},
)
async def list_teams(call: Call, query: PageQuery) -> Page[Team]:
    """Each team with who supervises it and its agents, by id."""
    after = page_start(call, query)
    rows = await teams.page(call.db, call.organisation, after[1] if after else 0, page_limit(query) + 1)

    def team_of(row: Record) -> Team:
        return Team(
            team_id=row["team_id"], name=row["name"], leaders=list(row["leaders"]), members=list(row["members"])
        )

    return page_of(call, query, rows, team_of, lambda row: (EPOCH, row["team_id"]))

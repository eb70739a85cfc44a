"""Users and agents."""

from __future__ import annotations

from asyncpg import Record

from callfloor.api.call import Call
from callfloor.api.cursors import EPOCH, page_limit, page_of, page_start
from callfloor.api.operation import operation
from callfloor.contract.fields import Page
from callfloor.contract.users import User, UsersQuery
from callfloor.store.people import users


@operation(
    "GET",
    "/users",
    scope="users:read",
    summary="List of users",
    tag="users",
    example={
        "metadata": {"nextUri": None},
        "items": [
            {
                "userId": 1002,
                "userType": "agent",
                "username": "john.doe",
                "firstName": "John",
                "lastName": "Doe",
                "fullName": "John Doe",
                "emailAddress": "john.doe@example.com",
                "timezone": "Australia/Sydney",
                "accountActive": True,
            }
        ],
    },
    query={"userType": "agent", "accountActive": True},
)
async def list_users(call: Call, query: UsersQuery) -> Page[User]:
    """Users and agents, by id. An agent's `agentId` elsewhere is its `userId` here."""
    after = page_start(call, query)
    rows = await users.page(
        call.db,
        call.organisation,
        query.user_type,
        query.account_active,
        after[1] if after else 0,
        page_limit(query) + 1,
    )
    return page_of(call, query, rows, _user_of, lambda row: (EPOCH, row["user_id"]))


def _user_of(row: Record) -> User:
    return User(
        user_id=row["user_id"],
        user_type=row["user_type"],
        username=row["username"],
        first_name=row["first_name"],
        last_name=row["last_name"],
        full_name=row["full_name"],
        email_address=row["email_address"],
        timezone=row["timezone"],
        account_active=row["account_active"],
    )

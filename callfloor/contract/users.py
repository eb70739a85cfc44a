"""Users and agents: one id space; an agent's agentId is its userId."""

from __future__ import annotations

from typing import Literal

from callfloor.contract.fields import PageQuery, Struct

UserType = Literal["agent", "user"]


class UsersQuery(PageQuery):
    user_type: UserType | None = None
    account_active: bool | None = None


class User(Struct):
    user_id: int
    user_type: UserType
    username: str
    first_name: str
    last_name: str
    full_name: str
    email_address: str | None
    timezone: str | None
    account_active: bool

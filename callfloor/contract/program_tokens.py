"""Tokens of programs, which administrators make for the systems around a centre."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from callfloor.contract.fields import Cursor, Limit, Request, Struct, Timestamp

TokenState = Literal["active", "expired", "revoked"]


class ProgramTokensQuery(Request):
    state: Annotated[TokenState, Meta(description="Those in this state alone.")] | None = None
    cursor: Cursor | None = None
    limit: Limit | None = None


class NewProgramToken(Request):
    """`expires` left out: in a year; null: never."""

    name: Annotated[str, Meta(min_length=1, max_length=200, description="What it is for.")]
    scopes: Annotated[list[str], Meta(min_length=1, max_length=100)]
    expires: Timestamp | None | UnsetType = UNSET
    requests_per_second: (
        Annotated[int, Meta(ge=1, le=100_000, description="Null: as many as the server's settings say.")] | None
    ) = None


class ProgramToken(Struct):
    """Without its secret. `last_used`: to some minutes."""

    token_id: int
    name: str
    scopes: list[str]
    requests_per_second: int | None
    created: str
    expires: str | None
    last_used: str | None
    revoked: str | None
    state: TokenState


class NewlyMadeProgramToken(ProgramToken):
    """With its secret, which is shown this once."""

    token: str

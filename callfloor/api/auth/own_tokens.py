"""Tokens that people make for themselves, for programs that act for them."""

from __future__ import annotations

from typing import Any

from asyncpg import Record

from callfloor.api.audits import changes
from callfloor.api.auth.me import person_of
from callfloor.api.call import Call, invalid, not_found, outlives
from callfloor.api.cursors import EPOCH, page_limit, page_of, page_start
from callfloor.api.operation import operation
from callfloor.contract.auth import NewlyMadeToken, NewOwnToken, OwnToken
from callfloor.contract.codes import SCOPES
from callfloor.contract.fields import Page, PageQuery
from callfloor.rules.people.roles import within
from callfloor.rules.people.token_lives import LONGEST_LIFE, USUAL_LIFE
from callfloor.rules.values.names import unknown
from callfloor.rules.values.times import format_timestamp
from callfloor.store.people import tokens

_TOKEN = {
    "tokenId": 1050,
    "name": "spreadsheet",
    "scopes": ["reports:read"],
    "createdTimestamp": "2021-08-01T13:55:06+10:00",
    "expiresTimestamp": "2021-10-30T13:55:06+11:00",
    "lastUsedTimestamp": None,
}


@operation(
    "GET",
    "/tokens",
    scope="signed-in",
    summary="Own tokens",
    tag="tokens",
    example={"metadata": {"nextUri": None}, "items": [_TOKEN]},
    query={"limit": 20},
)
async def list_own_tokens(call: Call, query: PageQuery) -> Page[OwnToken]:
    """Tokens that you made and that still work, by id, without their secrets."""
    after = page_start(call, query)
    user_id = person_of(call.caller).user_id
    rows = await tokens.personal(call.db, call.organisation, user_id, after[1] if after else 0, page_limit(query) + 1)
    return page_of(call, query, rows, lambda row: OwnToken(**_of(call, row)), lambda row: (EPOCH, row["token_id"]))


@operation(
    "POST",
    "/tokens",
    scope="signed-in",
    summary="Make a token",
    tag="tokens",
    status=201,
    example=_TOKEN | {"token": "cf_1_hTgJ0m7n7bqz2u3lY5m1h1Yw3kS8w0t9d2c5XvQeRtA"},
    request={"name": "spreadsheet", "scopes": ["reports:read"]},
    secret=True,
    audits=changes("token.create", "token"),
)
async def create_own_token(call: Call, body: NewOwnToken) -> NewlyMadeToken:
    """Make a token that speaks for you. It may at any time do at most what you may, and ends with your account.
    One that is made by a token ends no later than that."""
    scopes = sorted(call.caller.scopes) if body.scopes is None else sorted(set(body.scopes))
    for index, scope in enumerate(body.scopes or ()):
        if scope not in SCOPES:
            raise invalid(f"scopes/{index}", "unknown-scope", unknown(scope, SCOPES))
        if not within((scope,), call.caller.scopes):
            raise invalid(f"scopes/{index}", "beyond-own-scopes", "is not among yours")
    if not scopes:
        raise invalid("scopes", "empty", "there is nothing that this token could do")
    expires_at = call.timestamp(body.expires_timestamp, "expiresTimestamp", in_body=True) or call.now + USUAL_LIFE
    if body.expires_timestamp is None and (ends := outlives(call, expires_at)) is not None:
        expires_at = ends
    if outlives(call, expires_at) is not None:
        raise invalid("expiresTimestamp", "beyond-own-life", "is later than the token that asks ends")
    if not call.now < expires_at <= call.now + LONGEST_LIFE:
        raise invalid("expiresTimestamp", "out-of-range", "must lie within the year to come")
    user_id = person_of(call.caller).user_id
    token, row = await tokens.create_personal(call.db, call.organisation, user_id, body.name, scopes, expires_at)
    call.audit.entry(row["token_id"], scopes=scopes, expires=expires_at)
    return NewlyMadeToken(**_of(call, row), token=token)


@operation(
    "DELETE",
    "/tokens/{tokenId}",
    scope="signed-in",
    summary="Revoke a token",
    tag="tokens",
    status=204,
    audits=changes("token.revoke", "token"),
)
async def revoke_own_token(call: Call, token_id: int) -> None:
    """Revoke a token that you made, at once."""
    user_id = person_of(call.caller).user_id
    if not await tokens.revoke_personal(call.db, call.organisation, user_id, token_id):
        raise not_found("token of yours")


def _of(call: Call, row: Record) -> dict[str, Any]:
    expires, used = row["expires_at"], row["last_used_at"]
    return {
        "token_id": row["token_id"],
        "name": row["name"],
        "scopes": list(row["scopes"]),
        "created_timestamp": format_timestamp(row["created_at"], call.zone),
        "expires_timestamp": None if expires is None else format_timestamp(expires, call.zone),
        "last_used_timestamp": None if used is None else format_timestamp(used, call.zone),
    }

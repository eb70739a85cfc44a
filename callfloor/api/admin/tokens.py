"""Tokens of programs: made, listed, revoked. Those that people make for themselves are at `/auth/v1/tokens`."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from asyncpg import Record
from msgspec import UNSET

from callfloor.api.audits import changes
from callfloor.api.call import Answer, Call, invalid, not_found, outlives
from callfloor.api.cursors import EPOCH, page_limit, page_of, page_start
from callfloor.api.operation import operation
from callfloor.contract.codes import SCOPES
from callfloor.contract.fields import Page
from callfloor.contract.program_tokens import (
    NewlyMadeProgramToken,
    NewProgramToken,
    ProgramToken,
    ProgramTokensQuery,
)
from callfloor.rules.people.roles import within
from callfloor.rules.values.names import plain_name, unknown
from callfloor.rules.values.times import format_timestamp
from callfloor.store.people import tokens

USUAL_LIFE, LONGEST_LIFE = timedelta(days=365), timedelta(days=36_500)
_TOKEN: dict[str, Any] = {
    "tokenId": 1050,
    "name": "crm",
    "scopes": ["leads:write"],
    "requestsPerSecond": None,
    "created": "2021-08-01T13:55:06+10:00",
    "expires": "2022-08-01T13:55:06+10:00",
    "lastUsed": None,
    "revoked": None,
    "state": "active",
}


@operation(
    "GET",
    "/tokens",
    scope="tokens:write",
    summary="Tokens of programs",
    tag="tokens",
    example={"metadata": {"nextUri": None}, "items": [_TOKEN]},
    query={"state": "active"},
)
async def list_program_tokens(call: Call, query: ProgramTokensQuery) -> Page[ProgramToken]:
    """Tokens of programs, by id, without their secrets; those that are revoked or expired too, which say what came by
    them in the audit."""
    after = page_start(call, query)
    rows = await tokens.programs(
        call.db, call.organisation, after[1] if after else 0, query.state, call.now, page_limit(query) + 1
    )
    return page_of(call, query, rows, lambda row: _shown(call, row), lambda row: (EPOCH, row["token_id"]))


@operation(
    "POST",
    "/tokens",
    scope="tokens:write",
    summary="Make a token for a program",
    tag="tokens",
    status=201,
    example=_TOKEN | {"token": "cf_1_hTgJ0m7n7bqz2u3lY5m1h1Yw3kS8w0t9d2c5XvQeRtA"},
    request={"name": "crm", "scopes": ["leads:write"]},
    secret=True,
    audits=changes("token.create", "token"),
)
async def create_program_token(call: Call, body: NewProgramToken) -> Answer[NewlyMadeProgramToken]:
    """Make a token that speaks for a program and for nobody. Its secret is in this answer and nowhere else. It may do
    nothing that you may not, and where a token makes it, it ends no later than that."""
    name = plain_name(body.name)
    if not name or not name.isprintable():
        raise invalid("name", "empty", "must have something to see in it, and no controls")
    for index, scope in enumerate(body.scopes):
        if scope not in SCOPES:
            raise invalid(f"scopes/{index}", "unknown-scope", unknown(scope, SCOPES))
        if not within((scope,), call.caller.scopes):
            raise invalid(f"scopes/{index}", "beyond-own-scopes", "is not among yours")
    expires_at = _expiry(call, body)
    ends = outlives(call, expires_at)
    if ends is not None and body.expires is not UNSET:
        raise invalid("expires", "beyond-own-life", "is later than the token that asks ends")
    expires_at = ends or expires_at
    token, token_id = await tokens.create_for_program(
        call.db, call.organisation, name, body.scopes, body.requests_per_second, expires_at
    )
    call.audit.entry(token_id, name=name, scopes=sorted(set(body.scopes)), expires=expires_at)
    shown = await _one(call, token_id)
    made = NewlyMadeProgramToken(
        token_id=shown.token_id,
        name=shown.name,
        scopes=shown.scopes,
        requests_per_second=shown.requests_per_second,
        created=shown.created,
        expires=shown.expires,
        last_used=shown.last_used,
        revoked=shown.revoked,
        state=shown.state,
        token=token,
    )
    return Answer(made, headers={"Location": f"{call.prefix}{call.path}/{token_id}"})


@operation(
    "GET",
    "/tokens/{tokenId}",
    scope="tokens:write",
    summary="A token of a program",
    tag="tokens",
    example=_TOKEN,
)
async def get_program_token(call: Call, token_id: int) -> ProgramToken:
    """One token, without its secret."""
    return await _one(call, token_id)


@operation(
    "DELETE",
    "/tokens/{tokenId}",
    scope="tokens:write",
    summary="Revoke a token of a program",
    tag="tokens",
    status=204,
    audits=changes("token.revoke", "token"),
)
async def revoke_program_token(call: Call, token_id: int) -> None:
    """Revoke a token at once, in every process. It stays in the list."""
    if not await tokens.revoke_of_program(call.db, call.organisation, token_id):
        raise not_found("live token of a program")


def _expiry(call: Call, body: NewProgramToken) -> datetime | None:
    if body.expires is None:
        return None
    if body.expires is UNSET:
        return call.now + USUAL_LIFE
    found = call.timestamp(body.expires, "expires", in_body=True)
    if found is None or not call.now < found <= call.now + LONGEST_LIFE:
        raise invalid("expires", "out-of-range", "must lie within the hundred years to come")
    return found


async def _one(call: Call, token_id: int) -> ProgramToken:
    row = await tokens.of_program(call.db, call.organisation, token_id, call.now)
    if row is None:
        raise not_found("token of a program")
    return _shown(call, row)


def _shown(call: Call, row: Record) -> ProgramToken:
    def moment(name: str) -> str | None:
        return None if row[name] is None else format_timestamp(row[name], call.zone)

    return ProgramToken(
        token_id=row["token_id"],
        name=row["name"],
        scopes=list(row["scopes"]),
        requests_per_second=row["requests_per_second"],
        created=format_timestamp(row["created_at"], call.zone),
        expires=moment("expires_at"),
        last_used=moment("last_used_at"),
        revoked=moment("revoked_at"),
        state=row["state"],
    )

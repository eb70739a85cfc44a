"""Open sessions: one's own, and as administrator others'."""

from __future__ import annotations

from asyncpg import Record

from callfloor.api.audits import changes
from callfloor.api.auth.me import person_of
from callfloor.api.auth.people import others
from callfloor.api.call import Call, not_found
from callfloor.api.cursors import EPOCH, page_limit, page_of, page_start
from callfloor.api.operation import operation
from callfloor.contract.auth import OpenSession
from callfloor.contract.fields import Page, PageQuery
from callfloor.errors import BeyondOwnScopes
from callfloor.rules.values.times import format_timestamp
from callfloor.store.people import sessions

_PAGE = {
    "metadata": {"nextUri": None},
    "items": [
        {
            "sessionId": 1042,
            "current": True,
            "createdTimestamp": "2021-08-01T08:59:12+10:00",
            "lastUsedTimestamp": "2021-08-01T13:55:06+10:00",
            "expiresTimestamp": "2021-08-01T20:59:12+10:00",
            "address": "203.0.113.7",
            "userAgent": "Mozilla/5.0",
        }
    ],
}


@operation(
    "GET", "/sessions", scope="signed-in", summary="Own sessions", tag="session", example=_PAGE, query={"limit": 20}
)
async def list_sessions(call: Call, query: PageQuery) -> Page[OpenSession]:
    """Where you are signed in, by id: one that you do not know should be ended."""
    return await _page(call, query, person_of(call.caller).user_id)


@operation(
    "DELETE",
    "/sessions",
    scope="signed-in",
    summary="End other sessions",
    tag="session",
    status=204,
    audits=changes("session.end", "user"),
)
async def end_other_sessions(call: Call) -> None:
    """Sign out everywhere else."""
    kept = call.caller.token_id if call.caller.session is not None else None
    user_id = person_of(call.caller).user_id
    await sessions.end_all(call.db, call.organisation, user_id, but=kept)
    call.audit.entry(user_id)


@operation(
    "DELETE",
    "/sessions/{sessionId}",
    scope="signed-in",
    summary="End a session",
    tag="session",
    status=204,
    audits=changes("session.end", "session"),
)
async def end_session(call: Call, session_id: int) -> None:
    """Sign out of one of your sessions, at once."""
    if not await sessions.end(call.db, call.organisation, person_of(call.caller).user_id, session_id):
        raise not_found("session")


@operation(
    "GET",
    "/users/{userId}/sessions",
    scope="people:write",
    summary="A user's sessions",
    tag="people",
    example=_PAGE,
    query={"limit": 20},
    problems=[BeyondOwnScopes],
)
async def list_user_sessions(call: Call, user_id: int, query: PageQuery) -> Page[OpenSession]:
    """Where a user is signed in, by id."""
    await others(call, user_id)
    return await _page(call, query, user_id)


@operation(
    "DELETE",
    "/users/{userId}/sessions",
    scope="people:write",
    summary="End a user's sessions",
    tag="people",
    status=204,
    audits=changes("session.end", "user"),
    problems=[BeyondOwnScopes],
)
async def end_user_sessions(call: Call, user_id: int) -> None:
    """Sign a user out everywhere, at once. An agent's call goes on."""
    await others(call, user_id)
    await sessions.end_all(call.db, call.organisation, user_id)


@operation(
    "DELETE",
    "/users/{userId}/sessions/{sessionId}",
    scope="people:write",
    summary="End one of a user's sessions",
    tag="people",
    status=204,
    audits=changes("session.end", "session"),
    problems=[BeyondOwnScopes],
)
async def end_user_session(call: Call, user_id: int, session_id: int) -> None:
    """Sign a user out of one session, at once."""
    await others(call, user_id)
    if not await sessions.end(call.db, call.organisation, user_id, session_id):
        raise not_found("session")


async def _page(call: Call, query: PageQuery, user_id: int) -> Page[OpenSession]:
    after = page_start(call, query)
    rows = await sessions.page(call.db, call.organisation, user_id, after[1] if after else 0, page_limit(query) + 1)

    def session_of(row: Record) -> OpenSession:
        return OpenSession(
            session_id=row["session_id"],
            current=call.caller.session is not None and row["session_id"] == call.caller.token_id,
            created_timestamp=format_timestamp(row["created_at"], call.zone),
            last_used_timestamp=format_timestamp(row["last_used_at"], call.zone),
            expires_timestamp=format_timestamp(row["expires_at"], call.zone),
            address=row["address"],
            user_agent=row["user_agent"],
        )

    return page_of(call, query, rows, session_of, lambda row: (EPOCH, row["session_id"]))

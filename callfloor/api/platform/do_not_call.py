"""Do-not-call lists, for administrators."""

from __future__ import annotations

import asyncio
import hashlib
import io
from datetime import UTC, datetime
from typing import Any, cast

from asyncpg import Record

from callfloor import regimes
from callfloor.api.audits import batched, changes, own
from callfloor.api.call import Answer, Call, invalid, not_found
from callfloor.api.cursors import EPOCH, page_limit, page_of, page_start
from callfloor.api.decoding import Body, content_type, read_body, read_json
from callfloor.api.operation import idempotency_key, operation
from callfloor.api.threads import beside
from callfloor.contract.do_not_call import (
    LARGEST_UPLOAD,
    MOST_ROWS,
    Actor,
    DoNotCallAdd,
    DoNotCallAdded,
    DoNotCallEntry,
    DoNotCallLifted,
    DoNotCallLiftedEntry,
    DoNotCallLiftedQuery,
    DoNotCallLiftEntryQuery,
    DoNotCallLifting,
    DoNotCallLiftQuery,
    DoNotCallQuery,
    DoNotCallTimestamps,
    DoNotCallUploadQuery,
    UploadFault,
)
from callfloor.contract.fields import Page
from callfloor.errors import FieldError, Invalid, TooLarge, UnsupportedMediaType
from callfloor.rules.dialling.register_wash import NoRegister, register_name
from callfloor.rules.privacy.do_not_call_file import Entry, EntryError, Mistake, Reading, entries, entry
from callfloor.rules.values.phones import PhoneError, normalise
from callfloor.rules.values.times import format_timestamp
from callfloor.store.privacy import do_not_call, registers
from callfloor.store.privacy.do_not_call import LAST, OWN_WISH, WHOLE_ORGANISATION, Doing

# Mistakes of a file that are shown.
MOST_SHOWN = 100
BATCH = 5_000
_ADD: Body[DoNotCallAdd] = Body(DoNotCallAdd)
_END_OF_TIME = datetime(9999, 1, 1, tzinfo=UTC)

ENTRY_EXAMPLE: dict[str, Any] = {
    "entryId": 12,
    "phoneNumber": "+61491570156",
    "numberHash": "5f1d7e84b0a7c6f0f4cde9a11b1f6a4a2f1a8f6d0d3c8e57a7d25d0a1c9c4b7e",
    "campaignId": None,
    "campaignName": None,
    "register": None,
    "reason": "asked by letter",
    "source": "api",
    "addedBy": {"actorId": 1001, "type": "user", "name": "Jane Smith"},
    "leadId": None,
    "activityId": None,
    "active": True,
    "timestamps": {"created": "2021-08-01T13:55:06+10:00", "expires": None},
}
_LIFTING_EXAMPLE = {
    "timestamp": "2021-08-02T09:00:00+10:00",
    "reason": "customer asked to be called again, ticket 77",
    "source": "api",
    "liftedBy": None,
}


@operation(
    "GET",
    "/admin/do-not-call",
    scope="do-not-call:read",
    summary="List of numbers that must not be called",
    tag="admin",
    ours=True,
    example={"metadata": {"nextUri": None}, "items": [ENTRY_EXAMPLE]},
    query={"phoneNumber": "0491 570 156", "limit": 50},
    audits=batched("do-not-call.read", "do-not-call"),
)
async def list_do_not_call(call: Call, query: DoNotCallQuery) -> Page[DoNotCallEntry]:
    """Entries, newest first: of everybody's list, of the campaigns' own, and of registers that were washed against.

    `phoneNumber` finds a number in any form that it may be written in, also when the customer was erased since.
    """
    hashed = _hash(call, query.phone_number)
    start = page_start(call, query)
    after = start[1] if start else None
    rows = await do_not_call.page(call.db, call.organisation, hashed, query.campaign_id, after, page_limit(query) + 1)
    return page_of(call, query, rows, lambda row: _entry(call, row), lambda row: (EPOCH, row["entry_id"]))


@operation(
    "POST",
    "/admin/do-not-call",
    scope="do-not-call:write",
    summary="Block a number, or a file of numbers",
    tag="admin",
    status=201,
    also=(200,),
    ours=True,
    example={
        "entry": ENTRY_EXAMPLE, "rows": 1, "added": 1, "alreadyListed": 0, "invalid": 0, "errors": [],
    },
    request={"phoneNumber": "0491 570 156", "reason": "asked by letter"},
    body=DoNotCallAdd,
    streams=("application/json", "text/csv"),
    audits=own("do-not-call.add", "do-not-call"),
)  # fmt: skip
async def add_do_not_call(call: Call, query: DoNotCallUploadQuery) -> Answer[DoNotCallAdded]:
    """Block a number; or, as `text/csv`, up to 100,000, with the columns `phone`, `reason`, `expires`.

    A number that is on the list already stays blocked for the longer of both times. A file with mistakes is refused,
    and nothing of it is taken, unless `skipBad=true`. `register` says that the file is what a national register
    returned: its date counts as the last wash. The parameters are of files; a JSON body has its own fields.
    """
    kind = content_type(call.headers)
    if kind == "application/json":
        _no_upload(query)
        raw = await read_json(call.receive, call.headers)

        async def work() -> Answer[DoNotCallAdded]:
            return await _add(call, await beside(len(raw), _ADD.decode, raw))

    elif kind == "text/csv":
        raw = await read_body(call.receive, call.headers, LARGEST_UPLOAD)

        async def work() -> Answer[DoNotCallAdded]:
            return await _upload(call, query, raw)

    else:
        raise UnsupportedMediaType("The body must have Content-Type: application/json or text/csv.")
    key = idempotency_key(call)
    if not key:
        return await work()
    digest = hashlib.sha256(kind.encode() + raw).digest()
    return cast("Answer[DoNotCallAdded]", await add_do_not_call.once(call, key, digest, work))


@operation(
    "DELETE",
    "/admin/do-not-call",
    scope="do-not-call:write",
    summary="Let a number be called again",
    tag="admin",
    ours=True,
    example={"lifted": 1, "stillBlocked": [], "leadsOfStatus": 0},
    query={"phoneNumber": "+61491570156", "reason": "customer asked to be called again, ticket 77"},
    audits=changes("do-not-call.lift", "do-not-call"),
)
async def lift_do_not_call(call: Call, query: DoNotCallLiftQuery) -> DoNotCallLifted:
    """Take a customer's wish off everybody's list, or off a campaign's own. Who lifted it and why is kept.

    What a register says stays: lift that entry by its id. The answer says what blocks the number all the same.
    """
    number = _number(call, query.phone_number)
    if query.campaign_id is not None:
        await _campaign(call, query.campaign_id)
    lists = [query.campaign_id or WHOLE_ORGANISATION]
    async with call.db.transaction():
        lifted = await do_not_call.lift(
            call.db, call.organisation, _key(call), lists, [number], call.now, reason=query.reason, by=_doing(call)
        )
        if not lifted:
            raise not_found("number on this list")
        call.audit.entry(*lifted[number])
        return await _left(call, number)


@operation(
    "GET",
    "/admin/do-not-call/lifted",
    scope="do-not-call:read",
    summary="List of what was lifted",
    tag="admin",
    ours=True,
    example={"metadata": {"nextUri": None}, "items": [ENTRY_EXAMPLE | {"lifted": _LIFTING_EXAMPLE}]},
    query={"phoneNumber": "+61491570156"},
    audits=batched("do-not-call.read", "do-not-call"),
)
async def list_lifted_do_not_call(call: Call, query: DoNotCallLiftedQuery) -> Page[DoNotCallLiftedEntry]:
    """What was taken off the lists, by whom and why, newest first."""
    hashed = _hash(call, query.phone_number)
    after = page_start(call, query) or (_END_OF_TIME, LAST)
    rows = await do_not_call.lifted_page(call.db, call.organisation, hashed, after, page_limit(query) + 1)
    return page_of(
        call, query, rows, lambda row: _lifted_entry(call, row), lambda row: (row["lifted_at"], row["entry_id"])
    )


@operation(
    "GET",
    "/admin/do-not-call/{entryId}",
    scope="do-not-call:read",
    summary="Get an entry",
    tag="admin",
    etag=True,
    ours=True,
    example=ENTRY_EXAMPLE,
    audits=batched("do-not-call.read", "do-not-call"),
)
async def get_do_not_call(call: Call, entry_id: int) -> DoNotCallEntry:
    """One entry of a do-not-call list."""
    row = await do_not_call.get(call.db, call.organisation, entry_id)
    if row is None:
        raise not_found("entry")
    return _entry(call, row)


@operation(
    "DELETE",
    "/admin/do-not-call/{entryId}",
    scope="do-not-call:write",
    summary="Lift an entry",
    tag="admin",
    status=204,
    ours=True,
    query={"reason": "express consent of 12 May"},
    audits=changes("do-not-call.lift", "do-not-call"),
)
async def lift_do_not_call_entry(call: Call, entry_id: int, query: DoNotCallLiftEntryQuery) -> None:
    """Take one entry off its list, also a register's: the next wash may bring that back. Who and why is kept."""
    if not await do_not_call.lift_entry(
        call.db, call.organisation, entry_id, call.now, reason=query.reason, by=_doing(call)
    ):
        raise not_found("entry")


def _doing(call: Call) -> Doing:
    return Doing("api", call.actor)


def _key(call: Call) -> bytes:
    return call.caller.organisation.hash_key


def _number(call: Call, text: str, *, in_body: bool = False) -> str:
    try:
        return normalise(text, call.caller.organisation.country, call.caller.organisation.new_number_ranges)
    except PhoneError as error:
        raise invalid("phoneNumber", error.code, str(error), in_body=in_body) from error


def _hash(call: Call, text: str | None) -> bytes | None:
    return None if text is None else do_not_call.number_hash(_key(call), _number(call, text))


async def _campaign(call: Call, campaign_id: int, *, in_body: bool = False) -> None:
    if not await do_not_call.campaign_exists(call.db, call.organisation, campaign_id):
        raise invalid("campaignId", "not-found", "names no campaign of this organisation", in_body=in_body)


# Adding


def _no_upload(query: DoNotCallUploadQuery) -> None:
    of_files = ("campaign_id", "register", "new_register", "skip_bad")
    given = [name for name in of_files if getattr(query, name) is not None]
    if given:
        faults = [FieldError("not-of-json", "is of text/csv bodies only", parameter=name) for name in _names(given)]
        raise Invalid("A JSON body has its own fields instead of query parameters.", errors=faults)


def _names(names: list[str]) -> list[str]:
    """As the contract spells them."""
    return ["".join(part if not at else part.title() for at, part in enumerate(name.split("_"))) for name in names]


async def _add(call: Call, body: DoNotCallAdd) -> Answer[DoNotCallAdded]:
    number = _number(call, body.phone_number, in_body=True)
    try:
        given = entry(number, body.reason or "", body.expires_timestamp or "", _reading(call))
    except EntryError as error:
        name, _, why = str(error).partition(" ")
        field = {"expires": "expiresTimestamp", "reason": "reason"}.get(name, "phoneNumber")
        raise invalid(field, "invalid", why) from error
    if body.campaign_id is not None:
        await _campaign(call, body.campaign_id, in_body=True)
    async with call.db.transaction():
        listed = body.campaign_id or WHOLE_ORGANISATION
        entry_id, added = await do_not_call.add(
            call.db, call.organisation, _key(call), number, call.now,
            campaign_id=listed, reason=given.reason, expires_at=given.expires_at, by=_doing(call),
        )  # fmt: skip
        row = await do_not_call.get(call.db, call.organisation, entry_id)
        call.audit.entry(entry_id, campaignId=body.campaign_id, added=added)
        await call.audit.write()
    if row is None:
        raise AssertionError("an entry that was just added is there")
    shown = DoNotCallAdded(
        entry=_entry(call, row), rows=1, added=int(added), already_listed=int(not added), invalid=0, errors=[]
    )
    location = f"{call.prefix}/admin/do-not-call/{entry_id}"
    return Answer(shown, status=201 if added else 200, headers={"Location": location})


async def _upload(call: Call, query: DoNotCallUploadQuery, raw: bytes) -> Answer[DoNotCallAdded]:
    if query.campaign_id is not None:
        await _campaign(call, query.campaign_id)
    register = OWN_WISH
    if query.register is None and query.new_register:
        raise invalid("newRegister", "not-of-lists", "is of a register: name it with register", in_body=False)
    if query.register is not None:
        try:
            register = register_name(
                query.register,
                regimes.registers(),
                await _used(call),
                new=bool(query.new_register),
                new_by="newRegister=true",
            )
        except NoRegister as error:
            raise invalid("register", "invalid", str(error), in_body=False) from error
    # parsing numbers takes its time: other requests go on meanwhile
    good, bad = await asyncio.to_thread(_parsed, call, raw, most_bad=None if query.skip_bad else MOST_SHOWN)
    if bad and not query.skip_bad:
        faults = [FieldError("invalid-row", f"line {each.line}: {each.message}") for each in bad[:MOST_SHOWN]]
        count = f"{MOST_SHOWN} and more" if len(bad) > MOST_SHOWN else str(len(bad))
        raise Invalid(f"{count} rows of the file cannot be taken; nothing of it was.", errors=faults)
    by = Doing("upload" if register == OWN_WISH else "register", call.actor)
    listed, added = query.campaign_id or WHOLE_ORGANISATION, 0
    async with call.db.transaction():
        for start in range(0, len(good), BATCH):
            added += await do_not_call.add_many(
                call.db, call.organisation, _key(call), listed, good[start : start + BATCH], call.now,
                register=register, by=by,
            )  # fmt: skip
        if register != OWN_WISH:
            await registers.washed(call.db, call.organisation, register, call.now)
        # of a file, how many: the entries say by whom and when they were added
        call.audit.entry(campaignId=query.campaign_id, register=register or None, rows=len(good), added=added)
        await call.audit.write()
    return Answer(
        DoNotCallAdded(
            entry=None,
            rows=len(good) + len(bad),
            added=added,
            already_listed=len(good) - added,
            invalid=len(bad),
            errors=[UploadFault(line=each.line, message=each.message) for each in bad[:MOST_SHOWN]],
        ),
        status=200,
    )


async def _used(call: Call) -> list[str]:
    return [row["name"] for row in await registers.every(call.db, call.organisation)]


def _reading(call: Call) -> Reading:
    organisation = call.caller.organisation
    return Reading(organisation.country, organisation.zone, organisation.new_number_ranges, call.now)


def _parsed(call: Call, raw: bytes, *, most_bad: int | None) -> tuple[list[Entry], list[Mistake]]:
    """The rows of a file, and its mistakes, up to one more than `most_bad`. Raises `TooLarge`."""
    good: list[Entry] = []
    bad: list[Mistake] = []
    lines = io.StringIO(raw.decode("utf-8-sig", "surrogateescape"), newline="")
    for each in entries(lines, _reading(call)):
        (bad if isinstance(each, Mistake) else good).append(each)  # type: ignore[arg-type]
        if len(good) + len(bad) > MOST_ROWS:
            raise TooLarge(f"A file has at most {MOST_ROWS:,} rows: split it, or use `callfloor dnc import`.")
        if most_bad is not None and len(bad) > most_bad:
            break
    return good, bad


# What is shown


async def _left(call: Call, number: str) -> DoNotCallLifted:
    rows = await do_not_call.find(call.db, call.organisation, _key(call), WHOLE_ORGANISATION, number, call.now)
    return DoNotCallLifted(
        lifted=1,
        still_blocked=[_entry(call, row) for row in rows],
        leads_of_status=await do_not_call.leads_of_status(call.db, call.organisation, [number]),
    )


def _entry(call: Call, row: Record) -> DoNotCallEntry:
    return DoNotCallEntry(**_fields(call, row))


def _lifted_entry(call: Call, row: Record) -> DoNotCallLiftedEntry:
    lifting = DoNotCallLifting(
        timestamp=format_timestamp(row["lifted_at"], call.zone),
        reason=row["lift_reason"],
        source=row["lift_source"],
        lifted_by=_actor(row["lifted_by"], row["lifter_name"], row["lifter_type"], row["lifter_token"]),
    )
    return DoNotCallLiftedEntry(lifted=lifting, **_fields(call, row))


def _fields(call: Call, row: Record) -> dict[str, Any]:
    expires: datetime | None = row["expires_at"]
    active = (expires is None or expires > call.now) and "lifted_at" not in row
    return {
        "entry_id": row["entry_id"],
        "phone_number": row["phone_number"],
        "number_hash": bytes(row["number_hash"]).hex(),
        "campaign_id": row["campaign_id"] or None,
        "campaign_name": row["campaign"],
        "register": row["register"] or None,
        "reason": row["reason"],
        "source": row["source"],
        "added_by": _actor(row["added_by"], row["user_name"], row["user_type"], row["token_name"]),
        "lead_id": row["lead_id"],
        "activity_id": row["activity_id"],
        "active": active,
        "timestamps": DoNotCallTimestamps(
            created=format_timestamp(row["created_at"], call.zone),
            expires=None if expires is None else format_timestamp(expires, call.zone),
        ),
    }


def _actor(actor: int | None, user: str | None, kind: str | None, token: str | None) -> Actor | None:
    if actor is None:
        return None
    return Actor(actor_id=actor, type=cast("Any", kind or (token and "token")), name=user or token)

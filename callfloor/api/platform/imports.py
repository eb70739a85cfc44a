"""Bulk import of leads: reception, progress, wrong rows."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import AsyncGenerator, Sequence
from typing import cast
from uuid import UUID, uuid4

import msgspec
from asyncpg import Record
from starlette.responses import StreamingResponse

from callfloor.api.audits import own, reads
from callfloor.api.call import Answer, Call, invalid, not_found
from callfloor.api.operation import idempotency_key, operation
from callfloor.api.platform.import_bodies import STREAMS, Body, received
from callfloor.api.platform.lead_callbacks import may_lift_do_not_call
from callfloor.contract.imports import (
    ErrorLink,
    Import,
    ImportAccepted,
    ImportErrors,
    ImportErrorsQuery,
    ImportQuery,
    ImportResult,
    ImportStatus,
    LeadsBulk,
    RowError,
)
from callfloor.errors import FieldError, Invalid, MalformedRequest, Problem, QuotaExceeded, TooLarge
from callfloor.jobs.imports.reception import SMALL, Order, Outcome, split, split_apart
from callfloor.jobs.imports.rows import How, RecordsError, is_workbook
from callfloor.rules.imports.import_columns import ColumnsError, parse_map
from callfloor.rules.imports.import_report import Shape
from callfloor.store.leads import imports, lists

ERRORS_PAGE = 100
_UUID = "7f3f2c1e-8f0e-4a53-9a53-0f8b3f0f8c55"
_ACCEPTED = {
    "uuid": _UUID,
    "status": "queued",
    "columns": {"Mobile": "phone1", "Ref": "customerKey", "plan": "leadData.plan"},
}
_REQUEST = {
    "leads": [{"listId": 100, "phone1": "+61491570156", "customerKey": "10000001", "leadData": {"plan": "gold"}}]
}
# Processes that split bodies for one process of the API.
_APART = asyncio.Semaphore(4)
_PROBLEMS: dict[str, type[Problem]] = {"malformed": MalformedRequest, "invalid": Invalid, "too-large": TooLarge}


@operation(
    "POST",
    "/leads/bulk/",
    scope="leads:write",
    summary="Bulk lead create",
    tag="leads",
    status=202,
    example=_ACCEPTED,
    request=_REQUEST,
    query={"onDuplicate": "skip"},
    body=LeadsBulk,
    streams=STREAMS,
    problems=[QuotaExceeded],
    audits=own("import.create", "import"),
)
async def create_import(call: Call, query: ImportQuery) -> Answer[ImportAccepted]:
    """Accept up to 1,000,000 leads or 1 GiB, as JSON, NDJSON, CSV, XLSX, or a form with such a file. 202 means durable:
    from then on a crash loses nothing and inserts nothing twice. Ask for progress under the `uuid`.

    Columns of a table become fields by their names, as people write them (`Mobile No.`, `customer id`), or as `map`
    says; others become leadData. `columns` says which became what: look at it, or send `dryRun=true` first.
    """
    key = idempotency_key(call)
    if not key:
        await _within_quotas(call)
    await _known_list(call, query.list_id)
    async with received(call) as body:
        wanted = _with_fields(call, query, body)
        if wanted.list_id != query.list_id:
            await _known_list(call, wanted.list_id)
        order = _order(call, wanted, body)

        async def receive() -> Answer[ImportAccepted]:
            outcome = await _split(call, order, body)
            async with call.db.transaction():
                await imports.accept(call.db, call.organisation, order.import_id)
                call.audit.entry(name=str(order.import_id), listId=wanted.list_id, dryRun=order.choices.dry_run)
                await call.audit.write()
            columns = None if outcome.columns is None else dict(outcome.columns)
            accepted = ImportAccepted(uuid=str(order.import_id), status="queued", columns=columns)
            return Answer(accepted, headers={"Location": f"{call.prefix}/leads/bulk/{order.import_id}"})

        async def receive_within_quotas() -> Answer[ImportAccepted]:
            await _within_quotas(call)
            return await receive()

        if not key:
            return await receive()
        # what was accepted before is answered as it was, whatever waits now
        return cast("Answer[ImportAccepted]", await create_import.once(call, key, body.digest, receive_within_quotas))


async def _within_quotas(call: Call) -> None:
    """Raises `QuotaExceeded` before anything of the body is read."""
    await call.services.room.expect(call.organisation)
    settings = call.services.settings
    waiting, leads = await imports.held(call.db, call.organisation)
    if waiting > settings.waiting_megabytes * 1024**2:
        raise QuotaExceeded(
            f"Imports of this organisation have {waiting // 1024**2:,} MiB waiting, and may have"
            f" {settings.waiting_megabytes:,}: wait until some of them are completed, then send it again.",
            headers={"Retry-After": "60"},
        )
    if leads >= settings.organisation_leads:
        raise QuotaExceeded(
            f"The organisation has {leads:,} leads, and may have {settings.organisation_leads:,}: delete lists that are"
            " done with, or ask the operator for more (CALLFLOOR_ORGANISATION_LEADS)."
        )


async def _known_list(call: Call, list_id: int | None) -> None:
    """One refusal, before any row is looked at."""
    if list_id is not None and await lists.get(call.db, call.organisation, list_id) is None:
        fault = FieldError("not-found", f"there is no list {list_id}", parameter="listId")
        raise Invalid(f"listId: there is no list {list_id}.", errors=[fault])


def _with_fields(call: Call, query: ImportQuery, body: Body) -> ImportQuery:
    """The parameters with the fields of a form, which may not say otherwise."""
    if not body.fields:
        return query
    for name, text in body.fields.items():
        if call.query.get(name, text) != text:
            fault = FieldError("contradiction", "says something else in the address", pointer=f"/{name[:100]}")
            raise Invalid(f"{name[:100]} is given in the form and in the address.", errors=[fault])
    if create_import.query is None:
        raise LookupError("the operation has parameters")
    return create_import.query.decode(call.query | body.fields)


def _order(call: Call, query: ImportQuery, body: Body) -> Order:
    lifts = may_lift_do_not_call(call, query.lift_do_not_call)
    try:
        columns = parse_map(query.map) if query.map else {}
    except ColumnsError as error:
        fault = FieldError("invalid-map", str(error), parameter="map")
        raise Invalid(f"map: {error}.", errors=[fault]) from error
    how = How(
        form=body.form,
        country=call.caller.organisation.country,
        charset=query.encoding or body.charset,
        separator=query.delimiter or body.separator,
        map=columns,
        sheet=query.sheet,
        list_given=query.list_id is not None,
        clears=bool(query.empty_clears),
        given=tuple({**call.query, **body.fields}),
    )
    choices = imports.Choices(
        list_id=query.list_id,
        on_duplicate=query.on_duplicate or "insert",
        on_duplicate_phone=query.on_duplicate_phone or "insert",
        duplicate_phone_in=query.duplicate_phone_in or "list",
        empty_clears=bool(query.empty_clears),
        lift_do_not_call=lifts,
        dry_run=bool(query.dry_run),
    )
    return Order(call.db.dsn, call.organisation, uuid4(), how, choices)


async def _split(call: Call, order: Order, body: Body) -> Outcome:
    """Raises the problem that the body has as a whole."""
    try:
        if body.size <= SMALL and not is_workbook(body.file, order.how):
            return await split(call.db, order, body.file, small=True)
        async with _APART:
            return await split_apart(order, body.file)
    except RecordsError as error:
        kind = _PROBLEMS[error.kind]
        if error.parameter is None:
            raise kind(str(error)) from error
        fault = FieldError("invalid", str(error).removeprefix(f"{error.parameter}: "), parameter=error.parameter)
        raise kind(str(error), errors=[fault]) from error


@operation(
    "POST",
    "/leads/bulk",
    scope="leads:write",
    summary="Bulk lead create",
    tag="leads",
    status=202,
    example=_ACCEPTED,
    request=_REQUEST,
    query={"onDuplicate": "skip"},
    body=LeadsBulk,
    streams=STREAMS,
    problems=[QuotaExceeded],
    audits=own("import.create", "import"),
)
async def create_import_without_slash(call: Call, query: ImportQuery) -> Answer[ImportAccepted]:
    """The same as with the slash."""
    return cast("Answer[ImportAccepted]", await create_import.handler(call, query))


@operation(
    "GET",
    "/leads/bulk/{uuid}",
    scope="leads:read",
    summary="Get the status of the bulk import process",
    tag="leads",
    etag=True,
    example={
        "uuid": _UUID,
        "status": "completed",
        "error_link": {"href": f"/platform-api/v3.0/leads/bulk/{_UUID}/errors"},
        "result": {
            "rows": 5000,
            "inserted": 4940,
            "updated": 0,
            "skipped": 10,
            "invalid": 50,
            "processed": 5000,
            "withoutPhone": 3,
            "notCalled": 2,
            "emptyRows": 10,
            "absentPhones": 7,
            "duplicatePhones": 2,
            "unknownRanges": 0,
            "columns": {"Mobile": "phone1", "Ref": "customerKey", "plan": "leadData.plan"},
            "failure": None,
        },
    },
)
async def get_import(call: Call, uuid: str) -> Import:
    """How far an import is. inserted + updated + skipped + invalid = processed, which is rows at the end.

    A lead without a phone cannot be called: `withoutPhone` counts them, and `notCalled`
    those with phones that the organisation's destination policy does not call.
    """
    row = await _found(call, uuid)
    done = {name: cast("int", row[name]) for name in ("inserted", "updated", "skipped", "invalid")}
    link = ErrorLink(href=f"{call.prefix}/leads/bulk/{row['import_id']}/errors") if row["invalid"] else ErrorLink()
    return Import(
        uuid=str(row["import_id"]),
        status=cast("ImportStatus", row["status"]),
        error_link=link,
        result=ImportResult(
            rows=row["row_count"],
            processed=sum(done.values()),
            without_phone=row["without_phone"],
            not_called=row["not_called"],
            empty_rows=row["empty_rows"],
            absent_phones=row["absent_phones"],
            duplicate_phones=row["duplicate_phones"],
            unknown_ranges=row["unknown_ranges"],
            columns=None if (columns := _columns(row)) is None else dict(columns),
            failure=row["failure"],
            **done,
        ),
    )


@operation(
    "GET",
    "/leads/bulk/{uuid}/errors",
    scope="leads:read",
    summary="Get error message of failed imports",
    tag="leads",
    example={
        "pageNo": 1,
        "limit": 100,
        "errorList": {"99": [{"field": "phone1", "code": "invalid-phone", "message": "has too few digits"}]},
        "lines": {"99": 101},
        "totalPages": 1,
        "nextPageLink": None,
    },
    query={"pageNo": 1, "limit": 100},
    answers=("text/csv",),
    audits=reads("import.errors", "import"),
)
async def list_import_errors(call: Call, uuid: str, query: ImportErrorsQuery) -> ImportErrors:
    """The wrong rows, keyed by their 0-based position in the request; `lines` says where they stand in the file.

    `Accept: text/csv` gives all of them as they were sent, with `rowNumber`, `reason` and `importId`: mend them and
    send the file again as it is. A column whose name ends in `:json` holds JSON, for what text in a cell cannot say.
    A cell that a spreadsheet would take for a formula (it begins with =, +, -, @, a tab or a carriage return) has an
    apostrophe in front, which goes when the file is sent again; `raw=true` leaves it out.
    """
    row = await _found(call, uuid)
    if b"text/csv" in call.headers.get(b"accept", b""):
        return cast("ImportErrors", await _as_csv(call, row, raw=query.raw or False))
    if query.raw:
        raise invalid("raw", "not-of-json", "is of text/csv answers only", in_body=False)
    page, limit = query.page_no or 1, query.limit or ERRORS_PAGE
    found = await imports.errors(call.db, call.organisation, row["import_id"], limit, (page - 1) * limit)
    pages = -(-row["invalid"] // limit)
    link = f"{call.prefix}/leads/bulk/{row['import_id']}/errors?pageNo={page + 1}&limit={limit}"
    return ImportErrors(
        page_no=page,
        limit=limit,
        error_list={str(each["row_no"]): msgspec.json.decode(each["errors"], type=list[RowError]) for each in found},
        lines={str(each["row_no"]): each["line_no"] for each in found if each["line_no"] is not None},
        total_pages=pages,
        next_page_link=link if page < pages else None,
    )


async def _found(call: Call, uuid: str) -> Record:
    try:
        import_id = UUID(uuid)
    except ValueError as error:
        raise not_found("import") from error
    row = await imports.get(call.db, call.organisation, import_id)
    if row is None:
        raise not_found("import")
    return row


def _columns(row: Record) -> list[imports.Column] | None:
    return None if row["header"] is None else msgspec.json.decode(row["header"], type=list[imports.Column])


async def _as_csv(call: Call, row: Record, *, raw: bool) -> StreamingResponse:
    shape = Shape(_columns(row), clears=row["empty_clears"], raw=raw)
    # what the columns must hold is known when every row was seen
    async for rows in imports.every_error(call.db, call.organisation, row["import_id"]):
        await asyncio.to_thread(_see, shape, rows)
    header = shape.header()

    async def lines() -> AsyncGenerator[bytes, None]:
        yield _written([header])
        async for rows in imports.every_error(call.db, call.organisation, row["import_id"]):
            yield await asyncio.to_thread(_table, shape, rows, str(row["import_id"]))

    name = f"errors-{row['import_id']}.csv"
    return StreamingResponse(
        lines(), media_type="text/csv", headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )


def _see(shape: Shape, rows: Sequence[Record]) -> None:
    for bad in rows:
        shape.see(msgspec.json.decode(bad["source"]))


def _table(shape: Shape, rows: Sequence[Record], import_id: str) -> bytes:
    found: list[list[object]] = []
    for bad in rows:
        faults = msgspec.json.decode(bad["errors"], type=list[RowError])
        reason = "; ".join(f"{fault.field}: {fault.message}" if fault.field else fault.message for fault in faults)
        found.append(
            [
                *shape.cells(msgspec.json.decode(bad["source"])),
                *shape.added(bad["row_no"], bad["line_no"], reason, import_id),
            ]
        )
    return _written(found)


def _written(rows: Sequence[Sequence[object]]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue().encode()

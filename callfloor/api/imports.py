"""Bulk import of leads: reception, progress, wrong rows."""

from __future__ import annotations

import asyncio
import csv
import hashlib
import io
import tempfile
from collections.abc import AsyncGenerator
from typing import Any, cast
from uuid import UUID, uuid4

import msgspec
from asyncpg import Record
from starlette.responses import StreamingResponse

from callfloor.api.call import Answer, Call, not_found
from callfloor.api.decoding import content_type, read_chunks
from callfloor.api.operation import idempotency_key, operation
from callfloor.contract.imports import (
    LARGEST_BODY,
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
from callfloor.contract.leads import LeadCreate
from callfloor.errors import Invalid, MalformedRequest, Problem, TooLarge, UnsupportedMediaType
from callfloor.jobs.reception import SMALL, Order, split, split_apart
from callfloor.jobs.records import REPORT_COLUMNS, Form, RecordsError
from callfloor.store import imports

FORMS: dict[str, Form] = {
    "application/json": "json",
    "text/csv": "csv",
    "application/x-ndjson": "ndjson",
}
ERRORS_PAGE = 100
_UUID = "7f3f2c1e-8f0e-4a53-9a53-0f8b3f0f8c55"
_ACCEPTED = {"uuid": _UUID, "status": "queued"}
_REQUEST = {
    "leads": [{"listId": 100, "phone1": "+61491570156", "customerKey": "10000001", "leadData": {"plan": "gold"}}]
}
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
    streams=tuple(FORMS),
)
async def create_import(call: Call, query: ImportQuery) -> Answer[ImportAccepted]:
    """Accept up to 1,000,000 leads or 1 GiB, as JSON, CSV (header row = field names, other columns become leadData) or
    NDJSON. 202 means durable: from then on a crash loses nothing and inserts nothing twice. Ask for progress under
    the `uuid`.
    """
    kind = content_type(call.headers)
    form = FORMS.get(kind)
    if form is None:
        raise UnsupportedMediaType(f"The body must have one of the Content-Types {', '.join(FORMS)}.")
    with tempfile.NamedTemporaryFile(prefix="callfloor-import-") as spool:
        digest, size = hashlib.sha256(kind.encode()), 0
        async for chunk in read_chunks(call.receive, call.headers, LARGEST_BODY):
            digest.update(chunk)
            size += len(chunk)
            # large bodies are written without holding up other requests
            await asyncio.to_thread(spool.write, chunk) if size > SMALL else spool.write(chunk)
        spool.flush()
        spool.seek(0)
        order = Order(
            dsn=call.db.dsn,
            organisation=call.organisation,
            import_id=uuid4(),
            form=form,
            list_id=query.list_id,
            on_duplicate=query.on_duplicate or "insert",
            dry_run=bool(query.dry_run),
            path=spool.name,
        )

        async def receive() -> Answer[ImportAccepted]:
            try:
                await (split(call.db, order, cast("io.BufferedReader", spool)) if size <= SMALL else split_apart(order))
            except RecordsError as error:
                raise _PROBLEMS[error.kind](str(error)) from error
            await imports.accept(call.db, call.organisation, order.import_id)
            accepted = ImportAccepted(uuid=str(order.import_id), status="queued")
            return Answer(accepted, headers={"Location": f"{call.prefix}/leads/bulk/{order.import_id}"})

        key = idempotency_key(call)
        if not key:
            return await receive()
        return cast("Answer[ImportAccepted]", await create_import.once(call, key, digest.digest(), receive))


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
    streams=tuple(FORMS),
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
        "result": {"rows": 5000, "inserted": 4950, "updated": 0, "skipped": 0, "invalid": 50, "processed": 5000},
    },
)
async def get_import(call: Call, uuid: str) -> Import:
    """How far an import is. inserted + updated + skipped + invalid = processed, which is rows at the end."""
    row = await _found(call, uuid)
    done = {name: cast("int", row[name]) for name in ("inserted", "updated", "skipped", "invalid")}
    link = ErrorLink(href=f"{call.prefix}/leads/bulk/{row['import_id']}/errors") if row["invalid"] else ErrorLink()
    return Import(
        uuid=str(row["import_id"]),
        status=cast("ImportStatus", row["status"]),
        error_link=link,
        result=ImportResult(rows=row["row_count"], processed=sum(done.values()), **done),
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
        "totalPages": 1,
        "nextPageLink": None,
    },
    query={"pageNo": 1, "limit": 100},
    answers=("text/csv",),
)
async def list_import_errors(call: Call, uuid: str, query: ImportErrorsQuery) -> ImportErrors:
    """The wrong rows, keyed by their 0-based position in the request.

    `Accept: text/csv` gives all of them as they were sent, with `rowNumber` and `reason`: mend them and send the file
    again as it is. Values are not altered, so open such a file in a spreadsheet only if you trust who sent the rows.
    """
    row = await _found(call, uuid)
    if b"text/csv" in call.headers.get(b"accept", b""):
        return cast("ImportErrors", await _as_csv(call, row))
    page, limit = query.page_no or 1, query.limit or ERRORS_PAGE
    found = await imports.errors(call.db, call.organisation, row["import_id"], limit, (page - 1) * limit)
    pages = -(-row["invalid"] // limit)
    link = f"{call.prefix}/leads/bulk/{row['import_id']}/errors?pageNo={page + 1}&limit={limit}"
    return ImportErrors(
        page_no=page,
        limit=limit,
        error_list={str(each["row_no"]): msgspec.json.decode(each["errors"], type=list[RowError]) for each in found},
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


async def _as_csv(call: Call, row: Record) -> StreamingResponse:
    if row["header"] is not None:
        header: list[str] = [n for n in msgspec.json.decode(row["header"]) if n not in REPORT_COLUMNS]
    else:
        fields = [field.encode_name for field in msgspec.structs.fields(LeadCreate) if field.name != "lead_data"]
        header = fields + await imports.data_names(call.db, call.organisation, row["import_id"])

    async def lines() -> AsyncGenerator[bytes, None]:
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerow([*header, *REPORT_COLUMNS])
        async for bad in imports.every_error(call.db, call.organisation, row["import_id"]):
            writer.writerow(_csv_row(header, bad))
            if out.tell() > 64 * 1024:
                yield out.getvalue().encode()
                out.seek(0)
                out.truncate()
        yield out.getvalue().encode()

    name = f"errors-{row['import_id']}.csv"
    return StreamingResponse(
        lines(), media_type="text/csv", headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )


def _csv_row(header: list[str], bad: Record) -> list[object]:
    source: Any = msgspec.json.decode(bad["source"])
    if isinstance(source, list) and len(source) == 2 and isinstance(source[1], dict):  # pyright: ignore
        source = source[1]  # pyright: ignore[reportUnknownVariableType]
    lead = cast("dict[str, Any]", source if isinstance(source, dict) else {})
    data = lead.get("leadData")
    values = (lead | cast("dict[str, Any]", data)) if isinstance(data, dict) else lead
    cells = [values.get(name, "") for name in header]
    faults = msgspec.json.decode(bad["errors"], type=list[RowError])
    reason = "; ".join(f"{fault.field}: {fault.message}" if fault.field else fault.message for fault in faults)
    return [*("" if cell is None else cell for cell in cells), bad["row_no"], reason]

"""The audit: listed, exported, checked."""

from __future__ import annotations

import asyncio
import base64
import csv
import io
from collections.abc import AsyncGenerator, Sequence
from typing import Any, cast

import msgspec
from asyncpg import Record
from starlette.responses import StreamingResponse

from callfloor.api.audits import batched, reads
from callfloor.api.call import ENCODE, Call
from callfloor.api.cursors import page_limit, page_of, page_start
from callfloor.api.operation import operation
from callfloor.contract.audit import (
    AuditActor,
    AuditEntry,
    AuditExportQuery,
    AuditFault,
    AuditObject,
    AuditQuery,
    AuditVerification,
)
from callfloor.contract.fields import Page
from callfloor.rules.values.spreadsheet_cells import neutral
from callfloor.store.audit import chain, reading
from callfloor.store.privacy import keys

ENTRY_EXAMPLE: dict[str, Any] = {
    "entryId": 4711,
    "timestamp": "2021-08-01T03:55:06.123456Z",
    "actor": {"type": "user", "id": 1001, "name": "Jane Smith", "tokenId": 2002},
    "address": "192.0.2.7",
    "requestId": "1d3cf4a0-52b1-4d0e-9f21-6f3f0c6f6f5e",
    "action": "list.update",
    "object": {"type": "list", "ids": [100], "name": None},
    "details": {"before": {"weight": 1}, "after": {"weight": 5}},
    "position": 812,
    "hash": "5f1d7e84b0a7c6f0f4cde9a11b1f6a4a2f1a8f6d0d3c8e57a7d25d0a1c9c4b7e",
}
COLUMNS = (
    "timestamp", "actor_type", "actor_id", "actor_name", "token_id", "address", "request_id", "action", "object_type",
    "object_ids", "object_name", "details", "entry_id", "position", "hash",
)  # fmt: skip


@operation(
    "GET",
    "/audit",
    scope="audit:read",
    summary="Who did what",
    tag="audit",
    example={"metadata": {"nextUri": None}, "items": [ENTRY_EXAMPLE]},
    query={"action": "list", "from": "2021-08-01", "limit": 50},
    audits=batched("audit.read", "audit"),
)
async def list_audit(call: Call, query: AuditQuery) -> Page[AuditEntry]:
    """Entries, newest first. What was read within the last moment may not be there yet."""
    rows = await reading.page(
        call.db, call.organisation, _wanted(call, query), page_start(call, query), page_limit(query) + 1
    )
    # that it was read is worth an entry; which entries were, is not
    call.audit.entry()
    return page_of(call, query, rows, _entry, lambda row: (row["happened_at"], row["entry_id"]))


@operation(
    "GET",
    "/audit/export",
    scope="audit:read",
    summary="Export of the audit",
    tag="audit",
    example=ENTRY_EXAMPLE,
    query={"format": "jsonl", "from": "2021-08-01", "to": "2021-08-31"},
    answers=("text/csv", "application/jsonl"),
    audits=reads("audit.export", "audit"),
)
async def export_audit(call: Call, query: AuditExportQuery) -> AuditEntry:
    """All entries that match, newest first, as CSV or as JSON Lines with an entry a line."""
    wanted = _wanted(call, query)
    as_lines = query.format == "jsonl"

    async def parts() -> AsyncGenerator[bytes, None]:
        if not as_lines:
            yield _csv([COLUMNS])
        async for rows in reading.every(call.db, call.organisation, wanted):
            yield await asyncio.to_thread(_lines if as_lines else _table, rows)

    kind, name = ("application/jsonl", "audit.jsonl") if as_lines else ("text/csv; charset=utf-8", "audit.csv")
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return cast("AuditEntry", StreamingResponse(parts(), media_type=kind, headers=headers))


@operation(
    "GET",
    "/audit/verify",
    scope="audit:read",
    summary="Check the audit",
    tag="audit",
    example={
        "whole": True, "entries": 812, "first": 1, "last": 812, "days": 3, "unsealed": 1, "faultCount": 0, "faults": [],
        "publicKeys": ["8t5hVd1rDlGrWgbfR9sDPxFiJdHXRoNkTWdrDTCWqFA="],
    },
    audits=reads("audit.verify", "audit"),
)  # fmt: skip
async def verify_audit(call: Call) -> AuditVerification:
    """Check every entry against its place in the chain, and the chain against its signatures. Faults name the entries
    that were changed, removed or moved. It reads all of the audit: some ten thousand entries a second."""
    found = await reading.verify(call.db, call.organisation)
    call.audit.entry(whole=found.whole, last=found.last)
    return AuditVerification(
        whole=found.whole,
        entries=found.entries,
        first=found.first,
        last=found.last,
        days=found.days,
        unsealed=await chain.count_unsealed(call.db, call.organisation),
        fault_count=found.fault_count,
        faults=[AuditFault(position=f.position, entry_id=f.entry_id, reason=f.reason) for f in found.faults],
        public_keys=[base64.b64encode(key).decode() for key in await keys.public(call.db, call.organisation)],
    )


def _wanted(call: Call, query: AuditQuery | AuditExportQuery) -> reading.Wanted:
    return reading.Wanted(
        begin=call.timestamp(query.begin, "from"),
        end=call.period_end(query.end, "to"),
        action=query.action,
        actor_id=query.actor_id,
        actor_type=query.actor_type,
        object_type=query.object_type,
        object_id=query.object_id,
        object_name=query.object_name,
        request_id=query.request_id,
    )


def _entry(row: Record) -> AuditEntry:
    return AuditEntry(
        entry_id=row["entry_id"],
        timestamp=row["happened_at"],
        actor=AuditActor(type=row["actor_type"], id=row["actor_id"], name=row["actor_name"], token_id=row["token_id"]),
        address=row["address"],
        request_id=row["request_id"],
        action=row["action"],
        object=AuditObject(type=row["object_type"], ids=list(row["object_ids"]), name=row["object_name"]),
        details=msgspec.Raw(row["details"].encode()),
        position=row["position"],
        hash=None if row["hash"] is None else row["hash"].hex(),
    )


def _lines(rows: Sequence[Record]) -> bytes:
    return b"".join(ENCODE(_entry(row)) + b"\n" for row in rows)


def _table(rows: Sequence[Record]) -> bytes:
    return _csv([_cells(row) for row in rows])


def _cells(row: Record) -> list[object]:
    cells = {
        **dict(row),
        "timestamp": row["happened_at"].isoformat(),
        "object_ids": " ".join(map(str, row["object_ids"])),
        "hash": None if row["hash"] is None else row["hash"].hex(),
    }
    return [neutral(cell) if isinstance(cell := cells[name], str) else cell for name in COLUMNS]


def _csv(rows: Sequence[Sequence[object]]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue().encode()

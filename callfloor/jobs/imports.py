"""Turning chunks of an import into leads: check every row, write the good ones, keep the bad ones with their faults."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from callfloor.contract.fields import Id
from callfloor.contract.leads import LeadCreate
from callfloor.errors import FieldError
from callfloor.rules.faults import faults
from callfloor.rules.identifiers import identifiers
from callfloor.rules.leads import LeadFault, every_fault, prepare
from callfloor.store import bulk_leads, callbacks, do_not_call, imports, leads
from callfloor.store.do_not_call import Asked
from callfloor.store.imports import BadRow, Chunk, Counts, OpenImport
from callfloor.store.pool import Database


class ImportRow(LeadCreate):
    """A row, whose list may be the import's."""

    list_id: Id | None = None  # type: ignore[assignment]


class _Checked:
    """A chunk after its rows were looked at: columns of new leads with their row numbers, and the bad rows."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, dict[str, Any]]] = []
        self.bad: list[BadRow] = []
        self.erased = 0


_rows = msgspec.json.Decoder(list[ImportRow])
_row = msgspec.json.Decoder(ImportRow)


async def import_next(db: Database) -> bool:
    """Import one chunk of the oldest import that has one free; False when there is none.

    One transaction: leads, bad rows, counts, and the chunk's removal. Killed at any moment, it leaves no trace, and
    the chunk is free again.
    """
    for given in await imports.every_open(db):
        async with db.transaction():
            chunk = await imports.claim(db, given)
            if chunk is None:
                continue
            await do_not_call.asked(db, Asked("import"))
            await _import_chunk(db, given, chunk)
            return True
    return False


async def _import_chunk(db: Database, given: OpenImport, chunk: Chunk) -> None:
    checked = _check(given, chunk)
    await _check_references(db, given, chunk, checked)
    counts = Counts(skipped=checked.erased)
    organisation = given.organisation.organisation_id
    new = [(row_no, leads.NewLead(organisation_id=organisation, **columns)) for row_no, columns in checked.rows]
    if given.on_duplicate == "skip" or given.on_duplicate == "update":
        settled = await bulk_leads.settle_duplicates(db, organisation, new, given.on_duplicate)
        new, counts.updated = settled.new, settled.updated
        counts.skipped += settled.skipped
        if not given.dry_run:
            await bulk_leads.apply_changes(db, organisation, settled.changes)
    new = await _callbacks_kept(db, given, chunk, new, checked)
    refused = [] if given.dry_run else await bulk_leads.copy(db, [lead for _, lead in new])
    counts.inserted = len(new) - len(refused)
    fault = FieldError("invalid", "holds a value that cannot be stored", pointer="/leadData")
    checked.bad += [_bad(given, chunk, new[position][0], [fault]) for position in refused]
    counts.invalid = len(checked.bad)
    await imports.finish_chunk(db, given, chunk, counts, sorted(checked.bad, key=lambda row: row.row_no))


def _check(given: OpenImport, chunk: Chunk) -> _Checked:
    """Every row on its own: types, phones, zones, times, sizes."""
    checked = _Checked()
    organisation = given.organisation
    about = organisation.country, organisation.zone, organisation.new_number_ranges
    for row_no, row in _decoded(given, chunk, checked):
        if row.list_id is None:
            row.list_id = given.list_id
        if row.list_id is None:
            fault = FieldError("required", "is required: name it in the row or as ?listId=", pointer="/listId")
            checked.bad.append(_bad(given, chunk, row_no, [fault]))
            continue
        try:
            checked.rows.append((row_no, prepare(row, *about)))
        except LeadFault:
            found = [FieldError(f.code, f.message, pointer=f"/{f.field}") for f in every_fault(row, *about)]
            checked.bad.append(_bad(given, chunk, row_no, found))
    return checked


def _decoded(given: OpenImport, chunk: Chunk, checked: _Checked) -> Iterator[tuple[int, ImportRow]]:
    try:
        # nearly always every row fits, and one call decodes them all
        yield from enumerate(_rows.decode(b"[" + b",".join(chunk.lines) + b"]"), chunk.first_row)
        return
    except msgspec.MsgspecError:
        pass
    for row_no, line in enumerate(chunk.lines, chunk.first_row):
        if line == imports.ERASED:
            checked.erased += 1
            continue
        try:
            row = _row.decode(line)
        except msgspec.MsgspecError:
            checked.bad.append(_bad(given, chunk, row_no, _faults(given, line)))
            continue
        yield row_no, row


def _faults(given: OpenImport, line: bytes) -> Sequence[FieldError]:
    value = msgspec.json.decode(line)
    if given.format == "csv" and isinstance(value, list):
        return [FieldError("cells", str(value[0]), pointer="")]  # pyright: ignore[reportUnknownArgumentType]
    problem = faults(ImportRow, value)
    return problem.errors if problem else [FieldError("invalid", "cannot be read", pointer="")]


def _bad(given: OpenImport, chunk: Chunk, row_no: int, found: Sequence[FieldError]) -> BadRow:
    source = chunk.lines[row_no - chunk.first_row]
    errors = [
        {"field": (each.pointer or "").lstrip("/") or None, "code": each.code, "message": each.message}
        for each in found
    ]
    scalars = list(_scalars(msgspec.json.decode(source)))
    return BadRow(row_no, errors, source, identifiers(scalars, given.organisation.country))


def _scalars(value: Any) -> Iterator[object]:
    if isinstance(value, dict):
        for name, part in value.items():  # pyright: ignore[reportUnknownVariableType]
            yield name
            yield from _scalars(part)
    elif isinstance(value, list):
        for part in value:  # pyright: ignore[reportUnknownVariableType]
            yield from _scalars(part)
    else:
        yield value


async def _callbacks_kept(
    db: Database, given: OpenImport, chunk: Chunk, new: list[bulk_leads.Numbered], checked: _Checked
) -> list[bulk_leads.Numbered]:
    """The new leads without those whose callback would not be kept, which are bad rows."""
    refused = await callbacks.refused_rows(
        db, given.organisation.organisation_id, [lead for _, lead in new], datetime.now(UTC)
    )
    for position, found in refused.items():
        fault = FieldError(found.reason, found.detail, pointer=f"/{found.field}")
        checked.bad.append(_bad(given, chunk, new[position][0], [fault]))
    return [each for position, each in enumerate(new) if position not in refused]


async def _check_references(db: Database, given: OpenImport, chunk: Chunk, checked: _Checked) -> None:
    """Lists, agents and own statuses that rows name must exist in the organisation."""
    known = await leads.known_references(
        db,
        given.organisation.organisation_id,
        {columns["list_id"] for _, columns in checked.rows},
        {columns["agent_id"] for _, columns in checked.rows if columns["agent_id"] is not None},
    )
    kept: list[tuple[int, dict[str, Any]]] = []
    for row_no, columns in checked.rows:
        found: list[FieldError] = []
        if columns["list_id"] not in known.lists:
            found.append(FieldError("not-found", "there is no such list", pointer="/listId"))
        if columns["agent_id"] is not None and columns["agent_id"] not in known.agents:
            found.append(FieldError("not-found", "there is no such agent", pointer="/agentId"))
        if columns["status_code"] >= 100 and columns["status_code"] not in known.statuses:
            found.append(FieldError("unknown-status", "is not one of the organisation's", pointer="/statusCode"))
        if found:
            checked.bad.append(_bad(given, chunk, row_no, found))
        else:
            kept.append((row_no, columns))
    checked.rows = kept

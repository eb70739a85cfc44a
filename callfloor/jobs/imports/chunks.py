"""Turning chunks of an import into leads: check every row, write the good ones, keep the bad ones with their faults."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

import msgspec
import structlog

from callfloor import metrics
from callfloor.contract.imports import ImportLead
from callfloor.errors import DatabaseBusy, FieldError, Problem, Unavailable
from callfloor.rules.imports.import_rows import Row, faults_of, new_columns, row_of
from callfloor.rules.values.faults import faults, fitting
from callfloor.rules.values.leads import LeadFault
from callfloor.store.db.faults import REFUSALS
from callfloor.store.db.pool import Database
from callfloor.store.leads import bulk_leads, callbacks, imports, leads
from callfloor.store.leads.imports import BadRow, Chunk, Counts, OpenImport
from callfloor.store.leads.leads import NewLead
from callfloor.store.privacy import do_not_call
from callfloor.store.privacy.do_not_call import Asked, Doing

log = structlog.get_logger("callfloor.imports")


@dataclass(slots=True)
class _Wrong:
    """A row with faults. `lead`: as much of it as could be read."""

    number: int
    found: list[FieldError]
    lead: ImportLead | None


@dataclass(slots=True)
class _Checked:
    """A chunk after its rows were looked at, each on its own."""

    rows: list[Row] = field(default_factory=list[Row])
    wrong: list[_Wrong] = field(default_factory=list[_Wrong])
    bad: list[BadRow] = field(default_factory=list[BadRow])
    erased: int = 0
    empty: int = 0


_rows = msgspec.json.Decoder(list[ImportLead])
_row = msgspec.json.Decoder(ImportLead)
_any_rows = msgspec.json.Decoder(list[dict[str, Any]])
_any = msgspec.json.Decoder()


MOST_TRIES = 4


async def import_next(db: Database) -> bool:
    """Import one chunk of the oldest import that has one free; False when there is none.

    One transaction: leads, bad rows, counts, and the chunk's removal. Killed at any moment, it leaves no trace, and
    the chunk is free again. A chunk that the database refuses rests and is tried again, and others go on.
    """
    every = await imports.every_open(db)
    metrics.IMPORTS.set(len(every))
    for given in every:
        chunk, began = None, time.perf_counter()
        try:
            async with db.transaction():
                chunk = await imports.claim(db, given)
                if chunk is None:
                    continue
                await do_not_call.asked(db, Asked("import"))
                counts = await _import_chunk(db, given, chunk)
            _tell(counts, time.perf_counter() - began)
            return True
        except (*REFUSALS, Problem, ValueError) as error:
            away = isinstance(error, Unavailable) and not isinstance(error, DatabaseBusy)
            if chunk is None or away:
                # not the chunk's fault: it is tried again when the database is back
                raise
            await _refused(db, given, chunk, error.__cause__ if isinstance(error, DatabaseBusy) else error)
            return True
    return False


def _tell(counts: Counts, seconds: float) -> None:
    metrics.CHUNKS.labels("imported").inc()
    metrics.CHUNK_SECONDS.observe(seconds)
    metrics.ROWS.labels("inserted").inc(counts.inserted)
    metrics.ROWS.labels("updated").inc(counts.updated)
    metrics.ROWS.labels("skipped").inc(counts.skipped)
    metrics.ROWS.labels("invalid").inc(counts.invalid)


async def _refused(db: Database, given: OpenImport, chunk: Chunk, cause: BaseException | None) -> None:
    """Let the chunk rest, or give it up. Raises like any statement when the database is away after all."""
    # what the database says of it may hold the rows' values
    kind, code = type(cause).__name__, getattr(cause, "sqlstate", None)
    log.error("import-refused", import_id=str(given.import_id), chunk=chunk.number, kind=kind, code=code)
    gives_up = chunk.tries + 1 >= MOST_TRIES
    metrics.CHUNKS.labels("given-up" if gives_up else "refused").inc()
    if not gives_up:
        await imports.refused(db, given, chunk)
        return
    what = f"the database refuses them: {kind.removesuffix('Error')}{f', {code}' if code else ''}"
    last = chunk.first_row + len(chunk.lines) - 1
    failure = f"rows {chunk.first_row} to {last} were not imported, {what}"
    try:
        await _give_up(db, given, chunk, what, failure)
    except REFUSALS:
        await imports.stop(db, given, failure)


async def _give_up(db: Database, given: OpenImport, chunk: Chunk, what: str, failure: str) -> None:
    """Report every row of the chunk, so that it can be sent again, and go on without it."""
    checked = _Checked()
    fault = FieldError("refused", f"was not imported with the rows around it; {what}", pointer="")
    bad = [_bad(given, chunk, row_no, [fault]) for row_no, _ in _filled(chunk, checked)]
    counts = Counts(skipped=checked.erased + checked.empty, empty_rows=checked.empty, invalid=len(bad))
    async with db.transaction():
        await imports.note_failure(db, given, failure)
        await imports.finish_chunk(db, given, chunk, counts, bad)


async def _import_chunk(db: Database, given: OpenImport, chunk: Chunk) -> Counts:
    checked = _check(given, chunk)
    await _check_references(db, given, chunk, checked)
    counts = Counts(skipped=checked.erased + checked.empty, empty_rows=checked.empty)
    counts.absent_phones = sum(row.absent for row in checked.rows)
    counts.duplicate_phones = sum(row.duplicate for row in checked.rows)
    counts.unknown_ranges = sum(row.unknown for row in checked.rows)
    new = await (_merged if given.choices.in_order else _all_new)(db, given, chunk, checked, counts)
    refused = [] if given.choices.dry_run else await bulk_leads.copy(db, [lead for _, lead in new])
    fault = FieldError("invalid", "holds a value that cannot be stored", pointer="/leadData")
    for position in refused:
        checked.bad += [_bad(given, chunk, row_no, [fault]) for row_no in new[position][0]]
    lost = {position: len(new[position][0]) - 1 for position in refused}
    counts.inserted = len(new) - len(refused)
    counts.updated -= sum(lost.values())
    phones = [(lead.phone1, lead.phone2, lead.phone3) for at, (_, lead) in enumerate(new) if at not in lost]
    _count_phones(given, phones, counts)
    counts.invalid = len(checked.bad)
    await imports.finish_chunk(db, given, chunk, counts, sorted(checked.bad, key=lambda row: row.row_no))
    return counts


def _count_phones(given: OpenImport, leads: Iterable[tuple[str | None, ...]], counts: Counts) -> None:
    """Count leads that nobody can call: without a phone, or with none where the organisation calls."""
    denied = given.policy.denied
    for phones in leads:
        there = False
        for number in phones:
            if number is not None:
                there = True
                if denied(number) is None:
                    break
        else:
            counts.without_phone += not there
            counts.not_called += there


async def _all_new(
    db: Database, given: OpenImport, chunk: Chunk, checked: _Checked, counts: Counts
) -> list[tuple[list[int], NewLead]]:
    """Every row as a lead of its own, but those whose callback would not be kept."""
    organisation = given.organisation.organisation_id
    new: list[tuple[int, NewLead]] = []
    for row in checked.rows:
        try:
            new.append((row.number, NewLead(organisation_id=organisation, **new_columns(row))))
        except LeadFault as fault:
            checked.bad.append(_bad(given, chunk, row.number, [_error(fault)]))
    refused = await callbacks.refused_rows(db, organisation, [lead for _, lead in new], datetime.now(UTC))
    for position, why in refused.items():
        fault = FieldError(why.reason, why.detail, pointer=f"/{why.field}")
        checked.bad.append(_bad(given, chunk, new[position][0], [fault]))
    return [([row_no], lead) for position, (row_no, lead) in enumerate(new) if position not in refused]


async def _merged(
    db: Database, given: OpenImport, chunk: Chunk, checked: _Checked, counts: Counts
) -> list[tuple[list[int], NewLead]]:
    """The new leads of rows that may be about leads that are there; those are changed."""
    organisation, country = given.organisation.organisation_id, given.organisation.country
    settled = await bulk_leads.settle_duplicates(db, organisation, checked.rows, given.choices)
    now = datetime.now(UTC)
    merged = await bulk_leads.merge(db, organisation, country, settled, given.choices, now)
    if not given.choices.dry_run:
        await bulk_leads.apply_changes(db, organisation, merged.changes)
        await do_not_call.lift_of_leads(db, organisation, merged.lifted, now, Doing("import"))
    for row_no, fault in (*settled.faults, *merged.faults):
        checked.bad.append(_bad(given, chunk, row_no, [_error(fault)]))
    counts.skipped += settled.skipped
    counts.updated = merged.updated
    counts.duplicate_phones += merged.duplicate_phones
    _count_phones(given, ((s["phone1"], s["phone2"], s["phone3"]) for _, s in merged.changes), counts)
    return merged.new


def _check(given: OpenImport, chunk: Chunk) -> _Checked:
    """Every row on its own: types, phones, zones, times, sizes."""
    checked = _Checked()
    organisation = given.organisation
    about = organisation.country, organisation.zone, organisation.new_number_ranges
    for row_no, row, sent, found in _decoded(given, chunk, checked):
        if row is not None and row.list_id is None:
            row.list_id = given.choices.list_id
            if row.list_id is None and not any(each.pointer == "/listId" for each in found):
                found.append(
                    FieldError("required", "is required: name it in the row or as ?listId=", pointer="/listId")
                )
        if row is not None and not found:
            try:
                checked.rows.append(row_of(row_no, row, sent, *about))
                continue
            except LeadFault:
                pass
        if row is not None:
            found += [_error(fault) for fault in faults_of(row, *about, new=not given.choices.in_order)]
        checked.wrong.append(_Wrong(row_no, found, row))
    return checked


def _error(fault: LeadFault) -> FieldError:
    return FieldError(fault.code, fault.message, pointer=f"/{fault.field}")


def _decoded(
    given: OpenImport, chunk: Chunk, checked: _Checked
) -> Iterator[tuple[int, ImportLead | None, dict[str, Any] | None, list[FieldError]]]:
    """Rows by their number, where clearing counts their members as they were sent, and what does not fit: of a row that
    has such faults there is as much as fits."""
    numbered = _filled(chunk, checked)
    together = b"[" + b",".join([line for _, line in numbered]) + b"]"
    try:
        # nearly always every row fits, and one call decodes them all
        rows = _rows.decode(together)
        sent = _any_rows.decode(together) if given.choices.in_order else None
    except msgspec.MsgspecError:
        pass
    else:
        for at, row in enumerate(rows):
            yield numbered[at][0], row, None if sent is None else sent[at], []
        return
    for row_no, line in numbered:
        try:
            row = _row.decode(line)
        except msgspec.MsgspecError:
            yield row_no, *_misfit(given, line)
            continue
        yield row_no, row, _any.decode(line) if given.choices.in_order else None, []


def _filled(chunk: Chunk, checked: _Checked) -> list[tuple[int, bytes]]:
    """Rows in which something stands, with their numbers."""
    numbered = list(enumerate(chunk.lines, chunk.first_row))
    if imports.ERASED not in chunk.lines and imports.EMPTY not in chunk.lines:
        return numbered
    checked.erased, checked.empty = chunk.lines.count(imports.ERASED), chunk.lines.count(imports.EMPTY)
    return [(row_no, line) for row_no, line in numbered if line not in (imports.ERASED, imports.EMPTY)]


def _misfit(given: OpenImport, line: bytes) -> tuple[ImportLead | None, None, list[FieldError]]:
    value = msgspec.json.decode(line)
    table = given.format in ("csv", "xlsx")
    if table and isinstance(value, list):
        return None, None, [FieldError("cells", str(cast("list[object]", value)[0]), pointer="")]
    problem = faults(ImportLead, value, cells=table)
    if problem is None:
        return None, None, [FieldError("invalid", "cannot be read", pointer="")]
    return fitting(ImportLead, value), None, list(problem.errors)


def _bad(given: OpenImport, chunk: Chunk, row_no: int, found: Sequence[FieldError]) -> BadRow:
    source = chunk.lines[row_no - chunk.first_row]
    errors = [
        {"field": (each.pointer or "").lstrip("/") or None, "code": each.code, "message": each.message}
        for each in found
    ]
    return BadRow(row_no, chunk.line_of(row_no), errors, source)


async def _check_references(db: Database, given: OpenImport, chunk: Chunk, checked: _Checked) -> None:
    """Lists, agents and own statuses that rows name must be the organisation's. Rows with faults become bad ones."""
    partial = [each.lead for each in checked.wrong if each.lead is not None]
    known = await leads.known_references(
        db,
        given.organisation.organisation_id,
        {row.list_id for row in checked.rows} | {lead.list_id for lead in partial if lead.list_id is not None},
        {agent for row in checked.rows if isinstance(agent := row.change.agent_id, int)}
        | {lead.agent_id for lead in partial if lead.agent_id is not None},
    )
    kept: list[Row] = []
    for row in checked.rows:
        if found := known.missing(row.list_id, row.change.agent_id, row.change.status_code):
            checked.bad.append(_bad(given, chunk, row.number, found))
        else:
            kept.append(row)
    for each in checked.wrong:
        lead = each.lead
        missing = [] if lead is None else known.missing(lead.list_id, lead.agent_id, lead.status_code)
        checked.bad.append(_bad(given, chunk, each.number, [*each.found, *missing]))
    checked.rows = kept

"""Leads by the thousand: COPY, and what to do with those that are there already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import asyncpg
import msgspec
from asyncpg import Record
from asyncpg.pool import PoolConnectionProxy

from callfloor.contract.codes import LeadStatus
from callfloor.contract.imports import DuplicatePhoneIn
from callfloor.rules.dialling.callbacks import CallbackFields, Refused
from callfloor.rules.imports.import_rows import BLANK, Row, changed
from callfloor.rules.imports.import_words import PHONES
from callfloor.rules.values.leads import LeadFault
from callfloor.store.db.pool import Database
from callfloor.store.leads import callbacks
from callfloor.store.leads.imports import Choices
from callfloor.store.leads.leads import NewLead

COLUMNS = (
    "organisation_id", "list_id", "uploaded_at", "updated_at", "customer_key", "timezone", "phone1", "phone2", "phone3",
    "next_attempt_at", "status_code", "completed_at", "agent_id", "data", "identifiers", "counted",
)  # fmt: skip
# What `_copied` put there, a list at a time.
COUNT_SQL = """
INSERT INTO list_counts AS c (organisation_id, list_id, shard, leads, dialable, completed)
VALUES ($1, $2, pg_backend_pid() % 64, $3, $4, $5)
ON CONFLICT (organisation_id, list_id, shard) DO UPDATE SET
    leads = c.leads + excluded.leads, dialable = c.dialable + excluded.dialable,
    completed = c.completed + excluded.completed"""
# The newest of several leads with one key, or one phone, is the one that counts.
EXISTING_SQL = """
SELECT DISTINCT ON (l.list_id, l.customer_key) l.list_id, l.customer_key, l.lead_id
FROM leads l
JOIN (SELECT DISTINCT * FROM unnest($2::bigint[], $3::text[])) AS k (list_id, customer_key)
    ON l.list_id = k.list_id AND l.customer_key = k.customer_key
WHERE l.organisation_id = $1
ORDER BY l.list_id, l.customer_key, l.uploaded_at DESC, l.lead_id DESC"""
_BY_PHONE = """
SELECT k.place, k.number, f.lead_id
FROM (SELECT DISTINCT * FROM unnest($2::bigint[], $3::text[])) AS k (place, number)
CROSS JOIN LATERAL (
    SELECT lead_id, uploaded_at FROM (
        SELECT lead_id, uploaded_at, list_id FROM leads WHERE organisation_id = $1 AND phone1 = k.number
        UNION ALL SELECT lead_id, uploaded_at, list_id FROM leads WHERE organisation_id = $1 AND phone2 = k.number
        UNION ALL SELECT lead_id, uploaded_at, list_id FROM leads WHERE organisation_id = $1 AND phone3 = k.number
    ) AS l WHERE {within} ORDER BY uploaded_at DESC, lead_id DESC LIMIT 1
) AS f"""
# What a place is: a list, a campaign, or nothing in particular.
PHONES_IN_LIST_SQL = _BY_PHONE.format(within="l.list_id = k.place")
PHONES_IN_CAMPAIGN_SQL = _BY_PHONE.format(
    within="l.list_id IN (SELECT s.list_id FROM lists s WHERE s.organisation_id = $1 AND s.campaign_id = k.place)"
)
PHONES_IN_ORGANISATION_SQL = _BY_PHONE.format(within="true")
_OF_PHONES: dict[DuplicatePhoneIn, str] = {
    "list": PHONES_IN_LIST_SQL,
    "campaign": PHONES_IN_CAMPAIGN_SQL,
    "organisation": PHONES_IN_ORGANISATION_SQL,
}
CURRENT_SQL = """
SELECT l.*, s.campaign_id FROM leads l
JOIN lists s ON s.organisation_id = l.organisation_id AND s.list_id = l.list_id
WHERE l.organisation_id = $1 AND l.lead_id = ANY($2::bigint[]) ORDER BY l.lead_id FOR NO KEY UPDATE OF l"""
MERGE_SQL = """
UPDATE leads SET customer_key = $3, timezone = $4, phone1 = $5, phone2 = $6, phone3 = $7, next_attempt_at = $8,
    status_code = $9, completed_at = $10, agent_id = $11, data = $12::jsonb, identifiers = $13, updated_at = now()
WHERE organisation_id = $1 AND lead_id = $2"""
_MERGED = (
    "customer_key", "timezone", "phone1", "phone2", "phone3", "next_attempt_at", "status_code", "completed_at",
    "agent_id",
)  # fmt: skip
# What a callback depends on besides itself.
_CONDITIONS = ("phone1", "phone2", "phone3", "timezone")

# A list and a key, or a place and a phone.
Mark = tuple[int, str]


@dataclass(slots=True)
class Target:
    """A lead that rows are about: one that is there, or (`lead_id` None) one that they make."""

    lead_id: int | None
    list_id: int
    rows: list[Row] = field(default_factory=list[Row])


@dataclass(slots=True)
class Settled:
    """Which lead each row is about; rows that are passed over, and rows that say too little to be told."""

    targets: list[Target] = field(default_factory=list[Target])
    skipped: int = 0
    faults: list[tuple[int, LeadFault]] = field(default_factory=list[tuple[int, LeadFault]])


@dataclass(slots=True)
class Merged:
    """Leads as they will be: new ones with their rows' numbers, changes of others, and rows that cannot be done."""

    new: list[tuple[list[int], NewLead]] = field(default_factory=list[tuple[list[int], NewLead]])
    changes: list[tuple[int, dict[str, Any]]] = field(default_factory=list[tuple[int, dict[str, Any]]])
    # leads that are Do Not Call no more
    lifted: list[int] = field(default_factory=list[int])
    # rows that change a lead, or are merged into a new one
    updated: int = 0
    # phones that were left out, because the lead had them already
    duplicate_phones: int = 0
    faults: list[tuple[int, LeadFault]] = field(default_factory=list[tuple[int, LeadFault]])


async def copy(db: Database, leads: Sequence[NewLead]) -> list[int]:
    """Insert leads by COPY, in their order; returns the positions of those that PostgreSQL refuses."""
    if not leads:
        return []
    now = datetime.now(UTC)
    rows = [_row(lead, now) for lead in leads]

    async def work(connection: PoolConnectionProxy[Record]) -> list[int]:
        return await _copied(connection, rows, 0)

    return await db.run(work)


async def _copied(connection: PoolConnectionProxy[Record], rows: list[tuple[object, ...]], first: int) -> list[int]:
    try:
        # a savepoint: what one row spoils is halved until that row is found
        async with connection.transaction():
            await connection.copy_records_to_table("leads", records=rows, columns=list(COLUMNS))
            await connection.executemany(COUNT_SQL, _counts(rows))
    except (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, asyncpg.RaiseError):
        if len(rows) == 1:
            return [first]
        half = len(rows) // 2
        left = await _copied(connection, rows[:half], first)
        return left + await _copied(connection, rows[half:], first + half)
    return []


def _row(lead: NewLead, now: datetime) -> tuple[object, ...]:
    return (
        lead.organisation_id,
        lead.list_id,
        now,
        now,
        lead.customer_key,
        lead.timezone,
        lead.phone1,
        lead.phone2,
        lead.phone3,
        lead.next_attempt_at,
        lead.status_code,
        now if lead.completed or lead.status_code == LeadStatus.COMPLETED else None,
        lead.agent_id,
        bytes(lead.data).decode(),
        lead.identifiers,
        # by `_copied`
        True,
    )


def _counts(rows: Sequence[tuple[object, ...]]) -> list[tuple[object, ...]]:
    """Organisation, list, and how many leads of it there are, may be dialled (`leads.dialable`), and are completed."""
    found: dict[tuple[object, object], list[int]] = {}
    place, phone, status, completed = (
        COLUMNS.index(name) for name in ("list_id", "phone1", "status_code", "completed_at")
    )
    for row in rows:
        counts = found.setdefault((row[0], row[place]), [0, 0, 0])
        counts[0] += 1
        if row[completed] is not None:
            counts[2] += 1
        elif row[status] != LeadStatus.DO_NOT_CALL and any(row[phone : phone + 3]):
            counts[1] += 1
    return [(*which, *counts) for which, counts in sorted(found.items())]


async def settle_duplicates(db: Database, organisation: int, rows: Sequence[Row], choices: Choices) -> Settled:
    """Tell which lead each row is about: by its customerKey in its list, else by one of its phones where it is looked
    for, among those that are there and those of earlier rows.

    With `skip` the first of several rows of one lead counts, with `update` each is merged over the earlier ones.
    """
    known = await _known(db, organisation, rows, choices)
    found = Settled()
    for row in rows:
        key, phones = known.key_of(row), known.phones_of(row)
        target, mode = known.by_key.get(key) if key else None, choices.on_duplicate
        if target is None:
            target, mode = known.of_phones(phones), choices.on_duplicate_phone
        if target is None and choices.on_duplicate == "updateOnly":
            if key is None and not phones:
                found.faults.append((row.number, _UNTOLD))
            else:
                found.skipped += 1
            continue
        if target is not None and mode == "skip":
            found.skipped += 1
            continue
        target = target or Target(None, row.list_id)
        if not target.rows:
            found.targets.append(target)
        target.rows.append(row)
        known.add(target, key, phones)
    return found


_UNTOLD = LeadFault("customerKey", "required", "is required with onDuplicate=updateOnly: which lead is it?")


@dataclass(slots=True)
class _Known:
    """Leads by what they are looked for by."""

    # where the phones of a list's rows are looked for; None: by no phones
    places: Mapping[int, int] | None
    with_keys: bool
    by_key: dict[Mark, Target] = field(default_factory=dict[Mark, Target])
    by_phone: dict[Mark, Target] = field(default_factory=dict[Mark, Target])

    def key_of(self, row: Row) -> Mark | None:
        return (row.list_id, row.key) if self.with_keys and row.key is not None else None

    def phones_of(self, row: Row) -> list[Mark]:
        return [] if self.places is None else [(self.places[row.list_id], phone) for phone in row.phones]

    def of_phones(self, phones: Sequence[Mark]) -> Target | None:
        return next((self.by_phone[phone] for phone in phones if phone in self.by_phone), None)

    def add(self, target: Target, key: Mark | None, phones: Sequence[Mark]) -> None:
        if key is not None:
            self.by_key.setdefault(key, target)
        for phone in phones:
            self.by_phone.setdefault(phone, target)


async def _known(db: Database, organisation: int, rows: Sequence[Row], choices: Choices) -> _Known:
    by_phone = choices.on_duplicate_phone != "insert"
    places = await _places(db, organisation, rows, choices) if by_phone else None
    known = _Known(places, choices.on_duplicate != "insert")
    old: dict[int, Target] = {}
    if known.with_keys:
        for mark, lead_id in (await _known_keys(db, organisation, rows)).items():
            known.by_key[mark] = old.setdefault(lead_id, Target(lead_id, 0))
    phones = {mark for row in rows for mark in known.phones_of(row)}
    for mark, lead_id in (await _known_phones(db, organisation, list(phones), choices)).items():
        known.by_phone[mark] = old.setdefault(lead_id, Target(lead_id, 0))
    return known


async def _known_keys(db: Database, organisation: int, rows: Sequence[Row]) -> dict[Mark, int]:
    keyed = [(row.list_id, row.key) for row in rows if row.key is not None]
    found = await db.fetch(EXISTING_SQL, organisation, [k[0] for k in keyed], [k[1] for k in keyed])
    return {(row["list_id"], row["customer_key"]): row["lead_id"] for row in found}


async def _places(db: Database, organisation: int, rows: Sequence[Row], choices: Choices) -> Mapping[int, int]:
    """Where the phones of a list's rows are looked for."""
    lists = {row.list_id for row in rows}
    if choices.duplicate_phone_in == "list":
        return {each: each for each in lists}
    if choices.duplicate_phone_in == "organisation":
        return dict.fromkeys(lists, 0)
    return await callbacks.campaigns_of(db, organisation, lists)


async def _known_phones(db: Database, organisation: int, marks: Sequence[Mark], choices: Choices) -> dict[Mark, int]:
    if not marks:
        return {}
    sql = _OF_PHONES[choices.duplicate_phone_in]
    found = await db.fetch(sql, organisation, [mark[0] for mark in marks], [mark[1] for mark in marks])
    return {(row["place"], row["number"]): row["lead_id"] for row in found}


async def merge(
    db: Database, organisation: int, country: str, settled: Settled, choices: Choices, now: datetime
) -> Merged:
    """What becomes of each lead, row by row; leads that are there are locked. A row that its lead does not allow is
    refused alone, a callback that would not be kept with all rows of its lead."""
    rows = [row for target in settled.targets for row in target.rows]
    agents = {row.change.agent_id for row in rows if isinstance(row.change.agent_id, int)}
    # before any lead is locked, as it is where agents are changed
    active = await callbacks.members(db, organisation, agents)
    ids = sorted(target.lead_id for target in settled.targets if target.lead_id is not None)
    current: dict[int, dict[str, Any]] = {
        row["lead_id"]: dict(row) | {"data": msgspec.json.decode(row["data"])}
        for row in (await db.fetch(CURRENT_SQL, organisation, ids) if ids else ())
    }
    found = Merged()
    states: list[tuple[Target, dict[str, Any], list[int]]] = []
    for target in settled.targets:
        before = BLANK if target.lead_id is None else current.get(target.lead_id)
        if before is None:
            gone = LeadFault("customerKey", "gone", "its lead was deleted in this moment; send the row again")
            found.faults += [(row.number, gone) for row in target.rows]
            continue
        state, done = dict(before), list[int]()
        for row in target.rows:
            try:
                state = changed(state, row, country, now, may_lift=choices.lift_do_not_call)
                done.append(row.number)
                # one that the lead has in another field
                found.duplicate_phones += sum(row.columns[each] is not None and state[each] is None for each in PHONES)
            except LeadFault as fault:
                found.faults.append((row.number, fault))
        if done:
            states.append((target, state, done))
    refused = await _refused(db, organisation, [(t, current.get(t.lead_id or 0), s) for t, s, _ in states], active, now)
    for (target, state, done), why in zip(states, refused, strict=True):
        if why is not None:
            found.faults += [(number, LeadFault(why.field, why.reason, why.detail)) for number in done]
        elif target.lead_id is None:
            found.new.append((done, _new(organisation, target.list_id, state)))
            found.updated += len(done) - 1
        else:
            found.changes.append((target.lead_id, state))
            found.updated += len(done)
            if current[target.lead_id]["status_code"] == LeadStatus.DO_NOT_CALL != state["status_code"]:
                found.lifted.append(target.lead_id)
    return found


def _new(organisation: int, list_id: int, state: Mapping[str, Any]) -> NewLead:
    return NewLead(
        organisation_id=organisation,
        list_id=list_id,
        data=msgspec.Raw(msgspec.json.encode(state["data"])),
        completed=state["completed_at"] is not None,
        identifiers=state["identifiers"],
        **{name: state[name] for name in _MERGED if name != "completed_at"},
    )


async def _refused(
    db: Database,
    organisation: int,
    states: Sequence[tuple[Target, Mapping[str, Any] | None, Mapping[str, Any]]],
    active: frozenset[tuple[int, int]],
    now: datetime,
) -> list[Refused | None]:
    """Why the callback of each lead would not be kept; None: it has none that is new, or it will be."""
    found: list[Refused | None] = [None] * len(states)
    of_list = await callbacks.campaigns_of(db, organisation, {t.list_id for t, before, _ in states if before is None})
    wished: list[tuple[int, callbacks.ProposedCallback]] = []
    for position, (target, before, after) in enumerate(states):
        asked = CallbackFields(after["agent_id"], after["next_attempt_at"], after["status_code"])
        if not asked.callback:
            continue
        if before is None:
            facts = callbacks.facts_of(asked, (after["phone1"], after["phone2"], after["phone3"]), after["timezone"])
            wished.append((position, callbacks.ProposedCallback(of_list[target.list_id], facts)))
            continue
        was = CallbackFields(before["agent_id"], before["next_attempt_at"], before["status_code"])
        if asked != was or any(after[name] != before[name] for name in _CONDITIONS):
            facts = callbacks.facts_of_row(before, after)
            lifts = was.status_code == LeadStatus.DO_NOT_CALL != asked.status_code
            wished.append((position, callbacks.ProposedCallback(before["campaign_id"], facts, target.lead_id, lifts)))
    if wished:
        kept = {each.lead.callback_agent_id for _, each in wished if each.lead.callback_agent_id is not None}
        active |= await callbacks.members(db, organisation, kept, hold=False)
        why = await callbacks.refusals(db, organisation, [each for _, each in wished], active, now)
        for (position, _), each in zip(wished, why, strict=True):
            found[position] = each
    return found


async def apply_changes(db: Database, organisation: int, changes: Sequence[tuple[int, Mapping[str, Any]]]) -> None:
    """Write leads as they will be."""
    if not changes:
        return
    arguments = [
        (
            organisation,
            lead_id,
            *(state[name] for name in _MERGED),
            msgspec.json.encode(state["data"]).decode(),
            state["identifiers"],
        )
        for lead_id, state in changes
    ]

    async def work(connection: PoolConnectionProxy[Record]) -> None:
        await connection.executemany(MERGE_SQL, arguments)

    await db.run(work)

"""Evidence in the database: written with attempts, sealed in order, signed by day, and emptied by an erasure."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from callfloor.contract.codes import DialStatus
from callfloor.jobs.evidence import BATCH, LAG, seal
from callfloor.rules.evidence.evidence import EvidenceRow, canonical, record
from callfloor.rules.evidence.evidence_file import CheckedEvidence, EvidenceError, EvidenceFile, check
from callfloor.rules.evidence.packing import pack
from callfloor.store.calls import attempts, evidence
from callfloor.store.calls.attempts import Ended, NewAttempt
from callfloor.store.db.pool import Database
from callfloor.store.privacy import keys
from callfloor.store.setup import organisations
from tests.conftest import Centre

# far from the present, so that the days of these tests are over
T0 = datetime(2026, 6, 1, 3, 0, tzinfo=UTC)
DAY = timedelta(days=1)
NUMBER = "+61491570156"
attempt_ids = iter(range(10**9, 2 * 10**9))


def row(attempt_id: int, number: str = NUMBER, **public: Any) -> EvidenceRow:
    return record(attempt_id, {"mode": "predictive", **public}, {"number": number}, {"number": secrets.token_bytes(16)})


async def write(db: Database, organisation: int, at: datetime, count: int = 1) -> list[int]:
    ids = [next(attempt_ids) for _ in range(count)]
    # the order of a batch means nothing
    await evidence.insert(db, organisation, [row(number) for number in reversed(ids)], at)
    return ids


async def seal_all(db: Database, at: datetime) -> None:
    while await seal(db, at):
        pass


async def positions(db: Database, organisation: int) -> list[tuple[int, int | None]]:
    rows = await db.fetch(
        "SELECT attempt_id, position FROM evidence WHERE organisation_id = $1 ORDER BY position, attempt_id",
        organisation,
    )
    return [(each["attempt_id"], each["position"]) for each in rows]


async def days(db: Database, organisation: int) -> list[tuple[date, int, int]]:
    rows = await db.fetch("SELECT * FROM evidence_days WHERE organisation_id = $1 ORDER BY day", organisation)
    return [(each["day"], each["first"], each["last"]) for each in rows]


async def exported(
    db: Database, organisation: int, first: date | None = None, last: date | None = None
) -> CheckedEvidence:
    """What the check of an export says, with the organisation's own key."""
    writer = EvidenceFile("One", (await keys.current(db, organisation, "signing")).secret)
    lines = [line async for line in evidence.lines(db, organisation, writer, first, last, T0)]
    return check(lines, await keys.public(db, organisation))


async def test_records_are_sealed_in_the_order_in_which_they_were_dialled(db: Database, centre: Centre) -> None:
    org = centre.organisation
    later = await write(db, org, T0 + timedelta(seconds=2), 2)
    first = await write(db, org, T0, 3)
    await seal_all(db, T0 + LAG)
    assert await positions(db, org) == [(number, None) for number in sorted([*first, *later])]
    await seal_all(db, T0 + timedelta(seconds=1) + LAG)
    assert [number for number, place in await positions(db, org) if place is not None] == first
    await seal_all(db, T0 + timedelta(seconds=3) + LAG)
    assert await positions(db, org) == list(zip([*first, *later], range(1, 6), strict=True))
    found = await exported(db, org)
    assert (found.records, found.days, found.unsigned, found.late) == (5, 0, 5, 0)


async def test_a_record_that_comes_late_is_sealed_where_the_chain_stands(db: Database, centre: Centre) -> None:
    org = centre.organisation
    (first,) = await write(db, org, T0)
    await seal_all(db, T0 + timedelta(minutes=1))
    (late,) = await write(db, org, T0 - timedelta(seconds=1))
    await seal_all(db, T0 + timedelta(minutes=1))
    assert await positions(db, org) == [(first, 1), (late, 2)]
    assert (await exported(db, org)).late == 1


async def test_a_day_is_signed_when_it_is_over_and_a_quiet_day_is_not(db: Database, centre: Centre) -> None:
    org = centre.organisation
    midnight = datetime(2026, 6, 2, tzinfo=UTC)
    await write(db, org, T0, 2)
    await write(db, org, midnight - timedelta(microseconds=1))
    await write(db, org, midnight)
    await seal_all(db, midnight + LAG - timedelta(microseconds=1))
    assert await days(db, org) == []
    await seal_all(db, midnight + LAG)
    assert await days(db, org) == [(date(2026, 6, 1), 1, 3)]
    await write(db, org, midnight + 3 * DAY)
    await seal_all(db, midnight + 5 * DAY)
    assert await days(db, org) == [(date(2026, 6, 1), 1, 3), (date(2026, 6, 2), 4, 4), (date(2026, 6, 5), 5, 5)]
    found = await exported(db, org)
    assert (found.records, found.days, found.unsigned) == (5, 3, 0)


async def test_a_record_of_a_signed_day_belongs_to_the_next(db: Database, centre: Centre) -> None:
    org = centre.organisation
    await write(db, org, T0)
    await seal_all(db, T0 + DAY)
    await write(db, org, T0 + timedelta(minutes=1))
    await seal_all(db, T0 + DAY)
    assert await days(db, org) == [(date(2026, 6, 1), 1, 1)]
    await seal_all(db, T0 + 2 * DAY)
    assert await days(db, org) == [(date(2026, 6, 1), 1, 1), (date(2026, 6, 2), 2, 2)]
    assert (await exported(db, org)).days == 2


async def test_a_clock_that_ran_ahead_does_not_stop_the_signing(db: Database, centre: Centre) -> None:
    org = centre.organisation
    ahead = T0 + 400 * DAY
    await write(db, org, T0)
    await write(db, org, ahead)
    await seal_all(db, ahead + LAG + timedelta(seconds=1))
    await write(db, org, T0 + timedelta(hours=1))
    await seal_all(db, T0 + 2 * DAY)
    await seal_all(db, T0 + 3 * DAY)
    assert await days(db, org) == [(date(2026, 6, 1), 1, 1), (date(2026, 6, 2), 2, 3)]
    assert (await exported(db, org)).late == 1


async def test_more_than_a_batch_is_sealed_in_turns(db: Database, centre: Centre, other_centre: Centre) -> None:
    ids = await write(db, centre.organisation, T0, BATCH + 1)
    (other,) = await write(db, other_centre.organisation, T0)
    assert await seal(db, T0 + timedelta(minutes=1))
    # nobody waits until the first has everything
    assert await positions(db, other_centre.organisation) == [(other, 1)]
    await seal_all(db, T0 + timedelta(minutes=1))
    assert await positions(db, centre.organisation) == list(zip(ids, range(1, BATCH + 2), strict=True))
    assert (await exported(db, centre.organisation)).records == BATCH + 1


async def test_many_processes_seal_one_chain(db: Database, centre: Centre) -> None:
    org = centre.organisation
    for second in range(20):
        await write(db, org, T0 + timedelta(seconds=second), 20)
    ends = [T0 + LAG + timedelta(seconds=second) for second in range(1, 21)]
    await asyncio.gather(*(seal(db, end) for end in [*ends, *ends]))
    await seal_all(db, ends[-1])
    assert [place for _, place in await positions(db, org)] == list(range(1, 401))
    assert (await exported(db, org)).records == 400


async def test_an_organisation_that_somebody_else_seals_is_passed_over(db: Database, dsn: str, centre: Centre) -> None:
    (number,) = await write(db, centre.organisation, T0)
    other = await Database.connect(dsn, size=2)
    try:
        async with other.transaction():
            assert await evidence.try_lock(other, centre.organisation)
            assert not await evidence.try_lock(db, centre.organisation)
            await seal(db, T0 + timedelta(minutes=1))
            assert await positions(db, centre.organisation) == [(number, None)]
    finally:
        await other.close()
    await seal_all(db, T0 + timedelta(minutes=1))
    assert await positions(db, centre.organisation) == [(number, 1)]


async def test_chains_of_two_organisations_have_nothing_to_do_with_each_other(
    db: Database, centre: Centre, other_centre: Centre
) -> None:
    for each in (centre, other_centre, centre):
        await write(db, each.organisation, T0, 2)
    await seal_all(db, T0 + DAY)
    assert (await exported(db, centre.organisation)).records == 4
    assert (await exported(db, other_centre.organisation)).records == 2


async def test_some_days_can_be_checked_alone(db: Database, centre: Centre) -> None:
    org = centre.organisation
    for number in range(5):
        await write(db, org, T0 + number * DAY, number + 1)
    await seal_all(db, T0 + 4 * DAY + timedelta(hours=1))
    assert len(await days(db, org)) == 4
    wanted: Sequence[tuple[date | None, date | None, tuple[int, int, int, int]]] = [
        (None, None, (1, 15, 4, 5)),
        (date(2026, 6, 2), date(2026, 6, 3), (2, 5, 2, 0)),
        (None, date(2026, 6, 4), (1, 10, 4, 0)),
        (date(2026, 6, 4), None, (7, 9, 1, 5)),
        (date(2026, 6, 5), date(2026, 6, 5), (11, 5, 0, 5)),
        (None, date(2026, 5, 1), (1, 0, 0, 0)),
        (date(2026, 6, 3), date(2026, 6, 3), (4, 3, 1, 0)),
    ]
    for first, last, expected in wanted:
        found = await exported(db, org, first, last)
        assert (found.header.first, found.records, found.days, found.unsigned) == expected, (first, last)


async def test_what_is_changed_or_taken_away_in_the_database_is_found(db: Database, centre: Centre) -> None:
    org = centre.organisation
    ids = await write(db, org, T0, 6)
    await seal_all(db, T0 + DAY)
    for sql in (
        f"""UPDATE evidence SET packed = '\\x{pack('{"mode":"preview"}').hex()}'
           WHERE organisation_id = $1 AND attempt_id = $2""",
        "UPDATE evidence SET packed = packed || 'x' WHERE organisation_id = $1 AND attempt_id = $2",
        "UPDATE evidence SET packed = '' WHERE organisation_id = $1 AND attempt_id = $2",
        "UPDATE evidence SET dialled_at = dialled_at - interval '1 us' WHERE organisation_id = $1 AND attempt_id = $2",
        "UPDATE evidence SET hash = previous_hash WHERE organisation_id = $1 AND attempt_id = $2",
        """UPDATE evidence SET personal = jsonb_set(personal, '{number,value}', '"+61491570157"')
           WHERE organisation_id = $1 AND attempt_id = $2""",
        "DELETE FROM evidence WHERE organisation_id = $1 AND attempt_id = $2",
    ):
        for attempt_id, line in ((ids[3], 5), (ids[5], 7)):
            with pytest.raises(EvidenceError) as caught:
                await changed(db, org, sql, attempt_id)
            # the last record is missed by the signature of its day, in its line
            assert caught.value.line == line
    assert (await exported(db, org)).records == 6
    # nothing takes the place of records that were deleted
    await db.execute("DELETE FROM evidence WHERE organisation_id = $1", org)
    await write(db, org, T0 + DAY)
    await seal_all(db, T0 + DAY + timedelta(minutes=1))
    assert [place for _, place in await positions(db, org)] == [7]


async def changed(db: Database, organisation: int, sql: str, attempt_id: int) -> None:
    async with db.transaction():
        await db.execute(sql, organisation, attempt_id)
        # what it raises undoes the change
        await exported(db, organisation)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(
    facts=st.dictionaries(
        st.text(st.characters(exclude_characters="\0", codec="utf-8")),
        st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.booleans() | st.none()
        | st.text(st.characters(exclude_characters="\0", codec="utf-8"))
        | st.sampled_from([1e308, 5e-324, -0.0, 1e16, 10**400, 0.1 + 0.2]),
        max_size=6,
    ).filter(lambda facts: "commitments" not in facts)
)  # fmt: skip
async def test_the_way_through_the_database_changes_no_fact(db: Database, facts: dict[str, Any]) -> None:
    org = await organisations.create(db, f"Centre {secrets.token_hex(6)}", "Australia/Sydney", "AU")
    # whoever has attempts has one
    await db.execute(
        "INSERT INTO campaigns (organisation_id, name, direction, timezone) VALUES ($1, 'Out', 'outbound', 'UTC')", org
    )
    number = next(attempt_ids)
    await evidence.insert(db, org, [record(number, facts, {}, {})], T0)
    await seal_all(db, T0 + timedelta(minutes=1))
    assert (await exported(db, org)).records == 1
    ((sealed, personal),) = [each async for each in evidence.records(db, org, await evidence.span(db, org, None, None))]
    kept = sealed.record.public
    assert kept.pop("commitments") == {}
    assert canonical(kept) == canonical(facts)
    assert personal == {}


async def test_records_of_before_they_were_packed_are_sealed_with_the_others(db: Database, centre: Centre) -> None:
    org = centre.organisation
    old = row(next(attempt_ids))
    await db.execute(
        "INSERT INTO evidence (organisation_id, attempt_id, dialled_at, public, personal)"
        " VALUES ($1, $2, $3, $4::jsonb, $5::jsonb)",
        *(org, old.attempt_id, T0, old.public, old.personal),
    )
    await write(db, org, T0 + timedelta(seconds=1))
    await seal_all(db, T0 + DAY)
    assert (await exported(db, org)).records == 2
    both = [sealed async for sealed, _ in evidence.records(db, org, await evidence.span(db, org, None, None))]
    assert [each.record.public["mode"] for each in both] == ["predictive", "predictive"]


# With attempts, and erasure.


async def dial(db: Database, centre: Centre, number: str, at: datetime) -> int:
    """A call and its evidence in one transaction, as the dialler writes them; then the call ends."""
    org = centre.organisation
    lead = await db.fetchval(
        "INSERT INTO leads (organisation_id, list_id, phone1) VALUES ($1, $2, $3) RETURNING lead_id",
        org,
        centre.list_id,
        number,
    )
    async with db.transaction():
        new = NewAttempt(centre.outbound, lead, 1, number, "predictive")
        (started,) = await attempts.start(db, org, [new], at)
        assert started is not None
        await evidence.insert(db, org, [row(started.attempt_id, number, leadId=lead)], at)
    assert await attempts.finish(db, org, started.attempt_id, Ended(DialStatus.NO_ANSWER), at + timedelta(seconds=20))
    return started.attempt_id


async def test_an_attempt_that_is_not_committed_leaves_no_evidence(db: Database, centre: Centre) -> None:
    with pytest.raises(asyncpg.UniqueViolationError):
        await written_twice(db, centre.organisation)
    assert await positions(db, centre.organisation) == []


async def written_twice(db: Database, organisation: int) -> None:
    async with db.transaction():
        (number,) = await write(db, organisation, T0)
        await evidence.insert(db, organisation, [row(number)], T0)


async def test_an_erasure_empties_the_personal_fields_and_nothing_else(db: Database, centre: Centre) -> None:
    org, erased, kept = centre.organisation, "+61491570157", "+61491570158"
    ids = [await dial(db, centre, number, T0) for number in (erased, kept, erased)]
    await seal_all(db, T0 + DAY)
    # one that is not sealed yet
    ids.append(await dial(db, centre, erased, T0 + DAY))
    sql = "SELECT * FROM evidence WHERE organisation_id = $1 ORDER BY attempt_id"
    before = await db.fetch(sql, org)
    answer = await centre.client.delete("/customer", params={"phoneNumber": erased, "dryRun": "true"})
    assert answer.status_code == 200, answer.text
    assert await db.fetch(sql, org) == before
    answer = await centre.client.delete("/customer", params={"phoneNumber": erased})
    assert answer.status_code == 200, answer.text
    after = await db.fetch(sql, org)
    assert [each["attempt_id"] for each in after if each["personal"] == "{}"] == [ids[0], ids[2], ids[3]]
    assert json.loads(after[1]["personal"])["number"]["value"] == kept
    rest = [name for name in before[0].keys() if name != "personal"]  # noqa: SIM118 - a record yields values
    assert [[each[name] for name in rest] for each in after] == [[each[name] for name in rest] for each in before]
    assert not any(erased.removeprefix("+61") in str(dict(each)) for each in after)
    await seal_all(db, T0 + 2 * DAY)
    found = await exported(db, org)
    assert (found.records, found.erased, found.days) == (4, 3, 2)


async def test_sealing_and_erasing_at_once_lose_nothing(db: Database, centre: Centre) -> None:
    numbers = [f"+6125550{3000 + number}" for number in range(12)]
    for second, number in enumerate(numbers * 2):
        await dial(db, centre, number, T0 + timedelta(seconds=second))

    async def erase(number: str) -> int:
        return (await centre.client.delete("/customer", params={"phoneNumber": number})).status_code

    seals = [seal(db, T0 + LAG + timedelta(seconds=second)) for second in range(1, 25)]
    answers = await asyncio.gather(*map(erase, numbers), *seals)
    assert answers[: len(numbers)] == [200] * len(numbers)
    await seal_all(db, T0 + DAY)
    found = await exported(db, centre.organisation)
    assert (found.records, found.erased) == (24, 24)


# Tables and statements.


async def test_evidence_has_a_partition_for_every_month_that_attempts_have(db: Database) -> None:
    months = await db.fetch(
        "SELECT substr(relname, strpos(relname, '_')) AS month, count(*) FROM pg_class"
        " WHERE relkind = 'r' AND relname ~ '^(attempts|evidence)_(\\d{4}_\\d\\d|default)$' GROUP BY 1"
    )
    assert len(months) >= 5
    assert {each["count"] for each in months} == {2}


async def test_the_statements_that_run_often_walk_indexes_of_the_months_that_they_need(dsn: str) -> None:
    now = datetime.now(UTC)
    # tables this small would be read whole
    plain: dict[str, str] = dict.fromkeys(
        ("enable_seqscan", "enable_bitmapscan", "enable_hashjoin", "enable_mergejoin"), "off"
    )
    connection = await asyncpg.connect(dsn, server_settings=plain)
    try:
        for sql, arguments in (
            (evidence.UNSEALED_SQL, (1, now, BATCH)),
            (evidence.SEAL_SQL, (1, [1], [now], [1], [b""], [b""], now, now)),
            (evidence.END_SQL, (1,)),
            (evidence.RECORDS_SQL, (1, 5, 9, 100)),
            (evidence.FIRST_AT_SQL, (1, 5, now)),
        ):
            rows = await connection.fetch(f"EXPLAIN (COSTS OFF) {sql}", *arguments)
            plan = "\n".join(each[0] for each in rows)
            assert f"evidence_{now:%Y_%m}" in plan
            assert "Seq Scan" not in plan, plan
            if sql in (evidence.UNSEALED_SQL, evidence.SEAL_SQL):
                # the months ahead are not even opened
                assert f"evidence_{now + 62 * DAY:%Y_%m}" not in plan, plan
    finally:
        await connection.close()


async def test_a_long_backlog_is_not_sorted_for_every_batch(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        async with connection.transaction():
            await connection.execute(evidence.BY_INDEX_SQL)
            rows = await connection.fetch(f"EXPLAIN (COSTS OFF) {evidence.UNSEALED_SQL}", 1, datetime.now(UTC), BATCH)
        plan = "\n".join(each[0] for each in rows)
        assert "Merge Append" in plan
        assert "->  Sort" not in plan, plan
    finally:
        await connection.close()

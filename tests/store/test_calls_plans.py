"""Pages of activities and attempts walk an index that fits their filters, and leave newer partitions out."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from itertools import combinations

import asyncpg
import pytest

from callfloor.store.calls import activities, attempts
from callfloor.store.db.paging import SIZES
from tests.databases import Databases

OLD = datetime.now(UTC) - timedelta(days=20)
VALUES: dict[str, object] = {
    "campaign_id": 3,
    "type": "call.inbound",
    "lead_id": 7,
    "created_from": OLD - timedelta(days=5),
    "created_to": OLD,
    "contact": "+61491570156",
    "phone_number": "+61491570156",
    "agent_id": 4,
    "wrap_code": 5,
    "ended_status": 3,
    "dialled_from": OLD - timedelta(days=5),
    "dialled_to": OLD,
}
# columns that the index must find directly; others may be looked at row by row, where few rows are left
FOUND = {"campaign_id": "campaign_id = ", "type": "type = ", "lead_id": "lead_id = "}
ACTIVITY_FILTERS = (
    "campaign_id", "type", "lead_id", "contact", "agent_id", "wrap_code", "created_from", "created_to",
)  # fmt: skip
ATTEMPT_FILTERS = ("campaign_id", "lead_id", "phone_number", "ended_status", "dialled_from", "dialled_to")
# few rows have these: one of them leads, and the rest is looked at row by row
FEW = {
    "contact": "contact = ",
    "phone_number": "phone_number = ",
    "agent_id": "agent_id = ",
    "wrap_code": "wrap_code = ",
    "ended_status": "dial_status = ",
}
CASES = [
    (table, chosen)
    for table, names in (("activities", ACTIVITY_FILTERS), ("attempts", ATTEMPT_FILTERS))
    for size in range(3)
    for chosen in combinations(names, size)
]


@pytest.fixture(scope="module")
async def empty(dsn: str, databases: Databases) -> AsyncIterator[str]:
    """A migrated database of which nothing is known: what other tests leave in theirs changes its plans."""
    async with databases.fresh(dsn) as url:
        yield url


@pytest.mark.parametrize(("table", "chosen"), CASES)
async def test_a_page_behind_a_cursor_walks_an_index_of_the_partitions_that_are_left(
    empty: str, table: str, chosen: tuple[str, ...]
) -> None:
    make: Callable[..., str] = activities.activity_page_sql if table == "activities" else attempts.attempt_page_sql
    sql = make(frozenset(chosen), SIZES[-1], after=True)
    names = ACTIVITY_FILTERS if table == "activities" else ATTEMPT_FILTERS
    arguments = [1, 100, *(VALUES[name] for name in names if name in chosen), OLD, 10**9]
    # tables this small would be read whole
    plain = dict.fromkeys(("enable_seqscan", "enable_sort", "enable_bitmapscan"), "off")
    connection = await asyncpg.connect(empty, server_settings=plain)
    try:
        rows = await connection.fetch(f"EXPLAIN (COSTS OFF) {sql}", *arguments)
    finally:
        await connection.close()
    plan = [row[0].strip() for row in rows]
    order = "created_at" if table == "activities" else "dialled_at"
    scans = [line for line in plan if " on " + table in line]
    assert scans
    assert all(line.startswith("->  Index Scan Backward using") for line in scans), "\n".join(plan)
    months = [month for line in scans for month in re.findall(rf" on {table}_(\d{{4}}_\d\d) ", line)]
    assert f"{OLD:%Y_%m}" in months
    # the months ahead of the cursor, up to three, are not even opened
    assert max(months) == f"{OLD:%Y_%m}"
    conditions = [line for line in plan if line.startswith("Index Cond") and f"{order} <= " in line]
    equal = [FOUND[name] for name in chosen if name in FOUND]
    if "lead_id" in chosen:
        equal = [FOUND["lead_id"]]
    few = [FEW[name] for name in chosen if name in FEW]
    assert len(conditions) == len(scans), "\n".join(plan)
    for scan, condition in zip(scans, conditions, strict=True):
        # the default partition is empty, and any index of it will do
        if f"{table}_default" not in scan:
            by_few = any(text in condition for text in few)
            assert by_few or (all(text in condition for text in equal) and equal) or not chosen or not (few or equal), (
                "\n".join(plan)
            )

"""Keyset pages: a fixed statement for each set of filters, so that each is planned for its own index.

How many rows are wanted stands in the statement as a number, of a few sizes: as a parameter the planner would take it
for a tenth of all rows, and from the sixth time on sort a table rather than walk its index.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

# How many rows a statement may be for: pages of 10, 25, 50 and so on, and the row that says that there are more.
SIZES = (11, 26, 51, 101, 201, 501, 1001)


def size_for(count: int) -> int:
    """The size of the statement that has so many rows. Whoever wants more than a page of an API has one of its own."""
    return next((size for size in SIZES if size >= count), count)


@dataclass(frozen=True, slots=True)
class Filter:
    """A condition with one parameter: `{}` stands for it."""

    condition: str
    sql_type: str


def page_sql(
    table: str,
    order: tuple[str, str],
    filters: Sequence[Filter],
    size: int,
    *,
    after: bool,
) -> str:
    """The first rows of one organisation ($1), newest first. `size`: of `size_for`. $2 is left to whoever wants fewer.

    Parameters from $3: one a filter, then, with `after`, the sort time and id of the last row shown.
    The bound on the time lets PostgreSQL skip whole partitions. Rows of that very time are told apart by what is not:
    a second bound would be taken for as selective as the first, and the few rows that then seem to be left be sorted.
    """
    at, row_id = order
    conditions = ["organisation_id = $1"]
    number = 3
    for each in filters:
        conditions.append(each.condition.format(f"${number}::{each.sql_type}"))
        number += 1
    if after:
        conditions.append(f"{at} <= ${number}::timestamptz")
        conditions.append(f"NOT ({at} = ${number}::timestamptz AND {row_id} >= ${number + 1}::bigint)")
    return f"SELECT * FROM {table} WHERE {' AND '.join(conditions)} ORDER BY {at} DESC, {row_id} DESC LIMIT {size}"

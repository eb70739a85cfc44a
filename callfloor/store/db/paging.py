"""Keyset pages: a fixed statement for each set of filters, so that each is planned for its own index."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Filter:
    """A condition with one parameter: `{}` stands for it."""

    condition: str
    sql_type: str


def page_sql(
    table: str,
    order: tuple[str, str],
    filters: Sequence[Filter],
    *,
    after: bool,
) -> str:
    """Rows of one organisation ($1), newest first, at most $2.

    Parameters from $3: one a filter, then, with `after`, the sort time and id of the last row shown.
    The bound on the time alone lets PostgreSQL skip whole partitions; the row comparison is exact.
    """
    at, row_id = order
    conditions = ["organisation_id = $1"]
    number = 3
    for each in filters:
        conditions.append(each.condition.format(f"${number}::{each.sql_type}"))
        number += 1
    if after:
        conditions.append(f"{at} <= ${number}::timestamptz")
        conditions.append(f"({at}, {row_id}) < (${number}::timestamptz, ${number + 1}::bigint)")
    return f"SELECT * FROM {table} WHERE {' AND '.join(conditions)} ORDER BY {at} DESC, {row_id} DESC LIMIT $2"

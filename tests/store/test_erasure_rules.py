"""Every column that can hold a text has its rule of erasure, and the documentation says which."""

from __future__ import annotations

from pathlib import Path

import callfloor
from callfloor.store.db.pool import Database
from callfloor.store.privacy.erasure_rules import CLOSED, columns, document

DOCUMENT = Path(callfloor.__file__).parent.parent / "docs" / "erasure.md"
COLUMNS = """
SELECT c.relname AS table, a.attname AS column FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid
JOIN pg_type t ON t.oid = a.atttypid
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
    AND a.attnum > 0 AND NOT a.attisdropped
    -- text, jsonb, bytea, arrays, and whatever else is of no fixed size
    AND (t.typlen = -1 OR t.typtype NOT IN ('b', 'e')) AND t.typname <> 'numeric'"""


async def test_every_column_that_can_hold_a_text_has_a_rule(db: Database) -> None:
    there = {(row["table"], row["column"]) for row in await db.fetch(COLUMNS)}
    ruled = list(columns())
    assert len(ruled) == len(set(ruled)), "a column has one rule"
    without = {(table, name) for table, name in there - set(ruled) if name not in CLOSED}
    assert without == set(), "say in store/privacy/erasure_rules.py what an erasure does with these columns"
    assert set(ruled) - there == set(), "these columns are gone"


def test_the_documentation_has_the_table() -> None:
    assert document() in DOCUMENT.read_text(), f"docs/erasure.md is to hold:\n\n{document()}"

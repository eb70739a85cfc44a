"""Lists that people read: a table with a head. Programs ask for JSON."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Sequence

# A pipe has no width of its own.
WIDTH = 100


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, folded: Collection[str]) -> None:
    """Print the rows under the names of their columns. `folded`: columns whose long texts go on in the next line; the
    others are never cut."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for name in columns:
        table.add_column(name, no_wrap=name not in folded, overflow="fold")
    for row in rows:
        table.add_row(*(Text(str(cell)) for cell in row))
    Console(width=None if sys.stdout.isatty() else WIDTH).print(table)

"""`python -m bench [ROW …] [--size N]`: run rows and print their results as Markdown table rows."""

from __future__ import annotations

import argparse
import sys

from bench import (
    console,
    dialling,
    explain,
    history,
    hostile,
    idle,
    imports,
    inbound,
    mail,
    media,
    pages,
    partitions,
    reports,
    requests,
    routing,
    saturation,
    scale,
    telephones,
    walls,
    watchers,
)
from bench.floor import ToolMissing

ROWS = {
    "requests": (requests.run, 20_000),
    "imports": (imports.run, 1_000_000),
    "pages": (pages.run, 1_000_000),
    "explain": (explain.run, 1_000_000),
    "history": (history.run, 1_000_000),
    "reports": (reports.run, 1_000_000),
    "media": (media.run, 1),
    "console": (console.run, console.CALLS),
    "dialling": (dialling.run, 500),
    "inbound": (inbound.run, 500),
    "hostile": (hostile.run, 1),
    "mail": (mail.run, 100),
    "routing": (routing.run, 500),
    "scale": (scale.run, 200),
    "saturation": (saturation.run, 8),
    "partitions": (partitions.run, 1_000_000),
    "callers": (scale.run_callers, 100),
    "idle": (idle.run, 60),
    "telephones": (telephones.run, 50),
    "walls": (walls.run, 20_000),
    "watchers": (watchers.run, 500),
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"some of {', '.join(ROWS)}; default: all")
    parser.add_argument("--size", type=int, help="leads, activities or rows to make (each row has its own default)")
    given = parser.parse_args()
    unknown = [row for row in given.rows if row not in ROWS]
    if unknown:
        parser.error(f"unknown row {unknown[0]}: choose from {', '.join(ROWS)}")
    for name in given.rows or ROWS:
        run, size = ROWS[name]
        try:
            run(given.size or size)
        except ToolMissing as error:
            print(f"{name}: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""How far a test goes: one of each kind in `make test`, and what is more of the same kind in `make test-long`.

A test that is only breadth bears the mark `long`; one that draws examples asks here how many.
"""

from __future__ import annotations

import os

LONG = "CALLFLOOR_TEST_LONG" in os.environ


def examples(usual: int, *, long: int) -> int:
    """How many examples of a property are tried."""
    return long if LONG else usual

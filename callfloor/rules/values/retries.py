"""How long what could not be sent or made waits before it is tried again. Pure."""

from __future__ import annotations

from datetime import timedelta

FIRST_REST = timedelta(minutes=1)
LONGEST_REST = timedelta(hours=4)


def rest_after(tries: int) -> timedelta:
    """After that many tries: a minute, then twice as long each time, up to four hours."""
    return min(FIRST_REST * 2 ** min(tries - 1, 20), LONGEST_REST)

"""What to say of a name that is not known."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

MOST_SHOWN = 20


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that `name` was probably meant to be; None when none is near. Case does not count."""
    by_lower = {each.lower(): each for each in known}
    near = difflib.get_close_matches(name[:200].lower(), list(by_lower), n=1)
    return by_lower[near[0]] if near else None


def unknown(name: str, known: Iterable[str]) -> str:
    """`is not known; did you mean …?` with the nearest of `known`, else with the known ones."""
    names = list(known)
    near = nearest(name, names)
    if near is not None:
        return f"is not known; did you mean {near}?"
    if not names:
        return "is not known; there are none"
    more = f" and {len(names) - MOST_SHOWN} more" if len(names) > MOST_SHOWN else ""
    return f"is not known; known are {', '.join(names[:MOST_SHOWN])}{more}"

"""What a scripted caller does: keys and pauses, as `1,2s,#`, and when it hangs up."""

from __future__ import annotations

import re
from dataclasses import dataclass

# Between two keys that stand together.
BETWEEN_S = 0.3
LONGEST_S = 3600.0
MOST_KEYS = 100
_PAUSE = re.compile(r"(\d{1,4}(?:\.\d{1,2})?)s")
_KEYS = re.compile(r"[0-9*#]+")


class ScriptError(ValueError):
    """The message says what the script may be."""


@dataclass(frozen=True, slots=True)
class CallerScript:
    """`keys`: each with how many seconds after the answer it is pressed, in order. `hang_up_s`: when the caller hangs
    up, in seconds after the answer; None: as callers do."""

    keys: tuple[tuple[float, str], ...] = ()
    hang_up_s: float | None = None


def parse_script(keys: str, hang_up_s: float | None) -> CallerScript:
    """`keys`: keys (0-9, *, #) and pauses (`2s`, `0.5s`), parted by commas. Raises `ScriptError`."""
    at, found = 0.0, list[tuple[float, str]]()
    for part in (each.strip() for each in keys.split(",")) if keys.strip() else ():
        if pause := _PAUSE.fullmatch(part):
            at += float(pause[1])
        elif _KEYS.fullmatch(part):
            for key in part:
                at += BETWEEN_S
                found.append((round(at, 3), key))
        else:
            raise ScriptError("keys are 0-9, * and #, with pauses such as 2s, parted by commas: 1,2s,#")
    if len(found) > MOST_KEYS or at > LONGEST_S:
        raise ScriptError(f"keys are at most {MOST_KEYS}, within an hour")
    if hang_up_s is not None and not 0 <= hang_up_s <= LONGEST_S:
        raise ScriptError("the caller hangs up after 0 to 3600 seconds")
    return CallerScript(tuple(found), hang_up_s)

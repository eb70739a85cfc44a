"""What a centre file says of where an organisation may call: `[organisation.destinations]`."""

from __future__ import annotations

import re
from typing import Any, get_args

import msgspec

from callfloor.centre import values
from callfloor.centre.lines import Path
from callfloor.centre.source import Report
from callfloor.centre.values import WRONG, Check, Wrong
from callfloor.contract.destinations import CostlyKind, Destinations
from callfloor.rules.dialling.destinations import whose_code
from callfloor.rules.values.names import unknown

MOST_PREFIXES = 1000
_PREFIX = re.compile(r"\+[1-9][0-9]{0,14}")


def _prefixes(report: Report, path: Path, value: object) -> tuple[str, ...] | Wrong:
    """Beginnings of numbers in E.164, with a country code in front."""
    found: tuple[str, ...] | Wrong = values.texts(report, path, value)
    if found is WRONG:
        return WRONG
    if len(found) > MOST_PREFIXES:
        report.wrong(path, f"has {len(found)} prefixes; at most {MOST_PREFIXES} are taken")
        return WRONG
    plain = tuple(re.sub(r"[ ().-]", "", each) for each in found)
    bad = [index for index, each in enumerate(plain) if not _PREFIX.fullmatch(each) or whose_code(each) is None]
    for index in bad:
        report.wrong((*path, index), "must be how numbers begin in E.164: + and a country code, such as +64 or +61 2")
    return WRONG if bad else plain


def _kinds(report: Report, path: Path, value: object) -> tuple[str, ...] | Wrong:
    found: tuple[str, ...] | Wrong = values.texts(report, path, value)
    if found is WRONG:
        return WRONG
    strange = [(index, each) for index, each in enumerate(found) if each not in get_args(CostlyKind)]
    for index, each in strange:
        report.wrong((*path, index), unknown(each, get_args(CostlyKind)))
    return WRONG if strange else found


def _limit(least: int, most: int) -> Check:
    return values.or_word("none", values.whole(least, most))


_TABLE = values.table(
    {
        "countries": values.countries,
        "prefixes": _prefixes,
        "denied": _prefixes,
        "costly": _kinds,
        "callsPerDay": _limit(0, 100_000_000),
        "minutesPerDay": _limit(0, 100_000_000),
        "agentCallsPerDay": _limit(0, 100_000),
        "agentMinutesPerDay": _limit(0, 1440),
        "longestCallMinutes": values.whole(1, 1440),
        "alarmAt": values.number(0.01, 1),
        "transferToDoNotCall": values.flag,
        "callbacksPerNumber": values.whole(0, 1000),
        "callbacksPerDay": values.whole(0, 100_000_000),
    }
)


def destinations(report: Report, path: Path, value: object) -> Destinations | Wrong:
    """The table as a whole: what it leaves out is as if nobody had said anything."""
    found: Any = _TABLE(report, path, value)
    if found is WRONG or WRONG in found.values():
        return WRONG
    return msgspec.convert({key: each for key, each in found.items() if each is not None}, Destinations)

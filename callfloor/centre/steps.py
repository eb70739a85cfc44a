"""The steps of a workflow in a centre file: each has the keys of its type."""

from __future__ import annotations

from typing import Any, cast, get_args
from urllib.parse import urlsplit

import msgspec

from callfloor.centre import values
from callfloor.centre.lines import Path
from callfloor.centre.source import Report
from callfloor.centre.values import WRONG, Check, Table, Wrong
from callfloor.contract.workflows import (
    DIGITS,
    LEAST_PRIORITY,
    LONGEST_FUNCTION_S,
    MOST_LEVEL,
    MOST_PRIORITY,
    MOST_STEPS,
    Step,
)

LONGEST_URL = 500


def _url(report: Report, path: Path, value: object) -> str | Wrong:
    found: str | Wrong = values.long_text(LONGEST_URL)(report, path, value)
    if found is WRONG:
        return WRONG
    if found.isascii() and found.isprintable() and " " not in found and _is_address(found):
        return found
    report.wrong(path, "must be an address such as https://crm.example.com/route, without user or password")
    return WRONG


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.username is None and parts.port != 0
    except ValueError:
        return False


def _range(report: Report, path: Path, value: object) -> str | Wrong:
    found = values.text(report, path, value)
    if found is WRONG:
        return WRONG
    if len(found) == 3 and found[1] == "-" and found[0] in DIGITS[:10] and found[2] in DIGITS[:10]:
        if found[0] <= found[2]:
            return found
        report.wrong(path, f"is empty; write {found[::-1]}")
    else:
        report.wrong(path, "must be two digits such as 1-5, the least and the greatest answer")
    return WRONG


_PROMPT: dict[str, Check] = {"prompt": values.text}
_NEXT: dict[str, Check] = {"next": values.text}
_ANSWER: dict[str, Check] = {"retries": values.whole(0, 10), "timeoutSeconds": values.number(1, 60)}
_OPTIONS: dict[str, Check] = {"options": values.table(dict.fromkeys(DIGITS, values.text))}
_KEYS: dict[str, dict[str, Check]] = {
    "schedule": {
        "hours": values.calling_hours,
        "timezone": values.zone_name,
        "holidays": values.calendar,
        **dict.fromkeys(("open", "closed", "holiday", "emergency"), values.text),
    },
    "prompt": _PROMPT | _NEXT,
    "menu": {**_PROMPT, **_OPTIONS, **_ANSWER, "onInvalid": values.text, "onTimeout": values.text},
    "set": {
        "priority": values.whole(LEAST_PRIORITY, MOST_PRIORITY),
        "skills": values.mapping(values.whole(0, MOST_LEVEL)),
        **_NEXT,
    },
    "queue": {
        "campaign": values.text,
        "maxWaitSeconds": values.number(1, 24 * 3600),
        "maxLength": values.whole(1, 100_000),
        "announceSeconds": values.number(5, 3600),
        **_PROMPT,
        **_OPTIONS,
        **dict.fromkeys(("onFull", "onTimeout", "onNoAgents"), values.text),
    },
    "voicemail": {**_PROMPT, "campaign": values.text, "longestSeconds": values.number(1, 3600), **_NEXT},
    "callback": {"campaign": values.text, "list": values.text, **_PROMPT, **_NEXT, "onError": values.text},
    "function": {
        "url": _url,
        "timeoutSeconds": values.number(0.1, LONGEST_FUNCTION_S),
        "outcomes": values.mapping(values.text),
        **_NEXT,
        "onError": values.text,
    },
    "survey": {
        "questions": values.tables({"name": values.text, **_PROMPT, "digits": _range}, "name"),
        **_ANSWER,
        **_NEXT,
    },
    "hangup": _PROMPT,
}
_KINDS: dict[str, type[msgspec.Struct]] = {
    str(kind.__struct_config__.tag): kind for kind in cast("tuple[type[msgspec.Struct], ...]", get_args(Step))
}
_CHECKS: dict[str, Check] = {
    kind: values.table({"name": values.text, "type": values.text, **keys}) for kind, keys in _KEYS.items()
}
_TYPE = values.choice(*_KEYS)


def steps(report: Report, path: Path, value: object) -> tuple[Step, ...] | Wrong:
    """An array of tables, one a step; WRONG when any of them is."""
    if not isinstance(value, list) or not value:
        header = ".".join(part for part in path if isinstance(part, str))
        report.wrong(path, f"must be an array of tables ([[{header}]]), one or more")
        return WRONG
    given = cast("list[object]", value)
    if len(given) > MOST_STEPS:
        report.wrong(path, f"are {len(given)}; at most {MOST_STEPS} are taken")
        return WRONG
    found: dict[str, Step] = {}
    for index, each in enumerate(given):
        step = _step(report, (*path, index), each)
        if step is not WRONG:
            if step.name in found:
                report.wrong((*path, index, "name"), "stands here twice")
            found[step.name] = step
    return tuple(found.values()) if len(found) == len(given) else WRONG


def _step(report: Report, path: Path, value: object) -> Step | Wrong:
    if not isinstance(value, dict):
        report.wrong(path, "must be a table")
        return WRONG
    given = cast("dict[str, object]", value)
    if "type" not in given:
        report.wrong(path, f"has no type; write one of {', '.join(_KEYS)}")
        return WRONG
    kind: str | Wrong = _TYPE(report, (*path, "type"), given["type"])
    if kind is WRONG:
        return WRONG
    table: Table = _CHECKS[kind](report, path, given)
    missing = [
        field.encode_name
        for field in msgspec.structs.fields(_KINDS[kind])
        if field.required and field.encode_name not in table
    ]
    for key in missing:
        report.wrong(path, f"has no {key}, which a {kind} step needs")
    for index, question in enumerate(table.right("questions") or ()):
        if "prompt" not in question:
            report.wrong((*path, "questions", index), "has no prompt")
            missing.append("prompt")
    if missing or not _right(table):
        return WRONG
    return msgspec.convert(_plain(table), Step)


def _right(value: Any) -> bool:
    """Whether nothing in it is wrong."""
    if isinstance(value, dict):
        return all(map(_right, cast("dict[str, Any]", value).values()))
    if isinstance(value, list | tuple):
        return all(map(_right, cast("list[Any]", value)))
    return value is not WRONG


def _plain(value: Any) -> Any:
    """Without the tables' paths."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in cast("dict[str, Any]", value).items()}
    return [_plain(each) for each in cast("list[Any]", value)] if isinstance(value, list) else value

"""What goes wrong in a command, as lines for its user."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

USAGE, FAILURE = 2, 1
# What was looked at is whole, and nobody can say whose it is.
UNKNOWN = 3


class CommandError(Exception):
    """A command cannot do what it was asked; the message says why. `code`: the exit code."""

    def __init__(self, message: str, code: int = USAGE) -> None:
        super().__init__(message)
        self.code = code


def explain(error: Exception) -> tuple[list[str], int] | None:
    """What to say of an error, and the exit code; None: it is a fault of the program."""
    error = _innermost(error)
    if isinstance(error, CommandError):
        return [_line(str(error))], error.code
    return _of_input(error) or _of_the_world(error)


def say(error: Exception) -> int | None:
    """Say on standard error what is to be said of an error; the exit code. None: it is a fault of the program, and
    nothing was said."""
    explained = explain(error)
    if explained is None:
        return None
    lines, code = explained
    print("\n".join(lines), file=sys.stderr)
    return code


def _innermost(error: Exception) -> Exception:
    """What a task group, or several, wrapped."""
    if not isinstance(error, ExceptionGroup):
        return error
    group = cast("ExceptionGroup[Exception]", error)
    return _innermost(group.exceptions[0]) if len(group.exceptions) == 1 else group


def _line(text: str) -> str:
    return f"callfloor: {harmless(text.strip().split(chr(10), 1)[0])}"


def harmless(text: str) -> str:
    """One line, without what would steer a terminal."""
    return "".join(each if each.isprintable() else "\ufffd" for each in text)


def _of_input(error: Exception) -> tuple[list[str], int] | None:
    from pydantic import ValidationError

    from callfloor.centre import CentreError
    from callfloor.settings import SettingsError

    if isinstance(error, CentreError):
        count = len(error.mistakes)
        last = f"callfloor: {count} mistake{'' if count == 1 else 's'}; nothing was done"
        return [*map(harmless, error.mistakes), last], USAGE
    if isinstance(error, ValidationError):
        return [_line(_of_setting(each)) for each in error.errors(include_url=False, include_context=False)], USAGE
    if isinstance(error, SettingsError):
        return [_line(str(error))], USAGE
    return None


def _of_setting(fault: Mapping[str, Any]) -> str:
    """What is wrong with a setting, and what is allowed. A value that may hold a secret is not repeated."""
    from callfloor.settings import Settings

    name = str(fault["loc"][0]) if fault["loc"] else "data"
    field = Settings.model_fields.get(name)
    said = _plain(fault)
    shown = "" if field is None or not field.repr else f"{fault['input']!s:.100}: "
    return f"{Settings.option(name)}: {shown}{said}"


def _plain(fault: Mapping[str, Any]) -> str:
    """What is allowed, in words that are no programmer's."""
    from callfloor.settings import Settings

    kind = str(fault["type"])
    if kind in ("int_parsing", "int_from_float"):
        return "must be a whole number"
    if kind == "float_parsing":
        return "must be a number"
    if kind == "bool_parsing":
        return "must be true or false"
    field = Settings.model_fields.get(str(fault["loc"][0])) if fault["loc"] else None
    if kind == "string_pattern_mismatch" and field is not None:
        return f"is not written as it has to be: {field.description}"
    return str(fault["msg"]).removeprefix("Value error, ").replace("Input should", "must")


def _of_the_world(error: Exception) -> tuple[list[str], int] | None:
    import httpx2

    from callfloor.errors import Problem
    from callfloor.media.errors import BlobConfigError
    from callfloor.postgres.server import EmbeddedServerError
    from callfloor.rules.privacy.wrapping import KeyUnusable
    from callfloor.serve import ServeError
    from callfloor.store.db.faults import REFUSALS
    from callfloor.store.db.migrate import MigrationError

    if isinstance(error, (EmbeddedServerError, MigrationError, ServeError, BlobConfigError, KeyUnusable)):
        said = str(error)
    elif isinstance(error, Problem):
        reason = _reason(error.__cause__) if error.__cause__ is not None else ""
        said = f"{error.detail}{reason and f' Reason: {reason}'}"
    elif isinstance(error, httpx2.HTTPError):
        said = f"the server cannot be reached: {_reason(error)}"
    elif isinstance(error, (*REFUSALS, ConnectionError, TimeoutError)):
        said = f"the database cannot be used: {_reason(error)}"
    elif isinstance(error, OSError):
        said = _reason(error)
    else:
        return None
    return [_line(said)], FAILURE


def _reason(error: BaseException) -> str:
    # only the first line: a detail of PostgreSQL may quote data
    text = str(error).strip().split("\n", 1)[0]
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        text = f"{Path(str(error.filename))}: {error.strerror}"
    return text or type(error).__name__

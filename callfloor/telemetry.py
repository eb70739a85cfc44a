"""Logs: JSON lines on standard error. None carries tokens, numbers or bodies."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, BinaryIO, cast

import msgspec
import structlog

# What goes on and on is written so often, in seconds.
SELDOM_S = 60.0


def _render(_logger: object, _name: str, event: Any) -> bytes:
    return msgspec.json.encode(event)


class _Lines:
    """Where lines go. One that cannot be written, for a full disk or a terminal that is gone, stops no work."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, line: bytes) -> int:
        with suppress(OSError):
            self._file.write(line)
        return len(line)

    def flush(self) -> None:
        with suppress(OSError):
            self._file.flush()


class _Libraries(logging.Handler):
    """What libraries warn of, a line each: which one, in its own words without what it puts into them, and the kind of
    error. Its traceback and arguments may hold what customers said."""

    def emit(self, record: logging.LogRecord) -> None:
        fault = record.exc_info[0] if record.exc_info else None
        more = {} if fault is None else {"kind": fault.__name__}
        said = record.msg if isinstance(record.msg, str) else type(record.msg).__name__
        structlog.get_logger("callfloor.library").log(record.levelno, "library", logger=record.name, says=said, **more)


class Seldom:
    """Which lines are written of those that come again each second for as long as something is away: one of a kind a
    minute. `now`: seconds."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._written: dict[str, float] = {}

    def is_due(self, kind: str) -> bool:
        """Whether to write a line of that kind now."""
        now, last = self._now(), self._written.get(kind)
        if last is not None and now - last < SELDOM_S:
            return False
        self._written[kind] = now
        return True


def configure_logs(level: int = logging.INFO) -> None:
    """Log to standard error, a JSON object a line."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.BytesLoggerFactory(cast(BinaryIO, _Lines(sys.stderr.buffer))),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(handlers=[_Libraries()], level=logging.WARNING, force=True)

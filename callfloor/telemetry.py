"""Logs: JSON lines on standard error. None carries tokens, numbers or bodies."""

from __future__ import annotations

import logging
import sys
from contextlib import suppress
from typing import Any, BinaryIO, cast

import msgspec
import structlog


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

"""Logs (JSON lines on standard error) and metrics (Prometheus). Neither carries tokens, numbers or bodies."""

from __future__ import annotations

import logging
import sys
from contextlib import suppress
from typing import Any, BinaryIO, cast

import msgspec
import structlog
from prometheus_client import Counter, Histogram

REQUESTS = Counter("callfloor_api_requests_total", "Requests to the Platform API.", ("operation", "status"))
SECONDS = Histogram(
    "callfloor_api_request_seconds",
    "Time to answer a request to the Platform API.",
    ("operation",),
    buckets=(0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30),
)
DESTINATIONS_REFUSED = Counter(
    "callfloor_destinations_refused_total", "Calls that the destination policy refused, by reason.", ("reason",)
)
DESTINATION_ALARMS = Counter(
    "callfloor_destination_alarms_total",
    "Limits of the destination policy that are near or used up.",
    ("limit", "state"),
)
_children: dict[tuple[str, int], Counter] = {}
_times: dict[str, Histogram] = {}


def observe(operation: str, status: int, seconds: float) -> None:
    """Count one request."""
    key = (operation, status)
    counter = _children.get(key)
    if counter is None:
        counter = _children[key] = REQUESTS.labels(operation, str(status))
        _times.setdefault(operation, SECONDS.labels(operation))
    counter.inc()
    _times[operation].observe(seconds)


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

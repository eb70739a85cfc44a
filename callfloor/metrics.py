"""What Prometheus reads, of every process (docs/metrics.md has the table). No label carries a token, number or name.

Each process counts for itself; whoever answers `/metrics` adds up all processes of its server. Gauges are of the
processes that live.
"""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

REQUESTS = Counter("callfloor_api_requests_total", "Requests to the Platform API.", ("operation", "status"))
SECONDS = Histogram(
    "callfloor_api_request_seconds",
    "Time to answer a request to the Platform API.",
    ("operation",),
    buckets=(0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30),
)
PROCESSES = Gauge("callfloor_processes", "Processes that serve, by kind.", ("kind",), multiprocess_mode="livesum")

# The floor

CAMPAIGNS = Gauge("callfloor_floor_campaigns", "Campaigns that this floor leads.", multiprocess_mode="livesum")
CALLS = Gauge("callfloor_floor_calls", "Calls now, by direction.", ("direction",), multiprocess_mode="livesum")
WAITING = Gauge("callfloor_floor_callers_waiting", "Callers in a queue now.", multiprocess_mode="livesum")
AGENTS = Gauge("callfloor_floor_agents", "Agents on this floor now, by state.", ("state",), multiprocess_mode="livesum")
PLACED = Counter("callfloor_floor_attempts_total", "Leads that the floor took to dial.")
ANSWERED = Counter("callfloor_floor_answered_total", "Dialled calls that were answered.")
CONNECTED = Counter("callfloor_floor_connected_total", "Dialled calls that came to an agent.")
ENDED = Counter("callfloor_floor_ended_total", "Dialled calls that are over, by dial status.", ("status",))
CALLERS = Counter("callfloor_floor_inbound_total", "Calls that came in.")
DESTINATIONS_REFUSED = Counter(
    "callfloor_destinations_refused_total", "Calls that the destination policy refused, by reason.", ("reason",)
)
DESTINATION_ALARMS = Counter(
    "callfloor_destination_alarms_total",
    "Limits of the destination policy that are near or used up.",
    ("limit", "state"),
)
JOURNAL = Gauge(
    "callfloor_floor_writes_waiting", "Writes of the floor on their way to the database.", multiprocess_mode="livesum"
)
JOURNAL_REFUSED = Counter("callfloor_floor_writes_refused_total", "Writes of the floor that the database refused.")

# Jobs

IMPORTS = Gauge("callfloor_imports_open", "Imports that have work left.", multiprocess_mode="livemax")
CHUNKS = Counter("callfloor_import_chunks_total", "Chunks of imports, by what became of them.", ("outcome",))
CHUNK_SECONDS = Histogram(
    "callfloor_import_chunk_seconds",
    "Time to import a chunk.",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
ROWS = Counter("callfloor_import_rows_total", "Rows of imports, by what became of them.", ("result",))
JOBS = Counter("callfloor_job_runs_total", "Runs of jobs, by job and whether they did their work.", ("job", "outcome"))

STORAGE = Gauge(
    "callfloor_storage_bytes", "What organisations keep, as it was counted last.", ("of",), multiprocess_mode="livemax"
)
QUOTA_REFUSED = Counter("callfloor_quota_refused_total", "Writes that a quota refused, by quota.", ("quota",))

# Mail

RECEIVED = Counter("callfloor_mail_received_total", "Messages that were taken for the first time.", ("way",))
SENT = Counter("callfloor_mail_sent_total", "Tries to send an answer, by outcome.", ("outcome",))
FETCHES = Counter("callfloor_mail_fetches_total", "Rounds of mailboxes, by outcome.", ("outcome",))

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

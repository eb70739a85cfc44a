"""Settings of the embedded server, fitted to the machine it runs on."""

from __future__ import annotations

import os
from pathlib import Path

# Where a container's memory limit stands (cgroup 2, cgroup 1).
MEMORY_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


def memory_mb() -> int:
    """Memory that this process may use, in MiB: the machine's, or the container's limit when that is less."""
    found = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    for path in MEMORY_LIMITS:
        try:
            text = path.read_text("utf-8").strip()
        except OSError:
            continue
        if text.isdigit():
            found = min(found, int(text))
    return found >> 20


def server_settings(socket_folder: Path, port: int, *, lz4: bool, fsync: bool) -> str:
    """The text of the include file. `socket_folder` holds no quote and no comma."""
    memory = memory_mb()
    settings = {
        "listen_addresses": "''",
        "port": str(port),
        "unix_socket_directories": f"'\"{socket_folder}\"'",
        "unix_socket_permissions": "0700",
        "max_connections": "200",
        "shared_buffers": f"{max(64, min(memory // 8, 1024))}MB",
        "effective_cache_size": f"{max(64, memory // 2)}MB",
        "work_mem": "16MB",
        "maintenance_work_mem": f"{max(16, min(memory // 16, 256))}MB",
        "fsync": "on" if fsync else "off",
        "wal_compression": "lz4" if lz4 else "pglz",
        "max_wal_size": "4GB",
        "checkpoint_timeout": "15min",
        "checkpoint_completion_target": "0.9",
        "random_page_cost": "1.1",
        "jit": "off",
        "timezone": "'UTC'",
        "log_timezone": "'UTC'",
        "idle_in_transaction_session_timeout": "5min",
        # The log must not carry what statements, parameters and rows hold.
        "log_destination": "'stderr'",
        "logging_collector": "off",
        "log_error_verbosity": "terse",
        "log_min_messages": "warning",
        "log_min_error_statement": "panic",
        "log_parameter_max_length_on_error": "0",
    }
    head = "# Written by Callfloor at every start. Make your own settings with ALTER SYSTEM.\n"
    return head + "".join(f"{name} = {value}\n" for name, value in settings.items())

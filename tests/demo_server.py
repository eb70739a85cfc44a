"""`callfloor demo` as a process, with people who are quick."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def demo(data: Path, callers: int = 120, **more: str) -> Iterator[list[str]]:
    """The lines that the demo prints up to the last; it is stopped by Ctrl-C. `callers`: that call in a minute.
    `more`: environment variables."""
    quick = {"CALLFLOOR_PORT": "0", "CALLFLOOR_CARRIER_PACE": "40", "CALLFLOOR_SIMULATED_CALLERS": str(callers)}
    process = subprocess.Popen(
        [sys.executable, "-m", "callfloor", "demo", "--data", str(data)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=os.environ | quick | more,
    )
    assert process.stdout is not None
    try:
        lines: list[str] = []
        for line in process.stdout:
            lines.append(line.rstrip("\n"))
            if line.startswith("reference:"):
                break
        yield lines
    finally:
        process.send_signal(signal.SIGINT)
        code = process.wait(60)
        process.stdout.close()
    assert code == 0

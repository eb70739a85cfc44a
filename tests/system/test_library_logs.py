"""What a library warns of is a line of JSON like every other, without the data that it speaks of."""

from __future__ import annotations

import json
import subprocess
import sys

SAYS = """
import logging
from callfloor.telemetry import configure_logs
configure_logs()
try:
    raise ValueError("+61491570156 asked")
except ValueError:
    logging.getLogger("asyncpg.pool").warning("gone: %s", "+61491570156", exc_info=True)
logging.getLogger("asyncpg.pool").info("not told")
"""


def test_a_library_s_warning_is_one_line_without_data() -> None:
    done = subprocess.run([sys.executable, "-c", SAYS], capture_output=True, text=True, check=True)
    (line,) = done.stderr.splitlines()
    said = json.loads(line)
    assert said.pop("timestamp")
    assert said == {
        "event": "library", "level": "warning", "logger": "asyncpg.pool", "says": "gone: %s", "kind": "ValueError",
    }  # fmt: skip

"""`make test-fast`: every test, and what failed once more, alone. What then passes is printed as flaky, by name.

Real telephones and kill -9 on two busy cores: a test may fail for want of time beside others. Such a test is named, so
that it is hunted (CONTRIBUTING.md says how), and one that fails alone too fails the run.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

FAILED = Path(".pytest_cache/v/cache/lastfailed")
# two cores; the longest tests come first, and an idle worker takes from the other's
BESIDE = ("-n", "2", "--dist", "worksteal")
AGAIN = ("--last-failed", "--last-failed-no-failures", "none")
TESTS_FAILED = 1


def _pytest(*arguments: str) -> int:
    return subprocess.run([sys.executable, "-m", "pytest", *arguments]).returncode


def main(arguments: list[str]) -> int:
    """pytest's exit status. `arguments` go to it."""
    first = _pytest(*BESIDE, *arguments)
    if first != TESTS_FAILED:
        return first
    failed: list[str] = sorted(json.loads(FAILED.read_text("utf-8")))
    again = _pytest(*AGAIN, *arguments)
    left: set[str] = set(json.loads(FAILED.read_text("utf-8"))) if FAILED.exists() else set()
    for name in failed:
        if name not in left:
            print(f"FLAKY {name}: failed beside others, passed alone")
    return again


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

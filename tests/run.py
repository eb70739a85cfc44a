"""`make test`: every test, and what failed once more, alone. What then passes is printed as flaky, by name.

Real telephones and kill -9 on two busy cores: a test may fail for want of time beside others. Such a test is named, so
that it is hunted (CONTRIBUTING.md says how), and one that fails alone too fails the run.

`--beside TARGET` makes a target of the Makefile meanwhile, at a lower priority. What it says stands together, once it
is done; where it fails the run does.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

FAILED = Path(".pytest_cache/v/cache/lastfailed")
# Two cores, four workers: half of what takes long waits, for real calls, processes that are killed and pages. Those
# tests are at the front of two workers (tests/order.py); whoever is idle takes from the end of another's.
BESIDE = ("-n", "4", "--dist", "worksteal")
AGAIN = ("--last-failed", "--last-failed-no-failures", "none")
TESTS_FAILED = 1


def _pytest(*arguments: str) -> int:
    return subprocess.run([sys.executable, "-m", "pytest", *arguments]).returncode


def _make(target: str, failed: list[str]) -> None:
    made = subprocess.run(
        ["nice", "-n", "5", "make", "--no-print-directory", target],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if made.returncode:
        failed.append(target)
    said = "failed" if made.returncode else "passed"
    print(f"\n=== make {target}: {said}\n{made.stdout}===", flush=True)


@contextmanager
def _meanwhile(targets: list[str]) -> Generator[list[str]]:
    """Make the targets, one after the other. The list has those that failed, once the block is left."""
    failed: list[str] = []

    def all_of_them() -> None:
        for target in targets:
            _make(target, failed)

    thread = Thread(target=all_of_them)
    thread.start()
    try:
        yield failed
    finally:
        thread.join()


def _tests(arguments: list[str]) -> int:
    """pytest's exit status."""
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


def main(arguments: list[str]) -> int:
    """The exit status: pytest's, or that something beside failed. All but `--beside TARGET` goes to pytest."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--beside", action="append", default=[])
    ours, theirs = parser.parse_known_args(arguments)
    with _meanwhile(ours.beside) as failed:
        status = _tests(theirs)
    for target in failed:
        print(f"FAILED make {target}: what it said stands above")
    return status or int(bool(failed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

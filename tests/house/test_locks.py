"""What is installed is what was tested: both locks hold the same versions."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
VERSION = re.compile(r"^([A-Za-z0-9_.-]+)==([^\s;\\]+)", re.MULTILINE)


def locked(name: str) -> dict[str, str]:
    return dict(VERSION.findall((ROOT / name).read_text("utf-8")))


def test_the_tests_run_on_the_versions_that_users_get() -> None:
    users, tests = locked("requirements.lock"), locked("requirements-dev.lock")
    assert users
    assert {name: tests.get(name) for name in users} == users

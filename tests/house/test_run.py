"""A test that fails beside others and passes alone is named at the end; one that fails alone too fails the run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ONCE = """
from pathlib import Path

def test_fails_the_first_time():
    seen = Path("seen")
    if not seen.exists():
        seen.touch()
        raise AssertionError("beside others")

def test_passes():
    pass
"""
ALWAYS = (
    ONCE
    + """
def test_fails_always():
    raise AssertionError("alone too")
"""
)


@pytest.mark.parametrize(("tests", "status"), [(ONCE, 0), (ALWAYS, 1)])
def test_what_passes_alone_is_named(tmp_path: Path, tests: str, status: int) -> None:
    (tmp_path / "test_some.py").write_text(tests)
    command = [sys.executable, "-m", "tests.run", "-c", os.devnull, "--rootdir", str(tmp_path), str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == status, ran.stdout
    (flaky,) = [line for line in ran.stdout.splitlines() if line.startswith("FLAKY")]
    assert "test_fails_the_first_time" in flaky

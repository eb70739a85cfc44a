"""What passes alone only is named at the end; what fails alone too fails the run, as does what is made beside it."""

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


MAKEFILE = "wrong:\n\t@echo what is wrong; false\n"


@pytest.mark.parametrize(
    ("tests", "beside", "status"), [(ONCE, [], 0), (ALWAYS, [], 1), (ONCE, ["--beside", "wrong"], 1)]
)
def test_what_passes_alone_is_named(tmp_path: Path, tests: str, beside: list[str], status: int) -> None:
    (tmp_path / "test_some.py").write_text(tests)
    (tmp_path / "Makefile").write_text(MAKEFILE)
    command = [sys.executable, "-m", "tests.run", *beside, "-n", "1", "-p", "xdist", "-c", os.devnull]
    # nothing but what the run itself needs is loaded
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    ran = subprocess.run(
        [*command, "--rootdir", str(tmp_path), str(tmp_path)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == status, ran.stdout
    (flaky,) = [line for line in ran.stdout.splitlines() if line.startswith("FLAKY")]
    assert "test_fails_the_first_time" in flaky
    assert ("what is wrong" in ran.stdout) == bool(beside)
    assert ran.stdout.endswith("FAILED make wrong: what it said stands above\n") == bool(beside)

"""`callfloor media`."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Run, assert_refused


def test_verifying_says_how_many_are_right(run: Run) -> None:
    done = run("media", "verify")
    assert (done.returncode, done.stdout) == (0, "0 checked, all of them as they were stored\n")


def test_encrypting_needs_a_key(run: Run) -> None:
    assert_refused(run("media", "encrypt"), 2, "CALLFLOOR_MEDIA_KEY")


def test_encrypting_again_does_nothing(run: Run, tmp_path: Path) -> None:
    for _ in range(2):
        done = run("media", "encrypt", "--media-url", tmp_path, CALLFLOOR_MEDIA_KEY="ab" * 32)
        assert (done.returncode, done.stdout) == (0, "0 encrypted; from now on nothing in plain is served\n")

"""The sample files that the documents work with are printed, and can be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from callfloor.centre import parse
from callfloor.samples import SAMPLE_LEADS
from callfloor.simulation.scenario import read
from tests.cli.conftest import callfloor


@pytest.mark.parametrize("name", ["centre.toml", "leads.csv", "scenario.toml"])
def test_a_sample_is_printed_and_can_be_used(name: str) -> None:
    done = callfloor("sample", name)
    assert done.returncode == 0, done.stderr
    if name == "scenario.toml":
        read(parse(done.stdout, name))
    elif name == "centre.toml":
        assert parse(done.stdout, name)
    else:
        assert len(done.stdout.splitlines()) == SAMPLE_LEADS + 1


def test_the_readme_names_no_file_that_is_not_printed_by_a_command() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
    for name in ("centre.toml", "leads.csv", "scenario.toml"):
        assert name in readme
    assert "callfloor sample" in readme

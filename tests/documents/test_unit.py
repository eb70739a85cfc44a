"""The systemd unit that the guide advises is one that systemd takes, and lets the product do what it must."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from callfloor.settings import Settings

UNIT = Path(__file__).parents[2] / "packaging/systemd/callfloor.service"
TEXT = UNIT.read_text("utf-8")


def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("there is no systemd-analyze: Debian's package systemd has it")
    here = tmp_path / UNIT.name
    # it wants a program that is there
    here.write_text(TEXT.replace("/opt/callfloor/.venv/bin/callfloor", "/bin/true"))
    done = subprocess.run(["systemd-analyze", "verify", str(here)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_unit_leaves_the_product_what_it_needs() -> None:
    said = dict(re.findall(r"^(\w+)=(.*)$", TEXT, re.MULTILINE))
    settings = set(re.findall(r"^Environment=CALLFLOOR_(\w+)=", TEXT, re.MULTILINE))
    assert {name.lower() for name in settings} <= Settings.model_fields.keys()
    # its folder is one that systemd makes, and the only one beside /tmp
    assert f"CALLFLOOR_DATA=/var/lib/{said['StateDirectory']}/" in said["Environment"]
    assert said["PrivateTmp"] == "yes"
    # sockets of PostgreSQL and of names; what a resolver asks of the kernel
    assert {"AF_UNIX", "AF_INET", "AF_INET6"} <= set(said["RestrictAddressFamilies"].split())
    # the parent stops the others itself, and PostgreSQL gets the time it may take
    assert said["KillMode"] == "mixed"
    assert int(said["TimeoutStopSec"]) > 120
    assert said["User"] == "callfloor"
    # a wrong setting is wrong the next time too; and of a process that is there once it runs, no start takes time
    assert said["RestartPreventExitStatus"] == "2"
    assert (said["Type"], "TimeoutStartSec" in said) == ("exec", False)
    # memory that is written and run: what speeds ffi up needs it, and the unit must not say so
    assert "MemoryDenyWriteExecute" not in said


def test_the_operators_guide_has_every_setting() -> None:
    """In its table, or on a page that it sends its reader to for them."""
    docs = UNIT.parents[2] / "docs"
    guide = (docs / "operations.md").read_text("utf-8")
    settings = guide.partition("## Settings\n")[2].partition("\n## ")[0]
    linked = set(re.findall(r"\]\((\w+\.md)", settings))
    pages = [settings, *((docs / name).read_text("utf-8") for name in sorted(linked))]
    # of a row's second variable what it shares with the first is left out: `CALLFLOOR_X_USER`, `…_PASSWORD`
    named = {each for page in pages for each in re.findall(r"CALLFLOOR_[A-Z_]+|(?<=…)_[A-Z_]+", page)}
    missing = [
        name for name in Settings.model_fields if not any(f"CALLFLOOR_{name.upper()}".endswith(each) for each in named)
    ]
    assert not missing


def test_the_guide_names_the_unit() -> None:
    guide = (UNIT.parents[2] / "docs/hardening.md").read_text("utf-8")
    assert os.path.relpath(UNIT, UNIT.parents[2]) in guide

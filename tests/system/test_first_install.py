"""`make` on a machine that lacks something says what, and works when it is there; a half-made environment is no end."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# A project that is installed without any registry, and whose demo says that it runs.
PROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]

[project]
name = "callfloor"
version = "0"
"""
BACKEND = """
import zipfile

FILES = {
    "trial.py": "def main() -> None:\\n    print('the demo runs')\\n",
    "callfloor-0.dist-info/METADATA": "Metadata-Version: 2.1\\nName: callfloor\\nVersion: 0\\n",
    "callfloor-0.dist-info/WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    "callfloor-0.dist-info/entry_points.txt": "[console_scripts]\\ncallfloor = trial:main\\n",
}


def build_editable(folder, config_settings=None, metadata_directory=None):
    record = "".join(f"{name},,\\n" for name in [*FILES, "callfloor-0.dist-info/RECORD"])
    with zipfile.ZipFile(f"{folder}/callfloor-0-py3-none-any.whl", "w") as wheel:
        for name, text in (FILES | {"callfloor-0.dist-info/RECORD": record}).items():
            wheel.writestr(name, text)
    return "callfloor-0-py3-none-any.whl"
"""
# The tests may run in an environment themselves.
PYTHON = getattr(sys, "_base_executable", sys.executable)
# What Debian's python3.11 does without the package python3.11-venv.
WITHOUT_VENV = """
    #!/bin/sh
    if [ "$1" = -m ] && [ "$2" = venv ]; then
        {python} -m venv --without-pip "$3"
        echo "The virtual environment was not created successfully because ensurepip is not
    available. On Debian/Ubuntu systems, you need to install the python3-venv
    package using the following command." >&2
        exit 1
    fi
    exec {python} "$@"
"""
WHOLE = """
    #!/bin/sh
    exec {python} "$@"
"""
TOO_OLD = """
    #!/bin/sh
    case "$*" in *version_info*) exit 1;; esac
    exec {python} "$@"
"""


class Machine:
    """A checkout, and a PATH with a python3.11 that can be exchanged."""

    def __init__(self, folder: Path) -> None:
        self.checkout, self._bin = folder / "checkout", folder / "bin"
        self.checkout.mkdir()
        self._bin.mkdir()
        shutil.copy(ROOT / "Makefile", self.checkout)
        for name, text in {"requirements.lock": "", "pyproject.toml": PROJECT, "backend.py": BACKEND}.items():
            (self.checkout / name).write_text(text)

    def has(self, script: str | None) -> None:
        """Its python3.11 is this script; None: a whole one."""
        python = self._bin / "python3.11"
        python.write_text(textwrap.dedent(script or WHOLE).lstrip().format(python=PYTHON))
        python.chmod(0o755)

    def make_demo(self) -> tuple[int, str]:
        made = subprocess.run(
            ["make", "demo"],
            cwd=self.checkout,
            env={"PATH": f"{self._bin}:{os.environ['PATH']}", "HOME": str(self.checkout), "PIP_NO_INDEX": "1"},
            capture_output=True,
            text=True,
        )
        return made.returncode, made.stdout + made.stderr


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    if shutil.which("make") is None:
        pytest.skip("there is no make")
    return Machine(tmp_path)


def test_who_lacks_venv_hears_its_name_installs_it_and_runs_the_same_command_again(machine: Machine) -> None:
    machine.has(WITHOUT_VENV)
    for _ in range(2):
        code, said = machine.make_demo()
        assert code != 0
        assert "apt install python3-venv" in said
        assert "the demo runs" not in said
    machine.has(None)
    code, said = machine.make_demo()
    assert (code, "the demo runs" in said) == (0, True), said


def test_an_environment_that_was_cut_off_in_the_making_is_made_anew(machine: Machine) -> None:
    machine.has(None)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(machine.checkout / ".venv")], check=True)
    code, said = machine.make_demo()
    assert (code, "the demo runs" in said) == (0, True), said


def test_an_older_python_is_refused_with_the_way_to_name_another(machine: Machine) -> None:
    machine.has(TOO_OLD)
    code, said = machine.make_demo()
    assert code != 0
    assert "Python 3.11 or newer is needed: make PYTHON=" in said


def test_the_readme_names_what_must_be_there_before() -> None:
    assert "apt install make python3-venv" in (ROOT / "README.md").read_text("utf-8")

